-- What does TikTok get to see of a query? EXPLAIN tells, and asks it nothing
\pset format unaligned
\pset tuples_only on
EXPLAIN (VERBOSE, COSTS OFF)
SELECT stat_time_day, campaign_id, spend, clicks
FROM ads.campaigns_reports_daily
WHERE stat_time_day BETWEEN date '2026-01-01' AND date '2026-03-31'
  AND campaign_id IN (1700000000000001, 1700000000000002)
  AND spend > 10;
