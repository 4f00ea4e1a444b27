-- Why do two numbers differ? The sums of an account at each level, and what a level lacks.
-- The account is the demo's; put yours.

CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (advertiser_ids '7002238017842757633');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token '...');

-- The whole of last month, a row for each level (reason NULL: what the API gives unasked) and
-- for each reason of a gap to the account's own sum.
SELECT level, reason, spend, impressions, clicks, note
  FROM tiktok.completeness('tiktok', (date_trunc('month', now()) - interval '1 month')::date,
                           (date_trunc('month', now()) - interval '1 day')::date);

-- What nobody explains, over all accounts: what to ask TikTok's support about.
SELECT advertiser_id, level, spend
  FROM tiktok.completeness('tiktok', '2026-06-01', '2026-06-29')
 WHERE reason = 'unknown'
 ORDER BY abs(spend) DESC;
