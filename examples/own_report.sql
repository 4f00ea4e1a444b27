-- A report of one's own: any dimensions, any metrics, columns named as one likes.
--
-- A column shows the dimension or metric of its name; "path" names another. A metric
-- that tiktok.report_metrics does not list works too, if TikTok knows it.

CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw;
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
    OPTIONS (access_token '...', app_id '...', secret '...');
CREATE SCHEMA ads;

-- Which metrics are there at this level?
SELECT name, type, description
  FROM tiktok.report_metrics
 WHERE 'AUCTION_CAMPAIGN' = ANY (levels) AND name LIKE 'video\_watched%'
 ORDER BY name;

-- Campaigns by country, a row for each over all days: without stat_time_day the API adds
-- up itself, over at most 365 days.
CREATE FOREIGN TABLE ads.campaigns_by_country (
    advertiser_id bigint NOT NULL,
    campaign_id   bigint NOT NULL,
    country       text OPTIONS (path 'dimensions.country_code'),
    campaign_name text,
    cost          numeric OPTIONS (path 'metrics.spend'),
    watched_6s    bigint OPTIONS (path 'metrics.video_watched_6s'))
SERVER tiktok OPTIONS (stream 'report', report_type 'BASIC', data_level 'AUCTION_CAMPAIGN',
                       dimensions 'campaign_id,country_code', start_date '2026-06-01');

SELECT country, sum(cost) AS cost, sum(watched_6s) AS watched_6s
  FROM ads.campaigns_by_country
 WHERE advertiser_id = 7002238017842757633
 GROUP BY country
 ORDER BY cost DESC
 LIMIT 5;

-- The audience by language, day by day: AUDIENCE reports take one breakdown at a time.
CREATE FOREIGN TABLE ads.language_daily (
    advertiser_id bigint NOT NULL,
    campaign_id   bigint NOT NULL,
    stat_time_day date NOT NULL,
    language      text,
    spend         numeric,
    impressions   bigint)
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_CAMPAIGN',
                       dimensions 'campaign_id,stat_time_day,language');

SELECT language, sum(impressions) AS impressions
  FROM ads.language_daily
 WHERE stat_time_day BETWEEN '2026-06-23' AND '2026-06-29'
 GROUP BY language
 ORDER BY impressions DESC;

-- Ads under their new ids, which the API does not give beside ad_id.
CREATE FOREIGN TABLE ads.ads_v2_daily (
    advertiser_id bigint NOT NULL,
    ad_id_v2      bigint NOT NULL,
    stat_time_day date NOT NULL,
    ad_name       text,
    spend         numeric)
SERVER tiktok OPTIONS (stream 'report', report_type 'BASIC', data_level 'AUCTION_AD',
                       dimensions 'ad_id_v2,stat_time_day');

SELECT ad_id_v2, ad_name, spend
  FROM ads.ads_v2_daily
 WHERE advertiser_id = 7002238017842757633 AND stat_time_day = '2026-06-29'
 ORDER BY spend DESC
 LIMIT 5;
