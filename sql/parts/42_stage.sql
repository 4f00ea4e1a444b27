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
