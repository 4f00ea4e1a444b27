-- Connects the database to TikTok: what a user does once. Values come from the
-- environment, so that none of them is on a command line.
\set ECHO none
\getenv api_url TIKTOK_API_URL
\getenv token TIKTOK_ACCESS_TOKEN
\getenv app_id TIKTOK_APP_ID
\getenv secret TIKTOK_SECRET
\getenv accounts TIKTOK_ADVERTISER_IDS
\getenv environment TIKTOK_ENVIRONMENT

\echo
\echo '== Connecting: six statements make every stream of TikTok a table'
\echo
\echo 'CREATE EXTENSION tiktok_fdw;'
\echo 'CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw;'
\echo 'CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok'
\echo '    OPTIONS (access_token ''...'', app_id ''...'', secret ''...'');'
\echo 'CREATE SCHEMA ads;'
\echo 'IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO ads;'
\echo
\echo '-- and what each column is, as comments'
\echo 'SELECT tiktok.comment_tables(''ads'');'

CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw;

\if :{?token}
    CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token :'token');
    \if :{?app_id}
        ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (ADD app_id :'app_id');
    \endif
    \if :{?secret}
        ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (ADD secret :'secret');
    \endif
    \if :{?accounts}
        ALTER SERVER tiktok OPTIONS (ADD advertiser_ids :'accounts');
    \endif
    \if :{?environment}
        ALTER SERVER tiktok OPTIONS (ADD environment :'environment');
    \endif
\else
    ALTER SERVER tiktok OPTIONS (ADD api_url :'api_url');
    CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
        OPTIONS (access_token 'local-access-token', app_id '7000000000000000001',
                 secret 'local-secret');
\endif

CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO ads;
\echo
SELECT tiktok.comment_tables('ads') AS comments;

-- The warehouse that the company has already: what its shop sold, by day and by
-- the campaign that a buyer came from. Here made up, from what was spent.
CREATE SCHEMA demo;
CREATE TABLE demo.orders AS
    SELECT stat_time_day AS day, campaign_id,
           round(sum(spend) * (40 + abs(hashint8(campaign_id)::bigint) % 400) / 100, 2) AS revenue
    FROM ads.campaigns_reports_daily
    WHERE stat_time_day >= current_date - 14
    GROUP BY stat_time_day, campaign_id;
ALTER TABLE demo.orders ADD PRIMARY KEY (day, campaign_id);
