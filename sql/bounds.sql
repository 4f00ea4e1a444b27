--
-- What a table holds: options advertiser_ids and start_date are bounds of the
-- table, whatever the plan; conditions only narrow.
--
\getenv api TIKTOK_API_URL
SET client_min_messages = warning;
\set SHOW_CONTEXT never
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url :'api', rate_limit '1000',
	advertiser_ids '7002238017842757633', start_date '2026-06-25');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
	OPTIONS (access_token 'local-access-token', app_id '7000000000000000001', secret 'local-secret');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campaigns, ads, advertisers, advertiser_ids, campaigns_reports_daily,
	campaigns_reports_hourly, campaigns_reports_lifetime) FROM SERVER tiktok INTO ads;
SET search_path = ads, public;
CREATE TABLE ids (id bigint, day date);
INSERT INTO ids VALUES (7002238017842757633, '2026-06-22'), (7030219640413208578, '2026-06-26');
ANALYZE ids;
SET client_min_messages = notice;

-- the requests of a query, as EXPLAIN counts them; without the NOTICEs of the query
CREATE FUNCTION public.requests(query text) RETURNS int LANGUAGE plpgsql
SET client_min_messages = warning AS $$
DECLARE
	line text;
	n int := 0;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		n := n + coalesce(substring(line FROM '^\s*Requests: (\d+)')::int, 0);
	END LOOP;
	RETURN n;
END $$;

-- accounts: however they are joined
SET enable_nestloop = off;
SELECT count(*), count(DISTINCT advertiser_id) FROM campaigns JOIN ids ON id = advertiser_id;
RESET enable_nestloop;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT count(*), count(DISTINCT advertiser_id) FROM campaigns JOIN ids ON id = advertiser_id;
RESET enable_hashjoin;
RESET enable_mergejoin;
SELECT count(*) FROM campaigns WHERE advertiser_id IN (SELECT id FROM ids);
SELECT count(*) FROM campaigns;
SELECT count(*) FROM campaigns WHERE advertiser_id > 7002238017842757633;
-- by a condition: some, none, several others
SELECT count(*), min(advertiser_id) FROM campaigns WHERE advertiser_id IN (7002238017842757633, 7030219640413208578);
SELECT campaign_name FROM campaigns WHERE advertiser_id = 7030219640413208578;
SELECT campaign_name FROM campaigns WHERE advertiser_id = ANY ('{7030219640413208578,7051874396120449026}');
SELECT count(*) FROM campaigns WHERE advertiser_id = 7030219640413208578;
SELECT requests('SELECT campaign_name FROM campaigns WHERE advertiser_id = 7030219640413208578') AS none,
	requests('SELECT count(*) FROM campaigns WHERE advertiser_id = 7030219640413208578') AS count,
	requests('SELECT campaign_name FROM campaigns LIMIT 1') AS one;
-- that cannot be true: no word about it
SELECT campaign_name FROM campaigns WHERE advertiser_id = 7030219640413208578 AND advertiser_id = 5;
-- without pushdown, and prepared
SET tiktok_fdw.enable_pushdown = off;
SELECT count(*), min(advertiser_id) FROM campaigns WHERE advertiser_id IN (7002238017842757633, 7030219640413208578);
RESET tiktok_fdw.enable_pushdown;
SET plan_cache_mode = force_generic_plan;
PREPARE of_account (bigint) AS SELECT count(*), count(campaign_name) FROM campaigns WHERE advertiser_id = $1;
EXECUTE of_account (7002238017842757633);
EXECUTE of_account (7030219640413208578);
RESET plan_cache_mode;
-- accounts themselves
SELECT advertiser_id FROM advertisers;
SELECT advertiser_id FROM advertiser_ids;
SELECT count(*) FROM advertiser_ids;
SELECT advertiser_name IS NOT NULL AS named FROM advertiser_ids LIMIT 3;
SELECT advertiser_id FROM advertiser_ids WHERE advertiser_id = 7030219640413208578;
-- a table's own option instead of the server's
ALTER FOREIGN TABLE campaigns OPTIONS (ADD advertiser_ids '7030219640413208578,7051874396120449026');
ALTER FOREIGN TABLE advertiser_ids OPTIONS (ADD advertiser_ids '7030219640413208578,7051874396120449026');
SELECT DISTINCT advertiser_id FROM campaigns;
SELECT count(*) FROM campaigns WHERE advertiser_id = 7002238017842757633;
SELECT advertiser_id FROM advertiser_ids;
ALTER FOREIGN TABLE campaigns OPTIONS (DROP advertiser_ids);
ALTER FOREIGN TABLE advertiser_ids OPTIONS (DROP advertiser_ids);

-- days: the same rows from every condition
SELECT stat_time_day, count(*) FROM campaigns_reports_daily WHERE stat_time_day < '2026-06-28' GROUP BY 1 ORDER BY 1;
SELECT count(*), min(stat_time_day) FROM campaigns_reports_daily WHERE stat_time_day BETWEEN '2026-06-20' AND '2026-06-27';
SELECT count(*) FROM campaigns_reports_daily WHERE stat_time_day = '2026-06-22';
SELECT count(*) FROM campaigns_reports_daily WHERE stat_time_day <= '2026-06-22';
SELECT spend FROM campaigns_reports_daily WHERE stat_time_day = '2026-06-22';
SELECT spend FROM campaigns_reports_daily WHERE stat_time_day <= '2026-06-22';
SELECT requests('SELECT spend FROM campaigns_reports_daily WHERE stat_time_day = ''2026-06-22''') AS none,
	requests('SELECT count(*) FROM campaigns_reports_daily WHERE stat_time_day <= ''2026-06-22''') AS count;
SELECT count(*), min(stat_time_day) FROM campaigns_reports_daily WHERE stat_time_day IN ('2026-06-22', '2026-06-26');
-- from the first day on: nothing is missing, whatever the value's type
SELECT count(*) FROM campaigns_reports_daily WHERE stat_time_day BETWEEN '2026-06-25' AND '2026-06-27';
SELECT count(*) FROM campaigns_reports_daily WHERE stat_time_day >= '2026-06-25'::timestamptz AND stat_time_day <= '2026-06-27';
SELECT count(spend) FROM campaigns_reports_daily WHERE stat_time_day >= '2026-01-01'::timestamptz AND stat_time_day <= '2026-06-27';
-- once a scan, also of a nested loop
INSERT INTO ids VALUES (7002238017842757633, '2026-06-21'), (7051874396120449026, '2026-06-26');
SELECT day, advertiser_id, count(*) FROM ids, LATERAL (SELECT advertiser_id, stat_time_day FROM campaigns_reports_daily
	WHERE stat_time_day = day OFFSET 0) r GROUP BY 1, 2 ORDER BY 1, 2;
SELECT id, count(n) FROM ids, LATERAL (SELECT campaign_name AS n FROM campaigns WHERE advertiser_id = id OFFSET 0) r GROUP BY 1 ORDER BY 1;
-- by the hour
SELECT count(*), min(stat_time_hour) >= '2026-06-25' AS after FROM campaigns_reports_hourly
WHERE stat_time_hour BETWEEN '2026-06-24 22:00' AND '2026-06-25 23:00';
SELECT count(*) FROM campaigns_reports_hourly WHERE stat_time_hour::date = '2026-06-24';
SELECT count(*) > 0 AS some FROM campaigns_reports_hourly
WHERE stat_time_hour >= '2026-06-25' AND stat_time_hour < '2026-06-26';
-- a table's own first day; with a time, it is the day; a column of another type
ALTER FOREIGN TABLE campaigns_reports_daily OPTIONS (ADD start_date '2026-06-20T13:00:00Z');
SELECT count(*), min(stat_time_day) FROM campaigns_reports_daily WHERE stat_time_day BETWEEN '2026-06-01' AND '2026-06-27';
SELECT count(*), min(stat_time_day) FROM campaigns_reports_daily WHERE stat_time_day < '2026-06-28';
SELECT spend FROM campaigns_reports_daily WHERE stat_time_day < '2026-06-20';
CREATE FOREIGN TABLE zoned (campaign_id bigint, stat_time_day timestamptz)
	SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');
SELECT min(stat_time_day)::timestamp FROM zoned;
SELECT min(stat_time_day)::timestamp FROM zoned WHERE stat_time_day > '2026-06-25';
SELECT min(stat_time_day)::timestamp FROM zoned WHERE stat_time_day > '2026-06-01';
-- what has no days has no first one
SELECT count(*) > 0 AS some FROM campaigns_reports_lifetime;
-- a first day to come: no rows, and no error
ALTER FOREIGN TABLE campaigns_reports_daily OPTIONS (SET start_date '2200-01-01');
SELECT count(*) FROM campaigns_reports_daily;
SELECT spend FROM campaigns_reports_daily;
ANALYZE campaigns_reports_daily;
ALTER FOREIGN TABLE campaigns_reports_daily OPTIONS (DROP start_date);

-- EXPLAIN: what is asked is what the table holds, and it gives no NOTICE
CREATE FUNCTION public.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		IF line ~ 'Accounts|Windows|Request Plan|Relations|Count' THEN
			RETURN NEXT line;
		END IF;
	END LOOP;
END $$;
SELECT plan($$SELECT spend FROM campaigns_reports_daily WHERE stat_time_day BETWEEN '2026-06-01' AND '2026-06-27'$$);
SELECT plan($$SELECT spend FROM campaigns_reports_daily WHERE stat_time_day = '2026-06-22'$$);
SELECT plan($$SELECT spend FROM campaigns_reports_daily WHERE stat_time_day < '2026-06-22' AND stat_time_day > '2026-06-23'$$);
SELECT plan($$SELECT campaign_name FROM campaigns WHERE advertiser_id IN (7002238017842757633, 7030219640413208578)$$);
SELECT plan($$SELECT campaign_name FROM campaigns WHERE advertiser_id = 7030219640413208578$$);
SELECT plan($$SELECT advertiser_id FROM advertiser_ids$$);

-- partitions: a constraint is no condition, so it gives no NOTICE
CREATE TABLE parted (advertiser_id bigint, campaign_id bigint, stat_time_day date, spend numeric)
	PARTITION BY RANGE (stat_time_day);
CREATE FOREIGN TABLE parted_old PARTITION OF parted FOR VALUES FROM ('2026-06-01') TO ('2026-06-20')
	SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');
CREATE FOREIGN TABLE parted_new PARTITION OF parted FOR VALUES FROM ('2026-06-20') TO ('2026-06-28')
	SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');
SELECT count(*), min(stat_time_day) FROM parted;
SELECT count(*), min(stat_time_day) FROM parted WHERE stat_time_day >= '2026-06-22';

-- snapshots begin where the table begins
SELECT tiktok.create_snapshot('campaigns_reports_daily', 'snapshot_of_days', since => '2026-06-01');
SELECT since FROM tiktok.snapshots WHERE target = 'snapshot_of_days'::regclass;
SELECT tiktok.create_snapshot('campaigns_reports_daily', 'snapshot_of_days', since => '2026-05-01');
-- (what refresh() says depends on the day)
SET client_min_messages = warning;
CALL tiktok.refresh('snapshot_of_days', since => '2026-06-10');
SELECT min(stat_time_day), count(*) FILTER (WHERE stat_time_day < '2026-06-28') FROM snapshot_of_days;
SELECT since FROM tiktok.snapshots;
ALTER SERVER tiktok OPTIONS (SET start_date '2026-06-29');
CALL tiktok.refresh('snapshot_of_days');
SELECT min(stat_time_day), count(*) FILTER (WHERE stat_time_day < '2026-06-28') FROM snapshot_of_days;

RESET search_path;
DROP TABLE ads.snapshot_of_days, ads.ids, ads.parted;
DROP SCHEMA ads CASCADE;
DROP FUNCTION public.requests(text), public.plan(text);
DROP EXTENSION tiktok_fdw CASCADE;
