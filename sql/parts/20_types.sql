-- What the steps of a refresh hand on to each other.

CREATE TYPE tiktok._counts AS (inserted bigint, updated bigint, deleted bigint,
	unchanged bigint);
COMMENT ON TYPE tiktok._counts IS 'internal: what a merge did';

CREATE TYPE tiktok._statements AS (stage text, delta text, asked text, create_stage text, create_delta text,
	load text, count text, repeated text, fold text, present text, compare text, differing text,
	months text, insert text, replace text, upsert text, remove text, expired text, renew text);
COMMENT ON TYPE tiktok._statements IS
'internal: the SQL of a target, by the names of tiktok._templates(); stage, delta and asked (the values of a query for_each) are tables';

CREATE TYPE tiktok._beside AS (history regclass, changes regclass, changes_keep interval,
	end_states text, end_window text, begin_states text, begin_window text, log_window text,
	log_new text, log_other text, prune text, untrue_window text, untrue_delta text);
COMMENT ON TYPE tiktok._beside IS
'internal: what is written beside a target, NULL: nothing; and the SQL for it, by the names of tiktok._beside_templates()';

CREATE TYPE tiktok._job AS (target regclass, source regclass, run bigint,
	statements tiktok._statements, time_column text, grain text, since date, attribution_window integer,
	partition_by text, span integer, account_param text, concurrency integer,
	accounts_named boolean, end_day date, read_on date, requests bigint, folded bigint, probe boolean,
	beside tiktok._beside, tables regclass[], names text[], resumed timestamptz);
COMMENT ON TYPE tiktok._job IS
'internal: a refresh under way. end_day: the last day to ask for; requests: of the session when it began; folded: rows that became one with another; probe: whether accounts are probed before they are read; NULL: they cannot be; tables, names: what it writes, and the names that its statements have for it; resumed: accounts that a refresh which was stopped was through with since then are not read again, NULL: there was none';

CREATE TYPE tiktok._step AS (merge boolean, accounts bigint[], first_day date, last_day date,
	windows integer, backward boolean);
COMMENT ON TYPE tiktok._step IS
'internal: what a refresh does next: read some windows into the stage, or (merge) write one of them; of a probe, what is asked for';

CREATE TYPE tiktok._problem AS (code text, message text, detail text, hint text);
COMMENT ON TYPE tiktok._problem IS 'internal: an error that was caught';
