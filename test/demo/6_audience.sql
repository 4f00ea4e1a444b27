-- Who saw the ads, by gender and age?
SELECT gender, age, sum(impressions) AS impressions, sum(clicks) AS clicks,
       round(100.0 * sum(clicks) / nullif(sum(impressions), 0), 2) AS ctr,
       round(100.0 * sum(impressions) / sum(sum(impressions)) OVER (), 1) AS percent_of_all
FROM ads.advertisers_audience_reports_daily
WHERE stat_time_day BETWEEN current_date - 14 AND current_date - 1
GROUP BY gender, age
ORDER BY gender, age;
