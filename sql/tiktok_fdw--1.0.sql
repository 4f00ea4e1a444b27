/* generated from sql/parts by sql/assemble.sh, do not edit */
/* tiktok_fdw 1.0: the objects of schema tiktok */

\echo Use "CREATE EXTENSION tiktok_fdw" to load this file. \quit

-- ---- sql/parts/10_wrapper.sql
--
-- The schema and the foreign-data wrapper: what CREATE SERVER needs.

GRANT USAGE ON SCHEMA tiktok TO PUBLIC;
COMMENT ON SCHEMA tiktok IS
'foreign-data wrapper for TikTok''s Marketing API';

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

CREATE FUNCTION tiktok.version()
RETURNS text
AS 'MODULE_PATHNAME', 'tiktok_version'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION tiktok.version() IS
'versions of the extension, PostgreSQL and libcurl';

-- ---- sql/parts/11_catalogue.sql
--
-- The catalogue as SQL sees it: what there is to read. Each view is over a C function
-- of the same name, which lists the tables of src/catalog/; everybody may read them.

CREATE FUNCTION tiktok.streams(
	OUT name text,
	OUT seed_name text,
	OUT endpoint text,
	OUT kind text,
	OUT key_columns text[],
	OUT cursor_column text,
	OUT environments text[],
	OUT note text,
	OUT grain text,
	OUT paging text,
	OUT asked_per text,
	OUT required_conditions text[],
	OUT imported_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_streams'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 80;
COMMENT ON FUNCTION tiktok.streams() IS
'the streams; see view tiktok.streams';

CREATE VIEW tiktok.streams AS
	SELECT s.name, s.seed_name, s.endpoint, s.kind, s.key_columns, s.cursor_column,
		s.environments, s.note, s.grain, s.paging, s.asked_per, s.required_conditions,
		s.imported_by
	FROM tiktok.streams() AS s;
COMMENT ON VIEW tiktok.streams IS
'what IMPORT FOREIGN SCHEMA tiktok offers: one foreign table for each row; those without seed_name on demand, by LIMIT TO or OPTIONS (streams ''all'')';
COMMENT ON COLUMN tiktok.streams.name IS
'name of the stream and of the foreign table';
COMMENT ON COLUMN tiktok.streams.seed_name IS
'what connectors call the stream; NULL if they have none';
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
COMMENT ON COLUMN tiktok.streams.grain IS
'what a row of a report covers: hour, day, week, month, or a period that the query names; NULL if all there is, or the stream is no report';
COMMENT ON COLUMN tiktok.streams.paging IS
'how a list is read in pieces: pages, cursor; object if there is no list, but one row a request; NULL if in one';
COMMENT ON COLUMN tiktok.streams.asked_per IS
'the column whose values requests name beside the account; those of an account are looked up where no condition gives any';
COMMENT ON COLUMN tiktok.streams.required_conditions IS
'columns that a query has to give values of (column = value)';
COMMENT ON COLUMN tiktok.streams.imported_by IS
'core: IMPORT FOREIGN SCHEMA; all: with OPTIONS (streams ''all''); named: by LIMIT TO only';

CREATE FUNCTION tiktok.stream_columns(
	OUT stream text,
	OUT ordinal integer,
	OUT name text,
	OUT type text,
	OUT path text,
	OUT description text,
	OUT additive boolean,
	OUT additive_unless text,
	OUT pushdown text,
	OUT doubt text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_stream_columns'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 2000;
COMMENT ON FUNCTION tiktok.stream_columns() IS
'the columns of the streams; see view tiktok.stream_columns';

CREATE VIEW tiktok.stream_columns AS
	SELECT c.stream, c.ordinal, c.name, c.type, c.path, c.description, c.additive,
		c.additive_unless, c.pushdown, c.doubt
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
'where the value stands in a row of the API; NULL if it stands in none and is filled in';
COMMENT ON COLUMN tiktok.stream_columns.description IS
'what it is';
COMMENT ON COLUMN tiktok.stream_columns.additive IS
'whether values of different rows may always be summed; NULL if the column is no metric';
COMMENT ON COLUMN tiktok.stream_columns.additive_unless IS
'where additive is false: values may be summed except where this holds, since they count people then; NULL: never';
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
	OUT additive_unless text,
	OUT levels text[],
	OUT audience text,
	OUT restrictions text[],
	OUT doubt text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_report_metrics'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 1048;
COMMENT ON FUNCTION tiktok.report_metrics() IS
'the metrics of reports; see view tiktok.report_metrics';

CREATE VIEW tiktok.report_metrics AS
	SELECT m.name, m.type, m.description, m.attribute, m.additive,
		m.additive_unless, m.levels, m.audience, m.restrictions, m.doubt
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
'whether values of different rows may always be summed';
COMMENT ON COLUMN tiktok.report_metrics.additive_unless IS
'where additive is false: values may be summed except where this holds, since they count people then; NULL: never';
COMMENT ON COLUMN tiktok.report_metrics.levels IS
'the values of data_level at which the API accepts it';
COMMENT ON COLUMN tiktok.report_metrics.audience IS
'whether AUDIENCE reports accept it: yes, no, unsure, or beside which dimensions';
COMMENT ON COLUMN tiktok.report_metrics.restrictions IS
'in which reports it can be asked for';
COMMENT ON COLUMN tiktok.report_metrics.doubt IS
'what is not certain about the metric; NULL if sources agree';

GRANT SELECT ON tiktok.streams, tiktok.stream_columns, tiktok.report_metrics TO PUBLIC;

-- ---- sql/parts/12_requests.sql
--
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

-- ---- sql/parts/13_check.sql
--
-- Trying out a set-up, and why two reports differ: requests without a foreign table.

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

CREATE FUNCTION tiktok.completeness(
	server text,
	since date,
	until date,
	advertiser_id bigint DEFAULT NULL,
	OUT advertiser_id bigint,
	OUT level text,
	OUT reason text,
	OUT spend numeric,
	OUT impressions bigint,
	OUT clicks bigint,
	OUT note text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_completeness'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION tiktok.completeness(text, date, date, bigint) IS
'why the sums of two reports differ: of each account and level, the sums of a period as the API gives them unasked (reason NULL), and by reason what is missing to the account''s own sum';

-- ---- sql/parts/20_types.sql
--
-- What the steps of a refresh hand on to each other.

CREATE TYPE tiktok._counts AS (inserted bigint, updated bigint, deleted bigint,
	unchanged bigint);
COMMENT ON TYPE tiktok._counts IS 'internal: what a merge did';

CREATE TYPE tiktok._statements AS (stage text, delta text, asked text, create_stage text, create_delta text,
	load text, count text, repeated text, fold text, present text, compare text, differing text,
	months text, insert text, replace text, upsert text, remove text, expired text, renew text);
COMMENT ON TYPE tiktok._statements IS
'internal: the SQL of a target, by the names of tiktok._templates(); stage, delta and asked (the values of a query for_each) are tables';

CREATE TYPE tiktok._beside AS (history regclass, changes regclass, changes_keep interval,
	end_states text, end_window text, begin_states text, begin_window text, log_window text,
	log_new text, log_other text, prune text, untrue_window text, untrue_delta text);
COMMENT ON TYPE tiktok._beside IS
'internal: what is written beside a target, NULL: nothing; and the SQL for it, by the names of tiktok._beside_templates()';

CREATE TYPE tiktok._job AS (target regclass, source regclass, run bigint,
	statements tiktok._statements, time_column text, grain text, since date, attribution_window integer,
	partition_by text, span integer, account_param text, concurrency integer,
	accounts_named boolean, end_day date, read_on date, requests bigint, folded bigint, probe boolean,
	beside tiktok._beside, tables regclass[], names text[], resumed timestamptz);
COMMENT ON TYPE tiktok._job IS
'internal: a refresh under way. end_day: the last day to ask for; requests: of the session when it began; folded: rows that became one with another; probe: whether accounts are probed before they are read; NULL: they cannot be; tables, names: what it writes, and the names that its statements have for it; resumed: accounts that a refresh which was stopped was through with since then are not read again, NULL: there was none';

CREATE TYPE tiktok._step AS (merge boolean, accounts bigint[], first_day date, last_day date,
	windows integer, backward boolean);
COMMENT ON TYPE tiktok._step IS
'internal: what a refresh does next: read some windows into the stage, or (merge) write one of them; of a probe, what is asked for';

CREATE TYPE tiktok._problem AS (code text, message text, detail text, hint text);
COMMENT ON TYPE tiktok._problem IS 'internal: an error that was caught';

-- ---- sql/parts/21_registry.sql
--
-- Local tables that are kept like a foreign table. Who owns what:
--   tiktok._snapshot…   tables: what is known of each snapshot; nobody has rights
--                       on them but the owner of the database, who reads them to
--                       dump them; the views below show what the caller may see
--   tiktok._record_…    the only functions that write them; behind the C function
--                       tiktok._record, which lets the owner of the target pass
--   everything else     runs with the caller's rights
-- Functions that touch the target have no SET search_path, so that its triggers
-- find what they always find; they build nothing and name every operator with
-- its schema. All others have one.

-- What pg_dump takes along is the target's name: that of the moment, for here it
-- is an OID (type tiktok._target), which renames do not touch. A restore without
-- the table – left out by name, by schema – then costs this snapshot, with a
-- WARNING, and no other: a regclass would be an error, and COPY would load none.
-- Accounts and runs belong to the snapshot, not to the name.

CREATE TYPE tiktok._target;

CREATE FUNCTION tiktok._target_in(cstring)
RETURNS tiktok._target
AS 'MODULE_PATHNAME', 'tiktok_snapshot_target_in'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION tiktok._target_in(cstring) IS
'internal: schema and name of a table that may be missing';

CREATE FUNCTION tiktok._target_out(tiktok._target)
RETURNS cstring
AS 'MODULE_PATHNAME', 'tiktok_snapshot_target_out'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION tiktok._target_out(tiktok._target) IS
'internal: schema and name of a table as they are now';

CREATE TYPE tiktok._target (INPUT = tiktok._target_in, OUTPUT = tiktok._target_out,
	LIKE = pg_catalog.oid);
COMMENT ON TYPE tiktok._target IS
'internal: a regclass that reads the name of a table that is missing as none, and writes its schema always';

CREATE CAST (tiktok._target AS oid) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (tiktok._target AS regclass) WITHOUT FUNCTION;
CREATE CAST (regclass AS tiktok._target) WITHOUT FUNCTION AS ASSIGNMENT;
COMMENT ON CAST (tiktok._target AS oid) IS 'internal: for comparisons and the index';
COMMENT ON CAST (tiktok._target AS regclass) IS 'internal: what the views show';
COMMENT ON CAST (regclass AS tiktok._target) IS 'internal: to store it';

CREATE TABLE tiktok._snapshot (
	snapshot uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	target tiktok._target NOT NULL,
	source_schema text NOT NULL,
	source_name text NOT NULL,
	time_column text,
	key_columns text[] NOT NULL,
	columns text[] NOT NULL,
	since date,
	attribution_window integer,
	partition_by text,
	rows bigint NOT NULL,
	last_refresh timestamptz,
	last_error text,
	probe boolean,
	last_change timestamptz,
	history tiktok._target,
	changes tiktok._target,
	changes_keep interval,
	for_each text,
	for_each_by text);
-- 0: it was missing when the row was restored
CREATE UNIQUE INDEX ON tiktok._snapshot (target) WHERE target::oid <> 0;
COMMENT ON TABLE tiktok._snapshot IS
'internal: one row a snapshot; see view tiktok.snapshots';

-- No foreign keys: a restore in parallel fills the tables in any order, and
-- pg_dump's archives do not tell it a better one.
CREATE TABLE tiktok._snapshot_account (
	snapshot uuid,
	advertiser_id bigint,
	since date,
	watermark date,
	next_day date,
	read_on date,
	last_refresh timestamptz,
	last_error text,
	probes integer NOT NULL DEFAULT 0,
	PRIMARY KEY (snapshot, advertiser_id));
COMMENT ON TABLE tiktok._snapshot_account IS
'internal: how far each account was read; see view tiktok.snapshot_accounts';
COMMENT ON COLUMN tiktok._snapshot_account.next_day IS
'the day at which an unfinished reading goes on; NULL: the last one was finished';
COMMENT ON COLUMN tiktok._snapshot_account.read_on IS
'the day, begun everywhere on earth, on which the last reading of rows started; a probe is none';
COMMENT ON COLUMN tiktok._snapshot_account.probes IS
'refreshes in a row that found it unchanged and read no rows';

CREATE TABLE tiktok._snapshot_run (
	run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	snapshot uuid NOT NULL,
	pid integer NOT NULL,
	status text NOT NULL DEFAULT 'running',
	started timestamptz NOT NULL,
	ended timestamptz,
	accounts bigint,
	accounts_done bigint NOT NULL DEFAULT 0,
	accounts_failed bigint NOT NULL DEFAULT 0,
	windows bigint,
	windows_done bigint NOT NULL DEFAULT 0,
	inserted bigint NOT NULL DEFAULT 0,
	updated bigint NOT NULL DEFAULT 0,
	deleted bigint NOT NULL DEFAULT 0,
	unchanged bigint NOT NULL DEFAULT 0,
	requests bigint NOT NULL DEFAULT 0,
	error text,
	accounts_probed bigint NOT NULL DEFAULT 0,
	accounts_unchanged bigint NOT NULL DEFAULT 0);
CREATE INDEX ON tiktok._snapshot_run (snapshot);
COMMENT ON SEQUENCE tiktok._snapshot_run_run_seq IS 'numbers the runs';
COMMENT ON TABLE tiktok._snapshot_run IS
'internal: the last 100 refreshes of each snapshot; see view tiktok.snapshot_runs';

-- A target that was dropped has no name by which it could be restored.
SELECT pg_catalog.pg_extension_config_dump('tiktok._snapshot',
	'WHERE target IN (SELECT oid FROM pg_catalog.pg_class)');
SELECT pg_catalog.pg_extension_config_dump('tiktok._snapshot_account',
	'WHERE snapshot IN (SELECT s.snapshot FROM tiktok._snapshot AS s
		WHERE s.target IN (SELECT oid FROM pg_catalog.pg_class))');
SELECT pg_catalog.pg_extension_config_dump('tiktok._snapshot_run',
	'WHERE snapshot IN (SELECT s.snapshot FROM tiktok._snapshot AS s
		WHERE s.target IN (SELECT oid FROM pg_catalog.pg_class))');
SELECT pg_catalog.pg_extension_config_dump('tiktok._snapshot_run_run_seq', '');
-- whoever owns the database dumps it, superuser or not
GRANT SELECT ON tiktok._snapshot, tiktok._snapshot_account, tiktok._snapshot_run,
	tiktok._snapshot_run_run_seq TO pg_database_owner;

-- ---- sql/parts/22_registry_views.sql
--
-- The registry as its readers see it: of each snapshot that the caller may read, or
-- owns, a row. The views belong to the extension and read its tables for everybody,
-- so each is a security barrier and asks tiktok._visible().

CREATE FUNCTION tiktok._visible(target regclass)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT has_table_privilege(c.oid, 'SELECT') OR pg_has_role(c.relowner, 'USAGE')
	FROM pg_class AS c WHERE c.oid = target
$$;
COMMENT ON FUNCTION tiktok._visible(regclass) IS
'internal: whether the caller may see that target is a snapshot: with SELECT on it, or as its owner';

CREATE VIEW tiktok.snapshots WITH (security_barrier) AS
	SELECT s.target::pg_catalog.regclass AS target,
		pg_catalog.format('%I.%I', s.source_schema, s.source_name) AS source,
		s.since,
		s.attribution_window,
		(SELECT CASE WHEN pg_catalog.bool_and(a.watermark IS NOT NULL)
				THEN pg_catalog.min(a.watermark) END
			FROM tiktok._snapshot_account AS a WHERE a.snapshot = s.snapshot) AS watermark,
		s.last_refresh,
		s.last_error,
		s.rows,
		s.time_column,
		s.key_columns,
		s.columns,
		s.partition_by,
		s.source_schema,
		s.source_name,
		coalesce(s.probe, true) AS probe,
		s.history::pg_catalog.regclass AS history,
		s.changes::pg_catalog.regclass AS changes,
		s.changes_keep,
		s.last_change,
		s.for_each,
		s.for_each_by
	FROM tiktok._snapshot AS s
	WHERE tiktok._visible(s.target::pg_catalog.regclass);
COMMENT ON VIEW tiktok.snapshots IS
'local tables that tiktok.refresh() keeps like a foreign table; those that the caller may read or owns';
COMMENT ON COLUMN tiktok.snapshots.target IS 'the local table';
COMMENT ON COLUMN tiktok.snapshots.source IS
'schema and name of the foreign table it is read from, quoted where needed';
COMMENT ON COLUMN tiktok.snapshots.since IS
'the first day wanted; NULL for streams without a day or hour in their key, which are read whole';
COMMENT ON COLUMN tiktok.snapshots.attribution_window IS
'days before the watermark that each refresh reads again; NULL as for since';
COMMENT ON COLUMN tiktok.snapshots.watermark IS
'the day up to which all accounts were read, in their own days: the least of tiktok.snapshot_accounts; NULL while an account was never read, and for streams that are read whole';
COMMENT ON COLUMN tiktok.snapshots.last_refresh IS
'when a refresh last read all it wanted, failed accounts aside; NULL: never';
COMMENT ON COLUMN tiktok.snapshots.last_error IS
'why the last refresh stopped, or how many accounts it could not read; NULL: it did not fail';
COMMENT ON COLUMN tiktok.snapshots.rows IS
'rows that refreshes left in the table, marked ones included; what others add or delete is not counted';
COMMENT ON COLUMN tiktok.snapshots.time_column IS
'the column with the day or hour of a row; NULL for streams that are read whole';
COMMENT ON COLUMN tiktok.snapshots.key_columns IS 'the primary key';
COMMENT ON COLUMN tiktok.snapshots.columns IS
'the columns that are kept like the source''s; others are left alone';
COMMENT ON COLUMN tiktok.snapshots.partition_by IS
'month: partitions of a calendar month are created as rows need them; NULL: none are created';
COMMENT ON COLUMN tiktok.snapshots.source_schema IS 'schema of the foreign table';
COMMENT ON COLUMN tiktok.snapshots.source_name IS 'name of the foreign table';
COMMENT ON COLUMN tiktok.snapshots.probe IS
'whether a refresh asks for totals first, where the API has them, and reads no rows of accounts that did not change';
COMMENT ON COLUMN tiktok.snapshots.history IS
'the table that gets each state of a row; NULL: none does';
COMMENT ON COLUMN tiktok.snapshots.changes IS
'the table that gets each change; NULL: none does';
COMMENT ON COLUMN tiktok.snapshots.changes_keep IS
'how long changes stay there; NULL: none are written';
COMMENT ON COLUMN tiktok.snapshots.last_change IS
'when a refresh last wrote a row that had changed, never twice the same; NULL: none did';
COMMENT ON COLUMN tiktok.snapshots.for_each IS
'the query whose values are asked for; NULL: all there is';
COMMENT ON COLUMN tiktok.snapshots.for_each_by IS
'the role that wrote it: no other role runs it; NULL: there is none';

CREATE VIEW tiktok.snapshot_accounts WITH (security_barrier) AS
	SELECT s.target::pg_catalog.regclass AS target, a.advertiser_id, a.since, a.watermark,
		a.next_day, a.read_on, a.last_refresh, a.last_error, a.probes
	FROM tiktok._snapshot_account AS a JOIN tiktok._snapshot AS s ON s.snapshot = a.snapshot
	WHERE tiktok._visible(s.target::pg_catalog.regclass);
COMMENT ON VIEW tiktok.snapshot_accounts IS
'how far each account of a snapshot was read';
COMMENT ON COLUMN tiktok.snapshot_accounts.target IS 'the local table, as in tiktok.snapshots';
COMMENT ON COLUMN tiktok.snapshot_accounts.advertiser_id IS
'the account; 0 stands for the list of accounts (stream advertiser_ids)';
COMMENT ON COLUMN tiktok.snapshot_accounts.since IS
'the first day that was read; later than the snapshot''s while an earlier one is being caught up with, or where option start_date left out days that were to be read; NULL: nothing was, or the stream is read whole';
COMMENT ON COLUMN tiktok.snapshot_accounts.watermark IS
'the last day that was read, never later than the account''s own today; NULL as for since';
COMMENT ON COLUMN tiktok.snapshot_accounts.next_day IS
'where the next refresh goes on because the last one was stopped; NULL: it was not';
COMMENT ON COLUMN tiktok.snapshot_accounts.read_on IS
'the day on which the last reading of rows started, which a probe is not: days before it by more than attribution_window are settled';
COMMENT ON COLUMN tiktok.snapshot_accounts.last_refresh IS
'when rows were last read, or found unchanged; NULL: never';
COMMENT ON COLUMN tiktok.snapshot_accounts.last_error IS
'why the account could not be read the last time; NULL: it could';

COMMENT ON COLUMN tiktok.snapshot_accounts.probes IS
'refreshes in a row that read no rows, since totals had not changed; after 6, the next one reads';

CREATE VIEW tiktok.snapshot_runs WITH (security_barrier) AS
	SELECT r.run, s.target::pg_catalog.regclass AS target,
		CASE WHEN r.status = 'running' AND l.pid IS NULL THEN 'stopped' ELSE r.status END
			AS status,
		r.started, r.ended, r.accounts, r.accounts_done, r.accounts_failed, r.windows,
		r.windows_done, r.inserted, r.updated, r.deleted, r.unchanged, r.requests, r.error,
		r.pid, r.accounts_probed, r.accounts_unchanged
	FROM tiktok._snapshot_run AS r
		JOIN tiktok._snapshot AS s ON s.snapshot = r.snapshot
		LEFT JOIN pg_catalog.pg_locks AS l ON l.locktype = 'advisory' AND l.granted
			AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
				WHERE d.datname = pg_catalog.current_database())
			AND l.classid = 1259 AND l.objsubid = 3 AND l.objid = s.target::oid
			AND l.pid = r.pid
	WHERE tiktok._visible(s.target::pg_catalog.regclass);
COMMENT ON VIEW tiktok.snapshot_runs IS
'the last 100 refreshes of each snapshot, the present one included; tiktok.materialize() shows only once it is committed';
COMMENT ON COLUMN tiktok.snapshot_runs.run IS 'number of the run, increasing';
COMMENT ON COLUMN tiktok.snapshot_runs.target IS 'the local table, as in tiktok.snapshots';
COMMENT ON COLUMN tiktok.snapshot_runs.status IS
'running; done; failed: an error ended it, see error; stopped: it was cancelled, or its session died';
COMMENT ON COLUMN tiktok.snapshot_runs.started IS 'when it began';
COMMENT ON COLUMN tiktok.snapshot_runs.ended IS 'when it ended; NULL: it runs, or was stopped';
COMMENT ON COLUMN tiktok.snapshot_runs.accounts IS
'accounts to read; NULL: it did not get so far as to know';
COMMENT ON COLUMN tiktok.snapshot_runs.accounts_done IS 'accounts read up to today, or found unchanged';
COMMENT ON COLUMN tiktok.snapshot_runs.accounts_failed IS
'accounts that could not be read: tiktok.snapshot_accounts says why';
COMMENT ON COLUMN tiktok.snapshot_runs.windows IS
'windows to read, times accounts; a window is what one series of requests covers: 30 days by day, 1 day by hour, all of a stream that is read whole; NULL as for accounts';
COMMENT ON COLUMN tiktok.snapshot_runs.windows_done IS 'windows read and committed';
COMMENT ON COLUMN tiktok.snapshot_runs.inserted IS 'rows added';
COMMENT ON COLUMN tiktok.snapshot_runs.updated IS 'rows changed';
COMMENT ON COLUMN tiktok.snapshot_runs.deleted IS
'rows deleted or, in streams that are read whole, marked in _deleted_at';
COMMENT ON COLUMN tiktok.snapshot_runs.unchanged IS 'rows read and not written';
COMMENT ON COLUMN tiktok.snapshot_runs.requests IS 'requests answered, tries again included';
COMMENT ON COLUMN tiktok.snapshot_runs.error IS 'message of the error; NULL: none';
COMMENT ON COLUMN tiktok.snapshot_runs.pid IS 'process of the session that ran it';
COMMENT ON COLUMN tiktok.snapshot_runs.accounts_probed IS
'accounts whose totals were asked for before their rows';
COMMENT ON COLUMN tiktok.snapshot_runs.accounts_unchanged IS
'of these, accounts whose totals had not changed, so that no rows were read; they are done, and have no windows';

CREATE VIEW tiktok.snapshot_progress WITH (security_barrier) AS
	SELECT r.target, r.pid, r.started, r.accounts, r.accounts_done, r.accounts_failed,
		r.windows, r.windows_done,
		r.inserted + r.updated + r.unchanged AS rows,
		r.requests,
		CASE WHEN r.windows_done > 0
			THEN r.started + (pg_catalog.clock_timestamp() - r.started)
				* (r.windows::double precision / r.windows_done) END AS estimated_end
	FROM tiktok.snapshot_runs AS r
	WHERE r.status = 'running';
COMMENT ON VIEW tiktok.snapshot_progress IS
'the refreshes that are running now, as of their last committed window';
COMMENT ON COLUMN tiktok.snapshot_progress.target IS 'the local table';
COMMENT ON COLUMN tiktok.snapshot_progress.pid IS 'process of the session that runs it';
COMMENT ON COLUMN tiktok.snapshot_progress.started IS 'when it began';
COMMENT ON COLUMN tiktok.snapshot_progress.accounts IS
'accounts to read; NULL: not yet known';
COMMENT ON COLUMN tiktok.snapshot_progress.accounts_done IS 'accounts read up to today';
COMMENT ON COLUMN tiktok.snapshot_progress.accounts_failed IS 'accounts that could not be read';
COMMENT ON COLUMN tiktok.snapshot_progress.windows IS
'windows to read, as in tiktok.snapshot_runs; NULL: not yet known';
COMMENT ON COLUMN tiktok.snapshot_progress.windows_done IS 'windows read and committed';
COMMENT ON COLUMN tiktok.snapshot_progress.rows IS 'rows read so far';
COMMENT ON COLUMN tiktok.snapshot_progress.requests IS 'requests answered so far';
COMMENT ON COLUMN tiktok.snapshot_progress.estimated_end IS
'when it ends if it goes on as it did; NULL before the first window';

GRANT SELECT ON tiktok.snapshots, tiktok.snapshot_accounts, tiktok.snapshot_runs,
	tiktok.snapshot_progress TO PUBLIC;

-- ---- sql/parts/23_registry_writes.sql
--
-- Writing the registry. tiktok._record() asks who the caller is and forwards to
-- tiktok._record_WHAT(target, detail): SECURITY DEFINER, so without rights for PUBLIC,
-- with a search_path of their own, and every table named with its schema. Each takes
-- the detail as jsonb, so that a kind of record can get another member without another
-- signature, and returns a number that means something for start and forget only.

CREATE FUNCTION tiktok._record(target regclass, what text, detail jsonb)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tiktok_snapshot_record'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok._record(regclass, text, jsonb) IS
'internal: calls tiktok._record_WHAT for the owner of the target; 42501 for anybody else';

CREATE FUNCTION tiktok._registered(target regclass)
RETURNS uuid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.snapshot FROM tiktok._snapshot AS s WHERE s.target = _registered.target
$$;
COMMENT ON FUNCTION tiktok._registered(regclass) IS
'internal: the snapshot of a target, for those who may read the registry';

-- The detail has the columns of tiktok._snapshot. Of a table that is one already, what
-- is NULL there changes nothing, and since only gets earlier.
CREATE FUNCTION tiktok._record_snapshot(target regclass, detail jsonb)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	-- what tables that were dropped, or not restored, have left
	DELETE FROM tiktok._snapshot AS s WHERE s.target NOT IN (SELECT c.oid FROM pg_class AS c);
	DELETE FROM tiktok._snapshot_account AS a
		WHERE NOT EXISTS (SELECT FROM tiktok._snapshot AS s WHERE s.snapshot = a.snapshot);
	DELETE FROM tiktok._snapshot_run AS r
		WHERE NOT EXISTS (SELECT FROM tiktok._snapshot AS s WHERE s.snapshot = r.snapshot);
	-- other values are asked for: nothing was read of them
	DELETE FROM tiktok._snapshot_account AS a USING tiktok._snapshot AS s
		WHERE s.target = _record_snapshot.target AND a.snapshot = s.snapshot
			AND s.for_each IS DISTINCT FROM coalesce(detail ->> 'for_each', s.for_each);
	INSERT INTO tiktok._snapshot AS s (target, source_schema, source_name, time_column,
		key_columns, columns, since, attribution_window, partition_by, rows, probe, for_each, for_each_by)
	SELECT _record_snapshot.target, d.source_schema, d.source_name, d.time_column,
		d.key_columns, d.columns, d.since, d.attribution_window, d.partition_by, d.rows,
		d.probe, d.for_each, o.owner
	FROM jsonb_populate_record(NULL::tiktok._snapshot, detail) AS d
		LEFT JOIN LATERAL (SELECT pg_get_userbyid(c.relowner) AS owner FROM pg_class AS c
			WHERE c.oid = _record_snapshot.target AND d.for_each IS NOT NULL) AS o ON true
	ON CONFLICT (target) WHERE target::oid <> 0 DO UPDATE
		SET columns = EXCLUDED.columns,
			since = least(s.since, EXCLUDED.since),
			attribution_window = coalesce(EXCLUDED.attribution_window, s.attribution_window),
			probe = coalesce(EXCLUDED.probe, s.probe),
			for_each = coalesce(EXCLUDED.for_each, s.for_each),
			for_each_by = coalesce(EXCLUDED.for_each_by, s.for_each_by);
	RETURN 0;
END
$$;
COMMENT ON FUNCTION tiktok._record_snapshot(regclass, jsonb) IS
'internal: registers a snapshot, or changes since, attribution_window, probe, for_each and columns of one; with another for_each, what was read of the accounts counts no more; returns 0';

CREATE FUNCTION tiktok._record_forget(target regclass, detail jsonb)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	WITH gone AS (
		DELETE FROM tiktok._snapshot AS s WHERE s.target = _record_forget.target
		RETURNING s.snapshot),
	accounts AS (
		DELETE FROM tiktok._snapshot_account AS a USING gone AS g WHERE a.snapshot = g.snapshot),
	runs AS (
		DELETE FROM tiktok._snapshot_run AS r USING gone AS g WHERE r.snapshot = g.snapshot)
	SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION tiktok._record_forget(regclass, jsonb) IS
'internal: drops all that is known of a snapshot; returns how many there were';

-- The detail is empty. A run that still counts as running was killed: only who has
-- the lock begins one.
CREATE FUNCTION tiktok._record_start(target regclass, detail jsonb)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mine uuid := tiktok._registered(target);
	number bigint;
BEGIN
	-- we hold the lock: whoever has not said goodbye is dead
	UPDATE tiktok._snapshot_run AS r SET status = 'stopped'
		WHERE r.snapshot = mine AND r.status = 'running';
	INSERT INTO tiktok._snapshot_run (snapshot, pid, started)
		VALUES (mine, pg_backend_pid(), clock_timestamp()) RETURNING run INTO number;
	DELETE FROM tiktok._snapshot_run AS r
		WHERE r.snapshot = mine
			AND r.run <= (SELECT o.run FROM tiktok._snapshot_run AS o
				WHERE o.snapshot = mine ORDER BY o.run DESC OFFSET 100 LIMIT 1);
	RETURN number;
END
$$;
COMMENT ON FUNCTION tiktok._record_start(regclass, jsonb) IS
'internal: a run begins; returns its number. Keeps the last 100 of each snapshot';

CREATE FUNCTION tiktok._record_plan(target regclass, detail jsonb)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE tiktok._snapshot_run AS r
	SET accounts = coalesce((detail ->> 'accounts')::bigint, r.accounts),
		accounts_done = r.accounts_done + coalesce((detail ->> 'done')::bigint, 0),
		windows = coalesce((detail ->> 'windows')::bigint, r.windows),
		requests = (detail ->> 'requests')::bigint
	WHERE r.run = (detail ->> 'run')::bigint AND r.snapshot = tiktok._registered(_record_plan.target);
	SELECT 0::bigint
$$;
COMMENT ON FUNCTION tiktok._record_plan(regclass, jsonb) IS
'internal: how much a run has to do, as far as that is known: run, accounts, done (how many of them were read before), windows, requests; returns 0';

CREATE FUNCTION tiktok._record_failure(target regclass, detail jsonb)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO tiktok._snapshot_account AS a (snapshot, advertiser_id, last_error)
	SELECT s.snapshot, (detail ->> 'account')::bigint, detail ->> 'message'
	FROM tiktok._snapshot AS s WHERE s.target = _record_failure.target
	ON CONFLICT ON CONSTRAINT _snapshot_account_pkey
		DO UPDATE SET last_error = EXCLUDED.last_error;
	UPDATE tiktok._snapshot_run AS r SET accounts_failed = r.accounts_failed + 1
	WHERE r.run = (detail ->> 'run')::bigint AND r.snapshot = tiktok._registered(_record_failure.target);
	SELECT 0::bigint
$$;
COMMENT ON FUNCTION tiktok._record_failure(regclass, jsonb) IS
'internal: an account could not be read: run, account, message; returns 0';

-- Beside the rows themselves, in the same transaction. A backward window is one
-- before what was read so far; the others end where they begin, or later.
CREATE FUNCTION tiktok._record_window(target regclass, detail jsonb)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	first_day date := detail ->> 'first_day';
	last_day date := detail ->> 'last_day';
	read_on date := detail ->> 'read_on';
	backward boolean := detail ->> 'backward';
	finished boolean := last_day IS NULL OR last_day >= (detail ->> 'end')::date;
	now timestamptz := detail ->> 'now';
	counts tiktok._counts := jsonb_populate_record(NULL::tiktok._counts, detail);
BEGIN
	UPDATE tiktok._snapshot_run AS r
		SET windows_done = r.windows_done + (detail ->> 'windows')::bigint,
			accounts_done = r.accounts_done + CASE WHEN finished AND NOT backward
				THEN jsonb_array_length(detail -> 'accounts') ELSE 0 END,
			inserted = r.inserted + counts.inserted,
			updated = r.updated + counts.updated,
			deleted = r.deleted + counts.deleted,
			unchanged = r.unchanged + counts.unchanged,
			requests = (detail ->> 'requests')::bigint
		WHERE r.run = (detail ->> 'run')::bigint AND r.snapshot = tiktok._registered(_record_window.target);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'snapshot % was forgotten meanwhile', target
			USING ERRCODE = '55000', HINT = 'Nothing more is written. Register it again with tiktok.create_snapshot(), if it is to go on.';
	END IF;
	INSERT INTO tiktok._snapshot_account AS a (snapshot, advertiser_id, since, watermark,
		next_day, read_on, last_refresh)
	SELECT tiktok._registered(_record_window.target), account::bigint, first_day,
		CASE WHEN last_day IS NOT NULL THEN least(last_day, read_on) END,
		CASE WHEN NOT finished THEN last_day + 1 END, read_on, now
	FROM jsonb_array_elements_text(detail -> 'accounts') AS account
	ON CONFLICT ON CONSTRAINT _snapshot_account_pkey DO UPDATE
		SET since = least(a.since, EXCLUDED.since),
			watermark = CASE WHEN backward THEN a.watermark
				ELSE greatest(a.watermark, EXCLUDED.watermark) END,
			next_day = CASE WHEN backward THEN a.next_day ELSE EXCLUDED.next_day END,
			read_on = CASE WHEN backward THEN a.read_on ELSE EXCLUDED.read_on END,
			last_refresh = EXCLUDED.last_refresh,
			last_error = NULL,
			probes = CASE WHEN backward THEN a.probes ELSE 0 END;
	UPDATE tiktok._snapshot AS s
		SET rows = s.rows + counts.inserted
				- CASE WHEN s.time_column IS NOT NULL THEN counts.deleted ELSE 0 END,
			last_change = (detail ->> 'moment')::timestamptz
		WHERE s.target = _record_window.target
			AND (counts.inserted > 0 OR counts.updated > 0 OR counts.deleted > 0);
	RETURN 0;
END
$$;
COMMENT ON FUNCTION tiktok._record_window(regclass, jsonb) IS
'internal: a window of some accounts was read and written: the members of tiktok._counts and tiktok._step, run, end, read_on, now, moment (of what was written), requests; days are NULL for a stream that is read whole. Returns 0. Error: 55000 the run is of no snapshot any more';

CREATE FUNCTION tiktok._record_end(target regclass, detail jsonb)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE tiktok._snapshot AS s
	SET last_error = coalesce(detail ->> 'error', detail ->> 'warning'),
		last_refresh = CASE WHEN detail ->> 'error' IS NULL THEN clock_timestamp()
			ELSE s.last_refresh END
	WHERE s.target = _record_end.target;
	UPDATE tiktok._snapshot_run AS r
	SET ended = clock_timestamp(), error = coalesce(detail ->> 'error', detail ->> 'warning'),
		status = CASE WHEN detail ->> 'error' IS NULL THEN 'done' ELSE 'failed' END,
		requests = (detail ->> 'requests')::bigint
	WHERE r.run = (detail ->> 'run')::bigint AND r.snapshot = tiktok._registered(_record_end.target);
	SELECT 0::bigint
$$;
COMMENT ON FUNCTION tiktok._record_end(regclass, jsonb) IS
'internal: a run is over: run (NULL: it did not begin), error, warning (NULL: none), requests; returns 0';

REVOKE ALL ON FUNCTION tiktok._record_snapshot(regclass, jsonb),
	tiktok._record_forget(regclass, jsonb), tiktok._record_start(regclass, jsonb),
	tiktok._record_plan(regclass, jsonb), tiktok._record_failure(regclass, jsonb),
	tiktok._record_window(regclass, jsonb), tiktok._record_end(regclass, jsonb) FROM PUBLIC;

-- ---- sql/parts/30_source.sql
--
-- What snapshots need of C: facts about a source, locks, owners, errors.

CREATE FUNCTION tiktok.accounts(source regclass)
RETURNS SETOF bigint
AS 'MODULE_PATHNAME', 'tiktok_snapshot_accounts'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok.accounts(regclass) IS
'the accounts that a scan of the foreign table asks for: those of the option advertiser_ids, or of the Business Centers of the option bc_id (one request for 50 accounts), or every account of the token (one request; needs app_id and secret)';

CREATE FUNCTION tiktok._source(source regclass,
	OUT stream text,
	OUT grain text,
	OUT time_column text,
	OUT span integer,
	OUT account_param text,
	OUT concurrency integer,
	OUT start_date date,
	OUT accounts_named boolean)
AS 'MODULE_PATHNAME', 'tiktok_snapshot_source'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION tiktok._source(regclass) IS
'internal: a foreign table of tiktok_fdw that the caller may read; 42809 if it is none, 42501 if not, 0A000 for a report by period. grain: hour, day, week or month; span: days that are read at once, for grain week and month those of one; 0: any';

CREATE FUNCTION tiktok._source_columns(source regclass,
	OUT name text,
	OUT attnum smallint,
	OUT is_account boolean,
	OUT in_key boolean,
	OUT signed_url boolean,
	OUT description text,
	OUT additive boolean,
	OUT takes_many boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_snapshot_source_columns'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION tiktok._source_columns(regclass) IS
'internal: its columns. signed_url: changes by itself, so that it does not count as a change; takes_many: requests name many of its values at a time';

CREATE FUNCTION tiktok._lock(target regclass, session boolean)
RETURNS boolean
AS 'MODULE_PATHNAME', 'tiktok_snapshot_lock'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok._lock(regclass, boolean) IS
'internal: takes the lock of a target, until _unlock() or an error (session) or the end of the transaction; false if it is taken';

CREATE FUNCTION tiktok._unlock(target regclass)
RETURNS void
AS 'MODULE_PATHNAME', 'tiktok_snapshot_unlock'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok._unlock(regclass) IS
'internal: gives the lock of a target back';

CREATE FUNCTION tiktok._lock_name(schema text, name text, wait boolean)
RETURNS boolean
AS 'MODULE_PATHNAME', 'tiktok_snapshot_lock_name'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok._lock_name(text, text, boolean) IS
'internal: takes the lock of a name, until the end of the transaction, so that one session at a time makes something of it; false if it is taken, or (wait) later. No lock for who may make nothing of that name';

CREATE FUNCTION tiktok._check_owner(target regclass)
RETURNS void
AS 'MODULE_PATHNAME', 'tiktok_snapshot_check_owner'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok._check_owner(regclass) IS
'internal: 42501 unless the current user is the owner';

CREATE FUNCTION tiktok._check_no_block(what text)
RETURNS void
AS 'MODULE_PATHNAME', 'tiktok_snapshot_check_no_block'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok._check_no_block(text) IS
'internal: 25001 inside a transaction block';

CREATE FUNCTION tiktok._requests()
RETURNS bigint
AS 'MODULE_PATHNAME', 'tiktok_snapshot_requests'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION tiktok._requests() IS
'internal: requests that this session has sent';

CREATE FUNCTION tiktok._failed_account()
RETURNS bigint
AS 'MODULE_PATHNAME', 'tiktok_snapshot_failed_account'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION tiktok._failed_account() IS
'internal: the account whose reply raised the last error in this session since the last call; NULL: none did';

CREATE FUNCTION tiktok._raise(sqlstate text, message text, detail text, hint text)
RETURNS void
AS 'MODULE_PATHNAME', 'tiktok_snapshot_raise'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION tiktok._raise(text, text, text, text) IS
'internal: raises an error that was caught before';

CREATE FUNCTION tiktok._hour_comes_twice(hour timestamp)
RETURNS boolean
AS 'MODULE_PATHNAME', 'tiktok_snapshot_hour_comes_twice'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION tiktok._hour_comes_twice(timestamp) IS
'internal: whether there is a time zone whose clocks are put back over that hour';

CREATE FUNCTION tiktok._row_hash(VARIADIC "any")
RETURNS bigint
AS 'MODULE_PATHNAME', 'tiktok_snapshot_row_hash'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tiktok._row_hash("any") IS
'internal: the same number for values that are the same bit by bit (as by operator *=, NULLs too), another for others, but once in 2^64; for comparisons within a statement. At most 100 values: the number of some can be one of others'' values';

-- ---- sql/parts/31_checks.sql
--
-- What create_snapshot() and refresh() refuse before anything is sent or written: an error
-- that says what to change. (tiktok.check() is in 13_check.sql.)

-- What create_snapshot() and refresh() were given; NULL: not given. grain is NULL for
-- a stream that is read whole.
CREATE FUNCTION tiktok._check_arguments(source regclass, grain text, since date,
	attribution_window integer, partition_by text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	given text := CASE WHEN since IS NOT NULL THEN 'since'
		WHEN attribution_window IS NOT NULL THEN 'attribution_window'
		WHEN partition_by IS NOT NULL THEN 'partition_by' END;
BEGIN
	IF grain IS NULL AND given IS NOT NULL THEN
		RAISE EXCEPTION '"%" means nothing for a snapshot of %', given, source
			USING ERRCODE = '22023', DETAIL = 'A stream without a day or hour in its key is read whole.';
	END IF;
	IF attribution_window NOT BETWEEN 0 AND 364 THEN
		RAISE EXCEPTION 'attribution_window must be between 0 and 364 days, not %', attribution_window
			USING ERRCODE = '22023';
	END IF;
	IF partition_by <> 'month' THEN
		RAISE EXCEPTION 'partition_by must be ''month'' or NULL, not ''%''', partition_by
			USING ERRCODE = '22023';
	END IF;
	IF NOT isfinite(since) THEN
		RAISE EXCEPTION 'since must be a day, not %', since USING ERRCODE = '22023';
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_arguments(regclass, text, date, integer, text) IS
'internal: 22023 for arguments that are wrong, or would be ignored';

-- Said before anything else is: PostgreSQL's own error names a statement that nobody typed.
CREATE FUNCTION tiktok._check_writable()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF pg_is_in_recovery() THEN
		RAISE EXCEPTION 'snapshots are written on the primary server, not on a standby'
			USING ERRCODE = '25006', HINT = 'Call it there: what it writes arrives here. Foreign tables and '
				'snapshots can be read here, too.';
	ELSIF current_setting('transaction_read_only')::boolean THEN
		RAISE EXCEPTION 'snapshots cannot be written in a read-only transaction'
			USING ERRCODE = '25006', HINT = 'SET default_transaction_read_only = off, or BEGIN READ WRITE for '
				'what may run in a transaction block.';
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_writable() IS
'internal: 25006 on a standby and in a read-only transaction';

-- The first privilege that the caller lacks, named with the GRANT that helps.
CREATE FUNCTION tiktok._check_privileges(target regclass, source regclass)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text;
BEGIN
	SELECT format('%s on %s', p.privilege, p.object) INTO missing
	FROM (
		SELECT 'USAGE' AS privilege, format('schema %I', n.nspname) AS object,
			has_schema_privilege(n.oid, 'USAGE') AS granted
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE c.oid IN (target, source)
		UNION ALL
		SELECT privilege, format('table %s', target), has_table_privilege(target, privilege)
		FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
		UNION ALL
		SELECT 'SELECT', format('foreign table %s', source), has_table_privilege(source, 'SELECT')
		UNION ALL
		SELECT 'TEMPORARY', format('database %I', current_database()),
			has_database_privilege(current_database(), 'TEMPORARY')) AS p
	WHERE NOT p.granted LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'a refresh of % needs the privilege %', target, missing
			USING ERRCODE = '42501', HINT = format('GRANT %s TO %I;',
				replace(replace(missing, ' foreign table ', ' '), ' table ', ' '), current_user);
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_privileges(regclass, regclass) IS
'internal: 42501 unless the caller may do all that a refresh does';

-- Tables are altered on both sides. Other columns of the target do not matter.
CREATE FUNCTION tiktok._check_columns(target regclass, source regclass, key_columns text[],
	time_column text, known text[])
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong record;
BEGIN
	-- what it must have: the source's columns, of their types, and our own
	FOR wrong IN
		SELECT w.name, w.type, format_type(t.atttypid, t.atttypmod) AS has
		FROM (
			SELECT c.name, format_type(a.atttypid, a.atttypmod) AS type, a.atttypid AS typid,
				c.attnum
			FROM tiktok._source_columns(source) AS c
				JOIN pg_attribute AS a ON a.attrelid = source AND a.attnum = c.attnum
			UNION ALL
			SELECT '_synced_at', 'timestamp with time zone', 'timestamptz'::regtype, 2000
			UNION ALL
			SELECT '_deleted_at', 'timestamp with time zone', 'timestamptz'::regtype, 2001
			WHERE time_column IS NULL) AS w
			LEFT JOIN pg_attribute AS t ON t.attrelid = target AND t.attname = w.name
				AND NOT t.attisdropped
		WHERE t.atttypid IS DISTINCT FROM w.typid
		ORDER BY w.attnum
	LOOP
		IF wrong.has IS NULL THEN
			RAISE EXCEPTION 'table % has no column "%"', target, wrong.name
				USING ERRCODE = '42703', HINT = format('ALTER TABLE %s ADD COLUMN %I %s; '
					'rows that are already there get a value when they next change.',
					target, wrong.name, wrong.type);
		END IF;
		RAISE EXCEPTION 'column "%" of table % is of type %, that of % of type %',
			wrong.name, target, wrong.has, source, wrong.type
			USING ERRCODE = '42804', HINT = format('ALTER TABLE %s ALTER COLUMN %I TYPE %s;',
				target, wrong.name, wrong.type);
	END LOOP;
	-- what the source no longer has
	FOR wrong IN
		SELECT k AS name FROM unnest(known) AS k JOIN pg_attribute AS t
			ON t.attrelid = target AND t.attname = k AND NOT t.attisdropped
		WHERE k NOT IN (SELECT c.name FROM tiktok._source_columns(source) AS c)
	LOOP
		RAISE EXCEPTION 'foreign table % no longer has column "%", which % keeps',
			source, wrong.name, target
			USING ERRCODE = '42703', HINT = format('Add it to the foreign table again, or drop '
				'it here too: ALTER TABLE %s DROP COLUMN %I;', target, wrong.name);
	END LOOP;
	IF NOT EXISTS (
		SELECT FROM pg_index AS i
		WHERE i.indrelid = target AND i.indisunique AND i.indimmediate AND i.indisvalid
			AND i.indpred IS NULL AND i.indexprs IS NULL
			AND ARRAY(SELECT a.attname::text FROM pg_attribute AS a
				WHERE a.attrelid = target AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
				ORDER BY 1) = ARRAY(SELECT k FROM unnest(key_columns) AS k ORDER BY 1))
	THEN
		RAISE EXCEPTION 'table % has no unique index on its key', target
			USING ERRCODE = '42P10', HINT = format('ALTER TABLE %s ADD PRIMARY KEY (%s);', target,
				(SELECT string_agg(quote_ident(k), ', ') FROM unnest(key_columns) AS k));
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_columns(regclass, regclass, text[], text, text[]) IS
'internal: an error that says what to change unless target has the columns of source: 42703 one is missing, here or there; 42804 another type; 42P10 no unique index on the key. known: the columns that it had when it was last looked at; NULL: never. time_column: NULL for a stream that is read whole, which needs _deleted_at';

-- Volatile, and owners asked of C: after a lock, what holds now is seen.
CREATE FUNCTION tiktok._check_partitions(target regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	part regclass;
BEGIN
	FOR part IN
		SELECT p.relid FROM pg_partition_tree(target) AS p WHERE p.relid <> target
		UNION
		(WITH RECURSIVE heirs (relid) AS (
			SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = target
			UNION
			SELECT i.inhrelid FROM heirs AS h JOIN pg_inherits AS i ON i.inhparent = h.relid)
		SELECT h.relid FROM heirs AS h)
	LOOP
		PERFORM tiktok._check_owner(part);
	END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
	RAISE EXCEPTION 'partition % of table % is another''s', part, target
		USING ERRCODE = '42501', DETAIL = 'The triggers of a partition must not run with the rights of '
			'anybody but its owner.',
			HINT = format('ALTER TABLE %s OWNER TO %I;', part, current_user);
END
$$;
COMMENT ON FUNCTION tiktok._check_partitions(regclass) IS
'internal: 42501 unless the current user owns every partition of a table, and every table that inherits from it';

-- partition_by: NULL where none was given.
CREATE FUNCTION tiktok._check_target_kind(target regclass, partition_by text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind "char";
	persistence "char";
BEGIN
	SELECT c.relkind, c.relpersistence INTO kind, persistence FROM pg_class AS c WHERE c.oid = target;
	IF kind NOT IN ('r', 'p') OR persistence = 't' THEN
		RAISE EXCEPTION '% cannot be a snapshot: it is not a permanent table', target
			USING ERRCODE = '42809';
	END IF;
	IF partition_by IS NOT NULL AND kind <> 'p' THEN
		RAISE EXCEPTION 'table % exists and is not partitioned', target
			USING ERRCODE = '42809', HINT = 'Leave partition_by out, or choose another target.';
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_target_kind(regclass, text) IS
'internal: 42809 unless an existing table can be a snapshot';

-- session: until tiktok._unlock(), or else the end of the transaction.
CREATE FUNCTION tiktok._check_lock(target regclass, session boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	holder integer;
BEGIN
	IF tiktok._lock(target, session) THEN
		RETURN;
	END IF;
	SELECT l.pid INTO holder FROM pg_locks AS l
	WHERE l.locktype = 'advisory' AND l.granted AND l.objid = target::oid
		AND l.classid = 'pg_class'::regclass AND l.objsubid = 3
		AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database());
	RAISE EXCEPTION '% is being refreshed already%', target,
		coalesce(format(', by process %s', holder), '')
		USING ERRCODE = '55006', HINT = 'Wait until it is done: tiktok.snapshot_progress '
			'shows how far it is.';
END
$$;
COMMENT ON FUNCTION tiktok._check_lock(regclass, boolean) IS
'internal: takes the lock of a target, or 55006 with who has it';

-- What create_snapshot() makes is looked for first: two that look at once would both make
-- it. Names in the order of their bytes, in which everybody takes them.
CREATE FUNCTION tiktok._lock_names(existing regclass, path text[], schema name, wait boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	relname text := path[cardinality(path)];
	suffix text;
BEGIN
	IF existing IS NOT NULL THEN
		SELECT n.nspname, c.relname INTO schema, relname
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = existing;
	ELSIF cardinality(path) = 2 THEN
		schema := path[1];
	END IF;
	FOREACH suffix IN ARRAY '{"",_changes,_history}'::text[] LOOP
		IF NOT tiktok._lock_name(schema, relname || suffix, wait) THEN
			RAISE EXCEPTION 'table %.% is being made a snapshot, or written beside one, by another session',
				quote_ident(schema), quote_ident(relname || suffix)
				USING ERRCODE = '55006', HINT = 'Wait until it is done.';
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok._lock_names(regclass, text[], name, boolean) IS
'internal: keeps other sessions from making the same snapshot, and tables beside it, until the end of the transaction; existing: the target, NULL: it is to be made, by path and schema. Without wait: 55006 if one does';

-- ---- sql/parts/32_target.sql
--
-- The local table of a snapshot: making and registering it, and giving it up.

-- The key in the order of the target: account first, then as the source has it.
CREATE FUNCTION tiktok._key_columns(source regclass)
RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	info record := tiktok._source(source);
	listed text[] := (SELECT s.key_columns FROM tiktok.streams AS s WHERE s.name = info.stream);
	result text[];
	wanted integer;
BEGIN
	SELECT array_agg(c.name ORDER BY NOT c.is_account, c.attnum) FILTER (WHERE c.in_key),
		count(*) FILTER (WHERE c.is_account)
	INTO result, wanted FROM tiktok._source_columns(source) AS c;
	IF wanted <> 1 THEN
		RAISE EXCEPTION 'foreign table % needs a column advertiser_id', source
			USING ERRCODE = '42703', HINT = format('ALTER FOREIGN TABLE %s ADD COLUMN advertiser_id '
				'bigint NOT NULL;', source);
	END IF;
	IF info.stream = 'report' THEN
		SELECT string_to_array(replace(o.option_value, ' ', ''), ',') INTO listed
		FROM pg_foreign_table AS f, pg_options_to_table(f.ftoptions) AS o
		WHERE f.ftrelid = source AND o.option_name = 'dimensions';
		IF info.grain IN ('week', 'month') THEN
			listed := listed || ('stat_time_' || info.grain);
		END IF;
	END IF;
	wanted := (SELECT count(DISTINCT k) FROM unnest(listed || ARRAY['advertiser_id']) AS k);
	IF cardinality(result) <> wanted THEN
		RAISE EXCEPTION 'foreign table % lacks a column of the key', source
			USING ERRCODE = '42703',
				DETAIL = format('The key is advertiser_id, %s.', array_to_string(listed, ', ')),
				HINT = 'Add the column that is missing, or import the table again.';
	END IF;
	IF info.grain IS NOT NULL AND NOT EXISTS (
		SELECT FROM pg_attribute AS a WHERE a.attrelid = source AND a.attname = info.time_column
			AND a.atttypid IN ('date'::regtype, 'timestamp'::regtype))
	THEN
		RAISE EXCEPTION 'column "%" of foreign table % must be of type date or timestamp',
			info.time_column, source USING ERRCODE = '42804';
	END IF;
	RETURN result;
END
$$;
COMMENT ON FUNCTION tiktok._key_columns(regclass) IS
'internal: the columns that identify a row. Errors: 42703 the foreign table lacks one, 42804 its day or hour is of another type';

-- The source's columns with their comments, and our own. path: the target's name in
-- parts; schema: where an unqualified one goes, NULL if there is none.
CREATE FUNCTION tiktok._create_table(source regclass, path text[], schema name,
	key_columns text[], time_column text, partitioned boolean)
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	-- unqualified names are those of the caller's first schema, as in CREATE TABLE
	name text := CASE cardinality(path) WHEN 1 THEN format('%I.%I', schema, path[1])
		WHEN 2 THEN format('%I.%I', path[1], path[2]) END;
	keys text := (SELECT string_agg(quote_ident(k), ', ') FROM unnest(key_columns) AS k);
	described record;
BEGIN
	IF name IS NULL OR cardinality(path) = 1 AND schema IS NULL THEN
		RAISE EXCEPTION 'the target must be a table or a schema and a table'
			USING ERRCODE = '42602';
	END IF;
	EXECUTE tiktok._fill('CREATE TABLE {name} (LIKE {source}, _synced_at timestamptz NOT NULL{_deleted_at}, '
			'PRIMARY KEY ({keys})){partitioned}',
		jsonb_build_object('name', name, 'source', source::text, 'keys', keys,
			'_deleted_at', CASE WHEN time_column IS NULL THEN ', _deleted_at timestamptz' ELSE '' END,
			'partitioned', CASE WHEN partitioned THEN format(' PARTITION BY RANGE (%I)', time_column)
				ELSE '' END));
	FOR described IN
		SELECT c.name AS col, c.description FROM tiktok._source_columns(source) AS c
		WHERE c.description IS NOT NULL
		UNION ALL SELECT '_synced_at', 'when the row last changed here'
		UNION ALL SELECT '_deleted_at', 'when the row was first found gone upstream; NULL: it is there'
			WHERE time_column IS NULL
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', name, described.col, described.description);
	END LOOP;
	EXECUTE format('COMMENT ON TABLE %s IS %L', name,
		format('snapshot of %s, kept by tiktok.refresh()', source));
	RETURN name::regclass;
END
$$;
COMMENT ON FUNCTION tiktok._create_table(regclass, text[], name, text[], text, boolean) IS
'internal: creates the table of a snapshot. time_column: NULL for a stream that is read whole. Errors: 42602 the name has no or more than two parts, those of CREATE TABLE';

-- Asking for less than the source holds is no error, but is said.
CREATE FUNCTION tiktok._held_since(source regclass, since date, start_date date)
RETURNS date
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF since < start_date THEN
		RAISE NOTICE 'foreign table % holds no days before %', source, to_char(start_date, 'YYYY-MM-DD')
			USING DETAIL = 'Option "start_date" of the foreign table or its server is the first day that it holds.',
				HINT = 'Set the option to an earlier day, if the snapshot is to begin before.';
	END IF;
	RETURN greatest(since, start_date);
END
$$;
COMMENT ON FUNCTION tiktok._held_since(regclass, date, date) IS
'internal: the first day of a snapshot, not before the first that the source holds (start_date; NULL: any)';

-- Names are resolved already: no search_path of the caller's is needed any more.
-- existing: the table; NULL: it is to be made, by path and schema.
CREATE FUNCTION tiktok._create_snapshot(source regclass, existing regclass, path text[],
	schema name, since date, attribution_window integer, partition_by text, probe boolean, for_each text)
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	info record := tiktok._source(source);
	key_columns text[] := tiktok._key_columns(source);
	target regclass := existing;
	known tiktok.snapshots;
	now_there bigint := 0;
BEGIN
	PERFORM tiktok._check_arguments(source, info.grain, since, attribution_window, partition_by);
	PERFORM tiktok._check_probe(source, probe);
	IF target IS NOT NULL THEN
		PERFORM tiktok._check_owner(target);
		SELECT s.* INTO known FROM tiktok.snapshots AS s WHERE s.target = existing;
		IF known.source_name IS NOT NULL AND source IS DISTINCT FROM to_regclass(known.source) THEN
			RAISE EXCEPTION 'table % is a snapshot of %, not of %', target, known.source, source
				USING ERRCODE = '42710', HINT = format('SELECT tiktok.forget(%L) first.', target);
		END IF;
		PERFORM tiktok._check_beside_free(target, target);
	END IF;
	IF tiktok._check_for_each(source, coalesce(for_each, known.for_each)) IS NOT NULL AND probe THEN
		RAISE EXCEPTION '"probe" means nothing for a snapshot with for_each'
			USING ERRCODE = '22023', DETAIL = 'The API''s totals are those of an account.', HINT = 'Leave the argument out.';
	END IF;
	IF since IS NOT NULL THEN
		since := tiktok._held_since(source, since, info.start_date);
	END IF;
	IF known.target IS NULL AND info.grain IS NOT NULL THEN
		since := coalesce(since, info.start_date);
		attribution_window := coalesce(attribution_window, 7);
		IF since IS NULL THEN
			RAISE EXCEPTION 'a snapshot of % needs to know its first day', source
				USING ERRCODE = 'HV00L', HINT = 'Add an argument such as since => ''2026-01-01'', '
					'or set the option start_date of the foreign table or its server.';
		END IF;
	END IF;
	IF target IS NULL THEN
		target := tiktok._create_table(source, path, schema, key_columns,
			CASE WHEN info.grain IS NOT NULL THEN info.time_column END, partition_by IS NOT NULL);
	ELSE
		PERFORM tiktok._check_target_kind(target, partition_by);
		PERFORM tiktok._check_columns(target, source, key_columns, info.time_column, known.columns);
		IF known.target IS NULL THEN
			EXECUTE format('SELECT count(*) FROM %s', target) INTO now_there;
		END IF;
	END IF;
	PERFORM tiktok._record(target, 'snapshot', jsonb_build_object(
		'source_schema', n.nspname, 'source_name', c.relname,
		'time_column', info.time_column, 'key_columns', key_columns,
		'columns', (SELECT array_agg(k.name ORDER BY k.attnum) FROM tiktok._source_columns(source) AS k),
		'since', since, 'attribution_window', attribution_window,
		'partition_by', partition_by, 'rows', now_there, 'probe', probe, 'for_each', for_each))
	FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = source;
	RETURN target;
END
$$;
COMMENT ON FUNCTION tiktok._create_snapshot(regclass, regclass, text[], name, date, integer, text, boolean, text) IS
'internal: the body of tiktok.create_snapshot(), with its errors';

-- In the caller's search_path, and so without a SET: it says what an unqualified name
-- means, and triggers of a table that is beside the target already may fire. What is there
-- is looked at when nobody else can be making it.
CREATE FUNCTION tiktok._register(source regclass, target text, since date,
	attribution_window integer, partition_by text, probe boolean, history boolean, changes boolean,
	changes_keep interval, for_each text, wait boolean)
RETURNS regclass
LANGUAGE plpgsql
AS $$
DECLARE
	existing regclass;
	path text[] := pg_catalog.parse_ident(target);
	result regclass;
BEGIN
	PERFORM tiktok._check_writable();
	PERFORM tiktok._lock_names(pg_catalog.to_regclass(target), path, pg_catalog.current_schema(), wait);
	existing := pg_catalog.to_regclass(target);
	PERFORM tiktok._check_beside(source, existing, path, pg_catalog.current_schema(), history,
		changes, changes_keep);
	result := tiktok._create_snapshot(source, existing, path, pg_catalog.current_schema(), since,
		attribution_window, partition_by, probe, for_each);
	PERFORM tiktok._switch_beside(result, source, history, changes, changes_keep);
	RETURN result;
END
$$;
COMMENT ON FUNCTION tiktok._register(regclass, text, date, integer, text, boolean, boolean, boolean, interval, text, boolean) IS
'internal: tiktok.create_snapshot(); wait: for another session that makes the same snapshot, or else 55006';

-- Whoever sets tables up wants them to be there: it waits.
CREATE FUNCTION tiktok.create_snapshot(source regclass, target text, since date DEFAULT NULL,
	attribution_window integer DEFAULT NULL, partition_by text DEFAULT NULL,
	probe boolean DEFAULT NULL, history boolean DEFAULT NULL, changes boolean DEFAULT NULL,
	changes_keep interval DEFAULT NULL, for_each text DEFAULT NULL)
RETURNS regclass
LANGUAGE plpgsql
AS $$
BEGIN
	RETURN tiktok._register(source, target, since, attribution_window, partition_by, probe, history,
		changes, changes_keep, for_each, true);
END
$$;
COMMENT ON FUNCTION tiktok.create_snapshot(regclass, text, date, integer, text, boolean, boolean, boolean, interval, text) IS
'registers a local table that tiktok.refresh() keeps like a foreign table, and creates it if it is missing; sends no request, and waits for another session that makes the same. since: first day wanted (NULL: the option start_date, before which the source holds nothing). attribution_window: days before the watermark that each refresh reads again, 0 to 364 (NULL: 7). partition_by: ''month'' or NULL. probe: whether refreshes of a daily BASIC report ask for totals first and read no rows of accounts that did not change (NULL: true). history: each state of a row goes into a table TARGET_history (streams that are read whole). changes: each change goes into a table TARGET_changes and stays there for changes_keep (NULL: 7 days); false, or NULL at first: not. for_each: a query that each refresh runs first, as the owner and with search_path pg_catalog; its columns are named like some of the source''s key, and what it gives is asked for and nothing else; streams with required conditions need one. For a table that is a snapshot already: an earlier since and what else is given are kept, NULL changes nothing, false writes no more and leaves the table; with another for_each, all is read again. Errors: 42501 not the owner, or a privilege is missing; 22023 wrong argument; 42710 it is a snapshot of another table; HV00L no first day, or no for_each where one is needed; 42703 for_each lacks a column or has another; 42P07, 42622, 42701 a table cannot be made beside it; 55006 history or changes were to be switched during a refresh';

-- The table itself is its owner's.
CREATE FUNCTION tiktok.forget(target regclass)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
	PERFORM tiktok._check_writable();
	IF tiktok._record(target, 'forget', '{}') OPERATOR(pg_catalog.=) 0 THEN
		RAISE EXCEPTION 'table % is no snapshot', target USING ERRCODE = '42704';
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok.forget(regclass) IS
'drops the registration of a snapshot and its runs, not the table, and none beside it. For its owner and superusers. Errors: 42501 not the owner, 42704 no snapshot';

-- ---- sql/parts/33_beside.sql
--
-- Tables beside a target: TARGET_history has a row for each state of a row, TARGET_changes
-- one for each change. They are the target's owner's, known by their OIDs like the target,
-- made and switched here, written in 45_write_beside.sql. A refresh runs their triggers
-- with the owner's rights, so that they must not be anybody else's.

-- What stands in the registry; it is not written but as a whole.
CREATE FUNCTION tiktok._record_beside(target regclass, detail jsonb)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE tiktok._snapshot AS s
	SET history = (detail ->> 'history')::oid::regclass,
		changes = (detail ->> 'changes')::oid::regclass,
		changes_keep = (detail ->> 'changes_keep')::interval,
		last_change = coalesce((detail ->> 'moment')::timestamptz, s.last_change)
	WHERE s.target = _record_beside.target;
	SELECT 0::bigint
$$;
COMMENT ON FUNCTION tiktok._record_beside(regclass, jsonb) IS
'internal: which tables are beside a target: history, changes (OIDs), changes_keep; moment: of the last write; returns 0';
REVOKE ALL ON FUNCTION tiktok._record_beside(regclass, jsonb) FROM PUBLIC;

-- Two snapshots that wrote one table would end each other's states. The registry is asked,
-- for the other one may be nobody's that the caller sees; its name is not told.
CREATE FUNCTION tiktok._check_beside_free(beside regclass, target regclass)
RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM tiktok._snapshot AS s JOIN pg_class AS c ON c.oid = s.target
		WHERE beside IN (s.history::oid, s.changes::oid, s.target::oid)
			AND s.target <> coalesce(_check_beside_free.target, 0::oid))
	THEN
		RAISE EXCEPTION 'relation % exists already', beside
			USING ERRCODE = '42P07', DETAIL = 'It belongs to another snapshot.',
				HINT = 'Rename it, which that snapshot does not mind, or choose another target.';
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_beside_free(regclass, regclass) IS
'internal: 42P07 if a table is a snapshot, or beside one, other than target (NULL: any)';

-- What a table has beside the columns of the source, or of its key.
CREATE FUNCTION tiktok._beside_columns(what text, OUT name text, OUT type regtype,
	OUT description text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.name, v.type, v.description
	FROM (VALUES
	('history', '_synced_at', 'timestamptz'::regtype, 'when the row last changed in the snapshot: _valid_from, or before it'),
	('history', '_deleted_at', 'timestamptz'::regtype, 'always NULL: the state of a row that is gone has ended'),
	('history', '_valid_from', 'timestamptz'::regtype, 'when a refresh first saw the row like this'),
	('history', '_valid_to', 'timestamptz'::regtype, 'when one first saw it otherwise, or gone; NULL: it is like this now'),
	('changes', 'run', 'bigint'::regtype, 'the refresh, as in tiktok.snapshot_runs'),
	('changes', 'op', 'text'::regtype, 'I: a new row; U: another state of one, a row that was marked as gone and is back included; D: a row is gone'),
	('changes', 'old', 'jsonb'::regtype, 'the row as it was; NULL for I'),
	('changes', 'new', 'jsonb'::regtype, 'the row as it is; for D the row with its mark, or NULL where rows that are gone are deleted'),
	('changes', 'at', 'timestamptz'::regtype, 'when it was written: _synced_at of the row, later for each later change'))
		AS v (what, name, type, description)
	WHERE v.what = _beside_columns.what
$$;
COMMENT ON FUNCTION tiktok._beside_columns(text) IS
'internal: the columns of a table beside a target that are not of the source; what: history or changes';

-- What of a name can be refused is refused before anything is made. A table of that name
-- that is the caller's and looks like one that was made here is written on.
CREATE FUNCTION tiktok._check_beside_name(target regclass, schema name, relname text, what text,
	key_columns text[])
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text := relname || '_' || what;
	full_name text := format('%I.%I', schema, name);
	there regclass;
BEGIN
	IF octet_length(name) > 63 THEN
		RAISE EXCEPTION 'table name "%" is longer than 63 bytes', name
			USING ERRCODE = '42622', HINT = format('Give the target a name of at most %s bytes.',
				63 - octet_length('_' || what));
	END IF;
	SELECT c.oid INTO there FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = schema AND c.relname = name;
	IF there IS NULL THEN
		RETURN;
	END IF;
	IF EXISTS (
		SELECT FROM (
			SELECT b.name, b.type::oid FROM tiktok._beside_columns(what) AS b
			UNION ALL SELECT k, NULL FROM unnest(key_columns) AS k) AS w (name, type)
			LEFT JOIN pg_attribute AS a ON a.attrelid = there AND a.attname = w.name
				AND NOT a.attisdropped
		WHERE a.attname IS NULL OR a.atttypid <> w.type)
	THEN
		RAISE EXCEPTION 'relation % exists already', there
			USING ERRCODE = '42P07', DETAIL = format('It is no table of %s of a snapshot.', what),
				HINT = 'Rename it, or choose another target.';
	END IF;
	PERFORM tiktok._check_owner(there);
	PERFORM tiktok._check_target_kind(there, NULL);
	PERFORM tiktok._check_beside_free(there, target);
END
$$;
COMMENT ON FUNCTION tiktok._check_beside_name(regclass, name, text, text, text[]) IS
'internal: whether a table can be made, or taken over, beside a target (NULL: it is to be made) of that schema and name; what: history or changes. Errors: 42622 too long; 42P07 another relation has the name, or another snapshot the table; 42501 the table is not the caller''s';

-- existing: the target; NULL: it is to be made, by path and schema.
CREATE FUNCTION tiktok._check_beside(source regclass, existing regclass, path text[],
	schema name, history boolean, changes boolean, changes_keep interval)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	key_columns text[];
	relname text := path[cardinality(path)];
	known tiktok.snapshots;
	twice text;
	what text;
BEGIN
	IF history IS NULL AND changes IS NULL AND changes_keep IS NULL THEN
		RETURN;
	END IF;
	IF history AND (tiktok._source(source)).grain IS NOT NULL THEN
		RAISE EXCEPTION '"history" means nothing for a snapshot of %', source
			USING ERRCODE = '22023', DETAIL = 'Rows of a report by day or hour are of that time already.',
				HINT = 'Keep their changes instead: changes => true.';
	END IF;
	SELECT s.* INTO known FROM tiktok.snapshots AS s WHERE s.target = existing;
	IF changes_keep IS NOT NULL AND NOT coalesce(changes, known.changes IS NOT NULL) THEN
		RAISE EXCEPTION '"changes_keep" means nothing without changes'
			USING ERRCODE = '22023', HINT = 'Add the argument changes => true.';
	END IF;
	IF changes_keep <= interval '0' THEN
		RAISE EXCEPTION 'changes_keep must be positive, not %', changes_keep USING ERRCODE = '22023';
	END IF;
	PERFORM clock_timestamp() - changes_keep;	-- or it is no interval that ends
	IF existing IS NOT NULL THEN
		SELECT n.nspname, c.relname INTO schema, relname
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = existing;
	ELSIF cardinality(path) = 2 THEN
		schema := path[1];
	END IF;
	key_columns := tiktok._key_columns(source);
	FOREACH what IN ARRAY array_remove(ARRAY[CASE WHEN history THEN 'history' END,
		CASE WHEN changes THEN 'changes' END], NULL)
	LOOP
		SELECT min(c) INTO twice
		FROM unnest(CASE what WHEN 'changes' THEN key_columns ELSE
			ARRAY(SELECT k.name FROM tiktok._source_columns(source) AS k) END) AS c
			JOIN tiktok._beside_columns(what) AS b ON b.name = c;
		IF twice IS NOT NULL THEN
			RAISE EXCEPTION 'column "%" of foreign table % has the name of a column of a table of %',
				twice, source, what
				USING ERRCODE = '42701', HINT = format('ALTER FOREIGN TABLE %s RENAME COLUMN %I TO …;',
					source, twice);
		END IF;
		CONTINUE WHEN tiktok._is_there(CASE what WHEN 'history' THEN known.history ELSE known.changes END);
		PERFORM tiktok._check_beside_name(existing, schema, relname, what, key_columns);
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok._check_beside(regclass, regclass, text[], name, boolean, boolean, interval) IS
'internal: refuses what create_snapshot() was given for tables beside the target. Errors: 22023 arguments that are wrong, or would be ignored; 42701 a column would be there twice; those of tiktok._check_beside_name()';

CREATE FUNCTION tiktok._is_there(beside regclass)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = beside)
$$;
COMMENT ON FUNCTION tiktok._is_there(regclass) IS
'internal: whether a table that stands in the registry was not dropped; false for NULL';

-- Whoever may do something with the target may do it with a table beside it, and nobody
-- else, whatever default privileges say. Rights on a column are worth nothing in jsonb.
CREATE FUNCTION tiktok._copy_rights(target regclass, beside regclass, columns text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	command text;
BEGIN
	FOR command IN
		SELECT DISTINCT format('REVOKE ALL ON TABLE %s FROM %s CASCADE', beside,
			CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
		FROM pg_class AS c, aclexplode(c.relacl) AS a
		WHERE c.oid = beside AND a.grantee <> c.relowner
	LOOP
		EXECUTE command;
	END LOOP;
	IF (SELECT c.relrowsecurity FROM pg_class AS c WHERE c.oid = target) THEN
		RAISE NOTICE 'only its owner may read %', beside
			USING DETAIL = format('Table %s has row-level security, which is not copied.', target),
				HINT = 'Add policies of its own, then GRANT.';
		RETURN;
	END IF;
	FOR command IN
		SELECT format('GRANT %s%s ON TABLE %s TO %s%s', a.privilege_type,
			CASE WHEN a.col IS NULL THEN '' ELSE ' (' || quote_ident(a.col) || ')' END, beside,
			CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
			CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
		FROM (
			SELECT NULL::text AS col, x.*, c.relowner FROM pg_class AS c, aclexplode(c.relacl) AS x
			WHERE c.oid = target
			UNION ALL
			SELECT t.attname, x.*, c.relowner FROM pg_class AS c
				JOIN pg_attribute AS t ON t.attrelid = c.oid AND t.attname = ANY (columns)
					AND NOT t.attisdropped,
				aclexplode(t.attacl) AS x
			WHERE c.oid = target) AS a
		WHERE a.grantee <> a.relowner
	LOOP
		EXECUTE command;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok._copy_rights(regclass, regclass, text[]) IS
'internal: gives a new table the rights of the target, and those on the columns that are named';

-- Two states of a row never overlap: at most one has no end, none ends before it begins,
-- no two begin together, and moments only grow. The first two are added here, also to a
-- table that is taken over; that no two begin together is its key.
CREATE FUNCTION tiktok._constrain_history(history regclass, key_columns text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conrelid = history AND c.contype = 'c'
		AND c.convalidated AND pg_get_constraintdef(c.oid) = 'CHECK ((_valid_from < _valid_to))')
	THEN
		EXECUTE format('ALTER TABLE %s ADD CHECK (_valid_from < _valid_to)', history);
	END IF;
	IF NOT EXISTS (
		SELECT FROM pg_index AS i
		WHERE i.indrelid = history AND i.indisunique AND i.indimmediate AND i.indisvalid
			AND i.indexprs IS NULL AND pg_get_expr(i.indpred, i.indrelid) = '(_valid_to IS NULL)'
			AND ARRAY(SELECT a.attname::text FROM pg_attribute AS a
				WHERE a.attrelid = history AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
				ORDER BY 1) = ARRAY(SELECT k FROM unnest(key_columns) AS k ORDER BY 1))
	THEN
		EXECUTE format('CREATE UNIQUE INDEX ON %s (%s) WHERE _valid_to IS NULL', history,
			(SELECT string_agg(quote_ident(k), ', ') FROM unnest(key_columns) AS k));
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._constrain_history(regclass, text[]) IS
'internal: adds to a table of states what keeps them from overlapping, where it is missing. Errors: 23505 a row has two states without an end; 23514 a state ends before it begins';

-- With the key only: tiktok._constrain_history() adds the rest.
CREATE FUNCTION tiktok._create_history(target regclass, source regclass, name text,
	key_columns text[])
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parts jsonb := jsonb_build_object('name', name, 'source', source::text,
		'keys', (SELECT string_agg(quote_ident(k), ', ') FROM unnest(key_columns) AS k));
	described record;
BEGIN
	EXECUTE tiktok._fill('CREATE TABLE {name} (LIKE {source}, _synced_at timestamptz NOT NULL,
		_deleted_at timestamptz, _valid_from timestamptz NOT NULL, _valid_to timestamptz,
		PRIMARY KEY ({keys}, _valid_from))', parts);
	FOR described IN
		SELECT c.name AS col, c.description FROM tiktok._source_columns(source) AS c
		WHERE c.description IS NOT NULL
		UNION ALL SELECT b.name, b.description FROM tiktok._beside_columns('history') AS b
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', name, described.col, described.description);
	END LOOP;
	EXECUTE format('COMMENT ON TABLE %s IS %L', name,
		format('every state of the rows of snapshot %s that tiktok.refresh() saw', target));
	PERFORM tiktok._copy_rights(target, name::regclass,
		ARRAY(SELECT c.name FROM tiktok._source_columns(source) AS c)
			|| '{_synced_at,_deleted_at}'::text[]);
	RETURN name::regclass;
END
$$;
COMMENT ON FUNCTION tiktok._create_history(regclass, regclass, text, text[]) IS
'internal: creates a table for the states of a target''s rows. Errors: those of CREATE TABLE';

-- The moment first: a reader asks for what is later, and what is old goes, by this key.
CREATE FUNCTION tiktok._create_changes(target regclass, source regclass, name text,
	key_columns text[])
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	described record;
BEGIN
	EXECUTE tiktok._fill('CREATE TABLE {name} (run bigint NOT NULL,
			op text NOT NULL CHECK (op IN (''I'', ''U'', ''D'')), {typed_keys},
			old jsonb, new jsonb, at timestamptz NOT NULL, PRIMARY KEY (at, {keys}))',
		(SELECT jsonb_build_object('name', name,
			'keys', string_agg(quote_ident(k), ', ' ORDER BY n),
			'typed_keys', string_agg(format('%I %s', k, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY n))
		FROM unnest(key_columns) WITH ORDINALITY AS u (k, n)
			JOIN pg_attribute AS a ON a.attrelid = source AND a.attname = k));
	FOR described IN
		SELECT c.name AS col, c.description FROM tiktok._source_columns(source) AS c
		WHERE c.description IS NOT NULL AND c.name = ANY (key_columns)
		UNION ALL SELECT b.name, b.description FROM tiktok._beside_columns('changes') AS b
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', name, described.col, described.description);
	END LOOP;
	EXECUTE format('COMMENT ON TABLE %s IS %L', name,
		format('what tiktok.refresh() lately changed in snapshot %s', target));
	PERFORM tiktok._copy_rights(target, name::regclass, '{}');
	RETURN name::regclass;
END
$$;
COMMENT ON FUNCTION tiktok._create_changes(regclass, regclass, text, text[]) IS
'internal: creates a table for the changes of a target. Errors: those of CREATE TABLE';

-- That a table beside a target can be written, or what to do.
CREATE FUNCTION tiktok._check_beside_table(target regclass, source regclass, beside regclass,
	what text, key_columns text[])
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text;
BEGIN
	IF beside IS NULL THEN
		RETURN;
	END IF;
	IF NOT tiktok._is_there(beside) THEN
		RAISE EXCEPTION 'the table of % of snapshot % does not exist', what, target
			USING ERRCODE = '42P01', HINT = format('SELECT tiktok.create_snapshot(%1$L, %2$L, %3$s => true); '
				'begins a new one, with %3$s => false the snapshot goes on without.', source, target, what);
	END IF;
	PERFORM tiktok._check_owner(beside);
	PERFORM tiktok._check_privileges(beside, source);
	IF what = 'history' THEN
		PERFORM tiktok._check_columns(beside, source, key_columns || '_valid_from'::text, NULL, NULL);
	END IF;
	SELECT min(w.name) INTO missing
	FROM (SELECT b.name, b.type::oid FROM tiktok._beside_columns(what) AS b
		UNION ALL
		SELECT k, s.atttypid FROM unnest(key_columns) AS k
			JOIN pg_attribute AS s ON s.attrelid = source AND s.attname = k) AS w (name, type)
		LEFT JOIN pg_attribute AS a ON a.attrelid = beside AND a.attname = w.name AND NOT a.attisdropped
	WHERE a.atttypid IS DISTINCT FROM w.type;
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'table % has no column "%" of the type that a table of % has', beside, missing, what
			USING ERRCODE = '42703', HINT = format('Rename the table; SELECT tiktok.create_snapshot(%L, '
				'%L, %s => false) and again with true makes another.', source, target, what);
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_beside_table(regclass, regclass, regclass, text, text[]) IS
'internal: refuses a table beside a target that cannot be written; NULL: there is none. what: history or changes. Errors: 42P01 it was dropped; 42501 it is another''s, or a privilege is missing; 42703, 42804, 42P10 it was altered';

-- Makes one, or finds one that is there, by the target's name of now.
CREATE FUNCTION tiktok._get_beside(target regclass, source regclass, what text,
	key_columns text[], OUT beside regclass, OUT made boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text := (SELECT format('%I.%I', n.nspname, c.relname || '_' || what)
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = target);
BEGIN
	beside := to_regclass(name);
	made := beside IS NULL;
	IF made THEN
		beside := CASE what WHEN 'history' THEN tiktok._create_history(target, source, name, key_columns)
			ELSE tiktok._create_changes(target, source, name, key_columns) END;
	END IF;
	PERFORM tiktok._check_beside_table(target, source, beside, what, key_columns);
	PERFORM tiktok._check_beside_free(beside, target);
	IF what = 'history' THEN
		PERFORM tiktok._constrain_history(beside, key_columns);
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._get_beside(regclass, regclass, text, text[]) IS
'internal: the table of that kind beside a target. made: it was not there. Errors: those of CREATE TABLE, of tiktok._check_beside_table(), tiktok._check_beside_free() and tiktok._constrain_history()';

-- ---- sql/parts/34_for_each.sql
--
-- Snapshots of what the API tells only for values that it is given: a query of the owner
-- lists them. It is kept as text, and runs once at the beginning of each refresh, as the
-- caller and with search_path pg_catalog, into a temporary table; source and target are
-- looked at for these values only.

-- A trailing semicolon is what one types; a comment may come last.
CREATE FUNCTION tiktok._for_each_source(for_each text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format(E'(\n%s\n) AS q', regexp_replace(for_each, '[;\s]+$', ''))
$$;
COMMENT ON FUNCTION tiktok._for_each_source(text) IS
'internal: the query of a snapshot, as a sub-select q';

-- Whoever reads the error has not typed the statement that it is of.
CREATE FUNCTION tiktok._raise_for_each(source regclass, problem tiktok._problem)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiktok._raise(problem.code, format('the query for_each of a snapshot of %s: %s', source, problem.message),
		problem.detail, 'It is a SELECT whose tables and functions have their schemas, for it runs with '
			'search_path pg_catalog.');
END
$$;
COMMENT ON FUNCTION tiktok._raise_for_each(regclass, tiktok._problem) IS
'internal: raises an error of that query, with what it is to be';

-- The query is parsed, and not even planned: no request.
CREATE FUNCTION tiktok._for_each_columns(source regclass, for_each text)
RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	given text[];
	problem tiktok._problem;
BEGIN
	BEGIN
		EXECUTE 'CREATE TEMPORARY TABLE tiktok_for_each ON COMMIT DROP AS SELECT * FROM '
			|| tiktok._for_each_source(for_each) || ' WITH NO DATA';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS problem.code = RETURNED_SQLSTATE, problem.message = MESSAGE_TEXT,
			problem.detail = PG_EXCEPTION_DETAIL;
	END;
	IF problem.code IS NOT NULL THEN
		PERFORM tiktok._raise_for_each(source, problem);
	END IF;
	given := ARRAY(SELECT a.attname::text FROM pg_attribute AS a
		WHERE a.attrelid = 'pg_temp.tiktok_for_each'::regclass AND a.attnum > 0 ORDER BY a.attnum);
	DROP TABLE pg_temp.tiktok_for_each;
	RETURN given;
END
$$;
COMMENT ON FUNCTION tiktok._for_each_columns(regclass, text) IS
'internal: the columns that the query of a snapshot gives. Errors: its own';

-- for_each: NULL where there is none.
CREATE FUNCTION tiktok._check_for_each(source regclass, for_each text)
RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	required text[];
	allowed text[];
	given text[];
	missing text;
	wrong text;
BEGIN
	SELECT s.required_conditions, ARRAY(SELECT k.name FROM tiktok._source_columns(source) AS k
			WHERE k.in_key OR k.name = ANY (s.required_conditions) ORDER BY k.attnum)
	INTO required, allowed
	FROM tiktok.streams AS s WHERE s.name = (tiktok._source(source)).stream;
	missing := array_to_string(required, ', ');
	IF for_each IS NULL THEN
		IF missing <> '' THEN
			RAISE EXCEPTION 'a snapshot of % needs a list of what to ask for: %', source, missing
				USING ERRCODE = 'HV00L', DETAIL = 'The API tells what there is only for values that it is given.',
					HINT = format('Add an argument such as for_each => ''SELECT %s FROM …'', a query that each '
						'refresh runs.', missing);
		END IF;
		RETURN NULL;
	END IF;
	given := tiktok._for_each_columns(source, for_each);
	SELECT string_agg(r, ', ') INTO missing FROM unnest(required) AS r WHERE r <> ALL (given);
	SELECT min(g) INTO wrong FROM unnest(given) AS g WHERE g <> ALL (coalesce(allowed, '{}'));
	IF missing IS NOT NULL OR wrong IS NOT NULL OR given = '{}' THEN
		RAISE EXCEPTION '%', CASE WHEN missing IS NOT NULL
				THEN format('the query for_each of a snapshot of %s does not give %s', source, missing)
				WHEN wrong IS NOT NULL
				THEN format('the query for_each of a snapshot of %s gives a column "%s"', source, wrong)
				ELSE format('the query for_each of a snapshot of %s gives no column', source) END
			USING ERRCODE = '42703', HINT = format('Its columns have names of those that tell rows of %s apart: %s.',
				source, array_to_string(allowed, ', '));
	END IF;
	RETURN given;
END
$$;
COMMENT ON FUNCTION tiktok._check_for_each(regclass, text) IS
'internal: the columns of a snapshot''s query (NULL: there is none), or an error that says what to change: HV00L a query is needed, 42703 it lacks a column or has another, or its own';

-- The query is its writer's: with another owner of the table it would run with that one's
-- rights, and nobody would have read it.
CREATE FUNCTION tiktok._check_for_each_by(target regclass, for_each text, for_each_by text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF for_each IS NOT NULL AND for_each_by IS DISTINCT FROM current_user THEN
		RAISE EXCEPTION 'the query for_each of snapshot % was written by %, not by %', target, for_each_by, current_user
			USING ERRCODE = '42501', DETAIL = format('It would run with the rights of %s: %s', current_user, for_each),
				HINT = format('Read it, then SELECT tiktok.forget(%L) and tiktok.create_snapshot() with it.', target);
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_for_each_by(regclass, text, text) IS
'internal: 42501 unless the current user is the role that wrote the query of a snapshot';

-- Values have the types of the source's columns. With statistics: what is asked
-- for at once depends on how many there are.
CREATE FUNCTION tiktok._fill_for_each(statements tiktok._statements, source regclass, target regclass,
	columns text[], for_each text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	any_row boolean;
	problem tiktok._problem;
BEGIN
	BEGIN
		EXECUTE tiktok._fill('CREATE TEMPORARY TABLE {name} AS
			SELECT DISTINCT {columns} FROM {query} WHERE {known}', (
			SELECT jsonb_build_object('name', statements.asked, 'query', tiktok._for_each_source(for_each),
				'columns', string_agg(format('q.%1$I::%2$s AS %1$I', a.attname,
					format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum),
				'known', string_agg(format('q.%I IS NOT NULL', a.attname), ' AND '))
			FROM pg_attribute AS a WHERE a.attrelid = source AND a.attname = ANY (columns)));
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS problem.code = RETURNED_SQLSTATE, problem.message = MESSAGE_TEXT,
			problem.detail = PG_EXCEPTION_DETAIL;
	END;
	IF problem.code IS NOT NULL THEN
		PERFORM tiktok._raise_for_each(source, problem);
	END IF;
	EXECUTE format('ANALYZE %s', statements.asked);
	EXECUTE format('SELECT true FROM %s LIMIT 1', statements.asked) INTO any_row;
	IF any_row IS NULL THEN
		RAISE NOTICE '%: its query for_each gives nothing to ask for', target;
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._fill_for_each(tiktok._statements, regclass, regclass, text[], text) IS
'internal: runs the query of a snapshot into a temporary table: each combination once, those with a NULL left out. Errors: its own, of casts too';

-- ---- sql/parts/40_statements.sql
--
-- The statements of a target, as templates: tiktok._templates() has their text, one a
-- name, tiktok._parts() what goes into them, tiktok._statements() puts both together,
-- once a refresh. A change of a statement is a change of its template.
--
-- Parameters of every statement: $1 accounts, $2 first day, $3 the day after the last,
-- $4 now. The target's rows are read in a sub-select that does not mix with the rest
-- (OFFSET 0): distributed tables then need no join with a local table. Whatever runs
-- where triggers fire – insert, replace, upsert, remove, renew – names its operators with their schema.

-- {name} in a template is a part that is SQL as it stands: a list of columns, a
-- condition, a table. {name:I} is a name and {name:L} a text, quoted here. Parts
-- are not looked into, so a column may be called {stage}. Other braces stay.
CREATE FUNCTION tiktok._fill(template text, parts jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result text;
	missing text;
BEGIN
	SELECT string_agg(CASE WHEN m[2] IS NULL THEN m[1]
			WHEN m[3] = 'I' THEN quote_ident(parts ->> m[2])
			WHEN m[3] = 'L' THEN quote_literal(parts ->> m[2])
			ELSE parts ->> m[2] END, '' ORDER BY n),
		min(m[2]) FILTER (WHERE parts ->> m[2] IS NULL)
	INTO result, missing
	FROM regexp_matches(template, '(\{([a-z_]+)(?::([IL]))?\}|[^{]+|\{)', 'g')
		WITH ORDINALITY AS r (m, n);
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'a template has no part "%"', missing
			USING ERRCODE = 'XX000', DETAIL = template;
	END IF;
	RETURN result;
END
$$;
COMMENT ON FUNCTION tiktok._fill(text, jsonb) IS
'internal: a template of SQL with its parts filled in: {name} as it stands, {name:I} as a name, {name:L} as a text; NULL if an argument is. Error: XX000 a part is missing or NULL';

CREATE FUNCTION tiktok._window(alias text, account text, time_column text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN account IS NULL THEN 'true' ELSE
		format('%s%I OPERATOR(pg_catalog.=) ANY ($1)', alias, account)
		|| CASE WHEN time_column IS NULL THEN '' ELSE
			format(' AND %1$s%2$I OPERATOR(pg_catalog.>=) $2 AND %1$s%2$I OPERATOR(pg_catalog.<) $3',
				alias, time_column) END END
$$;
COMMENT ON FUNCTION tiktok._window(text, text, text) IS
'internal: the condition for the rows of some accounts and days. alias: what stands before a column, with its dot; account: NULL where all rows are meant; time_column: NULL where rows have no day';

-- One number for all that counts as a change: what is no key and no signed URL.
-- A function takes a hundred values at most: the number of those before begins the next.
CREATE FUNCTION tiktok._hash_of(columns text[])
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result text;
BEGIN
	FOR n IN 1 .. coalesce(cardinality(columns), 0) BY 99 LOOP
		result := format('tiktok._row_hash(%s)', concat_ws(', ', result,
			(SELECT string_agg(quote_ident(u.name), ', ' ORDER BY u.i)
			FROM unnest(columns[n : n + 98]) WITH ORDINALITY AS u (name, i))));
	END LOOP;
	RETURN coalesce(result, 'tiktok._row_hash(0)');
END
$$;
COMMENT ON FUNCTION tiktok._hash_of(text[]) IS
'internal: the expression for tiktok._row_hash() of some columns; of none (NULL, too), a constant';

-- When a signed link ends is told by a column of its own or by the link: a number of
-- seconds in its query, or one in hexadecimal digits after 32 others in its path. One
-- that tells nothing counts as good. Where there is none, any is better.
CREATE FUNCTION tiktok._expired(name text, type oid)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('t.%1$I IS NULL AND g.%1$I IS NOT NULL OR ' || CASE WHEN type = 'timestamptz'::regtype
		THEN 't.%1$I OPERATOR(pg_catalog.<) $4'
		ELSE 'coalesce(pg_catalog.to_timestamp(pg_catalog.substring(t.%1$I::pg_catalog.text, '
				'''(?i)[?&](?:x-)?expires?=([0-9]{1,11})(?![0-9])'')::pg_catalog.float8), '
			'pg_catalog.to_timestamp((''x''::pg_catalog.text OPERATOR(pg_catalog.||) '
				'pg_catalog.substring(t.%1$I::pg_catalog.text, ''(?i)/[0-9a-f]{32}/([0-9a-f]{8})/''))'
				'::pg_catalog.bit(32)::pg_catalog.int8'
				'::pg_catalog.float8)) OPERATOR(pg_catalog.<) $4' END, name)
$$;
COMMENT ON FUNCTION tiktok._expired(text, oid) IS
'internal: the condition for a row t of the target whose column with a signed link, or with the end of one, shows that it is over at $4, or has none where row g of the stage does';

-- What is read of the source, as s. Values that a query lists are joined to it: a request for
-- each, or for many where one column takes many. Where several do, they are asked for together,
-- for each value of the others (an account first of all), and what was not listed in this
-- combination goes. asked: NULL where all is read; condition: of s.
CREATE FUNCTION tiktok._loaded(source regclass, asked_table text, asked text[], account text, condition text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	many text[] := ARRAY(SELECT c.name FROM tiktok._source_columns(source) AS c
		WHERE c.name = ANY (asked) AND c.takes_many AND NOT c.is_account);
	of_accounts text := CASE WHEN account = ANY (asked) THEN format('k.%I = ANY ($1)', account) ELSE 'true' END;
	parts jsonb;
BEGIN
	SELECT jsonb_build_object('source', source::text, 'asked', asked_table, 'condition', condition,
		'of_accounts', of_accounts,
		'k_is_s', string_agg(format('k.%1$I = s.%1$I', u), ' AND '),
		'lists', string_agg(CASE WHEN u = ANY (many) THEN format('array_agg(DISTINCT k.%1$I) AS %1$I', u)
			ELSE format('k.%I', u) END, ', '),
		'singly', coalesce(string_agg(format('k.%I', u), ', ') FILTER (WHERE u <> ALL (many)), '()'),
		's_in_lists', string_agg(format(CASE WHEN u = ANY (many) THEN 's.%1$I = ANY (l.%1$I)'
			ELSE 's.%1$I = l.%1$I' END, u), ' AND '))
	INTO parts FROM unnest(asked) AS u;
	RETURN tiktok._fill(CASE WHEN asked IS NULL THEN '{source} AS s WHERE {condition}'
		WHEN cardinality(many) < 2 THEN '{source} AS s JOIN {asked} AS k ON {k_is_s}
			WHERE {condition} AND {of_accounts}'
		ELSE '(SELECT {lists} FROM {asked} AS k WHERE {of_accounts} GROUP BY {singly}) AS l
			CROSS JOIN LATERAL (SELECT * FROM {source} AS s WHERE {s_in_lists} AND {condition} OFFSET 0) AS s
			JOIN {asked} AS k ON {k_is_s}' END, parts);
END
$$;
COMMENT ON FUNCTION tiktok._loaded(regclass, text, text[], text, text) IS
'internal: what is read of a source, as s: behind FROM. asked: the columns of a query for_each, whose values are in asked_table; NULL: there is none. account: NULL where rows are not told by account; condition: of s';

-- What the templates are made of. Three rows may meet: s of the stage (when it is loaded, of the source), t of the
-- target, g one that is gone; a and b are two of the stage with the same key.
CREATE FUNCTION tiktok._parts(target regclass, source regclass, key_columns text[],
	time_column text, with_accounts boolean, asked text[] DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	account text := (SELECT min(c.name) FROM tiktok._source_columns(source) AS c WHERE c.is_account);
	bounded text := CASE WHEN with_accounts THEN account END;
	mark boolean := time_column IS NULL;	-- rows that are gone are marked, not deleted
	hourly boolean := coalesce((tiktok._source(source)).grain = 'hour', false) AND NOT mark;
	asked_table text := 'pg_temp.' || quote_ident('tiktok_asked_' || target::oid);
	columns jsonb;
	keys jsonb;
BEGIN
	SELECT jsonb_build_object(
		'columns', string_agg(quote_ident(c.name), ', ' ORDER BY c.attnum),
		's_columns', string_agg(format('s.%I', c.name), ', ' ORDER BY c.attnum),
		'hash', tiktok._hash_of(array_agg(c.name ORDER BY c.attnum)
			FILTER (WHERE NOT o.is_key AND NOT c.signed_url)),
		'excluded', coalesce(string_agg(format('%1$I = EXCLUDED.%1$I, ', c.name), '' ORDER BY c.attnum)
			FILTER (WHERE NOT o.is_key), ''),
		'folded', coalesce(string_agg(format(CASE WHEN c.additive
				THEN '%1$I = CASE WHEN a.%1$I IS NULL THEN b.%1$I WHEN b.%1$I IS NULL THEN a.%1$I '
					'ELSE a.%1$I + b.%1$I END'
				ELSE '%1$I = CASE WHEN record_image_eq(ROW(a.%1$I), ROW(b.%1$I)) THEN a.%1$I END' END,
				c.name), ', ') FILTER (WHERE NOT o.is_key), format('%1$I = a.%1$I', account)),
		-- NULL where there is none: tiktok._statements() leaves out what needs them
		'signed', string_agg(format(', %I', c.name), '') FILTER (WHERE c.signed_url),
		'renewed', string_agg(format('%1$I = g.%1$I', c.name), ', ') FILTER (WHERE c.signed_url),
		't_signed', string_agg(format('t.%I', c.name), ', ') FILTER (WHERE c.signed_url),
		'g_signed', string_agg(format('g.%I', c.name), ', ') FILTER (WHERE c.signed_url),
		'expired', string_agg(tiktok._expired(c.name, a.atttypid), ' OR ') FILTER (WHERE c.signed_url))
	INTO columns
	FROM tiktok._source_columns(source) AS c
		JOIN pg_attribute AS a ON a.attrelid = source AND a.attnum = c.attnum
		CROSS JOIN LATERAL (SELECT c.name = ANY (key_columns)) AS o (is_key);
	SELECT jsonb_build_object(
		'keys', string_agg(quote_ident(k), ', '),
		'either_keys', string_agg(format('coalesce(s.%1$I, t.%1$I) AS %1$I', k), ', '),
		's_is_t', string_agg(format('s.%1$I = t.%1$I', k), ' AND '),
		'a_is_b', string_agg(format('a.%1$I = b.%1$I', k), ' AND '),
		't_is_g', string_agg(format('t.%1$I OPERATOR(pg_catalog.=) g.%1$I', k), ' AND '))
	INTO keys
	FROM unnest(key_columns) AS k;
	RETURN columns || keys || jsonb_build_object(
		'target', target::text,
		'source', source::text,
		'stage', 'pg_temp.' || quote_ident('tiktok_stage_' || target::oid),
		'delta', 'pg_temp.' || quote_ident('tiktok_delta_' || target::oid),
		'asked', asked_table,
		'loaded', tiktok._loaded(source, asked_table, asked, bounded, tiktok._window('s.', bounded, time_column)),
		'if_asked', coalesce((SELECT format(' WHERE EXISTS (SELECT FROM %s AS k WHERE ', asked_table)
			|| string_agg(format('k.%1$I = r.%1$I', u), ' AND ') || ')' FROM unnest(asked) AS u), ''),
		'account', account,
		'window', tiktok._window('', bounded, time_column),
		'a_window', tiktok._window('a.', bounded, time_column),
		't_window', tiktok._window('t.', bounded, time_column),
		'day', coalesce(time_column, account),
		'hour', CASE WHEN hourly THEN format('%I::timestamp', time_column) ELSE 'NULL::timestamp' END,
		'fits', CASE WHEN hourly THEN 'max(r.n) = 2 AND min(r.hour) = max(r.hour) '
			'AND tiktok._hour_comes_twice(min(r.hour))' ELSE 'false' END,
		'marked', CASE WHEN mark THEN '(_deleted_at IS NOT NULL)' ELSE 'false' END,
		'_deleted_at', CASE WHEN mark THEN ', _deleted_at' ELSE '' END,
		'is_there', CASE WHEN mark THEN ', NULL' ELSE '' END,
		'revived', CASE WHEN mark THEN ', _deleted_at = EXCLUDED._deleted_at' ELSE '' END,
		'remove', format(CASE WHEN mark THEN 'UPDATE %s AS t SET _deleted_at = $4, _synced_at = $4 FROM g'
			ELSE 'DELETE FROM %s AS t USING g' END, target));
END
$$;
COMMENT ON FUNCTION tiktok._parts(regclass, regclass, text[], text, boolean, text[]) IS
'internal: what goes into tiktok._templates(). time_column: NULL for a stream that is read whole; with_accounts: false where rows are not told by account; asked: the columns of a query for_each, NULL: there is none';

CREATE FUNCTION tiktok._templates(OUT name text, OUT template text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.* FROM (VALUES
	('stage', '{stage}'),
	('delta', '{delta}'),
	('asked', '{asked}'),
	('create_stage', 'CREATE TEMPORARY TABLE {stage} AS SELECT {columns} FROM {target} WITH NO DATA'),
	-- what a merge writes, a row each: its key, whether it is new (I), changed (U) or
	-- gone (D), and where it stands in the stage
	('create_delta', 'CREATE TEMPORARY TABLE {delta} AS SELECT NULL::"char" AS "tiktok op",
		NULL::tid AS "tiktok row", {keys} FROM {target} WITH NO DATA'),
	('load', 'INSERT INTO {stage} ({columns}) SELECT {s_columns} FROM {loaded}'),
	-- how many rows there are to merge, and whether keys repeat
	('count', 'SELECT coalesce(sum(k.n), 0) AS staged, coalesce(max(k.n) > 1, false) AS repeated
		FROM (SELECT count(*) AS n FROM {stage} WHERE {window} GROUP BY {keys}) AS k'),
	-- which accounts have them, a day each, and whether clocks that went back explain them
	('repeated', 'SELECT r.account, sum(r.n - 1) AS n, {fits} AS fits
		FROM (SELECT {account:I} AS account, {hour} AS hour, count(*) AS n
			FROM {stage} WHERE {window} GROUP BY {keys} HAVING count(*) > 1) AS r
		GROUP BY r.account, r.hour::date'),
	-- two rows become the first; both statements see the stage as it was
	('fold', 'WITH first AS (
			UPDATE {stage} AS a SET {folded} FROM {stage} AS b
			WHERE {a_is_b} AND a.ctid < b.ctid AND {a_window})
		DELETE FROM {stage} AS b USING {stage} AS a
		WHERE {a_is_b} AND a.ctid < b.ctid AND {a_window}'),
	('present', 'SELECT true FROM {target} WHERE {window} LIMIT 1'),
	-- keys and a number for the rest are joined, so that wide rows need no room
	('compare', 'INSERT INTO {delta} ("tiktok op", "tiktok row", {keys})
		SELECT d.* FROM (
			SELECT CASE WHEN t."tiktok hash" IS NULL THEN ''I''::"char"
					WHEN s."tiktok hash" IS NULL THEN CASE WHEN NOT t."tiktok marked" THEN ''D''::"char" END
					WHEN s."tiktok hash" <> t."tiktok hash" OR t."tiktok marked" THEN ''U''::"char"
				END AS "tiktok op", s."tiktok row", {either_keys}
			FROM (SELECT {keys}, ctid AS "tiktok row", {hash} AS "tiktok hash"
					FROM {stage} WHERE {window} OFFSET 0) AS s
				FULL JOIN (SELECT {keys}, {hash} AS "tiktok hash", {marked} AS "tiktok marked"
					FROM (SELECT {columns}{_deleted_at} FROM {target} WHERE {window} OFFSET 0) AS r{if_asked}
					OFFSET 0) AS t ON {s_is_t}
			OFFSET 0) AS d
		WHERE d."tiktok op" IS NOT NULL'),
	('differing', 'SELECT count(*) FILTER (WHERE "tiktok op" = ''I'') AS inserted,
			count(*) FILTER (WHERE "tiktok op" = ''U'') AS updated,
			count(*) FILTER (WHERE "tiktok op" = ''D'') AS deleted
		FROM {delta}'),
	('months', 'SELECT DISTINCT date_trunc(''month'', {day:I})::date FROM {stage} WHERE {window}'),
	-- all of the stage's rows, where the target has none
	('insert', 'INSERT INTO {target} ({columns}, _synced_at{_deleted_at})
		SELECT {columns}, $4{is_there} FROM {stage} WHERE {window}'),
	-- the same where some have come meanwhile
	('replace', 'INSERT INTO {target} ({columns}, _synced_at{_deleted_at})
		SELECT {columns}, $4{is_there} FROM {stage} WHERE {window}
		ON CONFLICT ({keys}) DO UPDATE SET {excluded}_synced_at = EXCLUDED._synced_at{revived}'),
	('upsert', 'INSERT INTO {target} ({columns}, _synced_at{_deleted_at})
		SELECT {columns}, $4{is_there} FROM {stage}
		WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT "tiktok row" FROM {delta}
			WHERE "tiktok op" OPERATOR(pg_catalog.<>) ''D''::pg_catalog."char"))
		ON CONFLICT ({keys}) DO UPDATE SET {excluded}_synced_at = EXCLUDED._synced_at{revived}'),
	('remove', 'WITH g AS MATERIALIZED (SELECT {keys} FROM {delta}
			WHERE "tiktok op" OPERATOR(pg_catalog.=) ''D''::pg_catalog."char")
		{remove} WHERE {t_window} AND {t_is_g}'),
	-- links that are over or missing, where there are others: no change of the row. By a
	-- function, for operators of rows are none any more where a server writes them out for
	-- another one, or for a view: ROW(a)::record *<> ROW(b)::record becomes ROW(a) *<> ROW(b)
	('expired', 'WITH g AS MATERIALIZED (SELECT {keys}{signed} FROM {stage} WHERE {window})
		SELECT true FROM {target} AS t, g
		WHERE {t_window} AND {t_is_g} AND ({expired})
			AND pg_catalog.record_image_ne(ROW({t_signed}), ROW({g_signed}))
		LIMIT 1'),
	('renew', 'WITH g AS MATERIALIZED (SELECT {keys}{signed} FROM {stage} WHERE {window})
		UPDATE {target} AS t SET {renewed} FROM g
		WHERE {t_window} AND {t_is_g} AND ({expired})
			AND pg_catalog.record_image_ne(ROW({t_signed}), ROW({g_signed}))'
		)) AS v (name, template)
$$;
COMMENT ON FUNCTION tiktok._templates() IS
'internal: the statements of a target before their parts are filled in; one for each member of tiktok._statements';

CREATE FUNCTION tiktok._statements(target regclass, source regclass, key_columns text[],
	time_column text, with_accounts boolean, asked text[] DEFAULT NULL)
RETURNS tiktok._statements
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_populate_record(NULL::tiktok._statements,
		jsonb_object_agg(t.name, tiktok._fill(t.template, p.parts)))
	FROM tiktok._templates() AS t,
		(SELECT tiktok._parts(target, source, key_columns, time_column, with_accounts, asked)) AS p (parts)
	WHERE p.parts ->> 'signed' IS NOT NULL OR t.name NOT IN ('expired', 'renew')
$$;
COMMENT ON FUNCTION tiktok._statements(regclass, regclass, text[], text, boolean, text[]) IS
'internal: the statements that bring a target up to date. Arguments as of tiktok._parts(); month by month they make sense with a time_column only; expired and renew are NULL where no column has signed links';

-- ---- sql/parts/41_plan.sql
--
-- A refresh is planned: from the registry and the accounts there are, the steps.

-- Everything that can be refused is refused here, before any request.
CREATE FUNCTION tiktok._open(wanted regclass, earlier date, session boolean)
RETURNS tiktok._job
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job tiktok._job;
	s record;
	info record;
	keys text[];
	asked text[];
BEGIN
	PERFORM tiktok._check_owner(wanted);
	SELECT t.* INTO s FROM tiktok.snapshots AS t WHERE t.target = wanted;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'table % is no snapshot', wanted USING ERRCODE = '42704',
			HINT = format('Register it: SELECT tiktok.create_snapshot(source, %L, …);', wanted);
	END IF;
	PERFORM tiktok._check_lock(wanted, session);
	job.target := wanted;
	SELECT c.oid INTO job.source FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = s.source_schema AND c.relname = s.source_name;
	IF job.source IS NULL THEN
		RAISE EXCEPTION 'foreign table % of snapshot % does not exist', s.source, wanted
			USING ERRCODE = '42P01', HINT = format('Create it again, or SELECT tiktok.forget(%L) and '
				'tiktok.create_snapshot() with another one.', wanted);
	END IF;
	PERFORM tiktok._check_privileges(wanted, job.source);
	info := tiktok._source(job.source);
	PERFORM tiktok._check_for_each_by(wanted, s.for_each, s.for_each_by);
	asked := tiktok._check_for_each(job.source, s.for_each);
	keys := tiktok._key_columns(job.source);
	IF (SELECT array_agg(k ORDER BY k) FROM unnest(keys) AS k)
		IS DISTINCT FROM (SELECT array_agg(k ORDER BY k) FROM unnest(s.key_columns) AS k)
		OR info.time_column IS DISTINCT FROM s.time_column
	THEN
		RAISE EXCEPTION 'foreign table % has another key than snapshot %', s.source, wanted
			USING ERRCODE = '42804', HINT = format('SELECT tiktok.forget(%L) and use '
				'tiktok.create_snapshot() with a new target.', wanted);
	END IF;
	PERFORM tiktok._check_arguments(job.source, info.grain, earlier, NULL, NULL);
	PERFORM tiktok._check_columns(wanted, job.source, keys, info.time_column, s.columns);
	-- a column that is new has no values yet, whatever the totals of the others say, and
	-- totals of an account are not those of some of its objects
	job.probe := CASE WHEN asked IS NULL AND s.columns @> (SELECT array_agg(k.name) FROM tiktok._source_columns(job.source) AS k)
		THEN s.probe END;
	IF earlier IS NOT NULL THEN
		earlier := tiktok._held_since(job.source, earlier, info.start_date);
	END IF;
	PERFORM tiktok._record(wanted, 'snapshot', jsonb_build_object('source_schema', s.source_schema,
		'source_name', s.source_name, 'key_columns', keys, 'rows', s.rows, 'since', earlier,
		'columns', (SELECT array_agg(k.name ORDER BY k.attnum)
			FROM tiktok._source_columns(job.source) AS k)));
	job.since := greatest(least(s.since, earlier), info.start_date);
	job.attribution_window := s.attribution_window;
	job.partition_by := s.partition_by;
	job.time_column := info.time_column;
	job.grain := info.grain;
	job.span := info.span;
	job.account_param := info.account_param;
	job.concurrency := info.concurrency;
	job.accounts_named := info.accounts_named;
	-- The last day is one past today in UTC: no account misses its today. What has
	-- begun everywhere on earth is no account's future.
	job.end_day := (clock_timestamp() AT TIME ZONE 'UTC')::date + 1;
	job.read_on := (clock_timestamp() AT TIME ZONE 'UTC' - interval '12 hours')::date;
	job.requests := tiktok._requests();
	job.folded := 0;
	job.statements := tiktok._statements(wanted, job.source, keys, info.time_column,
		info.account_param <> 'none', asked);
	job.beside := tiktok._beside(wanted, job.source, keys, info.time_column,
		info.account_param <> 'none');
	job.tables := array_remove(ARRAY[wanted, (job.beside).history, (job.beside).changes], NULL);
	FOR n IN 1 .. cardinality(job.tables) LOOP
		PERFORM tiktok._check_partitions(job.tables[n]);
		job.names[n] := job.tables[n]::text;
	END LOOP;
	PERFORM tiktok._drop_stage(job.statements);
	EXECUTE (job.statements).create_stage;
	EXECUTE (job.statements).create_delta;
	IF asked IS NOT NULL THEN
		PERFORM tiktok._fill_for_each(job.statements, job.source, wanted, asked, s.for_each);
	END IF;
	IF session AND s.columns @> (SELECT array_agg(k.name) FROM tiktok._source_columns(job.source) AS k) THEN
		job.resumed := tiktok._resumed(wanted);
	END IF;
	job.run := tiktok._record(wanted, 'start', '{}');
	RETURN job;
END
$$;
COMMENT ON FUNCTION tiktok._open(regclass, date, boolean) IS
'internal: begins a refresh: checks, lock, stage and run. earlier: another since; NULL: as registered. session: as of tiktok._check_lock(). Errors: those of tiktok.refresh()';

-- All refreshes since one came to its end are one that was stopped, and goes on. But what is
-- older than an hour is not taken for what is now.
CREATE FUNCTION tiktok._resumed(target regclass)
RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT greatest(min(r.started), clock_timestamp() - interval '1 hour')
	FROM tiktok.snapshot_runs AS r
	WHERE r.target = _resumed.target AND r.run > coalesce((SELECT max(d.run)
		FROM tiktok.snapshot_runs AS d WHERE d.target = _resumed.target AND d.status = 'done'), 0)
	HAVING count(*) > 0
$$;
COMMENT ON FUNCTION tiktok._resumed(regclass) IS
'internal: since when a refresh that was stopped read accounts that are not to be read again; NULL: none was stopped';

-- The windows of one range of days, in the order in which they are read.
CREATE FUNCTION tiktok._windows(first_day date, last_day date, span integer, backward boolean,
	OUT n integer, OUT first_of date, OUT last_of date)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT i + 1,
		CASE WHEN backward THEN greatest(last_day - (i + 1) * span + 1, first_day)
			ELSE first_day + i * span END,
		CASE WHEN backward THEN last_day - i * span
			ELSE least(first_day + (i + 1) * span - 1, last_day) END
	FROM generate_series(0, (last_day - first_day) / span) AS i
$$;
COMMENT ON FUNCTION tiktok._windows(date, date, integer, boolean) IS
'internal: cuts days into windows of at most span days';

-- What each account lacks. Forward: from where it was, less the days that may
-- still change, to the end; of weeks and months, from the beginning of the first
-- that has such a day. Backward: an earlier since, newest first, so that
-- what was read stays in one piece.
CREATE FUNCTION tiktok._ranges(job tiktok._job, accounts bigint[],
	OUT account bigint, OUT first_day date, OUT last_day date, OUT backward boolean)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.* FROM unnest(accounts) AS account
		LEFT JOIN tiktok.snapshot_accounts AS a
			ON a.target = job.target AND a.advertiser_id = account
		CROSS JOIN LATERAL (
			SELECT account, CASE WHEN a.since IS NULL THEN job.since
				ELSE greatest(a.since, job.since, date_trunc(job.grain,
					least(coalesce(a.next_day, a.watermark + 1),
						a.read_on - job.attribution_window)::timestamp)::date) END,
				job.end_day, false
			UNION ALL
			SELECT account, job.since, a.since - 1, true WHERE job.since < a.since) AS r
		(account, first_day, last_day, backward)
	WHERE job.time_column IS NOT NULL AND r.first_day <= r.last_day
	UNION ALL
	SELECT account, NULL, NULL, false FROM unnest(accounts) AS account
	WHERE job.time_column IS NULL
$$;
COMMENT ON FUNCTION tiktok._ranges(tiktok._job, bigint[]) IS
'internal: the days to read of each account; NULLs: all of it';

-- Where option start_date leaves out days that were to be read again or for the first time,
-- what is known of an account begins there: days before it come back, by the backward
-- range, should the option go. Said before anything is read, so that an end in between
-- leaves no gap that counts as settled.
CREATE FUNCTION tiktok._clip(job tiktok._job, accounts bigint[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	clipped bigint[] := ARRAY(
		SELECT a.advertiser_id FROM tiktok.snapshot_accounts AS a
		WHERE a.target = job.target AND a.advertiser_id = ANY (accounts) AND a.since < job.since
			AND date_trunc(job.grain, least(coalesce(a.next_day, a.watermark + 1),
				a.read_on - job.attribution_window)::timestamp)::date < job.since);
BEGIN
	IF cardinality(clipped) > 0 THEN
		PERFORM tiktok._record(job.target, 'clip',
			jsonb_build_object('accounts', clipped, 'since', job.since));
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._clip(tiktok._job, bigint[]) IS
'internal: records of which accounts days before the first of the source would have been read, had it any';

CREATE FUNCTION tiktok._record_clip(target regclass, detail jsonb)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE tiktok._snapshot_account AS a
	SET since = greatest(a.since, (detail ->> 'since')::date)
	WHERE a.snapshot = tiktok._registered(_record_clip.target)
		AND a.advertiser_id IN (SELECT u::bigint FROM jsonb_array_elements_text(detail -> 'accounts') AS u);
	SELECT 0::bigint
$$;
COMMENT ON FUNCTION tiktok._record_clip(regclass, jsonb) IS
'internal: what is known of some accounts begins later: accounts, since; returns 0';
REVOKE ALL ON FUNCTION tiktok._record_clip(regclass, jsonb) FROM PUBLIC;

-- Accounts that lack the same days are read together, as many at once as keep
-- the requests in flight busy; few accounts read several windows at once.
CREATE FUNCTION tiktok._steps(job tiktok._job, accounts bigint[])
RETURNS tiktok._step[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH ranges AS (
		SELECT r.*, (row_number() OVER (PARTITION BY r.first_day, r.last_day, r.backward
				ORDER BY r.account) - 1)
			/ CASE WHEN job.account_param = 'many' THEN 100 ELSE job.concurrency END AS chunk
		FROM tiktok._ranges(job, accounts) AS r),
	chunks AS (
		SELECT r.first_day, r.last_day, r.backward, r.chunk,
			array_agg(r.account ORDER BY r.account) AS accounts,
			greatest(job.concurrency / count(*)::integer, 1) AS at_once
		FROM ranges AS r GROUP BY 1, 2, 3, 4),
	windows AS (
		SELECT c.*, w.*, (w.n - 1) / c.at_once AS batch
		FROM chunks AS c LEFT JOIN LATERAL
			tiktok._windows(c.first_day, c.last_day, job.span, c.backward) AS w ON true),
	steps AS (
		SELECT w.backward, w.first_day, w.last_day, w.chunk, w.batch, 0 AS n,
			ROW(false, w.accounts, min(w.first_of), max(w.last_of), count(*), w.backward)
				::tiktok._step AS step
		FROM windows AS w GROUP BY 1, 2, 3, 4, 5, w.accounts
		UNION ALL
		SELECT w.backward, w.first_day, w.last_day, w.chunk, w.batch, coalesce(w.n, 1),
			ROW(true, w.accounts, w.first_of, w.last_of, 1, w.backward)::tiktok._step
		FROM windows AS w)
	SELECT coalesce(array_agg(s.step
		ORDER BY s.backward, s.first_day, s.last_day, s.chunk, s.batch, s.n), '{}')
	FROM steps AS s
$$;
COMMENT ON FUNCTION tiktok._steps(tiktok._job, bigint[]) IS
'internal: cuts the work of a refresh into steps';

-- All windows of a chunk of accounts at once.
CREATE FUNCTION tiktok._joined(steps tiktok._step[])
RETURNS tiktok._step[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(array_agg(ROW(true, j.accounts, j.first_day, j.last_day, j.windows, j.backward)
		::tiktok._step ORDER BY j.backward), '{}')
	FROM (
		SELECT s.accounts, s.backward, min(s.first_day) AS first_day, max(s.last_day) AS last_day,
			count(*) AS windows
		FROM unnest(steps) AS s WHERE s.merge GROUP BY 1, 2) AS j
$$;
COMMENT ON FUNCTION tiktok._joined(tiktok._step[]) IS
'internal: the merges of a refresh that writes all at once';

-- What a refresh that was stopped was through with: read up to now, or found unchanged.
CREATE FUNCTION tiktok._read_before(job tiktok._job, accounts bigint[])
RETURNS bigint[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT ARRAY(SELECT a.advertiser_id FROM tiktok.snapshot_accounts AS a
		WHERE a.target = job.target AND a.advertiser_id = ANY (accounts)
			AND a.last_refresh >= job.resumed AND a.last_error IS NULL AND a.next_day IS NULL
			AND (job.time_column IS NULL OR a.since <= job.since
				AND a.watermark >= least(job.end_day, job.read_on))
			AND (job.probe OR a.probes = 0))
$$;
COMMENT ON FUNCTION tiktok._read_before(tiktok._job, bigint[]) IS
'internal: those of the accounts that a refresh which was stopped has read, and that are left as they are';

-- The first request of a refresh: which accounts there are.
CREATE FUNCTION tiktok._accounts(job tiktok._job, OUT accounts bigint[], OUT failed bigint[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	before bigint[];
	total bigint;
	gone bigint;
BEGIN
	failed := '{}';
	IF job.account_param = 'none' THEN
		accounts := '{0}';
	ELSE
		accounts := ARRAY(SELECT DISTINCT a FROM tiktok.accounts(job.source) AS a ORDER BY a);
	END IF;
	total := cardinality(accounts);
	PERFORM tiktok._clip(job, accounts);
	-- an account that was read before and that the token lost is no silent gap
	IF job.account_param <> 'none' AND NOT job.accounts_named THEN
		FOR gone IN
			SELECT a.advertiser_id FROM tiktok.snapshot_accounts AS a
			WHERE a.target = job.target AND a.advertiser_id <> ALL (accounts)
		LOOP
			failed := failed || gone;
			PERFORM tiktok._record(job.target, 'failure', jsonb_build_object('run', job.run,
				'account', gone, 'message', 'the token may no longer read this account'));
		END LOOP;
	END IF;
	before := tiktok._read_before(job, accounts);
	IF cardinality(before) > 0 THEN
		accounts := tiktok._without(accounts, before);
		RAISE NOTICE '%: goes on where a refresh was stopped, % of % accounts were read by it', job.target,
			cardinality(before), total;
	END IF;
	PERFORM tiktok._record(job.target, 'plan', jsonb_build_object('run', job.run,
		'accounts', total + cardinality(failed), 'done', cardinality(before),
		'requests', tiktok._requests() - job.requests));
END
$$;
COMMENT ON FUNCTION tiktok._accounts(tiktok._job) IS
'internal: the accounts that a refresh has to read, or to probe; failed: those that were read before and are gone, recorded. Errors: those of tiktok.accounts()';

-- What probes left to be read; how much it is shows in tiktok.snapshot_progress.
CREATE FUNCTION tiktok._plan(job tiktok._job, accounts bigint[])
RETURNS tiktok._step[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	steps tiktok._step[] := tiktok._steps(job, accounts);
BEGIN
	PERFORM tiktok._record(job.target, 'plan', jsonb_build_object('run', job.run,
		'windows', (SELECT coalesce(sum(cardinality(s.accounts)), 0) FROM unnest(steps) AS s WHERE s.merge),
		'requests', tiktok._requests() - job.requests));
	RETURN steps;
END
$$;
COMMENT ON FUNCTION tiktok._plan(tiktok._job, bigint[]) IS
'internal: what a refresh has to do, in order, to read accounts; recorded';

CREATE FUNCTION tiktok._without(accounts bigint[], failed bigint[])
RETURNS bigint[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT ARRAY(SELECT a FROM unnest(accounts) AS a WHERE a <> ALL (failed) ORDER BY a)
$$;
COMMENT ON FUNCTION tiktok._without(bigint[], bigint[]) IS 'internal: the accounts that are left';

-- ---- sql/parts/42_stage.sql
--
-- A refresh reads: from the source into the stage, a temporary table.

-- Named with pg_temp: nobody else's tables.
CREATE FUNCTION tiktok._drop_stage(statements tiktok._statements)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY[statements.stage, statements.delta, statements.asked] LOOP
		IF to_regclass(name) IS NOT NULL THEN
			EXECUTE format('DROP TABLE %s', name);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok._drop_stage(tiktok._statements) IS
'internal: drops the temporary tables of a refresh, or what a cancelled one left';

-- Whether an error is the account's, so that others may do better.
CREATE FUNCTION tiktok._is_of_account(code text)
RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT code IN ('42501', '54000', 'HV000') OR code LIKE '22%' OR code LIKE '08%'
$$;
COMMENT ON FUNCTION tiktok._is_of_account(text) IS
'internal: refused, too large, incomplete, a wrong value, or not answered; not: token, rate limit, set-up, disk';

-- Read some windows of some accounts into the stage. The error of one account
-- is recorded, and the others are read again without it. When two accounts in
-- a row get no answer, nobody would.
CREATE FUNCTION tiktok._stage(job tiktok._job, step tiktok._step, append boolean)
RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET tiktok_fdw.snapshot_refresh = on
AS $$
DECLARE
	failed bigint[] := '{}';
	remaining bigint[] := step.accounts;
	culprit bigint;
	problem tiktok._problem;
	silent integer := 0;
BEGIN
	IF NOT append THEN
		EXECUTE format('TRUNCATE %s', (job.statements).stage);
	END IF;
	WHILE cardinality(remaining) > 0 LOOP
		BEGIN
			PERFORM tiktok._failed_account();	-- what others left
			EXECUTE (job.statements).load USING remaining, step.first_day, step.last_day + 1;
			RETURN failed;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS problem.code = RETURNED_SQLSTATE,
				problem.message = MESSAGE_TEXT, problem.detail = PG_EXCEPTION_DETAIL,
				problem.hint = PG_EXCEPTION_HINT;
			-- not told from its texts: into those the API writes
			culprit := tiktok._failed_account();
			silent := silent + (problem.code LIKE '08%')::integer;
			IF NOT tiktok._is_of_account(problem.code) OR silent > 1
				OR silent > 0 AND cardinality(step.accounts) = 1
			THEN
				RAISE;
			END IF;
		END;
		IF cardinality(remaining) = 1 THEN
			culprit := remaining[1];
		ELSIF culprit IS NULL OR culprit <> ALL (remaining) THEN
			-- which one it is shows when they are asked one by one
			RETURN failed || tiktok._stage_singly(job, step, remaining);
		END IF;
		PERFORM tiktok._record(job.target, 'failure', jsonb_build_object('run', job.run,
			'account', culprit, 'message', problem.message));
		failed := failed || culprit;
		remaining := array_remove(remaining, culprit);
	END LOOP;
	RETURN failed;
END
$$;
COMMENT ON FUNCTION tiktok._stage(tiktok._job, tiktok._step, boolean) IS
'internal: reads some windows into the stage, after what is there (append) or in its place; returns the accounts that could not be read, recorded. Errors: those that are of no account, and no answer for two in a row';

-- Appends: what the stage has of this step was rolled back with the error.
CREATE FUNCTION tiktok._stage_singly(job tiktok._job, step tiktok._step, accounts bigint[])
RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	failed bigint[] := '{}';
	account bigint;
BEGIN
	FOREACH account IN ARRAY accounts LOOP
		step.accounts := ARRAY[account];
		failed := failed || tiktok._stage(job, step, true);
	END LOOP;
	RETURN failed;
END
$$;
COMMENT ON FUNCTION tiktok._stage_singly(tiktok._job, tiktok._step, bigint[]) IS
'internal: tiktok._stage(), account by account; returns and raises what that does';

-- ---- sql/parts/43_merge.sql
--
-- A refresh writes: from the stage into the target, and that it did. tiktok._merge() is
-- the one place where that happens, in one transaction with all that goes with it:
--
--   0 _hold      the tables are still those that were checked, and stay so until the commit
--   1 _fold      one row a key
--   2 _compare   what differs: into the delta, a temporary table; the target is read
--   3 _create_partitions
--   4 _write_beside  states and changes, in tables beside the target: the delta names
--                the rows, the stage has the new ones and the target still the old
--   5 insert or upsert, remove: the target is written, and nothing that did not change
--   6 _check_written  nothing but that was written, where states or changes say so
--   7 _renew     links that are over
--   8 _merged    that it was done: the registry

-- Rows of the stage that have the key of another. When clocks go back, an hour
-- comes twice: two rows a key, all of one hour of the day, become one. Whoever
-- has others that repeat is not merged, which would be an error for all.
CREATE FUNCTION tiktok._fold(job tiktok._job, step tiktok._step, OUT failed bigint[],
	OUT folded bigint, OUT staged bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	repeated boolean;
	r record;
	message text;
BEGIN
	failed := '{}';
	folded := 0;
	EXECUTE (job.statements).count INTO staged, repeated
		USING step.accounts, step.first_day, step.last_day + 1;
	IF NOT repeated THEN
		RETURN;
	END IF;
	FOR r IN EXECUTE (job.statements).repeated
		USING step.accounts, step.first_day, step.last_day + 1
	LOOP
		IF r.fits THEN
			folded := folded + r.n;
			CONTINUE;
		END IF;
		message := format('%s of the rows that the TikTok API returned for %s have the key of another row',
			r.n, job.source);
		IF job.account_param = 'none' THEN
			RAISE EXCEPTION '%', message USING ERRCODE = 'HV000';
		END IF;
		CONTINUE WHEN r.account = ANY (failed);
		PERFORM tiktok._record(job.target, 'failure', jsonb_build_object('run', job.run,
			'account', r.account, 'message', message));
		failed := failed || r.account;
	END LOOP;
	step.accounts := tiktok._without(step.accounts, failed);
	IF folded > 0 THEN
		EXECUTE (job.statements).fold USING step.accounts, step.first_day, step.last_day + 1;
	END IF;
	EXECUTE (job.statements).count INTO staged, repeated
		USING step.accounts, step.first_day, step.last_day + 1;
END
$$;
COMMENT ON FUNCTION tiktok._fold(tiktok._job, tiktok._step) IS
'internal: makes the rows of an hour that comes twice one; failed: accounts with other rows that repeat; folded: rows that went; staged: those to merge of the other accounts. Error: HV000 rows repeat and are of no account';

-- Runs where no trigger does: it reads the target and writes the delta. Where the
-- target has no row of the window, all are new and the delta stays empty.
CREATE FUNCTION tiktok._compare(job tiktok._job, step tiktok._step, staged bigint,
	OUT counts tiktok._counts, OUT fresh boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	present boolean;
	used boolean;
BEGIN
	EXECUTE (job.statements).present INTO present
		USING step.accounts, step.first_day, step.last_day + 1;
	fresh := present IS NULL;
	IF fresh THEN
		counts := (staged, 0, 0, 0);
		RETURN;
	END IF;
	EXECUTE format('SELECT true FROM %s LIMIT 1', (job.statements).delta) INTO used;
	IF used THEN
		EXECUTE format('TRUNCATE %s', (job.statements).delta);
	END IF;
	EXECUTE (job.statements).compare USING step.accounts, step.first_day, step.last_day + 1;
	EXECUTE (job.statements).differing INTO counts.inserted, counts.updated, counts.deleted;
	counts.unchanged := staged - counts.inserted - counts.updated;
END
$$;
COMMENT ON FUNCTION tiktok._compare(tiktok._job, tiktok._step, bigint) IS
'internal: what differs between stage and target, in the delta; counts: how many rows of each kind; fresh: the target has none, all of the stage are new and the delta is empty. staged: rows of the stage, one a key';

-- Attached, not created in place: readers of the table are not held up.
CREATE FUNCTION tiktok._create_partitions(job tiktok._job, step tiktok._step)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
	month date;
	name text;
	parent record;
	parts jsonb;
BEGIN
	SELECT n.nspname, c.relname INTO parent FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = job.target;
	FOR month IN EXECUTE (job.statements).months
		USING step.accounts, step.first_day, step.last_day + 1
	LOOP
		name := parent.relname || to_char(month, '"_"YYYY"_"MM');
		IF octet_length(name) > 63 THEN
			name := format('tiktok_%s', job.target::oid) || to_char(month, '"_"YYYY"_"MM');
		END IF;
		name := format('%I.%I', parent.nspname, name);
		-- one that covers the month, whatever its name
		CONTINUE WHEN EXISTS (
			SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
			WHERE i.inhparent = job.target
				AND pg_get_expr(c.relpartbound, c.oid) LIKE
					format('FOR VALUES FROM (''%s%%'') TO (''%s%%'')', month,
						(month + interval '1 month')::date));
		parts := jsonb_build_object('name', name, 'target', job.target::text,
			'first', month, 'last', (month + interval '1 month')::date);
		EXECUTE tiktok._fill('CREATE TABLE {name} (LIKE {target} INCLUDING DEFAULTS INCLUDING CONSTRAINTS
			INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMMENTS)', parts);
		EXECUTE tiktok._fill('ALTER TABLE {target} ATTACH PARTITION {name}
			FOR VALUES FROM ({first:L}) TO ({last:L})', parts);
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok._create_partitions(tiktok._job, tiktok._step) IS
'internal: the partitions of months that the stage needs and the target lacks (partition_by ''month''). Errors: those of CREATE TABLE and ATTACH PARTITION';

-- Moments are told apart by it, in states, changes and for whoever polls, also where the
-- clock was put back: each is later than the last.
CREATE FUNCTION tiktok._moment(target regclass)
RETURNS timestamptz
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT greatest(clock_timestamp(), s.last_change + interval '1 microsecond')
		FROM tiktok.snapshots AS s WHERE s.target = _moment.target);
END
$$;
COMMENT ON FUNCTION tiktok._moment(regclass) IS
'internal: the time, and later than anything that refreshes of the target wrote before';

-- No SET search_path: triggers fire in here. The target had no row of the window; only where
-- somebody else has written some meanwhile is looking for each worth what it costs.
CREATE FUNCTION tiktok._insert(job tiktok._job, step tiktok._step, now timestamptz)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
	next_day date := step.last_day OPERATOR(pg_catalog.+) 1;
BEGIN
	EXECUTE (job.statements).insert USING step.accounts, step.first_day, next_day, now;
EXCEPTION WHEN unique_violation THEN
	EXECUTE (job.statements).replace USING step.accounts, step.first_day, next_day, now;
END
$$;
COMMENT ON FUNCTION tiktok._insert(tiktok._job, tiktok._step, timestamptz) IS
'internal: writes the rows of the stage into a target that has none of the window. Errors: those of the target''s triggers and constraints';

-- No SET search_path: triggers fire in here. Where nothing is over, nothing is locked.
CREATE FUNCTION tiktok._renew(job tiktok._job, step tiktok._step, now timestamptz)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
	expired boolean;
BEGIN
	IF (job.statements).expired IS NULL THEN
		RETURN;
	END IF;
	EXECUTE (job.statements).expired INTO expired
		USING step.accounts, step.first_day, step.last_day OPERATOR(pg_catalog.+) 1, now;
	IF expired THEN
		EXECUTE (job.statements).renew
			USING step.accounts, step.first_day, step.last_day OPERATOR(pg_catalog.+) 1, now;
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._renew(tiktok._job, tiktok._step, timestamptz) IS
'internal: gives rows whose signed links are over those of the stage; that is no change of the row, and counted nowhere';

CREATE FUNCTION tiktok._merged(job tiktok._job, step tiktok._step, counts tiktok._counts,
	moment timestamptz)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT tiktok._record(job.target, 'window', to_jsonb(counts) || to_jsonb(step)
		|| jsonb_build_object('run', job.run, 'end', job.end_day, 'read_on', job.read_on,
			'now', clock_timestamp(), 'moment', moment, 'windows', step.windows * cardinality(step.accounts),
			'requests', tiktok._requests() - job.requests))
$$;
COMMENT ON FUNCTION tiktok._merged(tiktok._job, tiktok._step, tiktok._counts, timestamptz) IS
'internal: records a merge: how far its accounts were read, what it did, and the moment that it wrote';

-- Statements name tables, and a refresh commits between windows: what has a name now may be
-- another's, whose triggers would run as the caller. The weakest lock keeps names and owners.
CREATE FUNCTION tiktok._hold(tables regclass[], names text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	held record;
BEGIN
	FOR held IN SELECT u.* FROM unnest(tables, names) AS u (id, name) LOOP
		IF to_regclass(held.name) = held.id THEN
			EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', held.name);
		END IF;
		IF to_regclass(held.name) IS DISTINCT FROM held.id THEN
			RAISE EXCEPTION 'table % was renamed, dropped or replaced meanwhile', held.name
				USING ERRCODE = '55000', HINT = 'What was committed before stays; call it again, if the table is there.';
		END IF;
		PERFORM tiktok._check_owner(held.id);
		PERFORM tiktok._check_partitions(held.id);
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok._hold(regclass[], text[]) IS
'internal: locks what statements are about to write, so that it stays what it was when they were made. Errors: 55000 a name is no longer that table''s; 42501 a table or a partition is now another''s';

-- No SET search_path: triggers fire in here.
CREATE FUNCTION tiktok._merge(job tiktok._job, step tiktok._step,
	OUT counts tiktok._counts, OUT failed bigint[], OUT folded bigint)
LANGUAGE plpgsql
AS $$
DECLARE
	fold record;
	difference record;
	now timestamptz;
BEGIN
	PERFORM tiktok._hold(job.tables, job.names);
	fold := tiktok._fold(job, step);
	now := tiktok._moment(job.target);
	failed := fold.failed;
	folded := fold.folded;
	step.accounts := tiktok._without(step.accounts, failed);
	IF pg_catalog.cardinality(step.accounts) OPERATOR(pg_catalog.=) 0 THEN
		RETURN;
	END IF;
	difference := tiktok._compare(job, step, fold.staged);
	counts := difference.counts;
	IF job.partition_by IS NOT NULL AND counts.inserted OPERATOR(pg_catalog.>) 0 THEN
		PERFORM tiktok._create_partitions(job, step);
	END IF;
	PERFORM tiktok._write_beside(job, step, counts, difference.fresh, now);
	-- nothing changed: the target is not even locked for writing
	IF difference.fresh AND counts.inserted OPERATOR(pg_catalog.>) 0 THEN
		PERFORM tiktok._insert(job, step, now);
	ELSIF counts.inserted OPERATOR(pg_catalog.+) counts.updated OPERATOR(pg_catalog.>) 0 THEN
		EXECUTE (job.statements).upsert
			USING step.accounts, step.first_day, step.last_day OPERATOR(pg_catalog.+) 1, now;
	END IF;
	IF counts.deleted OPERATOR(pg_catalog.>) 0 THEN
		EXECUTE (job.statements).remove USING step.accounts, step.first_day,
			step.last_day OPERATOR(pg_catalog.+) 1, now;
	END IF;
	PERFORM tiktok._check_written(job, step, counts, difference.fresh, now);
	IF NOT difference.fresh THEN
		PERFORM tiktok._renew(job, step, now);
	END IF;
	PERFORM tiktok._merged(job, step, counts, now);
END
$$;
COMMENT ON FUNCTION tiktok._merge(tiktok._job, tiktok._step) IS
'internal: writes what a window changed, and that it was read. counts: NULL if no account is left; failed: accounts that could not be merged, recorded; folded: rows that became one with another. Errors: those of tiktok._hold(), tiktok._fold(), tiktok._check_written(), of the target''s triggers and constraints';

-- ---- sql/parts/44_refresh.sql
--
-- The refresh itself: what users call.

-- The end of a refresh that ran, well or not; returns the error to raise.
CREATE FUNCTION tiktok._close(job tiktok._job, failed bigint[], problem tiktok._problem)
RETURNS tiktok._problem
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	total bigint;
	first_error text;
	warning text;
BEGIN
	PERFORM tiktok._drop_stage(job.statements);
	IF job.folded > 0 THEN
		RAISE WARNING '% of % came twice, for an hour that clocks showed twice',
			job.folded || CASE WHEN job.folded = 1 THEN ' row' ELSE ' rows' END, job.source
			USING DETAIL = 'The snapshot has one row for two: metrics that may be added up are sums, other '
				'values that differ are NULL.';
	END IF;
	IF problem.code IS NULL AND cardinality(failed) > 0 THEN
		SELECT r.accounts INTO total FROM tiktok.snapshot_runs AS r WHERE r.run = job.run;
		SELECT format('advertiser %s: %s', a.advertiser_id, a.last_error) INTO first_error
		FROM tiktok.snapshot_accounts AS a
		WHERE a.target = job.target AND a.advertiser_id = failed[1];
		warning := format('%s of %s accounts could not be read into %s', cardinality(failed), total,
			job.target);
		IF cardinality(failed) >= total THEN
			problem := ('42501', warning, first_error, 'Nothing was changed. tiktok.snapshot_accounts '
				'has the error of each account.')::tiktok._problem;
		ELSE
			RAISE WARNING '%', warning USING DETAIL = first_error,
				HINT = 'Their rows are as they were, the others are up to date. '
					'tiktok.snapshot_accounts has the error of each account.';
		END IF;
	END IF;
	BEGIN
		PERFORM tiktok._record(job.target, 'end', jsonb_build_object('run', job.run,
			'error', problem.message, 'warning', warning,
			'requests', tiktok._requests() - job.requests));
	EXCEPTION WHEN undefined_table OR insufficient_privilege THEN
		-- the table was dropped meanwhile, or given away: what ended the refresh is to be told
		IF problem.code IS NULL THEN
			problem := (SQLSTATE, SQLERRM, NULL, NULL)::tiktok._problem;
		END IF;
	END;
	RETURN problem;
END
$$;
COMMENT ON FUNCTION tiktok._close(tiktok._job, bigint[], tiktok._problem) IS
'internal: ends a refresh: tables dropped, warnings, the run recorded. failed: accounts that could not be read; problem: the error that ended it, code NULL if none did. Returns the error to raise, 42501 if no account could be read; code NULL: none';

-- A refresh that could not begin shows in tiktok.snapshots too, so that nobody
-- has to read the scheduler's log; but not on a table that is no snapshot of ours.
CREATE FUNCTION tiktok._note_error(target regclass, problem tiktok._problem)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF problem.code <> '55006' THEN
		PERFORM tiktok._record(target, 'end', jsonb_build_object('error', problem.message));
	END IF;
EXCEPTION WHEN OTHERS THEN
	NULL;	-- the caller may not: the error that follows says so
END
$$;
COMMENT ON FUNCTION tiktok._note_error(regclass, tiktok._problem) IS
'internal: records why a refresh did not begin, unless another one is under way (55006) or the caller may not';

-- How much of a refresh a step is: a window of an account is one series of requests.
CREATE FUNCTION tiktok._size(step tiktok._step)
RETURNS bigint
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN step.merge THEN 0 ELSE step.windows * cardinality(step.accounts) END
$$;
COMMENT ON FUNCTION tiktok._size(tiktok._step) IS
'internal: windows, times accounts, that a step reads; of one that writes: 0';

CREATE FUNCTION tiktok._about(left_over interval)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN s.n < 100 THEN format('about %s s left', ceil(s.n))
		WHEN s.n < 6000 THEN format('about %s min left', round(s.n / 60))
		ELSE format('about %s h left', round(s.n / 3600)) END
	FROM (SELECT extract(epoch FROM left_over) AS n) AS s
$$;
COMMENT ON FUNCTION tiktok._about(interval) IS 'internal: a time that was estimated, in two digits';

-- As psql shows it while a refresh runs. What is written last was read together with
-- what was written before it, so that time goes by what was read.
CREATE FUNCTION tiktok._notice(job tiktok._job, step tiktok._step, counts tiktok._counts,
	began timestamptz, written bigint, done bigint, total bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE NOTICE '%: %', job.target, concat_ws(', ',
		format('%s of %s windows', written, total),
		CASE WHEN cardinality(step.accounts) > 1 THEN format('%s accounts', cardinality(step.accounts))
			WHEN step.accounts[1] <> 0 THEN format('advertiser %s', step.accounts[1]) END,
		CASE WHEN step.first_day = step.last_day THEN step.first_day::text
			WHEN step.first_day IS NOT NULL THEN format('%s to %s', step.first_day, step.last_day) END,
		format('%s inserted, %s updated, %s %s, %s unchanged', counts.inserted, counts.updated,
			counts.deleted, CASE WHEN job.time_column IS NULL THEN 'marked' ELSE 'deleted' END,
			counts.unchanged),
		CASE WHEN done < total THEN
			tiktok._about((clock_timestamp() - began) * ((total - done)::double precision / done)) END);
END
$$;
COMMENT ON FUNCTION tiktok._notice(tiktok._job, tiktok._step, tiktok._counts, timestamptz, bigint, bigint, bigint) IS
'internal: tells whoever watches that a window is done. began: when the first was read; written, done, total: windows, times accounts, that were written, were read, and are to be';

-- Each step in a transaction of its own. What a step does stands in a block of
-- its own too: a COMMIT cannot stand in one that catches errors.
CREATE PROCEDURE tiktok._run(target regclass, since date, probe boolean,
	INOUT problem tiktok._problem)
LANGUAGE plpgsql
AS $$
DECLARE
	job tiktok._job;
	steps tiktok._step[];
	step tiktok._step;
	merged record;
	accounts bigint[];
	failed bigint[];
	began timestamptz;
	written bigint := 0;
	done bigint := 0;
	total bigint;
BEGIN
	BEGIN
		job := tiktok._open(target, since, true);
		PERFORM tiktok._check_probe(job.source, probe);
		job.probe := job.probe IS NOT NULL AND coalesce(probe, job.probe);
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS problem.code = RETURNED_SQLSTATE, problem.message = MESSAGE_TEXT,
			problem.detail = PG_EXCEPTION_DETAIL, problem.hint = PG_EXCEPTION_HINT;
		PERFORM tiktok._note_error(target, problem);
		RETURN;
	END;
	COMMIT;
	BEGIN
		SELECT a.accounts, a.failed INTO accounts, failed FROM tiktok._accounts(job) AS a;
		steps := tiktok._probes(job, accounts);
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS problem.code = RETURNED_SQLSTATE, problem.message = MESSAGE_TEXT,
			problem.detail = PG_EXCEPTION_DETAIL, problem.hint = PG_EXCEPTION_HINT;
		steps := '{}';
	END;
	COMMIT;
	FOREACH step IN ARRAY steps LOOP
		BEGIN
			accounts := tiktok._without(accounts, tiktok._probe(job, step));
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS problem.code = RETURNED_SQLSTATE, problem.message = MESSAGE_TEXT,
				problem.detail = PG_EXCEPTION_DETAIL, problem.hint = PG_EXCEPTION_HINT;
		END;
		EXIT WHEN problem.code IS NOT NULL;
		COMMIT;
	END LOOP;
	steps := CASE WHEN problem.code IS NULL THEN tiktok._plan(job, accounts) ELSE '{}' END;
	COMMIT;
	began := pg_catalog.clock_timestamp();
	total := (SELECT pg_catalog.sum(tiktok._size(s)) FROM pg_catalog.unnest(steps) AS s);
	FOREACH step IN ARRAY steps LOOP
		done := done OPERATOR(pg_catalog.+) tiktok._size(step);
		step.accounts := tiktok._without(step.accounts, failed);
		CONTINUE WHEN pg_catalog.cardinality(step.accounts) OPERATOR(pg_catalog.=) 0;
		BEGIN
			IF step.merge THEN
				merged := tiktok._merge(job, step);
				failed := pg_catalog.array_cat(failed, merged.failed);
				job.folded := job.folded OPERATOR(pg_catalog.+) merged.folded;
				step.accounts := tiktok._without(step.accounts, merged.failed);
				IF pg_catalog.cardinality(step.accounts) OPERATOR(pg_catalog.>) 0 THEN
					written := written OPERATOR(pg_catalog.+) pg_catalog.cardinality(step.accounts);
					PERFORM tiktok._notice(job, step, merged.counts, began, written, done, total);
				END IF;
			ELSE
				failed := pg_catalog.array_cat(failed, tiktok._stage(job, step, false));
			END IF;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS problem.code = RETURNED_SQLSTATE, problem.message = MESSAGE_TEXT,
				problem.detail = PG_EXCEPTION_DETAIL, problem.hint = PG_EXCEPTION_HINT;
		END;
		EXIT WHEN problem.code IS NOT NULL;
		COMMIT;
	END LOOP;
	problem := tiktok._close(job, failed, problem);
	COMMIT;
	PERFORM tiktok._unlock(target);
END
$$;
COMMENT ON PROCEDURE tiktok._run(regclass, date, boolean, tiktok._problem) IS
'internal: a refresh; its error is returned, so that a caller can go on';

-- Errors are raised after the last commit: what was read stays.
CREATE PROCEDURE tiktok.refresh(target regclass, since date DEFAULT NULL,
	probe boolean DEFAULT NULL)
LANGUAGE plpgsql
AS $$
DECLARE
	problem tiktok._problem;
BEGIN
	PERFORM tiktok._check_no_block('tiktok.refresh()');
	PERFORM tiktok._check_writable();
	COMMIT;	-- an error now, before any request, where none is allowed later
	CALL tiktok._run(target, since, probe, problem);
	COMMIT;
	IF problem.code IS NOT NULL THEN
		PERFORM tiktok._raise(problem.code, problem.message, problem.detail, problem.hint);
	END IF;
END
$$;
COMMENT ON PROCEDURE tiktok.refresh(regclass, date, boolean) IS
'brings a snapshot up to date, committing after each account and window; stopped at any point, the next call goes on there. For the owner only. since: fetches earlier days too. probe: another than the snapshot''s, for this refresh; false reads all accounts. A WARNING counts accounts that could not be read; an error if none could. Errors: 42501 not the owner, or a privilege is missing; 42704 no snapshot; 55006 another session refreshes it; 25001 in a transaction block; 25006 on a standby, or read-only; 42703, 42804, 42P10 the table or the source was altered: the HINT says what to do; 55000 the table was renamed, dropped or replaced meanwhile; 27000 a trigger changed or kept out rows of which history or changes tell';

CREATE FUNCTION tiktok._own_snapshots()
RETURNS regclass[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT ARRAY(SELECT s.target FROM tiktok.snapshots AS s
		JOIN pg_class AS c ON c.oid = s.target
		JOIN pg_roles AS r ON r.oid = c.relowner
		WHERE r.rolname = current_user ORDER BY s.target::text)
$$;
COMMENT ON FUNCTION tiktok._own_snapshots() IS 'internal: those of the current user';

-- A snapshot that fails does not keep the others from being read.
CREATE PROCEDURE tiktok.refresh_all()
LANGUAGE plpgsql
AS $$
DECLARE
	targets regclass[];
	target regclass;
	n integer := 0;
	problem tiktok._problem;
	errors text[];
BEGIN
	PERFORM tiktok._check_no_block('tiktok.refresh_all()');
	PERFORM tiktok._check_writable();
	COMMIT;
	targets := tiktok._own_snapshots();
	FOREACH target IN ARRAY targets LOOP
		problem := NULL;
		n := n OPERATOR(pg_catalog.+) 1;
		RAISE NOTICE '%: snapshot % of %', target, n, pg_catalog.cardinality(targets);
		CALL tiktok._run(target, NULL::pg_catalog.date, NULL::pg_catalog.bool, problem);
		COMMIT;
		IF problem.code IS NOT NULL THEN
			errors := pg_catalog.array_append(errors,
				pg_catalog.format('%s: %s', target, problem.message));
		END IF;
	END LOOP;
	IF errors IS NOT NULL THEN
		RAISE EXCEPTION '% of % snapshots could not be refreshed',
			pg_catalog.cardinality(errors), pg_catalog.cardinality(targets)
			USING ERRCODE = 'HV000', DETAIL = pg_catalog.array_to_string(errors, E'\n');
	END IF;
END
$$;
COMMENT ON PROCEDURE tiktok.refresh_all() IS
'tiktok.refresh() for each snapshot that the current user owns, one after the other; an error of one does not stop the others, and is an error (HV000) at the end';

CREATE FUNCTION tiktok._result(job tiktok._job,
	OUT inserted bigint, OUT updated bigint, OUT deleted bigint, OUT unchanged bigint,
	OUT requests bigint, OUT watermark date)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.inserted, r.updated, r.deleted, r.unchanged, r.requests, s.watermark
	FROM tiktok.snapshot_runs AS r JOIN tiktok.snapshots AS s ON s.target = r.target
	WHERE r.run = job.run
$$;
COMMENT ON FUNCTION tiktok._result(tiktok._job) IS 'internal: what a refresh did';

-- A function cannot commit: it reads everything, then writes.
CREATE FUNCTION tiktok.materialize(source regclass, target text, since date DEFAULT NULL,
	attribution_window integer DEFAULT NULL, partition_by text DEFAULT NULL,
	probe boolean DEFAULT NULL, history boolean DEFAULT NULL, changes boolean DEFAULT NULL,
	changes_keep interval DEFAULT NULL, for_each text DEFAULT NULL,
	OUT inserted bigint, OUT updated bigint, OUT deleted bigint, OUT unchanged bigint,
	OUT requests bigint, OUT watermark date)
LANGUAGE plpgsql
AS $$
DECLARE
	existing regclass := tiktok._register(source, target, since, attribution_window,
		partition_by, probe, history, changes, changes_keep, for_each, false);
	job tiktok._job := tiktok._open(existing, NULL, false);
	steps tiktok._step[];
	step tiktok._step;
	merged record;
	accounts bigint[];
	failed bigint[];
	problem tiktok._problem;
BEGIN
	SELECT a.accounts, a.failed INTO accounts, failed FROM tiktok._accounts(job) AS a;
	FOREACH step IN ARRAY tiktok._probes(job, accounts) LOOP
		accounts := tiktok._without(accounts, tiktok._probe(job, step));
	END LOOP;
	steps := tiktok._plan(job, accounts);
	FOREACH step IN ARRAY steps LOOP
		CONTINUE WHEN step.merge;
		step.accounts := tiktok._without(step.accounts, failed);
		CONTINUE WHEN pg_catalog.cardinality(step.accounts) OPERATOR(pg_catalog.=) 0;
		failed := pg_catalog.array_cat(failed, tiktok._stage(job, step, true));
	END LOOP;
	FOREACH step IN ARRAY tiktok._joined(steps) LOOP
		step.accounts := tiktok._without(step.accounts, failed);
		CONTINUE WHEN pg_catalog.cardinality(step.accounts) OPERATOR(pg_catalog.=) 0;
		merged := tiktok._merge(job, step);
		failed := pg_catalog.array_cat(failed, merged.failed);
		job.folded := job.folded OPERATOR(pg_catalog.+) merged.folded;
	END LOOP;
	problem := tiktok._close(job, failed, NULL);
	PERFORM tiktok._unlock(existing);	-- others have to wait for the commit
	IF problem.code IS NOT NULL THEN
		PERFORM tiktok._raise(problem.code, problem.message, problem.detail, problem.hint);
	END IF;
	SELECT r.inserted, r.updated, r.deleted, r.unchanged, r.requests, r.watermark
	INTO inserted, updated, deleted, unchanged, requests, watermark FROM tiktok._result(job) AS r;
END
$$;
COMMENT ON FUNCTION tiktok.materialize(regclass, text, date, integer, text, boolean, boolean, boolean, interval, text) IS
'tiktok.create_snapshot() and a refresh in one transaction: reads everything that is missing, then writes. Returns the rows inserted, updated, deleted (or marked) and unchanged, the requests, and the day up to which all accounts were read (NULL for streams that are read whole, and while an account was never read). Arguments and errors as there and in tiktok.refresh()';

-- ---- sql/parts/45_write_beside.sql
--
-- What is written beside a target, in the transaction of its merge: states and changes.
--
-- States: _valid_from and _valid_to are the moment of the merge that wrote the row. They
-- begin where a row is new, changed or back, and end where it is changed or gone.
-- Changes: each row that a merge writes, once. A new signature of a link is neither.

-- As tiktok._templates(): the same parameters ($5: the run; of prune, how long changes stay) and parts, and operators with
-- their schema, for users may have triggers here, too.
CREATE FUNCTION tiktok._beside_templates(OUT name text, OUT template text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.* FROM (VALUES
	('end_states', 'WITH g AS MATERIALIZED (SELECT {keys} FROM {delta})
		UPDATE {history} AS t SET _valid_to = $4 FROM g
		WHERE {t_window} AND {t_is_g} AND t._valid_to IS NULL'),
	-- where the target has no row of the window: whoever emptied it has ended them
	('end_window', 'UPDATE {history} AS t SET _valid_to = $4 WHERE {t_window} AND t._valid_to IS NULL'),
	('begin_states', 'INSERT INTO {history} ({columns}, _synced_at, _valid_from)
		SELECT {columns}, $4, $4 FROM {stage}
		WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT "tiktok row" FROM {delta}
			WHERE "tiktok op" OPERATOR(pg_catalog.<>) ''D''::pg_catalog."char"))'),
	('begin_window', 'INSERT INTO {history} ({columns}, _synced_at, _valid_from)
		SELECT {columns}, $4, $4 FROM {stage} WHERE {window}'),
	('log_window', 'INSERT INTO {changes} (run, op, {keys}, new, at)
		SELECT $5, ''I'', {keys}, pg_catalog.to_jsonb("tiktok new"), $4
		FROM (SELECT {columns}, $4 AS _synced_at{unmarked} FROM {stage} WHERE {window}) AS "tiktok new"'),
	('log_new', 'INSERT INTO {changes} (run, op, {keys}, new, at)
		SELECT $5, ''I'', {keys}, pg_catalog.to_jsonb("tiktok new"), $4
		FROM (SELECT {columns}, $4 AS _synced_at{unmarked} FROM {stage}
			WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT "tiktok row" FROM {delta}
				WHERE "tiktok op" OPERATOR(pg_catalog.=) ''I''::pg_catalog."char"))) AS "tiktok new"'),
	('log_other', 'WITH g AS MATERIALIZED (SELECT {keys}, "tiktok op", "tiktok row" FROM {delta}
			WHERE "tiktok op" OPERATOR(pg_catalog.<>) ''I''::pg_catalog."char"),
		o AS MATERIALIZED (SELECT {t_columns}, t._synced_at{t_mark}, g."tiktok op", g."tiktok row"
			FROM {target} AS t, g WHERE {t_window} AND {t_is_g})
		INSERT INTO {changes} (run, op, {keys}, old, new, at)
		SELECT $5, "tiktok old"."tiktok op"::pg_catalog.text, {old_keys}, {old}, CASE
				WHEN "tiktok old"."tiktok op" OPERATOR(pg_catalog.=) ''D''::pg_catalog."char" THEN {gone}
				ELSE pg_catalog.to_jsonb("tiktok new") OPERATOR(pg_catalog.-) ''tiktok row''::pg_catalog.text END, $4
		FROM o AS "tiktok old" LEFT JOIN (
			SELECT ctid AS "tiktok row", {columns}, $4 AS _synced_at{unmarked} FROM {stage}) AS "tiktok new"
			ON "tiktok new"."tiktok row" OPERATOR(pg_catalog.=) "tiktok old"."tiktok row"'),
	('prune', 'DELETE FROM {changes} WHERE at OPERATOR(pg_catalog.<) ($4 OPERATOR(pg_catalog.-) $5)'),
	-- rows of which something else is there than states and changes say
	('untrue_window', 'SELECT count(*) FROM (SELECT {columns} FROM {stage} WHERE {window}) AS s
			LEFT JOIN (SELECT {columns}, _synced_at{_deleted_at} FROM {target} WHERE {window} OFFSET 0) AS t
			ON {s_is_t}
		WHERE {untrue}'),
	('untrue_delta', 'SELECT count(*) FROM {delta} AS d LEFT JOIN {stage} AS s ON s.ctid = d."tiktok row"
			LEFT JOIN (SELECT {columns}, _synced_at{_deleted_at} FROM {target} WHERE {window} OFFSET 0) AS t
			ON {d_is_t}
		WHERE CASE WHEN d."tiktok op" = ''D'' THEN {stayed} ELSE {untrue} END'),
	-- states are kept from now on: those that do not hold end, the target's begin, when it
	-- got them, but for what is recorded of a time before
	('switch_off', 'UPDATE {history} SET _valid_to = $4 WHERE _valid_to IS NULL'),
	('switch_end', 'WITH g AS MATERIALIZED (
			SELECT {t_keys} FROM (SELECT {keys}, {hash} AS "tiktok hash" FROM {history}
					WHERE _valid_to IS NULL OFFSET 0) AS t
				LEFT JOIN (SELECT {keys}, {hash} AS "tiktok hash" FROM {target}
					WHERE _deleted_at IS NULL OFFSET 0) AS g
				ON {t_is_g} AND t."tiktok hash" OPERATOR(pg_catalog.=) g."tiktok hash"
			WHERE g."tiktok hash" IS NULL)
		UPDATE {history} AS t SET _valid_to = $4 FROM g WHERE {t_is_g} AND t._valid_to IS NULL'),
	('switch_begin', 'INSERT INTO {history} ({columns}, _synced_at, _valid_from)
		SELECT {t_columns}, t._synced_at, LEAST(GREATEST(t._synced_at, g."tiktok end"), $4)
		FROM (SELECT {columns}, _synced_at FROM {target} WHERE _deleted_at IS NULL OFFSET 0) AS t
			LEFT JOIN (SELECT {keys}, pg_catalog.max(coalesce(_valid_to, ''infinity'')) AS "tiktok end"
				FROM {history} GROUP BY {keys} OFFSET 0) AS g ON {t_is_g}
		WHERE g."tiktok end" IS NULL OR g."tiktok end" OPERATOR(pg_catalog.<>) ''infinity'''))
		AS v (name, template)
$$;
COMMENT ON FUNCTION tiktok._beside_templates() IS
'internal: the statements that write tables beside a target before their parts are filled in: those of tiktok._beside, and those of tiktok._plan_switch()';

-- The statements, by name; those of a table that there is not make no sense.
CREATE FUNCTION tiktok._beside_statements(target regclass, source regclass, key_columns text[],
	time_column text, with_accounts boolean, history regclass, changes regclass)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mark boolean := time_column IS NULL;
	old text := 'pg_catalog.to_jsonb("tiktok old") OPERATOR(pg_catalog.-) ''{tiktok op,tiktok row}''::pg_catalog.text[]';
	parts jsonb;
BEGIN
	SELECT tiktok._parts(target, source, key_columns, time_column, with_accounts)
		|| jsonb_build_object(
			'history', coalesce(history::text, 'NULL'),
			'changes', coalesce(changes::text, 'NULL'),
			't_columns', columns.t,
			'd_is_t', string_agg(format('d.%1$I = t.%1$I', k), ' AND '),
			'untrue', format('t._synced_at IS DISTINCT FROM $4%s OR record_image_ne(ROW(%s), ROW(%s))',
				CASE WHEN mark THEN ' OR t._deleted_at IS NOT NULL' ELSE '' END, columns.s, columns.t),
			'stayed', CASE WHEN mark THEN 't._deleted_at IS DISTINCT FROM $4' ELSE 't._synced_at IS NOT NULL' END,
			't_keys', string_agg(format('t.%I', k), ', '),
			'old_keys', string_agg(format('"tiktok old".%I', k), ', '),
			'unmarked', CASE WHEN mark THEN ', NULL::pg_catalog.timestamptz AS _deleted_at' ELSE '' END,
			't_mark', CASE WHEN mark THEN ', t._deleted_at' ELSE '' END,
			'old', old,
			'gone', CASE WHEN mark THEN format('(%s) OPERATOR(pg_catalog.||) '
					'pg_catalog.jsonb_build_object(''_synced_at'', $4, ''_deleted_at'', $4)', old)
				ELSE 'NULL::pg_catalog.jsonb' END)
	INTO parts
	FROM unnest(key_columns) AS k, (
		SELECT string_agg(format('s.%I', c.name), ', ' ORDER BY c.attnum),
			string_agg(format('t.%I', c.name), ', ' ORDER BY c.attnum)
		FROM tiktok._source_columns(source) AS c) AS columns (s, t)
	GROUP BY columns.s, columns.t;
	RETURN (SELECT jsonb_object_agg(t.name, tiktok._fill(t.template, parts))
		FROM tiktok._beside_templates() AS t);
END
$$;
COMMENT ON FUNCTION tiktok._beside_statements(regclass, regclass, text[], text, boolean, regclass, regclass) IS
'internal: tiktok._beside_templates() with their parts. Arguments as of tiktok._parts(), and the tables; NULL: there is none';

-- Looked at before a refresh sends anything.
CREATE FUNCTION tiktok._beside(target regclass, source regclass, key_columns text[],
	time_column text, with_accounts boolean)
RETURNS tiktok._beside
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s record;
BEGIN
	SELECT t.history, t.changes, t.changes_keep INTO s FROM tiktok.snapshots AS t
	WHERE t.target = _beside.target;
	IF s.history IS NULL AND s.changes IS NULL THEN
		RETURN NULL;
	END IF;
	PERFORM tiktok._check_beside_table(target, source, s.history, 'history', key_columns);
	PERFORM tiktok._check_beside_table(target, source, s.changes, 'changes', key_columns);
	RETURN jsonb_populate_record(ROW(s.history, s.changes, s.changes_keep, NULL, NULL, NULL, NULL,
			NULL, NULL, NULL, NULL, NULL, NULL)::tiktok._beside,
		tiktok._beside_statements(target, source, key_columns, time_column, with_accounts,
			s.history, s.changes));
END
$$;
COMMENT ON FUNCTION tiktok._beside(regclass, regclass, text[], text, boolean) IS
'internal: what a refresh writes beside the target; NULL: nothing. Errors: those of tiktok._check_beside_table()';

-- No SET search_path: triggers fire in here. The target is still as it was.
CREATE FUNCTION tiktok._write_beside(job tiktok._job, step tiktok._step, counts tiktok._counts,
	fresh boolean, now timestamptz)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
	b tiktok._beside := job.beside;
	next_day date := step.last_day OPERATOR(pg_catalog.+) 1;
	new boolean := counts.inserted OPERATOR(pg_catalog.>) 0;
	other boolean := counts.updated OPERATOR(pg_catalog.+) counts.deleted OPERATOR(pg_catalog.>) 0;
BEGIN
	IF b.history IS NOT NULL AND fresh THEN
		EXECUTE b.end_window USING step.accounts, step.first_day, next_day, now;
		EXECUTE b.begin_window USING step.accounts, step.first_day, next_day, now;
	ELSIF b.history IS NOT NULL AND (new OR other) THEN
		EXECUTE b.end_states USING step.accounts, step.first_day, next_day, now;
		EXECUTE b.begin_states USING step.accounts, step.first_day, next_day, now;
	END IF;
	IF b.changes IS NULL THEN
		RETURN;
	END IF;
	IF new THEN
		EXECUTE CASE WHEN fresh THEN b.log_window ELSE b.log_new END
			USING step.accounts, step.first_day, next_day, now, job.run;
	END IF;
	IF other THEN
		EXECUTE b.log_other USING step.accounts, step.first_day, next_day, now, job.run;
	END IF;
	EXECUTE b.prune USING step.accounts, step.first_day, next_day, now, b.changes_keep;
END
$$;
COMMENT ON FUNCTION tiktok._write_beside(tiktok._job, tiktok._step, tiktok._counts, boolean, timestamptz) IS
'internal: writes the states and changes of a merge that is to come, and drops changes that are old. counts, fresh: as of tiktok._compare(); now: the moment of the merge. Errors: those of the tables'' triggers and constraints';

-- Whether anything but a refresh's own statements may have a say in what they write.
CREATE FUNCTION tiktok._is_meddled_with(target regclass)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE tables (id) AS (
		SELECT target::oid
		UNION
		SELECT i.inhrelid FROM tables AS t JOIN pg_inherits AS i ON i.inhparent = t.id)
	SELECT EXISTS (
		SELECT FROM tables AS t JOIN pg_trigger AS g ON g.tgrelid = t.id
		WHERE NOT g.tgisinternal AND g.tgenabled <> 'D'
		UNION ALL
		SELECT FROM pg_rewrite AS r WHERE r.ev_class = target AND r.ev_enabled <> 'D')
$$;
COMMENT ON FUNCTION tiktok._is_meddled_with(regclass) IS
'internal: whether a table has triggers, partitions and heirs included, or rules';

-- A trigger may change a row or keep it out. Without states and changes that is between it and
-- its owner; with them, each refresh would find the row changed again, and say so for ever.
CREATE FUNCTION tiktok._check_written(job tiktok._job, step tiktok._step, counts tiktok._counts,
	fresh boolean, now timestamptz)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	untrue bigint;
BEGIN
	IF (job.beside).history IS NULL AND (job.beside).changes IS NULL
		OR counts.inserted + counts.updated + counts.deleted = 0 OR NOT tiktok._is_meddled_with(job.target)
	THEN
		RETURN;
	END IF;
	EXECUTE CASE WHEN fresh THEN (job.beside).untrue_window ELSE (job.beside).untrue_delta END
		INTO untrue USING step.accounts, step.first_day, step.last_day + 1, now;
	IF untrue > 0 THEN
		RAISE EXCEPTION '% of % % not what was written', untrue || CASE untrue WHEN 1 THEN ' row' ELSE ' rows' END,
			job.target, CASE untrue WHEN 1 THEN 'is' ELSE 'are' END
			USING ERRCODE = '27000', DETAIL = 'A trigger or a rule changed or kept out what the API returned, '
				'so that states and changes beside the table would not be true.',
				HINT = format('Let it write to columns or tables of its own, or do without: '
					'SELECT tiktok.create_snapshot(%L, %L%s%s);', job.source, job.target,
					CASE WHEN (job.beside).history IS NOT NULL THEN ', history => false' ELSE '' END,
					CASE WHEN (job.beside).changes IS NOT NULL THEN ', changes => false' ELSE '' END);
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_written(tiktok._job, tiktok._step, tiktok._counts, boolean, timestamptz) IS
'internal: 27000 if the target has other rows than a merge wrote, and tables beside it that say what it wrote. Arguments as of tiktok._write_beside()';

-- What create_snapshot() changes of that, in the registry at once; the statements that
-- go with it are for the caller to run. A refresh under way would not know of it.
CREATE FUNCTION tiktok._plan_switch(target regclass, source regclass, history boolean,
	changes boolean, keep interval, OUT commands text[], OUT moment timestamptz,
	OUT tables regclass[], OUT names text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	known tiktok.snapshots;
	beside record;
	latest timestamptz;
	words text[] := '{}';
BEGIN
	commands := '{}';
	SELECT s.* INTO known FROM tiktok.snapshots AS s WHERE s.target = _plan_switch.target;
	-- nothing that is not so already
	IF (history IS NULL OR CASE WHEN history THEN tiktok._is_there(known.history)
			ELSE known.history IS NULL END)
		AND (changes IS NULL OR CASE WHEN changes THEN tiktok._is_there(known.changes)
			ELSE known.changes IS NULL END)
		AND coalesce(keep = known.changes_keep, keep IS NULL)
	THEN
		RETURN;
	END IF;
	PERFORM tiktok._check_lock(target, false);
	SELECT s.* INTO known FROM tiktok.snapshots AS s WHERE s.target = _plan_switch.target;
	moment := tiktok._moment(target);
	IF history AND NOT tiktok._is_there(known.history) THEN
		beside := tiktok._get_beside(target, source, 'history', known.key_columns);
		known.history := beside.beside;
		EXECUTE format('SELECT max(greatest(_valid_from, _valid_to)) FROM %s', known.history) INTO latest;
		words := ARRAY['switch_end', 'switch_begin'];
	END IF;
	IF changes AND NOT tiktok._is_there(known.changes) THEN
		beside := tiktok._get_beside(target, source, 'changes', known.key_columns);
		known.changes := beside.beside;
		EXECUTE format('SELECT greatest(max(at), %L) FROM %s', latest, known.changes) INTO latest;
	END IF;
	IF NOT history AND tiktok._is_there(known.history) THEN
		-- its triggers run with the caller's rights; altered it may be, to make another
		PERFORM tiktok._check_owner(known.history);
		words := ARRAY['switch_off'];
	END IF;
	moment := greatest(moment, latest + interval '1 microsecond');
	tables := array_remove(ARRAY[target, known.history], NULL);
	names := ARRAY(SELECT t::text FROM unnest(tables) WITH ORDINALITY AS u (t, n) ORDER BY n);
	commands := ARRAY(SELECT c.statement FROM unnest(words) WITH ORDINALITY AS w (word, n)
		JOIN jsonb_each_text(tiktok._beside_statements(target, source, known.key_columns,
			known.time_column, true, known.history, known.changes)) AS c (word, statement)
			ON c.word = w.word ORDER BY w.n);
	IF NOT history THEN
		known.history := NULL;
	END IF;
	IF NOT changes THEN
		known.changes := NULL;
	END IF;
	PERFORM tiktok._record(target, 'beside', jsonb_build_object('history', known.history::oid,
		'changes', known.changes::oid, 'changes_keep', CASE WHEN known.changes IS NOT NULL
			THEN coalesce(keep, known.changes_keep, interval '7 days') END,
		'moment', moment));
	PERFORM tiktok._unlock(target);	-- others have to wait for the commit
END
$$;
COMMENT ON FUNCTION tiktok._plan_switch(regclass, regclass, boolean, boolean, interval) IS
'internal: begins or ends the tables beside a target (NULL: as before), for the registry; commands: what is to be run for it, with $4 the moment; tables, names: what they name. Errors: 55006 a refresh is under way; 42501 the history is another''s by now; those of tiktok._get_beside()';

-- No SET search_path: triggers fire in here.
CREATE FUNCTION tiktok._switch_beside(target regclass, source regclass, history boolean,
	changes boolean, keep interval)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
	plan record;
	command text;
BEGIN
	IF history IS NULL AND changes IS NULL AND keep IS NULL THEN
		RETURN;
	END IF;
	plan := tiktok._plan_switch(target, source, history, changes, keep);
	FOREACH command IN ARRAY plan.commands LOOP
		PERFORM tiktok._hold(plan.tables, plan.names);
		EXECUTE command USING NULL::bigint[], NULL::pg_catalog.date, NULL::pg_catalog.date, plan.moment;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok._switch_beside(regclass, regclass, boolean, boolean, interval) IS
'internal: switches states and changes of a target on (true) or off (false), or leaves them (NULL), and sets how long changes stay. Errors: those of tiktok._plan_switch() and tiktok._hold()';

-- ---- sql/parts/46_probe.sql
--
-- Before it reads, a refresh of a daily report asks what the re-read days of each account
-- add up to: one small request. Where that is what the target holds, nothing is read.
--
-- All columns are compared that may be added up, and the number of rows. What is left
-- unseen, other columns such as names, is read again by the next refresh that reads, the
-- seventh at the latest: probes and that one begin where the last one that read did not
-- leave settled days.

CREATE FUNCTION tiktok._totals_columns(source regclass)
RETURNS text[]
AS 'MODULE_PATHNAME', 'tiktok_snapshot_totals_columns'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION tiktok._totals_columns(regclass) IS
'internal: the columns that tiktok._totals() has sums of, spend, impressions and clicks among them; NULL: it has none, for the foreign table is no daily BASIC report with one object a row, lacks one of the three, or is of the sandbox';

CREATE FUNCTION tiktok._totals(source regclass, accounts bigint[], first_day date, last_day date,
	OUT advertiser_id bigint,
	OUT rows bigint,
	OUT sums numeric[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_snapshot_totals'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok._totals(regclass, bigint[], date, date) IS
'internal: how many rows some days of these accounts have, and what each of tiktok._totals_columns() adds up to, as the API says: a request for each account and window. Without an account of which that is not certain: it was cut, a sum is missing';

-- Being asked for what is not to be had is an error; being asked to leave it is none.
CREATE FUNCTION tiktok._check_probe(source regclass, probe boolean)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF probe AND tiktok._totals_columns(source) IS NULL THEN
		RAISE EXCEPTION '"probe" means nothing for a snapshot of %', source
			USING ERRCODE = '22023', DETAIL = 'The API has totals of daily BASIC reports with one object a row, '
				'outside of the sandbox; they tell enough if there are columns of spend, impressions and clicks.',
				HINT = 'Leave the argument out.';
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_probe(regclass, boolean) IS
'internal: 22023 if probing is asked for and not possible';

-- Only accounts that were read to the end, without an error, and not too long ago; some at
-- a time, each with a commit of its own: what is stopped repeats those under way.
CREATE FUNCTION tiktok._probes(job tiktok._job, accounts bigint[])
RETURNS tiktok._step[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH ranges AS (
		SELECT r.*, (row_number() OVER (PARTITION BY r.first_day, r.last_day ORDER BY r.account) - 1)
			/ (10 * job.concurrency) AS chunk
		FROM tiktok._ranges(job, accounts) AS r
			JOIN tiktok.snapshot_accounts AS a ON a.target = job.target AND a.advertiser_id = r.account
		WHERE NOT r.backward AND a.since <= job.since AND a.next_day IS NULL
			AND a.last_error IS NULL AND a.probes < 6),
	steps AS (
		SELECT r.first_day, r.last_day, r.chunk, ROW(false, array_agg(r.account ORDER BY r.account),
			r.first_day, r.last_day, 0, false)::tiktok._step AS step
		FROM ranges AS r GROUP BY 1, 2, 3)
	SELECT coalesce(array_agg(s.step ORDER BY s.first_day, s.last_day, s.chunk), '{}') FROM steps AS s
	WHERE job.probe AND tiktok._totals_columns(job.source) IS NOT NULL
$$;
COMMENT ON FUNCTION tiktok._probes(tiktok._job, bigint[]) IS
'internal: which of the accounts are probed, some at a time, and over which days';

-- One of them: an account that did not change counts as read.
CREATE FUNCTION tiktok._probe(job tiktok._job, step tiktok._step)
RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	unchanged bigint[] := tiktok._unchanged(tiktok._probe_query(job, tiktok._totals_columns(job.source)),
		step.accounts, step.first_day, step.last_day);
BEGIN
	PERFORM tiktok._record(job.target, 'probe', jsonb_build_object('run', job.run,
		'asked', cardinality(step.accounts), 'accounts', unchanged, 'end', job.end_day,
		'read_on', job.read_on, 'now', clock_timestamp(), 'requests', tiktok._requests() - job.requests));
	RETURN unchanged;
END
$$;
COMMENT ON FUNCTION tiktok._probe(tiktok._job, tiktok._step) IS
'internal: asks some accounts for their totals; returns those of which nothing is to be read, since they have not changed, recorded as read. Errors: those of tiktok._unchanged()';

-- Whatever is wrong with an account is told when it is read. One that is refused does not
-- keep the others from being asked; more than that, and nobody is.
CREATE FUNCTION tiktok._unchanged(query text, accounts bigint[], first_day date, last_day date)
RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET tiktok_fdw.snapshot_refresh = on
AS $$
DECLARE
	same bigint[];
	culprit bigint;
BEGIN
	FOR attempt IN 1 .. 3 LOOP
		BEGIN
			PERFORM tiktok._failed_account();	-- what others left
			EXECUTE query INTO same USING accounts, first_day, last_day + 1;
			RETURN coalesce(same, '{}');
		EXCEPTION WHEN OTHERS THEN
			culprit := tiktok._failed_account();
			IF NOT tiktok._is_of_account(SQLSTATE) THEN
				RAISE;
			END IF;
			EXIT WHEN SQLSTATE <> '42501' OR culprit IS NULL OR culprit <> ALL (accounts);
		END;
		accounts := array_remove(accounts, culprit);
	END LOOP;
	RETURN '{}';
END
$$;
COMMENT ON FUNCTION tiktok._unchanged(text, bigint[], date, date) IS
'internal: which of some accounts have not changed, by tiktok._probe_query(). Errors: those of tiktok._totals() that are of no account';

CREATE FUNCTION tiktok._probe_query(job tiktok._job, columns text[])
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT tiktok._fill('SELECT array_agg(t.advertiser_id)
		FROM tiktok._totals({source:L}::regclass, $1, $2, $3 - 1) AS t
			LEFT JOIN (
				SELECT {account:I} AS account, count(*) AS rows, ARRAY[{sums}] AS sums
				FROM {target} WHERE {window} GROUP BY 1) AS h ON h.account = t.advertiser_id
		WHERE t.rows = coalesce(h.rows, 0) AND (t.rows = 0 OR t.sums = h.sums)',
		jsonb_build_object('source', job.source::text, 'target', job.target::text,
			'account', a.name, 'window', tiktok._window('', a.name, job.time_column),
			'sums', (SELECT string_agg(format('coalesce(sum(%I::numeric), 0)', c), ', ' ORDER BY n)
				FROM unnest(columns) WITH ORDINALITY AS u (c, n))))
	FROM tiktok._source_columns(job.source) AS a WHERE a.is_account
$$;
COMMENT ON FUNCTION tiktok._probe_query(tiktok._job, text[]) IS
'internal: the query for those of the accounts $1 whose totals from day $2 to before $3 are what the target holds; columns: those of tiktok._totals_columns()';

-- What tiktok._record_window() does for the last window of an account, without a window.
-- read_on stays: no row was read, so that the next reading begins where this one would have,
-- and no day is settled before. What totals do not tell is read then, however many days go by.
CREATE FUNCTION tiktok._record_probe(target regclass, detail jsonb)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mine uuid := tiktok._registered(target);
	same bigint := jsonb_array_length(detail -> 'accounts');
BEGIN
	UPDATE tiktok._snapshot_account AS a
	SET watermark = greatest(a.watermark, least((detail ->> 'end')::date, (detail ->> 'read_on')::date)),
		last_refresh = (detail ->> 'now')::timestamptz,
		last_error = NULL,
		probes = a.probes + 1
	WHERE a.snapshot = mine
		AND a.advertiser_id IN (SELECT u::bigint FROM jsonb_array_elements_text(detail -> 'accounts') AS u);
	UPDATE tiktok._snapshot_run AS r
	SET accounts_probed = r.accounts_probed + (detail ->> 'asked')::bigint,
		accounts_unchanged = r.accounts_unchanged + same,
		accounts_done = r.accounts_done + same,
		requests = (detail ->> 'requests')::bigint
	WHERE r.run = (detail ->> 'run')::bigint AND r.snapshot = mine;
	RETURN 0;
END
$$;
COMMENT ON FUNCTION tiktok._record_probe(regclass, jsonb) IS
'internal: accounts were probed: run, asked (how many), accounts that have not changed, end, read_on, now, requests; returns 0';
REVOKE ALL ON FUNCTION tiktok._record_probe(regclass, jsonb) FROM PUBLIC;

-- ---- sql/parts/50_comments.sql
--
-- Comments of foreign tables, from the catalogue.
--
-- IMPORT FOREIGN SCHEMA creates tables and nothing else. A comment is written
-- where there is none; one that is a text of the catalogue follows the column's
-- path; any other is its owner's and stays.

CREATE FUNCTION tiktok._table_comment(source regclass)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%s from %s of TikTok''s Marketing API; key: %s', o.stream,
			coalesce(s.endpoint, 'report/integrated/get/'),
			array_to_string('advertiser_id'::text || array_remove(coalesce(s.key_columns,
				string_to_array(replace(o.dimensions, ' ', ''), ',')), 'advertiser_id'), ', '))
		|| coalesce('. ' || s.note, '')
	FROM pg_foreign_table AS f
		CROSS JOIN LATERAL (
			SELECT max(o.option_value) FILTER (WHERE o.option_name = 'stream') AS stream,
				max(o.option_value) FILTER (WHERE o.option_name = 'dimensions') AS dimensions
			FROM pg_options_to_table(f.ftoptions) AS o) AS o
		LEFT JOIN tiktok.streams AS s ON s.name = o.stream
	WHERE f.ftrelid = source
$$;
COMMENT ON FUNCTION tiktok._table_comment(regclass) IS
'internal: what tiktok.comment_tables() says of a foreign table';

CREATE FUNCTION tiktok._wanted_comments(namespace oid, OUT what text, OUT now text, OUT wanted text,
	OUT ours boolean)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH sources AS MATERIALIZED (
		SELECT c.oid::regclass AS source
		FROM pg_class AS c JOIN pg_foreign_table AS f ON f.ftrelid = c.oid
			JOIN pg_foreign_server AS s ON s.oid = f.ftserver
			JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
		WHERE w.fdwname = 'tiktok_fdw' AND c.relnamespace = namespace
			AND pg_has_role(c.relowner, 'USAGE')),
	texts AS MATERIALIZED (
		SELECT k.description FROM tiktok.stream_columns AS k
		UNION SELECT m.description FROM tiktok.report_metrics AS m)
	SELECT format('FOREIGN TABLE %s', t.source), c.now, tiktok._table_comment(t.source),
		c.now LIKE '% of TikTok''s Marketing API; key: %'
	FROM sources AS t CROSS JOIN LATERAL obj_description(t.source, 'pg_class') AS c (now)
	UNION ALL
	SELECT format('COLUMN %s.%I', t.source, k.name), c.now, k.description,
		c.now IN (SELECT x.description FROM texts AS x)
	FROM sources AS t CROSS JOIN LATERAL tiktok._source_columns(t.source) AS k
		CROSS JOIN LATERAL col_description(t.source, k.attnum) AS c (now)
$$;
COMMENT ON FUNCTION tiktok._wanted_comments(oid) IS
'internal: of the caller''s foreign tables in a schema, the comments as they are and as the catalogue has them. ours: it is a text of the catalogue, perhaps of another column';

-- All commands are known before the first runs: they change what they are made from.
CREATE FUNCTION tiktok.comment_tables(schema text)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	namespace oid := (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = schema);
	commands text[];
	command text;
BEGIN
	IF namespace IS NULL THEN
		RAISE EXCEPTION 'schema "%" does not exist', schema USING ERRCODE = '3F000';
	END IF;
	commands := ARRAY(
		SELECT format('COMMENT ON %s IS %L', c.what, c.wanted)
		FROM tiktok._wanted_comments(namespace) AS c
		WHERE c.now IS DISTINCT FROM c.wanted AND (c.now IS NULL OR c.ours));
	FOREACH command IN ARRAY commands LOOP
		EXECUTE command;
	END LOOP;
	RETURN cardinality(commands);
END
$$;
COMMENT ON FUNCTION tiktok.comment_tables(text) IS
'writes the catalogue''s descriptions as comments of the foreign tables in a schema that the caller owns, and of their columns; returns how many it wrote. Comments of one''s own are left alone, and so are columns that the catalogue does not describe. Errors: 3F000 no such schema';

-- ---- sql/parts/51_report_views.sql
--
-- The six report models that dashboards for TikTok's ads expect, over snapshots.

CREATE FUNCTION tiktok._report_views(OUT name text, OUT report text, OUT streams text[],
	OUT columns text[], OUT description text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH parts (metrics, by_group, url) AS (VALUES (
		'spend reach conversion likes comments shares profile_visits follows video_watched_2_s '
		'video_watched_6_s video_views_p_25 video_views_p_50 video_views_p_75 real_time_conversion '
		'total_purchase_value total_sales_lead_value total_conversion_value daily_cpc daily_cpm daily_ctr',
		'currency category gender audience_type budget impressions clicks',
		'base_url url_host url_path utm_source utm_medium utm_campaign utm_content utm_term'))
	SELECT 'tiktok_ads__' || v.name, v.report, string_to_array(v.streams, ' '),
		string_to_array('source_relation date_day ' || v.columns, ' '), v.description
	FROM parts AS p, LATERAL (VALUES
		('advertiser_report', 'advertisers_reports_daily', 'advertisers',
			'advertiser_id advertiser_name currency clicks impressions ' || p.metrics,
			'one row for each account and day'),
		('campaign_report', 'campaigns_reports_daily', 'advertisers campaigns',
			'advertiser_id advertiser_name campaign_id campaign_name currency impressions clicks '
			|| p.metrics, 'one row for each campaign and day'),
		('ad_group_report', 'ad_groups_reports_daily', 'advertisers campaigns ad_groups',
			'advertiser_id advertiser_name campaign_id campaign_name ad_group_id ad_group_name '
			|| p.by_group || ' ' || p.metrics, 'one row for each ad group and day'),
		('ad_report', 'ads_reports_daily', 'advertisers campaigns ad_groups ads',
			'advertiser_id advertiser_name campaign_id campaign_name ad_group_id ad_group_name ad_id '
			'ad_name ' || p.by_group || ' ' || p.metrics, 'one row for each ad and day'),
		('url_report', 'ads_reports_daily', 'advertisers campaigns ad_groups ads',
			'advertiser_id advertiser_name campaign_id campaign_name ad_group_id ad_group_name ad_id '
			'ad_name ' || p.url || ' ' || p.by_group || ' ' || p.metrics,
			'one row for each ad and day, of ads that have a landing page: totals are lower than in the ad report'),
		('campaign_country_report', 'campaign_id,country_code,stat_time_day', 'advertisers campaigns',
			'campaign_id campaign_name campaign_type created_at country_code advertiser_id '
			'advertiser_name currency objective_type status split_test_variable campaign_budget '
			'budget_mode clicks impressions spend conversion daily_cpc daily_cpm daily_ctr '
			'real_time_conversion', 'one row for each campaign, country and day'))
		AS v (name, report, streams, columns, description)
$$;
COMMENT ON FUNCTION tiktok._report_views() IS
'internal: the views of tiktok.create_report_views(), the report each is over (its stream, or the dimensions of a report of one''s own), the streams of its names, its columns in order';

-- Where a column comes from: r report, a advertisers, c campaigns, g ad groups, d
-- ads. An expression has %s where the column goes; additive ones are 0 where
-- the report says nothing, the others stay NULL.
CREATE FUNCTION tiktok._report_columns(OUT name text, OUT alias text, OUT col text,
	OUT type text, OUT expression text, OUT description text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.* FROM (VALUES
	('source_relation', '', '', 'text', '''''::pg_catalog.text', 'always empty: one connection'),
	('date_day', 'r', 'stat_time_day', 'date', '%s', 'the day, in the time zone of the account'),
	('advertiser_id', 'r', 'advertiser_id', 'bigint', '%s', 'ad account'),
	('advertiser_name', 'a', 'name', 'text', '%s', 'name of the account as it is now; of one that is gone, as the report has it'),
	('currency', 'a', 'currency', 'text', '%s', 'currency of every amount in the row'),
	('campaign_id', 'r', 'campaign_id', 'bigint', '%s', 'campaign'),
	('campaign_name', 'c', 'campaign_name', 'text', '%s', 'its name as it is now; of one that is gone, as the report has it'),
	('campaign_type', 'c', 'campaign_type', 'text', '%s', 'its type'),
	('created_at', 'c', 'create_time', 'timestamptz', '%s', 'when it was created'),
	('objective_type', 'c', 'objective_type', 'text', '%s', 'its objective'),
	('status', 'c', 'secondary_status', 'text', '%s', 'its status: the API''s secondary_status'),
	('split_test_variable', 'c', 'split_test_variable', 'text', '%s', 'what a split test varies'),
	('campaign_budget', 'c', 'budget', 'numeric', '%s', 'its budget as it is now'),
	('budget_mode', 'c', 'budget_mode', 'text', '%s', 'its kind of budget'),
	('country_code', 'r', 'country_code', 'text', '%s', 'country of the audience'),
	('ad_group_id', 'g', 'adgroup_id', 'bigint', '%s', 'ad group'),
	('ad_group_name', 'g', 'adgroup_name', 'text', '%s', 'its name as it is now; of one that is gone, as the report has it'),
	('category', 'g', 'category', 'text', '%s', 'its category; NULL: the API no longer tells'),
	('gender', 'g', 'gender', 'text', '%s', 'targeted gender'),
	('audience_type', 'g', 'audience_type', 'text', '%s', 'kind of audience'),
	('budget', 'g', 'budget', 'numeric', '%s', 'budget of the ad group as it is now'),
	('ad_id', 'r', 'ad_id', 'bigint', '%s', 'ad'),
	('ad_name', 'd', 'ad_name', 'text', '%s', 'its name as it is now; of one that is gone, as the report has it'),
	('base_url', 'd', 'landing_page_url', 'text', 'pg_catalog.split_part(%s, ''?'', 1)',
		'landing page without its query'),
	('url_host', 'd', 'landing_page_url', 'text', 'pg_catalog.split_part(pg_catalog.split_part('
		'pg_catalog.regexp_replace(%s, ''^(https?|android-app)://'', ''''), ''/'', 1), ''?'', 1)', 'its host'),
	('url_path', 'd', 'landing_page_url', 'text', '''/'' || coalesce(pg_catalog.substring('
		'pg_catalog.split_part(pg_catalog.regexp_replace(%s, ''^(https?|android-app)://'', ''''), ''?'', 1), '
		'''/(.*)$''), '''')', 'its path')) AS v
	UNION ALL
	SELECT utm, 'd', 'landing_page_url', 'text', format('nullif(pg_catalog.split_part('
		'pg_catalog.split_part(%%s, ''%s='', 2), ''&'', 1), '''')', utm), 'UTM parameter of the landing page'
	FROM unnest(ARRAY['utm_source', 'utm_medium', 'utm_campaign', 'utm_content', 'utm_term']) AS utm
	UNION ALL
	SELECT m[1], 'r', m[2], m[3], 'coalesce(%s, 0)::pg_catalog.' || m[3], m[4] || '; 0 where the report has no value'
	FROM (VALUES
		(ARRAY['clicks', 'clicks', 'int8', 'clicks that lead to the destination']),
		(ARRAY['impressions', 'impressions', 'int8', 'times the ads were shown']),
		(ARRAY['spend', 'spend', 'numeric', 'cost, in the account''s currency']),
		(ARRAY['conversion', 'conversion', 'int8', 'results, dated by the impression or click']),
		(ARRAY['likes', 'likes', 'int8', 'likes']), (ARRAY['comments', 'comments', 'int8', 'comments']),
		(ARRAY['shares', 'shares', 'int8', 'shares']),
		(ARRAY['profile_visits', 'profile_visits', 'int8', 'visits of the profile']),
		(ARRAY['follows', 'follows', 'int8', 'new followers']),
		(ARRAY['video_watched_2_s', 'video_watched_2s', 'int8', 'plays of at least 2 seconds']),
		(ARRAY['video_watched_6_s', 'video_watched_6s', 'int8', 'plays of at least 6 seconds']),
		(ARRAY['video_views_p_25', 'video_views_p25', 'int8', 'plays of a quarter of the video']),
		(ARRAY['video_views_p_50', 'video_views_p50', 'int8', 'plays of half of the video']),
		(ARRAY['video_views_p_75', 'video_views_p75', 'int8', 'plays of three quarters of the video']),
		(ARRAY['real_time_conversion', 'real_time_conversion', 'int8', 'results, dated by when they happened']),
		(ARRAY['total_purchase_value', 'total_purchase_value', 'numeric', 'value of purchases']),
		(ARRAY['total_sales_lead_value', 'total_sales_lead_value', 'numeric', 'value of leads'])) AS u (m)
	UNION ALL
	SELECT * FROM (VALUES
	('reach', 'r', 'reach', 'bigint', '%s', 'people reached on that day; do not sum it over days or '
		'objects: the same people count again. NULL where the report has no value. Models that sum hours are higher'),
	('total_conversion_value', 'r', 'total_purchase_value total_sales_lead_value', 'numeric',
		'coalesce(%s, 0) + coalesce(%s, 0)', 'value of purchases and leads'),
	('daily_cpc', 'r', 'spend clicks', 'numeric', '%s / nullif(%s, 0)::pg_catalog.numeric',
		'cost of a click; over several rows divide the sums. NULL: no clicks'),
	('daily_cpm', 'r', 'spend impressions', 'numeric', '%s / nullif(%s, 0)::pg_catalog.numeric * 1000',
		'cost of a thousand impressions; over several rows divide the sums. NULL: no impressions'),
	('daily_ctr', 'r', 'clicks impressions', 'numeric', '%s / nullif(%s, 0)::pg_catalog.numeric * 100',
		'percentage of impressions with a click; over several rows divide the sums. NULL: no impressions'))
		AS r (name, alias, col, type, expression, description)
$$;
COMMENT ON FUNCTION tiktok._report_columns() IS 'internal: the columns of tiktok.create_report_views()';

-- The snapshot of a stream: among those the caller may read, in a schema if one
-- is named. A report of one's own goes by its dimensions, in order of the alphabet.
CREATE FUNCTION tiktok._snapshot_of(stream text, schema text)
RETURNS regclass
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.target
	FROM tiktok.snapshots AS s
		JOIN pg_class AS c ON c.oid = s.target JOIN pg_namespace AS n ON n.oid = c.relnamespace
		JOIN pg_namespace AS fn ON fn.nspname = s.source_schema
		JOIN pg_class AS fc ON fc.relnamespace = fn.oid AND fc.relname = s.source_name
		JOIN pg_foreign_table AS f ON f.ftrelid = fc.oid
		CROSS JOIN LATERAL (
			SELECT max(o.option_value) FILTER (WHERE o.option_name = 'stream') AS stream,
				max(o.option_value) FILTER (WHERE o.option_name = 'dimensions') AS dimensions
			FROM pg_options_to_table(f.ftoptions) AS o) AS o
	WHERE (_snapshot_of.schema IS NULL OR n.nspname = _snapshot_of.schema)
		AND (CASE WHEN o.stream = 'report' THEN (SELECT string_agg(trim(d), ',' ORDER BY trim(d))
			FROM regexp_split_to_table(o.dimensions, ',') AS d) ELSE o.stream END = _snapshot_of.stream
			-- a report that the catalogue has goes by its dimensions, too
			OR EXISTS (SELECT FROM tiktok.streams AS k WHERE k.name = o.stream AND k.kind = 'report'
				AND (SELECT string_agg(d, ',' ORDER BY d) FROM unnest(k.key_columns) AS d) = _snapshot_of.stream))
	ORDER BY s.target::oid LIMIT 1
$$;
COMMENT ON FUNCTION tiktok._snapshot_of(text, text) IS 'internal: the local table of a stream; NULL: there is none';

-- tables: those of advertisers, campaigns, ad groups, ads that the view joins, in this
-- order; columns: names of tiktok._report_columns(); with_url: only ads that have one.
CREATE FUNCTION tiktok._report_query(report regclass, tables regclass[], streams text[],
	columns text[], with_url boolean)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ids text[] := ARRAY['advertiser_id', 'campaign_id', 'adgroup_id', 'ad_id'];
	aliases text[] := ARRAY['a', 'c', 'g', 'd'];
	outer_alias text;
	joins text := '';
	query text;
BEGIN
	-- from the report up: an ad knows its ad group, which knows its campaign
	FOR i IN REVERSE cardinality(tables) .. 1 LOOP
		outer_alias := CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = report
			AND a.attname = ids[i] AND NOT a.attisdropped) THEN 'r' ELSE aliases[i + 1] END;
		joins := joins || tiktok._fill(E'\n\tLEFT JOIN {joined} AS {alias} ON {alias}.advertiser_id = r.advertiser_id'
			|| CASE WHEN i > 1 THEN ' AND {alias}.{id} = {outer_alias}.{id}' ELSE '' END,
			jsonb_build_object('joined', tables[i]::text, 'alias', aliases[i], 'id', ids[i],
				'outer_alias', outer_alias));
	END LOOP;
	SELECT string_agg(
		CASE WHEN p.missing AND b.col IS NOT NULL THEN format('r.%I', b.col)
			WHEN p.missing THEN format('NULL::pg_catalog.%s', CASE k.type WHEN 'bigint' THEN 'int8' ELSE k.type END)
			-- an object that is gone has its name in the report still
			WHEN b.col IS NOT NULL THEN format('coalesce(%s, r.%I)', p.refs[1], b.col)
			ELSE format(k.expression, VARIADIC p.refs) END || ' AS '
			|| quote_ident(replace(u.name, 'campaign_budget', 'budget')), E',\n\t\t' ORDER BY u.n)
	INTO query
	FROM unnest(columns) WITH ORDINALITY AS u (name, n)
		JOIN tiktok._report_columns() AS k ON k.name = u.name
		CROSS JOIN LATERAL (
			SELECT coalesce(array_agg(coalesce(f.alias, k.alias) || '.' || quote_ident(c.col) ORDER BY c.n), '{}') AS refs,
				coalesce(bool_or(f.alias IS NULL), false) AS missing
			FROM unnest(string_to_array(nullif(k.col, ''), ' ')) WITH ORDINALITY AS c (col, n)
				LEFT JOIN LATERAL (
					-- ids are the report's where it has them, else those of the narrowest table
					SELECT t.alias FROM unnest(ARRAY[report] || tables, ARRAY['r'] || aliases[1:cardinality(tables)])
						WITH ORDINALITY AS t (oid, alias, n) JOIN pg_attribute AS a ON a.attrelid = t.oid
						AND a.attname = c.col AND NOT a.attisdropped
					WHERE t.alias = k.alias OR c.col = ANY (ids)
					ORDER BY t.alias <> 'r', t.n DESC LIMIT 1) AS f ON true) AS p
		LEFT JOIN (VALUES ('advertiser_name', 'advertiser_name'), ('campaign_name', 'campaign_name'),
			('ad_group_name', 'adgroup_name'), ('ad_name', 'ad_name'), ('currency', 'currency')) AS b (name, col)
			ON b.name = u.name AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = report
				AND a.attname = b.col AND NOT a.attisdropped);
	RETURN tiktok._fill(E'SELECT {columns}\n\tFROM {report} AS r{joins}{condition}', jsonb_build_object(
		'columns', query, 'report', report::text, 'joins', joins,
		'condition', CASE WHEN with_url THEN E'\n\tWHERE d.landing_page_url <> ''''' ELSE '' END));
END
$$;
COMMENT ON FUNCTION tiktok._report_query(regclass, regclass[], text[], text[], boolean) IS
'internal: the query of a report view; a column that its table lacks is NULL';

-- CREATE OR REPLACE: grants on a view stay; a view of another shape is PostgreSQL's error.
CREATE FUNCTION tiktok.create_report_views(schema text, snapshots_in text DEFAULT NULL)
RETURNS SETOF regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v record;
	k record;
	report regclass;
	tables regclass[];
	view text;
	missing text;
BEGIN
	FOR v IN SELECT * FROM tiktok._report_views() LOOP
		report := tiktok._snapshot_of(v.report, snapshots_in);
		tables := ARRAY(SELECT tiktok._snapshot_of(s, snapshots_in)
			FROM unnest(v.streams) WITH ORDINALITY AS u (s, n) ORDER BY n);
		SELECT string_agg(s, ', ' ORDER BY n) INTO missing
		FROM unnest(v.report || v.streams, report || tables) WITH ORDINALITY AS u (s, t, n) WHERE t IS NULL;
		IF missing IS NOT NULL THEN
			RAISE NOTICE 'view "%" is not created: there is no snapshot of %', v.name,
				replace(missing, 'campaign_id,country_code,stat_time_day',
					'a report of campaigns by stat_time_day and country_code')
				USING HINT = 'Create it with tiktok.materialize() or tiktok.create_snapshot().';
			CONTINUE;
		END IF;
		view := format('%I.%I', schema, v.name);
		EXECUTE format('CREATE OR REPLACE VIEW %s AS %s', view, tiktok._report_query(report, tables,
			v.streams, v.columns, v.name = 'tiktok_ads__url_report'));
		EXECUTE format('COMMENT ON VIEW %s IS %L', view, format('%s; over %s', v.description, report));
		FOR k IN
			SELECT replace(c.name, 'campaign_budget', 'budget') AS name,
				coalesce((SELECT format('NULL: %s has no column %I', report, m)
					FROM unnest(string_to_array(c.col, ' ')) AS m
					WHERE c.alias = 'r' AND m NOT LIKE '%\_id' AND m <> '' AND NOT EXISTS (
						SELECT FROM pg_attribute AS a WHERE a.attrelid = report AND a.attname = m
							AND NOT a.attisdropped) LIMIT 1), c.description) AS description
			FROM tiktok._report_columns() AS c WHERE c.name = ANY (v.columns)
		LOOP
			EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', view, k.name, k.description);
		END LOOP;
		RETURN NEXT view::regclass;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok.create_report_views(text, text) IS
'creates in a schema, or replaces, the report views that dashboards expect (tiktok_ads__advertiser_report, …campaign_report, …ad_group_report, …ad_report, …url_report, …campaign_country_report) over the snapshots that the caller may read (snapshots_in: those in this schema); returns the views. One whose snapshots are missing is left out with a NOTICE. Errors: 3F000 no such schema; 42501 no CREATE on it';

-- ---- sql/parts/52_live_views.sql
--
-- Live views: settled days from a snapshot, younger ones from the API, in one plan.
--
-- Both arms stand in one sub-select without conditions of their own, which the planner
-- takes apart, and each knows by a constant which it is: so the conditions of a query,
-- join columns among them, reach both, and of the view's own condition each keeps its
-- half. The boundary is a sub-select, which is computed once a query, also in generic
-- plans; where it and the query's conditions leave no day, the foreign arm asks nothing.

-- As seen by whoever reads a view over the target, with or without rights on it: hence
-- SECURITY DEFINER, and no more than a day is told. In the snapshot of the calling
-- query, so that days and rows fit together while a refresh commits.
CREATE FUNCTION tiktok.settled(target regclass)
RETURNS date
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s tiktok._snapshot;
	held text;		-- the accounts that the source keeps to, if it names any
	first_held date;
	grain text;		-- of a row, where it is more than a day
	read_since date;
	read_up_to date;
BEGIN
	SELECT t.* INTO s FROM tiktok._snapshot AS t WHERE t.target = settled.target;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'table % is no snapshot', target USING ERRCODE = '42704',
			HINT = format('Register it again: SELECT tiktok.create_snapshot(source, %L, …); '
				'or drop the views that read it live.', target);
	ELSIF s.since IS NULL THEN
		RAISE EXCEPTION 'snapshot % has no settled days', target USING ERRCODE = '42809',
			DETAIL = 'Its stream has no day or hour in its key and is read whole.';
	END IF;
	SELECT coalesce(max(o.option_value) FILTER (WHERE o.of_table AND o.option_name = 'advertiser_ids'),
			max(o.option_value) FILTER (WHERE o.option_name = 'advertiser_ids')),
		coalesce(max(o.option_value) FILTER (WHERE o.of_table AND o.option_name = 'start_date'),
			max(o.option_value) FILTER (WHERE o.option_name = 'start_date'))::date,
		coalesce(max(o.option_value) FILTER (WHERE o.option_name = 'grain'),
			max(CASE WHEN o.option_value LIKE '%\_reports\_weekly' THEN 'week'
				WHEN o.option_value LIKE '%\_reports\_monthly' THEN 'month' END)
			FILTER (WHERE o.option_name = 'stream'), 'day')
	INTO held, first_held, grain
	FROM pg_foreign_table AS f
		JOIN pg_foreign_server AS r ON r.oid = f.ftserver
		CROSS JOIN LATERAL (
			SELECT true, t.* FROM pg_options_to_table(f.ftoptions) AS t
			UNION ALL
			SELECT false, t.* FROM pg_options_to_table(r.srvoptions) AS t) AS o (of_table, option_name, option_value)
	WHERE f.ftrelid = to_regclass(format('%I.%I', s.source_schema, s.source_name));
	-- up to which day rows were last read: a probe moves the watermark, and not read_on;
	-- an unfinished reading has not come to days from next_day on
	SELECT max(a.since), CASE WHEN bool_and(a.watermark IS NOT NULL)
		THEN min(least(a.watermark, a.read_on, a.next_day + s.attribution_window)) END
	INTO read_since, read_up_to
	FROM (
			SELECT h::bigint FROM unnest(string_to_array(replace(held, ' ', ''), ',')) AS h
			UNION ALL
			SELECT k.advertiser_id FROM tiktok._snapshot_account AS k
			WHERE k.snapshot = s.snapshot AND held IS NULL) AS u (account)
		LEFT JOIN tiktok._snapshot_account AS a
			ON a.snapshot = s.snapshot AND a.advertiser_id = u.account;
	-- while earlier days are being caught up with, they are not in the snapshot
	IF read_since > greatest(s.since, first_held) THEN
		read_up_to := NULL;
	END IF;
	-- a week or month that has a day that is not settled is not, either
	RETURN greatest(s.since,
		date_trunc(grain, (read_up_to - s.attribution_window)::timestamp)::date);
END
$$;
COMMENT ON FUNCTION tiktok.settled(regclass) IS
'the first day of a snapshot that is not settled: the day up to which its rows were last read less attribution_window, the least over the accounts that its source holds; of reports by week and month, the first day of the one that has it; the snapshot''s since where that is later, while an account was never read, and while an earlier since is being caught up with. For everybody. Errors: 42704 no snapshot, 42809 its stream is read whole';

-- Names are resolved already. path, schema: as of tiktok._create_table().
CREATE FUNCTION tiktok._create_live_view(target regclass, path text[], schema name)
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text := CASE WHEN cardinality(path) = 2 THEN format('%I.%I', path[1], path[2])
		WHEN cardinality(path) = 1 AND schema IS NOT NULL THEN format('%I.%I', schema, path[1]) END;
	s record;
	info record;
	source regclass;
	options text;
	described record;
BEGIN
	IF name IS NULL THEN
		RAISE EXCEPTION 'the view must be a name or a schema and a name' USING ERRCODE = '42602';
	END IF;
	PERFORM tiktok._lock_name(coalesce(CASE WHEN cardinality(path) = 2 THEN path[1] END, schema),
		path[cardinality(path)], true);
	SELECT t.* INTO s FROM tiktok.snapshots AS t WHERE t.target = _create_live_view.target;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'table % is no snapshot', target USING ERRCODE = '42704',
			HINT = format('Register it: SELECT tiktok.create_snapshot(source, %L, …);', target);
	END IF;
	source := to_regclass(s.source);
	IF source IS NULL THEN
		RAISE EXCEPTION 'foreign table % of snapshot % does not exist', s.source, target
			USING ERRCODE = '42P01';
	END IF;
	info := tiktok._source(source);
	IF info.grain IS NULL THEN
		RAISE EXCEPTION 'a live view of % would have nothing to read from %', target, target
			USING ERRCODE = '42809',
				DETAIL = format('Rows of %s have no day or hour, so that none of them is ever settled.', source),
				HINT = format('Read %s for what was there at the last refresh, and %s for what is there now.',
					target, source);
	END IF;
	IF s.for_each IS NOT NULL THEN
		RAISE EXCEPTION 'snapshot % holds what its query for_each gives, and % everything', target, source
			USING ERRCODE = '0A000', DETAIL = 'A live view would ask for younger days of what the snapshot does not hold.',
				HINT = format('Make a view of your own: days before tiktok.settled(%L) from %s, younger ones from %s '
					'joined to the query.', target, target, source);
	END IF;
	PERFORM tiktok._check_columns(target, source, s.key_columns, s.time_column, NULL);
	-- any other view with these columns would be replaced, too, and be lost
	IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = to_regclass(name) AND c.relkind = 'v')
		AND NOT EXISTS (
			SELECT FROM pg_rewrite AS r JOIN pg_depend AS d
				ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
			WHERE r.ev_class = to_regclass(name) AND d.refclassid = 'pg_proc'::regclass
				AND d.refobjid = 'tiktok.settled(regclass)'::regprocedure)
	THEN
		RAISE EXCEPTION 'view % exists already', name USING ERRCODE = '42P07',
			DETAIL = 'It is no live view: it does not read tiktok.settled().',
			HINT = 'Choose another name, or drop it first.';
	END IF;
	-- CREATE OR REPLACE takes options such as security_invoker away
	SELECT format('WITH (%s) ', array_to_string(c.reloptions, ', ')) INTO options
	FROM pg_class AS c WHERE c.oid = to_regclass(name) AND c.relkind = 'v' AND c.reloptions IS NOT NULL;
	EXECUTE tiktok._fill('CREATE OR REPLACE VIEW {name} {options}AS
		SELECT {columns} FROM (
			SELECT {columns}, false AS "tiktok live" FROM {target}
			UNION ALL
			SELECT {columns}, true AS "tiktok live" FROM {source}) AS both_arms
		WHERE ({day:I} >= (SELECT tiktok.settled({target:L}::regclass))) = "tiktok live"',
		jsonb_build_object('name', name, 'options', coalesce(options, ''), 'target', target::text,
			'source', source::text, 'day', s.time_column,
			'columns', (SELECT string_agg(quote_ident(c.name), ', ' ORDER BY c.attnum)
				FROM tiktok._source_columns(source) AS c)));
	FOR described IN
		SELECT c.name AS col, coalesce(col_description(source, c.attnum), c.description) AS description
		FROM tiktok._source_columns(source) AS c
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', name, described.col, described.description);
	END LOOP;
	EXECUTE format('COMMENT ON VIEW %s IS %L', name,
		format('settled days from %s, younger ones from %s: see tiktok.settled()', target, source));
	RETURN name::regclass;
END
$$;
COMMENT ON FUNCTION tiktok._create_live_view(regclass, text[], name) IS
'internal: the body of tiktok.create_live_view(), with its errors';

-- In the caller's search_path, and so without a SET.
CREATE FUNCTION tiktok.create_live_view(target regclass, view text)
RETURNS regclass
LANGUAGE plpgsql
AS $$
BEGIN
	RETURN tiktok._create_live_view(target, pg_catalog.parse_ident(view), pg_catalog.current_schema());
END
$$;
COMMENT ON FUNCTION tiktok.create_live_view(regclass, text) IS
'creates a view, or replaces it, with the columns of a snapshot''s source: days before tiktok.settled() from the snapshot, younger ones from the API; sends no request. It reads with the rights of its owner, as any view. Errors: 42704 no snapshot; 42809 its stream has no day or hour; 42501 a privilege is missing; 42P07 another view has the name; 42703, 42804, 42P10 the table or the source was altered';

-- ---- sql/parts/53_ads_view.sql
--
-- A row for each ad as Ads Manager counts them. Of an Upgraded Smart+ ad, ads has a row for
-- each creative, smart_plus_ads the ad with its texts and videos; of any other ad, ads has
-- the ad. What both say of one ad is put together by grouping, not by a join: so each list
-- is read once, conditions on the key reach both, and a Smart+ ad that only one of them
-- has is a row all the same.

-- The table of a stream in a schema: a foreign table or, of snapshots, a local one.
CREATE FUNCTION tiktok._table_of(stream text, schema text, of_snapshots boolean)
RETURNS regclass
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found regclass;
	server text;
BEGIN
	IF of_snapshots THEN
		found := tiktok._snapshot_of(stream, schema);
		IF found IS NULL THEN
			RAISE EXCEPTION 'there is no snapshot of % in schema "%"', stream, schema
				USING ERRCODE = '42P01', HINT = format('Create it: SELECT tiktok.create_snapshot(''%s'', ''%I.%s'');',
					coalesce((SELECT f.ftrelid::regclass::text FROM pg_foreign_table AS f
						WHERE format('stream=%s', stream) = ANY (f.ftoptions)
						ORDER BY f.ftrelid LIMIT 1), stream), schema, stream);
		END IF;
		RETURN found;
	END IF;
	SELECT f.ftrelid INTO found
	FROM pg_foreign_table AS f JOIN pg_class AS c ON c.oid = f.ftrelid
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = schema AND format('stream=%s', stream) = ANY (f.ftoptions)
	ORDER BY c.relname <> stream, c.relname LIMIT 1;
	IF found IS NULL THEN
		-- of the schema's other tables, else the only one
		SELECT min(quote_ident(s.srvname)) INTO server
		FROM pg_foreign_server AS s JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
		WHERE w.fdwname = 'tiktok_fdw' AND (NOT EXISTS (
				SELECT FROM pg_foreign_table AS f JOIN pg_class AS c ON c.oid = f.ftrelid
					JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = schema)
			OR EXISTS (
				SELECT FROM pg_foreign_table AS f JOIN pg_class AS c ON c.oid = f.ftrelid
					JOIN pg_namespace AS n ON n.oid = c.relnamespace
				WHERE n.nspname = schema AND f.ftserver = s.oid))
		HAVING count(*) = 1;
		RAISE EXCEPTION 'there is no foreign table of % in schema "%"', stream, schema
			USING ERRCODE = '42P01', HINT = format(
				'Make it: IMPORT FOREIGN SCHEMA tiktok LIMIT TO (%s) FROM SERVER %s INTO %I;', stream,
				coalesce(server, '…'), schema);
	END IF;
	RETURN found;
END
$$;
COMMENT ON FUNCTION tiktok._table_of(text, text, boolean) IS
'internal: the table of a stream in a schema; an error says how to make it';

-- ads, smart_plus_ads: tables with the columns of these streams.
CREATE FUNCTION tiktok._ads_query(ads regclass, smart_plus_ads regclass)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT tiktok._fill($q$SELECT u.advertiser_id, u.campaign_id, u.adgroup_id, u.ad_id,
		bool_or(u.smart_plus) AS smart_plus,
		max(u.campaign_name) AS campaign_name,
		max(u.adgroup_name) AS adgroup_name,
		max(u.ad_name) FILTER (WHERE u.whole) AS ad_name,
		max(u.operation_status) FILTER (WHERE u.whole) AS operation_status,
		max(u.secondary_status) FILTER (WHERE u.whole) AS secondary_status,
		coalesce(max(u.texts) FILTER (WHERE u.texts <> '{}'),
			array_agg(DISTINCT u.text COLLATE "C") FILTER (WHERE u.text <> ''), '{}') AS texts,
		coalesce(max(u.video_ids) FILTER (WHERE u.video_ids <> '{}'),
			array_agg(DISTINCT u.video_id COLLATE "C") FILTER (WHERE u.video_id <> ''), '{}') AS video_ids,
		coalesce(max(u.image_ids), '{}') AS image_ids,
		coalesce(max(u.landing_page_urls) FILTER (WHERE u.landing_page_urls <> '{}'),
			array_agg(DISTINCT u.landing_page_url COLLATE "C") FILTER (WHERE u.landing_page_url <> ''), '{}') AS landing_page_urls,
		array_agg(u.creative_id ORDER BY u.creative_id) FILTER (WHERE u.creative_id IS NOT NULL) AS creative_ids,
		coalesce(max(u.create_time) FILTER (WHERE u.whole), min(u.create_time)) AS create_time,
		coalesce(max(u.modify_time) FILTER (WHERE u.whole), max(u.modify_time)) AS modify_time
	FROM (
		SELECT d.advertiser_id, d.campaign_id, d.adgroup_id,
			coalesce(nullif(d.smart_plus_ad_id, 0), d.ad_id) AS ad_id,
			coalesce(d.smart_plus_ad_id, 0) <> 0 AS smart_plus,
			coalesce(d.smart_plus_ad_id, 0) = 0 AS whole,
			d.campaign_name, d.adgroup_name, d.ad_name, d.operation_status, d.secondary_status,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) <> 0 THEN NULL
				WHEN d.ad_texts <> '{}' THEN d.ad_texts
				WHEN d.ad_text <> '' THEN ARRAY[d.ad_text] END AS texts,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) = 0 AND d.video_id <> '' THEN ARRAY[d.video_id] END AS video_ids,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) = 0 THEN d.image_ids END AS image_ids,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) = 0 AND d.landing_page_url <> ''
				THEN ARRAY[d.landing_page_url] END AS landing_page_urls,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) <> 0 THEN d.ad_text END AS text,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) <> 0 THEN d.video_id END AS video_id,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) <> 0 THEN d.landing_page_url END AS landing_page_url,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) <> 0 THEN d.ad_id END AS creative_id,
			d.create_time, d.modify_time
		FROM {ads} AS d{ads_there}
		UNION ALL
		SELECT s.advertiser_id, s.campaign_id, s.adgroup_id, s.smart_plus_ad_id, true, true,
			s.campaign_name, s.adgroup_name, s.ad_name, s.operation_status, s.secondary_status,
			ARRAY(SELECT v #>> '{}' FROM jsonb_path_query(s.ad_text_list, '$[*].ad_text ? (@ != "")') AS v),
			ARRAY(SELECT v #>> '{}' FROM jsonb_path_query(s.creative_list,
				'$[*].creative_info.video_info.video_id ? (@ != "")') AS v),
			ARRAY(SELECT v #>> '{}' FROM jsonb_path_query(s.creative_list,
				'$[*].creative_info.image_info[*].web_uri ? (@ != "")') AS v),
			ARRAY(SELECT v #>> '{}' FROM jsonb_path_query(s.landing_page_url_list,
				'$[*].landing_page_url ? (@ != "")') AS v),
			NULL, NULL, NULL, NULL, s.create_time, s.modify_time
		FROM {smart_plus_ads} AS s{smart_plus_ads_there}) AS u
	GROUP BY u.advertiser_id, u.campaign_id, u.adgroup_id, u.ad_id$q$, jsonb_build_object(
		'ads', ads::text, 'smart_plus_ads', smart_plus_ads::text,
		-- what a snapshot keeps of ads that are gone is not there now
		'ads_there', CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = ads
			AND a.attname = '_deleted_at' AND NOT a.attisdropped) THEN E'\n\t\tWHERE d._deleted_at IS NULL' ELSE '' END,
		'smart_plus_ads_there', CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = smart_plus_ads
			AND a.attname = '_deleted_at' AND NOT a.attisdropped) THEN E'\n\t\tWHERE s._deleted_at IS NULL' ELSE '' END))
$$;
COMMENT ON FUNCTION tiktok._ads_query(regclass, regclass) IS
'internal: the query of tiktok.create_ads_view()';

-- CREATE OR REPLACE: grants on the view stay; one of another shape is PostgreSQL's error.
CREATE FUNCTION tiktok.create_ads_view(schema text, snapshots_in text DEFAULT NULL)
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	view text := format('%I.all_ads', schema);
	described record;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = schema) THEN
		RAISE EXCEPTION 'schema "%" does not exist', schema USING ERRCODE = '3F000';
	ELSIF NOT EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = coalesce(snapshots_in, schema)) THEN
		RAISE EXCEPTION 'schema "%" does not exist', snapshots_in USING ERRCODE = '3F000';
	END IF;
	EXECUTE format('CREATE OR REPLACE VIEW %s AS %s', view, tiktok._ads_query(
		tiktok._table_of('ads', coalesce(snapshots_in, schema), snapshots_in IS NOT NULL),
		tiktok._table_of('smart_plus_ads', coalesce(snapshots_in, schema), snapshots_in IS NOT NULL)));
	EXECUTE format('COMMENT ON VIEW %s IS %L', view, 'one row for each ad as Ads Manager counts them: '
		'an Upgraded Smart+ ad is one row, whatever creatives it has; key: advertiser_id, ad_id');
	FOR described IN
		SELECT * FROM (VALUES
			('advertiser_id', 'ad account; a condition is evaluated by the API'),
			('campaign_id', 'campaign; a condition is evaluated by the API'),
			('adgroup_id', 'ad group; a condition is evaluated by the API'),
			('ad_id', 'the ad: ad_id_v2 of reports; for Smart+ ads smart_plus_ad_id, else ad_id'),
			('smart_plus', 'whether it is an Upgraded Smart+ ad'),
			('ad_name', 'its name; NULL if a Smart+ ad is known by its creatives only'),
			('texts', 'its texts; of a Smart+ ad that lists none, those of its creatives'),
			('video_ids', 'its videos; of a Smart+ ad that lists none, those of its creatives'),
			('image_ids', 'its images, covers of videos among them'),
			('landing_page_urls', 'its landing pages; of a Smart+ ad that lists none, those of its creatives'),
			('creative_ids', 'of a Smart+ ad, its creatives: ad_id of ads and of reports by ad_id')) AS v (col, text)
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', view, described.col, described.text);
	END LOOP;
	RETURN view::regclass;
END
$$;
COMMENT ON FUNCTION tiktok.create_ads_view(text, text) IS
'creates in a schema, or replaces, the view all_ads: one row for each ad, manual or Smart+, with texts and videos, over the schema''s foreign tables of ads and smart_plus_ads, or over their snapshots in schema snapshots_in; returns it. Errors: 3F000 no such schema; 42P01 a table is missing, the hint says how to make it; 42501 no CREATE on the schema';
