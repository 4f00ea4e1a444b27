-- TopView, Reach & Frequency, Promote. They are rows like all others; a table of its own shows
-- TopView alone, and a server that does not want it saves a request per account and list.

CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw;
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
    OPTIONS (access_token '...', app_id '...', secret '...');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campaigns) FROM SERVER tiktok INTO ads;

CREATE FOREIGN TABLE ads.campaigns_topview (
    advertiser_id  bigint NOT NULL,
    campaign_id    bigint NOT NULL,
    campaign_name  text,
    objective_type text,
    budget         numeric,
    create_time    timestamptz)
SERVER tiktok OPTIONS (stream 'campaigns', buying_types 'RESERVATION_TOP_VIEW');

CREATE FOREIGN TABLE ads.topview_daily (
    advertiser_id bigint NOT NULL,
    campaign_id   bigint NOT NULL,
    stat_time_day date NOT NULL,
    spend         numeric,
    impressions   bigint)
SERVER tiktok OPTIONS (stream 'campaigns_reports_daily', buying_types 'RESERVATION_TOP_VIEW');

SELECT c.campaign_id, c.campaign_name, t.campaign_id IS NOT NULL AS topview
  FROM ads.campaigns c LEFT JOIN ads.campaigns_topview t USING (advertiser_id, campaign_id)
 ORDER BY campaign_id
 LIMIT 5;
SELECT sum(spend) >= 0 AS has_spent
  FROM ads.topview_daily
 WHERE stat_time_day >= current_date - 30;
