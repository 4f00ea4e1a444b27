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
