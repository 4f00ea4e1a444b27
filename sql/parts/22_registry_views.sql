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
