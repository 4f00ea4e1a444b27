--
-- Columns declared as any type, compared with values of any type: a condition
-- becomes a filter only if the filter selects by what the column shows.
--
\getenv api TIKTOK_API_URL
SET client_min_messages = error;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw
	OPTIONS (api_url :'api', rate_limit '1000', advertiser_ids '7002238017842757633',
		on_advertiser_error 'skip');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token 'local-access-token');
CREATE SCHEMA types;
SET search_path = types, public;
SET datestyle = 'ISO, YMD';
SET timezone = 'America/New_York';
\pset null '-'

CREATE DOMAIN id AS bigint;
CREATE DOMAIN word AS varchar;
CREATE DOMAIN moment AS timestamptz;

-- what there is to know of a column: how to read a few of its rows
CREATE TABLE roles (role text, stream text, name text, key text, bound text);
INSERT INTO roles VALUES
	('account', 'campaigns', 'advertiser_id', 'campaign_id', ''),
	('ids', 'campaigns', 'campaign_id', 'campaign_id', ''),
	('one value', 'campaigns', 'objective_type', 'campaign_id', ''),
	('boolean', 'campaigns', 'is_smart_performance_campaign', 'campaign_id', ''),
	('created', 'campaigns', 'create_time', 'campaign_id', ''),
	('modified', 'ads', 'modify_time', 'ad_id', ''),
	('several values', 'ad_groups', 'billing_event', 'adgroup_id', ''),
	('number', 'creative_assets_images', 'width', 'image_id', ''),
	('text ids', 'creative_assets_images', 'image_id', 'image_id', ''),
	('account, report', 'campaigns_reports_daily', 'advertiser_id', 'dimensions.campaign_id', 'stat_time_day'),
	('ids, report', 'campaigns_reports_daily', 'campaign_id', 'dimensions.campaign_id', 'stat_time_day'),
	('day', 'campaigns_reports_daily', 'stat_time_day', 'dimensions.campaign_id', 'stat_time_day'),
	('hour', 'campaigns_reports_hourly', 'stat_time_hour', 'dimensions.campaign_id', 'stat_time_hour');

-- values to compare with: one that occurs, and spellings of it that are none or another
CREATE FUNCTION spellings(value text) RETURNS text[] LANGUAGE sql AS $$
SELECT array_agg(DISTINCT v) FROM unnest(ARRAY[value, ' ' || value, '0' || value, value || '  ', '+' || value,
	lower(value), '0', '-5', '', left(value, 10), value || ' +03', '"' || value || '"']) v $$;

-- Compare a column declared so with values of a type, over the foreign table
-- and over a copy of it.
CREATE FUNCTION compare(r roles, value text, valuetype text,
	OUT pushed boolean, OUT compared int, OUT different text) LANGUAGE plpgsql AS $$
DECLARE
	spelling text;
	operator text;
	line text;
	condition text;
	a text[];
	b text[];
BEGIN
	compared := 0;
	FOREACH spelling IN ARRAY spellings(value) LOOP
		FOREACH operator IN ARRAY ARRAY['=', '>=', '<', '= ANY'] LOOP
			CONTINUE WHEN operator = '>=' AND r.role NOT IN ('created', 'modified', 'day', 'hour')
				OR operator = '<' AND r.role NOT IN ('created', 'day', 'hour');
			IF valuetype LIKE '%[]' THEN
				spelling := '{' || spelling || '}';
			END IF;
			condition := CASE operator WHEN '= ANY' THEN format('%I = ANY (ARRAY[%L]::%s[])', r.name, spelling, valuetype)
				ELSE format('%I %s %L::%s', r.name, operator, spelling, valuetype) END
				|| CASE WHEN r.role = 'created' AND operator = '<' THEN format(' AND %I >= %L::%2$s', r.name,
					'2026-01-15 00:00:00', valuetype) ELSE '' END;
			condition := condition || CASE WHEN r.bound <> ''
				THEN ' AND bound BETWEEN ''2026-06-22 00:00'' AND ''2026-06-24 00:00''' ELSE '' END;
			BEGIN
				EXECUTE 'SELECT array_agg(x ORDER BY x) FROM (SELECT c::text AS x FROM c WHERE ' || condition || ') q' INTO b;
			EXCEPTION WHEN OTHERS THEN
				CONTINUE;		-- no such value, or no such operator
			END;
			FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) SELECT key FROM f WHERE ' || condition LOOP
				pushed := coalesce(pushed, true) AND line !~ ('Local Conditions: .*' || r.name);
			END LOOP;
			-- what stays here is the same check for every spelling
			CONTINUE WHEN NOT pushed AND compared > 1;
			EXECUTE 'SELECT array_agg(x ORDER BY x) FROM (SELECT f::text AS x FROM f WHERE ' || condition || ') q' INTO a;
			compared := compared + 1;
			IF a IS DISTINCT FROM b THEN
				different := concat_ws('; ', different, condition);
			END IF;
		END LOOP;
	END LOOP;
END $$;

CREATE FUNCTION try_type(r roles, declared text,
	OUT pushed text, OUT local text, OUT compared bigint, OUT different text) LANGUAGE plpgsql AS $$
DECLARE
	value text;
BEGIN
	EXECUTE format('CREATE FOREIGN TABLE f (key text OPTIONS (path %L), %s %I %s)
		SERVER tiktok OPTIONS (stream %L)', r.key, CASE WHEN r.bound <> ''
		THEN format('bound timestamp OPTIONS (path %L),', 'dimensions.' || r.bound) END, r.name, declared, r.stream);
	BEGIN
		EXECUTE 'CREATE TABLE c AS SELECT * FROM f' || CASE WHEN r.bound <> ''
			THEN ' WHERE bound BETWEEN ''2026-06-22 00:00'' AND ''2026-06-24 00:00''' ELSE '' END;
	EXCEPTION WHEN OTHERS THEN
		pushed := 'cannot be read: ' || sqlstate;
	END;
	IF pushed IS NULL THEN
		EXECUTE format('SELECT max(%I::text) FROM c', r.name) INTO value;
		SELECT string_agg(t, ' ' ORDER BY n) FILTER (WHERE x.pushed), string_agg(t, ' ' ORDER BY n) FILTER (WHERE NOT x.pushed),
			sum(x.compared), string_agg(x.different, '; ')
		INTO pushed, local, compared, different
		FROM unnest('{bigint,integer,numeric,text,char(30),boolean,date,timestamp,timestamptz,jsonb,text[],word}'::text[])
			WITH ORDINALITY AS v (t, n), compare(r, value, t) x WHERE x.compared > 0;
		DROP TABLE c;
	END IF;
	DROP FOREIGN TABLE f;
END $$;

SELECT role, declared, t.* FROM roles r, unnest('{bigint,integer,numeric,text,varchar,char(30),boolean,date,timestamp,timestamptz,jsonb,text[],id,moment}'::text[])
	WITH ORDINALITY AS d (declared, n), try_type(r, declared) t WHERE t.pushed IS NULL OR t.pushed NOT LIKE 'cannot%' ORDER BY r.ctid, n;

DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA types CASCADE;
