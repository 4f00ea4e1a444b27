-- What create_snapshot() and refresh() refuse before anything is sent or written: an error
-- that says what to change. (tiktok.check() is in 13_check.sql.)

-- What create_snapshot() and refresh() were given; NULL: not given. grain is NULL for
-- a stream that is read whole.
CREATE FUNCTION tiktok._check_arguments(source regclass, grain text, since date,
	attribution_window integer, partition_by text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	given text := CASE WHEN since IS NOT NULL THEN 'since'
		WHEN attribution_window IS NOT NULL THEN 'attribution_window'
		WHEN partition_by IS NOT NULL THEN 'partition_by' END;
BEGIN
	IF grain IS NULL AND given IS NOT NULL THEN
		RAISE EXCEPTION '"%" means nothing for a snapshot of %', given, source
			USING ERRCODE = '22023', DETAIL = 'A stream without a day or hour in its key is read whole.';
	END IF;
	IF attribution_window NOT BETWEEN 0 AND 364 THEN
		RAISE EXCEPTION 'attribution_window must be between 0 and 364 days, not %', attribution_window
			USING ERRCODE = '22023';
	END IF;
	IF partition_by <> 'month' THEN
		RAISE EXCEPTION 'partition_by must be ''month'' or NULL, not ''%''', partition_by
			USING ERRCODE = '22023';
	END IF;
	IF NOT isfinite(since) THEN
		RAISE EXCEPTION 'since must be a day, not %', since USING ERRCODE = '22023';
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_arguments(regclass, text, date, integer, text) IS
'internal: 22023 for arguments that are wrong, or would be ignored';

-- Said before anything else is: PostgreSQL's own error names a statement that nobody typed.
CREATE FUNCTION tiktok._check_writable()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF pg_is_in_recovery() THEN
		RAISE EXCEPTION 'snapshots are written on the primary server, not on a standby'
			USING ERRCODE = '25006', HINT = 'Call it there: what it writes arrives here. Foreign tables and '
				'snapshots can be read here, too.';
	ELSIF current_setting('transaction_read_only')::boolean THEN
		RAISE EXCEPTION 'snapshots cannot be written in a read-only transaction'
			USING ERRCODE = '25006', HINT = 'SET default_transaction_read_only = off, or BEGIN READ WRITE for '
				'what may run in a transaction block.';
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_writable() IS
'internal: 25006 on a standby and in a read-only transaction';

-- The first privilege that the caller lacks, named with the GRANT that helps.
CREATE FUNCTION tiktok._check_privileges(target regclass, source regclass)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text;
BEGIN
	SELECT format('%s on %s', p.privilege, p.object) INTO missing
	FROM (
		SELECT 'USAGE' AS privilege, format('schema %I', n.nspname) AS object,
			has_schema_privilege(n.oid, 'USAGE') AS granted
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE c.oid IN (target, source)
		UNION ALL
		SELECT privilege, format('table %s', target), has_table_privilege(target, privilege)
		FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
		UNION ALL
		SELECT 'SELECT', format('foreign table %s', source), has_table_privilege(source, 'SELECT')
		UNION ALL
		SELECT 'TEMPORARY', format('database %I', current_database()),
			has_database_privilege(current_database(), 'TEMPORARY')) AS p
	WHERE NOT p.granted LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'a refresh of % needs the privilege %', target, missing
			USING ERRCODE = '42501', HINT = format('GRANT %s TO %I;',
				replace(replace(missing, ' foreign table ', ' '), ' table ', ' '), current_user);
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_privileges(regclass, regclass) IS
'internal: 42501 unless the caller may do all that a refresh does';

-- Tables are altered on both sides. Other columns of the target do not matter.
CREATE FUNCTION tiktok._check_columns(target regclass, source regclass, key_columns text[],
	time_column text, known text[])
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong record;
BEGIN
	-- what it must have: the source's columns, of their types, and our own
	FOR wrong IN
		SELECT w.name, w.type, format_type(t.atttypid, t.atttypmod) AS has
		FROM (
			SELECT c.name, format_type(a.atttypid, a.atttypmod) AS type, a.atttypid AS typid,
				c.attnum
			FROM tiktok._source_columns(source) AS c
				JOIN pg_attribute AS a ON a.attrelid = source AND a.attnum = c.attnum
			UNION ALL
			SELECT '_synced_at', 'timestamp with time zone', 'timestamptz'::regtype, 2000
			UNION ALL
			SELECT '_deleted_at', 'timestamp with time zone', 'timestamptz'::regtype, 2001
			WHERE time_column IS NULL) AS w
			LEFT JOIN pg_attribute AS t ON t.attrelid = target AND t.attname = w.name
				AND NOT t.attisdropped
		WHERE t.atttypid IS DISTINCT FROM w.typid
		ORDER BY w.attnum
	LOOP
		IF wrong.has IS NULL THEN
			RAISE EXCEPTION 'table % has no column "%"', target, wrong.name
				USING ERRCODE = '42703', HINT = format('ALTER TABLE %s ADD COLUMN %I %s; '
					'rows that are already there get a value when they next change.',
					target, wrong.name, wrong.type);
		END IF;
		RAISE EXCEPTION 'column "%" of table % is of type %, that of % of type %',
			wrong.name, target, wrong.has, source, wrong.type
			USING ERRCODE = '42804', HINT = format('ALTER TABLE %s ALTER COLUMN %I TYPE %s;',
				target, wrong.name, wrong.type);
	END LOOP;
	-- what the source no longer has
	FOR wrong IN
		SELECT k AS name FROM unnest(known) AS k JOIN pg_attribute AS t
			ON t.attrelid = target AND t.attname = k AND NOT t.attisdropped
		WHERE k NOT IN (SELECT c.name FROM tiktok._source_columns(source) AS c)
	LOOP
		RAISE EXCEPTION 'foreign table % no longer has column "%", which % keeps',
			source, wrong.name, target
			USING ERRCODE = '42703', HINT = format('Add it to the foreign table again, or drop '
				'it here too: ALTER TABLE %s DROP COLUMN %I;', target, wrong.name);
	END LOOP;
	IF NOT EXISTS (
		SELECT FROM pg_index AS i
		WHERE i.indrelid = target AND i.indisunique AND i.indimmediate AND i.indisvalid
			AND i.indpred IS NULL AND i.indexprs IS NULL
			AND ARRAY(SELECT a.attname::text FROM pg_attribute AS a
				WHERE a.attrelid = target AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
				ORDER BY 1) = ARRAY(SELECT k FROM unnest(key_columns) AS k ORDER BY 1))
	THEN
		RAISE EXCEPTION 'table % has no unique index on its key', target
			USING ERRCODE = '42P10', HINT = format('ALTER TABLE %s ADD PRIMARY KEY (%s);', target,
				(SELECT string_agg(quote_ident(k), ', ') FROM unnest(key_columns) AS k));
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_columns(regclass, regclass, text[], text, text[]) IS
'internal: an error that says what to change unless target has the columns of source: 42703 one is missing, here or there; 42804 another type; 42P10 no unique index on the key. known: the columns that it had when it was last looked at; NULL: never. time_column: NULL for a stream that is read whole, which needs _deleted_at';

-- Volatile, and owners asked of C: after a lock, what holds now is seen.
CREATE FUNCTION tiktok._check_partitions(target regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	part regclass;
BEGIN
	FOR part IN
		SELECT p.relid FROM pg_partition_tree(target) AS p WHERE p.relid <> target
		UNION
		(WITH RECURSIVE heirs (relid) AS (
			SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = target
			UNION
			SELECT i.inhrelid FROM heirs AS h JOIN pg_inherits AS i ON i.inhparent = h.relid)
		SELECT h.relid FROM heirs AS h)
	LOOP
		PERFORM tiktok._check_owner(part);
	END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
	RAISE EXCEPTION 'partition % of table % is another''s', part, target
		USING ERRCODE = '42501', DETAIL = 'The triggers of a partition must not run with the rights of '
			'anybody but its owner.',
			HINT = format('ALTER TABLE %s OWNER TO %I;', part, current_user);
END
$$;
COMMENT ON FUNCTION tiktok._check_partitions(regclass) IS
'internal: 42501 unless the current user owns every partition of a table, and every table that inherits from it';

-- partition_by: NULL where none was given.
CREATE FUNCTION tiktok._check_target_kind(target regclass, partition_by text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind "char";
	persistence "char";
BEGIN
	SELECT c.relkind, c.relpersistence INTO kind, persistence FROM pg_class AS c WHERE c.oid = target;
	IF kind NOT IN ('r', 'p') OR persistence = 't' THEN
		RAISE EXCEPTION '% cannot be a snapshot: it is not a permanent table', target
			USING ERRCODE = '42809';
	END IF;
	IF partition_by IS NOT NULL AND kind <> 'p' THEN
		RAISE EXCEPTION 'table % exists and is not partitioned', target
			USING ERRCODE = '42809', HINT = 'Leave partition_by out, or choose another target.';
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_target_kind(regclass, text) IS
'internal: 42809 unless an existing table can be a snapshot';

-- session: until tiktok._unlock(), or else the end of the transaction.
CREATE FUNCTION tiktok._check_lock(target regclass, session boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	holder integer;
BEGIN
	IF tiktok._lock(target, session) THEN
		RETURN;
	END IF;
	SELECT l.pid INTO holder FROM pg_locks AS l
	WHERE l.locktype = 'advisory' AND l.granted AND l.objid = target::oid
		AND l.classid = 'pg_class'::regclass AND l.objsubid = 3
		AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database());
	RAISE EXCEPTION '% is being refreshed already%', target,
		coalesce(format(', by process %s', holder), '')
		USING ERRCODE = '55006', HINT = 'Wait until it is done: tiktok.snapshot_progress '
			'shows how far it is.';
END
$$;
COMMENT ON FUNCTION tiktok._check_lock(regclass, boolean) IS
'internal: takes the lock of a target, or 55006 with who has it';

-- What create_snapshot() makes is looked for first: two that look at once would both make
-- it. Names in the order of their bytes, in which everybody takes them.
CREATE FUNCTION tiktok._lock_names(existing regclass, path text[], schema name, wait boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	relname text := path[cardinality(path)];
	suffix text;
BEGIN
	IF existing IS NOT NULL THEN
		SELECT n.nspname, c.relname INTO schema, relname
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = existing;
	ELSIF cardinality(path) = 2 THEN
		schema := path[1];
	END IF;
	FOREACH suffix IN ARRAY '{"",_changes,_history}'::text[] LOOP
		IF NOT tiktok._lock_name(schema, relname || suffix, wait) THEN
			RAISE EXCEPTION 'table %.% is being made a snapshot, or written beside one, by another session',
				quote_ident(schema), quote_ident(relname || suffix)
				USING ERRCODE = '55006', HINT = 'Wait until it is done.';
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok._lock_names(regclass, text[], name, boolean) IS
'internal: keeps other sessions from making the same snapshot, and tables beside it, until the end of the transaction; existing: the target, NULL: it is to be made, by path and schema. Without wait: 55006 if one does';
