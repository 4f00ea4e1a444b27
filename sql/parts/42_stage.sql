-- A refresh reads: from the source into the stage, a temporary table.

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
'internal: reads some windows; returns the accounts that could not be read';

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
'internal: tiktok._stage(), account by account';

-- Rows of the stage that have the key of another. When clocks go back, an hour
-- comes twice: two rows a key, all of one hour of the day, become one. Whoever
-- has others that repeat is not merged, which would be an error for all.
CREATE FUNCTION tiktok._fold(job tiktok._job, step tiktok._step, OUT failed bigint[],
	OUT folded bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r record;
	message text;
BEGIN
	failed := '{}';
	folded := 0;
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
	IF folded > 0 THEN
		EXECUTE (job.statements).fold USING tiktok._without(step.accounts, failed),
			step.first_day, step.last_day + 1;
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._fold(tiktok._job, tiktok._step) IS
'internal: makes the rows of an hour that comes twice one; failed: accounts with other rows that repeat';
