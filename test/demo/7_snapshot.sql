-- A local copy: the first call makes it, the second brings it up to date, and nothing had changed
CREATE SCHEMA mart;
SELECT inserted, updated, deleted, unchanged, requests, watermark
FROM tiktok.materialize('ads.campaigns_reports_daily', 'mart.campaigns_daily',
                        since => current_date - 60);
SELECT inserted, updated, deleted, unchanged, requests, watermark
FROM tiktok.materialize('ads.campaigns_reports_daily', 'mart.campaigns_daily');
