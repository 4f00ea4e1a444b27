-- What did the last seven days cost, and the seven before?
SELECT currency,
       sum(spend) FILTER (WHERE stat_time_day >= current_date - 7) AS last_7_days,
       sum(spend) FILTER (WHERE stat_time_day < current_date - 7) AS the_7_before,
       round(100.0 * sum(clicks) / nullif(sum(impressions), 0), 2) AS ctr_of_both
FROM ads.advertisers_reports_daily
WHERE stat_time_day BETWEEN current_date - 14 AND current_date - 1
GROUP BY currency
ORDER BY currency;
