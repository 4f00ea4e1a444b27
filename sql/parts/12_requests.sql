-- What was sent: counters in shared memory. Everybody may read them; they are set to
-- zero by administrators.

CREATE FUNCTION tiktok.stat_requests(
	OUT server text,
	OUT endpoint text,
	OUT requests bigint,
	OUT retries bigint,
	OUT throttled_ms bigint,
	OUT wire_bytes bigint,
	OUT rows bigint,
	OUT errors bigint,
	OUT timeouts bigint,
	OUT rate_limit integer,
	OUT rate_limit_server text,
	OUT rate_limit_database text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_stat_requests'
LANGUAGE C VOLATILE STRICT ROWS 20;
COMMENT ON FUNCTION tiktok.stat_requests() IS
'requests sent; see view tiktok.stat_requests';

CREATE VIEW tiktok.stat_requests AS
	SELECT r.server, r.endpoint, r.requests, r.retries, r.throttled_ms, r.wire_bytes,
		r.rows, r.errors, r.timeouts, r.rate_limit, r.rate_limit_server, r.rate_limit_database
	FROM tiktok.stat_requests() AS r;
COMMENT ON VIEW tiktok.stat_requests IS
'requests sent by all sessions of this database since the last start or reset';
COMMENT ON COLUMN tiktok.stat_requests.server IS
'foreign server';
COMMENT ON COLUMN tiktok.stat_requests.endpoint IS
'endpoint of the API, below the base URL';
COMMENT ON COLUMN tiktok.stat_requests.requests IS
'requests sent, tries again included';
COMMENT ON COLUMN tiktok.stat_requests.retries IS
'tries again';
COMMENT ON COLUMN tiktok.stat_requests.throttled_ms IS
'milliseconds spent waiting for the rate limit';
COMMENT ON COLUMN tiktok.stat_requests.wire_bytes IS
'bytes received, as compressed';
COMMENT ON COLUMN tiktok.stat_requests.rows IS
'rows in replies';
COMMENT ON COLUMN tiktok.stat_requests.errors IS
'requests that failed and replies with an error code';
COMMENT ON COLUMN tiktok.stat_requests.timeouts IS
'of these, requests that were not answered in time';
COMMENT ON COLUMN tiktok.stat_requests.rate_limit IS
'requests per second that servers of this owner may send for the app asked last; null: none was used within the last minute';
COMMENT ON COLUMN tiktok.stat_requests.rate_limit_server IS
'foreign server whose option rate_limit that is; null: one of another database';
COMMENT ON COLUMN tiktok.stat_requests.rate_limit_database IS
'database of that server';

GRANT SELECT ON tiktok.stat_requests TO PUBLIC;

CREATE FUNCTION tiktok.stat_requests_reset()
RETURNS void
AS 'MODULE_PATHNAME', 'tiktok_stat_requests_reset'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok.stat_requests_reset() IS
'sets the counters of tiktok.stat_requests to zero';

REVOKE ALL ON FUNCTION tiktok.stat_requests_reset() FROM PUBLIC;
