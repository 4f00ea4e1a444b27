-- Live views: settled days from a snapshot, younger ones from the API, in one plan.
--
-- Both arms stand in one sub-select without conditions of their own, which the planner
-- takes apart, and each knows by a constant which it is: so the conditions of a query,
-- join columns among them, reach both, and of the view's own condition each keeps its
-- half. The boundary is a sub-select, which is computed once a query, also in generic
-- plans; where it and the query's conditions leave no day, the foreign arm asks nothing.

-- As seen by whoever reads a view over the target, with or without rights on it: hence
-- SECURITY DEFINER, and no more than a day is told. In the snapshot of the calling
-- query, so that days and rows fit together while a refresh commits.
CREATE FUNCTION tiktok.settled(target regclass)
RETURNS date
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s tiktok._snapshot;
	held text;		-- the accounts that the source keeps to, if it names any
	first_held date;
	grain text;		-- of a row, where it is more than a day
	read_since date;
	read_up_to date;
BEGIN
	SELECT t.* INTO s FROM tiktok._snapshot AS t WHERE t.target = settled.target;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'table % is no snapshot', target USING ERRCODE = '42704',
			HINT = format('Register it again: SELECT tiktok.create_snapshot(source, %L, …); '
				'or drop the views that read it live.', target);
	ELSIF s.since IS NULL THEN
		RAISE EXCEPTION 'snapshot % has no settled days', target USING ERRCODE = '42809',
			DETAIL = 'Its stream has no day or hour in its key and is read whole.';
	END IF;
	SELECT coalesce(max(o.option_value) FILTER (WHERE o.of_table AND o.option_name = 'advertiser_ids'),
			max(o.option_value) FILTER (WHERE o.option_name = 'advertiser_ids')),
		coalesce(max(o.option_value) FILTER (WHERE o.of_table AND o.option_name = 'start_date'),
			max(o.option_value) FILTER (WHERE o.option_name = 'start_date'))::date,
		coalesce(max(o.option_value) FILTER (WHERE o.option_name = 'grain'),
			max(CASE WHEN o.option_value LIKE '%\_reports\_weekly' THEN 'week'
				WHEN o.option_value LIKE '%\_reports\_monthly' THEN 'month' END)
			FILTER (WHERE o.option_name = 'stream'), 'day')
	INTO held, first_held, grain
	FROM pg_foreign_table AS f
		JOIN pg_foreign_server AS r ON r.oid = f.ftserver
		CROSS JOIN LATERAL (
			SELECT true, t.* FROM pg_options_to_table(f.ftoptions) AS t
			UNION ALL
			SELECT false, t.* FROM pg_options_to_table(r.srvoptions) AS t) AS o (of_table, option_name, option_value)
	WHERE f.ftrelid = to_regclass(format('%I.%I', s.source_schema, s.source_name));
	-- up to which day rows were last read: a probe moves the watermark, and not read_on;
	-- an unfinished reading has not come to days from next_day on
	SELECT max(a.since), CASE WHEN bool_and(a.watermark IS NOT NULL)
		THEN min(least(a.watermark, a.read_on, a.next_day + s.attribution_window)) END
	INTO read_since, read_up_to
	FROM (
			SELECT h::bigint FROM unnest(string_to_array(replace(held, ' ', ''), ',')) AS h
			UNION ALL
			SELECT k.advertiser_id FROM tiktok._snapshot_account AS k
			WHERE k.snapshot = s.snapshot AND held IS NULL) AS u (account)
		LEFT JOIN tiktok._snapshot_account AS a
			ON a.snapshot = s.snapshot AND a.advertiser_id = u.account;
	-- while earlier days are being caught up with, they are not in the snapshot
	IF read_since > greatest(s.since, first_held) THEN
		read_up_to := NULL;
	END IF;
	-- a week or month that has a day that is not settled is not, either
	RETURN greatest(s.since,
		date_trunc(grain, (read_up_to - s.attribution_window)::timestamp)::date);
END
$$;
COMMENT ON FUNCTION tiktok.settled(regclass) IS
'the first day of a snapshot that is not settled: the day up to which its rows were last read less attribution_window, the least over the accounts that its source holds; of reports by week and month, the first day of the one that has it; the snapshot''s since where that is later, while an account was never read, and while an earlier since is being caught up with. For everybody. Errors: 42704 no snapshot, 42809 its stream is read whole';

-- Names are resolved already. path, schema: as of tiktok._create_table().
CREATE FUNCTION tiktok._create_live_view(target regclass, path text[], schema name)
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text := CASE WHEN cardinality(path) = 2 THEN format('%I.%I', path[1], path[2])
		WHEN cardinality(path) = 1 AND schema IS NOT NULL THEN format('%I.%I', schema, path[1]) END;
	s record;
	info record;
	source regclass;
	options text;
	described record;
BEGIN
	IF name IS NULL THEN
		RAISE EXCEPTION 'the view must be a name or a schema and a name' USING ERRCODE = '42602';
	END IF;
	PERFORM tiktok._lock_name(coalesce(CASE WHEN cardinality(path) = 2 THEN path[1] END, schema),
		path[cardinality(path)], true);
	SELECT t.* INTO s FROM tiktok.snapshots AS t WHERE t.target = _create_live_view.target;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'table % is no snapshot', target USING ERRCODE = '42704',
			HINT = format('Register it: SELECT tiktok.create_snapshot(source, %L, …);', target);
	END IF;
	source := to_regclass(s.source);
	IF source IS NULL THEN
		RAISE EXCEPTION 'foreign table % of snapshot % does not exist', s.source, target
			USING ERRCODE = '42P01';
	END IF;
	info := tiktok._source(source);
	IF info.grain IS NULL THEN
		RAISE EXCEPTION 'a live view of % would have nothing to read from %', target, target
			USING ERRCODE = '42809',
				DETAIL = format('Rows of %s have no day or hour, so that none of them is ever settled.', source),
				HINT = format('Read %s for what was there at the last refresh, and %s for what is there now.',
					target, source);
	END IF;
	IF s.for_each IS NOT NULL THEN
		RAISE EXCEPTION 'snapshot % holds what its query for_each gives, and % everything', target, source
			USING ERRCODE = '0A000', DETAIL = 'A live view would ask for younger days of what the snapshot does not hold.',
				HINT = format('Make a view of your own: days before tiktok.settled(%L) from %s, younger ones from %s '
					'joined to the query.', target, target, source);
	END IF;
	PERFORM tiktok._check_columns(target, source, s.key_columns, s.time_column, NULL);
	-- any other view with these columns would be replaced, too, and be lost
	IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = to_regclass(name) AND c.relkind = 'v')
		AND NOT EXISTS (
			SELECT FROM pg_rewrite AS r JOIN pg_depend AS d
				ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
			WHERE r.ev_class = to_regclass(name) AND d.refclassid = 'pg_proc'::regclass
				AND d.refobjid = 'tiktok.settled(regclass)'::regprocedure)
	THEN
		RAISE EXCEPTION 'view % exists already', name USING ERRCODE = '42P07',
			DETAIL = 'It is no live view: it does not read tiktok.settled().',
			HINT = 'Choose another name, or drop it first.';
	END IF;
	-- CREATE OR REPLACE takes options such as security_invoker away
	SELECT format('WITH (%s) ', array_to_string(c.reloptions, ', ')) INTO options
	FROM pg_class AS c WHERE c.oid = to_regclass(name) AND c.relkind = 'v' AND c.reloptions IS NOT NULL;
	EXECUTE tiktok._fill('CREATE OR REPLACE VIEW {name} {options}AS
		SELECT {columns} FROM (
			SELECT {columns}, false AS "tiktok live" FROM {target}
			UNION ALL
			SELECT {columns}, true AS "tiktok live" FROM {source}) AS both_arms
		WHERE ({day:I} >= (SELECT tiktok.settled({target:L}::regclass))) = "tiktok live"',
		jsonb_build_object('name', name, 'options', coalesce(options, ''), 'target', target::text,
			'source', source::text, 'day', s.time_column,
			'columns', (SELECT string_agg(quote_ident(c.name), ', ' ORDER BY c.attnum)
				FROM tiktok._source_columns(source) AS c)));
	FOR described IN
		SELECT c.name AS col, coalesce(col_description(source, c.attnum), c.description) AS description
		FROM tiktok._source_columns(source) AS c
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', name, described.col, described.description);
	END LOOP;
	EXECUTE format('COMMENT ON VIEW %s IS %L', name,
		format('settled days from %s, younger ones from %s: see tiktok.settled()', target, source));
	RETURN name::regclass;
END
$$;
COMMENT ON FUNCTION tiktok._create_live_view(regclass, text[], name) IS
'internal: the body of tiktok.create_live_view(), with its errors';

-- In the caller's search_path, and so without a SET.
CREATE FUNCTION tiktok.create_live_view(target regclass, view text)
RETURNS regclass
LANGUAGE plpgsql
AS $$
BEGIN
	RETURN tiktok._create_live_view(target, pg_catalog.parse_ident(view), pg_catalog.current_schema());
END
$$;
COMMENT ON FUNCTION tiktok.create_live_view(regclass, text) IS
'creates a view, or replaces it, with the columns of a snapshot''s source: days before tiktok.settled() from the snapshot, younger ones from the API; sends no request. It reads with the rights of its owner, as any view. Errors: 42704 no snapshot; 42809 its stream has no day or hour; 42501 a privilege is missing; 42P07 another view has the name; 42703, 42804, 42P10 the table or the source was altered';
