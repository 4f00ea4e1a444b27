-- The catalogue as SQL sees it: what there is to read. Each view is over a C function
-- of the same name, which lists the tables of src/catalog/; everybody may read them.

CREATE FUNCTION tiktok.streams(
	OUT name text,
	OUT seed_name text,
	OUT endpoint text,
	OUT kind text,
	OUT key_columns text[],
	OUT cursor_column text,
	OUT environments text[],
	OUT note text,
	OUT grain text,
	OUT paging text,
	OUT asked_per text,
	OUT required_conditions text[],
	OUT imported_by text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_streams'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 80;
COMMENT ON FUNCTION tiktok.streams() IS
'the streams; see view tiktok.streams';

CREATE VIEW tiktok.streams AS
	SELECT s.name, s.seed_name, s.endpoint, s.kind, s.key_columns, s.cursor_column,
		s.environments, s.note, s.grain, s.paging, s.asked_per, s.required_conditions,
		s.imported_by
	FROM tiktok.streams() AS s;
COMMENT ON VIEW tiktok.streams IS
'what IMPORT FOREIGN SCHEMA tiktok offers: one foreign table for each row; those without seed_name on demand, by LIMIT TO or OPTIONS (streams ''all'')';
COMMENT ON COLUMN tiktok.streams.name IS
'name of the stream and of the foreign table';
COMMENT ON COLUMN tiktok.streams.seed_name IS
'what connectors call the stream; NULL if they have none';
COMMENT ON COLUMN tiktok.streams.endpoint IS
'where it is read, below the base URL';
COMMENT ON COLUMN tiktok.streams.kind IS
'account, entity, audience, asset, report or audience_report';
COMMENT ON COLUMN tiktok.streams.key_columns IS
'with advertiser_id, what identifies a row';
COMMENT ON COLUMN tiktok.streams.cursor_column IS
'the column that new and changed rows can be told by; NULL if there is none';
COMMENT ON COLUMN tiktok.streams.environments IS
'where the stream can be read: production, sandbox';
COMMENT ON COLUMN tiktok.streams.note IS
'what to know before using it';
COMMENT ON COLUMN tiktok.streams.grain IS
'what a row of a report covers: hour, day, week, month, or a period that the query names; NULL if all there is, or the stream is no report';
COMMENT ON COLUMN tiktok.streams.paging IS
'how a list is read in pieces: pages, cursor; object if there is no list, but one row a request; NULL if in one';
COMMENT ON COLUMN tiktok.streams.asked_per IS
'the column whose values requests name beside the account; those of an account are looked up where no condition gives any';
COMMENT ON COLUMN tiktok.streams.required_conditions IS
'columns that a query has to give values of (column = value)';
COMMENT ON COLUMN tiktok.streams.imported_by IS
'core: IMPORT FOREIGN SCHEMA; all: with OPTIONS (streams ''all''); named: by LIMIT TO only';

CREATE FUNCTION tiktok.stream_columns(
	OUT stream text,
	OUT ordinal integer,
	OUT name text,
	OUT type text,
	OUT path text,
	OUT description text,
	OUT additive boolean,
	OUT additive_unless text,
	OUT pushdown text,
	OUT doubt text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_stream_columns'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 2000;
COMMENT ON FUNCTION tiktok.stream_columns() IS
'the columns of the streams; see view tiktok.stream_columns';

CREATE VIEW tiktok.stream_columns AS
	SELECT c.stream, c.ordinal, c.name, c.type, c.path, c.description, c.additive,
		c.additive_unless, c.pushdown, c.doubt
	FROM tiktok.stream_columns() AS c;
COMMENT ON VIEW tiktok.stream_columns IS
'the columns of each stream, as IMPORT FOREIGN SCHEMA tiktok lists them';
COMMENT ON COLUMN tiktok.stream_columns.stream IS
'the stream, a row of tiktok.streams';
COMMENT ON COLUMN tiktok.stream_columns.ordinal IS
'position in the foreign table, from 1';
COMMENT ON COLUMN tiktok.stream_columns.name IS
'name of the column';
COMMENT ON COLUMN tiktok.stream_columns.type IS
'its PostgreSQL type';
COMMENT ON COLUMN tiktok.stream_columns.path IS
'where the value stands in a row of the API; NULL if it stands in none and is filled in';
COMMENT ON COLUMN tiktok.stream_columns.description IS
'what it is';
COMMENT ON COLUMN tiktok.stream_columns.additive IS
'whether values of different rows may always be summed; NULL if the column is no metric';
COMMENT ON COLUMN tiktok.stream_columns.additive_unless IS
'where additive is false: values may be summed except where this holds, since they count people then; NULL: never';
COMMENT ON COLUMN tiktok.stream_columns.pushdown IS
'the operators by which a condition narrows what the API is asked for; NULL if there are none';
COMMENT ON COLUMN tiktok.stream_columns.doubt IS
'what is not certain about the column; NULL if sources agree';

CREATE FUNCTION tiktok.report_metrics(
	OUT name text,
	OUT type text,
	OUT description text,
	OUT attribute boolean,
	OUT additive boolean,
	OUT additive_unless text,
	OUT levels text[],
	OUT audience text,
	OUT restrictions text[],
	OUT doubt text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tiktok_report_metrics'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 1048;
COMMENT ON FUNCTION tiktok.report_metrics() IS
'the metrics of reports; see view tiktok.report_metrics';

CREATE VIEW tiktok.report_metrics AS
	SELECT m.name, m.type, m.description, m.attribute, m.additive,
		m.additive_unless, m.levels, m.audience, m.restrictions, m.doubt
	FROM tiktok.report_metrics() AS m;
COMMENT ON VIEW tiktok.report_metrics IS
'every metric of TikTok''s reports: what a column of a report table may be called';
COMMENT ON COLUMN tiktok.report_metrics.name IS
'name of the metric; the path of its value is metrics.NAME';
COMMENT ON COLUMN tiktok.report_metrics.type IS
'the PostgreSQL type that fits';
COMMENT ON COLUMN tiktok.report_metrics.description IS
'what it is';
COMMENT ON COLUMN tiktok.report_metrics.attribute IS
'whether it describes the object instead of measuring it; needs an id dimension';
COMMENT ON COLUMN tiktok.report_metrics.additive IS
'whether values of different rows may always be summed';
COMMENT ON COLUMN tiktok.report_metrics.additive_unless IS
'where additive is false: values may be summed except where this holds, since they count people then; NULL: never';
COMMENT ON COLUMN tiktok.report_metrics.levels IS
'the values of data_level at which the API accepts it';
COMMENT ON COLUMN tiktok.report_metrics.audience IS
'whether AUDIENCE reports accept it: yes, no, unsure, or beside which dimensions';
COMMENT ON COLUMN tiktok.report_metrics.restrictions IS
'in which reports it can be asked for';
COMMENT ON COLUMN tiktok.report_metrics.doubt IS
'what is not certain about the metric; NULL if sources agree';

GRANT SELECT ON tiktok.streams, tiktok.stream_columns, tiktok.report_metrics TO PUBLIC;
