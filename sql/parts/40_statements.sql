-- The statements of a target, as templates: tiktok._templates() has their text, one a
-- name, tiktok._parts() what goes into them, tiktok._statements() puts both together,
-- once a refresh. A change of a statement is a change of its template.
--
-- Parameters of every statement: $1 accounts, $2 first day, $3 the day after the last,
-- $4 now. The target's rows are read in a sub-select that does not mix with the rest
-- (OFFSET 0): distributed tables then need no join with a local table. Whatever runs
-- where triggers fire – insert, replace, upsert, remove, renew – names its operators with their schema.

-- {name} in a template is a part that is SQL as it stands: a list of columns, a
-- condition, a table. {name:I} is a name and {name:L} a text, quoted here. Parts
-- are not looked into, so a column may be called {stage}. Other braces stay.
CREATE FUNCTION tiktok._fill(template text, parts jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result text;
	missing text;
BEGIN
	SELECT string_agg(CASE WHEN m[2] IS NULL THEN m[1]
			WHEN m[3] = 'I' THEN quote_ident(parts ->> m[2])
			WHEN m[3] = 'L' THEN quote_literal(parts ->> m[2])
			ELSE parts ->> m[2] END, '' ORDER BY n),
		min(m[2]) FILTER (WHERE parts ->> m[2] IS NULL)
	INTO result, missing
	FROM regexp_matches(template, '(\{([a-z_]+)(?::([IL]))?\}|[^{]+|\{)', 'g')
		WITH ORDINALITY AS r (m, n);
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'a template has no part "%"', missing
			USING ERRCODE = 'XX000', DETAIL = template;
	END IF;
	RETURN result;
END
$$;
COMMENT ON FUNCTION tiktok._fill(text, jsonb) IS
'internal: a template of SQL with its parts filled in: {name} as it stands, {name:I} as a name, {name:L} as a text; NULL if an argument is. Error: XX000 a part is missing or NULL';

CREATE FUNCTION tiktok._window(alias text, account text, time_column text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN account IS NULL THEN 'true' ELSE
		format('%s%I OPERATOR(pg_catalog.=) ANY ($1)', alias, account)
		|| CASE WHEN time_column IS NULL THEN '' ELSE
			format(' AND %1$s%2$I OPERATOR(pg_catalog.>=) $2 AND %1$s%2$I OPERATOR(pg_catalog.<) $3',
				alias, time_column) END END
$$;
COMMENT ON FUNCTION tiktok._window(text, text, text) IS
'internal: the condition for the rows of some accounts and days. alias: what stands before a column, with its dot; account: NULL where all rows are meant; time_column: NULL where rows have no day';

-- One number for all that counts as a change: what is no key and no signed URL.
-- A function takes a hundred values at most: the number of those before begins the next.
CREATE FUNCTION tiktok._hash_of(columns text[])
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result text;
BEGIN
	FOR n IN 1 .. coalesce(cardinality(columns), 0) BY 99 LOOP
		result := format('tiktok._row_hash(%s)', concat_ws(', ', result,
			(SELECT string_agg(quote_ident(u.name), ', ' ORDER BY u.i)
			FROM unnest(columns[n : n + 98]) WITH ORDINALITY AS u (name, i))));
	END LOOP;
	RETURN coalesce(result, 'tiktok._row_hash(0)');
END
$$;
COMMENT ON FUNCTION tiktok._hash_of(text[]) IS
'internal: the expression for tiktok._row_hash() of some columns; of none (NULL, too), a constant';

-- When a signed link ends is told by a column of its own or by the link: a number of
-- seconds in its query, or one in hexadecimal digits after 32 others in its path. One
-- that tells nothing counts as good. Where there is none, any is better.
CREATE FUNCTION tiktok._expired(name text, type oid)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('t.%1$I IS NULL AND g.%1$I IS NOT NULL OR ' || CASE WHEN type = 'timestamptz'::regtype
		THEN 't.%1$I OPERATOR(pg_catalog.<) $4'
		ELSE 'coalesce(pg_catalog.to_timestamp(pg_catalog.substring(t.%1$I::pg_catalog.text, '
				'''(?i)[?&](?:x-)?expires?=([0-9]{1,11})(?![0-9])'')::pg_catalog.float8), '
			'pg_catalog.to_timestamp((''x''::pg_catalog.text OPERATOR(pg_catalog.||) '
				'pg_catalog.substring(t.%1$I::pg_catalog.text, ''(?i)/[0-9a-f]{32}/([0-9a-f]{8})/''))'
				'::pg_catalog.bit(32)::pg_catalog.int8'
				'::pg_catalog.float8)) OPERATOR(pg_catalog.<) $4' END, name)
$$;
COMMENT ON FUNCTION tiktok._expired(text, oid) IS
'internal: the condition for a row t of the target whose column with a signed link, or with the end of one, shows that it is over at $4, or has none where row g of the stage does';

-- What is read of the source, as s. Values that a query lists are joined to it: a request for
-- each, or for many where one column takes many. Where several do, they are asked for together,
-- for each value of the others (an account first of all), and what was not listed in this
-- combination goes. asked: NULL where all is read; condition: of s.
CREATE FUNCTION tiktok._loaded(source regclass, asked_table text, asked text[], account text, condition text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	many text[] := ARRAY(SELECT c.name FROM tiktok._source_columns(source) AS c
		WHERE c.name = ANY (asked) AND c.takes_many AND NOT c.is_account);
	of_accounts text := CASE WHEN account = ANY (asked) THEN format('k.%I = ANY ($1)', account) ELSE 'true' END;
	parts jsonb;
BEGIN
	SELECT jsonb_build_object('source', source::text, 'asked', asked_table, 'condition', condition,
		'of_accounts', of_accounts,
		'k_is_s', string_agg(format('k.%1$I = s.%1$I', u), ' AND '),
		'lists', string_agg(CASE WHEN u = ANY (many) THEN format('array_agg(DISTINCT k.%1$I) AS %1$I', u)
			ELSE format('k.%I', u) END, ', '),
		'singly', coalesce(string_agg(format('k.%I', u), ', ') FILTER (WHERE u <> ALL (many)), '()'),
		's_in_lists', string_agg(format(CASE WHEN u = ANY (many) THEN 's.%1$I = ANY (l.%1$I)'
			ELSE 's.%1$I = l.%1$I' END, u), ' AND '))
	INTO parts FROM unnest(asked) AS u;
	RETURN tiktok._fill(CASE WHEN asked IS NULL THEN '{source} AS s WHERE {condition}'
		WHEN cardinality(many) < 2 THEN '{source} AS s JOIN {asked} AS k ON {k_is_s}
			WHERE {condition} AND {of_accounts}'
		ELSE '(SELECT {lists} FROM {asked} AS k WHERE {of_accounts} GROUP BY {singly}) AS l
			CROSS JOIN LATERAL (SELECT * FROM {source} AS s WHERE {s_in_lists} AND {condition} OFFSET 0) AS s
			JOIN {asked} AS k ON {k_is_s}' END, parts);
END
$$;
COMMENT ON FUNCTION tiktok._loaded(regclass, text, text[], text, text) IS
'internal: what is read of a source, as s: behind FROM. asked: the columns of a query for_each, whose values are in asked_table; NULL: there is none. account: NULL where rows are not told by account; condition: of s';

-- What the templates are made of. Three rows may meet: s of the stage (when it is loaded, of the source), t of the
-- target, g one that is gone; a and b are two of the stage with the same key.
CREATE FUNCTION tiktok._parts(target regclass, source regclass, key_columns text[],
	time_column text, with_accounts boolean, asked text[] DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	account text := (SELECT min(c.name) FROM tiktok._source_columns(source) AS c WHERE c.is_account);
	bounded text := CASE WHEN with_accounts THEN account END;
	mark boolean := time_column IS NULL;	-- rows that are gone are marked, not deleted
	hourly boolean := coalesce((tiktok._source(source)).grain = 'hour', false) AND NOT mark;
	asked_table text := 'pg_temp.' || quote_ident('tiktok_asked_' || target::oid);
	columns jsonb;
	keys jsonb;
BEGIN
	SELECT jsonb_build_object(
		'columns', string_agg(quote_ident(c.name), ', ' ORDER BY c.attnum),
		's_columns', string_agg(format('s.%I', c.name), ', ' ORDER BY c.attnum),
		'hash', tiktok._hash_of(array_agg(c.name ORDER BY c.attnum)
			FILTER (WHERE NOT o.is_key AND NOT c.signed_url)),
		'excluded', coalesce(string_agg(format('%1$I = EXCLUDED.%1$I, ', c.name), '' ORDER BY c.attnum)
			FILTER (WHERE NOT o.is_key), ''),
		'folded', coalesce(string_agg(format(CASE WHEN c.additive
				THEN '%1$I = CASE WHEN a.%1$I IS NULL THEN b.%1$I WHEN b.%1$I IS NULL THEN a.%1$I '
					'ELSE a.%1$I + b.%1$I END'
				ELSE '%1$I = CASE WHEN record_image_eq(ROW(a.%1$I), ROW(b.%1$I)) THEN a.%1$I END' END,
				c.name), ', ') FILTER (WHERE NOT o.is_key), format('%1$I = a.%1$I', account)),
		-- NULL where there is none: tiktok._statements() leaves out what needs them
		'signed', string_agg(format(', %I', c.name), '') FILTER (WHERE c.signed_url),
		'renewed', string_agg(format('%1$I = g.%1$I', c.name), ', ') FILTER (WHERE c.signed_url),
		't_signed', string_agg(format('t.%I', c.name), ', ') FILTER (WHERE c.signed_url),
		'g_signed', string_agg(format('g.%I', c.name), ', ') FILTER (WHERE c.signed_url),
		'expired', string_agg(tiktok._expired(c.name, a.atttypid), ' OR ') FILTER (WHERE c.signed_url))
	INTO columns
	FROM tiktok._source_columns(source) AS c
		JOIN pg_attribute AS a ON a.attrelid = source AND a.attnum = c.attnum
		CROSS JOIN LATERAL (SELECT c.name = ANY (key_columns)) AS o (is_key);
	SELECT jsonb_build_object(
		'keys', string_agg(quote_ident(k), ', '),
		'either_keys', string_agg(format('coalesce(s.%1$I, t.%1$I) AS %1$I', k), ', '),
		's_is_t', string_agg(format('s.%1$I = t.%1$I', k), ' AND '),
		'a_is_b', string_agg(format('a.%1$I = b.%1$I', k), ' AND '),
		't_is_g', string_agg(format('t.%1$I OPERATOR(pg_catalog.=) g.%1$I', k), ' AND '))
	INTO keys
	FROM unnest(key_columns) AS k;
	RETURN columns || keys || jsonb_build_object(
		'target', target::text,
		'source', source::text,
		'stage', 'pg_temp.' || quote_ident('tiktok_stage_' || target::oid),
		'delta', 'pg_temp.' || quote_ident('tiktok_delta_' || target::oid),
		'asked', asked_table,
		'loaded', tiktok._loaded(source, asked_table, asked, bounded, tiktok._window('s.', bounded, time_column)),
		'if_asked', coalesce((SELECT format(' WHERE EXISTS (SELECT FROM %s AS k WHERE ', asked_table)
			|| string_agg(format('k.%1$I = r.%1$I', u), ' AND ') || ')' FROM unnest(asked) AS u), ''),
		'account', account,
		'window', tiktok._window('', bounded, time_column),
		'a_window', tiktok._window('a.', bounded, time_column),
		't_window', tiktok._window('t.', bounded, time_column),
		'day', coalesce(time_column, account),
		'hour', CASE WHEN hourly THEN format('%I::timestamp', time_column) ELSE 'NULL::timestamp' END,
		'fits', CASE WHEN hourly THEN 'max(r.n) = 2 AND min(r.hour) = max(r.hour) '
			'AND tiktok._hour_comes_twice(min(r.hour))' ELSE 'false' END,
		'marked', CASE WHEN mark THEN '(_deleted_at IS NOT NULL)' ELSE 'false' END,
		'_deleted_at', CASE WHEN mark THEN ', _deleted_at' ELSE '' END,
		'is_there', CASE WHEN mark THEN ', NULL' ELSE '' END,
		'revived', CASE WHEN mark THEN ', _deleted_at = EXCLUDED._deleted_at' ELSE '' END,
		'remove', format(CASE WHEN mark THEN 'UPDATE %s AS t SET _deleted_at = $4, _synced_at = $4 FROM g'
			ELSE 'DELETE FROM %s AS t USING g' END, target));
END
$$;
COMMENT ON FUNCTION tiktok._parts(regclass, regclass, text[], text, boolean, text[]) IS
'internal: what goes into tiktok._templates(). time_column: NULL for a stream that is read whole; with_accounts: false where rows are not told by account; asked: the columns of a query for_each, NULL: there is none';

CREATE FUNCTION tiktok._templates(OUT name text, OUT template text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.* FROM (VALUES
	('stage', '{stage}'),
	('delta', '{delta}'),
	('asked', '{asked}'),
	('create_stage', 'CREATE TEMPORARY TABLE {stage} AS SELECT {columns} FROM {target} WITH NO DATA'),
	-- what a merge writes, a row each: its key, whether it is new (I), changed (U) or
	-- gone (D), and where it stands in the stage
	('create_delta', 'CREATE TEMPORARY TABLE {delta} AS SELECT NULL::"char" AS "tiktok op",
		NULL::tid AS "tiktok row", {keys} FROM {target} WITH NO DATA'),
	('load', 'INSERT INTO {stage} ({columns}) SELECT {s_columns} FROM {loaded}'),
	-- how many rows there are to merge, and whether keys repeat
	('count', 'SELECT coalesce(sum(k.n), 0) AS staged, coalesce(max(k.n) > 1, false) AS repeated
		FROM (SELECT count(*) AS n FROM {stage} WHERE {window} GROUP BY {keys}) AS k'),
	-- which accounts have them, a day each, and whether clocks that went back explain them
	('repeated', 'SELECT r.account, sum(r.n - 1) AS n, {fits} AS fits
		FROM (SELECT {account:I} AS account, {hour} AS hour, count(*) AS n
			FROM {stage} WHERE {window} GROUP BY {keys} HAVING count(*) > 1) AS r
		GROUP BY r.account, r.hour::date'),
	-- two rows become the first; both statements see the stage as it was
	('fold', 'WITH first AS (
			UPDATE {stage} AS a SET {folded} FROM {stage} AS b
			WHERE {a_is_b} AND a.ctid < b.ctid AND {a_window})
		DELETE FROM {stage} AS b USING {stage} AS a
		WHERE {a_is_b} AND a.ctid < b.ctid AND {a_window}'),
	('present', 'SELECT true FROM {target} WHERE {window} LIMIT 1'),
	-- keys and a number for the rest are joined, so that wide rows need no room
	('compare', 'INSERT INTO {delta} ("tiktok op", "tiktok row", {keys})
		SELECT d.* FROM (
			SELECT CASE WHEN t."tiktok hash" IS NULL THEN ''I''::"char"
					WHEN s."tiktok hash" IS NULL THEN CASE WHEN NOT t."tiktok marked" THEN ''D''::"char" END
					WHEN s."tiktok hash" <> t."tiktok hash" OR t."tiktok marked" THEN ''U''::"char"
				END AS "tiktok op", s."tiktok row", {either_keys}
			FROM (SELECT {keys}, ctid AS "tiktok row", {hash} AS "tiktok hash"
					FROM {stage} WHERE {window} OFFSET 0) AS s
				FULL JOIN (SELECT {keys}, {hash} AS "tiktok hash", {marked} AS "tiktok marked"
					FROM (SELECT {columns}{_deleted_at} FROM {target} WHERE {window} OFFSET 0) AS r{if_asked}
					OFFSET 0) AS t ON {s_is_t}
			OFFSET 0) AS d
		WHERE d."tiktok op" IS NOT NULL'),
	('differing', 'SELECT count(*) FILTER (WHERE "tiktok op" = ''I'') AS inserted,
			count(*) FILTER (WHERE "tiktok op" = ''U'') AS updated,
			count(*) FILTER (WHERE "tiktok op" = ''D'') AS deleted
		FROM {delta}'),
	('months', 'SELECT DISTINCT date_trunc(''month'', {day:I})::date FROM {stage} WHERE {window}'),
	-- all of the stage's rows, where the target has none
	('insert', 'INSERT INTO {target} ({columns}, _synced_at{_deleted_at})
		SELECT {columns}, $4{is_there} FROM {stage} WHERE {window}'),
	-- the same where some have come meanwhile
	('replace', 'INSERT INTO {target} ({columns}, _synced_at{_deleted_at})
		SELECT {columns}, $4{is_there} FROM {stage} WHERE {window}
		ON CONFLICT ({keys}) DO UPDATE SET {excluded}_synced_at = EXCLUDED._synced_at{revived}'),
	('upsert', 'INSERT INTO {target} ({columns}, _synced_at{_deleted_at})
		SELECT {columns}, $4{is_there} FROM {stage}
		WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT "tiktok row" FROM {delta}
			WHERE "tiktok op" OPERATOR(pg_catalog.<>) ''D''::pg_catalog."char"))
		ON CONFLICT ({keys}) DO UPDATE SET {excluded}_synced_at = EXCLUDED._synced_at{revived}'),
	('remove', 'WITH g AS MATERIALIZED (SELECT {keys} FROM {delta}
			WHERE "tiktok op" OPERATOR(pg_catalog.=) ''D''::pg_catalog."char")
		{remove} WHERE {t_window} AND {t_is_g}'),
	-- links that are over or missing, where there are others: no change of the row. By a
	-- function, for operators of rows are none any more where a server writes them out for
	-- another one, or for a view: ROW(a)::record *<> ROW(b)::record becomes ROW(a) *<> ROW(b)
	('expired', 'WITH g AS MATERIALIZED (SELECT {keys}{signed} FROM {stage} WHERE {window})
		SELECT true FROM {target} AS t, g
		WHERE {t_window} AND {t_is_g} AND ({expired})
			AND pg_catalog.record_image_ne(ROW({t_signed}), ROW({g_signed}))
		LIMIT 1'),
	('renew', 'WITH g AS MATERIALIZED (SELECT {keys}{signed} FROM {stage} WHERE {window})
		UPDATE {target} AS t SET {renewed} FROM g
		WHERE {t_window} AND {t_is_g} AND ({expired})
			AND pg_catalog.record_image_ne(ROW({t_signed}), ROW({g_signed}))'
		)) AS v (name, template)
$$;
COMMENT ON FUNCTION tiktok._templates() IS
'internal: the statements of a target before their parts are filled in; one for each member of tiktok._statements';

CREATE FUNCTION tiktok._statements(target regclass, source regclass, key_columns text[],
	time_column text, with_accounts boolean, asked text[] DEFAULT NULL)
RETURNS tiktok._statements
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_populate_record(NULL::tiktok._statements,
		jsonb_object_agg(t.name, tiktok._fill(t.template, p.parts)))
	FROM tiktok._templates() AS t,
		(SELECT tiktok._parts(target, source, key_columns, time_column, with_accounts, asked)) AS p (parts)
	WHERE p.parts ->> 'signed' IS NOT NULL OR t.name NOT IN ('expired', 'renew')
$$;
COMMENT ON FUNCTION tiktok._statements(regclass, regclass, text[], text, boolean, text[]) IS
'internal: the statements that bring a target up to date. Arguments as of tiktok._parts(); month by month they make sense with a time_column only; expired and renew are NULL where no column has signed links';
