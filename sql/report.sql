--
-- Reports of one's own making, paths, and metrics that are refused.
--
\getenv api TIKTOK_API_URL
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw
	OPTIONS (api_url :'api', rate_limit '1000', advertiser_ids '7002238017842757633');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token 'local-access-token');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO ads;
SET search_path = ads, public;
SET datestyle = 'ISO, YMD';
\set SHOW_CONTEXT never
CREATE FUNCTION public.requests(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		IF line ~ '^\s*Requests: ' THEN
			RETURN substring(line FROM '\d+')::bigint;
		END IF;
	END LOOP;
	RETURN 0;
END $$;
-- errors without the request's id
CREATE FUNCTION public.try(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	m text;
	h text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, h = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || m || E'\n' || h;
END $$;

-- an audience dimension that no stream has; a breakdown adds up to the day
CREATE FOREIGN TABLE languages (advertiser_id bigint, campaign_id bigint, stat_time_day date, language text,
	spend numeric, clicks bigint)
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_CAMPAIGN',
	dimensions 'campaign_id, stat_time_day,language');
CREATE FOREIGN TABLE placements (advertiser_id bigint, campaign_id bigint, stat_time_day date, placement text,
	spend numeric, clicks bigint)
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_CAMPAIGN',
	dimensions 'campaign_id,stat_time_day,placement');
CREATE FOREIGN TABLE networks (advertiser_id bigint, ad_id bigint, stat_time_day date, ac text,
	spend numeric, clicks bigint)
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_AD',
	dimensions 'ad_id,stat_time_day,ac');
CREATE FOREIGN TABLE ages (advertiser_id bigint, stat_time_day date, gender text, age text,
	spend numeric, clicks bigint)
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_ADVERTISER',
	dimensions 'advertiser_id,stat_time_day,gender,age');
CREATE FOREIGN TABLE countries (advertiser_id bigint, adgroup_id bigint, stat_time_day date, country_code text,
	spend numeric, clicks bigint)
SERVER tiktok OPTIONS (stream 'report', report_type 'BASIC', data_level 'AUCTION_ADGROUP',
	dimensions 'adgroup_id,stat_time_day,country_code');
\set d 'stat_time_day = ''2026-06-25'''
SELECT spend, clicks FROM advertisers_reports_daily WHERE :d;
SELECT 'language' AS by, count(DISTINCT language) > 1 AS several, sum(spend), sum(clicks) FROM languages WHERE :d
UNION ALL SELECT 'placement', count(DISTINCT placement) > 1, sum(spend), sum(clicks) FROM placements WHERE :d
UNION ALL SELECT 'network', count(DISTINCT ac) > 1, sum(spend), sum(clicks) FROM networks WHERE :d
UNION ALL SELECT 'age', count(DISTINCT (gender, age)) > 1, sum(spend), sum(clicks) FROM ages WHERE :d
UNION ALL SELECT 'country', count(DISTINCT country_code) > 1, sum(spend), sum(clicks) FROM countries WHERE :d;
SELECT placement, sum(spend) FROM placements WHERE :d GROUP BY 1 ORDER BY 1 LIMIT 3;
-- dimensions that do not go together are the API's error, whatever the metrics
CREATE FOREIGN TABLE interests (advertiser_id bigint, ad_id bigint, stat_time_day date, interest_category text,
	spend numeric, clicks bigint, impressions bigint)
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_AD',
	dimensions 'ad_id,stat_time_day,interest_category');
SELECT try('SELECT * FROM interests WHERE ' || :'d');

-- a report by the account alone, by the day alone, and without any time
CREATE FOREIGN TABLE days (advertiser_id bigint, stat_time_day date, spend numeric)
SERVER tiktok OPTIONS (stream 'report', report_type 'BASIC', data_level 'AUCTION_ADVERTISER',
	dimensions 'stat_time_day', start_date '2026-06-27');
SELECT * FROM days ORDER BY 2;
CREATE FOREIGN TABLE hours (campaign_id bigint, stat_time_hour timestamp, spend numeric)
SERVER tiktok OPTIONS (stream 'report', report_type 'BASIC', data_level 'AUCTION_CAMPAIGN',
	dimensions 'campaign_id,stat_time_hour');
SELECT stat_time_hour, sum(spend) FROM hours
WHERE stat_time_hour >= '2026-06-25 10:00' AND stat_time_hour < '2026-06-25 12:00' GROUP BY 1 ORDER BY 1;
SELECT try('SELECT * FROM hours');
-- without a time dimension the year until today is one request; from start_date if that is later
CREATE FOREIGN TABLE year (advertiser_id bigint, campaign_id bigint, country_code text, spend numeric)
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_CAMPAIGN',
	dimensions 'campaign_id,country_code');
SELECT requests('SELECT campaign_id, spend FROM year');
-- columns in another order, under other names, and not all of them
CREATE FOREIGN TABLE renamed (cost numeric OPTIONS (path 'metrics.spend'), day date OPTIONS (path 'dimensions.stat_time_day'),
	"The Campaign" bigint OPTIONS (path 'dimensions.campaign_id'), advertiser_id text)
SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');
SELECT * FROM renamed WHERE day = '2026-06-25' ORDER BY "The Campaign";
SELECT requests($$SELECT cost FROM renamed WHERE day BETWEEN '2026-04-01' AND '2026-06-01'$$) AS windows,
	requests($$SELECT cost FROM renamed WHERE day = '2026-06-25' AND day = '2026-06-26'$$) AS none;
-- rows of which nothing is read but that they are there
SELECT count(*) FROM (SELECT 1 FROM renamed WHERE day = '2026-06-25') x;
CREATE FOREIGN TABLE bare (day date OPTIONS (path 'dimensions.stat_time_day'))
SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');
SELECT * FROM bare WHERE day = '2026-06-25';

-- a column more is a metric more
ALTER FOREIGN TABLE campaigns_reports_daily ADD COLUMN skan_conversion bigint, ADD COLUMN billed_cost numeric;
SELECT spend, billed_cost IS NULL AS null_cost, skan_conversion >= 0 OR skan_conversion IS NULL AS known
FROM campaigns_reports_daily WHERE :d ORDER BY campaign_id LIMIT 1;
-- what is no metric is the API's error; so is one that has no place here, unless the catalogue has it
ALTER FOREIGN TABLE campaigns_reports_daily ADD COLUMN tomorrows_metric bigint;
SELECT try('SELECT tomorrows_metric FROM campaigns_reports_daily WHERE ' || :'d');
SELECT count(spend) FROM campaigns_reports_daily WHERE :d;
SELECT try('SELECT * FROM campaigns_reports_daily WHERE ' || :'d');
ALTER FOREIGN TABLE campaigns_reports_daily DROP COLUMN tomorrows_metric;
ALTER FOREIGN TABLE campaigns_reports_daily ADD COLUMN ad_name text, ADD COLUMN cash_spend numeric;
SELECT campaign_id, spend, ad_name, cash_spend FROM campaigns_reports_daily WHERE :d ORDER BY 1 LIMIT 2;
SELECT spend, ad_name IS NULL AS no_ad FROM campaigns_reports_daily WHERE :d AND ad_name IS NULL ORDER BY campaign_id LIMIT 1;
ALTER FOREIGN TABLE campaigns_audience_reports_daily ADD COLUMN complete_payment bigint;
SELECT country.spend, country.complete_payment FROM campaigns_audience_reports_daily country
WHERE :d ORDER BY campaign_id, gender, age LIMIT 1;

-- reports that cannot be
CREATE FOREIGN TABLE two_ids (ad_id bigint, campaign_id bigint, spend numeric)
SERVER tiktok OPTIONS (stream 'report', report_type 'BASIC', data_level 'AUCTION_AD', dimensions 'ad_id,campaign_id');
CREATE FOREIGN TABLE two_times (ad_id bigint, spend numeric)
SERVER tiktok OPTIONS (stream 'report', report_type 'BASIC', data_level 'AUCTION_AD',
	dimensions 'ad_id,stat_time_day,stat_time_hour');
CREATE FOREIGN TABLE level (ad_id bigint, stat_time_day date, spend numeric)
SERVER tiktok OPTIONS (stream 'report', report_type 'BASIC', data_level 'AUCTION_CAMPAIGN',
	dimensions 'ad_id,stat_time_day');
CREATE FOREIGN TABLE basic_gender (ad_id bigint, stat_time_day date, gender text, spend numeric)
SERVER tiktok OPTIONS (stream 'report', report_type 'BASIC', data_level 'AUCTION_AD',
	dimensions 'ad_id,stat_time_day,gender');
SELECT try('SELECT * FROM basic_gender WHERE ' || :'d');
CREATE FOREIGN TABLE audience_deleted (ad_id bigint, stat_time_day date, gender text, spend numeric)
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_AD',
	dimensions 'ad_id,stat_time_day,gender', include_deleted 'true');
CREATE FOREIGN TABLE no_dimensions (spend numeric)
SERVER tiktok OPTIONS (stream 'report', report_type 'BASIC', data_level 'AUCTION_AD');

DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA ads CASCADE;
DROP FUNCTION requests, try;
