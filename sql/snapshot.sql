--
-- Snapshots: what is created and registered, what is refused, the views over
-- them. What a refresh does over time is tested in test/t/05*.
--
\getenv api_url TIKTOK_API_URL
SET datestyle = 'ISO, MDY';
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
\set SHOW_CONTEXT never
\set VERBOSITY default
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw
	OPTIONS (api_url :'api_url', rate_limit '1000', advertiser_ids '7002238017842757633');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token 'local-access-token');
CREATE SCHEMA ads;
CREATE SCHEMA mart;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO ads;

-- no object of the schema goes without saying what it is
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'tiktok'::regnamespace AND c.relkind IN ('v', 'r')
	AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'tiktok'::regnamespace AND c.relkind = 'v'
	AND col_description(c.oid, a.attnum) IS NULL;
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'tiktok'::regnamespace
	AND obj_description(p.oid, 'pg_proc') IS NULL;
-- what does not set a safe search_path is meant not to
SELECT p.proname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'tiktok'::regnamespace AND l.lanname IN ('sql', 'plpgsql')
	AND NOT coalesce(p.proconfig::text LIKE '%search\_path=pg\_catalog%', false) ORDER BY 1;

-- the table
SELECT tiktok.create_snapshot('ads.campaigns_audience_reports_daily', 'mart.daily', since => '2026-06-25');
\d mart.daily
SELECT col_description('mart.daily'::regclass, attnum) FROM pg_attribute
WHERE attrelid = 'mart.daily'::regclass AND attname IN ('spend', '_synced_at') ORDER BY 1;
SELECT tiktok.create_snapshot('ads.creative_assets_portfolios', 'mart.portfolios');
\d mart.portfolios
SELECT tiktok.create_snapshot('ads.campaigns_reports_hourly', 'mart.hourly', since => '2026-06-30',
	attribution_window => 0, partition_by => 'month');
SELECT pg_get_partkeydef('mart.hourly'::regclass);
SELECT target, source, since, attribution_window, watermark, last_refresh, last_error, rows, partition_by
FROM tiktok.snapshots ORDER BY target::text;

-- once more: what is not given stays
SELECT tiktok.create_snapshot('ads.campaigns_reports_hourly', 'mart.hourly');
SELECT tiktok.create_snapshot('ads.campaigns_audience_reports_daily', 'mart.daily', since => '2026-06-24',
	attribution_window => 30);
SELECT target, since, attribution_window FROM tiktok.snapshots WHERE since IS NOT NULL ORDER BY target::text;

-- refused
SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.x');
SELECT tiktok.create_snapshot('ads.campaigns', 'mart.x', since => '2026-01-01');
SELECT tiktok.create_snapshot('ads.campaigns', 'mart.x', attribution_window => 7);
SELECT tiktok.create_snapshot('ads.campaigns', 'mart.x', partition_by => 'month');
SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.x', since => 'infinity');
SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.x', '2026-01-01', 365);
SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.x', '2026-01-01', -1);
SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.x', '2026-01-01', 7, 'week');
SELECT tiktok.create_snapshot('ads.ads', 'mart.portfolios');
SELECT tiktok.create_snapshot('ads.ads', 'ads.ads');
SELECT tiktok.create_snapshot('ads.ads', 'a.b.c');
SELECT tiktok.create_snapshot('pg_class', 'mart.x');
SELECT tiktok.create_snapshot('ads.ads', 'nowhere.x');
SELECT tiktok.forget('ads.ads');
CREATE TABLE mart.other (advertiser_id bigint);
SELECT tiktok.create_snapshot('ads.advertiser_ids', 'mart.other');
CALL tiktok.refresh('mart.other');
CREATE FOREIGN TABLE ads.partly (advertiser_id bigint NOT NULL, campaign_id bigint, spend numeric)
	SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');
SELECT tiktok.create_snapshot('ads.partly', 'mart.x', since => '2026-01-01');

-- start_date is where it begins if since is not given
ALTER FOREIGN TABLE ads.campaigns_reports_daily OPTIONS (ADD start_date '2026-06-27');
SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.campaigns_daily');
SELECT since FROM tiktok.snapshots WHERE target = 'mart.campaigns_daily'::regclass;
SELECT inserted > 0 AS inserted, updated, deleted, unchanged
FROM tiktok.materialize('ads.campaigns_reports_daily', 'mart.campaigns_daily');
SELECT inserted, updated, deleted FROM tiktok.materialize('ads.campaigns_reports_daily', 'mart.campaigns_daily');
ALTER FOREIGN TABLE ads.campaigns_reports_daily OPTIONS (SET start_date '2026-06-26');
CALL tiktok.refresh('mart.campaigns_daily', '2026-06-26');
SELECT min(stat_time_day), max(stat_time_day) FROM mart.campaigns_daily;

-- partitions, whatever dates look like
SET datestyle = 'Postgres, DMY';
SELECT tiktok.create_snapshot('ads.advertisers_reports_daily', 'mart.days', '2026-05-20'::date, 364, 'month');
CALL tiktok.refresh('mart.days');
DELETE FROM mart.days WHERE stat_time_day > '2026-06-10'::date;
SELECT tiktok.forget('mart.days');
SELECT inserted > 0 AS inserted, updated, deleted, unchanged > 0 AS unchanged
FROM tiktok.materialize('ads.advertisers_reports_daily', 'mart.days', since => '2026-05-20', partition_by => 'month');
SET datestyle = 'ISO, MDY';
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid)
FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'mart.days'::regclass ORDER BY 1;
SELECT min(stat_time_day), max(stat_time_day) FROM mart.days;

-- a row that is gone is marked, one that is back is not; own columns are left alone
SELECT inserted > 0 AS inserted FROM tiktok.materialize('ads.campaigns', 'mart.campaigns');
ALTER TABLE mart.campaigns ADD COLUMN note text DEFAULT 'mine';
INSERT INTO mart.campaigns (advertiser_id, campaign_id, _synced_at) VALUES (7002238017842757633, 1, '2026-01-01');
SELECT inserted, updated, deleted FROM tiktok.materialize('ads.campaigns', 'mart.campaigns');
SELECT campaign_id, note, _deleted_at IS NULL AS here FROM mart.campaigns ORDER BY 1 LIMIT 1;
UPDATE mart.campaigns SET _deleted_at = now() WHERE campaign_id > 1;
SELECT inserted, updated > 0 AS updated, deleted FROM tiktok.materialize('ads.campaigns', 'mart.campaigns');
SELECT count(*) FILTER (WHERE _deleted_at IS NOT NULL) AS marked FROM mart.campaigns;

-- report views
SELECT tiktok.create_report_views('mart');
SET client_min_messages = notice;
SELECT count(tiktok.materialize('ads.' || s, 'mart.' || s))
FROM unnest(ARRAY['advertisers', 'campaigns']) AS s;
CREATE SCHEMA reports;
SELECT tiktok.create_report_views('reports', 'mart');
SET client_min_messages = warning;
SELECT sum(v.spend) = sum(r.spend) AS spend, count(*) = count(v.advertiser_name) AS names,
	bool_and(v.daily_cpc IS NOT DISTINCT FROM r.spend / nullif(r.clicks, 0)) AS cpc
FROM reports.tiktok_ads__campaign_report AS v JOIN mart.campaigns_daily AS r
	ON r.campaign_id = v.campaign_id AND r.stat_time_day = v.date_day;
SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = 'reports.tiktok_ads__campaign_report'::regclass;

-- all six; the country report is one of the user's own
CREATE FOREIGN TABLE ads.by_country (advertiser_id bigint NOT NULL, campaign_id bigint, stat_time_day date,
	country_code text, spend numeric, impressions bigint, clicks bigint, real_time_conversion bigint)
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_CAMPAIGN',
	dimensions 'campaign_id, stat_time_day, country_code');
SELECT count(tiktok.materialize(('ads.' || s)::regclass, 'mart.' || s, since => '2026-06-27'))
FROM unnest(ARRAY['advertisers_reports_daily', 'ad_groups_reports_daily', 'ads_reports_daily', 'by_country']) AS s;
SELECT count(tiktok.materialize('ads.' || s, 'mart.' || s)) FROM unnest(ARRAY['ad_groups', 'ads']) AS s;
SELECT tiktok.create_report_views('reports', 'mart');
SELECT a.spend = g.spend AND g.spend = d.spend AND a.spend > 0 AS same_spend, d.rows = u.rows AS all_have_pages,
	c.spend > 0 AS by_country, d.names
FROM (SELECT sum(spend) AS spend FROM reports.tiktok_ads__advertiser_report WHERE date_day >= '2026-06-27') AS a,
	(SELECT sum(spend) AS spend FROM reports.tiktok_ads__ad_group_report) AS g,
	(SELECT sum(spend) AS spend, count(*) AS rows, count(campaign_name) = count(*)
		AND count(ad_group_name) = count(*) AND count(ad_name) = count(*) AND count(currency) = count(*) AS names
		FROM reports.tiktok_ads__ad_report) AS d,
	(SELECT count(*) AS rows FROM reports.tiktok_ads__url_report) AS u,
	(SELECT sum(spend) AS spend FROM reports.tiktok_ads__campaign_country_report) AS c;
-- what is gone upstream has its name from the report; an account its currency, too
DELETE FROM mart.campaigns; DELETE FROM mart.ad_groups; DELETE FROM mart.ads; DELETE FROM mart.advertisers;
SELECT count(*) > 0 AS rows, count(campaign_name) = count(*) AND count(ad_group_name) = count(*)
	AND count(ad_name) = count(*) AND count(advertiser_name) = count(*) AND count(currency) = count(*) AS names,
	count(budget) AS budgets
FROM reports.tiktok_ads__ad_report;
SELECT count(campaign_name) AS not_in_the_report FROM reports.tiktok_ads__campaign_country_report;
-- a column that the snapshot lacks is NULL and says so
SELECT col_description('reports.tiktok_ads__campaign_country_report'::regclass, attnum)
FROM pg_attribute WHERE attrelid = 'reports.tiktok_ads__campaign_country_report'::regclass AND attname = 'conversion';
SELECT obj_description('reports.tiktok_ads__url_report'::regclass);
SELECT c.relname, string_agg(a.attname, ',' ORDER BY a.attnum) FROM pg_class AS c JOIN pg_attribute AS a
	ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relname IN ('tiktok_ads__url_report', 'tiktok_ads__campaign_country_report', 'tiktok_ads__advertiser_report')
GROUP BY 1 ORDER BY 1;

SELECT tiktok.forget('mart.daily');
SELECT count(*) FROM tiktok.snapshots WHERE target = 'mart.daily'::regclass;
SELECT count(*) FROM mart.daily;

DROP SCHEMA ads, mart, reports CASCADE;
DROP EXTENSION tiktok_fdw CASCADE;
