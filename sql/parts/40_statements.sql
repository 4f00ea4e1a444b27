-- The statements that bring a target up to date.
--
-- Parameters: $1 accounts, $2 first day, $3 the day after the last, $4 now. The
-- target's rows are read in a sub-select that does not mix with the rest
-- (OFFSET 0): distributed tables then need no join with a local table.

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
'internal: the condition for the rows of some accounts and days';

CREATE FUNCTION tiktok._statements(target regclass, source regclass, key_columns text[],
	time_column text, with_accounts boolean)
RETURNS tiktok._statements
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result tiktok._statements;
	stage text := 'pg_temp.' || quote_ident('tiktok_stage_' || target::oid);
	account text;		-- column
	win text;			-- condition
	cols text;			-- all, for a list
	s_cols text;
	set_cols text;		-- for DO UPDATE
	fold_cols text;		-- two rows into one
	pair text;			-- condition for two rows of the same key
	keys text;
	t_keys text;
	same_key text;
	gone_key text;
	diff text;			-- what the stage changes
	changed text;
	mark boolean := time_column IS NULL;
	hourly boolean := coalesce((tiktok._source(source)).grain = 'hour', false)
		AND time_column IS NOT NULL;
	ours text;			-- rows of the target
	theirs text;		-- rows of the stage
BEGIN
	SELECT string_agg(quote_ident(c.name), ', ' ORDER BY c.attnum),
		string_agg('s.' || quote_ident(c.name), ', ' ORDER BY c.attnum),
		string_agg(format('%1$I = EXCLUDED.%1$I, ', c.name), '' ORDER BY c.attnum)
			FILTER (WHERE c.name <> ALL (key_columns)),
		string_agg(format(CASE WHEN c.additive
				THEN '%1$I = CASE WHEN a.%1$I IS NULL THEN b.%1$I WHEN b.%1$I IS NULL THEN a.%1$I '
					'ELSE a.%1$I + b.%1$I END'
				ELSE '%1$I = CASE WHEN ROW(a.%1$I)::record *= ROW(b.%1$I)::record THEN a.%1$I END' END,
				c.name), ', ') FILTER (WHERE c.name <> ALL (key_columns)),
		format('ROW(%s)::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(%s)::pg_catalog.record',
			string_agg('s.' || quote_ident(c.name), ', ' ORDER BY c.attnum)
				FILTER (WHERE c.name <> ALL (key_columns) AND NOT c.signed_url),
			string_agg('t.' || quote_ident(c.name), ', ' ORDER BY c.attnum)
				FILTER (WHERE c.name <> ALL (key_columns) AND NOT c.signed_url)),
		min(quote_ident(c.name)) FILTER (WHERE c.is_account),
		min(c.name) FILTER (WHERE c.is_account)
	INTO cols, s_cols, set_cols, fold_cols, changed, result.account, account
	FROM tiktok._source_columns(source) AS c;
	SELECT string_agg(quote_ident(k), ', '),
		string_agg(format('t.%I AS "tiktok key %s"', k, n), ', '),
		string_agg(format('s.%1$I OPERATOR(pg_catalog.=) t.%1$I', k), ' AND '),
		string_agg(format('a.%1$I = b.%1$I', k), ' AND '),
		string_agg(format('t.%I OPERATOR(pg_catalog.=) g."tiktok key %s"', k, n), ' AND ')
	INTO keys, t_keys, same_key, pair, gone_key
	FROM unnest(key_columns) WITH ORDINALITY AS u (k, n);

	win := tiktok._window('', CASE WHEN with_accounts THEN account END, time_column);
	theirs := format('(SELECT %s FROM %s WHERE %s OFFSET 0)', cols, stage, win);
	ours := format('(SELECT %s%s FROM %s WHERE %s OFFSET 0)', cols,
		CASE WHEN mark THEN ', _deleted_at' ELSE '' END, target, win);
	-- 1 new, 2 changed, 3 gone, 4 as it was; 5 gone and marked
	diff := format('(SELECT %1$s, %2$s, CASE WHEN t.%3$s IS NULL THEN 1 '
		'WHEN s.%3$s IS NULL THEN %4$s WHEN %5$s THEN 2 ELSE 4 END AS "tiktok state" '
		'FROM %6$s AS s FULL JOIN %7$s AS t ON %8$s OFFSET 0)', s_cols, t_keys, result.account,
		CASE WHEN mark THEN 'CASE WHEN t._deleted_at IS NULL THEN 3 ELSE 5 END' ELSE '3' END,
		changed || CASE WHEN mark THEN ' OR t._deleted_at IS NOT NULL' ELSE '' END,
		theirs, ours, same_key);
	result.create_stage := format('CREATE TEMPORARY TABLE %s AS SELECT %s FROM %s WITH NO DATA',
		stage, cols, target);
	result.load := format('INSERT INTO %s (%s) SELECT %s FROM %s WHERE %s',
		stage, cols, cols, source, win);
	-- what tiktok._fold() runs: the stage only, with a search_path of its own
	result.repeated := format('SELECT r.account, sum(r.n - 1) AS n, %s AS fits FROM ('
		'SELECT %s AS account, %s AS hour, count(*) AS n FROM %s WHERE %s GROUP BY %s '
		'HAVING count(*) > 1) AS r GROUP BY r.account, r.hour::date',
		CASE WHEN hourly THEN 'max(r.n) = 2 AND min(r.hour) = max(r.hour) '
			'AND tiktok._hour_comes_twice(min(r.hour))' ELSE 'false' END,
		result.account, CASE WHEN hourly THEN format('%I::timestamp', time_column)
			ELSE 'NULL::timestamp' END, stage, win, keys);
	result.fold := format('WITH first AS (UPDATE %1$s AS a SET %2$s FROM %1$s AS b '
		'WHERE %3$s AND a.ctid < b.ctid AND %4$s) '
		'DELETE FROM %1$s AS b USING %1$s AS a WHERE %3$s AND a.ctid < b.ctid AND %4$s',
		stage, coalesce(fold_cols, format('%1$s = a.%1$s', result.account)), pair,
		tiktok._window('a.', CASE WHEN with_accounts THEN account END, time_column));
	result.measure := format('SELECT %s FROM %s AS d', (
		SELECT string_agg(format('pg_catalog.count(*) FILTER (WHERE '
			'd."tiktok state" OPERATOR(pg_catalog.=) %s)', i), ', ' ORDER BY i)
		FROM generate_series(1, 4) AS i), diff);
	result.upsert := format('INSERT INTO %s (%s, _synced_at%s) SELECT %s, $4%s FROM %s AS d '
		'WHERE d."tiktok state" OPERATOR(pg_catalog.<=) 2 '
		'ON CONFLICT (%s) DO UPDATE SET %s_synced_at = EXCLUDED._synced_at%s',
		target, cols, CASE WHEN mark THEN ', _deleted_at' ELSE '' END,
		cols, CASE WHEN mark THEN ', NULL' ELSE '' END, diff, keys, coalesce(set_cols, ''),
		CASE WHEN mark THEN ', _deleted_at = EXCLUDED._deleted_at' ELSE '' END);
	result.remove := format('WITH g AS MATERIALIZED (SELECT * FROM %s AS d '
		'WHERE d."tiktok state" OPERATOR(pg_catalog.=) 3) %s WHERE %s AND %s', diff,
		format(CASE WHEN mark THEN 'UPDATE %s AS t SET _deleted_at = $4, _synced_at = $4 FROM g'
			ELSE 'DELETE FROM %s AS t USING g' END, target),
		tiktok._window('t.', CASE WHEN with_accounts THEN account END, time_column), gone_key);
	result.months := format('SELECT DISTINCT pg_catalog.date_trunc(''month'', %I)::date '
		'FROM %s AS s', coalesce(time_column, 'none'), theirs);
	result.stage := stage;
	RETURN result;
END
$$;
COMMENT ON FUNCTION tiktok._statements(regclass, regclass, text[], text, boolean) IS
'internal: the statements that bring a target up to date';
