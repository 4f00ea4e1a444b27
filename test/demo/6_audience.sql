-- Who saw the ads in the last two weeks?
SELECT age,
       sum(impressions) FILTER (WHERE gender = 'FEMALE') AS women,
       sum(impressions) FILTER (WHERE gender = 'MALE') AS men,
       sum(impressions) FILTER (WHERE gender = 'NONE') AS unknown,
       round(100.0 * sum(clicks) / nullif(sum(impressions), 0), 2) AS ctr
FROM ads.advertisers_audience_reports_daily
WHERE stat_time_day BETWEEN current_date - 14 AND current_date - 1
GROUP BY age
ORDER BY age;
