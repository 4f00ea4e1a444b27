-- The schema and the foreign-data wrapper: what CREATE SERVER needs.

GRANT USAGE ON SCHEMA tiktok TO PUBLIC;
COMMENT ON SCHEMA tiktok IS
'foreign-data wrapper for TikTok''s Marketing API';

CREATE FUNCTION tiktok.tiktok_fdw_handler()
RETURNS fdw_handler
AS 'MODULE_PATHNAME', 'tiktok_fdw_handler'
LANGUAGE C STRICT;
COMMENT ON FUNCTION tiktok.tiktok_fdw_handler() IS
'handler of the foreign-data wrapper tiktok_fdw';

CREATE FUNCTION tiktok.tiktok_fdw_validator(options text[], catalog oid)
RETURNS void
AS 'MODULE_PATHNAME', 'tiktok_fdw_validator'
LANGUAGE C STRICT;
COMMENT ON FUNCTION tiktok.tiktok_fdw_validator(text[], oid) IS
'checks the options of servers, user mappings, foreign tables and columns';

CREATE FOREIGN DATA WRAPPER tiktok_fdw
	HANDLER tiktok.tiktok_fdw_handler
	VALIDATOR tiktok.tiktok_fdw_validator;
COMMENT ON FOREIGN DATA WRAPPER tiktok_fdw IS
'TikTok''s Marketing API';

CREATE FUNCTION tiktok.version()
RETURNS text
AS 'MODULE_PATHNAME', 'tiktok_version'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION tiktok.version() IS
'versions of the extension, PostgreSQL and libcurl';
