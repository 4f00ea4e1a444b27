"""What queries cost: the requests that they send, next to those that a perfect
client would send, as a Markdown table.

A perfect client knows the API's rules (30 days, or one by the hour, a request;
100 ids a filter; 1,000 rows a page; one account a request) and, before it
starts, which rows there are.  Requests are counted in the log of the local API.
A case that takes more than its perfect number without a reason fails the run.
"""
import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'property'))
from wire import Connection                                     # noqa: E402

TODAY = '2026-06-30'
SERVER = """
CREATE SERVER {name} FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url '{url}', rate_limit '1000');
CREATE USER MAPPING FOR CURRENT_USER SERVER {name} OPTIONS (
    access_token 'local-access-token', app_id '7000000000000000001', secret 'local-secret');
CREATE SCHEMA {name};
IMPORT FOREIGN SCHEMA tiktok FROM SERVER {name} INTO {name};
"""
# A: 64 ads; B: 2,412 ads in schema ads, 20,000 in schema big
A, B, C, D = 7002238017842757633, 7088160322559787010, 7030219640413208578, 7051874396120449026
LOCAL = f"""
CREATE SCHEMA my;
CREATE TABLE my.accounts AS SELECT unnest(ARRAY[{A}, {C}, {D}]::bigint[]) AS advertiser_id;
CREATE TABLE my.ads AS SELECT ad_id FROM (SELECT ad_id, row_number() OVER (ORDER BY ad_id) AS n
    FROM big.ads WHERE advertiser_id = {B}) s WHERE n % 20 = 0;
CREATE TABLE my.few AS SELECT ad_id FROM my.ads ORDER BY ad_id LIMIT 5;
CREATE TABLE my.campaigns AS SELECT campaign_id, 'team ' || n % 3 AS team FROM (SELECT campaign_id,
    row_number() OVER (ORDER BY campaign_id) AS n FROM big.campaigns WHERE advertiser_id = {B}) s WHERE n <= 250;
CREATE TABLE my.mixed AS SELECT advertiser_id, ad_id FROM (SELECT *, row_number() OVER (ORDER BY ad_id) AS n
    FROM ads.ads WHERE advertiser_id IN ({A}, {B}, {C})) s WHERE n % 10 = 0;
CREATE VIEW my.june AS SELECT * FROM ads.ads_reports_daily
    WHERE stat_time_day BETWEEN '2026-06-01' AND '2026-06-29';
ANALYZE my.accounts, my.ads, my.few, my.campaigns, my.mixed;
"""


@dataclasses.dataclass
class Case:
    """perfect: a number, or a query for it; why: how it comes about; reason: why more are sent;
    most: how many at most, where the number is a matter of speed; setting: that is on meanwhile."""
    sql: str
    perfect: object
    why: str
    reason: str = ''
    most: int = 0
    setting: str = ''


def pages(query):
    return f'SELECT greatest(1, ceil(count(*) / 1000.0))::int FROM ({query}) s'


# lists have TopView only where it is asked for alone; who knew the rows would not ask
APART = 'of campaigns, ad groups and ads, TopView is asked for apart'
LIST = re.compile(r'\b(ads|big)\.(campaigns|ad_groups|ads)\b')

SUMS = 'tiktok_fdw.enable_aggregate_pushdown'
IDS = "SELECT string_agg(ad_id::text, ', ') FROM (SELECT ad_id FROM my.ads ORDER BY 1 LIMIT 250) s"
CASES = [
    'One account',
    Case(f"SELECT sum(spend) FROM ads.ads_reports_daily WHERE advertiser_id = {A} AND stat_time_day = '2026-06-15'",
         1, 'a window'),
    Case(f"SELECT sum(spend) FROM ads.ads_reports_daily WHERE advertiser_id = {A} AND stat_time_day BETWEEN '2026-05-30' AND '2026-06-29'",
         2, '31 days are two windows'),
    Case(f"SELECT sum(spend) FROM ads.campaigns_reports_daily WHERE advertiser_id = {A} AND stat_time_day >= '2025-07-01' AND stat_time_day < '2026-07-01'",
         13, '365 days are 13 windows'),
    Case(f"SELECT sum(spend) FROM ads.ads_reports_daily WHERE advertiser_id = {B} AND stat_time_day BETWEEN '2026-06-20' AND '2026-06-26'",
         pages(f"SELECT spend FROM ads.ads_reports_daily WHERE advertiser_id = {B} AND stat_time_day BETWEEN '2026-06-20' AND '2026-06-26'"),
         'pages of 1,000 rows'),
    Case(f"SELECT ad_name FROM ads.ads WHERE advertiser_id = {B}", 3, '2,412 ads are three pages'),
    Case(f"PREPARE q (bigint, date) AS SELECT sum(spend) FROM ads.ads_reports_daily WHERE advertiser_id = $1 AND stat_time_day = $2; SET plan_cache_mode = force_generic_plan; EXECUTE q ({A}, '2026-06-15'); RESET plan_cache_mode",
         1, 'parameters are values, in a generic plan too'),
    Case(f"SELECT spend FROM my.june WHERE advertiser_id = {A}", 1, 'through a view'),
    Case(f"EXPLAIN VERBOSE SELECT spend FROM my.june WHERE advertiser_id = {A}", 0, 'EXPLAIN asks nothing'),
    'Several accounts',
    Case("SELECT sum(spend) FROM ads.ads_reports_daily WHERE stat_time_day = '2026-06-15'",
         8, 'the list of accounts, and each of the seven'),
    Case("SELECT advertiser_id, name FROM ads.advertisers", 2, 'the list, and all accounts in one request'),
    Case("SELECT sum(spend) FROM ads.ads_reports_daily WHERE stat_time_day = '2026-06-15' AND advertiser_id = ANY (ARRAY(SELECT advertiser_id FROM my.accounts))",
         3, 'the three accounts'),
    Case("SELECT sum(spend) FROM ads.ads_reports_daily WHERE stat_time_day = '2026-06-15' AND advertiser_id IN (SELECT advertiser_id FROM my.accounts)",
         3, 'the three accounts'),
    Case("SELECT sum(r.spend) FROM my.accounts JOIN ads.ads_reports_daily r USING (advertiser_id) WHERE stat_time_day = '2026-06-15'",
         3, 'the three accounts'),
    Case("SELECT a.advertiser_id, t.ad_id, t.spend FROM my.accounts a CROSS JOIN LATERAL (SELECT ad_id, spend FROM ads.ads_reports_daily r WHERE r.advertiser_id = a.advertiser_id AND stat_time_day = '2026-06-15' ORDER BY spend DESC LIMIT 3) t",
         3, 'the best three of each account'),
    Case(f"SELECT sum(spend) FROM ads.ads_reports_daily WHERE advertiser_id IN ({A}, {C}) AND advertiser_id IN ({C}, {D}) AND stat_time_day >= '2026-06-10' AND stat_time_day BETWEEN '2026-05-01' AND '2026-06-11'",
         1, 'accounts and days meet in one'),
    Case(f"SELECT sum(spend) FROM ads.ads_reports_daily WHERE advertiser_id = {A} AND advertiser_id = {C} AND stat_time_day = '2026-06-15'",
         0, 'no row can match'),
    Case(f"SELECT ad_id FROM ads.ads WHERE advertiser_id = {A} UNION ALL SELECT campaign_id FROM ads.campaigns WHERE advertiser_id = {A} UNION ALL SELECT ad_id FROM ads.ads_reports_daily WHERE advertiser_id = {A} AND stat_time_day = '2026-06-15'",
         3, 'one each, side by side'),
    'Several tables',
    Case(f"SELECT a.ad_name, g.adgroup_name, r.spend FROM ads.ads_reports_daily r JOIN ads.ads a USING (advertiser_id, ad_id) JOIN ads.ad_groups g ON g.adgroup_id = a.adgroup_id AND g.advertiser_id = r.advertiser_id WHERE r.advertiser_id = {A} AND stat_time_day = '2026-06-15'",
         3, 'one each, sent together'),
    Case(f"SELECT count(*) FROM (SELECT ad_id FROM ads.ads_reports_daily WHERE advertiser_id = {A} AND stat_time_day = '2026-06-15' UNION SELECT adgroup_id FROM ads.ad_groups_reports_daily WHERE advertiser_id = {A} AND stat_time_day = '2026-06-15') u",
         2, 'one each, sent together'),
    Case(f"SELECT EXISTS (SELECT FROM ads.ads_reports_daily WHERE advertiser_id = {A} AND stat_time_day = '2026-06-15') OR EXISTS (SELECT FROM ads.ads_reports_daily WHERE advertiser_id = {A} AND stat_time_day = '2026-06-16')",
         1, 'the second is not needed'),
    Case(f"BEGIN; DECLARE c CURSOR FOR SELECT g.spend FROM ads.ads_reports_daily r LEFT JOIN ads.ad_groups_reports_daily g ON g.adgroup_id = r.adgroup_id AND g.advertiser_id = {A} AND g.stat_time_day = '2026-06-15' WHERE r.advertiser_id = {A} AND r.stat_time_day = '2026-06-15' AND r.ad_id = 1; FETCH 1 FROM c; COMMIT",
         1, 'a cursor: the other side is not needed, since there is no such ad'),
    'Sums over days, with tiktok_fdw.enable_aggregate_pushdown = on',
    Case(f"SELECT campaign_id, sum(spend) FROM ads.campaigns_reports_daily WHERE advertiser_id = {A} AND stat_time_day >= '2025-07-01' AND stat_time_day < '2026-07-01' GROUP BY 1",
         1, 'a year of sums; 13 as days', setting=SUMS),
    Case("SELECT campaign_id, sum(spend) FROM ads.campaigns_reports_daily WHERE advertiser_id = ANY (ARRAY(SELECT advertiser_id FROM my.accounts)) AND stat_time_day >= '2025-07-01' AND stat_time_day < '2026-07-01' GROUP BY 1",
         3, 'the three accounts; 39 as days', setting=SUMS),
    Case(f"SELECT campaign_id, sum(clicks) FROM ads.ads_reports_daily WHERE advertiser_id = {B} AND stat_time_day BETWEEN '2026-04-01' AND '2026-06-29' GROUP BY 1",
         1, 'the report of the campaigns', setting=SUMS),
    Case(f"SELECT sum(reach) FROM ads.campaigns_reports_daily WHERE advertiser_id = {A} AND stat_time_day BETWEEN '2026-05-01' AND '2026-06-29'",
         2, 'people are never added up: two windows', setting=SUMS),
    'Days and hours',
    Case(f"SELECT sum(spend) FROM ads.ads_reports_daily WHERE advertiser_id = {A} AND stat_time_day IN ('2026-06-01', '2026-06-15', '2026-06-29')",
         1, 'days that fit in one window'),
    Case(f"SELECT sum(spend) FROM ads.ads_reports_daily WHERE advertiser_id = {A} AND (stat_time_day = '2026-01-05' OR stat_time_day = '2026-06-20')",
         2, 'days that do not'),
    Case(f"SELECT sum(spend) FROM ads.ads_reports_hourly WHERE advertiser_id = {A} AND stat_time_hour >= '2026-06-26' AND stat_time_hour < '2026-06-29'",
         3, 'one for each day'),
    Case(f"SELECT sum(spend) FROM ads.ads_reports_hourly WHERE advertiser_id = {A} AND stat_time_hour BETWEEN '2026-06-26 13:00' AND '2026-06-26 15:00'",
         1, 'the day'),
    Case(f"SELECT sum(spend) FROM ads.ads_reports_hourly WHERE advertiser_id = {A} AND date_trunc('day', stat_time_hour) = '2026-06-26'",
         1, 'the day'),
    Case("SELECT d::date, (SELECT sum(spend) FROM ads.advertisers_reports_daily WHERE "
         f"advertiser_id = {A} AND stat_time_day = d::date) FROM generate_series(timestamp '2026-06-20', '2026-06-24', '1 day') d",
         1, 'five days are a window',
         'a sub-select that depends on the outer row runs for each; '
         'join the days with a GROUP BY over the range instead'),
    'Ids',
    Case(f"SELECT ad_name FROM big.ads WHERE advertiser_id = {B} AND ad_id IN (…250 ids…)",
         3, '100 ids a request'),
    Case(f"SELECT ad_name FROM big.ads WHERE advertiser_id = {B} AND ad_id = ANY (ARRAY(SELECT ad_id FROM my.ads))",
         10, '1,000 ids, 100 a request'),
    Case(f"SELECT sum(spend) FROM big.ads_reports_daily WHERE advertiser_id = {B} AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-29' AND ad_id = ANY (ARRAY(SELECT ad_id FROM my.ads))",
         10, '1,000 ids, 100 a request; all ads would be over 20 pages'),
    Case(f"SELECT ad_name FROM big.ads WHERE advertiser_id = {B} AND ad_id IN (SELECT ad_id FROM my.ads)",
         10, '1,000 ids, 100 a request'),
    Case(f"SELECT a.ad_name FROM my.ads m JOIN big.ads a ON a.ad_id = m.ad_id WHERE a.advertiser_id = {B}",
         10, '1,000 ids, 100 a request'),
    Case(f"SELECT a.ad_name FROM my.few m JOIN big.ads a ON a.ad_id = m.ad_id WHERE a.advertiser_id = {B}",
         1, 'five ids in one request; 10 otherwise'),
    Case(f"SELECT m.team, sum(r.spend) FROM my.campaigns m JOIN big.ads_reports_daily r USING (campaign_id) WHERE r.advertiser_id = {B} AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-29' GROUP BY 1",
         3, '250 campaigns, 100 ids a request; 28 pages otherwise'),
    Case(f"SELECT m.team, sum(r.spend) FROM my.campaigns m LEFT JOIN big.campaigns_reports_daily r ON r.campaign_id = m.campaign_id AND r.advertiser_id = {B} AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-29' GROUP BY 1",
         3, '250 campaigns; 13 pages otherwise'),
    Case("SELECT m.ad_id, sum(r.spend) FROM my.mixed m JOIN ads.ads_reports_daily r USING (advertiser_id, ad_id) WHERE stat_time_day BETWEEN '2026-06-01' AND '2026-06-29' GROUP BY 1",
         5, 'ads of three accounts; 16 otherwise',
         'what it saw last were small accounts: the planner took these for such, and asked for all of their ads'),
    Case(f"SELECT m.ad_id FROM my.ads m WHERE NOT EXISTS (SELECT FROM big.ads_reports_daily r WHERE r.ad_id = m.ad_id AND r.advertiser_id = {B} AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-29')",
         10, '1,000 ads; 28 pages otherwise'),
    Case(f"SELECT a.ad_name, r.spend FROM ads.ads_reports_daily r JOIN ads.ads a USING (advertiser_id, ad_id) WHERE advertiser_id = {A} AND stat_time_day = '2026-06-15'",
         2, 'one each; the account counts for both'),
    Case(f"SELECT ad_name FROM big.ads WHERE advertiser_id = {A} AND campaign_id = (SELECT min(campaign_id) FROM big.campaigns WHERE advertiser_id = {A})",
         2, "the account's campaigns, then the ads of one"),
    'Few rows',
    Case(f"SELECT ad_id, ad_name FROM big.ads WHERE advertiser_id = {B} LIMIT 10", 1, 'a page of ten'),
    Case(f"SELECT EXISTS (SELECT FROM big.ads WHERE advertiser_id = {B})", 1, 'a page of one'),
    Case(f"SELECT count(*) FROM big.ads WHERE advertiser_id = {B}", 1, 'the total of a page'),
    Case(f"SELECT count(*) FROM big.ads_reports_daily WHERE advertiser_id = {B} AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-29'",
         1, 'the total of a page'),
    Case(f"SELECT ad_id, spend FROM big.ads_reports_daily WHERE advertiser_id = {B} AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-29' ORDER BY spend DESC LIMIT 5",
         1, 'the API orders'),
    Case("SELECT ad_id, spend FROM ads.ads_reports_daily WHERE stat_time_day BETWEEN '2026-06-20' AND '2026-06-29' ORDER BY spend DESC LIMIT 5",
         8, 'the list of accounts, the best five of each',
         'the API orders within one account; over several everything is read and sorted here '
         '(LATERAL over the accounts asks for the best of each)'),
    Case(f"SELECT ad_id FROM ads.ads WHERE advertiser_id = {B} AND ad_name LIKE '%demo%' LIMIT 10", 1,
         'ten matching rows are on the first page',
         'the API cannot evaluate LIKE, so there is no telling how many pages ten rows need: '
         'further pages are under way when the first has come', 4),
    'Filters',
    Case(f"SELECT campaign_name FROM ads.campaigns WHERE advertiser_id = {A} AND objective_type = 'TRAFFIC'",
         1, 'a filter'),
    Case(f"SELECT campaign_name FROM ads.campaigns WHERE advertiser_id = {A} AND (objective_type = 'TRAFFIC' OR budget > 100)",
         1, 'read, and checked here'),
    'Columns: the same rows',
    Case(f"SELECT ad_id, spend FROM ads.ads_reports_daily WHERE advertiser_id = {B} AND stat_time_day = '2026-06-15'",
         1, 'two columns: {kb} KB of JSON'),
    Case(f"SELECT * FROM ads.ads_reports_daily WHERE advertiser_id = {B} AND stat_time_day = '2026-06-15'",
         2, 'all columns are more than 100 metrics, the most a request may have: {kb} KB of JSON'),
]


class Api:
    """A local API of its own; it ends with us."""

    def __init__(self, *options):
        program = os.path.join(HERE, '..', 'api', 'tiktok_api.py')
        self.process = subprocess.Popen(
            [sys.executable, program, '--today', TODAY, '--exit-with-stdin', *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def control(self, what):
        url = self.url.split('/open_api/')[0] + '/_control/' + what
        with urllib.request.urlopen(url) as reply:
            return json.loads(reply.read())

    def stop(self):
        self.process.kill()
        self.process.wait()


class Bench:
    def __init__(self, connection, apis):
        self.connection, self.apis = connection, apis
        self.ids = connection.query(IDS)[0][0]
        self.unexplained = 0

    def asked(self):
        return sum(api.control('stats')['requests'] for api in self.apis)

    def requests(self, sql):
        before = self.asked()
        self.connection.query(sql)
        return self.asked() - before

    def bytes(self, sql):
        """What a query's replies weigh, decoded."""
        for (line,) in self.connection.query('EXPLAIN (ANALYZE) ' + sql):
            if 'Bytes Decoded' in line:
                return int(line.split()[2])
        return 0

    def row(self, case):
        sql = case.sql.replace('…250 ids…', self.ids)
        if case.setting:
            self.connection.query(f'SET {case.setting} = on')
        sent = self.requests(sql)
        self.connection.query('DEALLOCATE ALL')
        again = self.requests(sql)
        self.connection.query('DEALLOCATE ALL; RESET ALL')
        perfect = case.perfect if isinstance(case.perfect, int) else \
            int(self.connection.query(case.perfect)[0][0])
        why = case.why
        if '{kb}' in why:
            why = why.format(kb=self.bytes(sql) // 1024)
        reason = ''
        if max(sent, again, case.most) > perfect:
            reasons = [case.reason] if case.reason else []
            reasons += [APART] if LIST.search(sql) else []
            reason = '; '.join(reasons) or '**?**'
            self.unexplained += not reasons
        number = str(sent) if sent == again else f'{sent}, then {again}'
        if case.most:
            number = f'up to {case.most}'
            self.unexplained += max(sent, again) > case.most
        shown = case.sql.replace('|', '\\|')
        for letter, account in zip('ABCD', (A, B, C, D)):
            shown = shown.replace(str(account), letter)
        return f'| `{shown}` | {number} | {perfect} | {why} | {reason} |', not reason


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--host', required=True)
    parser.add_argument('--port', required=True)
    parser.add_argument('--user', default='postgres')
    options = parser.parse_args()
    apis = [Api('--scale', 'small'), Api('--scale', 'large', '--ads', '20000', '--ad-limit', '0')]
    connection = Connection(options.host, options.port, options.user, 'postgres')
    connection.query('SET client_min_messages = warning; DROP EXTENSION IF EXISTS tiktok_fdw CASCADE;'
                     'DROP SCHEMA IF EXISTS ads, big, my CASCADE; CREATE EXTENSION tiktok_fdw')
    for name, api in zip(('ads', 'big'), apis):
        connection.query(SERVER.format(name=name, url=api.url))
    connection.query(LOCAL)
    bench = Bench(connection, apis)
    lines, good, all_ = [], 0, 0
    for case in CASES:
        if isinstance(case, str):
            lines += ['', f'## {case}', '', '| query | sent | perfect | | why more |',
                      '|---|--:|--:|---|---|']
            continue
        line, ok = bench.row(case)
        lines.append(line)
        good, all_ = good + ok, all_ + 1
    violations = sum((api.control('violations') for api in apis), [])
    for api in apis:
        api.stop()
    print('<!-- generated by sh test/bench/requests.sh: do not edit -->\n\n# Requests\n')
    print('What queries cost, counted in the log of the local API. *Perfect* is a client that knows\n'
          "the API's rules (a request covers one account, 30 days, or one by the hour, 100 ids and\n"
          '1,000 rows) and, before it asks, which rows there are.' +
          (' "20, then 11": the second time the\nplanner knew from the first how large the table is.'
           if any(', then ' in line for line in lines) else '') + '\n')
    print('In schema `ads` are seven accounts, `A` with 64 ads, `B` with 2,412, and small ones; in `big` are\n'
          '`A` with 200 ads and `B` with 20,000. `my` has local tables, analyzed: three accounts, 1,000 ads of\n'
          '`B`, five of them. Their names stand for the ids.\n')
    print(f'{all_} queries, {good} of them with no more requests than perfect.')
    print('\n'.join(lines))
    if violations:
        print(f'refused by the API: {violations}', file=sys.stderr)
    if bench.unexplained:
        print(f'{bench.unexplained} queries take more requests for no reason given', file=sys.stderr)
    sys.exit(bool(violations) or bool(bench.unexplained))


if __name__ == '__main__':
    main()
