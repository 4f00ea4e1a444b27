"""Damaged replies: whatever comes, a query ends in rows or in an error of the manual.

Each query meets an API all of whose replies are damaged (test/api/damage.py).
It must end soon, with rows or with a SQLSTATE of ALLOWED; no message shows the
token; the session must live, and give the right rows of an undamaged list now
and then.  A failure prints the query and how to run it again.

    python3 damaged.py --host /tmp/socket --port 5432 --api http://127.0.0.1:…/open_api/v1.3/
                       --token TOKEN [--replies 1000] [--seed N] [--only K]

The foreign tables are in schema ads, and do not try again (max_retries 0).
"""
import argparse
import collections
import json
import random
import urllib.request

from wire import Connection, Failure

# as doc/reference.md lists them
ALLOWED = {'HV000', '08006', '22003', '22007', '22008', '22021', '22023', '22P02', '22P05',
           '28000', '42501', '53400', '54000', '54001'}
# one that has pages, one that has few, and both
ACCOUNTS = ('7160093331570884610', '7002238017842757633',
            '7160093331570884610, 7002238017842757633')
DAYS = "stat_time_day BETWEEN '2026-06-25' AND '2026-06-27'"
QUERIES = [
    'SELECT * FROM ads.advertisers WHERE advertiser_id IN ({0})',
    'SELECT * FROM ads.campaigns WHERE advertiser_id IN ({0})',
    'SELECT * FROM ads.ad_groups WHERE advertiser_id IN ({0}) LIMIT 20',
    'SELECT * FROM ads.ads WHERE advertiser_id IN ({0}) LIMIT 30',
    'SELECT ad_id, ad_name FROM ads.ads WHERE advertiser_id IN ({0})',
    'SELECT t::text FROM ads.ads t WHERE advertiser_id IN ({0}) LIMIT 9',
    'SELECT count(*) FROM ads.ads WHERE advertiser_id IN ({0})',
    "SELECT ad_id FROM ads.ads WHERE advertiser_id IN ({0}) AND secondary_status = 'AD_STATUS_DELIVERY_OK' LIMIT 8",
    'SELECT * FROM ads.ads_reports_daily WHERE advertiser_id IN ({0}) AND {1} LIMIT 40',
    'SELECT ad_id, spend, clicks FROM ads.ads_reports_daily WHERE advertiser_id IN ({0}) AND {1}',
    'SELECT ad_id, clicks FROM ads.ads_reports_daily WHERE advertiser_id = {2} AND {1} ORDER BY clicks DESC LIMIT 9',
    'SELECT max(clicks) FROM ads.ads_reports_daily WHERE advertiser_id = {2} AND {1}',
    'SELECT count(*) FROM ads.ads_reports_daily WHERE advertiser_id IN ({0}) AND {1}',
    "SELECT ad_id, stat_time_hour, spend FROM ads.ads_reports_hourly WHERE advertiser_id = {2}"
    " AND stat_time_hour >= '2026-06-27' AND stat_time_hour < '2026-06-28' LIMIT 50",
    'SELECT * FROM ads.advertisers_audience_reports_daily WHERE advertiser_id IN ({0}) AND {1}',
    'SELECT c.campaign_id, a.ad_id FROM ads.campaigns c JOIN ads.ads a USING (campaign_id)'
    ' WHERE c.advertiser_id = {2} AND a.advertiser_id = {2} LIMIT 9',
    'BEGIN; DECLARE c CURSOR FOR SELECT * FROM ads.ads WHERE advertiser_id IN ({0});'
    ' FETCH 1 FROM c; FETCH 25 FROM c; CLOSE c; COMMIT',
    "SELECT count(*) FROM tiktok.check('tiktok')",
    'SELECT ad_id FROM ads.ads LIMIT 3',
]


def control(api, what, content=None):
    url = api.split('/open_api/')[0] + '/_control/' + what
    data = None if content is None else json.dumps(content).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data)) as reply:
        return json.loads(reply.read())


class Run:
    def __init__(self, options, seed):
        self.options, self.seed = options, seed
        self.ends, self.replies = collections.Counter(), 0
        self.connection = Connection(options.host, options.port, options.user, options.database)
        self.connection.query("SET statement_timeout = '30s'; SET max_parallel_workers_per_gather = 0")
        self.steady = f'SELECT count(*), md5(string_agg(ad_name, chr(10) ORDER BY ad_id)) FROM ads.ads WHERE advertiser_id = {ACCOUNTS[0]}'
        self.right = self.connection.query(self.steady)

    def one(self, number):
        """What is wrong with one query, or None."""
        rng = random.Random(f'{self.seed}/{number}')
        sql = rng.choice(QUERIES).format(rng.choice(ACCOUNTS), DAYS, rng.choice(ACCOUNTS[:2]))
        control(self.options.api, 'faults',
                [{'times': 0, 'action': {'damage': f'{self.seed}/{number}'}}])
        self.connection.notices.clear()
        wrong, end, said = None, 'rows', ''
        try:
            self.connection.query(sql)
        except Failure as failure:
            end, said = failure.sqlstate, str(failure)
            if end not in ALLOWED:
                wrong = said
        except (ConnectionError, OSError) as error:
            return f'{sql}\n{error}'
        if self.options.token in said + ' '.join(self.connection.notices):
            wrong = f'it shows the token: {said} {self.connection.notices}'
        self.ends[end] += 1
        if sql.startswith('BEGIN'):
            self.connection.query('ROLLBACK')
        return wrong and f'{sql}\n{wrong}'

    def count(self):
        """Settle with the API, whose log is kept short; whether the session is well."""
        before = self.replies
        self.replies += control(self.options.api, 'stats')['requests']
        control(self.options.api, 'reset', {})
        if self.replies // 5000 > before // 5000:
            print(f'# {self.replies} replies', flush=True)
        # what a damaged reply seemed to refuse is forgotten when the table changes
        self.connection.query('GRANT SELECT ON ads.ads TO CURRENT_USER')
        return self.connection.query(self.steady) == self.right


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--host', required=True)
    parser.add_argument('--port', required=True)
    parser.add_argument('--user', default='postgres')
    parser.add_argument('--database', default='postgres')
    parser.add_argument('--api', required=True, help='the option api_url')
    parser.add_argument('--token', required=True)
    parser.add_argument('--replies', type=int, default=1000, help='end after so many')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--only', type=int, help='one query of the seed')
    options = parser.parse_args()
    run, number, wrong = Run(options, options.seed), 0, None
    control(options.api, 'reset', {})
    if options.only is not None:
        wrong = run.one(options.only)
    while options.only is None and run.replies < options.replies and not wrong:
        wrong = run.one(number)
        number += 1
        if not wrong and number % 100 == 0 and not run.count():
            wrong = 'an undamaged list has other rows'
    if wrong:
        print(f'not ok 1 - seed {options.seed}, query {number - 1}')
        print('# ' + wrong.replace('\n', '\n# '))
    else:
        print(f'ok 1 - {number} queries, {run.replies} damaged replies, seed {options.seed}')
    print('# ' + ', '.join(f'{end} {n}' for end, n in run.ends.most_common()))
    for end in ('rows', 'HV000', '22P02'):
        if options.only is None and not wrong:
            print(f'{"ok" if run.ends[end] else "not ok"} - some end in {end}')


if __name__ == '__main__':
    main()
