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
