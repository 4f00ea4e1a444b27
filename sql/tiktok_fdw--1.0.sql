/* tiktok_fdw 1.0: the objects of schema tiktok */

\echo Use "CREATE EXTENSION tiktok_fdw" to load this file. \quit

-- ---- the foreign-data wrapper ----------------------------------------------

CREATE FUNCTION tiktok.tiktok_fdw_handler()
RETURNS fdw_handler
AS 'MODULE_PATHNAME', 'tiktok_fdw_handler'
LANGUAGE C STRICT;
COMMENT ON FUNCTION tiktok.tiktok_fdw_handler() IS
'handler of the foreign-data wrapper tiktok_fdw';

CREATE FUNCTION tiktok.tiktok_fdw_validator(options text[], catalog oid)
RETURNS void
AS 'MODULE_PATHNAME', 'tiktok_fdw_validator'
LANGUAGE C STRICT;
COMMENT ON FUNCTION tiktok.tiktok_fdw_validator(text[], oid) IS
'checks the options of servers, user mappings, foreign tables and columns';

CREATE FOREIGN DATA WRAPPER tiktok_fdw
	HANDLER tiktok.tiktok_fdw_handler
	VALIDATOR tiktok.tiktok_fdw_validator;
COMMENT ON FOREIGN DATA WRAPPER tiktok_fdw IS
'TikTok''s Marketing API';

-- ---- the catalogue: what there is to read -----------------------------------

CREATE FUNCTION tiktok.streams(
	OUT name text,
	OUT seed_name text,
	OUT endpoint text,
	OUT kind text,
	OUT key_columns text[],
	OUT cursor_column text,
	OUT environments text[],
	OUT note text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_streams'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 36;
COMMENT ON FUNCTION tiktok.streams() IS
'the streams; see view tiktok.streams';

CREATE VIEW tiktok.streams AS
	SELECT s.name, s.seed_name, s.endpoint, s.kind, s.key_columns, s.cursor_column,
		s.environments, s.note
	FROM tiktok.streams() AS s;
COMMENT ON VIEW tiktok.streams IS
'what IMPORT FOREIGN SCHEMA tiktok offers: one foreign table for each row';
COMMENT ON COLUMN tiktok.streams.name IS
'name of the stream and of the foreign table';
COMMENT ON COLUMN tiktok.streams.seed_name IS
'what connectors call the stream';
COMMENT ON COLUMN tiktok.streams.endpoint IS
'where it is read, below the base URL';
COMMENT ON COLUMN tiktok.streams.kind IS
'account, entity, audience, asset, report or audience_report';
COMMENT ON COLUMN tiktok.streams.key_columns IS
'with advertiser_id, what identifies a row';
COMMENT ON COLUMN tiktok.streams.cursor_column IS
'the column that new and changed rows can be told by; NULL if there is none';
COMMENT ON COLUMN tiktok.streams.environments IS
'where the stream can be read: production, sandbox';
COMMENT ON COLUMN tiktok.streams.note IS
'what to know before using it';

CREATE FUNCTION tiktok.stream_columns(
	OUT stream text,
	OUT ordinal integer,
	OUT name text,
	OUT type text,
	OUT path text,
	OUT description text,
	OUT additive boolean,
	OUT pushdown text,
	OUT doubt text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_stream_columns'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 2000;
COMMENT ON FUNCTION tiktok.stream_columns() IS
'the columns of the streams; see view tiktok.stream_columns';

CREATE VIEW tiktok.stream_columns AS
	SELECT c.stream, c.ordinal, c.name, c.type, c.path, c.description, c.additive,
		c.pushdown, c.doubt
	FROM tiktok.stream_columns() AS c;
COMMENT ON VIEW tiktok.stream_columns IS
'the columns of each stream, as IMPORT FOREIGN SCHEMA tiktok lists them';
COMMENT ON COLUMN tiktok.stream_columns.stream IS
'the stream, a row of tiktok.streams';
COMMENT ON COLUMN tiktok.stream_columns.ordinal IS
'position in the foreign table, from 1';
COMMENT ON COLUMN tiktok.stream_columns.name IS
'name of the column';
COMMENT ON COLUMN tiktok.stream_columns.type IS
'its PostgreSQL type';
COMMENT ON COLUMN tiktok.stream_columns.path IS
'where the value stands in a row of the API; NULL if it is filled in from the request';
COMMENT ON COLUMN tiktok.stream_columns.description IS
'what it is';
COMMENT ON COLUMN tiktok.stream_columns.additive IS
'whether values of different rows may be summed; NULL if the column is no metric';
COMMENT ON COLUMN tiktok.stream_columns.pushdown IS
'the operators by which a condition narrows what the API is asked for; NULL if there are none';
COMMENT ON COLUMN tiktok.stream_columns.doubt IS
'what is not certain about the column; NULL if sources agree';

CREATE FUNCTION tiktok.report_metrics(
	OUT name text,
	OUT type text,
	OUT description text,
	OUT attribute boolean,
	OUT additive boolean,
	OUT levels text[],
	OUT audience text,
	OUT restrictions text[],
	OUT doubt text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_report_metrics'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 1044;
COMMENT ON FUNCTION tiktok.report_metrics() IS
'the metrics of reports; see view tiktok.report_metrics';

CREATE VIEW tiktok.report_metrics AS
	SELECT m.name, m.type, m.description, m.attribute, m.additive, m.levels, m.audience,
		m.restrictions, m.doubt
	FROM tiktok.report_metrics() AS m;
COMMENT ON VIEW tiktok.report_metrics IS
'every metric of TikTok''s reports: what a column of a report table may be called';
COMMENT ON COLUMN tiktok.report_metrics.name IS
'name of the metric; the path of its value is metrics.NAME';
COMMENT ON COLUMN tiktok.report_metrics.type IS
'the PostgreSQL type that fits';
COMMENT ON COLUMN tiktok.report_metrics.description IS
'what it is';
COMMENT ON COLUMN tiktok.report_metrics.attribute IS
'whether it describes the object instead of measuring it; needs an id dimension';
COMMENT ON COLUMN tiktok.report_metrics.additive IS
'whether values of different rows may be summed';
COMMENT ON COLUMN tiktok.report_metrics.levels IS
'the values of data_level at which the API accepts it';
COMMENT ON COLUMN tiktok.report_metrics.audience IS
'whether AUDIENCE reports accept it: yes, no or unsure';
COMMENT ON COLUMN tiktok.report_metrics.restrictions IS
'in which reports it can be asked for';
COMMENT ON COLUMN tiktok.report_metrics.doubt IS
'what is not certain about the metric; NULL if sources agree';

GRANT SELECT ON tiktok.streams, tiktok.stream_columns, tiktok.report_metrics TO PUBLIC;

-- ---- requests and set-up ------------------------------------------------------

CREATE FUNCTION tiktok.version()
RETURNS text
AS 'MODULE_PATHNAME', 'tiktok_version'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION tiktok.version() IS
'versions of the extension, PostgreSQL and libcurl';

CREATE FUNCTION tiktok.check(
	server text,
	OUT step integer,
	OUT name text,
	OUT ok boolean,
	OUT detail text,
	OUT hint text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_check'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok.check(text) IS
'tries out a server for the current user, step by step, and says what to change';

CREATE FUNCTION tiktok.stat_requests(
	OUT server text,
	OUT endpoint text,
	OUT requests bigint,
	OUT retries bigint,
	OUT throttled_ms bigint,
	OUT wire_bytes bigint,
	OUT rows bigint,
	OUT errors bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_stat_requests'
LANGUAGE C VOLATILE STRICT ROWS 20;
COMMENT ON FUNCTION tiktok.stat_requests() IS
'requests sent; see view tiktok.stat_requests';

CREATE VIEW tiktok.stat_requests AS
	SELECT r.server, r.endpoint, r.requests, r.retries, r.throttled_ms, r.wire_bytes,
		r.rows, r.errors
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

GRANT SELECT ON tiktok.stat_requests TO PUBLIC;

CREATE FUNCTION tiktok.stat_requests_reset()
RETURNS void
AS 'MODULE_PATHNAME', 'tiktok_stat_requests_reset'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok.stat_requests_reset() IS
'sets the counters of tiktok.stat_requests to zero';
REVOKE ALL ON FUNCTION tiktok.stat_requests_reset() FROM PUBLIC;

GRANT USAGE ON SCHEMA tiktok TO PUBLIC;
COMMENT ON SCHEMA tiktok IS
'foreign-data wrapper for TikTok''s Marketing API';
