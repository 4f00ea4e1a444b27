-- Many ad accounts: all of a token, some of them, and some that come and go.

CREATE EXTENSION tiktok_fdw;

-- With app_id and secret, and no advertiser_ids: every account that the token may read, looked
-- up in each query. A new account is there at once.
CREATE SERVER agency FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (rate_limit '10');
CREATE USER MAPPING FOR CURRENT_USER SERVER agency
    OPTIONS (access_token '...', app_id '...', secret '...');
CREATE SCHEMA agency;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER agency INTO agency;

SELECT advertiser_id, name, currency, timezone FROM agency.advertisers ORDER BY name;

-- A client of the agency sees its own accounts only: a server with a list. Grant the tables
-- of this schema to the client's role, and a mapping for it.
CREATE SERVER client FOREIGN DATA WRAPPER tiktok_fdw
    OPTIONS (advertiser_ids '7002238017842757633,7030219640413208578',
             start_date '2026-06-01', on_advertiser_error 'skip');
CREATE USER MAPPING FOR CURRENT_USER SERVER client OPTIONS (access_token '...');
CREATE SCHEMA client;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campaigns, campaigns_reports_daily)
    FROM SERVER client INTO client;

-- start_date makes the condition on the day optional; on_advertiser_error 'skip' turns an
-- account that is refused into a warning.
SELECT advertiser_id, count(DISTINCT campaign_id) AS campaigns, sum(spend) AS spend
  FROM client.campaigns_reports_daily
 GROUP BY advertiser_id
 ORDER BY advertiser_id;

-- Only the accounts that a table of one's own names: the array narrows what TikTok is asked
-- for, whatever way the join is done.
CREATE TABLE watched (advertiser_id bigint PRIMARY KEY, manager text NOT NULL);
INSERT INTO watched VALUES (7002238017842757633, 'Ana'), (7051874396120449026, 'Jun');
ANALYZE watched;

SELECT w.manager, r.stat_time_day, sum(r.spend) AS spend
  FROM watched w
  JOIN agency.advertisers_reports_daily r USING (advertiser_id)
 WHERE r.advertiser_id = ANY (ARRAY(SELECT advertiser_id FROM watched))
   AND r.stat_time_day BETWEEN '2026-06-28' AND '2026-06-29'
 GROUP BY 1, 2
 ORDER BY 1, 2;
