-- Tables beside a target: TARGET_history has a row for each state of a row, TARGET_changes
-- one for each change. They are the target's owner's, known by their OIDs like the target,
-- made and switched here, written in 45_write_beside.sql. A refresh runs their triggers
-- with the owner's rights, so that they must not be anybody else's.

-- What stands in the registry; it is not written but as a whole.
CREATE FUNCTION tiktok._record_beside(target regclass, detail jsonb)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE tiktok._snapshot AS s
	SET history = (detail ->> 'history')::oid::regclass,
		changes = (detail ->> 'changes')::oid::regclass,
		changes_keep = (detail ->> 'changes_keep')::interval,
		last_change = coalesce((detail ->> 'moment')::timestamptz, s.last_change)
	WHERE s.target = _record_beside.target;
	SELECT 0::bigint
$$;
COMMENT ON FUNCTION tiktok._record_beside(regclass, jsonb) IS
'internal: which tables are beside a target: history, changes (OIDs), changes_keep; moment: of the last write; returns 0';
REVOKE ALL ON FUNCTION tiktok._record_beside(regclass, jsonb) FROM PUBLIC;

-- Two snapshots that wrote one table would end each other's states. The registry is asked,
-- for the other one may be nobody's that the caller sees; its name is not told.
CREATE FUNCTION tiktok._check_beside_free(beside regclass, target regclass)
RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM tiktok._snapshot AS s JOIN pg_class AS c ON c.oid = s.target
		WHERE beside IN (s.history::oid, s.changes::oid, s.target::oid)
			AND s.target <> coalesce(_check_beside_free.target, 0::oid))
	THEN
		RAISE EXCEPTION 'relation % exists already', beside
			USING ERRCODE = '42P07', DETAIL = 'It belongs to another snapshot.',
				HINT = 'Rename it, which that snapshot does not mind, or choose another target.';
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_beside_free(regclass, regclass) IS
'internal: 42P07 if a table is a snapshot, or beside one, other than target (NULL: any)';

-- What a table has beside the columns of the source, or of its key.
CREATE FUNCTION tiktok._beside_columns(what text, OUT name text, OUT type regtype,
	OUT description text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.name, v.type, v.description
	FROM (VALUES
	('history', '_synced_at', 'timestamptz'::regtype, 'when the row last changed in the snapshot: _valid_from, or before it'),
	('history', '_deleted_at', 'timestamptz'::regtype, 'always NULL: the state of a row that is gone has ended'),
	('history', '_valid_from', 'timestamptz'::regtype, 'when a refresh first saw the row like this'),
	('history', '_valid_to', 'timestamptz'::regtype, 'when one first saw it otherwise, or gone; NULL: it is like this now'),
	('changes', 'run', 'bigint'::regtype, 'the refresh, as in tiktok.snapshot_runs'),
	('changes', 'op', 'text'::regtype, 'I: a new row; U: another state of one, a row that was marked as gone and is back included; D: a row is gone'),
	('changes', 'old', 'jsonb'::regtype, 'the row as it was; NULL for I'),
	('changes', 'new', 'jsonb'::regtype, 'the row as it is; for D the row with its mark, or NULL where rows that are gone are deleted'),
	('changes', 'at', 'timestamptz'::regtype, 'when it was written: _synced_at of the row, later for each later change'))
		AS v (what, name, type, description)
	WHERE v.what = _beside_columns.what
$$;
COMMENT ON FUNCTION tiktok._beside_columns(text) IS
'internal: the columns of a table beside a target that are not of the source; what: history or changes';

-- What of a name can be refused is refused before anything is made. A table of that name
-- that is the caller's and looks like one that was made here is written on.
CREATE FUNCTION tiktok._check_beside_name(target regclass, schema name, relname text, what text,
	key_columns text[])
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text := relname || '_' || what;
	full_name text := format('%I.%I', schema, name);
	there regclass;
BEGIN
	IF octet_length(name) > 63 THEN
		RAISE EXCEPTION 'table name "%" is longer than 63 bytes', name
			USING ERRCODE = '42622', HINT = format('Give the target a name of at most %s bytes.',
				63 - octet_length('_' || what));
	END IF;
	SELECT c.oid INTO there FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = schema AND c.relname = name;
	IF there IS NULL THEN
		RETURN;
	END IF;
	IF EXISTS (
		SELECT FROM (
			SELECT b.name, b.type::oid FROM tiktok._beside_columns(what) AS b
			UNION ALL SELECT k, NULL FROM unnest(key_columns) AS k) AS w (name, type)
			LEFT JOIN pg_attribute AS a ON a.attrelid = there AND a.attname = w.name
				AND NOT a.attisdropped
		WHERE a.attname IS NULL OR a.atttypid <> w.type)
	THEN
		RAISE EXCEPTION 'relation % exists already', there
			USING ERRCODE = '42P07', DETAIL = format('It is no table of %s of a snapshot.', what),
				HINT = 'Rename it, or choose another target.';
	END IF;
	PERFORM tiktok._check_owner(there);
	PERFORM tiktok._check_target_kind(there, NULL);
	PERFORM tiktok._check_beside_free(there, target);
END
$$;
COMMENT ON FUNCTION tiktok._check_beside_name(regclass, name, text, text, text[]) IS
'internal: whether a table can be made, or taken over, beside a target (NULL: it is to be made) of that schema and name; what: history or changes. Errors: 42622 too long; 42P07 another relation has the name, or another snapshot the table; 42501 the table is not the caller''s';

-- existing: the target; NULL: it is to be made, by path and schema.
CREATE FUNCTION tiktok._check_beside(source regclass, existing regclass, path text[],
	schema name, history boolean, changes boolean, changes_keep interval)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	key_columns text[];
	relname text := path[cardinality(path)];
	known tiktok.snapshots;
	twice text;
	what text;
BEGIN
	IF history IS NULL AND changes IS NULL AND changes_keep IS NULL THEN
		RETURN;
	END IF;
	IF history AND (tiktok._source(source)).grain IS NOT NULL THEN
		RAISE EXCEPTION '"history" means nothing for a snapshot of %', source
			USING ERRCODE = '22023', DETAIL = 'Rows of a report by day or hour are of that time already.',
				HINT = 'Keep their changes instead: changes => true.';
	END IF;
	SELECT s.* INTO known FROM tiktok.snapshots AS s WHERE s.target = existing;
	IF changes_keep IS NOT NULL AND NOT coalesce(changes, known.changes IS NOT NULL) THEN
		RAISE EXCEPTION '"changes_keep" means nothing without changes'
			USING ERRCODE = '22023', HINT = 'Add the argument changes => true.';
	END IF;
	IF changes_keep <= interval '0' THEN
		RAISE EXCEPTION 'changes_keep must be positive, not %', changes_keep USING ERRCODE = '22023';
	END IF;
	PERFORM clock_timestamp() - changes_keep;	-- or it is no interval that ends
	IF existing IS NOT NULL THEN
		SELECT n.nspname, c.relname INTO schema, relname
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = existing;
	ELSIF cardinality(path) = 2 THEN
		schema := path[1];
	END IF;
	key_columns := tiktok._key_columns(source);
	FOREACH what IN ARRAY array_remove(ARRAY[CASE WHEN history THEN 'history' END,
		CASE WHEN changes THEN 'changes' END], NULL)
	LOOP
		SELECT min(c) INTO twice
		FROM unnest(CASE what WHEN 'changes' THEN key_columns ELSE
			ARRAY(SELECT k.name FROM tiktok._source_columns(source) AS k) END) AS c
			JOIN tiktok._beside_columns(what) AS b ON b.name = c;
		IF twice IS NOT NULL THEN
			RAISE EXCEPTION 'column "%" of foreign table % has the name of a column of a table of %',
				twice, source, what
				USING ERRCODE = '42701', HINT = format('ALTER FOREIGN TABLE %s RENAME COLUMN %I TO …;',
					source, twice);
		END IF;
		CONTINUE WHEN tiktok._is_there(CASE what WHEN 'history' THEN known.history ELSE known.changes END);
		PERFORM tiktok._check_beside_name(existing, schema, relname, what, key_columns);
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok._check_beside(regclass, regclass, text[], name, boolean, boolean, interval) IS
'internal: refuses what create_snapshot() was given for tables beside the target. Errors: 22023 arguments that are wrong, or would be ignored; 42701 a column would be there twice; those of tiktok._check_beside_name()';

CREATE FUNCTION tiktok._is_there(beside regclass)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = beside)
$$;
COMMENT ON FUNCTION tiktok._is_there(regclass) IS
'internal: whether a table that stands in the registry was not dropped; false for NULL';

-- Whoever may do something with the target may do it with a table beside it, and nobody
-- else, whatever default privileges say. Rights on a column are worth nothing in jsonb.
CREATE FUNCTION tiktok._copy_rights(target regclass, beside regclass, columns text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	command text;
BEGIN
	FOR command IN
		SELECT DISTINCT format('REVOKE ALL ON TABLE %s FROM %s CASCADE', beside,
			CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
		FROM pg_class AS c, aclexplode(c.relacl) AS a
		WHERE c.oid = beside AND a.grantee <> c.relowner
	LOOP
		EXECUTE command;
	END LOOP;
	IF (SELECT c.relrowsecurity FROM pg_class AS c WHERE c.oid = target) THEN
		RAISE NOTICE 'only its owner may read %', beside
			USING DETAIL = format('Table %s has row-level security, which is not copied.', target),
				HINT = 'Add policies of its own, then GRANT.';
		RETURN;
	END IF;
	FOR command IN
		SELECT format('GRANT %s%s ON TABLE %s TO %s%s', a.privilege_type,
			CASE WHEN a.col IS NULL THEN '' ELSE ' (' || quote_ident(a.col) || ')' END, beside,
			CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
			CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
		FROM (
			SELECT NULL::text AS col, x.*, c.relowner FROM pg_class AS c, aclexplode(c.relacl) AS x
			WHERE c.oid = target
			UNION ALL
			SELECT t.attname, x.*, c.relowner FROM pg_class AS c
				JOIN pg_attribute AS t ON t.attrelid = c.oid AND t.attname = ANY (columns)
					AND NOT t.attisdropped,
				aclexplode(t.attacl) AS x
			WHERE c.oid = target) AS a
		WHERE a.grantee <> a.relowner
	LOOP
		EXECUTE command;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok._copy_rights(regclass, regclass, text[]) IS
'internal: gives a new table the rights of the target, and those on the columns that are named';

-- Two states of a row never overlap: at most one has no end, none ends before it begins,
-- no two begin together, and moments only grow. The first two are added here, also to a
-- table that is taken over; that no two begin together is its key.
CREATE FUNCTION tiktok._constrain_history(history regclass, key_columns text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conrelid = history AND c.contype = 'c'
		AND c.convalidated AND pg_get_constraintdef(c.oid) = 'CHECK ((_valid_from < _valid_to))')
	THEN
		EXECUTE format('ALTER TABLE %s ADD CHECK (_valid_from < _valid_to)', history);
	END IF;
	IF NOT EXISTS (
		SELECT FROM pg_index AS i
		WHERE i.indrelid = history AND i.indisunique AND i.indimmediate AND i.indisvalid
			AND i.indexprs IS NULL AND pg_get_expr(i.indpred, i.indrelid) = '(_valid_to IS NULL)'
			AND ARRAY(SELECT a.attname::text FROM pg_attribute AS a
				WHERE a.attrelid = history AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
				ORDER BY 1) = ARRAY(SELECT k FROM unnest(key_columns) AS k ORDER BY 1))
	THEN
		EXECUTE format('CREATE UNIQUE INDEX ON %s (%s) WHERE _valid_to IS NULL', history,
			(SELECT string_agg(quote_ident(k), ', ') FROM unnest(key_columns) AS k));
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._constrain_history(regclass, text[]) IS
'internal: adds to a table of states what keeps them from overlapping, where it is missing. Errors: 23505 a row has two states without an end; 23514 a state ends before it begins';

-- With the key only: tiktok._constrain_history() adds the rest.
CREATE FUNCTION tiktok._create_history(target regclass, source regclass, name text,
	key_columns text[])
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parts jsonb := jsonb_build_object('name', name, 'source', source::text,
		'keys', (SELECT string_agg(quote_ident(k), ', ') FROM unnest(key_columns) AS k));
	described record;
BEGIN
	EXECUTE tiktok._fill('CREATE TABLE {name} (LIKE {source}, _synced_at timestamptz NOT NULL,
		_deleted_at timestamptz, _valid_from timestamptz NOT NULL, _valid_to timestamptz,
		PRIMARY KEY ({keys}, _valid_from))', parts);
	FOR described IN
		SELECT c.name AS col, c.description FROM tiktok._source_columns(source) AS c
		WHERE c.description IS NOT NULL
		UNION ALL SELECT b.name, b.description FROM tiktok._beside_columns('history') AS b
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', name, described.col, described.description);
	END LOOP;
	EXECUTE format('COMMENT ON TABLE %s IS %L', name,
		format('every state of the rows of snapshot %s that tiktok.refresh() saw', target));
	PERFORM tiktok._copy_rights(target, name::regclass,
		ARRAY(SELECT c.name FROM tiktok._source_columns(source) AS c)
			|| '{_synced_at,_deleted_at}'::text[]);
	RETURN name::regclass;
END
$$;
COMMENT ON FUNCTION tiktok._create_history(regclass, regclass, text, text[]) IS
'internal: creates a table for the states of a target''s rows. Errors: those of CREATE TABLE';

-- The moment first: a reader asks for what is later, and what is old goes, by this key.
CREATE FUNCTION tiktok._create_changes(target regclass, source regclass, name text,
	key_columns text[])
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	described record;
BEGIN
	EXECUTE tiktok._fill('CREATE TABLE {name} (run bigint NOT NULL,
			op text NOT NULL CHECK (op IN (''I'', ''U'', ''D'')), {typed_keys},
			old jsonb, new jsonb, at timestamptz NOT NULL, PRIMARY KEY (at, {keys}))',
		(SELECT jsonb_build_object('name', name,
			'keys', string_agg(quote_ident(k), ', ' ORDER BY n),
			'typed_keys', string_agg(format('%I %s', k, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY n))
		FROM unnest(key_columns) WITH ORDINALITY AS u (k, n)
			JOIN pg_attribute AS a ON a.attrelid = source AND a.attname = k));
	FOR described IN
		SELECT c.name AS col, c.description FROM tiktok._source_columns(source) AS c
		WHERE c.description IS NOT NULL AND c.name = ANY (key_columns)
		UNION ALL SELECT b.name, b.description FROM tiktok._beside_columns('changes') AS b
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', name, described.col, described.description);
	END LOOP;
	EXECUTE format('COMMENT ON TABLE %s IS %L', name,
		format('what tiktok.refresh() lately changed in snapshot %s', target));
	PERFORM tiktok._copy_rights(target, name::regclass, '{}');
	RETURN name::regclass;
END
$$;
COMMENT ON FUNCTION tiktok._create_changes(regclass, regclass, text, text[]) IS
'internal: creates a table for the changes of a target. Errors: those of CREATE TABLE';

-- That a table beside a target can be written, or what to do.
CREATE FUNCTION tiktok._check_beside_table(target regclass, source regclass, beside regclass,
	what text, key_columns text[])
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text;
BEGIN
	IF beside IS NULL THEN
		RETURN;
	END IF;
	IF NOT tiktok._is_there(beside) THEN
		RAISE EXCEPTION 'the table of % of snapshot % does not exist', what, target
			USING ERRCODE = '42P01', HINT = format('SELECT tiktok.create_snapshot(%1$L, %2$L, %3$s => true); '
				'begins a new one, with %3$s => false the snapshot goes on without.', source, target, what);
	END IF;
	PERFORM tiktok._check_owner(beside);
	PERFORM tiktok._check_privileges(beside, source);
	IF what = 'history' THEN
		PERFORM tiktok._check_columns(beside, source, key_columns || '_valid_from'::text, NULL, NULL);
	END IF;
	SELECT min(w.name) INTO missing
	FROM (SELECT b.name, b.type::oid FROM tiktok._beside_columns(what) AS b
		UNION ALL
		SELECT k, s.atttypid FROM unnest(key_columns) AS k
			JOIN pg_attribute AS s ON s.attrelid = source AND s.attname = k) AS w (name, type)
		LEFT JOIN pg_attribute AS a ON a.attrelid = beside AND a.attname = w.name AND NOT a.attisdropped
	WHERE a.atttypid IS DISTINCT FROM w.type;
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'table % has no column "%" of the type that a table of % has', beside, missing, what
			USING ERRCODE = '42703', HINT = format('Rename the table; SELECT tiktok.create_snapshot(%L, '
				'%L, %s => false) and again with true makes another.', source, target, what);
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_beside_table(regclass, regclass, regclass, text, text[]) IS
'internal: refuses a table beside a target that cannot be written; NULL: there is none. what: history or changes. Errors: 42P01 it was dropped; 42501 it is another''s, or a privilege is missing; 42703, 42804, 42P10 it was altered';

-- Makes one, or finds one that is there, by the target's name of now.
CREATE FUNCTION tiktok._get_beside(target regclass, source regclass, what text,
	key_columns text[], OUT beside regclass, OUT made boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text := (SELECT format('%I.%I', n.nspname, c.relname || '_' || what)
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = target);
BEGIN
	beside := to_regclass(name);
	made := beside IS NULL;
	IF made THEN
		beside := CASE what WHEN 'history' THEN tiktok._create_history(target, source, name, key_columns)
			ELSE tiktok._create_changes(target, source, name, key_columns) END;
	END IF;
	PERFORM tiktok._check_beside_table(target, source, beside, what, key_columns);
	PERFORM tiktok._check_beside_free(beside, target);
	IF what = 'history' THEN
		PERFORM tiktok._constrain_history(beside, key_columns);
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._get_beside(regclass, regclass, text, text[]) IS
'internal: the table of that kind beside a target. made: it was not there. Errors: those of CREATE TABLE, of tiktok._check_beside_table(), tiktok._check_beside_free() and tiktok._constrain_history()';
