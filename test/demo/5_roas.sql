-- What came back for the money? A join with a table of the shop's own orders
SELECT r.campaign_id, max(r.campaign_name) AS campaign, r.currency, sum(r.spend) AS spend,
       sum(o.revenue) AS revenue, round(sum(o.revenue) / nullif(sum(r.spend), 0), 2) AS roas
FROM ads.campaigns_reports_daily r
JOIN demo.orders o ON o.day = r.stat_time_day AND o.campaign_id = r.campaign_id
WHERE r.stat_time_day >= current_date - 14
GROUP BY r.campaign_id, r.currency
ORDER BY roas DESC NULLS LAST
LIMIT 5;
