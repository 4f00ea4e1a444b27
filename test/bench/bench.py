#!/usr/bin/env python3
"""Measures the extension and its rivals against one responder; see run.sh.

All of them ask replay.py for the same pages: a reply of the local API with
1,000 rows of 12 columns, compressed, each so many milliseconds late.
"""
import argparse
import csv
import gzip
import http.client
import io
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

TOKEN, APP, SECRET = 'local-access-token', '7000000000000000001', 'local-secret'
ACCOUNT = 7088160322559787010
COLUMNS = ('ad_id', 'stat_time_day', 'campaign_name', 'spend', 'impressions', 'clicks', 'ctr',
           'cpc', 'cpm', 'reach', 'frequency', 'conversion')
TYPES = ('bigint', 'timestamp', 'text', 'numeric', 'bigint', 'bigint', 'numeric', 'numeric',
         'numeric', 'bigint', 'numeric', 'bigint')
FROM = (f"FROM ads.ads_reports_daily WHERE advertiser_id = {ACCOUNT} "
        "AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-30'")
READ = f"SELECT {', '.join(f'count({c})' for c in COLUMNS)} {FROM}"
LOAD = f"TRUNCATE target; INSERT INTO target SELECT {', '.join(COLUMNS)} {FROM}"
JSONB = ('SELECT ' + ', '.join(f'count({c})' for c in COLUMNS) + ' FROM raw, '
         "jsonb_to_recordset(body::jsonb #> '{data,list}') AS r (dimensions jsonb, metrics jsonb), "
         'jsonb_to_record(r.dimensions) AS d (ad_id bigint, stat_time_day timestamp), '
         'jsonb_to_record(r.metrics) AS m ('
         + ', '.join(f'{c} {t}' for c, t in list(zip(COLUMNS, TYPES))[2:]) + ')')
SETUP = f"""
CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url '%s', rate_limit '1000',
    concurrency '8');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
    OPTIONS (access_token '{TOKEN}', app_id '{APP}', secret '{SECRET}');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_daily, ads) FROM SERVER tiktok INTO ads;
CREATE UNLOGGED TABLE target ({', '.join(f'{c} {t}' for c, t in zip(COLUMNS, TYPES))});
CREATE UNLOGGED TABLE raw (body text);
ALTER TABLE raw ALTER body SET STORAGE external;
"""
CONCURRENCY = 8
RATE, SCANS = 20, 16 # of the queue's measurement


class Session:
    """A psql that stays; what it measures is its backend's."""
    def __init__(self, psql):
        self.psql = subprocess.Popen([psql, '-XAtq', '-v', 'ON_ERROR_STOP=0'], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT)
        self.pid = int(self.query('SELECT pg_backend_pid()'))

    def send(self, sql):
        self.psql.stdin.write(sql + ';\n\\echo <<end>>\n')
        self.psql.stdin.flush()

    def finish(self, expect_error=False):
        lines = []
        for line in self.psql.stdout:
            if line == '<<end>>\n':
                break
            lines.append(line)
        text = ''.join(lines).strip()
        if 'ERROR' in text and not expect_error:
            raise RuntimeError(text)
        return text

    def query(self, sql):
        self.send(sql)
        return self.finish()

    def cpu(self):
        with open(f'/proc/{self.pid}/stat', encoding='ascii') as file:
            fields = file.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def peak_mb(self):
        with open(f'/proc/{self.pid}/status', encoding='ascii') as file:
            return int(re.search(r'VmHWM:\s+(\d+)', file.read())[1]) / 1024

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()


class Bench:
    def __init__(self, chosen):
        self.chosen = chosen
        self.admin = Session(chosen.psql)
        self.admin.query(SETUP % chosen.api)
        self.base = self.start_replay()
        self.session = self.warm_session()

    def start_replay(self):
        """replay.py with the page that the extension asks the local API for"""
        control = urllib.parse.urljoin(self.chosen.api, '/_control/log')
        self.admin.query(f"COPY (SELECT {', '.join(COLUMNS)} {FROM}) TO '/dev/null'")
        with urllib.request.urlopen(control) as reply:
            params = json.load(reply)[-1]['params']
        self.query_string = urllib.parse.urlencode({**params, 'page': 1})
        request = urllib.request.Request(
            self.chosen.api + 'report/integrated/get/?' + self.query_string,
            headers={'Access-Token': TOKEN})
        page = os.path.join(self.chosen.work, 'page.json')
        with urllib.request.urlopen(request) as reply, open(page, 'wb') as file:
            file.write(reply.read())
        self.replay = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(__file__), 'replay.py'),
             '--template', page], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self.replay.stdout.readline().split()[-1]

    def url(self, n, ms, page):
        query = self.query_string.replace('page=1', f'page={page}')
        return f'{self.base}{n}/{ms}/report/integrated/get/?{query}'

    def point(self, n, ms):
        self.admin.query(f"ALTER SERVER tiktok OPTIONS (SET api_url '{self.base}{n}/{ms}/')")

    def warm_session(self):
        session = Session(self.chosen.psql)
        self.point(10, 0)
        session.query(READ)
        return session

    # ------------------------------------------------------------- contenders

    def extension(self, n, ms, sql, concurrency=CONCURRENCY):
        self.admin.query(f"ALTER SERVER tiktok OPTIONS (SET concurrency '{concurrency}')")
        self.point(n, ms)
        self.session.query('SELECT 1')
        begin = time.monotonic()
        self.session.query(sql)
        return time.monotonic() - begin

    def client(self, n, ms):
        """Pages one after the other, into COPY."""
        begin = time.monotonic()
        self.admin.query('TRUNCATE target')
        copy = subprocess.Popen([self.chosen.psql, '-Xq', '-c', 'COPY target FROM STDIN (FORMAT csv)'],
                                stdin=subprocess.PIPE)
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.base).netloc)
        for page in range(1, n + 1):
            connection.request('GET', self.url(n, ms, page)[len(self.base) - 1:],
                               headers={'Access-Token': TOKEN, 'Accept-Encoding': 'gzip'})
            rows = json.loads(gzip.decompress(connection.getresponse().read()))['data']['list']
            out = io.StringIO()
            writer = csv.writer(out)
            for row in rows:
                values = {**row['dimensions'], **row['metrics']}
                writer.writerow([None if values[c] == '-' else values[c] for c in COLUMNS])
            copy.stdin.write(out.getvalue().encode())
        copy.stdin.close()
        if copy.wait():
            raise RuntimeError('COPY failed')
        return time.monotonic() - begin

    def curl(self, n, ms):
        config = os.path.join(self.chosen.work, 'urls')
        with open(config, 'w', encoding='ascii') as file:
            for page in range(1, n + 1):
                file.write(f'url = "{self.url(n, ms, page)}"\noutput = /dev/null\n')
        begin = time.monotonic()
        subprocess.run(['curl', '-s', '--compressed', '--parallel', '--parallel-max',
                        str(CONCURRENCY), '-K', config], check=True, stderr=subprocess.DEVNULL)
        return time.monotonic() - begin

    # ------------------------------------------------------------- tables

    @staticmethod
    def best(measure, seconds):
        """The best of three, of fewer where it takes long."""
        return min(measure() for _ in range(3 if seconds < 3 else 2 if seconds < 8 else 1))

    def latencies(self):
        print('| latency | requests | curl --parallel | read | load | concurrency 1 | client with COPY |')
        print('|--:|--:|--:|--:|--:|--:|--:|')
        for ms in (50, 200, 500):
            for n in (1, 10, 100, 1000):
                least = n * ms / 1000 / CONCURRENCY
                if least > self.chosen.parallel_most:
                    continue
                curl = self.best(lambda: self.curl(n, ms), least)
                read = self.best(lambda: self.extension(n, ms, READ), least)
                load = self.best(lambda: self.extension(n, ms, LOAD), least)
                cells = [f'{ms} ms', f'{n:,}', f'{curl:.2f} s', f'× {read / curl:.2f}',
                         f'× {load / curl:.2f}']
                if n * ms / 1000 > self.chosen.sequential_most:
                    cells += ['', '']
                else:
                    alone = n * ms / 1000
                    one = self.best(lambda: self.extension(n, ms, LOAD, 1), alone)
                    client = self.best(lambda: self.client(n, ms), alone)
                    cells += [f'× {one / load:.1f}', f'× {client / load:.1f}']
                print('| ' + ' | '.join(cells) + ' |', flush=True)

    def cpu(self):
        """CPU of a backend per million cells; jsonb gets the same bytes from a table."""
        pages, cells = 100, 100 * 1000 * len(COLUMNS) / 1e6
        with open(os.path.join(self.chosen.work, 'raw'), 'w', encoding='utf-8') as file:
            writer = csv.writer(file)
            for page in range(1, pages + 1):
                request = urllib.request.Request(self.url(pages, 0, page))
                with urllib.request.urlopen(request) as reply:
                    writer.writerow([gzip.decompress(reply.read()).decode()])
        self.admin.query(f"\\copy raw FROM '{file.name}' (FORMAT csv)")
        session = self.warm_session()
        self.extension(pages, 0, 'SELECT 1')
        self.point(pages, 0)
        used = {}
        for name, sql in (('fdw', READ), ('jsonb', JSONB)):
            session.query(sql)
            before = session.cpu()
            for _ in range(3):
                counts = session.query(sql)
            used[name] = (session.cpu() - before) / 3 / cells
            if counts != used.setdefault('counts', counts):
                raise RuntimeError('different answers: ' + used['counts'] + ' ' + counts)
        session.close()
        print(f"| CPU per million cells: HTTP, gunzip, JSON to typed columns | {used['fdw']:.2f} s |")
        print(f"| … `jsonb_to_recordset` over the same bytes, already in a table "
              f"| {used['jsonb']:.2f} s (× {used['jsonb'] / used['fdw']:.1f}) |")

    def memory(self):
        for n in (1, 1000):
            self.point(n, 0)
            session = Session(self.chosen.psql)
            session.query('SELECT count(*) FROM pg_class')
            idle = session.peak_mb()
            session.query(READ)
            print(f'| peak memory over an idle session, {n * 1000:,} rows '
                  f'| {session.peak_mb() - idle:.0f} MB |')
            session.close()

    def first_row(self):
        self.point(1000, 200)
        times = []
        for _ in range(5):
            begin = time.monotonic()
            self.session.query(f'BEGIN; DECLARE c CURSOR FOR SELECT {COLUMNS[0]} {FROM}; FETCH 1 FROM c')
            times.append(time.monotonic() - begin)
            self.session.query('ROLLBACK')
        print(f'| first row of 1,000,000, in round trips of 200 ms | {min(times) / 0.2:.2f} |')

    def cancel(self):
        times = []
        for _ in range(10):
            self.session.send(READ)
            time.sleep(0.7)
            begin = time.monotonic()
            self.admin.query(f'SELECT pg_cancel_backend({self.session.pid})')
            self.session.finish(expect_error=True)
            times.append((time.monotonic() - begin) * 1000)
        print(f'| cancel until the session is free, 8 requests in flight: median, most '
              f'| {statistics.median(times):.0f} ms, {max(times):.0f} ms |')

    def planning(self):
        plan = self.session.query(f'EXPLAIN (SUMMARY) SELECT {COLUMNS[0]} {FROM}')
        print(f"| planning | {re.search(r'Planning Time: (.*)', plan)[1]} |")

    # ------------------------------------------------------------- the queue

    def log_times(self):
        with urllib.request.urlopen(urllib.parse.urljoin(self.chosen.api, '/_control/log')) as reply:
            return sorted(entry['t'] for entry in json.load(reply))

    def queue(self):
        """One request behind many long scans, at a low rate; last, for the rate holds on."""
        self.admin.query(f"ALTER SERVER tiktok OPTIONS (SET api_url '{self.chosen.api}', "
                         f"SET rate_limit '{RATE}', SET concurrency '{CONCURRENCY}', ADD page_size '10')")
        one = f'SELECT ad_id FROM ads.ads WHERE advertiser_id = {ACCOUNT} LIMIT 1'
        scans = [Session(self.chosen.psql) for _ in range(SCANS)]
        alone, behind = [], []
        for _ in range(5):
            begin = time.monotonic()
            self.session.query(one)
            alone.append(time.monotonic() - begin)
        time.sleep(1.5)
        urllib.request.urlopen(urllib.parse.urljoin(self.chosen.api, '/_control/reset'), data=b'{}').close()
        for scan in scans:
            scan.send(READ)
        time.sleep(2)
        for n in range(15):
            begin = time.monotonic()
            self.session.query(one)
            behind.append(time.monotonic() - begin)
            time.sleep(0.07 * n) # not in step with the others
        times = self.log_times()
        for scan in scans:
            self.admin.query(f'SELECT pg_terminate_backend({scan.pid})')
            scan.close()
        most = max(sum(1 for u in times if t - 1 < u <= t) for t in times)
        whole = (len(times) - 1) // RATE - 1 # seconds' worth, without the first
        used = whole / (times[-1] - times[-1 - whole * RATE])
        turn = (SCANS + 1) / RATE
        print(f'| one request behind {SCANS} long scans, `rate_limit` {RATE}: median, most '
              f'| {statistics.median(behind):.2f} s, {max(behind):.2f} s (a turn of each: {turn:.2f} s) |')
        print(f'| … alone | {statistics.median(alone) * 1000:.0f} ms |')
        print(f'| … use of the rate; most requests in a second, by the log of the API '
              f'| {used * 100:.0f} %; {most} |')

    def run(self):
        if self.chosen.queue:
            self.queue()
            self.replay.stdin.close()
            return
        version = self.admin.query("SELECT current_setting('server_version')").split()[0]
        print(f'PostgreSQL {version}, {os.cpu_count()} CPUs, concurrency {CONCURRENCY}, pages of '
              f'1,000 rows of {len(COLUMNS)} columns.\n')
        self.latencies()
        self.extension(1, 0, 'SELECT 1')
        print('\n| what | measured |\n|---|--:|')
        self.cpu()
        self.memory()
        self.first_row()
        self.cancel()
        self.planning()
        self.queue()
        self.replay.stdin.close()


class Tee(io.TextIOBase):
    """What is printed, kept."""
    def __init__(self, out):
        self.out, self.kept = out, []

    def write(self, text):
        self.kept.append(text)
        return self.out.write(text)

    def flush(self):
        self.out.flush()


def main():
    parser = argparse.ArgumentParser()
    for name in ('api', 'psql', 'work', 'doc'):
        parser.add_argument('--' + name, required=True)
    parser.add_argument('--short', action='store_true')
    parser.add_argument('--full', action='store_true')
    parser.add_argument('--queue', action='store_true')
    parser.add_argument('--write-doc', action='store_true')
    chosen = parser.parse_args()
    chosen.parallel_most = 1 if chosen.short else 1e9 if chosen.full else 30
    chosen.sequential_most = 3 if chosen.short else 1e9 if chosen.full else 21
    if not shutil.which('curl'):
        sys.exit('curl is needed: it shows the limit')
    sys.stdout = tee = Tee(sys.stdout)
    Bench(chosen).run()
    if chosen.write_doc:
        with open(chosen.doc, encoding='utf-8') as file:
            text = file.read()
        begin, end = '<!-- test/bench/run.sh -->\n', '<!-- end -->'
        head, tail = text.split(begin)[0], text.split(end)[1]
        with open(chosen.doc, 'w', encoding='utf-8') as file:
            file.write(head + begin + ''.join(tee.kept) + end + tail)


if __name__ == '__main__':
    main()
