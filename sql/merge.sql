--
-- The merge of a snapshot: templates of statements, how a changed row is told,
-- what is written and what is not.
--
\getenv api_url TIKTOK_API_URL
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
\set SHOW_CONTEXT never
\set VERBOSITY default
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw
	OPTIONS (api_url :'api_url', rate_limit '1000', advertiser_ids '7002238017842757633');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token 'local-access-token');
CREATE SCHEMA ads;
CREATE SCHEMA mart;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_daily, campaigns, creative_assets_videos) FROM SERVER tiktok INTO ads;

-- parts are quoted as the template says, and not looked into
SELECT tiktok._fill('SELECT {cols} FROM {tab:I} WHERE a = {val:L} AND b = ''{}'' AND {n:X}',
	'{"cols": "x, \"{tab}\"", "tab": "A b", "val": "it''s"}');
SELECT tiktok._fill('SELECT {cols} FROM {tab:I}', '{"cols": "x", "tab": null}');
-- every template is a statement, and every statement a template
SELECT t.name, a.attname FROM tiktok._templates() AS t
	FULL JOIN (SELECT attname FROM pg_attribute
		WHERE attrelid = 'tiktok._statements'::regclass AND attnum > 0) AS a ON a.attname = t.name
WHERE t.name IS NULL OR a.attname IS NULL;
SELECT attname AS without_template FROM pg_attribute
WHERE attrelid = 'tiktok._beside'::regclass AND atttypid = 'text'::regtype AND attnum > 0
	AND attname NOT IN (SELECT name FROM tiktok._beside_templates());

-- rows are the same where record_image_eq() says so
CREATE TEMPORARY TABLE pairs (what text, a numeric, b numeric);
INSERT INTO pairs VALUES ('same', 1.0, 1.0), ('scale', 1.0, 1.00), ('null', NULL, 0), ('nulls', NULL, NULL),
	('sign', -1, 1), ('large', 1e200, 1e200), ('last digit', 1.000000000000000000001, 1.000000000000000000002);
SELECT what, tiktok._row_hash(7::bigint, a, 'x'::text) = tiktok._row_hash(7::bigint, b, 'x'::text) AS same,
	ROW(a)::record *= ROW(b)::record AS same_image FROM pairs;
SELECT tiktok._row_hash('ab'::text, 'c'::text) = tiktok._row_hash('a'::text, 'bc'::text) AS moved,
	tiktok._row_hash(NULL::text, ''::text) = tiktok._row_hash(''::text, NULL::text) AS swapped,
	tiktok._row_hash(1::bigint, 2::bigint) = tiktok._row_hash(2::bigint, 1::bigint) AS turned,
	tiktok._row_hash(NULL::bigint) = tiktok._row_hash(0::bigint) AS zero;
-- NULL is no value: not first, not after zeros
CREATE TEMPORARY TABLE wide (a bigint, b boolean, c date);
INSERT INTO wide VALUES (NULL, NULL, NULL), (0, NULL, NULL), (1, NULL, NULL), (-1, NULL, NULL), (NULL, false, NULL), (NULL, true, NULL),
	(NULL, NULL, '2000-01-01'), (NULL, NULL, '2000-01-02'), (0, false, '2000-01-01'), (1, true, '2000-01-02');
SELECT count(DISTINCT tiktok._row_hash(a)) AS a, count(DISTINCT tiktok._row_hash(b)) AS b, count(DISTINCT tiktok._row_hash(c)) AS c,
	count(DISTINCT tiktok._row_hash(false, 0::bigint, a)) AS za, count(DISTINCT tiktok._row_hash(false, 0::bigint, b)) AS zb,
	count(DISTINCT tiktok._row_hash(false, 0::bigint, c)) AS zc, count(DISTINCT tiktok._row_hash(a, b, c)) AS rows FROM wide;
SELECT count(DISTINCT h) AS zeros FROM (VALUES (tiktok._row_hash(0)), (tiktok._row_hash(0, 0)), (tiktok._row_hash(0, 0, 0)),
	(tiktok._row_hash(NULL::integer, 0)), (tiktok._row_hash(0, NULL::integer)), (tiktok._row_hash(NULL::integer))) AS v (h);
-- nor where another call begins
CREATE FUNCTION pg_temp.distinct_at(n integer, names text[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	zeros text[] := ARRAY(SELECT 'z' || i FROM generate_series(1, 205) AS i);
	result bigint;
BEGIN
	EXECUTE format('SELECT count(DISTINCT %s) FROM wide', tiktok._hash_of(zeros[1 : n - 1] || names || zeros[n : 205])) INTO result;
	RETURN result;
END $$;
SELECT 'ALTER TABLE wide ' || string_agg(format('ADD z%s bigint DEFAULT 0', n), ', ') AS add_zeros FROM generate_series(1, 205) AS n \gset
:add_zeros;
SELECT n, pg_temp.distinct_at(n, '{a}') AS a, pg_temp.distinct_at(n, '{b}') AS b, pg_temp.distinct_at(n, '{c}') AS c,
	pg_temp.distinct_at(n, '{a,b,c}') AS rows FROM unnest('{1,98,99,100,101,102,198,199,200,201}'::integer[]) AS n;
TRUNCATE wide;
INSERT INTO wide (z1, z101, z201) VALUES (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 1, 1), (0, 0, 0);
SELECT pg_temp.distinct_at(1, '{}') AS none_moved;
SELECT tiktok._hash_of(NULL) AS none, tiktok._hash_of('{}') AS empty, tiktok._hash_of('{a,B}') AS two;
-- however they are stored: plain, compressed, out of line
CREATE TEMPORARY TABLE stored (v text);
INSERT INTO stored VALUES (repeat('a long value ', 10000)), (repeat('a long value ', 200));
ALTER TABLE stored ALTER v SET STORAGE EXTERNAL;
INSERT INTO stored VALUES (repeat('a long value ', 10000)), (repeat('a long value ', 200));
SELECT count(DISTINCT pg_column_size(v)) > 2 AS stored_in_ways, count(DISTINCT tiktok._row_hash(v)) AS values
FROM stored;
-- of many, no two are the same
SELECT count(DISTINCT tiktok._row_hash(a, b)) FROM generate_series(1, 200) AS a, generate_series(1, 200) AS b;

-- a first merge, and one that finds nothing
SELECT inserted > 50 AS many, updated, deleted, unchanged
FROM tiktok.materialize('ads.ads_reports_daily', 'mart.ads', since => '2026-06-21', attribution_window => 364, probe => false);
SELECT count(*) > 100 AS columns_take_two_calls FROM pg_attribute WHERE attrelid = 'mart.ads'::regclass AND attnum > 0;
CREATE TABLE mart.as_read AS SELECT * FROM mart.ads;
SELECT inserted, updated, deleted, unchanged = (SELECT count(*) FROM mart.as_read) AS all_as_before
FROM tiktok.materialize('ads.ads_reports_daily', 'mart.ads');

-- what differs is written, and nothing else: a trigger's word
CREATE TABLE mart.written (op text, ad_id bigint);
CREATE FUNCTION mart.write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO mart.written VALUES (TG_OP, coalesce(NEW.ad_id, OLD.ad_id));
	RETURN NULL;
END $$;
WITH numbered AS (SELECT ctid AS row, row_number() OVER (ORDER BY stat_time_day, ad_id) AS n FROM mart.ads)
UPDATE mart.ads AS a SET spend = CASE n WHEN 1 THEN a.spend + 1 ELSE a.spend END,
	result_rate = CASE n WHEN 2 THEN coalesce(a.result_rate, 0) + 1 ELSE a.result_rate END,
	ad_text = CASE n WHEN 3 THEN coalesce(a.ad_text, '') || ' ' ELSE a.ad_text END,
	_synced_at = '2000-01-01'
FROM numbered AS m WHERE m.row = a.ctid;
WITH numbered AS (SELECT ctid AS row, row_number() OVER (ORDER BY stat_time_day DESC, ad_id) AS n FROM mart.ads)
DELETE FROM mart.ads AS a USING numbered AS m WHERE m.row = a.ctid AND n <= 2;
INSERT INTO mart.ads (advertiser_id, ad_id, stat_time_day, _synced_at)
SELECT 7002238017842757633, n, '2026-06-25', now() FROM generate_series(1, 4) AS n;
INSERT INTO mart.ads (advertiser_id, ad_id, stat_time_day, _synced_at)
VALUES (7002238017842757633, 5, '2026-06-20', now()), (1, 6, '2026-06-25', now());
CREATE TRIGGER written AFTER INSERT OR UPDATE OR DELETE ON mart.ads FOR EACH ROW EXECUTE FUNCTION mart.write();
SELECT inserted, updated, deleted, unchanged = (SELECT count(*) - 5 FROM mart.as_read) AS the_rest
FROM tiktok.materialize('ads.ads_reports_daily', 'mart.ads');
SELECT op, count(*) FROM mart.written GROUP BY op ORDER BY op;
SELECT count(*) FILTER (WHERE _synced_at > '2000-01-02') AS written, count(*) = (SELECT count(*) FROM mart.as_read) AS all_there
FROM mart.ads WHERE ad_id > 6;
-- rows of other accounts and days are nobody's business
SELECT ad_id FROM mart.ads WHERE advertiser_id = 1 OR stat_time_day < '2026-06-21' ORDER BY 1;
ALTER TABLE mart.as_read DROP COLUMN _synced_at;
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns FROM pg_attribute
WHERE attrelid = 'mart.as_read'::regclass AND attnum > 0 AND NOT attisdropped \gset
SELECT count(*) AS differ FROM (
	(SELECT :columns FROM mart.ads WHERE ad_id > 6 EXCEPT SELECT :columns FROM mart.as_read)
	UNION ALL (SELECT :columns FROM mart.as_read EXCEPT SELECT :columns FROM mart.ads)) AS d;

-- rows that are marked come back, and are not marked twice
SELECT inserted > 2 AS many, updated, deleted, unchanged FROM tiktok.materialize('ads.campaigns', 'mart.campaigns');
UPDATE mart.campaigns SET _deleted_at = now() WHERE campaign_id = (SELECT min(campaign_id) FROM mart.campaigns);
INSERT INTO mart.campaigns (advertiser_id, campaign_id, _synced_at, _deleted_at)
VALUES (7002238017842757633, 1, now(), NULL), (7002238017842757633, 2, now(), '2000-01-01');
SELECT inserted, updated, deleted FROM tiktok.materialize('ads.campaigns', 'mart.campaigns');
SELECT inserted, updated, deleted FROM tiktok.materialize('ads.campaigns', 'mart.campaigns');
SELECT campaign_id, _deleted_at < '2000-01-02' AS before FROM mart.campaigns WHERE _deleted_at IS NOT NULL ORDER BY 1;
-- no temporary table is left
SELECT relname FROM pg_class WHERE relname LIKE 'tiktok\_stage%' OR relname LIKE 'tiktok\_delta%';

-- what is written for another server, as Citus does for its workers, is what was meant: each
-- statement on a target as a function, whose text PostgreSQL writes, and which is made again of it
CREATE FUNCTION pg_temp.written_out(target regclass, source regclass, time_column text)
RETURNS TABLE (name text, error text) LANGUAGE plpgsql AS $$
DECLARE
	keys text[] := tiktok._key_columns(source);
	statements tiktok._statements := tiktok._statements(target, source, keys, time_column, true);
	statement text;
BEGIN
	EXECUTE statements.create_stage;
	EXECUTE statements.create_delta;
	FOR name, statement IN
		SELECT * FROM jsonb_each_text(to_jsonb(statements))
		UNION ALL SELECT * FROM jsonb_each_text(tiktok._beside_statements(target, source, keys, time_column,
			true, (target || '_history')::regclass, (target || '_changes')::regclass))
	LOOP
		-- months: of streams with days
		CONTINUE WHEN name IN ('stage', 'delta', 'asked', 'create_stage', 'create_delta', 'load', 'months') OR statement IS NULL;
		error := NULL;
		BEGIN
			-- $5 of prune is how long changes stay
			EXECUTE format('CREATE OR REPLACE FUNCTION pg_temp.%I(bigint[], date, date, timestamptz, %s) RETURNS void '
				'BEGIN ATOMIC %s; END', name, CASE name WHEN 'prune' THEN 'interval' ELSE 'bigint' END, statement);
			EXECUTE pg_get_functiondef(format('pg_temp.%I', name)::regproc);
		EXCEPTION WHEN OTHERS THEN
			error := SQLERRM;
		END;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT tiktok.create_snapshot('ads.creative_assets_videos', 'mart.videos', history => true, changes => true);
SELECT count(*) AS statements, string_agg(name || ': ' || error, ', ') AS errors
FROM pg_temp.written_out('mart.videos', 'ads.creative_assets_videos', NULL);
SELECT count(*) FROM pg_proc WHERE proname IN ('expired', 'renew') AND pronamespace = pg_my_temp_schema();
-- where there is no signed link, nothing is asked for one
SELECT (s).expired, (s).renew FROM tiktok._statements('mart.campaigns', 'ads.campaigns', '{advertiser_id,campaign_id}', NULL, true) AS s;
SELECT tiktok.forget('mart.videos');

DROP SCHEMA ads, mart CASCADE;
DROP EXTENSION tiktok_fdw CASCADE;
