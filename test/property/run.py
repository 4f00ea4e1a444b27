"""Property test: what is pushed down never changes an answer.

Each random query must give the same rows
  * over local copies of the tables (that is what PostgreSQL makes of the whole),
  * over the foreign tables with tiktok_fdw.enable_pushdown on and off,
  * as a prepared statement with a generic plan,
  * and, now and then, through a cursor;
and the strict API must not find a request that its documentation does not
allow.  Most seeds bound the tables by the options advertiser_ids and start_date
(of the server, and others of some tables): the copies are cut accordingly.  A failure prints the query, how to run it, and both results.

    python3 run.py --host /tmp/socket --port 5432 --api http://127.0.0.1:…/open_api/v1.3/
                   [--queries 150] [--seed N] [--from K] [--only K] [--bounds on|off]

A seed and a number make a query, whichever were run before it.
"""
import argparse
import collections
import json
import random
import re
import sys
import time
import urllib.request

from grammar import Table
from shapes import Shapes
from wire import Connection, Failure

ACCOUNTS = (7030219640413208578, 7051874396120449026, 7123456789012345678, 7219930054437175298)
SETUP = """
DROP SCHEMA IF EXISTS ads, copy, local CASCADE;
DROP SERVER IF EXISTS tiktok_property CASCADE;
CREATE EXTENSION IF NOT EXISTS tiktok_fdw;
CREATE SERVER tiktok_property FOREIGN DATA WRAPPER tiktok_fdw
    OPTIONS (api_url '{api}', rate_limit '1000', advertiser_ids '{accounts}', {options});
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok_property OPTIONS (
    access_token 'local-access-token', app_id '7000000000000000001', secret 'local-secret');
CREATE SCHEMA ads;
CREATE SCHEMA copy;
CREATE SCHEMA local;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok_property INTO ads;
"""
# streams, and the columns that queries use besides the key and what is pushed
STREAMS = {
    'campaigns': 'campaign_name budget modify_time',
    'ad_groups': 'adgroup_name budget schedule_start_time',
    'ads': 'ad_name landing_page_urls operation_status',
    'audiences': 'name audience_type cover_num',
    'creative_assets_images': 'file_name size create_time',
    'creative_assets_videos': 'file_name duration',
    'creative_assets_music': 'name author',
    'creative_assets_portfolios': '',
    'advertisers': 'name currency balance',
    'ads_reports_daily': 'spend impressions clicks cpc campaign_name ad_name',
    'ad_groups_reports_daily': 'spend impressions campaign_name budget',
    'campaigns_reports_daily': 'spend clicks reach campaign_name objective_type',
    'advertisers_reports_daily': 'spend impressions reach currency',
    'ads_reports_hourly': 'spend impressions adgroup_name',
    'campaigns_reports_hourly': 'spend clicks campaign_name',
    'ads_reports_lifetime': 'spend impressions ad_name',
    'campaigns_reports_lifetime': 'spend clicks campaign_name',
    'ads_audience_reports_daily': 'gender age spend impressions',
    'campaigns_audience_reports_by_country_daily': 'country_code spend clicks',
    'advertisers_audience_reports_lifetime': 'gender age spend clicks',
}
KINDS = {
    'include_deleted': ('true', 'false'),
    'include_promote': ('true', 'false'),
    'buying_types': ('AUCTION,RESERVATION_RF', 'RESERVATION_TOP_VIEW', 'AUCTION',
                     'RESERVATION_TOP_VIEW,AUCTION,RESERVATION_RF')}
NUMBER = re.compile(r'-?\d+\.\d+')
# tables of the test's own: an append of the accounts; columns of other types
OWN = {
    'parted': ('advertiser_id ad_id stat_time_day', {
        'advertiser_id': 'bigint', 'ad_id': 'bigint', 'stat_time_day': 'date',
        'campaign_id': 'bigint', 'spend': 'numeric', 'impressions': 'bigint', 'ad_name': 'text'},
        'ads_reports_daily', 'advertiser_id ad_id campaign_id stat_time_day'),
    'typed': ('advertiser_id campaign_id', {
        'advertiser_id': 'bigint', 'campaign_id': 'text', 'campaign_name': 'text',
        'objective_type': 'text', 'create_time': 'timestamp', 'budget': 'numeric'},
        'campaigns', 'advertiser_id campaign_id objective_type create_time'),
    'typed_report': ('advertiser_id adgroup_id stat_time_day', {
        'advertiser_id': 'numeric', 'adgroup_id': 'text', 'stat_time_day': 'timestamp',
        'campaign_id': 'numeric', 'spend': 'numeric'},
        'ad_groups_reports_daily', 'stat_time_day adgroup_id campaign_id'),
}
# reports without a time dimension that are no lifetimes: from start_date on
UNDATED = ('advertisers_audience_reports_lifetime',)
METRICS = ('spend', 'impressions', 'clicks', 'reach')
# the days that exist, and those that queries speak of
FIRST, LAST = '2025-12-01', '2026-07-02'
DAYS = {'day': [f'2026-06-{d:02d}' for d in range(1, 31)] + ['2026-07-01'],
        'hour': [f'2026-06-{d:02d}' for d in range(24, 31)] + ['2026-07-01']}
LOCAL = """
CREATE TABLE local.l_accounts (advertiser_id bigint, n integer, tag text);
INSERT INTO local.l_accounts VALUES ({0}, 2, 'a'), ({1}, 1, 'b''"'), ({2}, 5, NULL), (NULL, 3, 'null'),
    (0, 1, 'zero'), (-7, 1, 'minus');
CREATE TABLE local.l_days (day date, tag text);
INSERT INTO local.l_days SELECT d, d FROM unnest('{{2026-06-03,2026-06-10,2026-06-11,2026-06-27,NULL,
    infinity}}'::date[]) d;
CREATE TABLE local.l_campaigns AS SELECT campaign_id AS id, 'c' AS tag FROM copy.campaigns
    WHERE campaign_id % 2 = 0 UNION ALL VALUES (NULL, 'null'), (1, 'one'), (9223372036854775807, 'max');
CREATE TABLE local.l_adgroups AS SELECT adgroup_id AS id, 'g' AS tag FROM copy.ad_groups
    WHERE adgroup_id % 3 = 0 UNION ALL VALUES (NULL, 'null'), (0, 'zero');
CREATE TABLE local.l_ads AS SELECT ad_id AS id, 'ad' AS tag FROM copy.ads WHERE ad_id % 3 > 0;
CREATE TABLE local.l_objects AS SELECT advertiser_id, campaign_id, adgroup_id, ad_id,
    CASE WHEN n % 3 > 0 THEN date '2026-06-01' + (n % 29)::integer END AS day, (n % 5)::integer AS n,
    'o' || n % 7 AS tag
    FROM (SELECT *, row_number() OVER (ORDER BY ad_id) AS n FROM copy.ads) s WHERE n % 4 < 2;
INSERT INTO local.l_objects SELECT * FROM local.l_objects WHERE n = 2;
INSERT INTO local.l_objects SELECT 7, campaign_id, adgroup_id, ad_id, day, n, 'other' FROM local.l_objects WHERE n = 3;
INSERT INTO local.l_objects VALUES ({0}, NULL, NULL, NULL, NULL, NULL, NULL), (NULL, 1, 2, 3, '2026-06-05', 0, 'o'),
    (NULL, NULL, NULL, NULL, NULL, 1, 'o2'), ({1}, 0, -1, 9223372036854775807, 'infinity', 2, 'o3');
CREATE TABLE local.l_ids AS SELECT id::integer, 'int4' AS tag FROM generate_series(-3, 3) id;
"""


def control(api, what, content=None):
    url = api.split('/open_api/')[0] + '/_control/' + what
    data = None if content is None else json.dumps(content).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data)) as reply:
        return json.loads(reply.read())


def make_own(connection):
    """The foreign tables of OWN."""
    for name, (_, types, stream, _) in OWN.items():
        columns = ', '.join(f'{column} {type_}' for column, type_ in types.items())
        if name != 'parted':
            connection.query(f"CREATE FOREIGN TABLE ads.{name} ({columns}) SERVER tiktok_property "
                             f"OPTIONS (stream '{stream}')")
            continue
        parts = (f"SELECT {', '.join(types)} FROM ads.{stream} WHERE advertiser_id = {account}"
                 for account in ACCOUNTS)
        connection.query(f"CREATE VIEW ads.{name} AS {' UNION ALL '.join(parts)}")


def read_pool(connection, name, types):
    """Values that occur in the columns of a copy."""
    return {column: [value for (value,) in connection.query(
        f'SELECT DISTINCT {column}::text FROM copy.{name} WHERE {column} IS NOT NULL '
        'ORDER BY 1 LIMIT 60')]
            for column, type_ in types.items() if type_ not in ('jsonb', 'text[]')}


def read_tables(connection):
    """The Table of each stream: columns of the catalogue, values of the copy."""
    tables = []
    for name, more in STREAMS.items():
        listed = connection.query(
            "SELECT name, type, pushdown FROM tiktok.stream_columns "
            f"WHERE stream = '{name}' ORDER BY ordinal")
        key = ['advertiser_id'] + [column for (column,) in connection.query(
            f"SELECT unnest(key_columns) FROM tiktok.streams WHERE name = '{name}'")]
        pushed = {column for column, _, pushdown in listed if pushdown}
        wanted = set(key) | pushed | set(more.split())
        types = {column: type_ for column, type_, _ in listed if column in wanted}
        time = next((c for c in ('stat_time_day', 'stat_time_hour') if c in key), None)
        pool = read_pool(connection, name, types)
        tables.append(Table(name, list(dict.fromkeys(key)), types, pushed & set(types), pool, time,
                            tuple(m for m in METRICS if m in types) if 'report' in name else ()))
    for name, (key, types, _, pushed) in OWN.items():
        tables.append(Table(name, key.split(), types, set(pushed.split()),
                            read_pool(connection, name, types),
                            'stat_time_day' if 'stat_time_day' in types else None,
                            ('spend', 'impressions') if name == 'parted' else ()))
    return tables


def choose_bounds(seed, wanted):
    """What the tables hold: (accounts, first day), of the server and of some tables."""
    dice = random.Random(f'{seed} bounds')
    if wanted == 'off' or (wanted is None and dice.random() < 0.25):
        return {}
    def some():
        return dice.sample(ACCOUNTS, dice.choice((1, 2, 3)))
    bounds = {None: (some(), f'2026-06-{dice.randint(2, 25):02d}')}
    for name in list(STREAMS) + ['typed', 'typed_report']:
        dated = 'daily' in name or 'hourly' in name or name == 'typed_report'
        if dice.random() < 0.4:
            bounds[name] = (some() if dice.random() < 0.7 else None,
                            f'2026-06-{dice.randint(2, 29):02d}'
                            if dated and dice.random() < 0.7 else None)
    return bounds


def set_bounds(connection, bounds):
    """Set the options, and cut the copies to what the tables hold then."""
    if not bounds:
        return
    accounts, first = bounds[None]
    connection.query(f"ALTER SERVER tiktok_property OPTIONS (SET advertiser_ids "
                     f"'{','.join(map(str, accounts))}', ADD start_date '{first}')")
    for name in list(STREAMS) + list(OWN):
        of_table = bounds.get('ads_reports_daily' if name == 'parted' else name, (None, None))
        given = []
        if of_table[0]:
            given.append(f"ADD advertiser_ids '{','.join(map(str, of_table[0]))}'")
        if of_table[1]:
            given.append(f"ADD start_date '{of_table[1]}'")
        if given and name != 'parted':
            connection.query(f"ALTER FOREIGN TABLE ads.{name} OPTIONS ({', '.join(given)})")
        if name in UNDATED:       # what start_date bounds is within the sums
            connection.query(f'TRUNCATE copy.{name};'
                             f'INSERT INTO copy.{name} SELECT * FROM ads.{name}')
        held = [f"advertiser_id IN ({','.join(map(str, of_table[0] or accounts))})"]
        for column in ('stat_time_day', 'stat_time_hour'):
            if connection.query("SELECT 1 FROM pg_attribute WHERE attrelid = "
                                f"'copy.{name}'::regclass AND attname = '{column}'"):
                held.append(f"{column} >= '{of_table[1] or first}'")
        connection.query(f"DELETE FROM copy.{name} WHERE NOT ({' AND '.join(held)})")
        connection.query(f'ANALYZE copy.{name}')


def server_options(seed):
    """Options that change which requests there are, and which objects are rows."""
    dice = random.Random(f'{seed} options')
    return (f"page_size '{dice.choice((1000, 100, 30))}', "
            f"concurrency '{dice.choice((1, 2, 8, 8))}'" +
            ''.join(f", {option} '{value}'" for option, value in choose_kinds(dice)))


def choose_kinds(dice):
    """Which objects are rows, where it is not all of them."""
    return [(option, dice.choice(values)) for option, values in KINDS.items() if dice.random() < 0.2]


def set_kinds(connection, api, seed):
    """Objects of all kinds, and tables with options of their own; the copies come after it."""
    dice = random.Random(f'{seed} kinds')
    for kind in ('PROMOTE', 'RESERVATION_TOP_VIEW'):
        control(api, 'mutate', {'op': 'add_objects', 'advertiser_id': str(dice.choice(ACCOUNTS)),
                                'kind': kind, 'ads': 8})
    for name in STREAMS:
        for option, value in choose_kinds(dice):
            if name in ('campaigns', 'ad_groups', 'ads') or 'reports' in name and \
                    (option, name[:11]) != ('include_deleted', 'advertisers'):
                connection.query(f"ALTER FOREIGN TABLE ads.{name} OPTIONS (ADD {option} '{value}')")


def set_up(connection, api, seed, bounds):
    """Foreign tables, local copies and views of both."""
    connection.query(SETUP.format(api=api, accounts=','.join(map(str, ACCOUNTS)),
                                  options=server_options(seed)))
    set_kinds(connection, api, seed)
    make_own(connection)
    for name in list(STREAMS) + list(OWN):
        where = ''
        if name.endswith('_daily') or name in ('parted', 'typed_report'):
            where = f"WHERE stat_time_day BETWEEN '{FIRST}' AND '{LAST}'"
        elif name.endswith('_hourly'):
            where = f"WHERE stat_time_hour >= '{DAYS['hour'][0]}' AND stat_time_hour < '{LAST}'"
        connection.query(f'CREATE TABLE copy.{name} AS SELECT * FROM ads.{name} {where};'
                         f'ANALYZE copy.{name}')
        for schema in ('ads', 'copy'):
            connection.query(f'CREATE VIEW {schema}.v_{name} AS '
                             f'SELECT *, 1 AS one FROM {schema}.{name} WHERE advertiser_id > 0')
    connection.query(LOCAL.format(*ACCOUNTS))
    set_bounds(connection, bounds)
    connection.query('ANALYZE')


class Run:
    """Runs queries in every way and keeps what went wrong."""

    def __init__(self, connection, api, dear):
        self.connection, self.api, self.dear = connection, api, dear
        self.failures, self.refused, self.seconds = [], 0, collections.Counter()
        self.requests, self.violations = collections.Counter(), 0

    def ways(self, query, dice):
        """(name, statements before, statements whose rows are the result, after)."""
        settings = ''.join(f"SET {k} = '{v}';" for k, v in query.settings)
        reset = ''.join(f'RESET {k};' for k, _ in query.settings)
        zone = ''.join(f"SET {k} = '{v}';" for k, v in query.settings if k == 'timezone')
        copy, ads = ('SET search_path = copy, local;', 'SET search_path = ads, local;')
        off = 'SET tiktok_fdw.enable_pushdown = off;'
        prepare, execute = query.prepared('q')
        plain = query.plain()
        yield 'copy', copy + zone, [plain], reset
        yield 'on', ads + settings, [plain], reset
        yield 'off', ads + off + settings, [plain], reset + 'RESET tiktok_fdw.enable_pushdown;'
        yield ('generic', f'{ads}SET plan_cache_mode = force_generic_plan;{settings}{prepare};',
               [execute], reset + 'RESET plan_cache_mode; DEALLOCATE ALL;')
        if dice < 0.15:
            yield ('cursor', f'{ads}{settings}BEGIN; DECLARE c CURSOR FOR {plain};',
                   ['FETCH 2 FROM c', 'FETCH 1 FROM c', 'FETCH ALL FROM c'], f'ROLLBACK;{reset}')
        elif dice < 0.3:
            yield ('twice', f'{ads}{settings}{prepare};{execute};', [execute],
                   reset + 'DEALLOCATE ALL;')

    def execute(self, way, before, statements, after):
        """The rows, or the error in place of them."""
        begin = time.time()
        try:
            self.connection.query(before)
            return [canonical(row) for s in statements for row in self.connection.query(s)]
        except Failure as failure:
            return failure
        finally:
            for statement in after.split(';'):
                if statement.strip():
                    self.connection.query(statement)
            self.seconds[way] += time.time() - begin

    def check(self, number, query, dice):
        results, costs = {}, {}
        for way, before, statements, after in self.ways(query, dice):
            asked = control(self.api, 'stats')['requests']
            results[way] = self.execute(way, before, statements, after)
            stats = control(self.api, 'stats')
            costs[way] = stats['requests'] - asked
            self.requests[way] += costs[way]
            if stats['violations'] > self.violations:
                self.violations = stats['violations']
                last = control(self.api, 'violations')[-1]
                self.fail(number, query, f'{way}: the API refused a request: {last}')
        forced = any(value == 'off' for _, value in query.settings)
        if not forced and (costs['on'] > costs['off'] + 2 or costs['on'] > self.dear):
            print(f"# query {number} ({query.shape}): {costs}\n#   {query.plain()}")
        right = results['copy']
        if isinstance(right, Failure):
            # whether an expression is evaluated at all may depend on the plan
            self.refused += 1
            return
        for way, rows in results.items():
            if isinstance(rows, Failure):
                self.fail(number, query, f'{way}: {rows}')
            elif not same(right, rows, query.ordered):
                self.fail(number, query, f'{way}: other rows than copy\n' + difference(right, rows))

    def fail(self, number, query, what):
        prepare, execute = query.prepared('q')
        settings = ''.join(f"SET {k} = '{v}'; " for k, v in query.settings)
        self.failures.append(f'query {number} ({query.shape}): {what}\n'
                             f'  {settings}{query.plain()};\n  {prepare};\n  {execute};')


def canonical(row):
    """0.00 and 0 are one number, and which of equal numbers is shown is left open."""
    return tuple(value.rstrip('0').rstrip('.') if value and NUMBER.fullmatch(value) else value
                 for value in row)


def same(one, two, ordered):
    return one == two if ordered else collections.Counter(one) == collections.Counter(two)


def difference(right, rows):
    """A few rows of each side that the other lacks."""
    one, two = collections.Counter(right), collections.Counter(rows)
    text = f'  {len(right)} rows in the copy, {len(rows)} in the foreign table\n'
    for name, left in (('only in the copy', one - two), ('only in the foreign table', two - one)):
        text += ''.join(f'  {name}: {row}\n' for row in list(left.elements())[:5])
    return text + ('' if one != two else '  the same rows in another order\n')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--host', required=True)
    parser.add_argument('--port', required=True)
    parser.add_argument('--user', default='postgres')
    parser.add_argument('--database', default='postgres')
    parser.add_argument('--api', required=True, help='the option api_url')
    parser.add_argument('--queries', type=int, default=150)
    parser.add_argument('--seed', type=int, default=None)
    parser.add_argument('--from', dest='first', type=int, default=0, metavar='K')
    parser.add_argument('--only', type=int, help='one query of the seed')
    parser.add_argument('--bounds', choices=('on', 'off'),
                        help='options advertiser_ids and start_date (default: by the seed)')
    parser.add_argument('--dear', type=int, default=100,
                        help='show queries that take more requests than this')
    parser.add_argument('--no-setup', action='store_true', help='the tables are there')
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    bounds = choose_bounds(seed, options.bounds)
    print(f'# seed {seed}, {options.queries} queries, {server_options(seed)}', flush=True)
    print(f'# bounds: {bounds or "none"}', flush=True)

    connection = Connection(options.host, options.port, options.user, options.database)
    connection.query('SET client_min_messages = warning')
    if not options.no_setup:
        set_up(connection, options.api, seed, bounds)
    run = Run(connection, options.api, options.dear)
    control(options.api, 'reset', {})
    tables = read_tables(connection)
    shapes = collections.Counter()
    for number in range(options.queries):
        if number < options.first or (options.only is not None and number != options.only):
            continue
        dice = random.Random(f'{seed} {number}')
        query = Shapes(dice, tables, ACCOUNTS, DAYS, bool(bounds)).query()
        shapes[query.shape] += 1
        try:
            run.check(number, query, dice.random())
        except (ConnectionError, OSError) as error:
            run.fail(number, query, f'the session ended: {error}')
            break
        if len(run.failures) > 20:
            break
    for failure in run.failures:
        print('\n'.join('# ' + line for line in failure.split('\n')))
    print(f'# shapes: {dict(sorted(shapes.items()))}')
    print('# requests: ' + ', '.join(f'{n} {way}' for way, n in run.requests.items()))
    print('# seconds: ' + ', '.join(f'{n:.1f} {way}' for way, n in run.seconds.items()))
    done = sum(shapes.values())
    ok = not run.failures
    print(f'{"ok" if ok else "not ok"} 1 - {done} queries of seed {seed}: {len(run.failures)} failures')
    few = run.refused <= done // 25 + 1
    print(f'{"ok" if few else "not ok"} 2 - {run.refused} of them are errors in PostgreSQL itself')
    print('1..2')
    sys.exit(not (ok and few))


if __name__ == '__main__':
    main()
