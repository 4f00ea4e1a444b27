--
-- Scans: entities and reports in all the ways a query can ask for rows.
--
\getenv api TIKTOK_API_URL
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url :'api', rate_limit '1000');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
	OPTIONS (access_token 'local-access-token', app_id '7000000000000000001', secret 'local-secret');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO ads;
SET search_path = ads, public;
\set SHOW_CONTEXT never
-- an account with few objects, and one with none
\set a 7002238017842757633
\set b 7123456789012345678
-- an EXPLAIN ANALYZE's count of requests
CREATE FUNCTION public.requests(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found text[];
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		IF line ~ '^\s*Requests: ' THEN
			found := found || substring(line FROM '\d+');
		END IF;
	END LOOP;
	RETURN array_to_string(found, '+');
END $$;

-- all accounts, and their objects
SELECT advertiser_id, name, currency, timezone FROM advertisers ORDER BY 1;
SELECT advertiser_id, advertiser_name FROM advertiser_ids ORDER BY 1;
SELECT advertiser_id, count(campaign_id), min(campaign_id) FROM campaigns GROUP BY 1 ORDER BY 1;
SELECT campaign_name, objective_type, budget, create_time AT TIME ZONE 'UTC' AS created, secondary_status
FROM campaigns WHERE advertiser_id = :a ORDER BY campaign_id LIMIT 3;
SELECT count(*) AS campaigns, (SELECT count(*) FROM ad_groups WHERE advertiser_id = :a) AS ad_groups,
	(SELECT count(*) FROM ads.ads WHERE advertiser_id = :a) AS ads
FROM campaigns WHERE advertiser_id = :a;
SELECT advertiser_id, count(*) FROM ads.ads WHERE advertiser_id IN (:a, :b) GROUP BY 1;

-- the shapes of a scan: columns, a key only, none, the whole row, system columns
SELECT ad_name, ad_id FROM ads.ads WHERE advertiser_id = :a ORDER BY ad_id LIMIT 2;
SELECT ad_id FROM ads.ads WHERE advertiser_id = :a ORDER BY 1 LIMIT 2;
SELECT count(*) FROM ads.ads WHERE advertiser_id = :a;
SELECT 1 AS one FROM ads.ads WHERE advertiser_id = :a LIMIT 2;
SELECT (a).ad_id, a IS NOT NULL AS filled, (a.*)::text LIKE '(' || :a || ',%' AS same
FROM ads.ads a WHERE advertiser_id = :a ORDER BY 1 LIMIT 2;
SELECT count(DISTINCT row_to_json(a)::text) FROM ads.ads a WHERE advertiser_id = :a;
SELECT tableoid::regclass, count(*) FROM ads.ads WHERE advertiser_id = :a GROUP BY 1;
SELECT count(*) FROM ads.ads TABLESAMPLE system (10);
INSERT INTO campaigns (advertiser_id) VALUES (1);
UPDATE campaigns SET campaign_name = 'x';
SELECT campaign_id FROM campaigns FOR UPDATE LIMIT 0;

-- reports: sums agree from level to level, day to day, hour to day
SELECT stat_time_day, sum(spend), sum(impressions), count(*) FROM ads_reports_daily
WHERE advertiser_id = :a AND stat_time_day BETWEEN '2026-06-25' AND '2026-06-27' GROUP BY 1 ORDER BY 1;
SELECT stat_time_day, spend, impressions FROM advertisers_reports_daily
WHERE advertiser_id = :a AND stat_time_day BETWEEN '2026-06-25' AND '2026-06-27' ORDER BY 1;
SELECT stat_time_hour::date, sum(spend), sum(impressions), min(stat_time_hour), max(stat_time_hour)
FROM campaigns_reports_hourly WHERE advertiser_id = :a AND stat_time_hour >= '2026-06-25'
	AND stat_time_hour < '2026-06-28' GROUP BY 1 ORDER BY 1;
SELECT (SELECT sum(spend) FROM ads_reports_lifetime WHERE advertiser_id = :a) =
	(SELECT spend FROM advertisers_reports_lifetime WHERE advertiser_id = :a) AS same;
SELECT country_code, sum(spend) FROM campaigns_audience_reports_by_country_daily
WHERE advertiser_id = :a AND stat_time_day = '2026-06-25' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3;
SELECT count(*) FROM ads_reports_daily WHERE advertiser_id = :b AND stat_time_day = '2026-06-25';

-- deleted objects are rows, unless the server or the table says otherwise
CREATE FUNCTION public.totals() RETURNS TABLE (deleted bigint, ads bigint, reported bigint)
LANGUAGE sql AS $$
SELECT (SELECT count(ad_id) FROM ads.ads WHERE advertiser_id = 7030219640413208578
		AND secondary_status = 'AD_STATUS_DELETE'),
	(SELECT count(ad_id) FROM ads.ads WHERE advertiser_id = 7030219640413208578),
	(SELECT count(ad_id) FROM ads_reports_lifetime WHERE advertiser_id = 7030219640413208578)
$$;
SELECT * FROM totals();
ALTER SERVER tiktok OPTIONS (ADD include_deleted 'false');
SELECT * FROM totals();
ALTER FOREIGN TABLE ads.ads OPTIONS (ADD include_deleted 'true');
SELECT * FROM totals();
ALTER FOREIGN TABLE ads.ads OPTIONS (DROP include_deleted);
ALTER SERVER tiktok OPTIONS (DROP include_deleted);

-- which accounts: the table's, else the server's, else the token's; a condition narrows
ALTER SERVER tiktok OPTIONS (ADD advertiser_ids '7030219640413208578,7051874396120449026');
SELECT advertiser_id, count(campaign_id) FROM campaigns GROUP BY 1 ORDER BY 1;
ALTER FOREIGN TABLE campaigns OPTIONS (ADD advertiser_ids '7219930054437175298');
SELECT advertiser_id, count(campaign_id) FROM campaigns GROUP BY 1 ORDER BY 1;
SELECT advertiser_id, count(campaign_id) FROM campaigns WHERE advertiser_id = :a GROUP BY 1 ORDER BY 1;
SELECT advertiser_id, count(adgroup_id) FROM ad_groups GROUP BY 1 ORDER BY 1;
SELECT requests('SELECT campaign_id FROM campaigns') AS one_account,
	requests('SELECT adgroup_id FROM ad_groups') AS two_accounts;
ALTER FOREIGN TABLE campaigns OPTIONS (DROP advertiser_ids);
ALTER SERVER tiktok OPTIONS (DROP advertiser_ids);

-- start_date, page_size
ALTER SERVER tiktok OPTIONS (ADD start_date '2026-06-28');
SELECT min(stat_time_day), max(stat_time_day) FROM campaigns_reports_daily WHERE advertiser_id = :a;
ALTER FOREIGN TABLE campaigns_reports_daily OPTIONS (ADD start_date '2026-06-29T12:00:00Z');
SELECT min(stat_time_day), max(stat_time_day) FROM campaigns_reports_daily WHERE advertiser_id = :a;
SELECT min(stat_time_day) FROM campaigns_reports_daily
WHERE advertiser_id = :a AND stat_time_day >= '2026-06-01';
ALTER SERVER tiktok OPTIONS (DROP start_date);
ALTER FOREIGN TABLE ads.ads OPTIONS (ADD page_size '10');
SELECT count(ad_id), count(DISTINCT ad_id) FROM ads.ads WHERE advertiser_id = :a;
SELECT requests('SELECT ad_id FROM ads.ads WHERE advertiser_id = 7002238017842757633');
ALTER FOREIGN TABLE ads.ads OPTIONS (DROP page_size);
SELECT requests('SELECT ad_id FROM ads.ads WHERE advertiser_id = 7002238017842757633');

-- joins: within an account, between accounts, with a local table, as an inner side
SELECT c.campaign_name, count(*) AS ads, sum(r.spend) FROM campaigns c
JOIN ads.ads a USING (advertiser_id, campaign_id)
JOIN ads_reports_daily r ON r.advertiser_id = a.advertiser_id AND r.ad_id = a.ad_id
	AND r.stat_time_day = '2026-06-26'
WHERE c.advertiser_id = :a GROUP BY 1 ORDER BY 1 LIMIT 3;
SELECT x.advertiser_id, y.advertiser_id, count(*) FROM campaigns x JOIN campaigns y
	ON x.objective_type = y.objective_type AND x.advertiser_id < y.advertiser_id
WHERE x.advertiser_id IN (7002238017842757633, 7030219640413208578)
	AND y.advertiser_id IN (7030219640413208578, 7051874396120449026) GROUP BY 1, 2 ORDER BY 1, 2;
CREATE TABLE public.wanted (advertiser_id bigint, campaign_id bigint);
INSERT INTO wanted SELECT advertiser_id, campaign_id FROM campaigns
WHERE advertiser_id IN (7002238017842757633, 7219930054437175298);
ANALYZE wanted;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT count(*), count(DISTINCT c.campaign_id) FROM wanted w
JOIN campaigns c USING (advertiser_id, campaign_id);
SET enable_material = off;
SELECT count(*), count(DISTINCT c.campaign_id) FROM wanted w
JOIN campaigns c USING (advertiser_id, campaign_id);
SELECT w.advertiser_id, l.* FROM (SELECT DISTINCT advertiser_id FROM wanted) w,
	LATERAL (SELECT count(*) AS campaigns, max(campaign_id) FROM campaigns c
		WHERE c.advertiser_id = w.advertiser_id) l ORDER BY 1;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
SELECT advertiser_id, EXISTS (SELECT FROM campaigns c WHERE c.advertiser_id = x.advertiser_id) AS some,
	(SELECT max(budget) FROM campaigns c WHERE c.advertiser_id = x.advertiser_id) AS most
FROM advertiser_ids x ORDER BY 1;
WITH c AS MATERIALIZED (SELECT * FROM campaigns WHERE advertiser_id = :a)
SELECT count(*), (SELECT count(*) FROM c WHERE budget > 0) <= count(*) AS fewer FROM c;
SELECT count(campaign_id) FROM (SELECT campaign_id FROM campaigns WHERE advertiser_id = :a
	UNION ALL SELECT adgroup_id FROM ad_groups WHERE advertiser_id = :a) u;

-- views: with the owner's user mapping, or the caller's
CREATE ROLE regress_tiktok_reader;
GRANT USAGE ON SCHEMA ads TO regress_tiktok_reader;
GRANT SELECT ON campaigns TO regress_tiktok_reader;
CREATE VIEW owners AS SELECT count(campaign_id) FROM campaigns WHERE advertiser_id = 7002238017842757633;
CREATE VIEW callers WITH (security_invoker = true) AS
SELECT count(campaign_id) FROM campaigns WHERE advertiser_id = 7002238017842757633;
GRANT SELECT ON owners, callers TO regress_tiktok_reader;
SELECT (TABLE owners) = (TABLE callers) AS same;
SET ROLE regress_tiktok_reader;
SELECT count > 0 AS some FROM owners;
SELECT * FROM callers;
SELECT campaign_id FROM campaigns;
RESET ROLE;
DROP OWNED BY regress_tiktok_reader;
DROP ROLE regress_tiktok_reader;

-- prepared statements, until the plan is generic
PREPARE p(bigint, date) AS SELECT count(ad_id), sum(spend) FROM ads_reports_daily
WHERE advertiser_id = $1 AND stat_time_day = $2;
EXECUTE p(:a, '2026-06-20');
EXECUTE p(:a, '2026-06-21');
EXECUTE p(:a, '2026-06-22');
EXECUTE p(:a, '2026-06-23');
EXECUTE p(:a, '2026-06-24');
EXECUTE p(:a, '2026-06-25');
EXECUTE p(:b, '2026-06-25');
EXECUTE p(NULL, '2026-06-25');
SET plan_cache_mode = force_generic_plan;
EXECUTE p(:a, '2026-06-25');
EXECUTE p(:a, NULL);
PREPARE q(bigint[], int) AS SELECT advertiser_id, campaign_id FROM campaigns
WHERE advertiser_id = ANY ($1) ORDER BY 1, 2 LIMIT $2;
EXECUTE q('{7002238017842757633,7030219640413208578}', 2);
EXECUTE q('{7030219640413208578}', 1);
EXECUTE q('{}', 1);
RESET plan_cache_mode;

-- a change of an option reaches a plan that is kept
PREPARE r AS SELECT DISTINCT advertiser_id FROM campaigns;
ALTER SERVER tiktok OPTIONS (ADD advertiser_ids '7030219640413208578');
EXECUTE r;
ALTER SERVER tiktok OPTIONS (SET advertiser_ids '7051874396120449026');
EXECUTE r;
ALTER SERVER tiktok OPTIONS (DROP advertiser_ids);

-- cursors
BEGIN;
DECLARE c CURSOR FOR SELECT ad_id FROM ads.ads WHERE advertiser_id = 7002238017842757633 ORDER BY 1;
FETCH 2 FROM c;
SELECT count(campaign_id) > 0 AS another_scan FROM campaigns WHERE advertiser_id = :a;
FETCH 1 FROM c;
CLOSE c;
DECLARE s SCROLL CURSOR FOR SELECT ad_id FROM ads.ads WHERE advertiser_id = 7002238017842757633 ORDER BY 1;
FETCH LAST FROM s;
FETCH FIRST FROM s;
DECLARE h CURSOR WITH HOLD FOR SELECT ad_id FROM ads.ads WHERE advertiser_id = 7002238017842757633 ORDER BY 1;
COMMIT;
FETCH 1 FROM h;
CLOSE h;

-- PL/pgSQL: loops, exceptions, and what an error leaves behind
DO $$
DECLARE
	r record;
	n int := 0;
BEGIN
	FOR i IN 1 .. 3 LOOP
		FOR r IN SELECT campaign_id FROM campaigns WHERE advertiser_id = 7002238017842757633 LOOP
			n := n + 1;
			EXIT WHEN n % 5 = 0;
		END LOOP;
	END LOOP;
	BEGIN
		PERFORM count(spend) FROM ads_reports_daily;
	EXCEPTION WHEN fdw_unable_to_create_execution THEN
		RAISE WARNING '% rows, then: %', n, SQLERRM;
	END;
	PERFORM campaign_id FROM campaigns WHERE advertiser_id = 7002238017842757633;
END $$;

DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA ads CASCADE;
DROP TABLE wanted;
DROP FUNCTION requests, totals;
