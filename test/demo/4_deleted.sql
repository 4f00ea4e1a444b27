-- What had deleted campaigns cost? (TikTok leaves them out unless asked; here they are rows)
SELECT c.campaign_id, c.campaign_name, r.currency, sum(r.spend) AS spend,
       max(r.stat_time_day) AS last_day
FROM ads.campaigns c
JOIN ads.campaigns_reports_daily r USING (advertiser_id, campaign_id)
WHERE c.secondary_status = 'CAMPAIGN_STATUS_DELETE'
  AND r.stat_time_day >= current_date - 90
GROUP BY 1, 2, 3
HAVING sum(r.spend) > 0
ORDER BY spend DESC
LIMIT 10;
