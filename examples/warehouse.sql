-- TikTok beside what the company knows already: revenue by campaign, and names of products.

CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw;
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
    OPTIONS (access_token '...', app_id '...', secret '...');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campaigns, campaigns_reports_daily)
    FROM SERVER tiktok INTO ads;

-- The shop's orders, with the campaign of the link that the buyer came from (here made up).
CREATE TABLE orders (
    ordered_on  date NOT NULL,
    utm_id      bigint NOT NULL,    -- TikTok's __CAMPAIGN_ID__ in the link
    revenue     numeric NOT NULL);
INSERT INTO orders
SELECT date '2026-06-23' + i % 7, c.campaign_id, 20 + i * 7 % 90
  FROM (SELECT campaign_id FROM ads.campaigns
         WHERE advertiser_id = 7002238017842757633
         ORDER BY campaign_id LIMIT 4) AS c,
       generate_series(1, 200) AS i;
ANALYZE orders;

-- Sum up each side by itself and join then: a day's spend belongs to many orders.
WITH sales AS (
    SELECT utm_id AS campaign_id, sum(revenue) AS revenue, count(*) AS orders
      FROM orders
     WHERE ordered_on BETWEEN '2026-06-23' AND '2026-06-29'
     GROUP BY utm_id
), costs AS (
    SELECT campaign_id, max(campaign_name) AS campaign_name, sum(spend) AS spend
      FROM ads.campaigns_reports_daily
     WHERE stat_time_day BETWEEN '2026-06-23' AND '2026-06-29'
       AND advertiser_id = 7002238017842757633
     GROUP BY campaign_id
)
SELECT campaign_id, campaign_name, spend, orders, revenue,
       round(revenue / nullif(spend, 0), 2) AS roas
  FROM sales LEFT JOIN costs USING (campaign_id)
 ORDER BY campaign_id;

-- Only what sold is of interest: the sub-select's ids go to TikTok as a filter.
EXPLAIN (VERBOSE, COSTS OFF)
SELECT campaign_id, sum(spend)
  FROM ads.campaigns_reports_daily
 WHERE advertiser_id = 7002238017842757633
   AND stat_time_day BETWEEN '2026-06-23' AND '2026-06-29'
   AND campaign_id = ANY (ARRAY(SELECT utm_id FROM orders))
 GROUP BY campaign_id;
