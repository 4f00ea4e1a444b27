-- What is written beside a target, in the transaction of its merge: states and changes.
--
-- States: _valid_from and _valid_to are the moment of the merge that wrote the row. They
-- begin where a row is new, changed or back, and end where it is changed or gone.
-- Changes: each row that a merge writes, once. A new signature of a link is neither.

-- As tiktok._templates(): the same parameters ($5: the run; of prune, how long changes stay) and parts, and operators with
-- their schema, for users may have triggers here, too.
CREATE FUNCTION tiktok._beside_templates(OUT name text, OUT template text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.* FROM (VALUES
	('end_states', 'WITH g AS MATERIALIZED (SELECT {keys} FROM {delta})
		UPDATE {history} AS t SET _valid_to = $4 FROM g
		WHERE {t_window} AND {t_is_g} AND t._valid_to IS NULL'),
	-- where the target has no row of the window: whoever emptied it has ended them
	('end_window', 'UPDATE {history} AS t SET _valid_to = $4 WHERE {t_window} AND t._valid_to IS NULL'),
	('begin_states', 'INSERT INTO {history} ({columns}, _synced_at, _valid_from)
		SELECT {columns}, $4, $4 FROM {stage}
		WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT "tiktok row" FROM {delta}
			WHERE "tiktok op" OPERATOR(pg_catalog.<>) ''D''::pg_catalog."char"))'),
	('begin_window', 'INSERT INTO {history} ({columns}, _synced_at, _valid_from)
		SELECT {columns}, $4, $4 FROM {stage} WHERE {window}'),
	('log_window', 'INSERT INTO {changes} (run, op, {keys}, new, at)
		SELECT $5, ''I'', {keys}, pg_catalog.to_jsonb("tiktok new"), $4
		FROM (SELECT {columns}, $4 AS _synced_at{unmarked} FROM {stage} WHERE {window}) AS "tiktok new"'),
	('log_new', 'INSERT INTO {changes} (run, op, {keys}, new, at)
		SELECT $5, ''I'', {keys}, pg_catalog.to_jsonb("tiktok new"), $4
		FROM (SELECT {columns}, $4 AS _synced_at{unmarked} FROM {stage}
			WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT "tiktok row" FROM {delta}
				WHERE "tiktok op" OPERATOR(pg_catalog.=) ''I''::pg_catalog."char"))) AS "tiktok new"'),
	('log_other', 'WITH g AS MATERIALIZED (SELECT {keys}, "tiktok op", "tiktok row" FROM {delta}
			WHERE "tiktok op" OPERATOR(pg_catalog.<>) ''I''::pg_catalog."char"),
		o AS MATERIALIZED (SELECT {t_columns}, t._synced_at{t_mark}, g."tiktok op", g."tiktok row"
			FROM {target} AS t, g WHERE {t_window} AND {t_is_g})
		INSERT INTO {changes} (run, op, {keys}, old, new, at)
		SELECT $5, "tiktok old"."tiktok op"::pg_catalog.text, {old_keys}, {old}, CASE
				WHEN "tiktok old"."tiktok op" OPERATOR(pg_catalog.=) ''D''::pg_catalog."char" THEN {gone}
				ELSE pg_catalog.to_jsonb("tiktok new") OPERATOR(pg_catalog.-) ''tiktok row''::pg_catalog.text END, $4
		FROM o AS "tiktok old" LEFT JOIN (
			SELECT ctid AS "tiktok row", {columns}, $4 AS _synced_at{unmarked} FROM {stage}) AS "tiktok new"
			ON "tiktok new"."tiktok row" OPERATOR(pg_catalog.=) "tiktok old"."tiktok row"'),
	('prune', 'DELETE FROM {changes} WHERE at OPERATOR(pg_catalog.<) ($4 OPERATOR(pg_catalog.-) $5)'),
	-- rows of which something else is there than states and changes say
	('untrue_window', 'SELECT count(*) FROM (SELECT {columns} FROM {stage} WHERE {window}) AS s
			LEFT JOIN (SELECT {columns}, _synced_at{_deleted_at} FROM {target} WHERE {window} OFFSET 0) AS t
			ON {s_is_t}
		WHERE {untrue}'),
	('untrue_delta', 'SELECT count(*) FROM {delta} AS d LEFT JOIN {stage} AS s ON s.ctid = d."tiktok row"
			LEFT JOIN (SELECT {columns}, _synced_at{_deleted_at} FROM {target} WHERE {window} OFFSET 0) AS t
			ON {d_is_t}
		WHERE CASE WHEN d."tiktok op" = ''D'' THEN {stayed} ELSE {untrue} END'),
	-- states are kept from now on: those that do not hold end, the target's begin, when it
	-- got them, but for what is recorded of a time before
	('switch_off', 'UPDATE {history} SET _valid_to = $4 WHERE _valid_to IS NULL'),
	('switch_end', 'WITH g AS MATERIALIZED (
			SELECT {t_keys} FROM (SELECT {keys}, {hash} AS "tiktok hash" FROM {history}
					WHERE _valid_to IS NULL OFFSET 0) AS t
				LEFT JOIN (SELECT {keys}, {hash} AS "tiktok hash" FROM {target}
					WHERE _deleted_at IS NULL OFFSET 0) AS g
				ON {t_is_g} AND t."tiktok hash" OPERATOR(pg_catalog.=) g."tiktok hash"
			WHERE g."tiktok hash" IS NULL)
		UPDATE {history} AS t SET _valid_to = $4 FROM g WHERE {t_is_g} AND t._valid_to IS NULL'),
	('switch_begin', 'INSERT INTO {history} ({columns}, _synced_at, _valid_from)
		SELECT {t_columns}, t._synced_at, LEAST(GREATEST(t._synced_at, g."tiktok end"), $4)
		FROM (SELECT {columns}, _synced_at FROM {target} WHERE _deleted_at IS NULL OFFSET 0) AS t
			LEFT JOIN (SELECT {keys}, pg_catalog.max(coalesce(_valid_to, ''infinity'')) AS "tiktok end"
				FROM {history} GROUP BY {keys} OFFSET 0) AS g ON {t_is_g}
		WHERE g."tiktok end" IS NULL OR g."tiktok end" OPERATOR(pg_catalog.<>) ''infinity'''))
		AS v (name, template)
$$;
COMMENT ON FUNCTION tiktok._beside_templates() IS
'internal: the statements that write tables beside a target before their parts are filled in: those of tiktok._beside, and those of tiktok._plan_switch()';

-- The statements, by name; those of a table that there is not make no sense.
CREATE FUNCTION tiktok._beside_statements(target regclass, source regclass, key_columns text[],
	time_column text, with_accounts boolean, history regclass, changes regclass)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mark boolean := time_column IS NULL;
	old text := 'pg_catalog.to_jsonb("tiktok old") OPERATOR(pg_catalog.-) ''{tiktok op,tiktok row}''::pg_catalog.text[]';
	parts jsonb;
BEGIN
	SELECT tiktok._parts(target, source, key_columns, time_column, with_accounts)
		|| jsonb_build_object(
			'history', coalesce(history::text, 'NULL'),
			'changes', coalesce(changes::text, 'NULL'),
			't_columns', columns.t,
			'd_is_t', string_agg(format('d.%1$I = t.%1$I', k), ' AND '),
			'untrue', format('t._synced_at IS DISTINCT FROM $4%s OR record_image_ne(ROW(%s), ROW(%s))',
				CASE WHEN mark THEN ' OR t._deleted_at IS NOT NULL' ELSE '' END, columns.s, columns.t),
			'stayed', CASE WHEN mark THEN 't._deleted_at IS DISTINCT FROM $4' ELSE 't._synced_at IS NOT NULL' END,
			't_keys', string_agg(format('t.%I', k), ', '),
			'old_keys', string_agg(format('"tiktok old".%I', k), ', '),
			'unmarked', CASE WHEN mark THEN ', NULL::pg_catalog.timestamptz AS _deleted_at' ELSE '' END,
			't_mark', CASE WHEN mark THEN ', t._deleted_at' ELSE '' END,
			'old', old,
			'gone', CASE WHEN mark THEN format('(%s) OPERATOR(pg_catalog.||) '
					'pg_catalog.jsonb_build_object(''_synced_at'', $4, ''_deleted_at'', $4)', old)
				ELSE 'NULL::pg_catalog.jsonb' END)
	INTO parts
	FROM unnest(key_columns) AS k, (
		SELECT string_agg(format('s.%I', c.name), ', ' ORDER BY c.attnum),
			string_agg(format('t.%I', c.name), ', ' ORDER BY c.attnum)
		FROM tiktok._source_columns(source) AS c) AS columns (s, t)
	GROUP BY columns.s, columns.t;
	RETURN (SELECT jsonb_object_agg(t.name, tiktok._fill(t.template, parts))
		FROM tiktok._beside_templates() AS t);
END
$$;
COMMENT ON FUNCTION tiktok._beside_statements(regclass, regclass, text[], text, boolean, regclass, regclass) IS
'internal: tiktok._beside_templates() with their parts. Arguments as of tiktok._parts(), and the tables; NULL: there is none';

-- Looked at before a refresh sends anything.
CREATE FUNCTION tiktok._beside(target regclass, source regclass, key_columns text[],
	time_column text, with_accounts boolean)
RETURNS tiktok._beside
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s record;
BEGIN
	SELECT t.history, t.changes, t.changes_keep INTO s FROM tiktok.snapshots AS t
	WHERE t.target = _beside.target;
	IF s.history IS NULL AND s.changes IS NULL THEN
		RETURN NULL;
	END IF;
	PERFORM tiktok._check_beside_table(target, source, s.history, 'history', key_columns);
	PERFORM tiktok._check_beside_table(target, source, s.changes, 'changes', key_columns);
	RETURN jsonb_populate_record(ROW(s.history, s.changes, s.changes_keep, NULL, NULL, NULL, NULL,
			NULL, NULL, NULL, NULL, NULL, NULL)::tiktok._beside,
		tiktok._beside_statements(target, source, key_columns, time_column, with_accounts,
			s.history, s.changes));
END
$$;
COMMENT ON FUNCTION tiktok._beside(regclass, regclass, text[], text, boolean) IS
'internal: what a refresh writes beside the target; NULL: nothing. Errors: those of tiktok._check_beside_table()';

-- No SET search_path: triggers fire in here. The target is still as it was.
CREATE FUNCTION tiktok._write_beside(job tiktok._job, step tiktok._step, counts tiktok._counts,
	fresh boolean, now timestamptz)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
	b tiktok._beside := job.beside;
	next_day date := step.last_day OPERATOR(pg_catalog.+) 1;
	new boolean := counts.inserted OPERATOR(pg_catalog.>) 0;
	other boolean := counts.updated OPERATOR(pg_catalog.+) counts.deleted OPERATOR(pg_catalog.>) 0;
BEGIN
	IF b.history IS NOT NULL AND fresh THEN
		EXECUTE b.end_window USING step.accounts, step.first_day, next_day, now;
		EXECUTE b.begin_window USING step.accounts, step.first_day, next_day, now;
	ELSIF b.history IS NOT NULL AND (new OR other) THEN
		EXECUTE b.end_states USING step.accounts, step.first_day, next_day, now;
		EXECUTE b.begin_states USING step.accounts, step.first_day, next_day, now;
	END IF;
	IF b.changes IS NULL THEN
		RETURN;
	END IF;
	IF new THEN
		EXECUTE CASE WHEN fresh THEN b.log_window ELSE b.log_new END
			USING step.accounts, step.first_day, next_day, now, job.run;
	END IF;
	IF other THEN
		EXECUTE b.log_other USING step.accounts, step.first_day, next_day, now, job.run;
	END IF;
	EXECUTE b.prune USING step.accounts, step.first_day, next_day, now, b.changes_keep;
END
$$;
COMMENT ON FUNCTION tiktok._write_beside(tiktok._job, tiktok._step, tiktok._counts, boolean, timestamptz) IS
'internal: writes the states and changes of a merge that is to come, and drops changes that are old. counts, fresh: as of tiktok._compare(); now: the moment of the merge. Errors: those of the tables'' triggers and constraints';

-- Whether anything but a refresh's own statements may have a say in what they write.
CREATE FUNCTION tiktok._is_meddled_with(target regclass)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE tables (id) AS (
		SELECT target::oid
		UNION
		SELECT i.inhrelid FROM tables AS t JOIN pg_inherits AS i ON i.inhparent = t.id)
	SELECT EXISTS (
		SELECT FROM tables AS t JOIN pg_trigger AS g ON g.tgrelid = t.id
		WHERE NOT g.tgisinternal AND g.tgenabled <> 'D'
		UNION ALL
		SELECT FROM pg_rewrite AS r WHERE r.ev_class = target AND r.ev_enabled <> 'D')
$$;
COMMENT ON FUNCTION tiktok._is_meddled_with(regclass) IS
'internal: whether a table has triggers, partitions and heirs included, or rules';

-- A trigger may change a row or keep it out. Without states and changes that is between it and
-- its owner; with them, each refresh would find the row changed again, and say so for ever.
CREATE FUNCTION tiktok._check_written(job tiktok._job, step tiktok._step, counts tiktok._counts,
	fresh boolean, now timestamptz)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	untrue bigint;
BEGIN
	IF (job.beside).history IS NULL AND (job.beside).changes IS NULL
		OR counts.inserted + counts.updated + counts.deleted = 0 OR NOT tiktok._is_meddled_with(job.target)
	THEN
		RETURN;
	END IF;
	EXECUTE CASE WHEN fresh THEN (job.beside).untrue_window ELSE (job.beside).untrue_delta END
		INTO untrue USING step.accounts, step.first_day, step.last_day + 1, now;
	IF untrue > 0 THEN
		RAISE EXCEPTION '% of % % not what was written', untrue || CASE untrue WHEN 1 THEN ' row' ELSE ' rows' END,
			job.target, CASE untrue WHEN 1 THEN 'is' ELSE 'are' END
			USING ERRCODE = '27000', DETAIL = 'A trigger or a rule changed or kept out what the API returned, '
				'so that states and changes beside the table would not be true.',
				HINT = format('Let it write to columns or tables of its own, or do without: '
					'SELECT tiktok.create_snapshot(%L, %L%s%s);', job.source, job.target,
					CASE WHEN (job.beside).history IS NOT NULL THEN ', history => false' ELSE '' END,
					CASE WHEN (job.beside).changes IS NOT NULL THEN ', changes => false' ELSE '' END);
	END IF;
END
$$;
COMMENT ON FUNCTION tiktok._check_written(tiktok._job, tiktok._step, tiktok._counts, boolean, timestamptz) IS
'internal: 27000 if the target has other rows than a merge wrote, and tables beside it that say what it wrote. Arguments as of tiktok._write_beside()';

-- What create_snapshot() changes of that, in the registry at once; the statements that
-- go with it are for the caller to run. A refresh under way would not know of it.
CREATE FUNCTION tiktok._plan_switch(target regclass, source regclass, history boolean,
	changes boolean, keep interval, OUT commands text[], OUT moment timestamptz,
	OUT tables regclass[], OUT names text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	known tiktok.snapshots;
	beside record;
	latest timestamptz;
	words text[] := '{}';
BEGIN
	commands := '{}';
	SELECT s.* INTO known FROM tiktok.snapshots AS s WHERE s.target = _plan_switch.target;
	-- nothing that is not so already
	IF (history IS NULL OR CASE WHEN history THEN tiktok._is_there(known.history)
			ELSE known.history IS NULL END)
		AND (changes IS NULL OR CASE WHEN changes THEN tiktok._is_there(known.changes)
			ELSE known.changes IS NULL END)
		AND coalesce(keep = known.changes_keep, keep IS NULL)
	THEN
		RETURN;
	END IF;
	PERFORM tiktok._check_lock(target, false);
	SELECT s.* INTO known FROM tiktok.snapshots AS s WHERE s.target = _plan_switch.target;
	moment := tiktok._moment(target);
	IF history AND NOT tiktok._is_there(known.history) THEN
		beside := tiktok._get_beside(target, source, 'history', known.key_columns);
		known.history := beside.beside;
		EXECUTE format('SELECT max(greatest(_valid_from, _valid_to)) FROM %s', known.history) INTO latest;
		words := ARRAY['switch_end', 'switch_begin'];
	END IF;
	IF changes AND NOT tiktok._is_there(known.changes) THEN
		beside := tiktok._get_beside(target, source, 'changes', known.key_columns);
		known.changes := beside.beside;
		EXECUTE format('SELECT greatest(max(at), %L) FROM %s', latest, known.changes) INTO latest;
	END IF;
	IF NOT history AND tiktok._is_there(known.history) THEN
		-- its triggers run with the caller's rights; altered it may be, to make another
		PERFORM tiktok._check_owner(known.history);
		words := ARRAY['switch_off'];
	END IF;
	moment := greatest(moment, latest + interval '1 microsecond');
	tables := array_remove(ARRAY[target, known.history], NULL);
	names := ARRAY(SELECT t::text FROM unnest(tables) WITH ORDINALITY AS u (t, n) ORDER BY n);
	commands := ARRAY(SELECT c.statement FROM unnest(words) WITH ORDINALITY AS w (word, n)
		JOIN jsonb_each_text(tiktok._beside_statements(target, source, known.key_columns,
			known.time_column, true, known.history, known.changes)) AS c (word, statement)
			ON c.word = w.word ORDER BY w.n);
	IF NOT history THEN
		known.history := NULL;
	END IF;
	IF NOT changes THEN
		known.changes := NULL;
	END IF;
	PERFORM tiktok._record(target, 'beside', jsonb_build_object('history', known.history::oid,
		'changes', known.changes::oid, 'changes_keep', CASE WHEN known.changes IS NOT NULL
			THEN coalesce(keep, known.changes_keep, interval '7 days') END,
		'moment', moment));
	PERFORM tiktok._unlock(target);	-- others have to wait for the commit
END
$$;
COMMENT ON FUNCTION tiktok._plan_switch(regclass, regclass, boolean, boolean, interval) IS
'internal: begins or ends the tables beside a target (NULL: as before), for the registry; commands: what is to be run for it, with $4 the moment; tables, names: what they name. Errors: 55006 a refresh is under way; 42501 the history is another''s by now; those of tiktok._get_beside()';

-- No SET search_path: triggers fire in here.
CREATE FUNCTION tiktok._switch_beside(target regclass, source regclass, history boolean,
	changes boolean, keep interval)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
	plan record;
	command text;
BEGIN
	IF history IS NULL AND changes IS NULL AND keep IS NULL THEN
		RETURN;
	END IF;
	plan := tiktok._plan_switch(target, source, history, changes, keep);
	FOREACH command IN ARRAY plan.commands LOOP
		PERFORM tiktok._hold(plan.tables, plan.names);
		EXECUTE command USING NULL::bigint[], NULL::pg_catalog.date, NULL::pg_catalog.date, plan.moment;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok._switch_beside(regclass, regclass, boolean, boolean, interval) IS
'internal: switches states and changes of a target on (true) or off (false), or leaves them (NULL), and sets how long changes stay. Errors: those of tiktok._plan_switch() and tiktok._hold()';
