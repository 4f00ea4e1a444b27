-- What was spent in the last week, over all accounts?
SELECT stat_time_day AS day, currency, sum(spend) AS spend, sum(impressions) AS impressions,
       sum(clicks) AS clicks, round(100.0 * sum(clicks) / nullif(sum(impressions), 0), 2) AS ctr
FROM ads.advertisers_reports_daily
WHERE stat_time_day BETWEEN current_date - 7 AND current_date - 1
GROUP BY 1, 2
ORDER BY 1, 2;
