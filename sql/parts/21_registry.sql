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
