-- Comments of foreign tables, from the catalogue.
--
-- IMPORT FOREIGN SCHEMA creates tables and nothing else. A comment is written
-- where there is none; one that is a text of the catalogue follows the column's
-- path; any other is its owner's and stays.

CREATE FUNCTION tiktok._table_comment(source regclass)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%s from %s of TikTok''s Marketing API; key: %s', o.stream,
			coalesce(s.endpoint, 'report/integrated/get/'),
			array_to_string('advertiser_id'::text || array_remove(coalesce(s.key_columns,
				string_to_array(replace(o.dimensions, ' ', ''), ',')), 'advertiser_id'), ', '))
		|| coalesce('. ' || s.note, '')
	FROM pg_foreign_table AS f
		CROSS JOIN LATERAL (
			SELECT max(o.option_value) FILTER (WHERE o.option_name = 'stream') AS stream,
				max(o.option_value) FILTER (WHERE o.option_name = 'dimensions') AS dimensions
			FROM pg_options_to_table(f.ftoptions) AS o) AS o
		LEFT JOIN tiktok.streams AS s ON s.name = o.stream
	WHERE f.ftrelid = source
$$;
COMMENT ON FUNCTION tiktok._table_comment(regclass) IS
'internal: what tiktok.comment_tables() says of a foreign table';

CREATE FUNCTION tiktok._wanted_comments(namespace oid, OUT what text, OUT now text, OUT wanted text,
	OUT ours boolean)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH sources AS MATERIALIZED (
		SELECT c.oid::regclass AS source
		FROM pg_class AS c JOIN pg_foreign_table AS f ON f.ftrelid = c.oid
			JOIN pg_foreign_server AS s ON s.oid = f.ftserver
			JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
		WHERE w.fdwname = 'tiktok_fdw' AND c.relnamespace = namespace
			AND pg_has_role(c.relowner, 'USAGE')),
	texts AS MATERIALIZED (
		SELECT k.description FROM tiktok.stream_columns AS k
		UNION SELECT m.description FROM tiktok.report_metrics AS m)
	SELECT format('FOREIGN TABLE %s', t.source), c.now, tiktok._table_comment(t.source),
		c.now LIKE '% of TikTok''s Marketing API; key: %'
	FROM sources AS t CROSS JOIN LATERAL obj_description(t.source, 'pg_class') AS c (now)
	UNION ALL
	SELECT format('COLUMN %s.%I', t.source, k.name), c.now, k.description,
		c.now IN (SELECT x.description FROM texts AS x)
	FROM sources AS t CROSS JOIN LATERAL tiktok._source_columns(t.source) AS k
		CROSS JOIN LATERAL col_description(t.source, k.attnum) AS c (now)
$$;
COMMENT ON FUNCTION tiktok._wanted_comments(oid) IS
'internal: of the caller''s foreign tables in a schema, the comments as they are and as the catalogue has them. ours: it is a text of the catalogue, perhaps of another column';

-- All commands are known before the first runs: they change what they are made from.
CREATE FUNCTION tiktok.comment_tables(schema text)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	namespace oid := (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = schema);
	commands text[];
	command text;
BEGIN
	IF namespace IS NULL THEN
		RAISE EXCEPTION 'schema "%" does not exist', schema USING ERRCODE = '3F000';
	END IF;
	commands := ARRAY(
		SELECT format('COMMENT ON %s IS %L', c.what, c.wanted)
		FROM tiktok._wanted_comments(namespace) AS c
		WHERE c.now IS DISTINCT FROM c.wanted AND (c.now IS NULL OR c.ours));
	FOREACH command IN ARRAY commands LOOP
		EXECUTE command;
	END LOOP;
	RETURN cardinality(commands);
END
$$;
COMMENT ON FUNCTION tiktok.comment_tables(text) IS
'writes the catalogue''s descriptions as comments of the foreign tables in a schema that the caller owns, and of their columns; returns how many it wrote. Comments of one''s own are left alone, and so are columns that the catalogue does not describe. Errors: 3F000 no such schema';
