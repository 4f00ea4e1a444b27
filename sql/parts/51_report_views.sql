-- The six report models that dashboards for TikTok's ads expect, over snapshots.

CREATE FUNCTION tiktok._report_views(OUT name text, OUT report text, OUT streams text[],
	OUT columns text[], OUT description text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH parts (metrics, by_group, url) AS (VALUES (
		'spend reach conversion likes comments shares profile_visits follows video_watched_2_s '
		'video_watched_6_s video_views_p_25 video_views_p_50 video_views_p_75 real_time_conversion '
		'total_purchase_value total_sales_lead_value total_conversion_value daily_cpc daily_cpm daily_ctr',
		'currency category gender audience_type budget impressions clicks',
		'base_url url_host url_path utm_source utm_medium utm_campaign utm_content utm_term'))
	SELECT 'tiktok_ads__' || v.name, v.report, string_to_array(v.streams, ' '),
		string_to_array('source_relation date_day ' || v.columns, ' '), v.description
	FROM parts AS p, LATERAL (VALUES
		('advertiser_report', 'advertisers_reports_daily', 'advertisers',
			'advertiser_id advertiser_name currency clicks impressions ' || p.metrics,
			'one row for each account and day'),
		('campaign_report', 'campaigns_reports_daily', 'advertisers campaigns',
			'advertiser_id advertiser_name campaign_id campaign_name currency impressions clicks '
			|| p.metrics, 'one row for each campaign and day'),
		('ad_group_report', 'ad_groups_reports_daily', 'advertisers campaigns ad_groups',
			'advertiser_id advertiser_name campaign_id campaign_name ad_group_id ad_group_name '
			|| p.by_group || ' ' || p.metrics, 'one row for each ad group and day'),
		('ad_report', 'ads_reports_daily', 'advertisers campaigns ad_groups ads',
			'advertiser_id advertiser_name campaign_id campaign_name ad_group_id ad_group_name ad_id '
			'ad_name ' || p.by_group || ' ' || p.metrics, 'one row for each ad and day'),
		('url_report', 'ads_reports_daily', 'advertisers campaigns ad_groups ads',
			'advertiser_id advertiser_name campaign_id campaign_name ad_group_id ad_group_name ad_id '
			'ad_name ' || p.url || ' ' || p.by_group || ' ' || p.metrics,
			'one row for each ad and day, of ads that have a landing page: totals are lower than in the ad report'),
		('campaign_country_report', 'campaign_id,country_code,stat_time_day', 'advertisers campaigns',
			'campaign_id campaign_name campaign_type created_at country_code advertiser_id '
			'advertiser_name currency objective_type status split_test_variable campaign_budget '
			'budget_mode clicks impressions spend conversion daily_cpc daily_cpm daily_ctr '
			'real_time_conversion', 'one row for each campaign, country and day'))
		AS v (name, report, streams, columns, description)
$$;
COMMENT ON FUNCTION tiktok._report_views() IS
'internal: the views of tiktok.create_report_views(), the report each is over (its stream, or the dimensions of a report of one''s own), the streams of its names, its columns in order';

-- Where a column comes from: r report, a advertisers, c campaigns, g ad groups, d
-- ads. An expression has %s where the column goes; additive ones are 0 where
-- the report says nothing, the others stay NULL.
CREATE FUNCTION tiktok._report_columns(OUT name text, OUT alias text, OUT col text,
	OUT type text, OUT expression text, OUT description text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.* FROM (VALUES
	('source_relation', '', '', 'text', '''''::pg_catalog.text', 'always empty: one connection'),
	('date_day', 'r', 'stat_time_day', 'date', '%s', 'the day, in the time zone of the account'),
	('advertiser_id', 'r', 'advertiser_id', 'bigint', '%s', 'ad account'),
	('advertiser_name', 'a', 'name', 'text', '%s', 'name of the account as it is now; of one that is gone, as the report has it'),
	('currency', 'a', 'currency', 'text', '%s', 'currency of every amount in the row'),
	('campaign_id', 'r', 'campaign_id', 'bigint', '%s', 'campaign'),
	('campaign_name', 'c', 'campaign_name', 'text', '%s', 'its name as it is now; of one that is gone, as the report has it'),
	('campaign_type', 'c', 'campaign_type', 'text', '%s', 'its type'),
	('created_at', 'c', 'create_time', 'timestamptz', '%s', 'when it was created'),
	('objective_type', 'c', 'objective_type', 'text', '%s', 'its objective'),
	('status', 'c', 'secondary_status', 'text', '%s', 'its status: the API''s secondary_status'),
	('split_test_variable', 'c', 'split_test_variable', 'text', '%s', 'what a split test varies'),
	('campaign_budget', 'c', 'budget', 'numeric', '%s', 'its budget as it is now'),
	('budget_mode', 'c', 'budget_mode', 'text', '%s', 'its kind of budget'),
	('country_code', 'r', 'country_code', 'text', '%s', 'country of the audience'),
	('ad_group_id', 'g', 'adgroup_id', 'bigint', '%s', 'ad group'),
	('ad_group_name', 'g', 'adgroup_name', 'text', '%s', 'its name as it is now; of one that is gone, as the report has it'),
	('category', 'g', 'category', 'text', '%s', 'its category; NULL: the API no longer tells'),
	('gender', 'g', 'gender', 'text', '%s', 'targeted gender'),
	('audience_type', 'g', 'audience_type', 'text', '%s', 'kind of audience'),
	('budget', 'g', 'budget', 'numeric', '%s', 'budget of the ad group as it is now'),
	('ad_id', 'r', 'ad_id', 'bigint', '%s', 'ad'),
	('ad_name', 'd', 'ad_name', 'text', '%s', 'its name as it is now; of one that is gone, as the report has it'),
	('base_url', 'd', 'landing_page_url', 'text', 'pg_catalog.split_part(%s, ''?'', 1)',
		'landing page without its query'),
	('url_host', 'd', 'landing_page_url', 'text', 'pg_catalog.split_part(pg_catalog.split_part('
		'pg_catalog.regexp_replace(%s, ''^(https?|android-app)://'', ''''), ''/'', 1), ''?'', 1)', 'its host'),
	('url_path', 'd', 'landing_page_url', 'text', '''/'' || coalesce(pg_catalog.substring('
		'pg_catalog.split_part(pg_catalog.regexp_replace(%s, ''^(https?|android-app)://'', ''''), ''?'', 1), '
		'''/(.*)$''), '''')', 'its path')) AS v
	UNION ALL
	SELECT utm, 'd', 'landing_page_url', 'text', format('nullif(pg_catalog.split_part('
		'pg_catalog.split_part(%%s, ''%s='', 2), ''&'', 1), '''')', utm), 'UTM parameter of the landing page'
	FROM unnest(ARRAY['utm_source', 'utm_medium', 'utm_campaign', 'utm_content', 'utm_term']) AS utm
	UNION ALL
	SELECT m[1], 'r', m[2], m[3], 'coalesce(%s, 0)::pg_catalog.' || m[3], m[4] || '; 0 where the report has no value'
	FROM (VALUES
		(ARRAY['clicks', 'clicks', 'int8', 'clicks that lead to the destination']),
		(ARRAY['impressions', 'impressions', 'int8', 'times the ads were shown']),
		(ARRAY['spend', 'spend', 'numeric', 'cost, in the account''s currency']),
		(ARRAY['conversion', 'conversion', 'int8', 'results, dated by the impression or click']),
		(ARRAY['likes', 'likes', 'int8', 'likes']), (ARRAY['comments', 'comments', 'int8', 'comments']),
		(ARRAY['shares', 'shares', 'int8', 'shares']),
		(ARRAY['profile_visits', 'profile_visits', 'int8', 'visits of the profile']),
		(ARRAY['follows', 'follows', 'int8', 'new followers']),
		(ARRAY['video_watched_2_s', 'video_watched_2s', 'int8', 'plays of at least 2 seconds']),
		(ARRAY['video_watched_6_s', 'video_watched_6s', 'int8', 'plays of at least 6 seconds']),
		(ARRAY['video_views_p_25', 'video_views_p25', 'int8', 'plays of a quarter of the video']),
		(ARRAY['video_views_p_50', 'video_views_p50', 'int8', 'plays of half of the video']),
		(ARRAY['video_views_p_75', 'video_views_p75', 'int8', 'plays of three quarters of the video']),
		(ARRAY['real_time_conversion', 'real_time_conversion', 'int8', 'results, dated by when they happened']),
		(ARRAY['total_purchase_value', 'total_purchase_value', 'numeric', 'value of purchases']),
		(ARRAY['total_sales_lead_value', 'total_sales_lead_value', 'numeric', 'value of leads'])) AS u (m)
	UNION ALL
	SELECT * FROM (VALUES
	('reach', 'r', 'reach', 'bigint', '%s', 'people reached on that day; do not sum it over days or '
		'objects: the same people count again. NULL where the report has no value. Models that sum hours are higher'),
	('total_conversion_value', 'r', 'total_purchase_value total_sales_lead_value', 'numeric',
		'coalesce(%s, 0) + coalesce(%s, 0)', 'value of purchases and leads'),
	('daily_cpc', 'r', 'spend clicks', 'numeric', '%s / nullif(%s, 0)::pg_catalog.numeric',
		'cost of a click; over several rows divide the sums. NULL: no clicks'),
	('daily_cpm', 'r', 'spend impressions', 'numeric', '%s / nullif(%s, 0)::pg_catalog.numeric * 1000',
		'cost of a thousand impressions; over several rows divide the sums. NULL: no impressions'),
	('daily_ctr', 'r', 'clicks impressions', 'numeric', '%s / nullif(%s, 0)::pg_catalog.numeric * 100',
		'percentage of impressions with a click; over several rows divide the sums. NULL: no impressions'))
		AS r (name, alias, col, type, expression, description)
$$;
COMMENT ON FUNCTION tiktok._report_columns() IS 'internal: the columns of tiktok.create_report_views()';

-- The snapshot of a stream: among those the caller may read, in a schema if one
-- is named. A report of one's own goes by its dimensions, in order of the alphabet.
CREATE FUNCTION tiktok._snapshot_of(stream text, schema text)
RETURNS regclass
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.target
	FROM tiktok.snapshots AS s
		JOIN pg_class AS c ON c.oid = s.target JOIN pg_namespace AS n ON n.oid = c.relnamespace
		JOIN pg_namespace AS fn ON fn.nspname = s.source_schema
		JOIN pg_class AS fc ON fc.relnamespace = fn.oid AND fc.relname = s.source_name
		JOIN pg_foreign_table AS f ON f.ftrelid = fc.oid
		CROSS JOIN LATERAL (
			SELECT max(o.option_value) FILTER (WHERE o.option_name = 'stream') AS stream,
				max(o.option_value) FILTER (WHERE o.option_name = 'dimensions') AS dimensions
			FROM pg_options_to_table(f.ftoptions) AS o) AS o
	WHERE (_snapshot_of.schema IS NULL OR n.nspname = _snapshot_of.schema)
		AND (CASE WHEN o.stream = 'report' THEN (SELECT string_agg(trim(d), ',' ORDER BY trim(d))
			FROM regexp_split_to_table(o.dimensions, ',') AS d) ELSE o.stream END = _snapshot_of.stream
			-- a report that the catalogue has goes by its dimensions, too
			OR EXISTS (SELECT FROM tiktok.streams AS k WHERE k.name = o.stream AND k.kind = 'report'
				AND (SELECT string_agg(d, ',' ORDER BY d) FROM unnest(k.key_columns) AS d) = _snapshot_of.stream))
	ORDER BY s.target::oid LIMIT 1
$$;
COMMENT ON FUNCTION tiktok._snapshot_of(text, text) IS 'internal: the local table of a stream; NULL: there is none';

-- tables: those of advertisers, campaigns, ad groups, ads that the view joins, in this
-- order; columns: names of tiktok._report_columns(); with_url: only ads that have one.
CREATE FUNCTION tiktok._report_query(report regclass, tables regclass[], streams text[],
	columns text[], with_url boolean)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ids text[] := ARRAY['advertiser_id', 'campaign_id', 'adgroup_id', 'ad_id'];
	aliases text[] := ARRAY['a', 'c', 'g', 'd'];
	outer_alias text;
	joins text := '';
	query text;
BEGIN
	-- from the report up: an ad knows its ad group, which knows its campaign
	FOR i IN REVERSE cardinality(tables) .. 1 LOOP
		outer_alias := CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = report
			AND a.attname = ids[i] AND NOT a.attisdropped) THEN 'r' ELSE aliases[i + 1] END;
		joins := joins || tiktok._fill(E'\n\tLEFT JOIN {joined} AS {alias} ON {alias}.advertiser_id = r.advertiser_id'
			|| CASE WHEN i > 1 THEN ' AND {alias}.{id} = {outer_alias}.{id}' ELSE '' END,
			jsonb_build_object('joined', tables[i]::text, 'alias', aliases[i], 'id', ids[i],
				'outer_alias', outer_alias));
	END LOOP;
	SELECT string_agg(
		CASE WHEN p.missing AND b.col IS NOT NULL THEN format('r.%I', b.col)
			WHEN p.missing THEN format('NULL::pg_catalog.%s', CASE k.type WHEN 'bigint' THEN 'int8' ELSE k.type END)
			-- an object that is gone has its name in the report still
			WHEN b.col IS NOT NULL THEN format('coalesce(%s, r.%I)', p.refs[1], b.col)
			ELSE format(k.expression, VARIADIC p.refs) END || ' AS '
			|| quote_ident(replace(u.name, 'campaign_budget', 'budget')), E',\n\t\t' ORDER BY u.n)
	INTO query
	FROM unnest(columns) WITH ORDINALITY AS u (name, n)
		JOIN tiktok._report_columns() AS k ON k.name = u.name
		CROSS JOIN LATERAL (
			SELECT coalesce(array_agg(coalesce(f.alias, k.alias) || '.' || quote_ident(c.col) ORDER BY c.n), '{}') AS refs,
				coalesce(bool_or(f.alias IS NULL), false) AS missing
			FROM unnest(string_to_array(nullif(k.col, ''), ' ')) WITH ORDINALITY AS c (col, n)
				LEFT JOIN LATERAL (
					-- ids are the report's where it has them, else those of the narrowest table
					SELECT t.alias FROM unnest(ARRAY[report] || tables, ARRAY['r'] || aliases[1:cardinality(tables)])
						WITH ORDINALITY AS t (oid, alias, n) JOIN pg_attribute AS a ON a.attrelid = t.oid
						AND a.attname = c.col AND NOT a.attisdropped
					WHERE t.alias = k.alias OR c.col = ANY (ids)
					ORDER BY t.alias <> 'r', t.n DESC LIMIT 1) AS f ON true) AS p
		LEFT JOIN (VALUES ('advertiser_name', 'advertiser_name'), ('campaign_name', 'campaign_name'),
			('ad_group_name', 'adgroup_name'), ('ad_name', 'ad_name'), ('currency', 'currency')) AS b (name, col)
			ON b.name = u.name AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = report
				AND a.attname = b.col AND NOT a.attisdropped);
	RETURN tiktok._fill(E'SELECT {columns}\n\tFROM {report} AS r{joins}{condition}', jsonb_build_object(
		'columns', query, 'report', report::text, 'joins', joins,
		'condition', CASE WHEN with_url THEN E'\n\tWHERE d.landing_page_url <> ''''' ELSE '' END));
END
$$;
COMMENT ON FUNCTION tiktok._report_query(regclass, regclass[], text[], text[], boolean) IS
'internal: the query of a report view; a column that its table lacks is NULL';

-- CREATE OR REPLACE: grants on a view stay; a view of another shape is PostgreSQL's error.
CREATE FUNCTION tiktok.create_report_views(schema text, snapshots_in text DEFAULT NULL)
RETURNS SETOF regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v record;
	k record;
	report regclass;
	tables regclass[];
	view text;
	missing text;
BEGIN
	FOR v IN SELECT * FROM tiktok._report_views() LOOP
		report := tiktok._snapshot_of(v.report, snapshots_in);
		tables := ARRAY(SELECT tiktok._snapshot_of(s, snapshots_in)
			FROM unnest(v.streams) WITH ORDINALITY AS u (s, n) ORDER BY n);
		SELECT string_agg(s, ', ' ORDER BY n) INTO missing
		FROM unnest(v.report || v.streams, report || tables) WITH ORDINALITY AS u (s, t, n) WHERE t IS NULL;
		IF missing IS NOT NULL THEN
			RAISE NOTICE 'view "%" is not created: there is no snapshot of %', v.name,
				replace(missing, 'campaign_id,country_code,stat_time_day',
					'a report of campaigns by stat_time_day and country_code')
				USING HINT = 'Create it with tiktok.materialize() or tiktok.create_snapshot().';
			CONTINUE;
		END IF;
		view := format('%I.%I', schema, v.name);
		EXECUTE format('CREATE OR REPLACE VIEW %s AS %s', view, tiktok._report_query(report, tables,
			v.streams, v.columns, v.name = 'tiktok_ads__url_report'));
		EXECUTE format('COMMENT ON VIEW %s IS %L', view, format('%s; over %s', v.description, report));
		FOR k IN
			SELECT replace(c.name, 'campaign_budget', 'budget') AS name,
				coalesce((SELECT format('NULL: %s has no column %I', report, m)
					FROM unnest(string_to_array(c.col, ' ')) AS m
					WHERE c.alias = 'r' AND m NOT LIKE '%\_id' AND m <> '' AND NOT EXISTS (
						SELECT FROM pg_attribute AS a WHERE a.attrelid = report AND a.attname = m
							AND NOT a.attisdropped) LIMIT 1), c.description) AS description
			FROM tiktok._report_columns() AS c WHERE c.name = ANY (v.columns)
		LOOP
			EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', view, k.name, k.description);
		END LOOP;
		RETURN NEXT view::regclass;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tiktok.create_report_views(text, text) IS
'creates in a schema, or replaces, the report views that dashboards expect (tiktok_ads__advertiser_report, …campaign_report, …ad_group_report, …ad_report, …url_report, …campaign_country_report) over the snapshots that the caller may read (snapshots_in: those in this schema); returns the views. One whose snapshots are missing is left out with a NOTICE. Errors: 3F000 no such schema; 42501 no CREATE on it';
