-- Trying out a set-up, and why two reports differ: requests without a foreign table.

CREATE FUNCTION tiktok.check(
	server text,
	OUT step integer,
	OUT name text,
	OUT ok boolean,
	OUT detail text,
	OUT hint text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_check'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tiktok.check(text) IS
'tries out a server for the current user, step by step, and says what to change';

CREATE FUNCTION tiktok.completeness(
	server text,
	since date,
	until date,
	advertiser_id bigint DEFAULT NULL,
	OUT advertiser_id bigint,
	OUT level text,
	OUT reason text,
	OUT spend numeric,
	OUT impressions bigint,
	OUT clicks bigint,
	OUT note text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_completeness'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION tiktok.completeness(text, date, date, bigint) IS
'why the sums of two reports differ: of each account and level, the sums of a period as the API gives them unasked (reason NULL), and by reason what is missing to the account''s own sum';
