--
-- Every newcomer's mistake: what the error is, and what the hint says to do.
--
\getenv api TIKTOK_API_URL
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
-- messages name the user
CREATE ROLE regress_tiktok_admin SUPERUSER;
SET ROLE regress_tiktok_admin;
SELECT regexp_replace(:'api', '/open_api/', '/sandbox/open_api/') AS sandbox_api \gset
SELECT regexp_replace(:'api', 'v1\.3', 'v1.2') AS wrong_path \gset
SELECT regexp_replace(:'api', ':\d+/.*', ':1/') AS no_server \gset
\set SHOW_CONTEXT never
\pset null '-'

-- the mistake and its remedy, without what differs from run to run
CREATE FUNCTION public.try(query text) RETURNS TABLE (error text) LANGUAGE plpgsql AS $$
DECLARE
	m text;
	d text;
	h text;
BEGIN
	EXECUTE query;
	RETURN QUERY VALUES ('no error');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
	RETURN QUERY SELECT line FROM (VALUES (1, SQLSTATE || ' ' || m), (2, nullif(d, '')), (3, nullif('HINT: ' || h, 'HINT: '))) v (n, line)
	WHERE line IS NOT NULL ORDER BY n;
END $$;
CREATE FUNCTION public.clean(line text) RETURNS text LANGUAGE sql AS $$
SELECT regexp_replace(regexp_replace(regexp_replace(line, 'request ID \w+', 'request ID ...'),
	'(127\.0\.0\.1):\d+', '\1:...', 'g'), 'days \S+ to [^,]+', 'days ...')
$$;
CREATE FUNCTION public.tell(query text) RETURNS SETOF text LANGUAGE sql AS
$$SELECT clean(error) FROM try(query)$$;
CREATE FUNCTION public.tell_check(server text) RETURNS TABLE (step integer, name text, ok boolean, detail text, hint text) LANGUAGE sql AS
$$SELECT c.step, c.name, c.ok, clean(c.detail), clean(c.hint) FROM tiktok.check(server) c$$;
\pset tuples_only on
\pset format unaligned

CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url :'api', rate_limit '1000', max_retries '0');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO ads;

-- a schema that is none, a stream that is none, a server that is none
SELECT tell('IMPORT FOREIGN SCHEMA public FROM SERVER tiktok INTO ads');
SELECT tell('IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campain) FROM SERVER tiktok INTO ads');
SELECT tell($$CREATE FOREIGN TABLE t (id bigint) SERVER tiktok OPTIONS (stream 'add_reports_daily')$$);
SELECT tell($$CREATE FOREIGN TABLE t (id bigint) SERVER tiktok$$);
SELECT tell($$SELECT * FROM tiktok.check('no such server')$$);

-- no user mapping, and mappings that lack something
SELECT tell('SELECT * FROM ads.campaigns');
SELECT tell($$CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok$$);
SELECT tell($$CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token '')$$);
SELECT tell('SELECT * FROM ads.campaigns');
DROP USER MAPPING FOR CURRENT_USER SERVER tiktok;
SELECT tell($$CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (token 'x')$$);
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token 'never-shown');

-- a wrong token, for one account and for all
SELECT tell('SELECT * FROM ads.campaigns WHERE advertiser_id = 7002238017842757633');
ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET access_token 'local-access-token');
SELECT tell('SELECT * FROM ads.campaigns');
SELECT tell('SELECT * FROM ads.advertiser_ids');
SELECT tell('SELECT * FROM ads.campaigns WHERE advertiser_id = 7002238017842757633');
ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (ADD app_id '7000000000000000001', ADD secret 'never-shown');
SELECT tell('SELECT * FROM ads.campaigns');
ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET secret 'local-secret');
SELECT tell('SELECT * FROM ads.campaigns');

-- an account that is another's
SELECT tell('SELECT * FROM ads.campaigns WHERE advertiser_id = 7002238017842757634');
SELECT tell('SELECT * FROM ads.advertisers WHERE advertiser_id IN (7002238017842757633, 7002238017842757634)');

-- no time bound
SELECT tell('SELECT * FROM ads.ads_reports_daily');
SELECT tell('SELECT * FROM ads.ads_reports_hourly WHERE advertiser_id = 7002238017842757633');
SELECT tell($$SELECT * FROM ads.ads_reports_daily WHERE stat_time_day < '2026-01-01'$$);
CREATE FOREIGN TABLE ads.odd (ad_id bigint, "The Day" date OPTIONS (path 'dimensions.stat_time_day'))
SERVER tiktok OPTIONS (stream 'ads_reports_daily');
SELECT tell('SELECT * FROM ads.odd');
CREATE FOREIGN TABLE ads.timeless (ad_id bigint, spend numeric) SERVER tiktok OPTIONS (stream 'ads_reports_daily');
SELECT tell('SELECT * FROM ads.timeless');

-- a table without columns of use, a path that leads nowhere
CREATE FOREIGN TABLE ads.nowhere (campaign_id bigint, x text OPTIONS (path 'metrics.spend'))
SERVER tiktok OPTIONS (stream 'campaigns');
SELECT DISTINCT x IS NULL FROM ads.nowhere WHERE campaign_id > 0;

-- a wrong address
ALTER SERVER tiktok OPTIONS (SET api_url :'wrong_path');
SELECT tell('SELECT * FROM ads.campaigns WHERE advertiser_id = 7002238017842757633');
ALTER SERVER tiktok OPTIONS (SET api_url :'no_server');
SELECT tell('SELECT * FROM ads.campaigns WHERE advertiser_id = 7002238017842757633') ~ '^(08006 request to "127.0.0.1" failed|endpoint|HINT)' AS told;
ALTER SERVER tiktok OPTIONS (SET api_url :'api');

-- the sandbox: accounts must be named, and some streams are not there
CREATE SERVER sandbox FOREIGN DATA WRAPPER tiktok_fdw
	OPTIONS (environment 'sandbox', api_url :'sandbox_api', rate_limit '1000', max_retries '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER sandbox
	OPTIONS (access_token 'local-access-token', app_id '7000000000000000001', secret 'local-secret');
CREATE SCHEMA box;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER sandbox INTO box;
SELECT tell('SELECT * FROM box.campaigns');
SELECT tell('SELECT * FROM box.advertiser_ids');
SELECT tell('SELECT * FROM box.advertisers_reports_lifetime WHERE advertiser_id = 7002238017842757633');
SELECT tell('SELECT * FROM box.campaigns WHERE advertiser_id = 7002238017842757633');
ALTER SERVER sandbox OPTIONS (ADD advertiser_ids '7002238017842757633');
SELECT tell('SELECT * FROM box.campaigns');
SELECT tell('SELECT * FROM box.campaigns_reports_lifetime');

-- the set-up checked
\pset tuples_only off
\pset format aligned
SELECT * FROM tell_check('tiktok');
SELECT * FROM tell_check('sandbox');
ALTER SERVER sandbox OPTIONS (DROP advertiser_ids);
SELECT * FROM tell_check('sandbox');
ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET secret 'wrong');
SELECT * FROM tell_check('tiktok');
ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (DROP secret, DROP app_id);
SELECT * FROM tell_check('tiktok');
ALTER SERVER tiktok OPTIONS (ADD advertiser_ids '7002238017842757633,5');
SELECT * FROM tell_check('tiktok');
ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET access_token 'wrong');
SELECT * FROM tell_check('tiktok');
DROP USER MAPPING FOR CURRENT_USER SERVER tiktok;
SELECT * FROM tell_check('tiktok');
ALTER SERVER tiktok OPTIONS (SET api_url 'http://127.0.0.1:1/');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token 'x');
SELECT step, name, ok FROM tell_check('tiktok');
-- whose server it is
CREATE ROLE regress_tiktok_owner;
ALTER SERVER tiktok OWNER TO regress_tiktok_owner;
SELECT * FROM tell_check('tiktok');
SET ROLE regress_tiktok_owner;
SELECT * FROM tell_check('sandbox');
SET ROLE regress_tiktok_admin;
SELECT * FROM tell_check('tik');

DROP EXTENSION tiktok_fdw CASCADE;
DROP ROLE regress_tiktok_owner;
DROP SCHEMA ads CASCADE;
DROP SCHEMA box CASCADE;
DROP FUNCTION tell_check, tell, clean, try;
RESET ROLE;
DROP ROLE regress_tiktok_admin;
