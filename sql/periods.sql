--
-- Reports by week, month and period: which of them a query asks for, and what
-- it takes. The numbers are in test/t/036_periods.pl.
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
SET client_min_messages = notice;
\set SHOW_CONTEXT never
\getenv api_url TIKTOK_API_URL
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url :'api_url', rate_limit '1000',
	advertiser_ids '7002238017842757633,7051874396120449026,7030219640413208578');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token 'local-access-token');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO ads OPTIONS (streams 'all');
SET search_path = ads;

-- the plan of a query, by the lines that tell what is asked
CREATE FUNCTION pg_temp.plan(query text, pattern text DEFAULT '(Accounts|Windows|Request Plan|Pushed|Local|Idle|Filters)')
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		IF line ~ pattern THEN
			RETURN NEXT btrim(line);
		END IF;
	END LOOP;
END $$;
-- what a query costs: requests, rows received, rows of nothing that are left out
CREATE FUNCTION pg_temp.cost(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		line := substring(line FROM '(Requests: \d+|Rows Received: \d+|Idle Rows.*|Memoize|Hits: \d+ +Misses: \d+)');
		IF line IS NOT NULL THEN
			RETURN NEXT line;
		END IF;
	END LOOP;
END $$;

-- weeks: by their Mondays, as days are chosen
SELECT pg_temp.plan('SELECT reach FROM campaigns_reports_weekly
	WHERE stat_time_week BETWEEN ''2026-06-02'' AND ''2026-06-22''');
SELECT w, pg_temp.plan('SELECT 1 FROM campaigns_reports_weekly WHERE ' || w, 'Windows|Request Plan')
FROM (VALUES ($$stat_time_week = '2026-06-08'$$), ($$stat_time_week = '2026-06-09'$$),
	($$stat_time_week IN ('2026-06-08', '2026-06-22', '2026-06-23')$$),
	($$stat_time_week = ANY ('{2026-05-04,2026-06-08}')$$),
	($$stat_time_week > '2026-06-08' AND stat_time_week < '2026-06-22'$$),
	($$stat_time_week >= '2026-06-08' AND stat_time_week < '2026-06-08'$$),
	($$date_trunc('month', stat_time_week) = '2026-05-01'$$),
	($$stat_time_week BETWEEN '2026-06-05 12:00'::timestamp AND '2026-06-15 00:00'::timestamp$$),
	($$stat_time_week >= '2026-06-20' AND extract(isodow FROM stat_time_week) = 2$$),
	($$stat_time_week >= '2015-12-01' AND stat_time_week < '2016-01-10'$$)) AS t (w);
-- months: by their first days
SELECT w, pg_temp.plan('SELECT 1 FROM advertisers_reports_monthly WHERE ' || w, 'Windows|Request Plan')
FROM (VALUES ($$stat_time_month BETWEEN '2026-01-15' AND '2026-04-01'$$),
	($$stat_time_month = '2024-02-01'$$), ($$stat_time_month = '2026-04-02'$$)) AS t (w);
SELECT advertiser_id, stat_time_month, covered_to, spend, reach FROM advertisers_reports_monthly
WHERE stat_time_month BETWEEN '2026-04-01' AND '2026-05-31' ORDER BY 1, 2;
SELECT pg_temp.cost('SELECT reach FROM campaigns_reports_weekly
	WHERE stat_time_week BETWEEN ''2026-06-02'' AND ''2026-06-22''');

-- a lower bound is needed
SELECT 1 FROM campaigns_reports_weekly WHERE stat_time_week < '2026-06-08';
\echo :LAST_ERROR_SQLSTATE
SELECT 1 FROM campaigns_reports_monthly;
ALTER FOREIGN TABLE campaigns_reports_monthly DROP COLUMN stat_time_month;
SELECT 1 FROM campaigns_reports_monthly;

-- periods: both days, by equality
SELECT pg_temp.plan('SELECT reach FROM campaigns_reports_period
	WHERE start_date = ''2026-06-01'' AND end_date = ''2026-06-28'' AND campaign_id = 5 AND spend > 1');
SELECT w, pg_temp.plan('SELECT 1 FROM campaigns_reports_period WHERE ' || w, 'Windows|Request Plan')
FROM (VALUES ($$start_date IN ('2026-06-01', '2026-06-15') AND end_date = '2026-06-20'$$),
	($$start_date = ANY ('{2026-06-01,2026-06-15}') AND end_date IN ('2026-06-07', '2026-06-21')$$),
	($$(start_date, end_date) IN (('2026-06-01', '2026-06-07'), ('2026-06-08', '2026-06-14'))$$),
	($$start_date = '2026-06-01' AND end_date = '2026-05-31'$$),
	($$start_date = '2026-06-01 00:00'::timestamp AND end_date = '2026-06-07 12:00'::timestamp$$),
	($$start_date = date_trunc('month', timestamptz '2026-06-17 12:00') AND end_date = '2026-06-30'$$),
	($$start_date = 'infinity' AND end_date = 'infinity'$$),
	($$start_date = '2001-06-01' AND end_date = '2001-06-30'$$),
	($$start_date = '2025-06-01' AND end_date = '2026-05-31'$$)) AS t (w);
SELECT 1 FROM campaigns_reports_period;
\echo :LAST_ERROR_SQLSTATE
SELECT 1 FROM campaigns_reports_period WHERE start_date = '2026-06-01';
SELECT 1 FROM campaigns_reports_period WHERE end_date = '2026-06-01' AND start_date >= '2026-05-01';
SELECT 1 FROM campaigns_reports_period WHERE start_date = '2026-06-01' AND end_date = start_date + 6;
SELECT 1 FROM campaigns_reports_period WHERE start_date = '2025-06-01' AND end_date = '2026-06-01';
\echo :LAST_ERROR_SQLSTATE
SELECT 1 FROM campaigns_reports_period WHERE start_date = '2025-06-01' AND end_date = 'infinity';
CREATE FOREIGN TABLE by_country (advertiser_id bigint, campaign_id bigint, country_code text,
	since date OPTIONS (path 'start_date'), until date OPTIONS (path 'end_date'), covered_to date,
	spend numeric, reach bigint)
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_CAMPAIGN',
	dimensions 'campaign_id,country_code', grain 'period');
SELECT 1 FROM by_country WHERE since = '2026-06-01';
SELECT 1 FROM by_country WHERE since = '2025-06-01' AND until = '2026-06-01';
SELECT country_code, since, until, covered_to, count(*), sum(spend) FROM by_country
WHERE since = '2026-06-01' AND until = '2026-06-14' AND advertiser_id = 7002238017842757633
GROUP BY 1, 2, 3, 4 ORDER BY 1;
ALTER FOREIGN TABLE by_country DROP COLUMN until;
SELECT 1 FROM by_country WHERE since = '2026-06-01';

-- parameters, sub-selects, joins: a request for each account and period, kept by Memoize
PREPARE period (date, date) AS SELECT count(*), sum(spend) FROM campaigns_reports_period
	WHERE start_date = $1 AND end_date = $2;
SET plan_cache_mode = force_generic_plan;
EXECUTE period ('2026-06-01', '2026-06-28');
EXECUTE period ('2026-06-01', NULL);
EXECUTE period ('2026-06-01', '2027-06-28');
RESET plan_cache_mode;
CREATE TEMP TABLE sprints (first date, last date);
INSERT INTO sprints VALUES ('2026-06-01', '2026-06-14'), ('2026-06-15', '2026-06-28'),
	('2026-06-01', '2026-06-14'), ('2026-06-28', '2026-06-14'), (NULL, '2026-06-14');
ANALYZE sprints;
SELECT first, last, count(*), sum(spend) FROM sprints
JOIN campaigns_reports_period ON start_date = first AND end_date = last
WHERE advertiser_id IN (7002238017842757633, 7051874396120449026) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT pg_temp.cost('SELECT * FROM sprints JOIN campaigns_reports_period ON start_date = first AND end_date = last
	WHERE advertiser_id IN (7002238017842757633, 7051874396120449026)');
SELECT pg_temp.cost('SELECT sum(spend) FROM campaigns_reports_period
	WHERE start_date = (SELECT min(first) FROM sprints) AND end_date = (SELECT max(last) FROM sprints)');
SELECT pg_temp.cost('SELECT m, spend FROM generate_series(date ''2026-05-04'', ''2026-06-15'', interval ''14 days'') AS g (t)
	CROSS JOIN LATERAL (SELECT t::date) AS d (m)
	JOIN LATERAL (SELECT sum(spend) FROM campaigns_reports_period
		WHERE start_date = m AND end_date = m + 13 AND advertiser_id = 7002238017842757633) AS s (spend) ON true');
-- the day of one from a join, the other from a constant, or both from two tables
SELECT pg_temp.cost('SELECT * FROM sprints s JOIN campaigns_reports_period p ON p.start_date = s.first
	WHERE p.end_date = ''2026-06-28'' AND advertiser_id = 7002238017842757633');
SELECT count(*) FROM (VALUES (date '2026-06-01')) AS a (d), (VALUES (date '2026-06-14'), ('2026-06-28')) AS b (d)
JOIN campaigns_reports_period ON end_date = b.d WHERE start_date = a.d AND advertiser_id = 7002238017842757633;
SELECT 1 FROM sprints JOIN campaigns_reports_period ON start_date = first;

-- what the table holds: no part of a period
ALTER FOREIGN TABLE campaigns_reports_weekly OPTIONS (ADD start_date '2026-06-10');
ALTER FOREIGN TABLE campaigns_reports_period OPTIONS (ADD start_date '2026-06-10');
SELECT stat_time_week, count(*) FROM campaigns_reports_weekly
WHERE stat_time_week BETWEEN '2026-06-01' AND '2026-06-22' GROUP BY 1 ORDER BY 1;
SELECT count(*) > 0 AS no_notice FROM campaigns_reports_weekly WHERE stat_time_week BETWEEN '2026-06-09' AND '2026-06-22';
SELECT count(*) FROM campaigns_reports_weekly WHERE stat_time_week = '2026-06-09';
SELECT count(*) FROM campaigns_reports_period WHERE start_date = '2026-06-09' AND end_date = '2026-06-20';
SELECT count(*) > 0 AS no_notice FROM campaigns_reports_period WHERE start_date = '2026-06-10' AND end_date = '2026-06-20';

-- rows of nothing: the same ones are left out whatever columns are read; no total, no LIMIT stands for rows
CREATE SCHEMA idle;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_weekly) FROM SERVER tiktok INTO idle;
ALTER FOREIGN TABLE idle.ads_reports_weekly OPTIONS (ADD include_idle 'true');
CREATE VIEW june AS SELECT * FROM idle.ads_reports_weekly
WHERE advertiser_id = 7002238017842757633 AND stat_time_week BETWEEN '2026-06-08' AND '2026-06-22';
SELECT pg_temp.plan('SELECT ad_id FROM ads_reports_weekly WHERE stat_time_week = ''2026-06-08''', 'Metrics|Idle');
SELECT pg_temp.plan('SELECT ad_id FROM idle.ads_reports_weekly WHERE stat_time_week = ''2026-06-08''', 'Metrics|Idle');
SELECT count(*), count(*) FILTER (WHERE spend = 0 AND impressions = 0 AND clicks = 0 AND conversion = 0
	AND real_time_conversion = 0 AND result = 0 AND real_time_result = 0) AS idle FROM june;
SELECT count(*) FROM june;
SELECT pg_temp.cost('SELECT count(*) FROM june');
SELECT pg_temp.cost('SELECT count(*) FROM ads_reports_weekly
WHERE advertiser_id = 7002238017842757633 AND stat_time_week BETWEEN ''2026-06-08'' AND ''2026-06-22''');
SELECT count(*), count(DISTINCT (ad_id, stat_time_week)), count(t::text) FROM ads_reports_weekly t
WHERE advertiser_id = 7002238017842757633 AND stat_time_week BETWEEN '2026-06-08' AND '2026-06-22';
SELECT count(*) FROM (SELECT FROM ads_reports_weekly
	WHERE advertiser_id = 7002238017842757633 AND stat_time_week = '2026-06-08' LIMIT 3) AS l;
SELECT pg_temp.plan('SELECT ad_id FROM ads_reports_weekly WHERE stat_time_week = ''2026-06-08'' LIMIT 3', 'Page|Wanted');
SELECT pg_temp.plan('SELECT ad_id FROM idle.ads_reports_weekly WHERE stat_time_week = ''2026-06-08'' LIMIT 3', 'Wanted');
SELECT pg_temp.plan('SELECT ad_id, spend FROM ads_reports_period WHERE advertiser_id = 7002238017842757633
	AND start_date = ''2026-06-01'' AND end_date = ''2026-06-28'' ORDER BY spend DESC LIMIT 3', 'Order');
SELECT ad_id, spend FROM ads_reports_period WHERE advertiser_id = 7002238017842757633
	AND start_date = '2026-06-01' AND end_date = '2026-06-28' ORDER BY spend DESC LIMIT 3;

-- columns of any type; days of a table's own names
CREATE FOREIGN TABLE mine (advertiser_id bigint, campaign_id text,
	week timestamp OPTIONS (path 'stat_time_week'), upto text OPTIONS (path 'covered_to'), reach numeric)
SERVER tiktok OPTIONS (stream 'campaigns_reports_weekly');
SELECT * FROM mine WHERE advertiser_id = 7002238017842757633 AND week >= '2026-06-15' AND week < '2026-06-22' ORDER BY 2;
SELECT 1 FROM mine WHERE advertiser_id = 7002238017842757633;

SET client_min_messages = warning;
DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA ads, idle CASCADE;
