-- A warehouse of TikTok data: tables that are kept up to date, and the report
-- views over them. Needs a server "tiktok" and its foreign tables in schema ads.
CREATE SCHEMA mart;
CREATE SCHEMA reports;

-- what there is: read whole, each time
SELECT tiktok.create_snapshot('ads.' || s, 'mart.' || s)
FROM unnest(ARRAY['advertisers', 'campaigns', 'ad_groups', 'ads']) AS s;

-- what it delivered: from this day on; TikTok corrects up to 28 days after the fact
SELECT tiktok.create_snapshot('ads.' || s || '_reports_daily', 'mart.' || s || '_reports_daily',
                              since => '2026-01-01', attribution_window => 28, partition_by => 'month')
FROM unnest(ARRAY['advertisers', 'campaigns', 'ad_groups', 'ads']) AS s;

-- now, and then by pg_cron or the crontab in this folder
CALL tiktok.refresh_all();
SELECT target, watermark, rows, last_error FROM tiktok.snapshots ORDER BY target::text;

-- a year from here and today from TikTok, in one query
SELECT tiktok.create_live_view('mart.campaigns_reports_daily', 'mart.campaigns_live');
SELECT stat_time_day, sum(spend) FROM mart.campaigns_live
WHERE stat_time_day >= current_date - 365 GROUP BY 1 ORDER BY 1;

SELECT tiktok.create_report_views('reports', 'mart');
SELECT date_day, campaign_name, spend, daily_cpc
FROM reports.tiktok_ads__campaign_report
WHERE date_day = current_date - 1
ORDER BY spend DESC LIMIT 10;
