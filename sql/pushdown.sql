--
-- Pushdown: what the API is asked for, and that the answer is the same as
-- without.  The numbers of requests tell whether a condition narrowed anything.
--
\getenv api TIKTOK_API_URL
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw
	OPTIONS (api_url :'api', rate_limit '1000', page_size '20');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
	OPTIONS (access_token 'local-access-token', app_id '7000000000000000001', secret 'local-secret');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO ads;
SET search_path = ads, public;
\set SHOW_CONTEXT never
\pset null '-'

-- what a plan's scan says of itself when it ran
CREATE FUNCTION public.counter(name text, query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	line text;
	n bigint;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		IF line ~ ('^\s*' || name || ': ') THEN
			n := coalesce(n, 0) + substring(line FROM '\d+')::bigint;
		END IF;
	END LOOP;
	RETURN coalesce(n, 0);
END $$;
CREATE FUNCTION public.counted(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE query INTO n;
	RETURN n;
END $$;
-- rows of a condition with pushdown and without, as one text each; requests and
-- rows received with it.  The account is a small one unless the condition says so.
CREATE FUNCTION public.try(tab text, condition text) RETURNS TABLE (rows bigint, same boolean,
	requests bigint, received bigint) LANGUAGE plpgsql AS $$
DECLARE
	found text[];
	here text[];
	query text;
BEGIN
	IF condition !~ 'advertiser_id' THEN
		condition := 'advertiser_id = 7002238017842757633 AND (' || condition || ')';
	END IF;
	query := format('SELECT t::text AS x FROM %s t WHERE %s', tab, condition);
	EXECUTE format('SELECT array_agg(x ORDER BY x) FROM (%s) q', query) INTO found;
	SET LOCAL tiktok_fdw.enable_pushdown = off;
	EXECUTE format('SELECT array_agg(x ORDER BY x) FROM (%s) q', query) INTO here;
	SET LOCAL tiktok_fdw.enable_pushdown = on;
	rows := coalesce(cardinality(found), 0);
	same := found IS NOT DISTINCT FROM here;
	requests := counter('Requests', query);
	received := counter('Rows Received', query);
	RETURN NEXT;
END $$;
CREATE FUNCTION public.any_ad() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1706000000029847';
CREATE FUNCTION public.volatile_ad() RETURNS bigint LANGUAGE plpgsql VOLATILE AS
	'BEGIN RETURN 1706000000029847; END';

-- accounts
SELECT c, t.* FROM (VALUES
	('advertiser_id = 7002238017842757633'),
	('advertiser_id IN (7002238017842757633, 7030219640413208578, 7002238017842757633)'),
	('advertiser_id = 7002238017842757633 OR advertiser_id = 7219930054437175298'),
	('advertiser_id = ANY (ARRAY[7002238017842757633, NULL])'),
	('advertiser_id = 7002238017842757633 AND advertiser_id = 7030219640413208578'),
	('advertiser_id IN (7002238017842757633, 7030219640413208578)
		AND advertiser_id IN (7030219640413208578, 7051874396120449026)'),
	('advertiser_id = 7002238017842757633::numeric'),
	('7002238017842757633 = advertiser_id'),
	('advertiser_id = (SELECT 7002238017842757633)'),
	('advertiser_id = ANY (SELECT 7002238017842757633)'),
	('advertiser_id = NULL'),
	('advertiser_id = ANY (NULL::bigint[])'),
	('advertiser_id = ANY (''{}'')'),
	('advertiser_id = 0'), ('advertiser_id = -1'),
	('advertiser_id = 7002238017842757633 AND false'),
	('advertiser_id < 7010000000000000000'),
	('advertiser_id <> 7088160322559787010 AND advertiser_id IN (7088160322559787010, 7030219640413208578)')) AS v (c), try('campaigns', c) t;

-- ids of objects: 64 ads in the account, 20 a page
SELECT c, t.* FROM (VALUES
	('ad_id = 1706000000029847'),
	('ad_id IN (1706000000029847, 1706000001786893, 1)'),
	('ad_id = 1706000000029847 OR ad_id = ANY (ARRAY[1706000001786893, NULL])'),
	('ad_id = 1706000000029847 OR ad_id = 1706000001786893'),
	('ad_id = 1706000000029847 AND ad_id = 1706000001786893'),
	('ad_id = NULL'), ('ad_id = ANY (''{}'')'), ('ad_id = ANY (ARRAY[NULL]::bigint[])'),
	('ad_id = -5'), ('ad_id = 0'), ('ad_id = 32000::int2'), ('ad_id = 9223372036854775807'),
	('ad_id < 1706000001786893'), ('ad_id <> 1706000001786893'),
	('ad_id = 1706000000029847 OR ad_name = ''null 0'''),
	('ad_id NOT IN (1706000001786893)'),
	('ad_id::text = ''1706000000029847'''),
	('campaign_id = 1702000000773560'),
	('campaign_id = 1702000000773560 AND ad_id IN (1706000000029847, 1706000001786893)'),
	('advertiser_id = 7002238017842757633 AND
		adgroup_id = (SELECT min(adgroup_id) FROM ad_groups WHERE advertiser_id = 7002238017842757633)'),
	('adgroup_id = adgroup_id'), ('ad_id = adgroup_id'), ('ad_id IS NOT NULL'),
	('ad_id = any_ad()'), ('ad_id = volatile_ad()')) AS v (c), try('ads.ads', c) t;
-- more ids than fit in one request
SELECT t.* FROM try('ads.ads', 'advertiser_id = 7088160322559787010 AND ad_id = ANY (ARRAY(SELECT ad_id
	FROM ads.ads WHERE advertiser_id = 7088160322559787010 ORDER BY 1 LIMIT 230))') t;

-- status, objective and other filters
SELECT tab, c, t.* FROM (VALUES
	('campaigns', 'objective_type = ''TRAFFIC'''),
	('campaigns', 'objective_type = ''traffic'''),
	('campaigns', 'objective_type = '''''),
	('campaigns', 'objective_type IN (''TRAFFIC'', ''REACH'')'),
	('campaigns', 'objective_type = ''TRAFFIC'' COLLATE "C"'),
	('campaigns', 'objective_type LIKE ''TRAFF%'''),
	('campaigns', 'secondary_status = ''CAMPAIGN_STATUS_ENABLE'''),
	('campaigns', 'secondary_status = ''no such status'''),
	('campaigns', 'campaign_name = ''Back to School | JP'''),
	('campaigns', 'campaign_name = ''back to school | jp'''),
	('campaigns', 'is_smart_performance_campaign'),
	('campaigns', 'NOT is_smart_performance_campaign'),
	('campaigns', 'is_smart_performance_campaign IS NOT TRUE'),
	('campaigns', 'objective_type = ''TRAFFIC'' AND secondary_status = ''CAMPAIGN_STATUS_DISABLE'''),
	('campaigns', 'campaign_type = ''REGULAR_CAMPAIGN'''),
	('ad_groups', 'billing_event = ''CPC'''),
	('ad_groups', 'billing_event IN (''CPC'', ''OCPM'')'),
	('ad_groups', 'promotion_type = ''WEBSITE'''),
	('ad_groups', 'adgroup_name = ''Broad 18-34'''),
	('ad_groups', 'secondary_status = ''ADGROUP_STATUS_DELETE'''),
	('ads.ads', 'secondary_status = ''AD_STATUS_DELETE'''),
	('ads.ads', 'ad_name = ''null 0''')) AS v (tab, c), try(tab, c) t;

-- times of creation and modification: never narrower than the condition
SELECT tab, c, t.rows, t.same FROM (VALUES
	('campaigns', 'create_time >= ''2026-06-01 00:00+00'''),
	('campaigns', 'create_time > ''2026-01-27 15:49:40+00'''),
	('campaigns', 'create_time = ''2026-01-27 15:49:40+00'''),
	('campaigns', 'create_time BETWEEN ''2026-01-27 15:49:40+00'' AND ''2026-01-27 15:49:40+00'''),
	('campaigns', 'create_time < ''2026-01-27 15:49:40+00'''),
	('campaigns', 'create_time <= ''2026-01-27 15:49:40+00'' AND create_time > ''2025-12-01'''),
	('campaigns', 'create_time > ''infinity'''),
	('campaigns', 'create_time > ''-infinity'''),
	('campaigns', 'create_time > date ''2026-01-01'''),
	('campaigns', 'create_time > timestamp ''2026-01-27 15:49:40'''),
	('campaigns', 'create_time > now() - interval ''100 years'''),
	('campaigns', 'create_time > ''2026-06-01'' AND create_time < ''2026-01-01'''),
	('ads.ads', 'modify_time > ''2026-06-01'''),
	('ads.ads', 'modify_time >= ''2026-06-20'' AND modify_time < ''2026-06-25'''),
	('ads.ads', 'modify_time IS NULL'),
	('ads.ads', 'create_time > ''2026-05-01'' AND modify_time > ''2026-06-15''')) AS v (tab, c), try(tab, c) t;

-- assets and audiences
SELECT tab, t.* FROM (VALUES ('creative_assets_images', 'image_id'), ('creative_assets_videos', 'video_id'),
	('creative_assets_music', 'music_id'), ('creative_assets_portfolios', 'creative_portfolio_id'),
	('audiences', 'audience_id')) AS v (tab, col),
	try(tab, format('advertiser_id = 7160093331570884610 AND %1$I = ANY (ARRAY(SELECT %1$I FROM %2$I
		WHERE advertiser_id = 7160093331570884610 ORDER BY 1 LIMIT 3))', col, tab)) t;
SELECT tab, c, t.rows, t.same FROM (VALUES
	('creative_assets_videos', 'video_id = '''''), ('creative_assets_videos', 'video_id = ''no such video'''),
	('creative_assets_images', 'width = 720'), ('creative_assets_images', 'displayable'),
	('creative_assets_music', 'music_id = 5'),
	('creative_assets_portfolios', 'creative_portfolio_type = ''CTA''')) AS v (tab, c), try(tab, c) t;

-- reports: ids, attributes, and what stays local
SELECT tab, c, t.* FROM (VALUES
	('ads_reports_lifetime', 'ad_id = 1706000000029847'),
	('ads_reports_lifetime', 'ad_id IN (1706000000029847, 1706000001786893) AND ad_id > 1706000000029847'),
	('ads_reports_lifetime', 'campaign_id = 1702000000773560'),
	('ads_reports_lifetime', 'spend > 100'),
	('ads_reports_lifetime', 'impressions = 0'),
	('ads_reports_lifetime', 'campaign_name = ''Back to School | JP'''),
	('campaigns_reports_daily', 'stat_time_day = ''2026-06-20'' AND campaign_id = 1702000000773560'),
	('ads_audience_reports_by_country_daily', 'stat_time_day = ''2026-06-20'' AND country_code = ''US'''),
	('ads_audience_reports_by_country_daily', 'stat_time_day = ''2026-06-20'' AND ad_id = 1706000000029847'))
	AS v (tab, c), try(tab, c) t;

-- count(*) from totals, and where it must not be
SELECT c, counter('Rows Received', 'SELECT count(*) FROM ads.ads WHERE advertiser_id = 7002238017842757633' || c)
	AS received,
	counted('SELECT count(*) FROM ads.ads WHERE advertiser_id = 7002238017842757633' || c) =
	counted('SELECT count(ad_id) FROM ads.ads WHERE advertiser_id = 7002238017842757633' || c) AS same
FROM (VALUES (''), (' AND ad_id = 1706000000029847'), (' AND campaign_id IN (1702000000773560, 1)'),
	(' AND ad_name <> ''null 0'''), (' AND ad_id > 1706000000029847'), (' AND ad_id = 5'),
	(' AND ad_name = ''null 0'''), (' AND ad_id IS NULL')) AS v (c);

-- LIMIT: fewer rows are read, and the rows are rows of the table
SELECT q, counter('Requests', q) AS requests FROM (VALUES
	('SELECT ad_id FROM ads.ads WHERE advertiser_id = 7002238017842757633 LIMIT 1'),
	('SELECT ad_id FROM ads.ads WHERE advertiser_id = 7002238017842757633 LIMIT 20'),
	('SELECT ad_id FROM ads.ads WHERE advertiser_id = 7002238017842757633 LIMIT 5 OFFSET 35'),
	('SELECT ad_id FROM ads.ads WHERE advertiser_id = 7002238017842757633 ORDER BY ad_id LIMIT 1'),
	('SELECT ad_id FROM ads.ads WHERE advertiser_id = 7002238017842757633 LIMIT 0')) AS v (q);
SELECT count(*), count(DISTINCT ad_id) FROM (SELECT ad_id FROM ads.ads
	WHERE advertiser_id = 7002238017842757633 AND ad_name <> 'null 0' LIMIT 50) x;

-- ORDER BY a metric LIMIT n is right, whoever sorts
SET tiktok_fdw.enable_pushdown = off;
CREATE TEMP TABLE best AS SELECT spend FROM ads_reports_lifetime
WHERE advertiser_id = 7002238017842757633 ORDER BY spend DESC LIMIT 7;
RESET tiktok_fdw.enable_pushdown;
SELECT count(*), sum(spend) = (SELECT sum(spend) FROM best) AS same FROM (SELECT spend FROM ads_reports_lifetime
	WHERE advertiser_id = 7002238017842757633 ORDER BY spend DESC LIMIT 7) x;

DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA ads CASCADE;
DROP FUNCTION counter, counted, try, any_ad, volatile_ad;
