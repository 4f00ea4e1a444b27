--
-- What is kept of a foreign table from one query to the next: it costs no
-- look-ups, is never out of date, and outlives its use.
--
\getenv api TIKTOK_API_URL
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url :'api', rate_limit '1000');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
	OPTIONS (access_token 'local-access-token', app_id '7000000000000000001', secret 'local-secret');
CREATE SCHEMA ads;
CREATE SCHEMA wide;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads, campaigns, ads_reports_daily) FROM SERVER tiktok INTO ads;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_daily) FROM SERVER tiktok INTO wide OPTIONS (metrics 'all');
\set SHOW_CONTEXT never
SET datestyle = 'ISO, YMD';
\pset tuples_only on
\pset format unaligned

-- ---- what planning looks up, counted and not timed

-- scans of what describes columns, and of what tells operators, by a plan
CREATE FUNCTION public.scans(query text, OUT columns bigint, OUT operators bigint)
LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	columns := -pg_stat_get_xact_numscans('pg_attribute_relid_attnum_index'::regclass);
	operators := -pg_stat_get_xact_numscans('pg_opclass_am_name_nsp_index'::regclass)
		- pg_stat_get_xact_numscans('pg_opclass'::regclass);
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
	END LOOP;
	columns := columns + pg_stat_get_xact_numscans('pg_attribute_relid_attnum_index'::regclass);
	operators := operators + pg_stat_get_xact_numscans('pg_opclass_am_name_nsp_index'::regclass)
		+ pg_stat_get_xact_numscans('pg_opclass'::regclass);
END $$;
-- the first plan of a session: not a scan for each of a thousand columns
\c
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
SELECT count(*) > 1000 FROM pg_attribute WHERE attrelid = 'wide.ads_reports_daily'::regclass;
SELECT columns > 0, columns < 50 FROM
	public.scans($$SELECT spend FROM wide.ads_reports_daily WHERE stat_time_day >= '2026-06-01'$$);
-- the next ones: none at all
SELECT * FROM public.scans($$SELECT spend FROM wide.ads_reports_daily WHERE stat_time_day >= '2026-06-01'$$);
SELECT * FROM public.scans($$SELECT * FROM wide.ads_reports_daily WHERE stat_time_day >= '2026-06-01'$$);
-- nor for each of many partitions
CREATE TABLE ads.parts (advertiser_id bigint NOT NULL, campaign_id bigint, campaign_name text)
	PARTITION BY LIST (advertiser_id);
DO $$ BEGIN
	FOR i IN 1 .. 40 LOOP
		EXECUTE format('CREATE FOREIGN TABLE ads.part_%1$s PARTITION OF ads.parts FOR VALUES IN (%1$s) '
			'SERVER tiktok OPTIONS (stream ''campaigns'')', i);
	END LOOP;
END $$;
SELECT columns < 40 * 4 FROM public.scans('SELECT * FROM ads.parts WHERE campaign_id > 7');
SELECT * FROM public.scans('SELECT * FROM ads.parts WHERE campaign_id > 7');

-- ---- nothing out of date

-- what a query asks for
CREATE FUNCTION public.asks(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		IF line ~ '(Foreign Scan on|(Stream|Accounts|Windows|Filters|Metrics|Fields|Page Size|Pushed Conditions): )' THEN
			result := concat_ws('; ', nullif(result, ''), trim(regexp_replace(line, '^ *(-> *)?', '')));
		END IF;
	END LOOP;
	RETURN result;
END $$;
\set q 'SELECT asks($$SELECT * FROM ads.r WHERE stat_time_day = ''2026-06-01''$$)'
CREATE FOREIGN TABLE ads.r (advertiser_id bigint, ad_id bigint, stat_time_day timestamp, spend numeric)
	SERVER tiktok OPTIONS (stream 'ads_reports_daily');
:q;
ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (ADD path 'metrics.clicks');
:q;
ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (SET path 'metrics.reach');
:q;
ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (DROP path);
:q;
ALTER FOREIGN TABLE ads.r ADD COLUMN impressions bigint;
:q;
ALTER FOREIGN TABLE ads.r RENAME impressions TO frequency;
:q;
ALTER FOREIGN TABLE ads.r DROP COLUMN frequency;
:q;
ALTER FOREIGN TABLE ads.r RENAME spend TO no_such_dimension;
ALTER FOREIGN TABLE ads.r ALTER no_such_dimension OPTIONS (ADD path 'dimensions.no_such');
:q;
ALTER FOREIGN TABLE ads.r ALTER no_such_dimension OPTIONS (DROP path);
ALTER FOREIGN TABLE ads.r RENAME no_such_dimension TO spend;
ALTER FOREIGN TABLE ads.r ALTER stat_time_day TYPE date;
:q;
ALTER FOREIGN TABLE ads.r OPTIONS (ADD page_size '7', ADD advertiser_ids '11,12');
:q;
ALTER FOREIGN TABLE ads.r OPTIONS (DROP page_size, SET stream 'campaigns_reports_daily');
:q;
ALTER FOREIGN TABLE ads.r OPTIONS (DROP advertiser_ids, SET stream 'report', ADD data_level 'AUCTION_AD',
	ADD dimensions 'ad_id,stat_time_day');
:q;
ALTER FOREIGN TABLE ads.r OPTIONS (SET dimensions 'ad_id,stat_time_day,country_code');
ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (ADD path 'dimensions.country_code');
:q;
ALTER FOREIGN TABLE ads.r OPTIONS (DROP data_level, DROP dimensions, SET stream 'ads_reports_daily');
:q;
ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (DROP path);
ALTER SERVER tiktok OPTIONS (ADD advertiser_ids '21', ADD page_size '9');
:q;
ALTER SERVER tiktok OPTIONS (DROP advertiser_ids, DROP page_size);
:q;
-- the name, in messages: of the column, the table, its schema and a schema renamed
ALTER FOREIGN TABLE ads.r ALTER stat_time_day TYPE timestamp;
SELECT * FROM ads.r;
ALTER FOREIGN TABLE ads.r RENAME stat_time_day TO "Day";
ALTER FOREIGN TABLE ads.r ALTER "Day" OPTIONS (ADD path 'dimensions.stat_time_day');
SELECT * FROM ads.r;
ALTER FOREIGN TABLE ads.r RENAME TO s;
SELECT * FROM ads.s;
CREATE SCHEMA other;
ALTER FOREIGN TABLE ads.s SET SCHEMA other;
SELECT * FROM other.s;
ALTER SCHEMA other RENAME TO "Other";
SELECT * FROM "Other".s;
-- another table of the same name
ALTER FOREIGN TABLE "Other".s RENAME TO gone;
CREATE FOREIGN TABLE "Other".s (campaign_id bigint) SERVER tiktok OPTIONS (stream 'campaigns');
SELECT asks('SELECT * FROM "Other".s');
DROP SCHEMA "Other" CASCADE;
-- what is rolled back, in whole and in part
CREATE FOREIGN TABLE ads.r (advertiser_id bigint, ad_id bigint, stat_time_day timestamp, spend numeric)
	SERVER tiktok OPTIONS (stream 'ads_reports_daily');
:q;
BEGIN;
ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (ADD path 'metrics.clicks');
:q;
SAVEPOINT one;
ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (SET path 'metrics.reach');
:q;
ROLLBACK TO one;
:q;
ROLLBACK;
:q;
-- a prepared statement, by custom and by generic plans
PREPARE p(timestamp) AS SELECT spend FROM ads.r WHERE stat_time_day = $1;
\set q 'SELECT asks($$EXECUTE p(''2026-06-01'')$$)'
SET plan_cache_mode = force_generic_plan;
:q;
ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (ADD path 'metrics.clicks');
:q;
ALTER FOREIGN TABLE ads.r OPTIONS (ADD page_size '7');
:q;
ALTER SERVER tiktok OPTIONS (ADD page_size '9');
ALTER FOREIGN TABLE ads.r OPTIONS (DROP page_size);
:q;
ALTER SERVER tiktok OPTIONS (DROP page_size);
SET plan_cache_mode = auto;
:q;
-- a change of the catalogue by hand, which no relation is told of
UPDATE pg_foreign_table SET ftoptions = '{stream=ads_reports_lifetime}' WHERE ftrelid = 'ads.r'::regclass;
SELECT asks('SELECT ad_id FROM ads.r WHERE spend > 1');
DEALLOCATE p;
DROP FOREIGN TABLE ads.r;

-- ---- what is forgotten while it is used stays readable, and is freed after

CREATE TABLE ads.expected AS SELECT t::text AS t FROM ads.ads t;
SELECT count(*) > 40 FROM ads.expected;
ALTER FOREIGN TABLE ads.ads OPTIONS (ADD page_size '50');
CREATE VIEW public.kept AS SELECT count(*) FROM pg_backend_memory_contexts
	WHERE name = 'tiktok_fdw table' AND ident = 'ads.ads';
BEGIN;
DECLARE c CURSOR FOR SELECT t::text AS t FROM ads.ads t;
CREATE TABLE ads.read (t text);
CREATE FUNCTION public.read(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c refcursor := 'c';
	row record;
BEGIN
	FOR i IN 1 .. n LOOP
		FETCH c INTO row;
		EXIT WHEN NOT FOUND;
		INSERT INTO ads.read VALUES (row.t);
	END LOOP;
END $$;
SELECT read(5);
TABLE kept;
-- the cursor has the first description, the plan after it another
GRANT SELECT ON ads.ads TO public;
SELECT asks('SELECT ad_id FROM ads.ads');
TABLE kept;
SELECT read(120);
GRANT UPDATE ON ads.ads TO public;
SELECT asks('SELECT ad_id FROM ads.ads');
SELECT read(100000);
SELECT count(*) FROM ((TABLE ads.read EXCEPT ALL TABLE ads.expected)
	UNION ALL (TABLE ads.expected EXCEPT ALL TABLE ads.read)) d;
TABLE kept;
CLOSE c;
TABLE kept;
-- an error leaves none behind
SAVEPOINT one;
DECLARE c CURSOR FOR SELECT t::text FROM ads.ads t;
SELECT read(1);
GRANT INSERT ON ads.ads TO public;
SELECT asks('SELECT ad_id FROM ads.ads');
TABLE kept;
ROLLBACK TO one;
SELECT asks('SELECT ad_id FROM ads.ads');
TABLE kept;
COMMIT;
DO $$ BEGIN
	FOR i IN 1 .. 20 LOOP
		GRANT SELECT ON ads.ads TO public;
		PERFORM asks('SELECT ad_id FROM ads.ads');
		REVOKE SELECT ON ads.ads FROM public;
	END LOOP;
END $$;
SELECT asks('SELECT ad_id FROM ads.ads');
TABLE kept;
DROP FOREIGN TABLE ads.ads;
TABLE kept;

DROP VIEW public.kept;
DROP FUNCTION public.scans, public.asks, public.read;
DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA ads, wide CASCADE;
