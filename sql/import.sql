--
-- IMPORT FOREIGN SCHEMA: which tables, which columns, and what it refuses.
-- Nothing here talks to an API.
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
\set SHOW_CONTEXT never
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw;
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO ads;

-- a table for each stream that connectors have, with no option but its stream
CREATE VIEW imported AS
	SELECT c.oid, c.relname, c.relnamespace, s.name AS stream, s.seed_name, t.ftoptions
	FROM pg_class c JOIN pg_foreign_table t ON t.ftrelid = c.oid
	LEFT JOIN tiktok.streams s ON s.name = c.relname;
CREATE FUNCTION missing(schema regnamespace) RETURNS TABLE (stream name) LANGUAGE sql
	AS $$ SELECT name FROM tiktok.streams WHERE seed_name IS NOT NULL
		EXCEPT SELECT i.stream FROM imported i WHERE i.relnamespace = schema ORDER BY 1 $$;
SELECT count(*) >= 36 AS enough, count(*) FILTER (WHERE stream IS NULL) AS no_stream,
	count(*) FILTER (WHERE ftoptions <> ARRAY['stream=' || stream]) AS other_options
FROM imported WHERE relnamespace = 'ads'::regnamespace;
SELECT missing('ads');
-- those tables stay what they are, whatever is added to the catalogue
SELECT relname, count(*) AS columns
FROM imported JOIN pg_attribute a ON a.attrelid = imported.oid AND a.attnum > 0
WHERE relnamespace = 'ads'::regnamespace AND seed_name IS NOT NULL GROUP BY 1 ORDER BY 1;

-- the columns are those of the catalogue, in its order, of its types; only
-- advertiser_id, the first, is NOT NULL; none has an option
SELECT i.stream, k.ordinal, k.name, a.attname
FROM imported i JOIN pg_attribute a ON a.attrelid = i.oid AND a.attnum > 0
FULL JOIN (SELECT k.* FROM tiktok.stream_columns k JOIN imported i USING (stream)
	WHERE i.relnamespace = 'ads'::regnamespace) k
	ON k.stream = i.stream AND k.ordinal = a.attnum AND k.name = a.attname
	AND format_type(a.atttypid, a.atttypmod) = CASE k.type
		WHEN 'timestamp' THEN 'timestamp without time zone'
		WHEN 'timestamptz' THEN 'timestamp with time zone' ELSE k.type END
WHERE coalesce(i.relnamespace, 'ads'::regnamespace) = 'ads'::regnamespace AND (a.attname IS NULL
	OR k.name IS NULL OR a.attfdwoptions IS NOT NULL
	OR a.attnotnull <> (a.attname = 'advertiser_id' AND a.attnum = 1));
\d ads.advertisers_audience_reports_by_country_daily
\d ads.creative_assets_music

-- every metric that is legal for the report
CREATE SCHEMA "all";
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_hourly, ads_reports_daily, ads_reports_lifetime,
	advertisers_reports_daily, campaigns_audience_reports_daily, campaigns)
FROM SERVER tiktok INTO "all" OPTIONS (metrics 'all');
SELECT c.relname, count(*) > 900 AS many,
	count(*) FILTER (WHERE a.attname = 'cash_spend') AS cash_spend,
	count(*) FILTER (WHERE a.attname = 'ad_name') AS ad_name,
	count(*) FILTER (WHERE a.attname = 'billed_cost') AS billed_cost
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'all'::regnamespace GROUP BY 1 ORDER BY 1;
-- they contain the core columns, but for one that the API refuses beside ad_id
SELECT k.stream, k.name FROM tiktok.stream_columns k
JOIN pg_class c ON c.relname = k.stream AND c.relnamespace = 'all'::regnamespace
WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = k.name);

-- LIMIT TO and EXCEPT; names that need quotes
CREATE SERVER "Tik ""Tok""" FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (environment 'sandbox');
CREATE SCHEMA "My Ads";
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campaigns, advertiser_ids)
FROM SERVER "Tik ""Tok""" INTO "My Ads" OPTIONS (metrics 'core');
SELECT c.relname, s.srvname FROM pg_foreign_table t
JOIN pg_class c ON c.oid = t.ftrelid JOIN pg_foreign_server s ON s.oid = t.ftserver
WHERE c.relnamespace = '"My Ads"'::regnamespace ORDER BY 1;
CREATE SCHEMA rest;
IMPORT FOREIGN SCHEMA tiktok EXCEPT (campaigns, ads, no_such_stream) FROM SERVER tiktok INTO rest;
SELECT missing('rest');
-- the sandbox gets all of them too
CREATE SCHEMA sandbox;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER "Tik ""Tok""" INTO sandbox;
SELECT missing('sandbox');
-- streams that connectors do not know: on demand only, all or by name
CREATE SCHEMA every;
IMPORT FOREIGN SCHEMA tiktok EXCEPT (ads_reports_weekly) FROM SERVER tiktok INTO every OPTIONS (streams 'all');
SELECT count(*) = (SELECT count(*) - 1 FROM tiktok.streams WHERE imported_by <> 'named') AS every
FROM pg_class WHERE relnamespace = 'every'::regnamespace;
SELECT s.name FROM tiktok.streams s WHERE s.imported_by = 'all'
	AND NOT EXISTS (SELECT FROM pg_class c WHERE c.relname = s.name AND c.relnamespace = 'every'::regnamespace);
-- streams that the API may not have: by name only
SELECT s.name, s.note,
	EXISTS (SELECT FROM pg_class c WHERE c.relname = s.name AND c.relnamespace = 'every'::regnamespace) AS is_there
FROM tiktok.streams s WHERE s.note LIKE 'In doubt%';
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_audience_reports_by_interest_category_daily)
FROM SERVER tiktok INTO every;
SELECT count(*) FROM pg_class WHERE oid = 'every.ads_audience_reports_by_interest_category_daily'::regclass;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_weekly) FROM SERVER tiktok INTO every OPTIONS (streams 'core');
SELECT s.grain, c.relname, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
	FILTER (WHERE a.attname ~ '(_id|_date|_to|_week|_month|spend)$' AND a.attnum < 9) AS first_columns
FROM tiktok.streams s JOIN pg_class c ON c.relname = s.name AND c.relnamespace = 'every'::regnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE s.grain IN ('week', 'month', 'period') GROUP BY 1, 2 ORDER BY 1, 2;

-- what it refuses
CREATE SCHEMA none;
IMPORT FOREIGN SCHEMA public FROM SERVER tiktok INTO none;
\echo :LAST_ERROR_SQLSTATE
IMPORT FOREIGN SCHEMA "TikTok" FROM SERVER tiktok INTO none;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO none OPTIONS (metrics 'some');
\echo :LAST_ERROR_SQLSTATE
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO none OPTIONS (metric 'all');
\echo :LAST_ERROR_SQLSTATE
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO none OPTIONS (metrics 'all', metrics 'core');
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO none OPTIONS (streams 'seed');
\echo :LAST_ERROR_SQLSTATE
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campains) FROM SERVER tiktok INTO none;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (report) FROM SERVER "Tik ""Tok""" INTO none;
SELECT count(*) FROM pg_class WHERE relnamespace = 'none'::regnamespace;

-- by hand: one's own names, types and report
CREATE FOREIGN TABLE mine (advertiser_id bigint, cid text OPTIONS (path 'campaign_id'))
SERVER tiktok OPTIONS (stream 'campaigns', advertiser_ids '1');
CREATE FOREIGN TABLE languages (advertiser_id bigint, campaign_id bigint, language text,
	spend numeric, tomorrows_metric bigint)
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_CAMPAIGN',
	dimensions 'campaign_id,language', start_date '2026-01-01');
ALTER FOREIGN TABLE ads.ads_reports_daily ADD COLUMN skan_conversion bigint;
\d mine

DROP FUNCTION missing;
DROP VIEW imported;
DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA ads, "all", "My Ads", rest, sandbox, every, none;
