-- What the dashboard reads: local tables that CALL tiktok.refresh_all() keeps up to date, and the
-- report views over them. Needs a server "tiktok" and its foreign tables in schema "ads"
-- (README.md). May be run again.
CREATE SCHEMA IF NOT EXISTS mart;
CREATE SCHEMA IF NOT EXISTS reports;

-- People reached in a week are no sum of days: only the API knows them. The weekly
-- streams are imported on demand.
DO $$
BEGIN
    IF to_regclass('ads.advertisers_reports_weekly') IS NULL THEN
        IMPORT FOREIGN SCHEMA tiktok LIMIT TO (advertisers_reports_weekly) FROM SERVER tiktok INTO ads;
    END IF;
END $$;

SELECT tiktok.create_snapshot('ads.' || stream, 'mart.' || stream)
FROM unnest(ARRAY['advertisers', 'campaigns', 'ad_groups', 'ads', 'creative_assets_images',
                  'creative_assets_videos']) AS stream;
SELECT tiktok.create_snapshot('ads.' || stream, 'mart.' || stream, since => current_date - 90)
FROM unnest(ARRAY['advertisers_reports_daily', 'campaigns_reports_daily', 'ad_groups_reports_daily',
                  'ads_reports_daily', 'advertisers_audience_reports_daily',
                  'advertisers_reports_weekly']) AS stream;
CALL tiktok.refresh_all();
SELECT tiktok.create_report_views('reports', 'mart');
