-- What was sent: counters in shared memory. Everybody may read them; they are set to
-- zero by administrators. And what is being done now: of others' sessions, who may see
-- those in pg_stat_activity.

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

CREATE FUNCTION tiktok.stat_activity(
	OUT pid integer,
	OUT server text,
	OUT relation regclass,
	OUT started timestamptz,
	OUT requests bigint,
	OUT in_flight bigint,
	OUT planned bigint,
	OUT rows bigint,
	OUT waiting text,
	OUT waiting_since timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_stat_activity'
LANGUAGE C VOLATILE STRICT ROWS 10;
COMMENT ON FUNCTION tiktok.stat_activity() IS
'scans that run now; see view tiktok.stat_activity';

CREATE VIEW tiktok.stat_activity AS
	SELECT a.pid, a.server, a.relation, a.started, a.requests, a.in_flight, a.planned, a.rows,
		a.waiting, a.waiting_since
	FROM tiktok.stat_activity() AS a;
COMMENT ON VIEW tiktok.stat_activity IS
'scans of foreign tables that run now, in all sessions of this database; of other roles only the pid, unless one may read all statistics';
COMMENT ON COLUMN tiktok.stat_activity.pid IS
'process of the session, as in pg_stat_activity';
COMMENT ON COLUMN tiktok.stat_activity.server IS
'foreign server';
COMMENT ON COLUMN tiktok.stat_activity.relation IS
'foreign table';
COMMENT ON COLUMN tiktok.stat_activity.started IS
'when the scan began';
COMMENT ON COLUMN tiktok.stat_activity.requests IS
'requests that are done, tries again included';
COMMENT ON COLUMN tiktok.stat_activity.in_flight IS
'requests that are under way';
COMMENT ON COLUMN tiktok.stat_activity.planned IS
'requests that the scan takes as far as is known, those done included; grows as first pages tell of others';
COMMENT ON COLUMN tiktok.stat_activity.rows IS
'rows received';
COMMENT ON COLUMN tiktok.stat_activity.waiting IS
'for what the scan waits: reply, rate limit, pause (before a try again), same request (that is under way elsewhere), slot (other scans of the session have all of the concurrency), query (which uses the rows, or has not asked yet)';
COMMENT ON COLUMN tiktok.stat_activity.waiting_since IS
'since when';

GRANT SELECT ON tiktok.stat_activity TO PUBLIC;
