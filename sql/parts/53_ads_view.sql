-- A row for each ad as Ads Manager counts them. Of an Upgraded Smart+ ad, ads has a row for
-- each creative, smart_plus_ads the ad with its texts and videos; of any other ad, ads has
-- the ad. What both say of one ad is put together by grouping, not by a join: so each list
-- is read once, conditions on the key reach both, and a Smart+ ad that only one of them
-- has is a row all the same.

-- The table of a stream in a schema: a foreign table or, of snapshots, a local one.
CREATE FUNCTION tiktok._table_of(stream text, schema text, of_snapshots boolean)
RETURNS regclass
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found regclass;
	server text;
BEGIN
	IF of_snapshots THEN
		found := tiktok._snapshot_of(stream, schema);
		IF found IS NULL THEN
			RAISE EXCEPTION 'there is no snapshot of % in schema "%"', stream, schema
				USING ERRCODE = '42P01', HINT = format('Create it: SELECT tiktok.create_snapshot(''%s'', ''%I.%s'');',
					coalesce((SELECT f.ftrelid::regclass::text FROM pg_foreign_table AS f
						WHERE format('stream=%s', stream) = ANY (f.ftoptions)
						ORDER BY f.ftrelid LIMIT 1), stream), schema, stream);
		END IF;
		RETURN found;
	END IF;
	SELECT f.ftrelid INTO found
	FROM pg_foreign_table AS f JOIN pg_class AS c ON c.oid = f.ftrelid
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = schema AND format('stream=%s', stream) = ANY (f.ftoptions)
	ORDER BY c.relname <> stream, c.relname LIMIT 1;
	IF found IS NULL THEN
		-- of the schema's other tables, else the only one
		SELECT min(quote_ident(s.srvname)) INTO server
		FROM pg_foreign_server AS s JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
		WHERE w.fdwname = 'tiktok_fdw' AND (NOT EXISTS (
				SELECT FROM pg_foreign_table AS f JOIN pg_class AS c ON c.oid = f.ftrelid
					JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = schema)
			OR EXISTS (
				SELECT FROM pg_foreign_table AS f JOIN pg_class AS c ON c.oid = f.ftrelid
					JOIN pg_namespace AS n ON n.oid = c.relnamespace
				WHERE n.nspname = schema AND f.ftserver = s.oid))
		HAVING count(*) = 1;
		RAISE EXCEPTION 'there is no foreign table of % in schema "%"', stream, schema
			USING ERRCODE = '42P01', HINT = format(
				'Make it: IMPORT FOREIGN SCHEMA tiktok LIMIT TO (%s) FROM SERVER %s INTO %I;', stream,
				coalesce(server, '…'), schema);
	END IF;
	RETURN found;
END
$$;
COMMENT ON FUNCTION tiktok._table_of(text, text, boolean) IS
'internal: the table of a stream in a schema; an error says how to make it';

-- ads, smart_plus_ads: tables with the columns of these streams.
CREATE FUNCTION tiktok._ads_query(ads regclass, smart_plus_ads regclass)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT tiktok._fill($q$SELECT u.advertiser_id, u.campaign_id, u.adgroup_id, u.ad_id,
		bool_or(u.smart_plus) AS smart_plus,
		max(u.campaign_name) AS campaign_name,
		max(u.adgroup_name) AS adgroup_name,
		max(u.ad_name) FILTER (WHERE u.whole) AS ad_name,
		max(u.operation_status) FILTER (WHERE u.whole) AS operation_status,
		max(u.secondary_status) FILTER (WHERE u.whole) AS secondary_status,
		coalesce(max(u.texts) FILTER (WHERE u.texts <> '{}'),
			array_agg(DISTINCT u.text COLLATE "C") FILTER (WHERE u.text <> ''), '{}') AS texts,
		coalesce(max(u.video_ids) FILTER (WHERE u.video_ids <> '{}'),
			array_agg(DISTINCT u.video_id COLLATE "C") FILTER (WHERE u.video_id <> ''), '{}') AS video_ids,
		coalesce(max(u.image_ids), '{}') AS image_ids,
		coalesce(max(u.landing_page_urls) FILTER (WHERE u.landing_page_urls <> '{}'),
			array_agg(DISTINCT u.landing_page_url COLLATE "C") FILTER (WHERE u.landing_page_url <> ''), '{}') AS landing_page_urls,
		array_agg(u.creative_id ORDER BY u.creative_id) FILTER (WHERE u.creative_id IS NOT NULL) AS creative_ids,
		coalesce(max(u.create_time) FILTER (WHERE u.whole), min(u.create_time)) AS create_time,
		coalesce(max(u.modify_time) FILTER (WHERE u.whole), max(u.modify_time)) AS modify_time
	FROM (
		SELECT d.advertiser_id, d.campaign_id, d.adgroup_id,
			coalesce(nullif(d.smart_plus_ad_id, 0), d.ad_id) AS ad_id,
			coalesce(d.smart_plus_ad_id, 0) <> 0 AS smart_plus,
			coalesce(d.smart_plus_ad_id, 0) = 0 AS whole,
			d.campaign_name, d.adgroup_name, d.ad_name, d.operation_status, d.secondary_status,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) <> 0 THEN NULL
				WHEN d.ad_texts <> '{}' THEN d.ad_texts
				WHEN d.ad_text <> '' THEN ARRAY[d.ad_text] END AS texts,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) = 0 AND d.video_id <> '' THEN ARRAY[d.video_id] END AS video_ids,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) = 0 THEN d.image_ids END AS image_ids,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) = 0 AND d.landing_page_url <> ''
				THEN ARRAY[d.landing_page_url] END AS landing_page_urls,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) <> 0 THEN d.ad_text END AS text,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) <> 0 THEN d.video_id END AS video_id,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) <> 0 THEN d.landing_page_url END AS landing_page_url,
			CASE WHEN coalesce(d.smart_plus_ad_id, 0) <> 0 THEN d.ad_id END AS creative_id,
			d.create_time, d.modify_time
		FROM {ads} AS d{ads_there}
		UNION ALL
		SELECT s.advertiser_id, s.campaign_id, s.adgroup_id, s.smart_plus_ad_id, true, true,
			s.campaign_name, s.adgroup_name, s.ad_name, s.operation_status, s.secondary_status,
			ARRAY(SELECT v #>> '{}' FROM jsonb_path_query(s.ad_text_list, '$[*].ad_text ? (@ != "")') AS v),
			ARRAY(SELECT v #>> '{}' FROM jsonb_path_query(s.creative_list,
				'$[*].creative_info.video_info.video_id ? (@ != "")') AS v),
			ARRAY(SELECT v #>> '{}' FROM jsonb_path_query(s.creative_list,
				'$[*].creative_info.image_info[*].web_uri ? (@ != "")') AS v),
			ARRAY(SELECT v #>> '{}' FROM jsonb_path_query(s.landing_page_url_list,
				'$[*].landing_page_url ? (@ != "")') AS v),
			NULL, NULL, NULL, NULL, s.create_time, s.modify_time
		FROM {smart_plus_ads} AS s{smart_plus_ads_there}) AS u
	GROUP BY u.advertiser_id, u.campaign_id, u.adgroup_id, u.ad_id$q$, jsonb_build_object(
		'ads', ads::text, 'smart_plus_ads', smart_plus_ads::text,
		-- what a snapshot keeps of ads that are gone is not there now
		'ads_there', CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = ads
			AND a.attname = '_deleted_at' AND NOT a.attisdropped) THEN E'\n\t\tWHERE d._deleted_at IS NULL' ELSE '' END,
		'smart_plus_ads_there', CASE WHEN EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = smart_plus_ads
			AND a.attname = '_deleted_at' AND NOT a.attisdropped) THEN E'\n\t\tWHERE s._deleted_at IS NULL' ELSE '' END))
$$;
COMMENT ON FUNCTION tiktok._ads_query(regclass, regclass) IS
'internal: the query of tiktok.create_ads_view()';

-- CREATE OR REPLACE: grants on the view stay; one of another shape is PostgreSQL's error.
CREATE FUNCTION tiktok.create_ads_view(schema text, snapshots_in text DEFAULT NULL)
RETURNS regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	view text := format('%I.all_ads', schema);
	described record;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = schema) THEN
		RAISE EXCEPTION 'schema "%" does not exist', schema USING ERRCODE = '3F000';
	ELSIF NOT EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = coalesce(snapshots_in, schema)) THEN
		RAISE EXCEPTION 'schema "%" does not exist', snapshots_in USING ERRCODE = '3F000';
	END IF;
	EXECUTE format('CREATE OR REPLACE VIEW %s AS %s', view, tiktok._ads_query(
		tiktok._table_of('ads', coalesce(snapshots_in, schema), snapshots_in IS NOT NULL),
		tiktok._table_of('smart_plus_ads', coalesce(snapshots_in, schema), snapshots_in IS NOT NULL)));
	EXECUTE format('COMMENT ON VIEW %s IS %L', view, 'one row for each ad as Ads Manager counts them: '
		'an Upgraded Smart+ ad is one row, whatever creatives it has; key: advertiser_id, ad_id');
	FOR described IN
		SELECT * FROM (VALUES
			('advertiser_id', 'ad account; a condition is evaluated by the API'),
			('campaign_id', 'campaign; a condition is evaluated by the API'),
			('adgroup_id', 'ad group; a condition is evaluated by the API'),
			('ad_id', 'the ad: ad_id_v2 of reports; for Smart+ ads smart_plus_ad_id, else ad_id'),
			('smart_plus', 'whether it is an Upgraded Smart+ ad'),
			('ad_name', 'its name; NULL if a Smart+ ad is known by its creatives only'),
			('texts', 'its texts; of a Smart+ ad that lists none, those of its creatives'),
			('video_ids', 'its videos; of a Smart+ ad that lists none, those of its creatives'),
			('image_ids', 'its images, covers of videos among them'),
			('landing_page_urls', 'its landing pages; of a Smart+ ad that lists none, those of its creatives'),
			('creative_ids', 'of a Smart+ ad, its creatives: ad_id of ads and of reports by ad_id')) AS v (col, text)
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', view, described.col, described.text);
	END LOOP;
	RETURN view::regclass;
END
$$;
COMMENT ON FUNCTION tiktok.create_ads_view(text, text) IS
'creates in a schema, or replaces, the view all_ads: one row for each ad, manual or Smart+, with texts and videos, over the schema''s foreign tables of ads and smart_plus_ads, or over their snapshots in schema snapshots_in; returns it. Errors: 3F000 no such schema; 42P01 a table is missing, the hint says how to make it; 42501 no CREATE on the schema';
