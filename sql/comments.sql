--
-- tiktok.comment_tables(): the catalogue's descriptions as comments of foreign
-- tables and columns. Nothing here talks to an API.
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
\set SHOW_CONTEXT never
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw;
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO ads OPTIONS (streams 'all');
-- and those that only LIMIT TO finds
DO $$BEGIN
	EXECUTE (SELECT format('IMPORT FOREIGN SCHEMA tiktok LIMIT TO (%s) FROM SERVER tiktok INTO ads', string_agg(name, ', '))
		FROM tiktok.streams WHERE imported_by = 'named');
END$$;
CREATE VIEW commented AS
	SELECT c.relname, a.attname, a.attnum, col_description(c.oid, a.attnum) AS comment
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relnamespace = 'ads'::regnamespace AND c.relkind = 'f';

-- an import writes none; every table and column gets that of the catalogue, once
SELECT count(comment) FROM commented;
SELECT tiktok.comment_tables('ads') = (SELECT count(*) FROM tiktok.streams)
	+ (SELECT count(*) FROM tiktok.stream_columns) AS all_written;
SELECT k.stream, k.name, k.description, c.comment
FROM tiktok.stream_columns k LEFT JOIN commented c ON c.relname = k.stream AND c.attname = k.name
WHERE c.comment IS DISTINCT FROM k.description;
SELECT tiktok.comment_tables('ads');
SELECT relname, obj_description(oid, 'pg_class') FROM pg_class
WHERE relnamespace = 'ads'::regnamespace AND relname IN ('campaigns', 'advertisers', 'ads_reports_daily') ORDER BY 1;
SELECT attname, comment FROM commented WHERE relname = 'campaigns' AND attnum <= 3 ORDER BY attnum;

-- those of all metrics
CREATE SCHEMA "all";
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_daily) FROM SERVER tiktok INTO "all" OPTIONS (metrics 'all');
SELECT tiktok.comment_tables('all') > 900 AS written;
SELECT count(*) FROM pg_attribute a JOIN tiktok.report_metrics m ON m.name = a.attname
WHERE a.attrelid = '"all".ads_reports_daily'::regclass AND a.attname <> 'advertiser_id'
	AND col_description(a.attrelid, a.attnum) IS DISTINCT FROM m.description;

-- names of one's own, paths, dropped and generated columns, a metric that nobody knows
CREATE SCHEMA "My ""Ads'";
CREATE FOREIGN TABLE "My ""Ads'"."Spend %s; --" (
	gone integer,
	"Advertiser" bigint OPTIONS (path 'metrics.advertiser_id'),
	"It's ""dollars""" numeric OPTIONS (path 'metrics.spend'),
	country_code text, stat_time_day date,
	clicks bigint,
	ratio numeric GENERATED ALWAYS AS (clicks / 2) STORED,
	tomorrows_metric bigint)
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_CAMPAIGN',
	dimensions 'campaign_id, stat_time_day,country_code');
ALTER FOREIGN TABLE "My ""Ads'"."Spend %s; --" DROP COLUMN gone;
SELECT tiktok.comment_tables('My "Ads''');
CREATE VIEW mine AS
	SELECT a.attname, col_description(a.attrelid, a.attnum) FROM pg_attribute a
	WHERE a.attrelid = '"My ""Ads''"."Spend %s; --"'::regclass AND a.attnum > 0 AND NOT a.attisdropped
	ORDER BY a.attnum;
SELECT * FROM mine;
SELECT obj_description('"My ""Ads''"."Spend %s; --"'::regclass, 'pg_class');

-- comments of one's own stay, the catalogue's follow the path
COMMENT ON FOREIGN TABLE "My ""Ads'"."Spend %s; --" IS 'by country';
COMMENT ON COLUMN "My ""Ads'"."Spend %s; --".clicks IS 'clicks, of course';
ALTER FOREIGN TABLE "My ""Ads'"."Spend %s; --"
	ALTER "It's ""dollars""" OPTIONS (SET path 'metrics.impressions'),
	ALTER clicks OPTIONS (ADD path 'metrics.conversion'),
	ALTER stat_time_day OPTIONS (ADD path 'metrics.another_day');
SELECT tiktok.comment_tables('My "Ads''');
SELECT * FROM mine;
SELECT obj_description('"My ""Ads''"."Spend %s; --"'::regclass, 'pg_class');
SELECT tiktok.comment_tables('My "Ads''');

-- only tables of this wrapper, and those that the caller owns
CREATE ROLE regress_tiktok_reader;
CREATE FOREIGN DATA WRAPPER another;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER another;
CREATE SCHEMA mixed;
GRANT USAGE ON SCHEMA mixed TO regress_tiktok_reader;
CREATE FOREIGN TABLE mixed.theirs (spend numeric) SERVER elsewhere OPTIONS (stream 'campaigns');
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (advertiser_ids, campaigns) FROM SERVER tiktok INTO mixed;
ALTER FOREIGN TABLE mixed.campaigns OWNER TO regress_tiktok_reader;
SET ROLE regress_tiktok_reader;
SELECT tiktok.comment_tables('mixed') > 1 AS written;
SELECT tiktok.comment_tables('ads');
RESET ROLE;
SELECT relname, obj_description(oid, 'pg_class') IS NOT NULL AS commented FROM pg_class
WHERE relnamespace = 'mixed'::regnamespace ORDER BY 1;
SELECT tiktok.comment_tables('mixed') > 0 AS written;
SELECT relname, obj_description(oid, 'pg_class') IS NOT NULL AS commented FROM pg_class
WHERE relnamespace = 'mixed'::regnamespace ORDER BY 1;

SELECT tiktok.comment_tables('no such schema');
\echo :LAST_ERROR_SQLSTATE
SELECT tiktok.comment_tables('public');

DROP SCHEMA mixed CASCADE;
DROP FOREIGN DATA WRAPPER another CASCADE;
DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA ads, "all", "My ""Ads'" CASCADE;
DROP ROLE regress_tiktok_reader;
