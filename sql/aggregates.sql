--
-- Sums over the days of a report, added up by the API: the same rows as over
-- local copies of the days, in fewer requests; and what is never left to it.
--
\getenv api TIKTOK_API_URL
SET client_min_messages = warning;
\set SHOW_CONTEXT never
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
DROP SCHEMA IF EXISTS ads, copy, t CASCADE;
CREATE EXTENSION tiktok_fdw;
-- two accounts, with 64 and 33 ads
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url :'api', rate_limit '1000',
	advertiser_ids '7002238017842757633,7051874396120449026');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
	OPTIONS (access_token 'local-access-token', app_id '7000000000000000001', secret 'local-secret');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_daily, ad_groups_reports_daily,
	campaigns_reports_daily, advertisers_reports_daily, campaigns_reports_hourly,
	campaigns_audience_reports_by_country_daily, campaigns) FROM SERVER tiktok INTO ads;
ALTER FOREIGN TABLE ads.campaigns_reports_daily ADD COLUMN result bigint, ADD COLUMN skan_conversion bigint,
	ADD COLUMN text_spend text OPTIONS (path 'metrics.spend'), ADD COLUMN whole numeric(12,0) OPTIONS (path 'metrics.spend'),
	ADD COLUMN small_clicks int OPTIONS (path 'metrics.clicks'), ADD COLUMN new_metric bigint OPTIONS (path 'metrics.clicks.none');
-- the year to 29 June
CREATE VIEW ads.daily AS SELECT * FROM ads.campaigns_reports_daily
	WHERE stat_time_day BETWEEN '2025-06-30' AND '2026-06-29';
CREATE SCHEMA copy;
CREATE TABLE copy.ads_reports_daily AS SELECT * FROM ads.ads_reports_daily
	WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29';
CREATE TABLE copy.ad_groups_reports_daily AS SELECT * FROM ads.ad_groups_reports_daily
	WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29';
CREATE TABLE copy.campaigns_reports_daily AS SELECT * FROM ads.campaigns_reports_daily
	WHERE stat_time_day BETWEEN '2024-12-01' AND '2026-07-01';
CREATE TABLE copy.advertisers_reports_daily AS SELECT * FROM ads.advertisers_reports_daily
	WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29';
CREATE TABLE copy.campaigns_reports_hourly AS SELECT * FROM ads.campaigns_reports_hourly
	WHERE stat_time_hour >= '2026-06-20' AND stat_time_hour < '2026-06-26';
ALTER TABLE copy.campaigns_reports_hourly ADD COLUMN paid_engaged_view bigint;
ALTER FOREIGN TABLE ads.campaigns_reports_hourly ADD COLUMN paid_engaged_view bigint;
CREATE TABLE copy.campaigns AS SELECT * FROM ads.campaigns;
CREATE VIEW copy.daily AS SELECT * FROM copy.campaigns_reports_daily
	WHERE stat_time_day BETWEEN '2025-06-30' AND '2026-06-29';
CREATE SCHEMA t;
CREATE TABLE t.days (name text, first date, last date);
INSERT INTO t.days VALUES ('April', '2026-04-01', '2026-04-30'), ('May', '2026-05-01', '2026-05-31'),
	('never', NULL, '2026-05-31'), ('none', '2026-05-31', '2026-05-01');
\set a 7002238017842757633

-- The rows of a query, as texts, sorted.
CREATE FUNCTION t.rows_of(query text, path text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	found text[];
BEGIN
	PERFORM set_config('search_path', path || ', t', true);
	EXECUTE 'SELECT array_agg(q::text ORDER BY q::text) FROM (' || query || ') q' INTO found;
	RETURN found;
END $$;
-- Who adds up ("API", or why not), the requests, and whether the rows are those
-- of the local copies.  One request at a time, so that their number is certain.
CREATE FUNCTION t.compare(query text, OUT rows int, OUT verdict text, OUT requests bigint,
	OUT who text)
LANGUAGE plpgsql AS $$
DECLARE
	here text[] := t.rows_of(query, 'ads');
	line text;
BEGIN
	rows := coalesce(array_length(here, 1), 0);
	verdict := CASE WHEN here IS NOT DISTINCT FROM t.rows_of(query, 'copy') THEN 'same'
		ELSE 'different' END;
	requests := 0;
	who := 'PostgreSQL';
	PERFORM set_config('search_path', 'ads, t', true);
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		IF line ~ '^\s*Requests: ' THEN
			requests := requests + substring(line FROM '\d+')::bigint;
		ELSIF line ~ '^\s*Aggregated by the API: ' THEN
			who := 'API: ' || substring(line FROM 'API: (.*)');
		ELSIF line ~ '^\s*Not Aggregated by the API: ' THEN
			who := substring(line FROM 'API: (.*)');
		END IF;
	END LOOP;
END $$;
CREATE FUNCTION t.compare_all(VARIADIC queries text[])
RETURNS TABLE (query text, rows int, verdict text, requests bigint, who text) LANGUAGE sql AS $$
	SELECT q, c.* FROM unnest(queries) WITH ORDINALITY AS u (q, n), t.compare(q) c ORDER BY n
$$;
\x on
\pset format unaligned
\pset tuples_only on

-- off unless asked for
SELECT * FROM t.compare_all('SELECT campaign_id, sum(spend) FROM daily GROUP BY 1');
SET tiktok_fdw.enable_aggregate_pushdown = on;

-- a year: a request for each account; before, 13
SELECT * FROM t.compare_all(
	'SELECT campaign_id, sum(spend), sum(impressions), sum(clicks) FROM daily GROUP BY 1',
	'SELECT advertiser_id, campaign_id, sum(spend) FROM daily WHERE advertiser_id = 7002238017842757633 GROUP BY 1, 2',
	'SELECT campaign_id, campaign_name, sum(conversion) FROM daily GROUP BY 1, 2',
	'SELECT campaign_name, sum(clicks) FROM daily GROUP BY 1',
	'SELECT campaign_id, max(campaign_name), min(objective_type), sum(spend) FROM daily GROUP BY 1',
	'SELECT advertiser_id, sum(spend) FROM daily GROUP BY 1',
	'SELECT sum(spend) FROM daily',
	'SELECT campaign_id % 7, upper(campaign_name), sum(clicks) + 1 FROM daily GROUP BY 1, 2');
-- two years: more than a request may cover, added up here
SELECT * FROM t.compare_all(
	$$SELECT campaign_id, sum(spend), sum(clicks) FROM campaigns_reports_daily
		WHERE stat_time_day >= '2024-12-01' AND stat_time_day <= '2026-06-29' GROUP BY 1$$);

-- of the objects above: their report; of the account, that of its campaigns
SELECT * FROM t.compare_all(
	$$SELECT ad_id, ad_name, sum(spend) FROM ads_reports_daily
		WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29' GROUP BY 1, 2$$,
	$$SELECT adgroup_id, adgroup_name, sum(spend), sum(impressions) FROM ads_reports_daily
		WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29' GROUP BY 1, 2$$,
	$$SELECT campaign_id, campaign_name, sum(spend), sum(impressions) FROM ads_reports_daily
		WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29' GROUP BY 1, 2$$,
	$$SELECT objective_type, sum(impressions) FROM ad_groups_reports_daily
		WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29' GROUP BY 1$$,
	$$SELECT campaign_id, promotion_type, sum(impressions) FROM ad_groups_reports_daily
		WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29' GROUP BY 1, 2$$,
	$$SELECT advertiser_id, currency, sum(impressions) FROM ads_reports_daily
		WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29' GROUP BY 1, 2$$,
	$$SELECT advertiser_id, sum(impressions) FROM advertisers_reports_daily
		WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29' GROUP BY 1$$,
	$$SELECT sum(impressions) FROM ads_reports_daily
		WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29'$$);
-- where the API leaves out deleted ads, not those of its campaigns
ALTER FOREIGN TABLE ads.ads_reports_daily OPTIONS (ADD include_deleted 'false');
CREATE TABLE copy.all_ads AS SELECT * FROM copy.ads_reports_daily;
DELETE FROM copy.ads_reports_daily r WHERE NOT EXISTS (SELECT FROM ads.ads_reports_daily f
	WHERE f.ad_id = r.ad_id AND stat_time_day BETWEEN '2026-03-01' AND '2026-06-29');
SELECT count(*) > 0 AS deleted_were_there FROM copy.all_ads
	WHERE ad_id NOT IN (SELECT ad_id FROM copy.ads_reports_daily);
SELECT * FROM t.compare_all(
	$$SELECT campaign_id, campaign_name, sum(spend), sum(impressions) FROM ads_reports_daily
		WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29' GROUP BY 1, 2$$);
ALTER FOREIGN TABLE ads.ads_reports_daily OPTIONS (DROP include_deleted);
DROP TABLE copy.ads_reports_daily;
ALTER TABLE copy.all_ads RENAME TO ads_reports_daily;

-- conditions: accounts and ids in any form, days if they are whole
SELECT * FROM t.compare_all(
	$$SELECT campaign_id, sum(clicks) FROM daily WHERE campaign_id IN
		(SELECT campaign_id FROM campaigns WHERE objective_type = 'TRAFFIC') GROUP BY 1$$,
	$$SELECT campaign_id, sum(clicks) FROM daily WHERE campaign_id = ANY (ARRAY(
		SELECT campaign_id FROM campaigns WHERE objective_type = 'TRAFFIC')) GROUP BY 1$$,
	$$SELECT campaign_id, sum(clicks) FROM daily WHERE campaign_id % 3 = 0
		OR advertiser_id = 7051874396120449026 GROUP BY 1$$,
	$$SELECT sum(clicks) FROM ads_reports_daily WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29'
		AND ad_id % 2 = 0$$,
	$$SELECT sum(clicks) FROM campaigns_reports_daily
		WHERE stat_time_day > '2026-05-01' AND stat_time_day < timestamp '2026-06-10 10:00'$$,
	$$SELECT sum(clicks) FROM campaigns_reports_daily
		WHERE stat_time_day >= timestamptz '2026-05-01 10:00' AND stat_time_day <= '2026-06-10'$$,
	$$SELECT sum(clicks) FROM campaigns_reports_daily WHERE stat_time_day IN
		('2026-01-05', '2026-01-06', '2026-06-01') OR stat_time_day = '2026-06-03'$$,
	$$SELECT sum(clicks) FROM campaigns_reports_daily WHERE stat_time_day IN
		('2026-01-05', '2026-01-06', '2026-02-01', '2026-04-03')$$,
	$$SELECT sum(clicks) FROM campaigns_reports_daily WHERE stat_time_day = '2026-06-03'$$,
	$$SELECT sum(clicks) FROM campaigns_reports_daily
		WHERE stat_time_day >= (SELECT min(first) FROM days) AND stat_time_day < '2026-06-01'$$,
	$$SELECT sum(clicks), sum(spend) FROM campaigns_reports_daily
		WHERE stat_time_day >= '2026-06-10' AND stat_time_day < '2026-06-01'$$,
	$$SELECT campaign_id, sum(spend) FROM campaigns_reports_daily
		WHERE stat_time_day >= '2026-06-10' AND stat_time_day < '2026-06-01' GROUP BY 1$$,
	$$SELECT sum(clicks) FROM campaigns_reports_hourly
		WHERE stat_time_hour >= '2026-06-20' AND stat_time_hour < '2026-06-26'$$,
	$$SELECT campaign_id, sum(spend) FROM campaigns_reports_hourly
		WHERE stat_time_hour >= date '2026-06-20' AND stat_time_hour <= '2026-06-25 23:59:59' GROUP BY 1$$,
	$$SELECT campaign_id, sum(spend) FROM campaigns_reports_hourly
		WHERE stat_time_hour::date BETWEEN '2026-06-21' AND '2026-06-24' GROUP BY 1$$);

-- the queries around it
SELECT * FROM t.compare_all(
	'SELECT campaign_id, sum(spend) FROM daily GROUP BY 1 HAVING sum(clicks) > 3000 ORDER BY sum(impressions) DESC LIMIT 3',
	'SELECT campaign_id, sum(spend) AS s FROM daily GROUP BY 1 ORDER BY s DESC, 1 LIMIT 5',
	'SELECT sum(spend) / nullif(sum(clicks), 0), coalesce(sum(conversion), 0) FROM daily',
	'SELECT campaign_id, sum(clicks), rank() OVER (ORDER BY sum(clicks) DESC) FROM daily GROUP BY 1',
	'SELECT DISTINCT sum(clicks) > 1000 FROM daily GROUP BY campaign_id',
	'SELECT c.campaign_name, s.clicks FROM campaigns c LEFT JOIN (SELECT campaign_id, sum(clicks) AS clicks FROM daily GROUP BY 1) s USING (campaign_id)',
	'WITH s AS MATERIALIZED (SELECT campaign_id, sum(clicks) AS n FROM daily GROUP BY 1) SELECT count(*), max(n) FROM s',
	'SELECT sum(clicks) FROM daily LIMIT 0',
	'SELECT EXISTS (SELECT sum(clicks) FROM daily)',
	$$SELECT d.name, s.* FROM days d, LATERAL (SELECT sum(clicks), sum(spend) FROM campaigns_reports_daily
		WHERE stat_time_day BETWEEN d.first AND d.last) s$$,
	$$SELECT d.name, (SELECT sum(clicks) FROM campaigns_reports_daily
		WHERE stat_time_day BETWEEN d.first AND d.last) FROM days d$$,
	$$SELECT sum(clicks) FROM daily UNION ALL SELECT sum(clicks) FROM ads_reports_daily
		WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-29'$$,
	'SELECT campaign_id, sum(clicks) FROM daily WHERE random() >= 0 AND now() > ''2020-01-01'' GROUP BY 1',
	'SELECT campaign_id, sum(clicks) FROM daily WHERE now() > ''2020-01-01'' GROUP BY 1');
SET enable_hashagg = off;
SELECT * FROM t.compare_all('SELECT campaign_id, sum(spend) FROM daily GROUP BY 1');
RESET enable_hashagg;

-- never
SELECT * FROM t.compare_all(
	'SELECT campaign_id, sum(reach) FROM daily GROUP BY 1',
	'SELECT campaign_id, sum(result) FROM daily GROUP BY 1',
	'SELECT campaign_id, sum(cpc) FROM daily GROUP BY 1',
	'SELECT campaign_id, sum(skan_conversion) FROM daily GROUP BY 1',
	'SELECT campaign_id, sum(text_spend::numeric) FROM daily GROUP BY 1',
	'SELECT campaign_id, sum(whole) FROM daily GROUP BY 1',
	'SELECT campaign_id, sum(small_clicks) FROM daily GROUP BY 1',
	'SELECT campaign_id, sum(new_metric), sum(clicks) FROM daily GROUP BY 1',
	'SELECT campaign_id, avg(spend) FROM daily GROUP BY 1',
	'SELECT campaign_id, count(*), sum(spend) FROM daily GROUP BY 1',
	'SELECT campaign_id, count(spend), sum(spend) FROM daily GROUP BY 1',
	'SELECT campaign_id, max(spend), sum(spend) FROM daily GROUP BY 1',
	'SELECT campaign_id, sum(spend * 2) FROM daily GROUP BY 1',
	'SELECT campaign_id, sum(DISTINCT clicks) FROM daily GROUP BY 1',
	'SELECT campaign_id, sum(clicks ORDER BY spend) FROM daily GROUP BY 1',
	'SELECT campaign_id, sum(clicks) FILTER (WHERE campaign_id > 0) FROM daily GROUP BY 1',
	'SELECT campaign_id, sum(clicks) FROM daily GROUP BY ROLLUP (campaign_id)',
	'SELECT campaign_id, sum(clicks) FROM daily GROUP BY GROUPING SETS ((campaign_id), ())',
	'SELECT stat_time_day, sum(clicks) FROM daily GROUP BY 1',
	'SELECT date_trunc(''month'', stat_time_day), sum(clicks) FROM daily GROUP BY 1',
	'SELECT cpc, sum(clicks) FROM daily GROUP BY 1',
	'SELECT campaign_id, max(stat_time_day), sum(clicks) FROM daily GROUP BY 1',
	'SELECT campaign_id FROM daily GROUP BY 1',
	'SELECT campaign_id, sum(clicks) FROM daily GROUP BY 1 HAVING count(*) > 5',
	'SELECT campaign_id, sum(clicks) FROM daily WHERE spend > 1 GROUP BY 1',
	'SELECT campaign_id, sum(clicks) FROM daily WHERE campaign_name LIKE ''%a%'' GROUP BY 1',
	'SELECT campaign_id, sum(clicks) FROM daily WHERE stat_time_day IN (SELECT first FROM days) GROUP BY 1',
	'SELECT campaign_id, sum(clicks) FROM daily WHERE extract(isodow FROM stat_time_day) < 6 GROUP BY 1',
	'SELECT campaign_id, sum(clicks) FROM daily WHERE campaign_id > 0 OR stat_time_day > ''2026-01-01'' GROUP BY 1',
	'SELECT campaign_name, c.objective_type, sum(clicks) FROM daily d JOIN campaigns c USING (campaign_id, campaign_name) GROUP BY 1, 2',
	$$SELECT campaign_id, sum(clicks) FROM campaigns_reports_hourly
		WHERE stat_time_hour > '2026-06-20' AND stat_time_hour < '2026-06-26' GROUP BY 1$$,
	$$SELECT campaign_id, sum(clicks) FROM campaigns_reports_hourly
		WHERE stat_time_hour BETWEEN '2026-06-20' AND '2026-06-25' GROUP BY 1$$,
	-- the API has it by day and period, not by hour
	$$SELECT sum(paid_engaged_view) FROM campaigns_reports_hourly
		WHERE stat_time_hour >= '2026-06-20' AND stat_time_hour < '2026-06-26'$$);
SET tiktok_fdw.enable_pushdown = off;
SELECT * FROM t.compare_all('SELECT campaign_id, sum(spend) FROM daily GROUP BY 1');
RESET tiktok_fdw.enable_pushdown;
\x off
\pset tuples_only off

-- parameters, in generic plans too; the setting counts when the plan is made
SET search_path = ads, t;
SET plan_cache_mode = force_generic_plan;
SET enable_hashagg = off;
PREPARE of_days (date, date, bigint[]) AS SELECT campaign_id, sum(clicks), sum(spend) FROM campaigns_reports_daily
	WHERE stat_time_day BETWEEN $1 AND $2 AND advertiser_id = ANY ($3) GROUP BY 1 ORDER BY 1 LIMIT 3;
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE of_days ('2026-01-01', '2026-05-31', ARRAY[:a]);
EXECUTE of_days ('2026-01-01', '2026-05-31', ARRAY[:a]);
SELECT campaign_id, sum(clicks), sum(spend) FROM copy.campaigns_reports_daily
	WHERE stat_time_day BETWEEN '2026-01-01' AND '2026-05-31' AND advertiser_id = :a GROUP BY 1 ORDER BY 1 LIMIT 3;
EXECUTE of_days ('2026-05-31', '2026-01-01', ARRAY[:a]);
EXECUTE of_days (NULL, '2026-05-31', ARRAY[:a]);
EXECUTE of_days ('2026-01-01', '2026-05-31', '{}');
SET tiktok_fdw.enable_aggregate_pushdown = off;
EXPLAIN (COSTS OFF) EXECUTE of_days ('2026-01-01', '2026-05-31', ARRAY[:a]);
SET tiktok_fdw.enable_aggregate_pushdown = on;
DEALLOCATE of_days;
RESET enable_hashagg;
RESET plan_cache_mode;
CREATE FOREIGN TABLE t.my_days (advertiser_id bigint, campaign_id bigint, stat_time_day date, reach bigint,
	spend numeric) SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');
SET enable_hashagg = off;
-- a hundred days more than a request has: the windows, and what stays to check
EXPLAIN (VERBOSE, COSTS OFF)
SELECT campaign_id, sum(clicks) FROM campaigns_reports_daily
	WHERE stat_time_day >= '2025-01-01' AND stat_time_day < '2026-06-30' AND campaign_id % 2 = 0
	GROUP BY 1 HAVING sum(spend) > 10;
EXPLAIN (VERBOSE, COSTS OFF)
SELECT sum(reach) FROM my_days WHERE stat_time_day BETWEEN '2026-06-01' AND '2026-06-10' AND spend > 3;

RESET enable_hashagg;
-- types are those of sum(); no row at all is one row, without GROUP BY
SELECT pg_typeof(sum(clicks)), pg_typeof(sum(spend)) FROM campaigns_reports_daily
	WHERE stat_time_day >= '2026-01-01' AND campaign_id = 1;
SELECT sum(clicks), sum(spend) FROM campaigns_reports_daily WHERE stat_time_day >= '2026-01-01' AND campaign_id = 1;
SELECT campaign_id, sum(clicks) FROM campaigns_reports_daily
	WHERE stat_time_day >= '2026-01-01' AND campaign_id = 1 GROUP BY 1;
-- a campaign without delivery on these days is no group
SELECT count(*) AS all_campaigns FROM campaigns;
SELECT count(*), min(n) > 0 AS none_is_idle FROM (SELECT campaign_id, sum(impressions) AS n
	FROM campaigns_reports_daily WHERE stat_time_day BETWEEN '2024-12-01' AND '2024-12-31' GROUP BY 1) s;
SELECT count(DISTINCT campaign_id) FROM copy.campaigns_reports_daily
	WHERE stat_time_day BETWEEN '2024-12-01' AND '2024-12-31';

-- a cursor, also one that is read again from the start
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT campaign_id, sum(clicks) FROM daily WHERE advertiser_id = :a GROUP BY 1 ORDER BY 2 DESC;
FETCH 2 FROM c;
MOVE ABSOLUTE 0 IN c;
FETCH 1 FROM c;
COMMIT;

-- bounds: no first day, the option start_date, accounts that the table does not hold
SELECT sum(clicks) FROM campaigns_reports_daily;
ALTER FOREIGN TABLE ads.campaigns_reports_daily OPTIONS (ADD start_date '2026-04-01', ADD advertiser_ids '7051874396120449026');
SET client_min_messages = notice;
SELECT sum(clicks) FROM campaigns_reports_daily WHERE stat_time_day BETWEEN '2026-01-01' AND '2026-05-31';
SELECT sum(clicks) FROM campaigns_reports_daily WHERE advertiser_id IN (:a, 7051874396120449026) AND stat_time_day < '2026-06-01';
SET client_min_messages = warning;
SELECT sum(clicks) FROM copy.campaigns_reports_daily
	WHERE stat_time_day BETWEEN '2026-04-01' AND '2026-05-31' AND advertiser_id = 7051874396120449026;
ALTER FOREIGN TABLE ads.campaigns_reports_daily OPTIONS (DROP start_date, DROP advertiser_ids);

-- partitions: each is asked for what it holds, and for no more
CREATE TABLE t.parted (advertiser_id bigint, campaign_id bigint, stat_time_day date, clicks bigint, spend numeric)
	PARTITION BY RANGE (stat_time_day);
CREATE FOREIGN TABLE t.spring PARTITION OF t.parted FOR VALUES FROM ('2026-03-01') TO ('2026-06-01')
	SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');
CREATE FOREIGN TABLE t.summer PARTITION OF t.parted FOR VALUES FROM ('2026-06-01') TO ('2026-09-01')
	SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');
EXPLAIN (VERBOSE, COSTS OFF) SELECT sum(clicks) FROM t.spring;
SELECT sum(clicks), sum(spend) FROM t.spring;
SELECT sum(clicks), sum(spend) FROM copy.campaigns_reports_daily WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-05-31';
SET enable_partitionwise_aggregate = on;
SELECT sum(clicks), sum(spend) FROM t.parted WHERE stat_time_day < '2026-06-20';
SELECT sum(clicks), sum(spend) FROM copy.campaigns_reports_daily WHERE stat_time_day BETWEEN '2026-03-01' AND '2026-06-19';
RESET enable_partitionwise_aggregate;

-- views, and rights to columns
SET enable_hashagg = off;
CREATE VIEW t.barrier WITH (security_barrier) AS SELECT campaign_id, sum(clicks) AS clicks FROM ads.daily GROUP BY 1;
EXPLAIN (COSTS OFF) SELECT * FROM t.barrier WHERE campaign_id % 2 = 0;
RESET enable_hashagg;
CREATE ROLE regress_tiktok_sums;
GRANT USAGE ON SCHEMA ads TO regress_tiktok_sums;
GRANT USAGE ON FOREIGN SERVER tiktok TO regress_tiktok_sums;
GRANT SELECT (campaign_id, stat_time_day, clicks) ON ads.campaigns_reports_daily TO regress_tiktok_sums;
CREATE USER MAPPING FOR regress_tiktok_sums SERVER tiktok OPTIONS (access_token 'local-access-token');
SET ROLE regress_tiktok_sums;
SELECT sum(clicks) > 0 FROM ads.campaigns_reports_daily WHERE stat_time_day >= '2026-01-01';
SELECT sum(spend) > 0 FROM ads.campaigns_reports_daily WHERE stat_time_day >= '2026-01-01';
RESET ROLE;
DROP USER MAPPING FOR regress_tiktok_sums SERVER tiktok;
DROP OWNED BY regress_tiktok_sums;
DROP ROLE regress_tiktok_sums;

DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA ads CASCADE;
