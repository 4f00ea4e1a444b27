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
