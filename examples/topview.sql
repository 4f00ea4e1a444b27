-- TopView and Reach & Frequency. The API lists campaigns, ad groups and ads of the buying types
-- that it is asked for, and TopView only when asked for alone: a table of its own shows it.

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

SELECT campaign_id, campaign_name, 'auction or reach & frequency' AS bought_as FROM ads.campaigns
UNION ALL
SELECT campaign_id, campaign_name, 'TopView' FROM ads.campaigns_topview
 ORDER BY campaign_id
 LIMIT 5;
