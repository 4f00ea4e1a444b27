--
-- Batched joins: the keys of a join go to the API a hundred at a time, and the
-- rows are those of PostgreSQL's own joins.
--
\getenv api TIKTOK_API_URL
SET client_min_messages = warning;
\set SHOW_CONTEXT never
\pset null '-'
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
DROP SCHEMA IF EXISTS ads, t CASCADE;
CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url :'api', rate_limit '1000');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
	OPTIONS (access_token 'local-access-token', app_id '7000000000000000001', secret 'local-secret');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads, campaigns, advertisers, ads_reports_daily, ads_reports_lifetime,
	creative_assets_videos, campaigns_reports_daily) FROM SERVER tiktok INTO ads;
CREATE SCHEMA t;
SET search_path = ads, t, public;
-- the account with many ads; two others
\set b 7088160322559787010
CREATE VIEW ads.june AS SELECT * FROM ads.ads_reports_daily WHERE stat_time_day BETWEEN '2026-06-01' AND '2026-06-29';
CREATE VIEW ads.of_b AS SELECT * FROM ads.june WHERE advertiser_id = 7088160322559787010;
-- 250 ads of it, most of which delivered, three of them twice; and what cannot be found: NULL, 0, an id that is none
CREATE TABLE t.mine AS SELECT advertiser_id, ad_id, campaign_id, 'ad ' || n AS tag, n
	FROM (SELECT a.*, row_number() OVER (ORDER BY r.ad_id IS NULL, ad_id) AS n FROM ads.ads a
		LEFT JOIN (SELECT DISTINCT ad_id FROM ads.of_b) r USING (ad_id) WHERE advertiser_id = :b) s
	WHERE n <= 200 OR n > 2362;
INSERT INTO t.mine SELECT * FROM t.mine WHERE n <= 3;
INSERT INTO t.mine VALUES (:b, NULL, NULL, 'null', 0), (:b, 0, 0, 'zero', 0), (:b, 1, 1, 'none', 0), (NULL, 2, 2, 'no account', 0);
-- some ads of three accounts
CREATE TABLE t.few AS SELECT advertiser_id, ad_id, campaign_id, row_number() OVER (ORDER BY ad_id) AS n FROM ads.ads
	WHERE advertiser_id IN (7002238017842757633, 7030219640413208578, 7051874396120449026);
DELETE FROM t.few WHERE n % 4 = 0;
ANALYZE t.mine, t.few;
-- the planner knows from a scan how large the report is
SELECT count(spend) > 8000 AS large FROM ads.of_b;

-- plans
EXPLAIN (COSTS OFF) SELECT m.tag, r.spend FROM mine m JOIN of_b r USING (ad_id);
EXPLAIN (COSTS OFF) SELECT m.tag, r.spend FROM mine m LEFT JOIN of_b r ON r.ad_id = m.ad_id AND m.n > 10
	WHERE coalesce(r.spend, 1) > 0;
EXPLAIN (COSTS OFF) SELECT m.tag FROM mine m WHERE EXISTS (SELECT FROM of_b r WHERE r.ad_id = m.ad_id AND r.spend > m.n);
EXPLAIN (COSTS OFF) SELECT m.tag FROM mine m WHERE NOT EXISTS (SELECT FROM of_b r WHERE m.ad_id = r.ad_id);
EXPLAIN (COSTS OFF) SELECT sum(spend) FROM of_b WHERE ad_id IN (SELECT ad_id FROM mine);
-- the account goes with the id; all that is equal is looked up
EXPLAIN (COSTS OFF) SELECT s.n, r.spend FROM few s JOIN june r ON r.ad_id = s.ad_id AND r.advertiser_id = s.advertiser_id
	AND r.campaign_id = s.campaign_id;
EXPLAIN (VERBOSE, COSTS OFF) SELECT m, r.spend FROM mine m JOIN ads.ads_reports_daily r ON r.ad_id = m.ad_id + 0
	WHERE r.advertiser_id = 7088160322559787010 AND r.stat_time_day = '2026-06-15' AND length(m.tag) > 3;

-- what a query takes, on and off, and whether the rows are the same
CREATE FUNCTION t.count_lines(query text, name text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	line text;
	n bigint := 0;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		n := n + coalesce(substring(line FROM '^\s*' || name || ': (\d+)$')::bigint, 0);
	END LOOP;
	RETURN n;
END $$;
CREATE FUNCTION t.rows_of(query text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	found text[];
BEGIN
	EXECUTE format('SELECT array_agg(q::text ORDER BY q::text) FROM (%s) q', query) INTO found;
	RETURN found;
END $$;
CREATE FUNCTION t.try(query text) RETURNS TABLE (rows bigint, same boolean, batches bigint, keys bigint, requests bigint,
	without bigint) LANGUAGE plpgsql AS $$
DECLARE
	found text[] := t.rows_of(query);
BEGIN
	rows := coalesce(cardinality(found), 0);
	batches := t.count_lines(query, 'Batches');
	keys := t.count_lines(query, 'Keys');
	requests := t.count_lines(query, 'Requests');
	SET LOCAL tiktok_fdw.enable_batched_join = off;
	same := found IS NOT DISTINCT FROM t.rows_of(query);
	without := t.count_lines(query, 'Requests');
	SET LOCAL tiktok_fdw.enable_batched_join = on;
	RETURN NEXT;
END $$;

SELECT c, x.* FROM (VALUES
	-- inner
	('SELECT m.tag, r.spend FROM mine m JOIN of_b r USING (ad_id)'),
	('SELECT m.*, r.ad_id, r.stat_time_day FROM of_b r JOIN mine m ON m.ad_id = r.ad_id'),
	('SELECT m.tag, r.spend FROM mine m JOIN of_b r USING (ad_id) WHERE r.spend > m.n'),
	('SELECT m.tag, r.spend FROM mine m JOIN june r USING (advertiser_id, ad_id)'),
	('SELECT m.n, r.spend FROM mine m JOIN of_b r USING (ad_id) WHERE random() < 2 AND m.n + random() > 0'),
	('SELECT m, r.spend FROM mine m JOIN of_b r USING (ad_id) WHERE m.n < 20'),
	('SELECT s.n, r.spend FROM few s JOIN june r USING (advertiser_id, ad_id)'),
	-- left
	('SELECT m.tag, r.spend, r.ad_id FROM mine m LEFT JOIN of_b r ON r.ad_id = m.ad_id'),
	('SELECT m.tag, r.spend FROM mine m LEFT JOIN of_b r ON r.ad_id = m.ad_id AND m.n > 100'),
	('SELECT m.tag, r.spend FROM mine m LEFT JOIN of_b r ON r.ad_id = m.ad_id AND r.spend > m.n'),
	('SELECT m.tag, r.spend FROM mine m LEFT JOIN of_b r ON r.ad_id = m.ad_id WHERE r.spend IS NULL OR m.n < 5'),
	('SELECT m.tag, s FROM mine m LEFT JOIN (SELECT ad_id, coalesce(spend, 0) + 1 AS s FROM of_b OFFSET 0) r USING (ad_id)'),
	('SELECT m.tag, s FROM mine m LEFT JOIN (SELECT ad_id, coalesce(spend, 0) + 1 AS s FROM of_b) r USING (ad_id)'),
	('SELECT s.n, r.spend, r.ad_id FROM few s LEFT JOIN june r USING (advertiser_id, ad_id)'),
	-- EXISTS, NOT EXISTS, IN
	('SELECT m.tag FROM mine m WHERE EXISTS (SELECT FROM of_b r WHERE r.ad_id = m.ad_id)'),
	('SELECT m.tag FROM mine m WHERE EXISTS (SELECT FROM of_b r WHERE r.ad_id = m.ad_id AND r.spend > m.n)'),
	('SELECT m.tag FROM mine m WHERE NOT EXISTS (SELECT FROM of_b r WHERE r.ad_id = m.ad_id)'),
	('SELECT m.tag FROM mine m WHERE NOT EXISTS (SELECT FROM of_b r WHERE r.ad_id = m.ad_id AND r.spend > m.n)'),
	('SELECT ad_id, spend FROM of_b WHERE ad_id IN (SELECT ad_id FROM mine)'),
	-- the outer side is a join, an aggregate, a part
	('SELECT m.n, s.n, r.spend FROM mine m JOIN few s ON s.n = m.n JOIN of_b r ON r.ad_id = m.ad_id'),
	('SELECT m.ad_id, m.x, r.spend FROM (SELECT ad_id, max(n) AS x FROM mine GROUP BY 1) m JOIN of_b r USING (ad_id)'),
	('SELECT m.tag, r.spend FROM (SELECT * FROM mine ORDER BY n DESC LIMIT 120) m JOIN of_b r USING (ad_id)'),
	('SELECT v, r.spend FROM unnest(ARRAY[1706000000029847, NULL, 1706000000029847, 5]) v JOIN of_b r ON r.ad_id = v'),
	('SELECT m.tag FROM mine m LEFT JOIN of_b r ON r.ad_id = m.ad_id LEFT JOIN campaigns c ON c.campaign_id = m.campaign_id
		AND c.advertiser_id = m.advertiser_id'),
	-- for each of some rows
	('SELECT s.n, (SELECT sum(r.spend) FROM mine m JOIN of_b r USING (ad_id) WHERE m.n % 10 = s.n) FROM few s WHERE s.n < 4'),
	('SELECT s.n, x.* FROM few s CROSS JOIN LATERAL (SELECT m.tag, r.spend FROM mine m LEFT JOIN of_b r USING (ad_id)
		WHERE m.n < s.n OFFSET 0) x WHERE s.n IN (2, 3)'),
	-- a list has TopView apart
	('SELECT m.tag, a.ad_name FROM mine m JOIN ads a USING (ad_id) WHERE a.advertiser_id = 7088160322559787010 AND m.n < 90')
	) q (c), LATERAL try(c) x;

-- a condition on no key, another type, other shapes: PostgreSQL's own joins, whose rows these are
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_nestloop = off;
CREATE FUNCTION t.is_batched(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found boolean := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		found := found OR line ~ 'TikTok Batched Join';
	END LOOP;
	RETURN found;
END $$;
CREATE FOREIGN TABLE ads.as_number (ad_id numeric, advertiser_id bigint, spend numeric, stat_time_day date)
	SERVER tiktok OPTIONS (stream 'ads_reports_daily');
CREATE FOREIGN TABLE ads.as_text (ad_id text, advertiser_id text, spend numeric, stat_time_day date)
	SERVER tiktok OPTIONS (stream 'ads_reports_daily');
SELECT c, is_batched(c) FROM (VALUES
	('SELECT FROM mine m JOIN of_b r USING (ad_id)'),
	('SELECT FROM mine m RIGHT JOIN of_b r USING (ad_id)'),
	('SELECT FROM mine m FULL JOIN of_b r USING (ad_id)'),
	('SELECT FROM of_b r LEFT JOIN mine m USING (ad_id)'),
	('SELECT FROM mine m JOIN of_b r ON r.ad_id > m.ad_id'),
	('SELECT FROM mine m JOIN of_b r ON r.ad_id = m.ad_id OR r.campaign_id = m.campaign_id'),
	('SELECT FROM mine m JOIN of_b r ON r.campaign_id = m.campaign_id'),
	('SELECT FROM mine m JOIN of_b r ON r.ad_name = m.tag'),
	('SELECT FROM mine m JOIN of_b r ON r.ad_id = m.ad_id * (random() + 1)::int'),
	('SELECT FROM mine m JOIN as_number r USING (ad_id) WHERE r.advertiser_id = 1 AND stat_time_day = ''2026-06-15'''),
	('SELECT FROM mine m JOIN as_text r ON r.ad_id = m.ad_id::text WHERE stat_time_day = ''2026-06-15'''),
	('SELECT FROM mine m JOIN as_text r ON r.advertiser_id = m.advertiser_id::text WHERE stat_time_day = ''2026-06-15'''),
	('SELECT FROM mine m JOIN advertisers a USING (advertiser_id)'),
	('SELECT FROM mine m JOIN (SELECT * FROM of_b UNION ALL SELECT * FROM of_b) r USING (ad_id)'),
	('SELECT FROM mine m, LATERAL (SELECT * FROM of_b WHERE ad_id = m.ad_id OFFSET 0) r'),
	('SELECT FROM mine m JOIN creative_assets_videos v ON v.video_id = m.tag'),
	('SELECT FROM mine m JOIN campaigns c ON c.objective_type = m.tag'),
	('SELECT FROM mine m JOIN of_b r USING (ad_id) WHERE false')) q (c);
SET tiktok_fdw.enable_pushdown = off;
SELECT is_batched('SELECT FROM mine m JOIN of_b r USING (ad_id)') AS ids,
	is_batched('SELECT FROM mine m JOIN june r USING (advertiser_id)') AS accounts;
RESET tiktok_fdw.enable_pushdown;
SET tiktok_fdw.enable_batched_join = off;
SELECT is_batched('SELECT FROM mine m JOIN of_b r USING (ad_id)');
RESET tiktok_fdw.enable_batched_join;
-- keys as text, of other integer types, with what no id is
CREATE TABLE t.texts AS SELECT ad_id::text AS id, n::int AS n FROM mine WHERE n < 40;
INSERT INTO t.texts VALUES ('x', 1), ('', 2), (NULL, 3);
SELECT c, x.* FROM (VALUES
	('SELECT m.n, r.spend FROM texts m JOIN as_text r ON r.ad_id = m.id AND r.advertiser_id = ''7088160322559787010''
		WHERE stat_time_day = ''2026-06-15'''),
	('SELECT m.n, r.spend FROM texts m JOIN as_text r ON r.ad_id = m.id AND r.advertiser_id = ''7088160322559787010''
		WHERE stat_time_day = ''2026-06-15'' AND m.n > 2'),
	('SELECT m.n, r.spend FROM texts m LEFT JOIN of_b r ON r.ad_id = m.n'),
	('SELECT m.n, r.spend FROM texts m LEFT JOIN of_b r ON r.ad_id = m.n::smallint')) q (c), LATERAL try(c) x;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_nestloop;

-- more keys than fit in memory: several batches
SET work_mem = '64kB';
SELECT rows, same, batches > 4 AS several, keys >= 250 AS all_keys FROM
	try('SELECT m.tag, i, r.spend FROM mine m CROSS JOIN generate_series(1, 20) i LEFT JOIN of_b r ON r.ad_id = m.ad_id');
RESET work_mem;

-- who wants some rows only does not pay for all
BEGIN;
DECLARE c CURSOR FOR SELECT m.tag, r.spend FROM mine m JOIN of_b r USING (ad_id);
SELECT sum(requests) AS before FROM tiktok.stat_requests \gset
FETCH 1 FROM c \gset row_
SELECT sum(requests) - :before < 3 AS few FROM tiktok.stat_requests;
COMMIT;
SELECT count(*) FROM (SELECT r.spend FROM mine m JOIN of_b r USING (ad_id) LIMIT 5) s;
SELECT count_lines('SELECT r.spend FROM mine m JOIN of_b r USING (ad_id) LIMIT 5', 'Requests') < 3 AS few;
SELECT EXISTS (SELECT FROM mine m JOIN of_b r USING (ad_id));

-- generic plans, which are made anew when the setting changes
SET plan_cache_mode = force_generic_plan;
PREPARE some_of (bigint, date) AS SELECT count(*), sum(r.spend) FROM mine m JOIN ads.ads_reports_daily r USING (ad_id)
	WHERE r.advertiser_id = $1 AND r.stat_time_day BETWEEN $2 AND $2 + 5 AND m.n < 50 AND m.n > $1 - 7088160322559787010;
EXECUTE some_of (:b, '2026-06-10');
EXECUTE some_of (:b, '2026-06-20');
EXECUTE some_of (:b, NULL);
EXPLAIN (COSTS OFF) EXECUTE some_of (:b, '2026-06-20');
SET tiktok_fdw.enable_batched_join = off;
EXECUTE some_of (:b, '2026-06-10');
EXECUTE some_of (:b, '2026-06-20');
RESET tiktok_fdw.enable_batched_join;
RESET plan_cache_mode;

-- writing by a join; locked rows
BEGIN;
UPDATE mine m SET tag = 'spent ' || r.total FROM (SELECT ad_id, spend AS total FROM of_b WHERE stat_time_day = '2026-06-15') r
	WHERE r.ad_id = m.ad_id AND r.total > 20;
SELECT count(*) AS updated FROM mine WHERE tag LIKE 'spent %';
ROLLBACK;
BEGIN;
DELETE FROM mine m WHERE NOT EXISTS (SELECT FROM of_b r WHERE r.ad_id = m.ad_id);
SELECT count(*) AS left FROM mine;
ROLLBACK;
SELECT count(*) FROM (SELECT m.tag FROM mine m LEFT JOIN of_b r USING (ad_id) WHERE m.n < 30 FOR UPDATE OF m) s;
SELECT count(*) FROM (SELECT m.tag FROM mine m JOIN of_b r USING (ad_id) WHERE m.n < 30 FOR UPDATE) s;

-- rows that a view hides are neither asked for nor seen by what leaks
CREATE FUNCTION t.leak(what text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
	'BEGIN IF what <> ''ad 7'' THEN RAISE WARNING ''seen: %'', what; END IF; RETURN true; END';
CREATE VIEW t.shown WITH (security_barrier) AS SELECT * FROM mine WHERE n = 7;
SELECT count(*) FROM shown m JOIN of_b r ON r.ad_id = m.ad_id AND leak(m.tag);
SELECT count_lines('SELECT FROM shown m JOIN of_b r ON r.ad_id = m.ad_id AND leak(m.tag)', 'Keys') AS keys;

DROP SCHEMA ads, t CASCADE;
DROP EXTENSION tiktok_fdw CASCADE;
