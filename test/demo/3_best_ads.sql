-- The best ads of the last 30 days, in each currency?
SELECT currency, ad_name, campaign_name, spend, conversions,
       round(spend / nullif(conversions, 0), 2) AS cost_per_conversion
FROM (SELECT a.currency, r.ad_id, max(r.ad_name) AS ad_name, max(r.campaign_name) AS campaign_name,
             sum(r.spend) AS spend, sum(r.conversion) AS conversions,
             rank() OVER (PARTITION BY a.currency ORDER BY sum(r.spend) DESC) AS place
      FROM ads.ads_reports_daily r
      JOIN ads.advertisers a USING (advertiser_id)
      WHERE r.stat_time_day BETWEEN current_date - 30 AND current_date - 1
      GROUP BY a.currency, r.ad_id) best
WHERE place <= 4
ORDER BY currency, place;
