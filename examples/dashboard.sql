-- A dashboard reads often; TikTok allows some requests a second. A materialized view is the
-- smallest way to stand between the two: people read it as often as they like, and one
-- REFRESH asks TikTok.

CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw;
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
    OPTIONS (access_token '...', app_id '...', secret '...');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campaigns_reports_daily) FROM SERVER tiktok INTO ads;

-- In production: WHERE stat_time_day >= current_date - 90
CREATE MATERIALIZED VIEW campaign_days AS
SELECT advertiser_id, campaign_id, stat_time_day, campaign_name, currency, spend, impressions,
       clicks, conversion
  FROM ads.campaigns_reports_daily
 WHERE stat_time_day BETWEEN '2026-04-01' AND '2026-06-29';

-- CONCURRENTLY, which needs the unique index, lets readers go on meanwhile.
CREATE UNIQUE INDEX ON campaign_days (advertiser_id, campaign_id, stat_time_day);
REFRESH MATERIALIZED VIEW CONCURRENTLY campaign_days;

-- Sums of sums are right for what is additive. Compute ratios from the sums, never from the
-- ratios of days; reach and frequency cannot be added at all.
SELECT date_trunc('month', stat_time_day)::date AS month, currency, sum(spend) AS spend,
       round(100.0 * sum(clicks) / nullif(sum(impressions), 0), 2) AS ctr,
       round(sum(spend) / nullif(sum(conversion), 0), 2) AS cost_per_conversion
  FROM campaign_days
 GROUP BY 1, 2
 ORDER BY 1, 2;
