--
-- LIMIT, ORDER BY … LIMIT and other ways to want only some rows: none short
-- of a row, and no more requests than it takes.
-- Each query runs over the foreign tables and over local copies of them.
--
\getenv api TIKTOK_API_URL
SET client_min_messages = warning;
\set SHOW_CONTEXT never
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
DROP SCHEMA IF EXISTS ads, copy, t CASCADE;
CREATE EXTENSION tiktok_fdw;
-- two accounts, with 64 and 33 ads; pages so small that there are several
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url :'api', rate_limit '1000',
	concurrency '8', page_size '10', advertiser_ids '7002238017842757633,7051874396120449026');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
	OPTIONS (access_token 'local-access-token', app_id '7000000000000000001', secret 'local-secret');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads, campaigns, ads_reports_daily) FROM SERVER tiktok INTO ads;
-- June's last ten days (one window); the last forty days (two)
CREATE VIEW ads.daily AS SELECT * FROM ads.ads_reports_daily
	WHERE stat_time_day BETWEEN '2026-06-20' AND '2026-06-29';
CREATE VIEW ads.forty AS SELECT * FROM ads.ads_reports_daily
	WHERE stat_time_day BETWEEN '2026-05-21' AND '2026-06-29';
CREATE SCHEMA copy;
CREATE TABLE copy.ads AS SELECT * FROM ads.ads;
CREATE TABLE copy.campaigns AS SELECT * FROM ads.campaigns;
CREATE TABLE copy.forty AS SELECT * FROM ads.forty;
CREATE VIEW copy.daily AS SELECT * FROM copy.forty
	WHERE stat_time_day BETWEEN '2026-06-20' AND '2026-06-29';
CREATE SCHEMA t;
CREATE TABLE t.local (id bigint, n bigint);
INSERT INTO t.local VALUES (7002238017842757633, 2), (7051874396120449026, 12), (NULL, 3);
SELECT (SELECT count(*) FROM copy.ads) AS ads, (SELECT count(*) FROM copy.daily) AS daily,
	(SELECT count(*) FROM copy.forty) AS forty;
\set a 7002238017842757633

-- The requests of a query's scans, as EXPLAIN counts them.  One at a time: how
-- many others are under way when the last row has come is a matter of speed.
CREATE FUNCTION t.requests(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found text[];
BEGIN
	ALTER SERVER tiktok OPTIONS (SET concurrency '1');
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		IF line ~ '^\s*Requests: ' THEN
			found := found || substring(line FROM '\d+');
		END IF;
	END LOOP;
	ALTER SERVER tiktok OPTIONS (SET concurrency '8');
	RETURN coalesce((SELECT sum(n::int) FROM unnest(found) AS n), 0)::text;
END $$;
-- The rows of a query, in their order.
CREATE FUNCTION t.rows_of(query text, path text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	found text[];
BEGIN
	PERFORM set_config('search_path', path || ', t', true);
	EXECUTE 'CREATE TEMP TABLE got AS ' || query;
	SELECT coalesce(array_agg(got::text ORDER BY ctid), '{}') INTO found FROM pg_temp.got;
	DROP TABLE pg_temp.got;
	RETURN found;
END $$;
-- how: 'ordered', 'any order', or 'some' – which rows is left open, so they
-- are compared in number, and looked for in what the query gives without LIMIT.
CREATE FUNCTION t.compare(query text, how text DEFAULT 'some',
	OUT rows int, OUT verdict text, OUT requests text)
LANGUAGE plpgsql AS $$
DECLARE
	here text[] := t.rows_of(query, 'ads');
	there text[] := t.rows_of(query, 'copy');
	every text[];
	same bool;
BEGIN
	IF how = 'ordered' THEN
		same := here = there;
	ELSIF how = 'any order' THEN
		same := (SELECT array_agg(x ORDER BY x) FROM unnest(here) x)
			IS NOT DISTINCT FROM (SELECT array_agg(x ORDER BY x) FROM unnest(there) x);
	ELSE
		every := t.rows_of(regexp_replace(query, '\s(LIMIT|OFFSET|FETCH)\s.*$', ''), 'copy');
		same := cardinality(here) = cardinality(there) AND here <@ every
			AND cardinality(here) = (SELECT count(DISTINCT x) FROM unnest(here) x);
	END IF;
	rows := cardinality(here);
	verdict := CASE WHEN same THEN 'as the copy' ELSE 'DIFFERS: ' || cardinality(there) || ' rows' END;
	PERFORM set_config('search_path', 'ads, t', true);
	-- how two tables are joined is the planner's affair, which arm of an append is faster nobody's
	requests := CASE WHEN query !~ '\mJOIN\M|local, campaigns|UNION ALL' THEN t.requests(query) END;
END $$;
\pset footer off

-- LIMIT and OFFSET: the smallest page that answers, and no page too many
SELECT s AS shape, c.* FROM (VALUES
	('LIMIT 5', 'SELECT ad_id FROM ads WHERE advertiser_id = 7002238017842757633 LIMIT 5'),
	('LIMIT 25', 'SELECT ad_id FROM ads WHERE advertiser_id = 7002238017842757633 LIMIT 25'),
	('LIMIT 5 of two accounts', 'SELECT ad_id FROM ads LIMIT 5'),
	('LIMIT 70: into the second account', 'SELECT ad_id FROM ads LIMIT 70'),
	('LIMIT 1000: more than there are', 'SELECT ad_id FROM ads LIMIT 1000'),
	('LIMIT 5 OFFSET 7', 'SELECT ad_id FROM ads WHERE advertiser_id = 7002238017842757633 LIMIT 5 OFFSET 7'),
	('OFFSET 60', 'SELECT ad_id FROM ads WHERE advertiser_id = 7002238017842757633 OFFSET 60'),
	('OFFSET 1000 LIMIT 5', 'SELECT ad_id FROM ads OFFSET 1000 LIMIT 5'),
	('LIMIT 0', 'SELECT ad_id FROM ads LIMIT 0'),
	('LIMIT NULL', 'SELECT ad_id FROM ads LIMIT NULL'),
	('LIMIT ALL OFFSET NULL', 'SELECT ad_id FROM ads LIMIT ALL OFFSET NULL'),
	('LIMIT 2 + 1', 'SELECT ad_id FROM ads LIMIT 2 + 1'),
	('LIMIT 2.5: a numeric', 'SELECT ad_id FROM ads LIMIT 2.5'),
	('LIMIT of a sub-select', 'SELECT ad_id FROM ads LIMIT (SELECT min(n) FROM local)'),
	('LIMIT beyond bigint', 'SELECT ad_id FROM ads LIMIT 9223372036854775807 OFFSET 3'),
	('FETCH FIRST 3 ROWS ONLY', 'SELECT ad_id FROM ads FETCH FIRST 3 ROWS ONLY')) AS q (s, q),
	LATERAL t.compare(q) AS c;

-- with conditions: pushed ones keep the hint, local ones need more rows
SELECT s AS shape, c.* FROM (VALUES
	('pushed ids', 'SELECT ad_id FROM ads WHERE campaign_id IN (SELECT min(campaign_id) FROM campaigns) LIMIT 3'),
	('an account', 'SELECT ad_id, stat_time_day FROM daily WHERE advertiser_id = 7051874396120449026 LIMIT 12'),
	('a local filter', 'SELECT ad_id FROM ads WHERE length(ad_name) > 16 LIMIT 8'),
	('a local filter that keeps nothing', 'SELECT ad_id FROM ads WHERE ad_name = ''no such ad'' LIMIT 8'),
	('a filter by a metric', 'SELECT ad_id, stat_time_day FROM daily WHERE spend > 20 LIMIT 8'),
	('OR with a local condition', 'SELECT ad_id FROM ads WHERE ad_id = 5 OR ad_name LIKE ''%a%'' LIMIT 8'),
	('a contradiction', 'SELECT ad_id FROM ads WHERE advertiser_id = 1 AND advertiser_id = 2 LIMIT 8'),
	('a constant false', 'SELECT ad_id FROM ads WHERE false LIMIT 8'),
	('a sub-select as condition', 'SELECT ad_id FROM ads WHERE advertiser_id = (SELECT max(id) FROM local) LIMIT 8'),
	('a day', 'SELECT ad_id FROM daily WHERE stat_time_day = ''2026-06-22'' LIMIT 4')) AS q (s, q),
	LATERAL t.compare(q) AS c;

-- rows that do not reach the LIMIT one for one
SELECT s AS shape, c.* FROM (VALUES
	('join with a local table', 'any order', 'SELECT count(*) AS n FROM (SELECT ad_id FROM ads JOIN local ON id = advertiser_id LIMIT 70) s'),
	('left join', 'any order', 'SELECT count(*) AS n, count(id) AS m FROM (SELECT id FROM campaigns LEFT JOIN local ON id = campaign_id LIMIT 6) s'),
	('join of two foreign tables', 'any order', 'SELECT count(*) AS n FROM (SELECT 1 FROM campaigns c JOIN ads a USING (advertiser_id, campaign_id) LIMIT 80) s'),
	('cross join', 'any order', 'SELECT count(*) AS n FROM (SELECT 1 FROM local, campaigns LIMIT 20) s'),
	('DISTINCT', 'any order', 'SELECT count(*) AS n FROM (SELECT DISTINCT campaign_id FROM ads LIMIT 7) s'),
	('DISTINCT, more than there are', 'any order', 'SELECT DISTINCT campaign_id FROM ads LIMIT 70'),
	('DISTINCT ON', 'ordered', 'SELECT DISTINCT ON (campaign_id) campaign_id, ad_id FROM ads ORDER BY campaign_id, ad_id DESC LIMIT 5'),
	('window function', 'ordered', 'SELECT ad_id, count(*) OVER () AS n, rank() OVER (ORDER BY ad_id) AS r FROM ads ORDER BY ad_id LIMIT 3'),
	('row_number() <= 2', 'any order', 'SELECT ad_id FROM (SELECT ad_id, row_number() OVER (PARTITION BY campaign_id ORDER BY ad_id) AS r FROM ads) s WHERE r <= 2'),
	('GROUP BY', 'ordered', 'SELECT campaign_id, count(*) AS n FROM ads GROUP BY 1 ORDER BY 1 LIMIT 3'),
	('GROUP BY of a constant', 'ordered', 'SELECT 1 AS one, count(*) AS n FROM ads GROUP BY 1 LIMIT 1'),
	('ROLLUP', 'ordered', 'SELECT advertiser_id, count(*) AS n FROM ads GROUP BY ROLLUP (advertiser_id) ORDER BY 1 NULLS LAST LIMIT 3'),
	('HAVING', 'ordered', 'SELECT campaign_id, count(*) AS n FROM ads GROUP BY 1 HAVING count(*) > 9 ORDER BY 1 LIMIT 2'),
	('an aggregate and LIMIT 1', 'ordered', 'SELECT count(*) AS n, max(ad_id) AS m FROM ads LIMIT 1'),
	('count(*) and LIMIT 1', 'ordered', 'SELECT count(*) AS n FROM ads LIMIT 1'),
	('set-returning function', 'any order', 'SELECT count(*) AS n FROM (SELECT ad_id, generate_series(1, 3) FROM ads LIMIT 200) s'),
	('set-returning function of no rows', 'any order', 'SELECT count(*) AS n FROM (SELECT ad_id, generate_series(1, 0) FROM ads LIMIT 2) s'),
	('FETCH WITH TIES', 'any order', 'SELECT campaign_id, ad_id FROM ads ORDER BY campaign_id FETCH FIRST 2 ROWS WITH TIES'),
	('UNION ALL', 'any order', 'SELECT count(*) AS n FROM (SELECT ad_id FROM ads UNION ALL SELECT campaign_id FROM campaigns LIMIT 99) s'),
	('UNION ALL with a LIMIT each', 'any order', 'SELECT count(*) AS n FROM ((SELECT ad_id FROM ads LIMIT 12) UNION ALL (SELECT campaign_id FROM campaigns LIMIT 3)) s'),
	('UNION', 'any order', 'SELECT count(*) AS n FROM (SELECT campaign_id FROM ads UNION SELECT campaign_id FROM campaigns LIMIT 7) s'),
	('EXCEPT', 'any order', 'SELECT ad_id FROM ads EXCEPT (SELECT ad_id FROM ads ORDER BY ad_id LIMIT 90)'),
	('INTERSECT', 'ordered', 'SELECT campaign_id FROM ads INTERSECT SELECT campaign_id FROM campaigns ORDER BY 1 LIMIT 4'),
	('FOR UPDATE', 'any order', 'SELECT count(*) AS n FROM (SELECT ad_id FROM ads LIMIT 4 FOR UPDATE) s')) AS q (s, h, q),
	LATERAL t.compare(q, h) AS c;

-- limits within a query
SELECT s AS shape, c.* FROM (VALUES
	('sub-select', 'any order', 'SELECT count(*) AS n FROM (SELECT ad_id FROM ads LIMIT 13) s'),
	('sub-select and a condition outside', 'any order', 'SELECT count(*) < 14 AS few FROM (SELECT * FROM ads LIMIT 13) s WHERE advertiser_id > 0'),
	('sub-select, ordered, and a condition outside', 'any order', 'SELECT ad_id FROM (SELECT * FROM ads ORDER BY ad_id LIMIT 13) s WHERE ad_id % 2 = 0'),
	('a LIMIT above a LIMIT', 'any order', 'SELECT count(*) AS n FROM (SELECT ad_id FROM (SELECT * FROM ads LIMIT 13) s LIMIT 4) t'),
	('scalar sub-select', 'ordered', 'SELECT (SELECT ad_id FROM ads ORDER BY ad_id LIMIT 1) AS least, (SELECT ad_id FROM ads LIMIT 1) IS NOT NULL AS one'),
	('correlated sub-select', 'any order', 'SELECT id, (SELECT ad_id FROM ads WHERE advertiser_id = id ORDER BY 1 OFFSET 2 LIMIT 1) AS third FROM local'),
	('LATERAL', 'any order', 'SELECT id, s.ad_id FROM local, LATERAL (SELECT ad_id FROM ads WHERE advertiser_id = id ORDER BY 1 DESC LIMIT 2) s'),
	('LATERAL, LIMIT from the outer row', 'any order', 'SELECT id, s.ad_id FROM local, LATERAL (SELECT ad_id FROM ads WHERE advertiser_id = id ORDER BY 1 LIMIT n) s'),
	('LATERAL, unordered LIMIT from the outer row', 'any order', 'SELECT id, count(s.ad_id) AS n FROM local LEFT JOIN LATERAL (SELECT ad_id FROM ads WHERE advertiser_id = id LIMIT n) s ON true GROUP BY 1'),
	('CTE', 'any order', 'WITH w AS (SELECT ad_id FROM ads LIMIT 13) SELECT count(*) AS n FROM w'),
	('CTE used twice', 'any order', 'WITH w AS (SELECT ad_id FROM ads) SELECT (SELECT count(*) FROM (SELECT 1 FROM w LIMIT 3) s) AS three, (SELECT count(*) FROM w) AS n'),
	('CTE MATERIALIZED and a LIMIT outside', 'any order', 'SELECT count(*) AS n FROM (WITH w AS MATERIALIZED (SELECT ad_id FROM ads) SELECT * FROM w LIMIT 13) s'),
	('CTE NOT MATERIALIZED and a LIMIT outside', 'any order', 'SELECT count(*) AS n FROM (WITH w AS NOT MATERIALIZED (SELECT ad_id FROM ads) SELECT * FROM w LIMIT 13) s'),
	('EXISTS', 'any order', 'SELECT EXISTS (SELECT FROM ads) AS some, EXISTS (SELECT FROM ads WHERE advertiser_id = 1 AND advertiser_id = 2) AS none'),
	('EXISTS of an account', 'any order', 'SELECT id FROM local WHERE EXISTS (SELECT FROM ads WHERE advertiser_id = id)'),
	('IN (SELECT … LIMIT)', 'any order', 'SELECT count(*) AS n FROM campaigns WHERE campaign_id IN (SELECT campaign_id FROM campaigns ORDER BY 1 LIMIT 4)'),
	('= ANY (ARRAY(SELECT … LIMIT))', 'any order', 'SELECT count(*) AS n FROM ads WHERE campaign_id = ANY (ARRAY(SELECT campaign_id FROM campaigns ORDER BY 1 LIMIT 4))')) AS q (s, h, q),
	LATERAL t.compare(q, h) AS c;

-- ORDER BY a metric: by the API for one account and one window, else here
SELECT s AS shape, c.* FROM (VALUES
	('DESC', 'SELECT spend FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY spend DESC LIMIT 5'),
	('ASC', 'SELECT spend FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY spend LIMIT 5'),
	('DESC NULLS LAST', 'SELECT spend FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY spend DESC NULLS LAST LIMIT 5'),
	('ASC NULLS FIRST', 'SELECT spend FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY spend NULLS FIRST LIMIT 5'),
	('DESC OFFSET', 'SELECT impressions FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY impressions DESC LIMIT 4 OFFSET 9'),
	('more than a page', 'SELECT clicks FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY clicks DESC LIMIT 34'),
	('more than there are', 'SELECT clicks FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY clicks DESC LIMIT 3400'),
	('a metric that can be NULL', 'SELECT cpc FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY cpc DESC LIMIT 12'),
	('two keys', 'SELECT spend, ad_id, stat_time_day FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY spend DESC, ad_id, stat_time_day LIMIT 5'),
	('an expression', 'SELECT spend FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY spend * 2 LIMIT 5'),
	('another column', 'SELECT ad_id, stat_time_day FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY ad_id, stat_time_day LIMIT 5'),
	('a local filter', 'SELECT spend FROM daily WHERE advertiser_id = 7002238017842757633 AND clicks > 20 ORDER BY spend LIMIT 5'),
	('pushed ids', 'SELECT spend FROM daily WHERE advertiser_id = 7002238017842757633 AND campaign_id = (SELECT max(campaign_id) FROM campaigns WHERE advertiser_id = 7002238017842757633) ORDER BY spend DESC LIMIT 5'),
	('an account from a sub-select', 'SELECT spend FROM daily WHERE advertiser_id = (SELECT max(id) FROM local) ORDER BY spend DESC LIMIT 5'),
	('several accounts', 'SELECT spend FROM daily ORDER BY spend DESC LIMIT 5'),
	('one account of an array', 'SELECT spend FROM daily WHERE advertiser_id = ANY (ARRAY(SELECT min(id) FROM local)) ORDER BY spend DESC LIMIT 5'),
	('several windows', 'SELECT spend FROM forty WHERE advertiser_id = 7002238017842757633 ORDER BY spend DESC LIMIT 5'),
	('no LIMIT', 'SELECT spend FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY spend DESC'),
	('LIMIT NULL', 'SELECT spend FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY spend DESC LIMIT NULL'),
	('in a sub-select', 'SELECT sum(spend) AS best FROM (SELECT spend FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY spend DESC LIMIT 5) s'),
	('per outer row', 'SELECT id, s.spend FROM local, LATERAL (SELECT spend FROM daily WHERE advertiser_id = id ORDER BY spend DESC LIMIT 2) s ORDER BY 1, 2'),
	('UNION ALL of two', 'SELECT spend FROM ((SELECT spend FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY spend DESC LIMIT 2) UNION ALL (SELECT spend FROM daily WHERE advertiser_id = 7051874396120449026 ORDER BY spend DESC LIMIT 2)) s ORDER BY 1')) AS q (s, q),
	LATERAL t.compare(q, 'ordered') AS c;

-- the same without pushdown: the same rows, read whole
SET tiktok_fdw.enable_pushdown = off;
SELECT s AS shape, c.* FROM (VALUES
	('LIMIT 5', 'some', 'SELECT ad_id FROM ads LIMIT 5'),
	('ORDER BY … LIMIT', 'ordered', 'SELECT spend FROM daily WHERE advertiser_id = 7002238017842757633 ORDER BY spend DESC LIMIT 5'),
	('count(*)', 'ordered', 'SELECT count(*) AS n FROM ads')) AS q (s, h, q),
	LATERAL t.compare(q, h) AS c;
RESET tiktok_fdw.enable_pushdown;

-- prepared: one plan for every LIMIT
SET search_path = ads, t;
SET plan_cache_mode = force_generic_plan;
PREPARE few (bigint, bigint) AS SELECT ad_id FROM ads WHERE advertiser_id = :a LIMIT $1 OFFSET $2;
CREATE FUNCTION t.count_few(n bigint, skip bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found int;
BEGIN
	EXECUTE format('CREATE TEMP TABLE got AS EXECUTE few (%L, %L)', n, skip);
	GET DIAGNOSTICS found = ROW_COUNT;
	DROP TABLE pg_temp.got;
	RETURN format('%s rows, %s requests', found, t.requests(format('EXECUTE few (%L, %L)', n, skip)));
END $$;
SELECT n, skip, t.count_few(n, skip)
FROM (VALUES (3, 0), (3, NULL), (NULL, 0), (0, 0), (1000, 60), (15, 10), (NULL, 60)) v (n, skip);
SELECT t.count_few(-1, 0);
PREPARE best (int) AS SELECT spend FROM daily WHERE advertiser_id = :a ORDER BY spend DESC LIMIT $1;
EXECUTE best (2);
EXECUTE best (1);
SELECT t.requests('EXECUTE best (7)'), t.requests('EXECUTE best (12)');
PREPARE of_one (bigint, int) AS
	SELECT spend FROM daily WHERE advertiser_id = $1 ORDER BY spend DESC LIMIT $2;
SELECT array_agg(spend) FROM (SELECT spend FROM copy.daily WHERE advertiser_id = :a ORDER BY spend DESC LIMIT 2) s;
EXECUTE of_one (:a, 2);
SELECT array_agg(spend) FROM (SELECT spend FROM copy.daily WHERE advertiser_id = 7051874396120449026 ORDER BY spend DESC LIMIT 2) s;
EXECUTE of_one (7051874396120449026, 2);
RESET plan_cache_mode;
DEALLOCATE ALL;

-- cursors: what one FETCH leaves, the next one finds
CREATE TABLE t.fetched (ad_id bigint);
CREATE FUNCTION t.walk(VARIADIC sizes int[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	c CURSOR FOR SELECT ad_id FROM ads.ads;
	size int;
	id bigint;
	counts int[];
	n int;
BEGIN
	TRUNCATE t.fetched;
	OPEN c;
	FOREACH size IN ARRAY sizes LOOP
		n := 0;
		WHILE size < 0 OR n < size LOOP
			FETCH c INTO id;
			EXIT WHEN NOT FOUND;
			INSERT INTO t.fetched VALUES (id);
			n := n + 1;
		END LOOP;
		counts := counts || n;
	END LOOP;
	CLOSE c;
	RETURN format('%s: %s rows, %s missing', counts, (SELECT count(*) FROM t.fetched),
		(SELECT count(*) FROM (SELECT ad_id FROM copy.ads EXCEPT SELECT ad_id FROM t.fetched) x));
END $$;
SELECT t.walk(1, 2, 3, -1), t.walk(-1, 1), t.walk(10, 10, 10, 10, -1);
\set QUIET off
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT ad_id FROM ads WHERE advertiser_id = :a;
MOVE FORWARD 10 IN c;
MOVE FORWARD 50 IN c;
MOVE FORWARD ALL IN c;
MOVE FORWARD ALL IN c;
CLOSE c;
DECLARE c CURSOR FOR SELECT ad_id FROM ads WHERE advertiser_id = :a LIMIT 25;
MOVE FORWARD 10 IN c;
MOVE FORWARD ALL IN c;
CLOSE c;
DECLARE c SCROLL CURSOR FOR SELECT ad_id, row_number() OVER () AS r FROM ads WHERE advertiser_id = :a;
MOVE FORWARD 3 IN c;
MOVE BACKWARD 2 IN c;
MOVE LAST IN c;
MOVE ABSOLUTE 0 IN c;
MOVE FORWARD ALL IN c;
MOVE ABSOLUTE 64 IN c;
CLOSE c;
DECLARE c CURSOR FOR SELECT spend FROM daily WHERE advertiser_id = :a ORDER BY spend DESC LIMIT 40;
MOVE FORWARD 5 IN c;
MOVE FORWARD 10 IN c;
MOVE FORWARD ALL IN c;
CLOSE c;
DECLARE c CURSOR WITH HOLD FOR SELECT ad_id FROM ads WHERE advertiser_id = :a LIMIT 25;
MOVE FORWARD 10 IN c;
COMMIT;
MOVE FORWARD ALL IN c;
CLOSE c;
\set QUIET on

-- loops: rows come in portions, and the loop may end early
DO $$
DECLARE
	r record;
	n int := 0;
	m int := 0;
BEGIN
	FOR r IN SELECT ad_id FROM ads.ads LOOP
		n := n + 1;
	END LOOP;
	FOR r IN SELECT a.ad_id FROM ads.ads a LOOP
		m := m + 1;
		EXIT WHEN m = 13;
	END LOOP;
	PERFORM ad_id FROM ads.ads;
	RAISE WARNING 'whole: %, left early: %, PERFORM: %', n, m, FOUND;
	SELECT ad_id INTO r FROM ads.ads;
	RAISE WARNING 'SELECT INTO: %', r.ad_id IS NOT NULL;
END $$;
CREATE FUNCTION t.some_ads(n int) RETURNS SETOF bigint LANGUAGE sql STABLE AS
$$ SELECT ad_id FROM ads.ads LIMIT n $$;
SELECT count(*), (SELECT count(*) FROM (SELECT t.some_ads(30) LIMIT 7) s) AS seven FROM t.some_ads(30);
CREATE TABLE t.kept AS SELECT ad_id FROM ads LIMIT 17;
INSERT INTO t.kept SELECT ad_id FROM ads LIMIT 3;
SELECT count(*) FROM t.kept;

-- foreign tables as partitions: each gives what the LIMIT may need
CREATE TABLE t.parted (advertiser_id bigint, ad_id bigint, stat_time_day date, spend numeric)
	PARTITION BY LIST (advertiser_id);
CREATE FOREIGN TABLE t.one PARTITION OF t.parted FOR VALUES IN (7002238017842757633)
	SERVER tiktok OPTIONS (stream 'ads_reports_daily', advertiser_ids '7002238017842757633');
CREATE FOREIGN TABLE t.two PARTITION OF t.parted FOR VALUES IN (7051874396120449026)
	SERVER tiktok OPTIONS (stream 'ads_reports_daily', advertiser_ids '7051874396120449026');
CREATE VIEW ads.parted AS SELECT * FROM t.parted WHERE stat_time_day BETWEEN '2026-06-20' AND '2026-06-29';
CREATE VIEW copy.parted AS SELECT * FROM copy.daily;
SELECT s AS shape, c.* FROM (VALUES
	('LIMIT', 'any order', 'SELECT count(*) AS n FROM (SELECT ad_id FROM parted LIMIT 130) s'),
	('LIMIT of one partition', 'any order', 'SELECT count(*) AS n FROM (SELECT ad_id FROM parted WHERE advertiser_id = 7051874396120449026 LIMIT 12) s'),
	('ORDER BY a metric', 'ordered', 'SELECT spend FROM parted ORDER BY spend DESC LIMIT 15'),
	('ORDER BY a metric, one partition', 'ordered', 'SELECT spend FROM parted WHERE advertiser_id = 7002238017842757633 ORDER BY spend DESC LIMIT 15'),
	('count(*)', 'ordered', 'SELECT count(*) AS n FROM parted')) AS q (s, h, q),
	LATERAL t.compare(q, h) AS c;

-- what looks like EXISTS and is none, and what else may drop rows here: no
-- pages of one row
CREATE VIEW ads.fence WITH (security_barrier) AS SELECT * FROM ads.ads WHERE advertiser_id = 7002238017842757633;
CREATE VIEW copy.fence WITH (security_barrier) AS SELECT * FROM copy.ads WHERE advertiser_id = 7002238017842757633;
SELECT s AS shape, c.* FROM (VALUES
	('security barrier', 'some', 'SELECT ad_id FROM fence LIMIT 1'),
	('security barrier and a condition', 'any order', 'SELECT ad_id FROM fence WHERE ad_name LIKE ''no such%'' LIMIT 1'),
	('sub-select in FROM', 'any order', 'SELECT ad_id FROM (SELECT * FROM ads OFFSET 0) s WHERE ad_name LIKE ''no such%'' LIMIT 1'),
	('sub-select without columns', 'any order', 'SELECT 1 AS one FROM (SELECT FROM ads OFFSET 0) s WHERE random() < 0 LIMIT 1'),
	('sub-select with DISTINCT', 'any order', 'SELECT campaign_id FROM (SELECT DISTINCT campaign_id FROM ads) s WHERE campaign_id < 0 LIMIT 1'),
	('sub-select of a sub-select', 'any order', 'SELECT ad_id FROM (SELECT * FROM (SELECT * FROM ads OFFSET 0) s OFFSET 0) t WHERE ad_id < 0 LIMIT 1'),
	('arm of a UNION ALL', 'any order', 'SELECT ad_id FROM (SELECT ad_id FROM fence UNION ALL SELECT ad_id FROM fence) s WHERE ad_id < 0 LIMIT 1'),
	('EXISTS', 'any order', 'SELECT EXISTS (SELECT FROM ads WHERE advertiser_id = 7002238017842757633) OR length(current_user) = 0 AS some'),
	('EXISTS of a sub-select', 'any order', 'SELECT EXISTS (SELECT FROM (SELECT * FROM ads OFFSET 0) s WHERE ad_name LIKE ''no such%'') AS some'),
	('a value that the API does not know', 'any order', 'SELECT campaign_id FROM campaigns WHERE objective_type = ''traffic'' LIMIT 1'),
	('two long lists of ids', 'any order', 'SELECT ad_id FROM ads WHERE campaign_id = ANY (ARRAY(SELECT campaign_id FROM copy.ads) || ARRAY(SELECT generate_series(1, 110)::bigint)) AND ad_id = ANY (ARRAY(SELECT generate_series(1, 250)::bigint)) AND advertiser_id = 7002238017842757633 LIMIT 1')) AS q (s, h, q),
	LATERAL t.compare(q, h) AS c;

-- count(*) has no recheck: what the plan counts on stays, whatever is set later
SELECT campaign_id AS campaign FROM copy.ads GROUP BY 1 ORDER BY count(*), 1 LIMIT 1 \gset
SELECT count(*) FROM copy.ads WHERE campaign_id = :campaign;
BEGIN;
DECLARE c CURSOR FOR SELECT count(*) FROM ads WHERE campaign_id = :campaign;
SET tiktok_fdw.enable_pushdown = off;
FETCH c;
ROLLBACK;
PREPARE n (bigint) AS SELECT count(*) FROM ads WHERE campaign_id = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE n (:campaign);
SET tiktok_fdw.enable_pushdown = off;
EXECUTE n (:campaign);
RESET tiktok_fdw.enable_pushdown;
RESET plan_cache_mode;
-- its EXPLAIN names the table and the conditions
EXPLAIN (COSTS OFF) SELECT count(*) FROM ads;
EXPLAIN (COSTS OFF) SELECT count(*) FROM ads WHERE advertiser_id = 7002238017842757633 AND campaign_id = ANY ('{1,2}');
EXPLAIN (COSTS OFF) SELECT count(*) FROM ads_reports_daily WHERE stat_time_day >= '2026-06-20' AND stat_time_day < '2026-06-23'::date;
-- the table cannot be dropped or altered under it
BEGIN;
DECLARE c CURSOR FOR SELECT count(*) FROM ads;
SAVEPOINT s;
DROP FOREIGN TABLE ads CASCADE;
ROLLBACK TO s;
ALTER FOREIGN TABLE ads OPTIONS (ADD include_deleted 'false');
ROLLBACK TO s;
DROP SERVER tiktok CASCADE;
ROLLBACK TO s;
FETCH c;
COMMIT;
-- and a cached plan follows it
PREPARE of_campaigns AS SELECT count(*) FROM campaigns;
SET plan_cache_mode = force_generic_plan;
EXECUTE of_campaigns;
ALTER FOREIGN TABLE campaigns OPTIONS (ADD advertiser_ids '7051874396120449026');
EXECUTE of_campaigns;
ALTER FOREIGN TABLE campaigns RENAME TO other;
CREATE FOREIGN TABLE campaigns (campaign_id bigint) SERVER tiktok OPTIONS (stream 'campaigns');
EXECUTE of_campaigns;
DROP FOREIGN TABLE campaigns;
EXECUTE of_campaigns;
RESET plan_cache_mode;
DEALLOCATE ALL;

DROP SCHEMA t, copy, ads CASCADE;
DROP EXTENSION tiktok_fdw CASCADE;
