-- A local copy, brought up to date by the second call: nothing changed, so nothing is written
CREATE SCHEMA mart;
SELECT inserted, updated, deleted, unchanged, requests, watermark
FROM tiktok.materialize('ads.campaigns_reports_daily', 'mart.campaigns_daily',
                        since => current_date - 60);
SELECT inserted, updated, deleted, unchanged, requests, watermark
FROM tiktok.materialize('ads.campaigns_reports_daily', 'mart.campaigns_daily');
