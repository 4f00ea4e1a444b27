--
-- EXPLAIN: what would be asked, without asking; what was asked, with ANALYZE.
--
\getenv api TIKTOK_API_URL
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
-- nobody listens there, and there is no user mapping: planning needs neither
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw
	OPTIONS (api_url 'http://127.0.0.1:1/open_api/v1.3/', rate_limit '1000', max_retries '0');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campaigns, ads, advertisers, advertiser_ids, campaigns_reports_daily,
	ads_reports_hourly, ads_reports_lifetime, ads_audience_reports_daily, creative_assets_images)
FROM SERVER tiktok INTO ads;
SET search_path = ads, public;
\set SHOW_CONTEXT never
SET datestyle = 'ISO, YMD';
\pset tuples_only on
\pset format unaligned
-- what the extension says of a scan; the parameters of sub-selects are spelt
-- differently by PostgreSQL 17
CREATE FUNCTION public.plan(query text, options text DEFAULT 'VERBOSE, COSTS OFF') RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (' || options || ') ' || query LOOP
		line := regexp_replace(line, 'actual rows=(\d+)(\.00)?', 'actual rows=\1');
		line := regexp_replace(line, '(Wait|Bytes \w+|Peak Concurrency): \d+', '\1: N');
		-- settings of a developer's, with which the tests are run, too
		line := regexp_replace(line, '(debug_parallel_query|force_parallel_mode|jit\w*|plan_cache_mode) = ''[^'']*'', ', '', 'g');
		CONTINUE WHEN line !~ '(Foreign Scan|(Stream|Endpoint|Request Plan|Accounts|Windows|Filters|Metrics|Fields|'
			'Page Size|Pushed Conditions|Local Conditions|Requests|Pages|Rows Received|Retries|.* Wait|'
			'Bytes .*|Peak Concurrency|Order|Settings|Rows Removed by Filter|Estimated Requests): )';
		RETURN NEXT regexp_replace(line, '\(InitPlan \w+\)\.col\d+|\$\d+', '$', 'g');
	END LOOP;
END $$;

SELECT plan($$SELECT campaign_name FROM campaigns WHERE advertiser_id = 7002238017842757633$$, 'COSTS OFF');
SELECT plan($$SELECT campaign_name FROM campaigns
WHERE advertiser_id = 7002238017842757633 AND objective_type = 'TRAFFIC' AND budget > 10$$);
-- accounts
SELECT plan($$SELECT campaign_name FROM campaigns$$);
SELECT plan($$SELECT name FROM advertisers WHERE advertiser_id IN (1, 2, 3, 4, 5, 6, 7, 1)$$);
SELECT plan($$SELECT advertiser_id FROM advertiser_ids$$);
SELECT plan($$SELECT campaign_id FROM campaigns WHERE advertiser_id IN (1, 2) AND advertiser_id IN (3, 4)$$);
-- windows, metrics, ids
SELECT plan($$SELECT spend, clicks FROM campaigns_reports_daily
WHERE advertiser_id IN (1, 2) AND stat_time_day BETWEEN '2026-05-01' AND '2026-06-10'
	AND campaign_id = ANY (ARRAY(SELECT generate_series(1, 250))) AND spend > 5$$);
SELECT plan($$SELECT spend FROM campaigns_reports_daily
WHERE advertiser_id = 1 AND stat_time_day IN ('2026-01-01', '2026-01-30', '2026-03-01') AND campaign_id IN (5, 6)$$);
SELECT plan($$SELECT spend FROM ads_reports_hourly
WHERE advertiser_id = 1 AND stat_time_hour >= '2026-06-01' AND stat_time_hour < '2026-06-09'$$);
SELECT plan($$SELECT ad_id FROM ads_reports_lifetime WHERE advertiser_id = 1$$);
SELECT plan($$SELECT spend FROM ads_audience_reports_daily
WHERE advertiser_id = 1 AND stat_time_day = '2026-06-01' AND gender = 'FEMALE'$$);
SELECT plan($$SELECT spend FROM campaigns_reports_daily
WHERE advertiser_id = 1 AND stat_time_day IN ('2026-06-01', '2026-06-03') AND stat_time_day IN ('2026-06-02', '2026-06-04')$$);
-- why a condition stays here
SELECT plan($$SELECT ad_id FROM ads.ads WHERE advertiser_id = 1 AND ad_name = 'x'
	AND campaign_id > 5 AND adgroup_id <> 6 AND (ad_id = 7 OR campaign_id = 8) AND ad_id = adgroup_id
	AND ad_id = (random() * 10)::bigint AND ad_id::text LIKE '1%'$$);
SET tiktok_fdw.enable_pushdown = off;
SELECT plan($$SELECT ad_id FROM ads.ads WHERE advertiser_id = 1 AND campaign_id = 5$$);
RESET tiktok_fdw.enable_pushdown;
-- values that only execution knows
PREPARE p(bigint, date) AS SELECT spend FROM campaigns_reports_daily WHERE advertiser_id = $1 AND stat_time_day = $2;
SET plan_cache_mode = force_generic_plan;
SELECT plan($$EXECUTE p(7002238017842757633, '2026-06-01')$$);
RESET plan_cache_mode;
SELECT plan($$SELECT spend FROM campaigns_reports_daily
WHERE advertiser_id = (SELECT 7002238017842757633) AND stat_time_day = (SELECT date '2026-06-01')$$);
CREATE TABLE public.wanted (advertiser_id bigint, campaign_id bigint);
INSERT INTO wanted VALUES (7002238017842757633, 1702000000773560), (7030219640413208578, 1712000000006403);
ANALYZE wanted;
SELECT plan($$SELECT c.campaign_name FROM wanted s JOIN campaigns c USING (advertiser_id, campaign_id)$$, 'COSTS OFF');
-- estimates are for the planner
SELECT plan($$SELECT name FROM advertisers WHERE advertiser_id = 1$$, 'VERBOSE') ~ '^  Estimated Requests: 1$' AS estimate;
-- for programs
CREATE FUNCTION public.plan_json(query text) RETURNS TABLE (key text, value json) LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF, FORMAT json) ' || query INTO plan;
	RETURN QUERY SELECT j.* FROM json_each(plan -> 0 -> 'Plan') j WHERE j.key IN ('Stream', 'Endpoint', 'Accounts',
		'Windows', 'Filters', 'Metrics', 'Page Size', 'Pushed Conditions', 'Local Conditions');
END $$;
SELECT * FROM plan_json($$SELECT spend FROM campaigns_reports_daily
WHERE advertiser_id = 1 AND stat_time_day >= '2026-05-01' AND stat_time_day < '2026-06-10' AND spend > 5
	AND campaign_id = 5$$);
-- without a bound there is no plan to run, but one to look at
SELECT plan($$SELECT spend FROM campaigns_reports_daily WHERE advertiser_id = 1$$, 'COSTS OFF');
-- the options are not shown, nor is anything secret
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token 'local-access-token');
SELECT plan($$SELECT campaign_id FROM campaigns WHERE advertiser_id = 1$$, 'VERBOSE, COSTS OFF, SETTINGS');
\set VERBOSITY sqlstate
SELECT count(*) FROM campaigns WHERE advertiser_id = 1;
\set VERBOSITY default

-- with ANALYZE: what it took.  Time and bytes differ, so they are not shown.
ALTER SERVER tiktok OPTIONS (SET api_url :'api');
ALTER FOREIGN TABLE ads.ads OPTIONS (ADD page_size '20');
SELECT plan($$SELECT ad_id FROM ads.ads WHERE advertiser_id = 7002238017842757633 AND ad_name <> 'null 0'$$, 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF');
SELECT plan($$SELECT count(*) FROM ads.ads WHERE advertiser_id = 7002238017842757633$$, 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF');
SELECT plan($$SELECT ad_id FROM ads.ads WHERE advertiser_id = 7002238017842757633 LIMIT 5$$, 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF');
SELECT plan($$SELECT ad_id FROM ads.ads WHERE advertiser_id = 7002238017842757633$$, 'ANALYZE, COSTS OFF, SUMMARY OFF')
	~ '^  ((Rate Limit|Retry) Wait: N ms|Bytes (Received|Decoded): N B|Peak Concurrency: N)$' AS with_timing;
SELECT plan($$SELECT c.campaign_name FROM wanted s JOIN campaigns c USING (advertiser_id, campaign_id)$$, 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF');
SELECT plan($$SELECT spend FROM campaigns_reports_daily WHERE advertiser_id = 7002238017842757633
	AND stat_time_day BETWEEN '2026-04-01' AND '2026-06-10'$$, 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF');
SELECT plan($$SELECT 1 FROM campaigns WHERE advertiser_id IN (1, 2) AND advertiser_id IN (3, 4)$$, 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF');

DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA ads CASCADE;
DROP TABLE wanted;
DROP FUNCTION plan, plan_json;
