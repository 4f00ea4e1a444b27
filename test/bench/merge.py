#!/usr/bin/env python3
"""Measures what a snapshot costs beside reading; see merge.sh.

One report of so many rows is read from replay.py, which answers from memory:

    read        every value of it, counted
    INSERT      INSERT INTO a plain table with the same key SELECT … FROM the source
    COPY        the same rows from a file into such a table
    first       tiktok.materialize() into a new table
    refresh     CALL tiktok.refresh() into a new table, up to its last commit
    unchanged   tiktok.materialize() again, every day of it
    changed     the same after one row in a hundred was changed in the table

Times are CPU of the backend, so that what else the machine does counts little; the
server does not wait for disks (fsync = off).
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import urllib.parse
import urllib.request

TOKEN, APP, SECRET = 'local-access-token', '7000000000000000001', 'local-secret'
ACCOUNT = 7088160322559787010
SETUP = f"""
CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url '%s', rate_limit '1000',
    concurrency '8', advertiser_ids '{ACCOUNT}', buying_types 'AUCTION,RESERVATION_RF',
    include_promote 'false');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
    OPTIONS (access_token '{TOKEN}', app_id '{APP}', secret '{SECRET}');
CREATE SCHEMA ads;
CREATE SCHEMA mart;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_daily) FROM SERVER tiktok INTO ads;
"""
SOURCE = 'ads.ads_reports_daily'
SINCE = '(now() AT TIME ZONE \'UTC\')::date - 20'
WINDOW = f'WHERE stat_time_day >= {SINCE} AND stat_time_day < {SINCE} + 22'
PLAIN = (f'DROP TABLE IF EXISTS {{0}}; CREATE TABLE {{0}} (LIKE {SOURCE}, '
         'PRIMARY KEY (advertiser_id, ad_id, stat_time_day))')
FORGET = ("SELECT tiktok.forget(target) FROM tiktok.snapshots; "
          "DROP TABLE IF EXISTS mart.ads")
MATERIALIZE = (f"SELECT inserted, updated, deleted, unchanged FROM tiktok.materialize('{SOURCE}', "
               f"'mart.ads', since => {SINCE}, attribution_window => 30, probe => false)")
CPU = "SELECT 'cpu ' || split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)"
STATEMENT = re.compile(r'duration: ([\d.]+) ms +plan:\n *Query Text: ([^\n]{0,60})')


class Bench:
    def __init__(self, chosen):
        self.chosen = chosen
        self.sql(SETUP % chosen.api)
        columns = self.sql("SELECT string_agg(format('count(%I)', attname), ', ' ORDER BY attnum) "
                           f"FROM pg_attribute WHERE attrelid = '{SOURCE}'::regclass AND attnum > 0")
        self.read = f'SELECT {columns} FROM {SOURCE} {WINDOW}'
        self.responder = self.start_replay()

    def sql(self, *commands):
        """What psql says, a command after the other, as in one session."""
        arguments = [part for command in commands for part in ('-c', command)]
        done = subprocess.run([self.chosen.psql, '-XAtq', '-v', 'ON_ERROR_STOP=1', *arguments],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout)
        return done.stdout.strip()

    def start_replay(self):
        """replay.py with a page that the extension asks the local API for"""
        self.sql(self.read)
        with urllib.request.urlopen(urllib.parse.urljoin(self.chosen.api, '/_control/log')) as reply:
            params = json.load(reply)[-1]['params']
        query = urllib.parse.urlencode({**params, 'page': 1})
        request = urllib.request.Request(
            self.chosen.api + 'report/integrated/get/?' + query, headers={'Access-Token': TOKEN})
        template = os.path.join(self.chosen.work, 'page.json')
        with urllib.request.urlopen(request) as reply, open(template, 'wb') as file:
            file.write(reply.read())
        sets = ','.join(str(rows // 1000) for rows in self.chosen.rows)
        replay = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(__file__), 'replay.py'),
             '--template', template, '--sets', sets], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        self.replay = replay
        return replay.stdout.readline().split()[-1]

    def timed(self, *commands):
        """Seconds of CPU that the backend took, and what psql said."""
        self.sql('CHECKPOINT')
        said, _, cpu = self.sql(*commands, CPU).rpartition('cpu ')
        return int(cpu) / 1e9, said.strip()

    def once(self, rows):
        """One of each, in turn: {name: seconds}."""
        result = {}

        def measure(name, expected, *commands):
            watched = commands
            if self.chosen.statements:
                watched = ("LOAD 'auto_explain'", 'SET auto_explain.log_nested_statements = on',
                            'SET auto_explain.log_level = notice',
                            'SET auto_explain.log_min_duration = 10', *commands)
            result[name], said = self.timed(*watched)
            if self.chosen.statements:
                for ms, text in STATEMENT.findall(said):
                    print(f'  {name}: {float(ms):.0f} ms {text}', flush=True)
            elif said.split('\n')[-1] != expected:
                raise RuntimeError(f'{name}: {said}')

        measure('read', self.counted(rows), self.read)
        self.sql(PLAIN.format('plain'), PLAIN.format('copied'))
        measure('INSERT', '', f'INSERT INTO plain SELECT * FROM {SOURCE} {WINDOW}')
        self.sql("COPY plain TO '%s/plain.copy'" % self.chosen.work)
        measure('COPY', '', "COPY copied FROM '%s/plain.copy'" % self.chosen.work)
        self.sql('DROP TABLE plain, copied')
        self.sql(FORGET)
        measure('first', f'{rows}|0|0|0', MATERIALIZE)
        measure('unchanged', f'0|0|0|{rows}', MATERIALIZE)
        changed = self.sql('WITH u AS (UPDATE mart.ads SET impressions = coalesce(impressions, 0) + 1 '
                           'WHERE ad_id % 100 = 0 RETURNING 1) SELECT count(*) FROM u',
                           'VACUUM mart.ads')
        if changed != str(rows // 100):
            raise RuntimeError(f'{rows // 100} rows were to change: {changed}')
        measure('changed', f'0|{rows // 100}|0|{rows - rows // 100}', MATERIALIZE)
        self.sql(FORGET)
        self.sql(f"SELECT tiktok.create_snapshot('{SOURCE}', 'mart.ads', since => {SINCE})")
        result['refresh'], _ = self.timed("CALL tiktok.refresh('mart.ads')")
        return result

    def counted(self, rows):
        """What reading says: the columns that are never NULL have so many values."""
        said = self.sql(self.read)
        if said.split('|')[0] != str(rows):
            raise RuntimeError(f'{rows} rows were expected: {said}')
        return said

    def run(self):
        print('| rows | read | INSERT | COPY | first | refresh | unchanged | changed '
              '| first / INSERT | refresh / INSERT | unchanged / read | changed / read |')
        print('|---|---|---|---|---|---|---|---|---|---|---|---|', flush=True)
        for rows in self.chosen.rows:
            self.sql(f"ALTER SERVER tiktok OPTIONS (SET api_url '{self.responder}{rows // 1000}/0/')")
            times = [self.once(rows) for _ in range(self.chosen.times)]
            t = {name: statistics.median(one[name] for one in times) for name in times[0]}
            cells = [f'{t[name]:.2f} s' for name in
                     ('read', 'INSERT', 'COPY', 'first', 'refresh', 'unchanged', 'changed')]
            cells += [f'{t[a] / t[b]:.2f}' for a, b in
                      (('first', 'INSERT'), ('refresh', 'INSERT'), ('unchanged', 'read'), ('changed', 'read'))]
            print(f"| {rows:,} | {' | '.join(cells)} |", flush=True)
        self.replay.stdin.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--api', required=True)
    parser.add_argument('--psql', required=True)
    parser.add_argument('--work', required=True)
    parser.add_argument('--rows', type=int, action='append', default=[])
    parser.add_argument('--times', type=int, default=3)
    parser.add_argument('--statements', action='store_true')
    chosen = parser.parse_args()
    chosen.rows = chosen.rows or [10 ** 5, 10 ** 6]
    Bench(chosen).run()


if __name__ == '__main__':
    main()
