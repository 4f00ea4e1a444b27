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
