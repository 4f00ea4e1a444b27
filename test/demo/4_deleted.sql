-- Which campaigns were deleted, and what had they cost in their last three months?
SELECT c.advertiser_id, c.campaign_id, c.campaign_name, c.secondary_status,
       sum(r.spend) AS spend, max(r.stat_time_day) AS last_day
FROM ads.campaigns c
JOIN ads.campaigns_reports_daily r USING (advertiser_id, campaign_id)
WHERE c.secondary_status = 'CAMPAIGN_STATUS_DELETE'
  AND r.stat_time_day >= current_date - 90
GROUP BY 1, 2, 3, 4
HAVING sum(r.spend) > 0
ORDER BY spend DESC
LIMIT 10;
