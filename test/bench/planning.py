"""What it costs to plan with, and to import, wide tables and many of them; see
run.sh --planning. postgres_fdw's tables have the same columns, so that its
numbers are PostgreSQL's own share; nothing is sent to any server.
"""
import re
import time

SETUP = """
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '/nowhere');
CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere;
CREATE SCHEMA tt;
CREATE SCHEMA pg;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO tt OPTIONS (metrics 'all');
CREATE TABLE commands AS
    SELECT format('CREATE FOREIGN TABLE pg.%I (', c.relname)
        || string_agg(format('%I %s', attname, format_type(atttypid, NULL)), ', ' ORDER BY attnum)
        || ') SERVER elsewhere' AS command
    FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid
    WHERE relnamespace = 'tt'::regnamespace AND attnum > 0 GROUP BY c.relname
"""
CREATE = """DO $$ DECLARE command text; BEGIN
    FOR command IN SELECT c.command FROM commands c LOOP EXECUTE command; END LOOP; END $$"""
IMPORT = "IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO tt OPTIONS (metrics 'all')"
PARTITIONS = """DO $$ BEGIN
    CREATE TABLE {schema}.parts (advertiser_id bigint NOT NULL, ad_id bigint,
        stat_time_day timestamp, spend numeric, clicks bigint) PARTITION BY LIST (advertiser_id);
    FOR i IN 1 .. 500 LOOP
        EXECUTE format('CREATE FOREIGN TABLE {schema}.part_%s PARTITION OF {schema}.parts '
            'FOR VALUES IN (%s) SERVER {server} {options}', i, i);
    END LOOP; END $$"""
DAY = "stat_time_day = '2026-06-01'"


def planning_time(session, query):
    """milliseconds"""
    plan = session.query('EXPLAIN (SUMMARY) ' + query)
    return float(re.search(r'Planning Time: ([0-9.]+) ms', plan)[1])


def pair(measure, times):
    """The best of each, measured in turn: (ours, postgres_fdw's)."""
    measured = [(measure('tt'), measure('pg')) for _ in range(times)]
    return tuple(min(column) for column in zip(*measured))


def row(name, ours, theirs):
    print(f'| {name} | {ours:.2f} ms | {theirs:.2f} ms | × {ours / theirs:.1f} |', flush=True)


def first(new_session, query):
    """The first plan of a session that has the libraries and has planned something."""
    def measure(schema):
        session = new_session()
        session.query("LOAD 'tiktok_fdw'; LOAD 'postgres_fdw'")
        for other in ('tt', 'pg'):
            session.query(f'EXPLAIN SELECT * FROM {other}.advertisers')
        result = planning_time(session, query.format(schema=schema))
        session.close()
        return result
    return measure


def executed(session, ours, theirs, schemas):
    """A command, rolled back."""
    def measure(schema):
        session.query(f'BEGIN; SET LOCAL client_min_messages = warning; {schemas}')
        begin = time.monotonic()
        session.query(ours if schema == 'tt' else theirs)
        result = (time.monotonic() - begin) * 1000
        session.query('ROLLBACK')
        return result
    return measure


def report(new_session):
    """new_session: makes a Session of bench.py in a database with the server tiktok"""
    session = new_session()
    session.query(SETUP)
    session.query(CREATE)
    session.query(PARTITIONS.format(schema='tt', server='tiktok',
                                    options="OPTIONS (stream ''ads_reports_daily'')"))
    session.query(PARTITIONS.format(schema='pg', server='elsewhere', options=''))
    ids = ','.join(str(7088160322550000000 + 7919 * i % 10000) for i in range(10000))
    wide = f'SELECT spend FROM {{schema}}.ads_reports_daily WHERE {DAY}'
    queries = (
        ('one metric of 1,038 columns', wide),
        ('all of 1,038 columns', wide.replace('spend', '*')),
        ('500 partitions', f'SELECT spend FROM {{schema}}.parts WHERE {DAY}'),
        ('10,000 ids in `= ANY`', f"{wide} AND ad_id = ANY ('{{{{{ids}}}}}')"))
    print('| what | tiktok_fdw | postgres_fdw | ratio |\n|---|--:|--:|--:|')
    for name, query in queries:
        row(f'plan, first of a session: {name}', *pair(first(new_session, query), 7))
        row(f'plan, any later one: {name}',
            *pair(lambda schema, q=query: planning_time(session, q.format(schema=schema)), 30))
    row("import 36 tables with `metrics 'all'` (12,705 columns); `CREATE` the same",
        *pair(executed(session, IMPORT, CREATE,
                       'DROP SCHEMA tt, pg CASCADE; CREATE SCHEMA tt; CREATE SCHEMA pg'), 5))
    session.close()
