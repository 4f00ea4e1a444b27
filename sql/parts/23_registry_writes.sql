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
