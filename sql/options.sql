--
-- Options: what is valid, who may set it, and what the errors say.
-- Nothing here talks to an API.
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on

-- runs a statement; says how it went, with SQLSTATE, and undoes what it did
CREATE FUNCTION pg_temp.try(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	m text;
	d text;
	h text;
BEGIN
	BEGIN
		EXECUTE statement;
		RAISE EXCEPTION USING errcode = 'TT000';
	EXCEPTION WHEN OTHERS THEN
		IF SQLSTATE = 'TT000' THEN
			RETURN 'ok';
		END IF;
		GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
		RETURN SQLSTATE || ' ' || m || CASE WHEN d <> '' THEN E'\n\t' || d ELSE '' END
			|| CASE WHEN h <> '' THEN E'\n\t' || h ELSE '' END;
	END;
END $$;
CREATE FUNCTION pg_temp.server(option text, value text) RETURNS text
LANGUAGE sql AS $$
SELECT format('%s = %s: ', option, value) || pg_temp.try(
	format('CREATE SERVER x FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (%I %L)', option, value))
$$;
CREATE FUNCTION pg_temp.ft(options text) RETURNS text
LANGUAGE sql AS $$
SELECT options || ': ' || pg_temp.try(
	format('CREATE FOREIGN TABLE x (a text) SERVER tiktok OPTIONS (%s)', options))
$$;

CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw;

-- names: unknown, misspelt, in the wrong place
SELECT pg_temp.server('colour', 'red');
SELECT pg_temp.server('adversiter_ids', '1');
SELECT pg_temp.server('stream', 'ads');
SELECT pg_temp.server('access_token', 'no-one-may-see-this');
SELECT pg_temp.server('secret', 'no-one-may-see-this');
SELECT pg_temp.ft($$stream 'ads', acces_token 'x'$$);
SELECT pg_temp.ft($$stream 'ads', app_id '7'$$);
SELECT pg_temp.ft($$stream 'ads', concurrency '8'$$);
SELECT pg_temp.try($$ALTER FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url 'https://localhost/')$$);
SELECT pg_temp.try($$ALTER FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (nothing 'x')$$);
SELECT pg_temp.try($$CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
	OPTIONS (access_token 't', token 't')$$);
SELECT pg_temp.try($$CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
	OPTIONS (access_token 't', rate_limit '5')$$);
SELECT pg_temp.try($$CREATE FOREIGN TABLE x (a text OPTIONS (paht 'b')) SERVER tiktok
	OPTIONS (stream 'ads')$$);

-- numbers, booleans, words
SELECT pg_temp.server(o, v) FROM (VALUES
	('environment', 'sandbox'), ('environment', 'production'), ('environment', 'test'),
	('environment', 'Sandbox'), ('environment', ''),
	('on_advertiser_error', 'skip'), ('on_advertiser_error', 'fail'),
	('on_advertiser_error', 'fail,skip'),
	('include_deleted', 'off'), ('include_deleted', 'YES'), ('include_deleted', '2'),
	('page_size', '1'), ('page_size', '1000'), ('page_size', '0'), ('page_size', '1001'),
	('page_size', '-5'), ('page_size', '10.5'), ('page_size', '0100'), ('page_size', '1e2'),
	('page_size', ''), ('page_size', '99999999999'), ('page_size', '5min'),
	('concurrency', '100'), ('concurrency', '101'), ('rate_limit', '0'),
	('max_retries', '0'), ('max_retries', '101'),
	('timeout', '3600'), ('timeout', '2min'), ('timeout', '0'), ('timeout', '2h'),
	('connect_timeout', '600'), ('connect_timeout', '601'),
	('max_response_size', '1kB'), ('max_response_size', '1GB'), ('max_response_size', '2GB'),
	('max_response_size', '1000'), ('max_response_size', '64mb')) AS t (o, v);

-- ad accounts
SELECT pg_temp.server('advertiser_ids', v) FROM (VALUES
	('7002238017842757633'), (' 1 , 2,1 '), ('9223372036854775807'), (''), (' '), ('1,,2'),
	('1,'), ('0'), ('-1'), ('1.0'), ('9223372036854775808'), ('abc')) AS t (v);

-- days
SELECT pg_temp.server('start_date', v) FROM (VALUES
	('2026-01-31'), ('2024-02-29'), ('2026-01-01T00:00:00Z'), ('2026-01-01T23:59:59Z'),
	('1970-01-01'), ('9999-12-31'), ('1969-12-31'), ('2026-02-29'), ('2026-13-01'),
	('2026-00-10'), ('2026-1-1'), ('2026-01-01T24:00:00Z'), ('2026-01-01T00:00:00'),
	('2026-01-01 00:00:00'), ('yesterday'), ('')) AS t (v);

-- base URLs and proxies: never shown, they could contain a password
SELECT pg_temp.server('api_url', v) FROM (VALUES
	('https://business-api.tiktok.com/open_api/v1.3/'), ('http://127.0.0.1:8080/open_api/v1.3'),
	('HTTPS://LOCALHOST'), ('https://[::1]:8443/x/'), ('ftp://localhost/'), ('localhost'),
	('https://'), ('https:///x'), ('https://user:password@localhost/'),
	('https://localhost/?a=b'), ('https://localhost/#a'), ('https://local host/'),
	('https://localhost:0/'), ('https://localhost:65536/'), ('https://localhost:/'),
	('https://localhost:80x/'), ('http://docker_host:80/'), ('https://local(host/'), ('https://[::1/'),
	('https://localhost\@example.com/'), (E'https://localhost/\nHost: x')) AS t (v);
SELECT pg_temp.server('proxy', v) FROM (VALUES
	('http://proxy.example.com:3128'), ('https://proxy.example.com/'),
	('http://user:password@proxy.example.com:3128'), ('socks5://localhost'),
	('http://localhost/path')) AS t (v);
SELECT pg_temp.server('ca_file', v) FROM (VALUES
	('/etc/ssl/ca.pem'), ('ca.pem'), ('')) AS t (v);

-- user mappings
SELECT pg_temp.try(format('CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok %s', o)) FROM (VALUES
	($$OPTIONS (access_token 't')$$),
	($$OPTIONS (access_token 't', app_id '7', secret 's')$$),
	($$OPTIONS (access_token 't', app_id '7')$$),
	($$OPTIONS (access_token '')$$),
	($$$$),
	($$OPTIONS (app_id '7', secret 's')$$),
	($$OPTIONS (access_token 't', secret 's')$$),
	($$OPTIONS (access_token E'no-one-may-see-this\r\nHost: x')$$),
	($$OPTIONS (access_token 't', app_id '7', secret 'no one may see this')$$)) AS t (o);

-- foreign tables: the stream
SELECT pg_temp.ft(o) FROM (VALUES
	($$stream 'ads_reports_daily'$$),
	($$page_size '10'$$),
	($$stream ''$$),
	($$stream 'AdsReportsDaily'$$),
	($$stream 'ad_reports_daily'$$),
	($$stream 'Campaigns'$$),
	($$stream 'orders'$$)) AS t (o);

-- an option that would do nothing is an error
SELECT pg_temp.ft(o) FROM (VALUES
	($$stream 'ads', advertiser_ids '1,2', include_deleted 'false', page_size '1000'$$),
	($$stream 'ads_reports_daily', start_date '2026-01-01', include_deleted 'false'$$),
	($$stream 'ads_audience_reports_daily', start_date '2026-01-01'$$),
	($$stream 'ads_audience_reports_daily', include_deleted 'true'$$),
	($$stream 'advertisers_reports_daily', include_deleted 'false'$$),
	($$stream 'audiences', include_deleted 'false'$$),
	($$stream 'ads', start_date '2026-01-01'$$),
	($$stream 'ads_reports_lifetime', start_date '2026-01-01'$$),
	($$stream 'advertisers_audience_reports_lifetime', start_date '2026-01-01'$$),
	($$stream 'audiences', page_size '100'$$),
	($$stream 'audiences', page_size '101'$$),
	($$stream 'advertisers', page_size '10'$$),
	($$stream 'advertisers', advertiser_ids '1'$$),
	($$stream 'advertiser_ids', advertiser_ids '1'$$),
	($$stream 'ads', buying_types 'RESERVATION_TOP_VIEW'$$),
	($$stream 'ads', buying_types 'AUCTION, RESERVATION_TOP_VIEW'$$),
	($$stream 'ads', buying_types 'AUCTION,AUCTION'$$),
	($$stream 'ads', buying_types 'auction'$$),
	($$stream 'ads', buying_types ''$$),
	($$stream 'ads_reports_daily', buying_types 'AUCTION'$$),
	($$stream 'ads_reports_daily', dimensions 'ad_id'$$),
	($$stream 'ads_reports_daily', report_type 'BASIC'$$),
	($$stream 'ads_reports_daily', data_level 'AUCTION_AD'$$),
	($$stream 'ads_reports_weekly', include_idle 'true', start_date '2026-01-01'$$),
	($$stream 'ads_reports_daily', include_idle 'true'$$),
	($$stream 'ads_reports_lifetime', include_idle 'false'$$),
	($$stream 'ads', include_idle 'true'$$),
	($$stream 'ads_reports_weekly', include_idle 'perhaps'$$),
	($$stream 'ads', analyze 'totals'$$),
	($$stream 'ads', analyze 'rows'$$),
	($$stream 'ads', analyze 'nothing'$$),
	($$stream 'advertisers', analyze 'totals'$$),
	($$stream 'ads_reports_weekly', grain 'week'$$)) AS t (o);

-- reports of one's own
SELECT pg_temp.ft($$stream 'report', $$ || o) FROM (VALUES
	($$data_level 'AUCTION_CAMPAIGN', dimensions 'campaign_id, stat_time_day'$$),
	($$report_type 'AUDIENCE', data_level 'AUCTION_CAMPAIGN', dimensions 'campaign_id,language'$$),
	($$report_type 'BASIC', data_level 'AUCTION_AD', dimensions 'country_code'$$),
	($$report_type 'BASIC', data_level 'AUCTION_AD', dimensions 'ad_id,brand_new'$$),
	($$report_type 'PLAYABLE_MATERIAL', dimensions 'playable_id'$$),
	($$data_level 'AUCTION_AD'$$),
	($$data_level 'AUCTION_AD', dimensions ''$$),
	($$data_level 'AUCTION_AD', dimensions 'ad_id,,age'$$),
	($$data_level 'AUCTION_AD', dimensions 'ad_id,ad_id'$$),
	($$data_level 'AUCTION_AD', dimensions 'Ad_Id'$$),
	($$data_level 'AUCTION_AD', dimensions 'a,b,c,d,e,f,g,h'$$),
	($$data_level 'AUCTION_AD', dimensions 'a,b,c,d,e,f,g,h,i'$$),
	($$report_type 'basic', data_level 'AUCTION_AD', dimensions 'ad_id'$$),
	($$report_type 'BC', dimensions 'advertiser_id'$$),
	($$data_level 'AD', dimensions 'ad_id'$$),
	($$data_level 'RESERVATION_AD', dimensions 'ad_id'$$),
	($$dimensions 'ad_id'$$),
	($$report_type 'TT_SHOP', data_level 'AUCTION_AD', dimensions 'ad_id'$$),
	($$data_level 'AUCTION_AD', dimensions 'campaign_id'$$),
	($$data_level 'AUCTION_AD', dimensions 'ad_id,campaign_id'$$),
	($$data_level 'AUCTION_AD', dimensions 'ad_id,stat_time_day,stat_time_hour'$$),
	($$report_type 'AUDIENCE', data_level 'AUCTION_AD', dimensions 'ad_id,stat_time_hour'$$),
	($$report_type 'AUDIENCE', data_level 'AUCTION_AD', dimensions 'gender'$$),
	($$data_level 'AUCTION_AD', dimensions 'ad_id', grain 'week', include_idle 'true'$$),
	($$report_type 'AUDIENCE', data_level 'AUCTION_AD', dimensions 'ad_id,gender,age', grain 'period'$$),
	($$data_level 'AUCTION_AD', dimensions 'ad_id,stat_time_day', grain 'month'$$),
	($$data_level 'AUCTION_AD', dimensions 'ad_id,stat_time_hour', grain 'week'$$),
	($$report_type 'CATALOG', data_level 'AUCTION_AD', dimensions 'ad_id', grain 'week'$$),
	($$report_type 'PLAYABLE_MATERIAL', dimensions 'playable_id', grain 'period'$$),
	($$data_level 'AUCTION_AD', dimensions 'ad_id', grain 'day'$$),
	($$data_level 'AUCTION_AD', dimensions 'ad_id', grain 'Week'$$),
	($$data_level 'AUCTION_AD', dimensions 'ad_id', include_idle 'true'$$)) AS t (o);

-- columns
SELECT pg_temp.try(format('CREATE FOREIGN TABLE x (a text OPTIONS (path %L)) SERVER tiktok
	OPTIONS (stream ''ads'')', p)) FROM (VALUES
	('ad_id'), ('a.b.c'), ('Grüße'), (''), ('a.'), ('.a'), ('a..b')) AS t (p);

-- at use: paths that a report cannot have, names that need a path
CREATE FOREIGN TABLE odd (a text OPTIONS (path 'spend')) SERVER tiktok
	OPTIONS (stream 'ads_reports_daily');
SELECT pg_temp.try('SELECT a FROM odd');
ALTER FOREIGN TABLE odd ALTER COLUMN a OPTIONS (SET path 'dimensions.age');
SELECT pg_temp.try('SELECT a FROM odd');
ALTER FOREIGN TABLE odd ALTER COLUMN a OPTIONS (DROP path);
ALTER FOREIGN TABLE odd RENAME COLUMN a TO "a.b";
SELECT pg_temp.try('SELECT * FROM odd');

-- at use: no user mapping, no token; the mapping of PUBLIC serves too
CREATE ROLE regress_tiktok_user;
CREATE FOREIGN TABLE campaigns (campaign_id bigint) SERVER tiktok
	OPTIONS (stream 'campaigns', advertiser_ids '7');
GRANT SELECT ON campaigns TO regress_tiktok_user;
SET ROLE regress_tiktok_user;
SELECT pg_temp.try('SELECT * FROM campaigns');
RESET ROLE;
CREATE USER MAPPING FOR PUBLIC SERVER tiktok OPTIONS (access_token '');
SET ROLE regress_tiktok_user;
SELECT pg_temp.try('SELECT * FROM campaigns');
RESET ROLE;
CREATE USER MAPPING FOR regress_tiktok_user SERVER tiktok OPTIONS (access_token '');
SET ROLE regress_tiktok_user;
SELECT pg_temp.try('SELECT * FROM campaigns');
RESET ROLE;

-- what only superusers may do: at DDL, and at use
GRANT USAGE ON FOREIGN DATA WRAPPER tiktok_fdw TO regress_tiktok_user;
SET ROLE regress_tiktok_user;
SELECT pg_temp.server('proxy', 'http://localhost:3128');
SELECT pg_temp.server('ca_file', '/etc/ssl/ca.pem');
SELECT pg_temp.server('api_url', 'https://localhost/');
SELECT left(pg_temp.try($$SET tiktok_fdw.allowed_hosts = 'localhost'$$), 5);
RESET ROLE;
ALTER SERVER tiktok OPTIONS (ADD api_url 'http://business-api.tiktok.com/open_api/v1.3/');
ALTER SERVER tiktok OWNER TO regress_tiktok_user;
SELECT pg_temp.try('SELECT * FROM campaigns');
ALTER SERVER tiktok OPTIONS (SET api_url 'https://api.example.com:8443/');
SELECT pg_temp.try('SELECT * FROM campaigns');
SET tiktok_fdw.allowed_hosts = 'example.com', 'api.example.com.evil.org';
SELECT pg_temp.try('SELECT * FROM campaigns');
SET tiktok_fdw.allowed_hosts = '';
SELECT pg_temp.try('SELECT * FROM campaigns');
-- allowed: what is wrong now is the token
SET tiktok_fdw.allowed_hosts = 'business-api.tiktok.com', 'API.example.com';
SET ROLE regress_tiktok_user;
SELECT pg_temp.try('SELECT * FROM campaigns');
RESET ROLE;
RESET tiktok_fdw.allowed_hosts;
ALTER SERVER tiktok OPTIONS (DROP api_url, ADD proxy 'http://localhost:3128');
SELECT pg_temp.try('SELECT * FROM campaigns');

-- EXPLAIN reads no user mapping
SELECT pg_temp.try('EXPLAIN SELECT * FROM campaigns');

SHOW tiktok_fdw.allowed_hosts;
SHOW tiktok_fdw.enable_pushdown;
SELECT left(pg_temp.try('SET tiktok_fdw.no_such_setting = 1'), 5);

DROP EXTENSION tiktok_fdw CASCADE;
DROP ROLE regress_tiktok_user;
