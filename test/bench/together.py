"""How long a query over several streams takes, next to the slowest of them alone.

Each reply is so many milliseconds late. All is measured in the same run, a query
and its streams one after the other; the best of three. A query that takes more
than MOST times as long as its slowest stream fails the run.
"""
import json
import sys
import time
import urllib.parse
import urllib.request

LATENCY = 800       # ms
MOST = 1.15
A = 7160093331570884610
DAY = f"advertiser_id = {A} AND stat_time_day = '2026-06-15'"
QUARTER = f"advertiser_id = {A} AND stat_time_day BETWEEN '2026-04-01' AND '2026-06-29'"
# of lists, TopView is asked for apart: here one request answers
SETUP = f"""
CREATE SERVER together FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url '%s', rate_limit '1000',
    concurrency '16', buying_types 'AUCTION,RESERVATION_RF', include_promote 'false');
CREATE USER MAPPING FOR CURRENT_USER SERVER together OPTIONS (access_token 'local-access-token',
    app_id '7000000000000000001', secret 'local-secret');
CREATE SCHEMA t;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER together INTO t;
CREATE VIEW t.report AS SELECT * FROM t.ads_reports_daily WHERE {DAY};
CREATE VIEW t.groups_report AS SELECT * FROM t.ad_groups_reports_daily WHERE {DAY};
CREATE VIEW t.quarter AS SELECT * FROM t.campaigns_reports_daily WHERE {QUARTER};
CREATE VIEW t.groups_quarter AS SELECT * FROM t.ad_groups_reports_daily WHERE {QUARTER};
CREATE VIEW t.a AS SELECT * FROM t.ads WHERE advertiser_id = {A};
CREATE VIEW t.g AS SELECT * FROM t.ad_groups WHERE advertiser_id = {A};
CREATE VIEW t.c AS SELECT * FROM t.campaigns WHERE advertiser_id = {A};
CREATE TABLE t.target (ad_id bigint, campaign_name text, spend numeric);
SET enable_nestloop = off;
SET enable_mergejoin = off;
"""
THREE = ('FROM t.report r JOIN t.a ON a.ad_id = r.ad_id JOIN t.c ON c.campaign_id = a.campaign_id')
REPORT, ADS = 'SELECT count(spend) FROM t.report', 'SELECT count(ad_name) FROM t.a'
GROUPS, CAMPAIGNS = 'SELECT count(adgroup_name) FROM t.g', 'SELECT count(campaign_name) FROM t.c'
LISTS = (ADS, GROUPS, CAMPAIGNS)
UNION = ('SELECT count(name) FROM (SELECT ad_name AS name FROM t.a UNION ALL SELECT adgroup_name FROM t.g '
         'UNION ALL SELECT campaign_name FROM t.c) u')
# what is measured, its streams, its SQL, settings
CASES = [
    ('three hash joins, aggregated', (REPORT, ADS, CAMPAIGNS), f'SELECT count(*), sum(r.spend) {THREE}', ''),
    ('three hash joins, rows', (REPORT, ADS, CAMPAIGNS), f'SELECT r.ad_id, c.campaign_name, r.spend {THREE}', ''),
    ('three hash joins, into a table', (REPORT, ADS, CAMPAIGNS),
     f'INSERT INTO t.target SELECT r.ad_id, c.campaign_name, r.spend {THREE}', ''),
    ('left joins', (REPORT, ADS, CAMPAIGNS),
     'SELECT count(*) FROM t.report r LEFT JOIN t.a USING (ad_id) LEFT JOIN t.c ON c.campaign_id = a.campaign_id', ''),
    ('a full join of 90 days, four requests each',
     ('SELECT count(spend) FROM t.quarter', 'SELECT count(spend) FROM t.groups_quarter'),
     'SELECT count(*) FROM t.quarter q FULL JOIN t.groups_quarter g USING (campaign_id, stat_time_day)', ''),
    ('merge joins', (REPORT, ADS, CAMPAIGNS), f'SELECT count(*), sum(r.spend) {THREE}',
     'SET enable_hashjoin = off; SET enable_mergejoin = on'),
    ('`UNION ALL` below an aggregate, async', LISTS, UNION, ''),
    ('`UNION ALL` below an aggregate, not async', LISTS, UNION, 'SET enable_async_append = off'),
    ('materialized CTEs, joined', (REPORT, ADS, CAMPAIGNS),
     'WITH x AS MATERIALIZED (SELECT ad_id, campaign_id, ad_name FROM t.a), '
     'y AS MATERIALIZED (SELECT campaign_id, campaign_name FROM t.c) SELECT y.campaign_name, sum(r.spend) '
     'FROM t.report r JOIN x ON x.ad_id = r.ad_id JOIN y ON y.campaign_id = x.campaign_id GROUP BY 1', ''),
    ('scalar sub-selects', LISTS, f'SELECT ({ADS}), ({GROUPS}), ({CAMPAIGNS})', ''),
]


def latency(api, ms):
    url = urllib.parse.urljoin(api, '/_control/settings')
    urllib.request.urlopen(url, data=json.dumps({'latency': ms}).encode()).close()


def took(session, sql):
    """The best of three."""
    times = []
    for _ in range(3):
        begin = time.monotonic()
        session.query(sql)
        times.append(time.monotonic() - begin)
    return min(times)


def report(session, api):
    """The table; ends the run if a query takes too long."""
    session.query(SETUP % api)
    session.query(f'{REPORT}; {UNION}')     # connections
    latency(api, LATENCY)
    print(f'Replies {LATENCY} ms late.\n')
    print('| query | slowest stream alone | together | with `enable_prefetch` off |\n|---|--:|--:|--:|')
    late = []
    for name, streams, sql, settings in CASES:
        slowest = max(took(session, stream) for stream in streams)
        session.query(settings or 'SELECT 1')
        together = took(session, sql)
        session.query('SET tiktok_fdw.enable_prefetch = off')
        before = took(session, sql)
        session.query('RESET ALL; SET enable_nestloop = off; SET enable_mergejoin = off')
        print(f'| {name} | {slowest:.2f} s | × {together / slowest:.2f} | × {before / slowest:.2f} |',
              flush=True)
        if together > MOST * slowest:
            late.append(name)
    latency(api, 0)
    if late:
        sys.exit(f'more than {MOST} times the slowest stream: {"; ".join(late)}')
