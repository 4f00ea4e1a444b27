-- Foreign tables as partitions, by account and by month: each asks for its own
-- rows only, since PostgreSQL trusts that it holds no others.
\getenv api TIKTOK_API_URL
SET client_min_messages = warning;
SET datestyle = ISO;
CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw
	OPTIONS (api_url :'api', rate_limit '1000',
		advertiser_ids '7002238017842757633,7030219640413208578');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token 'local-access-token');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campaigns_reports_daily) FROM SERVER tiktok INTO ads;
CREATE TABLE ads.copy AS
SELECT advertiser_id, campaign_id, stat_time_day, spend FROM ads.campaigns_reports_daily
WHERE stat_time_day BETWEEN '2026-05-01' AND '2026-06-30';

CREATE TABLE ads.by_account (LIKE ads.copy) PARTITION BY LIST (advertiser_id);
CREATE FOREIGN TABLE ads.by_account_1 PARTITION OF ads.by_account
	FOR VALUES IN (7002238017842757633) SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');
CREATE FOREIGN TABLE ads.by_account_2 PARTITION OF ads.by_account
	FOR VALUES IN (7030219640413208578) SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');
CREATE TABLE ads.by_month (LIKE ads.copy) PARTITION BY RANGE (stat_time_day);
CREATE FOREIGN TABLE ads.by_month_5 PARTITION OF ads.by_month
	FOR VALUES FROM ('2026-05-01') TO ('2026-06-01')
	SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');
CREATE FOREIGN TABLE ads.by_month_6 PARTITION OF ads.by_month
	FOR VALUES FROM ('2026-06-01') TO ('2026-07-01')
	SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');

CREATE FUNCTION pg_temp.differences(query text, same text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((%1$s EXCEPT ALL %2$s) UNION ALL (%2$s EXCEPT ALL %1$s)) d',
		query, same) INTO n;
	RETURN n;
END $$;

-- a partition needs no bound of the query where its own constraint gives one
SELECT count(*) > 0 AS rows, pg_temp.differences('SELECT * FROM ads.by_month', 'SELECT * FROM ads.copy') AS differences
FROM ads.copy;
SELECT pg_temp.differences(
	'SELECT * FROM ads.by_month WHERE stat_time_day >= ''2026-05-20''',
	'SELECT * FROM ads.copy WHERE stat_time_day >= ''2026-05-20''') AS differences;
-- conditions that name accounts of several partitions
SELECT pg_temp.differences(
	'SELECT * FROM ads.by_account WHERE stat_time_day = ''2026-06-20'' AND advertiser_id IN (7002238017842757633, 7030219640413208578)',
	'SELECT * FROM ads.copy WHERE stat_time_day = ''2026-06-20''') AS differences;
SELECT pg_temp.differences(
	'SELECT * FROM ads.by_account WHERE stat_time_day = ''2026-06-20''',
	'SELECT * FROM ads.copy WHERE stat_time_day = ''2026-06-20''') AS differences;
-- counted from totals, read through the partition itself
SELECT (SELECT count(*) FROM ads.by_month_6) = (SELECT count(*) FROM ads.copy WHERE stat_time_day >= '2026-06-01') AS counted;
-- each asks its own account
EXPLAIN (VERBOSE, COSTS OFF)
SELECT spend FROM ads.by_account_2 WHERE stat_time_day = '2026-06-20';

DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA ads CASCADE;
