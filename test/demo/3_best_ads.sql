-- Which ads cost most in the last 30 days, and what did they bring?
SELECT currency, ad_name, campaign_name, spend, conversions,
       round(spend / nullif(conversions, 0), 2) AS cost_per_conversion
FROM (SELECT currency, ad_id, max(ad_name) AS ad_name, max(campaign_name) AS campaign_name,
             sum(spend) AS spend, sum(conversion) AS conversions,
             rank() OVER (PARTITION BY currency ORDER BY sum(spend) DESC) AS place
      FROM ads.ads_reports_daily
      WHERE stat_time_day BETWEEN current_date - 30 AND current_date - 1
      GROUP BY currency, ad_id) AS ranked
WHERE place <= 3
ORDER BY currency, place;
