-- The local table of a snapshot: making and registering it, and giving it up.

-- The key in the order of the target: account first, then as the source has it.
CREATE FUNCTION tiktok._key_columns(source regclass)
RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	info record := tiktok._source(source);
	listed text[] := (SELECT s.key_columns FROM tiktok.streams AS s WHERE s.name = info.stream);
	result text[];
	wanted integer;
BEGIN
	SELECT array_agg(c.name ORDER BY NOT c.is_account, c.attnum) FILTER (WHERE c.in_key),
		count(*) FILTER (WHERE c.is_account)
	INTO result, wanted FROM tiktok._source_columns(source) AS c;
	IF wanted <> 1 THEN
		RAISE EXCEPTION 'foreign table % needs a column advertiser_id', source
			USING ERRCODE = '42703', HINT = format('ALTER FOREIGN TABLE %s ADD COLUMN advertiser_id '
				'bigint NOT NULL;', source);
	END IF;
	IF info.stream = 'report' THEN
		SELECT string_to_array(replace(o.option_value, ' ', ''), ',') INTO listed
		FROM pg_foreign_table AS f, pg_options_to_table(f.ftoptions) AS o
		WHERE f.ftrelid = source AND o.option_name = 'dimensions';
		IF info.grain IN ('week', 'month') THEN
			listed := listed || ('stat_time_' || info.grain);
		END IF;
	END IF;
	wanted := (SELECT count(DISTINCT k) FROM unnest(listed || ARRAY['advertiser_id']) AS k);
	IF cardinality(result) <> wanted THEN
		RAISE EXCEPTION 'foreign table % lacks a column of the key', source
			USING ERRCODE = '42703',
				DETAIL = format('The key is advertiser_id, %s.', array_to_string(listed, ', ')),
				HINT = 'Add the column that is missing, or import the table again.';
	END IF;
	IF info.grain IS NOT NULL AND NOT EXISTS (
		SELECT FROM pg_attribute AS a WHERE a.attrelid = source AND a.attname = info.time_column
			AND a.atttypid IN ('date'::regtype, 'timestamp'::regtype))
	THEN
		RAISE EXCEPTION 'column "%" of foreign table % must be of type date or timestamp',
			info.time_column, source USING ERRCODE = '42804';
	END IF;
	RETURN result;
END
$$;
COMMENT ON FUNCTION tiktok._key_columns(regclass) IS
'internal: the columns that identify a row. Errors: 42703 the foreign table lacks one, 42804 its day or hour is of another type';

-- The source's columns with their comments, and our own. path: the target's name in
-- parts; schema: where an unqualified one goes, NULL if there is none.
CREATE FUNCTION tiktok._create_table(source regclass, path text[], schema name,
	key_columns text[], time_column text, partitioned boolean)
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	-- unqualified names are those of the caller's first schema, as in CREATE TABLE
	name text := CASE cardinality(path) WHEN 1 THEN format('%I.%I', schema, path[1])
		WHEN 2 THEN format('%I.%I', path[1], path[2]) END;
	keys text := (SELECT string_agg(quote_ident(k), ', ') FROM unnest(key_columns) AS k);
	described record;
BEGIN
	IF name IS NULL OR cardinality(path) = 1 AND schema IS NULL THEN
		RAISE EXCEPTION 'the target must be a table or a schema and a table'
			USING ERRCODE = '42602';
	END IF;
	EXECUTE tiktok._fill('CREATE TABLE {name} (LIKE {source}, _synced_at timestamptz NOT NULL{_deleted_at}, '
			'PRIMARY KEY ({keys})){partitioned}',
		jsonb_build_object('name', name, 'source', source::text, 'keys', keys,
			'_deleted_at', CASE WHEN time_column IS NULL THEN ', _deleted_at timestamptz' ELSE '' END,
			'partitioned', CASE WHEN partitioned THEN format(' PARTITION BY RANGE (%I)', time_column)
				ELSE '' END));
	FOR described IN
		SELECT c.name AS col, c.description FROM tiktok._source_columns(source) AS c
		WHERE c.description IS NOT NULL
		UNION ALL SELECT '_synced_at', 'when the row last changed here'
		UNION ALL SELECT '_deleted_at', 'when the row was first found gone upstream; NULL: it is there'
			WHERE time_column IS NULL
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', name, described.col, described.description);
	END LOOP;
	EXECUTE format('COMMENT ON TABLE %s IS %L', name,
		format('snapshot of %s, kept by tiktok.refresh()', source));
	RETURN name::regclass;
END
$$;
COMMENT ON FUNCTION tiktok._create_table(regclass, text[], name, text[], text, boolean) IS
'internal: creates the table of a snapshot. time_column: NULL for a stream that is read whole. Errors: 42602 the name has no or more than two parts, those of CREATE TABLE';

-- Asking for less than the source holds is no error, but is said.
CREATE FUNCTION tiktok._held_since(source regclass, since date, start_date date)
RETURNS date
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF since < start_date THEN
		RAISE NOTICE 'foreign table % holds no days before %', source, to_char(start_date, 'YYYY-MM-DD')
			USING DETAIL = 'Option "start_date" of the foreign table or its server is the first day that it holds.',
				HINT = 'Set the option to an earlier day, if the snapshot is to begin before.';
	END IF;
	RETURN greatest(since, start_date);
END
$$;
COMMENT ON FUNCTION tiktok._held_since(regclass, date, date) IS
'internal: the first day of a snapshot, not before the first that the source holds (start_date; NULL: any)';

-- Names are resolved already: no search_path of the caller's is needed any more.
-- existing: the table; NULL: it is to be made, by path and schema.
CREATE FUNCTION tiktok._create_snapshot(source regclass, existing regclass, path text[],
	schema name, since date, attribution_window integer, partition_by text, probe boolean, for_each text)
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	info record := tiktok._source(source);
	key_columns text[] := tiktok._key_columns(source);
	target regclass := existing;
	known tiktok.snapshots;
	now_there bigint := 0;
BEGIN
	PERFORM tiktok._check_arguments(source, info.grain, since, attribution_window, partition_by);
	PERFORM tiktok._check_probe(source, probe);
	IF target IS NOT NULL THEN
		PERFORM tiktok._check_owner(target);
		SELECT s.* INTO known FROM tiktok.snapshots AS s WHERE s.target = existing;
		IF known.source_name IS NOT NULL AND source IS DISTINCT FROM to_regclass(known.source) THEN
			RAISE EXCEPTION 'table % is a snapshot of %, not of %', target, known.source, source
				USING ERRCODE = '42710', HINT = format('SELECT tiktok.forget(%L) first.', target);
		END IF;
		PERFORM tiktok._check_beside_free(target, target);
	END IF;
	IF tiktok._check_for_each(source, coalesce(for_each, known.for_each)) IS NOT NULL AND probe THEN
		RAISE EXCEPTION '"probe" means nothing for a snapshot with for_each'
			USING ERRCODE = '22023', DETAIL = 'The API''s totals are those of an account.', HINT = 'Leave the argument out.';
	END IF;
	IF since IS NOT NULL THEN
		since := tiktok._held_since(source, since, info.start_date);
	END IF;
	IF known.target IS NULL AND info.grain IS NOT NULL THEN
		since := coalesce(since, info.start_date);
		attribution_window := coalesce(attribution_window, 7);
		IF since IS NULL THEN
			RAISE EXCEPTION 'a snapshot of % needs to know its first day', source
				USING ERRCODE = 'HV00L', HINT = 'Add an argument such as since => ''2026-01-01'', '
					'or set the option start_date of the foreign table or its server.';
		END IF;
	END IF;
	IF target IS NULL THEN
		target := tiktok._create_table(source, path, schema, key_columns,
			CASE WHEN info.grain IS NOT NULL THEN info.time_column END, partition_by IS NOT NULL);
	ELSE
		PERFORM tiktok._check_target_kind(target, partition_by);
		PERFORM tiktok._check_columns(target, source, key_columns, info.time_column, known.columns);
		IF known.target IS NULL THEN
			EXECUTE format('SELECT count(*) FROM %s', target) INTO now_there;
		END IF;
	END IF;
	PERFORM tiktok._record(target, 'snapshot', jsonb_build_object(
		'source_schema', n.nspname, 'source_name', c.relname,
		'time_column', info.time_column, 'key_columns', key_columns,
		'columns', (SELECT array_agg(k.name ORDER BY k.attnum) FROM tiktok._source_columns(source) AS k),
		'since', since, 'attribution_window', attribution_window,
		'partition_by', partition_by, 'rows', now_there, 'probe', probe, 'for_each', for_each))
	FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = source;
	RETURN target;
END
$$;
COMMENT ON FUNCTION tiktok._create_snapshot(regclass, regclass, text[], name, date, integer, text, boolean, text) IS
'internal: the body of tiktok.create_snapshot(), with its errors';

-- In the caller's search_path, and so without a SET: it says what an unqualified name
-- means, and triggers of a table that is beside the target already may fire. What is there
-- is looked at when nobody else can be making it.
CREATE FUNCTION tiktok._register(source regclass, target text, since date,
	attribution_window integer, partition_by text, probe boolean, history boolean, changes boolean,
	changes_keep interval, for_each text, wait boolean)
RETURNS regclass
LANGUAGE plpgsql
AS $$
DECLARE
	existing regclass;
	path text[] := pg_catalog.parse_ident(target);
	result regclass;
BEGIN
	PERFORM tiktok._check_writable();
	PERFORM tiktok._lock_names(pg_catalog.to_regclass(target), path, pg_catalog.current_schema(), wait);
	existing := pg_catalog.to_regclass(target);
	PERFORM tiktok._check_beside(source, existing, path, pg_catalog.current_schema(), history,
		changes, changes_keep);
	result := tiktok._create_snapshot(source, existing, path, pg_catalog.current_schema(), since,
		attribution_window, partition_by, probe, for_each);
	PERFORM tiktok._switch_beside(result, source, history, changes, changes_keep);
	RETURN result;
END
$$;
COMMENT ON FUNCTION tiktok._register(regclass, text, date, integer, text, boolean, boolean, boolean, interval, text, boolean) IS
'internal: tiktok.create_snapshot(); wait: for another session that makes the same snapshot, or else 55006';

-- Whoever sets tables up wants them to be there: it waits.
CREATE FUNCTION tiktok.create_snapshot(source regclass, target text, since date DEFAULT NULL,
	attribution_window integer DEFAULT NULL, partition_by text DEFAULT NULL,
	probe boolean DEFAULT NULL, history boolean DEFAULT NULL, changes boolean DEFAULT NULL,
	changes_keep interval DEFAULT NULL, for_each text DEFAULT NULL)
RETURNS regclass
LANGUAGE plpgsql
AS $$
BEGIN
	RETURN tiktok._register(source, target, since, attribution_window, partition_by, probe, history,
		changes, changes_keep, for_each, true);
END
$$;
COMMENT ON FUNCTION tiktok.create_snapshot(regclass, text, date, integer, text, boolean, boolean, boolean, interval, text) IS
'registers a local table that tiktok.refresh() keeps like a foreign table, and creates it if it is missing; sends no request, and waits for another session that makes the same. since: first day wanted (NULL: the option start_date, before which the source holds nothing). attribution_window: days before the watermark that each refresh reads again, 0 to 364 (NULL: 7). partition_by: ''month'' or NULL. probe: whether refreshes of a daily BASIC report ask for totals first and read no rows of accounts that did not change (NULL: true). history: each state of a row goes into a table TARGET_history (streams that are read whole). changes: each change goes into a table TARGET_changes and stays there for changes_keep (NULL: 7 days); false, or NULL at first: not. for_each: a query that each refresh runs first, as the owner and with search_path pg_catalog; its columns are named like some of the source''s key, and what it gives is asked for and nothing else; streams with required conditions need one. For a table that is a snapshot already: an earlier since and what else is given are kept, NULL changes nothing, false writes no more and leaves the table; with another for_each, all is read again. Errors: 42501 not the owner, or a privilege is missing; 22023 wrong argument; 42710 it is a snapshot of another table; HV00L no first day, or no for_each where one is needed; 42703 for_each lacks a column or has another; 42P07, 42622, 42701 a table cannot be made beside it; 55006 history or changes were to be switched during a refresh';

-- The table itself is its owner's.
CREATE FUNCTION tiktok.forget(target regclass)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
	PERFORM tiktok._check_writable();
	IF tiktok._record(target, 'forget', '{}') OPERATOR(pg_catalog.=) 0 THEN
		RAISE EXCEPTION 'table % is no snapshot', target USING ERRCODE = '42704';
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok.forget(regclass) IS
'drops the registration of a snapshot and its runs, not the table, and none beside it. For its owner and superusers. Errors: 42501 not the owner, 42704 no snapshot';
