--
-- The catalogue: what tiktok.streams, stream_columns and report_metrics say.
-- Nothing here talks to an API.
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;
CREATE EXTENSION tiktok_fdw;

-- the streams, some of each kind; test/t/011_catalog.pl compares all with the facts
SELECT name, kind, endpoint, key_columns, cursor_column, environments FROM tiktok.streams
WHERE name IN ('advertiser_ids', 'campaigns', 'audiences', 'creative_assets_videos', 'ads_reports_daily',
	'advertisers_reports_hourly', 'campaigns_reports_lifetime', 'ads_audience_reports_daily');
SELECT grain, array_agg(name ORDER BY name) FILTER (WHERE grain IN ('week', 'month', 'period')) AS names
FROM tiktok.streams GROUP BY 1 ORDER BY 1;
SELECT name, seed_name FROM tiktok.streams
WHERE lower(replace(name, '_', '')) <> lower(seed_name);
SELECT note FROM tiktok.streams WHERE name = 'advertisers_audience_reports_lifetime';

-- the columns: none twice, advertiser_id first, then the key
SELECT count(*) = count(DISTINCT (stream, name)) AS once, count(DISTINCT stream) = (
	SELECT count(*) FROM tiktok.streams) AS of_each,
	count(DISTINCT stream) = count(*) FILTER (
		WHERE ordinal = 1 AND name = 'advertiser_id' AND type = 'bigint') AS account_first
FROM tiktok.stream_columns;
SELECT s.name FROM tiktok.streams s
WHERE array_remove(s.key_columns, 'advertiser_id') IS DISTINCT FROM (
	SELECT coalesce(array_agg(c.name ORDER BY c.ordinal), '{}') FROM tiktok.stream_columns c
	WHERE c.stream = s.name AND c.ordinal BETWEEN 2
		AND 1 + cardinality(array_remove(s.key_columns, 'advertiser_id')));
SELECT s.name FROM tiktok.streams s WHERE s.cursor_column IS NOT NULL AND NOT EXISTS (
	SELECT FROM tiktok.stream_columns c WHERE c.stream = s.name AND c.name = s.cursor_column);
SELECT DISTINCT type FROM tiktok.stream_columns ORDER BY 1;

-- paths: by the columns' names; in reports by dimension or metric
SELECT DISTINCT s.kind, CASE WHEN c.path IS NULL THEN 'filled in' WHEN c.path = c.name THEN 'name'
	WHEN c.path = 'dimensions.' || c.name THEN 'dimension'
	WHEN c.path = 'metrics.' || c.name THEN 'metric' ELSE c.path END AS place
FROM tiktok.stream_columns c JOIN tiktok.streams s ON s.name = c.stream
ORDER BY 1, 2;
SELECT DISTINCT name FROM tiktok.stream_columns WHERE path IS NULL ORDER BY 1;
SELECT c.stream, c.name FROM tiktok.stream_columns c JOIN tiktok.streams s ON s.name = c.stream
WHERE c.path LIKE 'dimensions.%' AND c.name <> ALL (s.key_columns);

-- what may be summed is told of metrics, and only of metrics
SELECT name, type, path, additive, pushdown FROM tiktok.stream_columns
WHERE stream = 'ads_reports_daily' AND name IN ('advertiser_id', 'ad_id', 'stat_time_day', 'spend',
	'impressions', 'ctr', 'reach', 'campaign_id', 'campaign_name', 'campaign_budget', 'currency')
ORDER BY ordinal;
SELECT DISTINCT s.kind, c.additive FROM tiktok.stream_columns c
JOIN tiktok.streams s ON s.name = c.stream ORDER BY 1, 2;

-- what the API evaluates, and by which operators
SELECT stream, name, pushdown FROM tiktok.stream_columns
WHERE pushdown IS NOT NULL AND stream IN ('advertisers', 'advertiser_ids', 'ads', 'audiences',
	'creative_assets_videos', 'creative_assets_music')
ORDER BY stream, ordinal;
SELECT DISTINCT name, pushdown FROM tiktok.stream_columns
WHERE pushdown IS NOT NULL AND stream IN (SELECT name FROM tiktok.streams
	WHERE endpoint = 'report/integrated/get/')
ORDER BY 1;
-- an id above the level of the report, and none below it
SELECT stream, name FROM tiktok.stream_columns
WHERE pushdown = '=, IN' AND name IN ('campaign_id', 'adgroup_id', 'ad_id')
	AND stream IN ('ads_reports_daily', 'ad_groups_reports_daily', 'campaigns_reports_daily',
		'advertisers_reports_daily')
ORDER BY stream, name;

-- what requests name beside the account, and what a query has to say
SELECT name, asked_per, required_conditions, paging, imported_by FROM tiktok.streams
WHERE asked_per IS NOT NULL OR required_conditions <> '{}' ORDER BY 1;
SELECT DISTINCT imported_by, seed_name IS NOT NULL AS of_connectors FROM tiktok.streams
WHERE imported_by <> 'named' ORDER BY 1;
SELECT name, type, path, additive, pushdown FROM tiktok.stream_columns
WHERE stream = 'gmv_max_live_reports_daily' AND name IN ('advertiser_id', 'store_id', 'campaign_id',
	'stat_time_day', 'cost', 'roi', '10_second_live_views', 'bid_type', 'currency') ORDER BY ordinal;
SELECT stream, c.name, path, pushdown FROM tiktok.stream_columns c
JOIN tiktok.streams s ON s.name = c.stream WHERE c.name = ANY (s.required_conditions)
ORDER BY stream, ordinal;

-- the metrics
SELECT count(*) > 1000 AS many, count(*) = count(DISTINCT name) AS once FROM tiktok.report_metrics;
SELECT DISTINCT type FROM tiktok.report_metrics ORDER BY 1;
SELECT DISTINCT audience FROM tiktok.report_metrics ORDER BY 1;
SELECT DISTINCT levels FROM tiktok.report_metrics ORDER BY 1;
SELECT DISTINCT r AS restriction FROM tiktok.report_metrics, unnest(restrictions) AS r ORDER BY 1;
SELECT name, type, attribute, additive, levels, audience, restrictions FROM tiktok.report_metrics
WHERE name IN ('spend', 'cash_spend', 'reach', 'ad_name', 'currency', 'billed_cost') ORDER BY name;
SELECT name FROM tiktok.report_metrics WHERE attribute AND additive;
-- what counts people where the goal is REACH, and what always does
SELECT name, additive, additive_unless FROM tiktok.report_metrics
WHERE additive_unless IS NOT NULL OR name IN ('reach', 'new_consideration_size', 'billed_cost')
ORDER BY 1;
SELECT name, audience FROM tiktok.report_metrics WHERE audience LIKE 'with %' ORDER BY 1;
SELECT name FROM tiktok.report_metrics WHERE description = ''
	OR levels = '{}' AND restrictions <> '{"only BC reports"}';

-- every metric that a stream lists is legal there
SELECT c.stream, c.name FROM tiktok.stream_columns c JOIN tiktok.streams s ON s.name = c.stream
LEFT JOIN tiktok.report_metrics m ON m.name = c.name
WHERE s.endpoint = 'report/integrated/get/' AND c.path LIKE 'metrics.%' AND (m.name IS NULL OR (s.kind = 'audience_report' AND m.audience = 'no'));

-- everybody may read them; nobody but the owner may set counters to zero
CREATE ROLE regress_tiktok_catalog;
SET ROLE regress_tiktok_catalog;
SELECT (SELECT count(*) FROM tiktok.streams) > 0 AS streams,
	(SELECT count(*) FROM tiktok.report_metrics) > 0 AS metrics;
SELECT has_function_privilege('tiktok.stat_requests_reset()', 'EXECUTE') AS may_reset;
RESET ROLE;
DROP ROLE regress_tiktok_catalog;

-- every object of the extension has a comment
SELECT pg_describe_object(classid, objid, 0) AS without_comment FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'tiktok_fdw')
	AND classid <> 'pg_type'::regclass
	AND obj_description(objid, classid::regclass::text::name) IS NULL
	AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.oid = objid)
ORDER BY 1;

DROP EXTENSION tiktok_fdw;
