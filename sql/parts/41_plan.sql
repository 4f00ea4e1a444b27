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
