--
-- What an endpoint has to be told beside the account: a store, a pixel (looked up unless a
-- condition names some), and values that only a query can give. The numbers are in
-- test/t/037_gmv_max.pl and 038_pixels.pl.
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
\set SHOW_CONTEXT never
\getenv api_url TIKTOK_API_URL
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url :'api_url', rate_limit '1000',
	advertiser_ids '7002238017842757633,7051874396120449026,7030219640413208578');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token 'local-access-token');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO ads OPTIONS (streams 'all');
SET search_path = ads;

-- the plan of a query, by the lines that tell what is asked (what an InitPlan gives has another
-- name in each release)
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		IF line ~ '(Accounts|Windows|Request Plan|Pushed|Local|Filters|Stores|Pixels|Required|Series|Endpoint)' THEN
			RETURN NEXT regexp_replace(btrim(line), '\(InitPlan \w+\)\.col\d+|\$\d+', '$', 'g');
		END IF;
	END LOOP;
END $$;

-- stores: looked up, named, in a join
SELECT pg_temp.plan($$SELECT cost FROM gmv_max_product_reports_daily
	WHERE stat_time_day BETWEEN '2026-05-01' AND '2026-06-10'$$);
SELECT pg_temp.plan($$SELECT cost FROM gmv_max_live_reports_daily
	WHERE stat_time_day = '2026-05-01' AND store_id IN (7, 5) AND campaign_id = 3 AND cost > 0$$);
SELECT pg_temp.plan($$SELECT cost FROM gmv_max_live_reports_daily
	WHERE stat_time_day = '2026-05-01' AND store_id = (SELECT 7 + length(current_user))$$);
SELECT pg_temp.plan($$SELECT campaign_name FROM gmv_max_campaigns$$);
SELECT pg_temp.plan($$SELECT cost FROM gmv_max_product_reports_daily
	WHERE stat_time_day = '2026-05-01' AND store_id = 1 AND store_id IN (2, 3)$$);
-- days are needed as in any report
SELECT cost FROM gmv_max_product_reports_daily;

-- values that a query has to give
SELECT * FROM pixel_instant_page_events;
SELECT * FROM pixel_instant_page_events WHERE objective_type = 'TRAFFIC';
SELECT * FROM pixel_instant_page_events WHERE objective_type = 'TRAFFIC' AND optimization_goal LIKE 'C%';
SELECT * FROM custom_conversions;
SELECT * FROM pixel_events_statistics WHERE start_date = '2026-06-01' AND end_date > '2026-06-02';
SELECT cost FROM gmv_max_item_group_reports_daily WHERE stat_time_day >= '2026-06-01';
SELECT cost FROM gmv_max_creative_reports WHERE campaign_id = 5;
-- nothing is asked where nothing can be
SELECT * FROM pixel_instant_page_events WHERE objective_type = NULL;
SELECT count(*) FROM custom_conversions WHERE event_source_type = 'PIXEL' AND event_source_type = 'APP';
-- they are told by any value, and by each of several
SELECT pg_temp.plan($$SELECT * FROM pixel_instant_page_events
	WHERE objective_type IN ('TRAFFIC', 'REACH') AND optimization_goal = 'CLICK'$$);
SELECT pg_temp.plan($$SELECT * FROM pixel_instant_page_events WHERE objective_type = 'TRAFFIC'$$);
PREPARE stats AS SELECT * FROM pixel_events_statistics
	WHERE pixel_id = $1 AND start_date = $2 AND end_date = $2 + 6;
SET plan_cache_mode = force_generic_plan;
SELECT pg_temp.plan($$EXECUTE stats (5, '2026-06-01')$$);
RESET plan_cache_mode;
SELECT pg_temp.plan($$SELECT i.cost FROM (VALUES (5::bigint)) AS c (campaign_id)
	JOIN gmv_max_item_group_reports_daily i USING (campaign_id) WHERE i.stat_time_day = '2026-06-01'$$);
-- and are no matter of pushdown
SET tiktok_fdw.enable_pushdown = off;
SELECT objective_type, optimization_goal, business_type, count(*) FROM pixel_instant_page_events
WHERE objective_type IN ('TRAFFIC') AND optimization_goal = 'CLICK' AND advertiser_id = 7002238017842757633
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
RESET tiktok_fdw.enable_pushdown;
SELECT objective_type, optimization_goal, business_type, count(*) FROM pixel_instant_page_events
WHERE objective_type = 'WEB_CONVERSIONS' AND optimization_goal = ANY ('{CONVERT,VALUE}')
	AND advertiser_id = 7002238017842757633
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- what the API does not know together is its error
\set VERBOSITY terse
SELECT count(*) FROM pixel_instant_page_events
WHERE objective_type = 'REACH' AND optimization_goal = 'CLICK' AND advertiser_id = 7002238017842757633;
\set VERBOSITY default

-- a table without the column cannot be told
CREATE FOREIGN TABLE short (business_type text) SERVER tiktok OPTIONS (stream 'pixel_instant_page_events');
SELECT * FROM short;
-- ANALYZE gives no values (a warning, whose words differ by release), and a snapshot would not
-- know what there is
SET client_min_messages = error;
ANALYZE custom_conversions;
SET client_min_messages = warning;
SELECT reltuples FROM pg_class WHERE oid = 'custom_conversions'::regclass;
SELECT tiktok.create_snapshot('ads.custom_conversions', 'ads.kept');
-- the column may have any name
CREATE FOREIGN TABLE renamed (shop bigint OPTIONS (path 'store_id'), what numeric OPTIONS (path 'metrics.cost'),
	stat_time_day date) SERVER tiktok OPTIONS (stream 'gmv_max_product_reports_daily');
SELECT count(*) > 0 AS some, count(DISTINCT shop) AS stores, count(*) = count(shop) AS told FROM renamed
WHERE stat_time_day BETWEEN '2026-06-01' AND '2026-06-03';
CREATE FOREIGN TABLE wrong (x text OPTIONS (path 'store')) SERVER tiktok OPTIONS (stream 'gmv_max_product_reports_daily');
SELECT * FROM wrong;

SET client_min_messages = warning;
DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA ads;
