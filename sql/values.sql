--
-- Values: from the API's spellings to column types, the table's or one's own.
--
\getenv api TIKTOK_API_URL
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw
	OPTIONS (api_url :'api', rate_limit '1000', advertiser_ids '7002238017842757633');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (access_token 'local-access-token');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO ads;
SET search_path = ads, public;
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
\set SHOW_CONTEXT never
\pset null NULL

-- what an error says, without the part that is never the same
CREATE FUNCTION public.try(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	m text;
	c text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, c = PG_EXCEPTION_CONTEXT;
	RETURN SQLSTATE || ' ' || m || coalesce(E'\n' || regexp_replace(substring(c FROM '^column [^\n]*'),
		'request_id \w+', 'request_id ...'), '');
END $$;

-- "-" in a report: NULL whatever the type; in raw text one can see what came
CREATE FOREIGN TABLE spellings (ad_id bigint, stat_time_day date, impressions bigint,
	result_rate numeric, rate_text text OPTIONS (path 'metrics.result_rate'),
	rate_array text[] OPTIONS (path 'metrics.result_rate'),
	secondary_goal_result bigint, dpa_target_audience_type text)
SERVER tiktok OPTIONS (stream 'ads_reports_daily');
SELECT ad_id, impressions, result_rate, rate_text, rate_array, secondary_goal_result,
	dpa_target_audience_type FROM spellings
WHERE stat_time_day = '2026-06-25' ORDER BY 1 LIMIT 3;
SELECT count(*) AS rows, count(secondary_goal_result) AS secondary_goal,
	count(dpa_target_audience_type) AS dpa FROM spellings WHERE stat_time_day = '2026-06-25';

-- counts too small to tell
CREATE FOREIGN TABLE small (campaign_id bigint, stat_time_day date, country_code text, follows bigint,
	follows_text text OPTIONS (path 'metrics.follows'), follows_numeric numeric OPTIONS (path 'metrics.follows'),
	follows_float float8 OPTIONS (path 'metrics.follows'))
SERVER tiktok OPTIONS (stream 'campaigns_audience_reports_by_country_daily');
SELECT follows_text = '<5' AS small, count(*) > 0 AS some, count(follows) AS follows,
	count(follows_numeric) AS as_numeric, count(follows_float) AS as_float
FROM small WHERE stat_time_day BETWEEN '2026-06-01' AND '2026-06-28' AND follows_text = '<5' GROUP BY 1;
SELECT bool_and(follows_text = follows::text) AS same, bool_and(follows >= 0) AS counts, count(follows) > 0 AS some
FROM small WHERE stat_time_day BETWEEN '2026-06-01' AND '2026-06-28' AND follows_text <> '<5';

-- entities: "" is a text, and no number, time, boolean, list or object; a missing key and null are NULL
CREATE FOREIGN TABLE raw (ad_id bigint, identity_id text, identity_number numeric OPTIONS (path 'identity_id'),
	video_id text, music_id bigint, music_text text OPTIONS (path 'music_id'), modify_time timestamptz,
	page_id bigint, nothing text OPTIONS (path 'no_such_key'), nothing_number int OPTIONS (path 'no.such.key'))
SERVER tiktok OPTIONS (stream 'ads');
SELECT identity_id, video_id, music_id, music_text, nothing, nothing_number FROM raw
WHERE identity_id !~ '-' ORDER BY ad_id LIMIT 4;
SELECT count(*) AS rows, count(identity_id) AS identity_id, count(nullif(identity_id, '')) AS filled,
	count(modify_time) AS modify_time, count(page_id) AS page_id FROM raw;
SELECT ad_id, deeplink, deeplink IS NULL AS is_null, ad_text FROM ads.ads ORDER BY 1 LIMIT 4;

-- a text column of the key is never NULL: "-" stays, null and a missing key become ''
CREATE FOREIGN TABLE keyed (campaign_id bigint, stat_time_day date, province_id text, spend numeric,
	number bigint OPTIONS (path 'dimensions.province_id'))
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_CAMPAIGN',
	dimensions 'campaign_id,stat_time_day,province_id');
SELECT province_id, number, count(*) > 0 AS some FROM keyed
WHERE stat_time_day BETWEEN '2026-06-20' AND '2026-06-25' GROUP BY 1, 2 ORDER BY 1 LIMIT 3;
-- elsewhere it is none
ALTER FOREIGN TABLE campaigns_reports_lifetime OPTIONS (ADD advertiser_ids '7160093331570884610');
SELECT split_test, count(*) FROM campaigns_reports_lifetime
WHERE advertiser_id = 7160093331570884610 GROUP BY 1 ORDER BY 1;
SELECT creative_portfolio_id, title, title IS NULL AS is_null FROM creative_assets_portfolios ORDER BY 1 LIMIT 3;

-- ids: to the last digit, from strings and from numbers
SELECT advertiser_id, owner_bc_id, balance, create_time FROM advertisers;
SELECT pixel_id FROM ad_groups WHERE pixel_id > 9007199254740993 ORDER BY adgroup_id LIMIT 2;
SELECT max(page_id), max(tracking_pixel_id) FROM ads.ads;
-- money as it is spelt; percentages between 0 and 100
SELECT budget, roas_bid FROM campaigns ORDER BY campaign_id;
SELECT spend, cpc, ctr, impressions, clicks FROM campaigns_reports_daily
WHERE stat_time_day = '2026-06-25' ORDER BY campaign_id LIMIT 2;
SELECT bool_and(ctr BETWEEN 0 AND 100) AS percent, bool_and(abs(ctr - 100.0 * clicks / impressions) < 0.01) AS right
FROM campaigns_reports_daily WHERE stat_time_day BETWEEN '2026-06-01' AND '2026-06-28' AND impressions > 0;
-- instants are UTC, wherever the session is; days and hours are the account's
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SELECT create_time, modify_time FROM campaigns ORDER BY campaign_id LIMIT 1;
SELECT create_time FROM creative_assets_images ORDER BY image_id LIMIT 1;
SELECT stat_time_day FROM campaigns_reports_daily WHERE stat_time_day = '12/06/2026' LIMIT 1;
SELECT stat_time_hour FROM campaigns_reports_hourly WHERE stat_time_hour = '12/06/2026 13:00' LIMIT 1;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

-- lists and objects
SELECT tiktok_subplacements, location_ids, placements, audience_rule FROM ad_groups ORDER BY adgroup_id LIMIT 2;
SELECT search_keywords, jsonb_typeof(search_keywords) FROM ad_groups ORDER BY adgroup_id LIMIT 1;
SELECT count(*) > 0 AS quoted FROM ads.ads WHERE 'c"d' = ANY (sku_ids) AND 'e\f {g}' = ANY (sku_ids);
SELECT name, author FROM creative_assets_music ORDER BY music_id LIMIT 3;
SELECT skip_learning_phase, count(*) > 0 AS some FROM ad_groups GROUP BY 1 ORDER BY 1;

-- one's own types
CREATE TYPE public.objective AS ENUM ('TRAFFIC', 'REACH', 'LEAD_GENERATION', 'WEB_CONVERSIONS', 'APP_PROMOTION',
	'VIDEO_VIEWS', 'PRODUCT_SALES', 'ENGAGEMENT');
CREATE DOMAIN public.positive AS numeric CHECK (VALUE > 0);
CREATE DOMAIN public.filled AS text NOT NULL;
CREATE FOREIGN TABLE own (advertiser_id bigint, id numeric OPTIONS (path 'campaign_id'),
	label varchar OPTIONS (path 'campaign_name'), padded char(30) OPTIONS (path 'campaign_name'),
	bytes bytea OPTIONS (path 'campaign_name'), cost numeric(10,2) OPTIONS (path 'budget'),
	cost_float real OPTIONS (path 'budget'), goal objective OPTIONS (path 'objective_type'), flag bool OPTIONS (path 'is_new_structure'),
	flag_text text OPTIONS (path 'is_new_structure'), created date OPTIONS (path 'create_time'),
	created_at timestamp OPTIONS (path 'create_time'), tags json OPTIONS (path 'special_industries'),
	tags_text text OPTIONS (path 'special_industries'), title filled OPTIONS (path 'campaign_name'),
	id_json jsonb OPTIONS (path 'campaign_id'), id_array bigint[] OPTIONS (path 'campaign_id'))
SERVER tiktok OPTIONS (stream 'campaigns');
\x
SELECT * FROM own ORDER BY id LIMIT 2;
\x
SELECT id FROM own WHERE id = 1702000000773560;
SELECT label FROM own WHERE created = '2025-12-11' AND cost < 1 AND goal = 'TRAFFIC';

-- what does not fit is the input function's error, and says where it comes from
CREATE FOREIGN TABLE wrong (advertiser_id bigint, campaign_id bigint,
	name5 varchar(5) OPTIONS (path 'campaign_name'), small int OPTIONS (path 'campaign_id'),
	number int OPTIONS (path 'campaign_name'), cost numeric(3,2) OPTIONS (path 'budget'),
	status_enum objective OPTIONS (path 'budget_mode'), flag bool OPTIONS (path 'campaign_name'),
	budget positive, missing filled OPTIONS (path 'no_such_key'), day date OPTIONS (path 'campaign_name'),
	uid uuid OPTIONS (path 'campaign_id'), list int[] OPTIONS (path 'special_industries'))
SERVER tiktok OPTIONS (stream 'campaigns');
SELECT c || ': ' || try(format('SELECT %I FROM wrong', c))
FROM unnest('{campaign_id,name5,small,number,cost,status_enum,flag,budget,missing,day,uid,list}'::text[]) AS c;
-- a column that is not read cannot be wrong
SELECT count(campaign_id) FROM wrong;
SELECT try('SELECT wrong FROM wrong LIMIT 1') ~ '^[02]\w{4} ' AS whole_row;
-- advertiser_id is filled in where rows lack it
SELECT advertiser_id, count(*) FROM audiences GROUP BY 1;
CREATE FOREIGN TABLE account_text (advertiser_id text, audience_id bigint) SERVER tiktok OPTIONS (stream 'audiences');
SELECT advertiser_id, count(*) FROM account_text GROUP BY 1;
SELECT count(*) FROM account_text WHERE advertiser_id = '7002238017842757633';

-- a column more, one fewer, another name
ALTER FOREIGN TABLE campaigns_reports_daily DROP COLUMN cpc, DROP COLUMN ctr,
	ADD COLUMN more numeric OPTIONS (path 'metrics.ctr');
ALTER FOREIGN TABLE campaigns_reports_daily RENAME COLUMN spend TO cost;
SELECT try($$SELECT cost, more FROM campaigns_reports_daily WHERE stat_time_day = '2026-06-25'$$);
ALTER FOREIGN TABLE campaigns_reports_daily ALTER COLUMN cost OPTIONS (ADD path 'metrics.spend');
SELECT cost, more FROM campaigns_reports_daily WHERE stat_time_day = '2026-06-25' ORDER BY campaign_id LIMIT 1;

DROP EXTENSION tiktok_fdw CASCADE;
DROP SCHEMA ads CASCADE;
DROP TYPE objective, positive, filled;
DROP FUNCTION try;
