-- A local copy: the first call makes it, the second finds by a request for each account that nothing has changed
CREATE SCHEMA mart;
SELECT inserted, updated, deleted, unchanged, requests, watermark
FROM tiktok.materialize('ads.campaigns_reports_daily', 'mart.campaigns_daily',
                        since => current_date - 60);
SELECT inserted, updated, deleted, unchanged, requests, watermark
FROM tiktok.materialize('ads.campaigns_reports_daily', 'mart.campaigns_daily');
