--
-- Time bounds of reports: which days are asked for, in which windows.
-- The number of requests is that of windows: 30 days with stat_time_day, one
-- with stat_time_hour.
--
\getenv api TIKTOK_API_URL
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw
	OPTIONS (api_url :'api', rate_limit '1000', advertiser_ids '7002238017842757633');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token 'local-access-token');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campaigns_reports_daily, campaigns_reports_hourly,
	campaigns_reports_lifetime, campaigns_audience_reports_by_country_daily)
FROM SERVER tiktok INTO ads;
ALTER FOREIGN TABLE ads.campaigns_reports_daily RENAME TO daily;
ALTER FOREIGN TABLE ads.campaigns_reports_hourly RENAME TO hourly;
SET search_path = ads, public;
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
\set SHOW_CONTEXT never
\pset null '-'

-- the truth: all that there is, in a local table
CREATE TABLE public.d AS SELECT campaign_id, stat_time_day, spend FROM daily
WHERE stat_time_day >= '2025-01-01';
CREATE TABLE public.h AS SELECT campaign_id, stat_time_hour, spend FROM hourly
WHERE stat_time_hour >= '2026-06-10' AND stat_time_hour < '2026-07-02';
SELECT count(*) > 100 AS some, count(DISTINCT stat_time_day), min(stat_time_day), max(stat_time_day) FROM d;
SELECT count(*) > 100 AS some, count(DISTINCT stat_time_hour), min(stat_time_hour), max(stat_time_hour) FROM h;

-- rows of a condition, whether they are those of the local table, and the
-- windows asked for (one account: a request each)
CREATE FUNCTION public.try(tab text, condition text) RETURNS TABLE (rows bigint, same boolean,
	windows bigint) LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found text[];
	here text[];
	list text := 'campaign_id, ' || CASE tab WHEN 'daily' THEN 'stat_time_day' ELSE 'stat_time_hour' END
		|| ', spend';
BEGIN
	EXECUTE format('SELECT array_agg(x ORDER BY x) FROM (SELECT (%s)::text AS x FROM %I WHERE %s) q',
		list, tab, condition) INTO found;
	EXECUTE format('SELECT array_agg(x ORDER BY x) FROM (SELECT (%s)::text AS x FROM %I WHERE %s) q',
		list, left(tab, 1), condition) INTO here;
	rows := coalesce(cardinality(found), 0);
	same := found IS NOT DISTINCT FROM here;
	windows := 0;
	FOR line IN EXECUTE format('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
		SELECT %s FROM %I WHERE %s', list, tab, condition) LOOP
		IF line ~ '^\s*Requests: ' THEN
			windows := windows + substring(line FROM '\d+')::bigint;
		END IF;
	END LOOP;
	RETURN NEXT;
END $$;
CREATE FUNCTION public.some_day() RETURNS date LANGUAGE sql STABLE AS $$SELECT date '2026-06-20'$$;

-- days
SELECT c, t.* FROM (VALUES
	('stat_time_day = ''2026-06-20'''),
	('''2026-06-20'' = stat_time_day'),
	('stat_time_day BETWEEN ''2026-05-01'' AND ''2026-05-30'''),
	('stat_time_day BETWEEN ''2026-05-01'' AND ''2026-05-31'''),
	('stat_time_day >= ''2026-05-01'' AND stat_time_day < ''2026-05-31'''),
	('stat_time_day > ''2026-04-30'' AND stat_time_day <= ''2026-05-30'''),
	('''2026-05-30'' >= stat_time_day AND ''2026-04-30'' < stat_time_day'),
	('stat_time_day >= ''2026-05-01'' AND stat_time_day >= ''2026-05-20'' AND stat_time_day < ''2026-05-31'''),
	('stat_time_day IN (''2026-05-01'', ''2026-05-30'')'),
	('stat_time_day IN (''2026-05-01'', ''2026-05-31'')'),
	('stat_time_day IN (''2026-03-01'', ''2026-06-01'', NULL)'),
	('stat_time_day = ANY (''{2026-05-01,2026-05-02}'')'),
	('stat_time_day = ''2026-05-01'' OR stat_time_day = ''2026-06-20'''),
	('stat_time_day = some_day()'),
	('stat_time_day = (SELECT date ''2026-06-20'')'),
	('stat_time_day IN (SELECT date ''2026-06-20'')'),
	('stat_time_day = ''2026-06-20''::text::date'),
	('stat_time_day BETWEEN ''2026-06-01'' AND ''2026-06-30'' AND extract(dow FROM stat_time_day) = 0'),
	('stat_time_day >= ''2026-06-01'' AND stat_time_day <= ''2026-06-30'' AND stat_time_day <> ''2026-06-15'''),
	-- the whole window of a year, by day: 13
	('stat_time_day BETWEEN ''2025-07-01'' AND ''2026-06-30'''),
	-- other types of value
	('stat_time_day >= timestamp ''2026-06-20 00:00'' AND stat_time_day < timestamp ''2026-06-21 00:00'''),
	('stat_time_day >= timestamp ''2026-06-20 00:01'' AND stat_time_day <= timestamp ''2026-06-21 23:59'''),
	('stat_time_day > timestamp ''2026-06-20 00:00'' AND stat_time_day < timestamp ''2026-06-21 00:01'''),
	('stat_time_day = timestamp ''2026-06-20 00:00'''),
	('stat_time_day = timestamp ''2026-06-20 12:00'''),
	('stat_time_day::timestamp = ''2026-06-20'' AND stat_time_day >= ''2026-06-19'' AND stat_time_day < ''2026-06-22'''),
	('date_trunc(''month'', stat_time_day) = ''2026-06-01'' AND stat_time_day >= ''2026-05-30''
		AND stat_time_day < ''2026-07-03''')) AS v (c), try('daily', c) t;

-- what cannot be true asks nothing
SELECT c, t.* FROM (VALUES
	('stat_time_day = ''2026-06-20'' AND stat_time_day = ''2026-06-21'''),
	('stat_time_day > ''2026-06-20'' AND stat_time_day < ''2026-06-21'''),
	('stat_time_day >= ''2026-06-20'' AND stat_time_day < ''2026-06-20'''),
	('stat_time_day BETWEEN ''2026-06-20'' AND ''2026-06-10'''),
	('stat_time_day = NULL'), ('stat_time_day >= NULL'), ('stat_time_day = ANY (''{}'')'),
	('stat_time_day IN (''2026-06-20'', ''2026-06-22'') AND stat_time_day = ''2026-06-21'''),
	('stat_time_day = ''infinity'''), ('stat_time_day >= ''infinity'''), ('stat_time_day = ''-infinity'''),
	('stat_time_day < ''-infinity'''), ('stat_time_day <= ''-infinity'''),
	('stat_time_day = ''0001-01-01'''), ('stat_time_day >= ''9999-12-31'''),
	('stat_time_day >= ''5874897-12-31'''), ('stat_time_day >= timestamp ''294276-12-31'''),
	('stat_time_day >= (SELECT date ''9999-01-01'')'), ('stat_time_day = (SELECT NULL::date)'))
	AS v (c), try('daily', c) t;

-- whatever bounds the day from below will do, and only its days are asked for
SELECT c, t.* FROM (VALUES
	('stat_time_day BETWEEN ''2026-06-01'' AND ''2026-06-21'' OR stat_time_day BETWEEN ''2025-07-01'' AND ''2025-07-21'''),
	('stat_time_day BETWEEN ''2026-06-01'' AND ''2026-06-03'' OR stat_time_day = ''2026-02-20'''),
	('stat_time_day BETWEEN SYMMETRIC ''2026-06-20'' AND ''2026-06-11'''),
	('(stat_time_day, campaign_id) >= (''2026-06-20'', 5)'),
	('(stat_time_day, campaign_id) > (''2026-06-20'', 9223372036854775807)'),
	('(''2026-06-20'', 5) < (stat_time_day, campaign_id) AND (stat_time_day, spend) <= (''2026-06-22'', 100)'),
	('date_trunc(''month'', stat_time_day) = ''2026-06-01'''),
	('date_trunc(''month'', stat_time_day) = ''2026-06-02'''),
	('date_trunc(''week'', stat_time_day) IN (''2026-06-01'', ''2026-04-06'')'),
	('date_trunc(''quarter'', stat_time_day) >= ''2026-04-01'' AND date_trunc(''quarter'', stat_time_day) < ''2026-07-01'''),
	('date_trunc(''year'', stat_time_day) > ''2025-01-01'' AND stat_time_day <= ''2026-01-20'''),
	('extract(year FROM stat_time_day) = 2026 AND extract(month FROM stat_time_day) = 6'),
	('date_part(''year'', stat_time_day) >= 2026 AND date_part(''month'', stat_time_day) < 3'),
	('extract(isoyear FROM stat_time_day) = 2026 AND extract(week FROM stat_time_day) IN (2, 20)'),
	('extract(year FROM stat_time_day) * 100 + extract(month FROM stat_time_day) = 202605'),
	('to_char(stat_time_day, ''YYYY-MM'') = ''2026-05'''),
	('stat_time_day::text LIKE ''2026-05-1%'''),
	('stat_time_day <@ daterange(''2026-06-01'', ''2026-06-10'')'),
	('stat_time_day <@ daterange(''2026-06-01'', ''2026-06-10'', ''(]'')'),
	('daterange(''2026-06-28'', NULL) @> stat_time_day'),
	('stat_time_day <@ ''empty''::daterange'),
	('stat_time_day <@ ''{[2026-01-01,2026-01-05),[2026-06-01,2026-06-05]}''::datemultirange'),
	('stat_time_day - 7 >= ''2026-06-20'''),
	('stat_time_day + interval ''1 month'' > ''2026-07-20'''),
	('stat_time_day - date ''2026-06-01'' BETWEEN 3 AND 5'),
	('current_date - stat_time_day < current_date - ''2026-06-20'''),
	('stat_time_day::timestamp > ''2026-06-20 12:00'''),
	('stat_time_day::timestamptz >= ''2026-06-20'''),
	('NOT (stat_time_day < ''2026-06-20'' OR spend IS NULL)'),
	('NOT (stat_time_day < ''2026-06-20'' OR stat_time_day > ''2026-06-22'')'),
	('stat_time_day IS NOT DISTINCT FROM ''2026-06-20'''),
	('coalesce(stat_time_day >= ''2026-06-20'', false)'),
	('(stat_time_day >= ''2026-06-20'') IS TRUE'),
	('stat_time_day = some_day() OR stat_time_day = some_day() - 30'),
	('stat_time_day >= (SELECT date ''2026-06-20'') AND spend > 10 OR stat_time_day = (SELECT date ''2026-06-01'')'),
	('stat_time_day = ''2026-06-20'' OR stat_time_day >= NULL'),
	('stat_time_day = ''2026-06-20'' OR stat_time_day > ''infinity'''),
	('(stat_time_day >= ''2026-06-20'' AND NULL) OR stat_time_day = ''2026-06-01'''),
	('stat_time_day = ''2026-06-20'' OR 1 = 2')) AS v (c),
	try('daily', format('(%s) AND stat_time_day < ''2026-07-03''', c)) t;
SELECT c, t.* FROM (VALUES
	('stat_time_hour BETWEEN ''2026-06-20 05:00'' AND ''2026-06-20 07:00'' OR stat_time_hour = ''2026-06-24 05:00'''),
	('date_trunc(''week'', stat_time_hour) = ''2026-06-22'''),
	('stat_time_hour <@ tsrange(''2026-06-20 23:00'', ''2026-06-21 00:00'')'),
	('stat_time_hour <@ tsrange(''2026-06-20 23:00'', ''2026-06-21 00:00'', ''[]'')'),
	('stat_time_hour + interval ''1 hour'' = ''2026-06-21'''),
	('stat_time_hour::date - 1 = ''2026-06-20'''),
	('(stat_time_hour, campaign_id) >= (''2026-06-30 23:00'', 1)'),
	('extract(year FROM stat_time_hour) = 2026 AND date_trunc(''month'', stat_time_hour) = ''2026-07-01'''),
	('stat_time_hour BETWEEN ''2026-06-20'' AND ''2026-06-30 23:00'' AND extract(hour FROM stat_time_hour) = 13
		AND extract(isodow FROM stat_time_hour) = 1')) AS v (c),
	try('hourly', format('(%s) AND stat_time_hour < ''2026-07-02''', c)) t;

-- what is true of days of any year bounds nothing; nor does an OR with something else
SELECT count(*) FROM daily WHERE extract(month FROM stat_time_day) = 6;
SELECT count(*) FROM daily WHERE extract(dow FROM stat_time_day) <> 0 AND to_char(stat_time_day, 'DD') = '01';
SELECT count(*) FROM daily WHERE stat_time_day = '2026-06-01' OR stat_time_day IS NULL;
SELECT count(*) FROM daily WHERE stat_time_day = '2026-06-01' OR 1 = (SELECT 1);
SELECT count(*) FROM daily WHERE CASE WHEN spend > 0 THEN stat_time_day END > '2026-06-01';
SELECT count(*) FROM hourly WHERE extract(hour FROM stat_time_hour) = 13;

-- an error that no row comes to is not raised
SELECT count(*) FROM daily WHERE stat_time_day = '1999-01-01' AND stat_time_day + 2147483647 > '2026-06-01';
PREPARE maybe(text) AS SELECT count(*) > 0 AS some FROM daily
WHERE stat_time_day >= '2026-06-29' AND ($1 = '' OR stat_time_day >= $1::date);
SET plan_cache_mode = force_generic_plan;
EXECUTE maybe('');
EXECUTE maybe('2026-06-30');
RESET plan_cache_mode;

-- accounts of which each arm of an OR names one; a part of a condition
EXPLAIN (VERBOSE, COSTS OFF) SELECT spend FROM daily
WHERE (advertiser_id = 7002238017842757633 AND stat_time_day >= '2026-06-29' AND stat_time_day < '2026-07-01')
	OR (stat_time_day = '2026-06-01' AND advertiser_id IN (7030219640413208578, 7002238017842757633) AND spend > 5);
EXPLAIN (VERBOSE, COSTS OFF) SELECT spend FROM daily
WHERE date_trunc('month', stat_time_day) = '2026-06-01' AND (stat_time_day, spend) >= ('2026-06-11', 5);

-- bounds that are none, or far away
SELECT c, t.rows > 100 AS all, t.same FROM (VALUES
	('stat_time_day >= ''0044-03-15 BC'''), ('stat_time_day > ''0001-01-01'''), ('stat_time_day >= ''2015-01-01'''),
	('stat_time_day >= ''2020-01-01'' AND stat_time_day <= ''infinity'''),
	('stat_time_day >= ''2020-01-01'' AND stat_time_day < ''9999-12-31''')) AS v (c), try('daily', c) t;
SELECT count(*) FROM daily WHERE stat_time_day > '-infinity';
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM daily WHERE stat_time_day < '2026-06-01';
SELECT count(*) FROM daily WHERE stat_time_day <> '2026-06-01';
SELECT count(*) FROM daily WHERE stat_time_day <= '0044-03-15 BC';
SELECT count(*) FROM daily WHERE stat_time_day >= '2026-06-01' OR spend > 5;
SELECT count(*) FROM daily;
SELECT count(*) FROM hourly;
\echo :LAST_ERROR_SQLSTATE

-- hours
SELECT c, t.* FROM (VALUES
	('stat_time_hour = ''2026-06-20 13:00'''),
	('stat_time_hour >= ''2026-06-20 13:00'' AND stat_time_hour < ''2026-06-21 00:00'''),
	('stat_time_hour >= ''2026-06-20 13:00'' AND stat_time_hour <= ''2026-06-21 00:00'''),
	('stat_time_hour BETWEEN ''2026-06-20'' AND ''2026-06-22'''),
	('stat_time_hour > ''2026-06-20 23:30'' AND stat_time_hour < ''2026-06-21 00:30'''),
	('stat_time_hour >= date ''2026-06-20'' AND stat_time_hour < date ''2026-06-22'''),
	('stat_time_hour::date = ''2026-06-20'''),
	('stat_time_hour::date BETWEEN ''2026-06-20'' AND ''2026-06-21'''),
	('date_trunc(''day'', stat_time_hour) = ''2026-06-20'''),
	('stat_time_hour IN (''2026-06-20 13:00'', ''2026-06-22 14:00'', ''2026-06-22 15:00'')'),
	('stat_time_hour = ''2026-06-20 13:00'' OR stat_time_hour = ''2026-06-22 13:00'''),
	('stat_time_hour >= ''2026-06-22'' AND stat_time_hour < ''2026-06-22'''),
	('stat_time_hour = ''infinity'''),
	('stat_time_hour::date = ''2026-06-20'' AND stat_time_hour >= ''2026-06-21'''))
	AS v (c), try('hourly', c) t;

-- an instant is compared in the session's zone; the days are the account's
CREATE FUNCTION public.in_zone(zone text) RETURNS TABLE (condition text, rows bigint, same boolean)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('timezone', zone, true);
	RETURN QUERY SELECT c, t.rows, t.same FROM (VALUES
		('daily', 'stat_time_day >= timestamptz ''2026-06-20 00:00+00'' AND stat_time_day < ''2026-06-25'''),
		('daily', 'stat_time_day = timestamptz ''2026-06-20 00:00+00'''),
		('daily', 'stat_time_day = timestamptz ''2026-06-20 00:00-07'''),
		('daily', 'stat_time_day = timestamptz ''2026-06-20 00:00+14'''),
		('daily', 'stat_time_day > timestamptz ''2026-06-20 07:00+00'' AND stat_time_day <= timestamptz ''2026-06-24 10:00+00'''),
		('hourly', 'stat_time_hour >= timestamptz ''2026-06-21 20:00+00'' AND stat_time_hour < timestamptz ''2026-06-22 06:00+00'''),
		('daily', 'stat_time_day::timestamptz = timestamptz ''2026-06-20 00:00+00'' OR stat_time_day = ''2026-06-01'''),
		('daily', 'date_trunc(''month'', stat_time_day) = timestamptz ''2026-06-01'''),
		('hourly', 'stat_time_hour = timestamptz ''2026-06-21 20:00+00'''),
		('hourly', 'stat_time_hour::timestamptz::date = ''2026-06-21'''),
		('hourly', 'stat_time_hour <@ tsrange(''2026-06-21'', ''2026-06-21 03:00'', ''[]'')'),
		('hourly', 'date_trunc(''day'', stat_time_hour::timestamptz) = ''2026-06-22''')) AS v (tab, c), try(tab, c) t;
	PERFORM set_config('timezone', 'UTC', true);
END $$;
SELECT * FROM in_zone('UTC');
SELECT * FROM in_zone('America/Los_Angeles');
SELECT * FROM in_zone('Pacific/Kiritimati');
-- PostgreSQL takes zones of up to a week
SELECT * FROM in_zone('FAR+167:59');
SELECT * FROM in_zone('FAR-167:59');

-- the present
SELECT c, t.rows, t.same FROM (VALUES
	('stat_time_day >= current_date - 100000'), ('stat_time_day >= now() - interval ''250 years'''),
	('stat_time_day > current_date + 5'),
	('stat_time_day >= current_date + 1 AND stat_time_day < current_date')) AS v (c), try('daily', c) t;

-- parameters, as constants and in generic plans
PREPARE p(date, date) AS SELECT count(spend), min(stat_time_day), max(stat_time_day) FROM daily
WHERE stat_time_day BETWEEN $1 AND $2;
PREPARE q(date[]) AS SELECT count(spend), min(stat_time_day), max(stat_time_day) FROM daily
WHERE stat_time_day = ANY ($1);
PREPARE r(timestamptz) AS SELECT count(spend), min(stat_time_hour), max(stat_time_hour) FROM hourly
WHERE stat_time_hour >= $1 AND stat_time_hour < '2026-06-22';
SET plan_cache_mode = force_custom_plan;
EXECUTE p('2026-06-20', '2026-06-22');
EXECUTE q('{2026-06-20,2026-01-01}');
EXECUTE r('2026-06-21 10:00+00');
SET plan_cache_mode = force_generic_plan;
EXECUTE p('2026-06-20', '2026-06-22');
EXECUTE p('2026-06-20', NULL);
EXECUTE q('{2026-06-20,2026-01-01}');
EXECUTE q('{}');
EXECUTE q(NULL);
EXECUTE r('2026-06-21 10:00+00');
RESET plan_cache_mode;

-- a bound from another table
CREATE TABLE public.days (day date);
INSERT INTO days VALUES ('2026-06-20'), ('2026-06-22'), (NULL);
ANALYZE days;
SELECT day, l.* FROM days, LATERAL (SELECT count(spend) FROM daily WHERE stat_time_day = day) l ORDER BY 1;
SELECT count(spend) FROM daily WHERE stat_time_day >= (SELECT min(day) FROM days);
-- also where the plan knows a condition's value only when it runs, and that is none
SET plan_cache_mode = force_generic_plan;
PREPARE s (date) AS SELECT day, count(spend) FROM days JOIN daily ON stat_time_day = day
	WHERE NOT (stat_time_day = $1) GROUP BY 1;
EXECUTE s('2026-06-20');
RESET plan_cache_mode;

-- start_date bounds the table, whatever the query leaves open
ALTER SERVER tiktok OPTIONS (ADD start_date '2026-06-10');
SELECT c, t.* FROM (VALUES ('stat_time_day < ''2026-06-20'' AND stat_time_day >= ''2026-06-10'''),
	('stat_time_day = ''2026-06-20''')) AS v (c), try('daily', c) t;
SELECT count(*), min(stat_time_day) FROM daily WHERE stat_time_day BETWEEN '2026-05-01' AND '2026-06-19';
SELECT count(*) FROM daily WHERE stat_time_day <= '2026-06-09';
SELECT min(stat_time_day), max(stat_time_day) FROM daily WHERE stat_time_day < '2026-06-20';
SELECT count(*) FROM daily WHERE stat_time_day < '2026-06-10';
SELECT min(stat_time_hour) FROM hourly WHERE stat_time_hour < '2026-06-11';
SELECT count(*) > 0 AS lifetime FROM campaigns_reports_lifetime;

DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA ads CASCADE;
DROP TABLE d, h, days;
DROP FUNCTION try, some_day, in_zone;
