-- Which accounts are there?
SELECT advertiser_id, name, currency, timezone, balance
FROM ads.advertisers
ORDER BY name;
