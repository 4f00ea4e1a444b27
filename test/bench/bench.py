#!/usr/bin/env python3
"""Measures the extension and its rivals against one responder; see run.sh.

All of them ask replay.py for the same pages: a reply of the local API with
1,000 rows, compressed, each so many milliseconds late.
"""
import argparse
import collections
import csv
import gzip
import http.client
import io
import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import planning
import together

TOKEN, APP, SECRET = 'local-access-token', '7000000000000000001', 'local-secret'
ACCOUNT = 7088160322559787010
DAYS = (f"WHERE advertiser_id = {ACCOUNT} "
        "AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-30'")


class Page:
    """What one page holds, and the queries that read it."""
    def __init__(self, name, table, columns):
        self.name, self.columns = name, columns
        names = [column.split()[0] for column in columns]
        counts = ', '.join(f'count({c})' for c in names)
        source = f'FROM {table} {DAYS}'
        self.cells = f"COPY (SELECT {', '.join(names)} {source}) TO '/dev/null'"
        self.first = f'SELECT {names[0]} {source}'
        self.read = f'SELECT {counts} {source}'
        self.load = f"TRUNCATE target; INSERT INTO target SELECT {', '.join(names)} {source}"
        self.jsonb = (
            f"SELECT {counts} FROM raw, "
            "jsonb_to_recordset(body::jsonb #> '{data,list}') AS r (dimensions jsonb, metrics jsonb), "
            f"jsonb_to_record(r.dimensions) AS d ({', '.join(columns[:2])}), "
            f"jsonb_to_record(r.metrics) AS m ({', '.join(columns[2:])})")
        self.names, self.base, self.query_string = names, None, None


COLUMNS = ('ad_id bigint', 'stat_time_day timestamp', 'campaign_name text', 'spend numeric',
           'impressions bigint', 'clicks bigint', 'ctr numeric', 'cpc numeric', 'cpm numeric',
           'reach bigint', 'frequency numeric', 'conversion bigint')
MORE = ('cost_per_1000_reached numeric', 'video_play_actions bigint', 'video_watched_2s bigint',
        'video_watched_6s bigint', 'average_video_play numeric', 'video_views_p25 bigint',
        'video_views_p50 bigint', 'video_views_p75 bigint', 'video_views_p100 bigint',
        'profile_visits bigint', 'likes bigint', 'comments bigint', 'shares bigint',
        'follows bigint', 'cost_per_conversion numeric', 'conversion_rate numeric',
        'real_time_conversion bigint', 'result bigint', 'cost_per_result numeric',
        'result_rate numeric')
NARROW = Page('12 columns', 'ads.ads_reports_daily', COLUMNS)
WIDE = Page("30 metrics of `metrics 'all'`", 'ads_all.ads_reports_daily', COLUMNS + MORE)
SETUP = f"""
CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url '%s', rate_limit '1000',
    concurrency '8');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
    OPTIONS (access_token '{TOKEN}', app_id '{APP}', secret '{SECRET}');
CREATE SCHEMA ads;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_daily, ads) FROM SERVER tiktok INTO ads;
CREATE SCHEMA ads_all;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_daily) FROM SERVER tiktok INTO ads_all
    OPTIONS (metrics 'all');
CREATE UNLOGGED TABLE target ({', '.join(COLUMNS)});
CREATE UNLOGGED TABLE raw (body text);
ALTER TABLE raw ALTER body SET STORAGE external;
"""
CONCURRENCY = 8
RATE, SCANS = 20, 16 # of the queue's measurement

# Whose time a sample of the backend is: the first of these among its callers.
PARTS = {
    'inflate': 'transfer', 'curl_multi_socket_action': 'transfer', 'tt_http_pump': 'transfer',
    'tt_reply_parse': 'parse', 'tt_decoder_row': 'decode'}


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
        """seconds"""
        with open(f'/proc/{self.pid}/schedstat', encoding='ascii') as file:
            return int(file.read().split()[0]) / 1e9

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
        self.replays = []
        for page in (NARROW, WIDE):
            page.base = self.start_replay(page)
        self.session = self.warm_session()

    def start_replay(self, page):
        """replay.py with the page that the extension asks the local API for"""
        control = urllib.parse.urljoin(self.chosen.api, '/_control/log')
        self.admin.query(page.cells)
        with urllib.request.urlopen(control) as reply:
            params = json.load(reply)[-1]['params']
        page.query_string = urllib.parse.urlencode({**params, 'page': 1})
        request = urllib.request.Request(
            self.chosen.api + 'report/integrated/get/?' + page.query_string,
            headers={'Access-Token': TOKEN})
        template = os.path.join(self.chosen.work, 'page.json')
        with urllib.request.urlopen(request) as reply, open(template, 'wb') as file:
            file.write(reply.read())
        sets = '1,10,100,1000' if page is NARROW else '1,100'
        if page is NARROW:
            self.lazy_base = self.replay_of(template, '--lazy', '--sets', '10000')
        return self.replay_of(template, '--sets', sets)

    def replay_of(self, template, *more):
        """The address of a responder."""
        replay = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(__file__), 'replay.py'),
             '--template', template, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.replays.append(replay)
        return replay.stdout.readline().split()[-1]

    @staticmethod
    def url(n, ms, number, page=NARROW):
        query = page.query_string.replace('page=1', f'page={number}')
        return f'{page.base}{n}/{ms}/report/integrated/get/?{query}'

    def point(self, n, ms, page=NARROW):
        base = self.lazy_base if n == 10000 else page.base
        self.admin.query(f"ALTER SERVER tiktok OPTIONS (SET api_url '{base}{n}/{ms}/')")

    def warm_session(self, page=NARROW):
        session = Session(self.chosen.psql)
        self.point(1, 0, page)
        session.query(page.read)
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
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(NARROW.base).netloc)
        for page in range(1, n + 1):
            connection.request('GET', self.url(n, ms, page)[len(NARROW.base) - 1:],
                               headers={'Access-Token': TOKEN, 'Accept-Encoding': 'gzip'})
            rows = json.loads(gzip.decompress(connection.getresponse().read()))['data']['list']
            out = io.StringIO()
            writer = csv.writer(out)
            for row in rows:
                values = {**row['dimensions'], **row['metrics']}
                writer.writerow([None if values[c] == '-' else values[c] for c in NARROW.names])
            copy.stdin.write(out.getvalue().encode())
        copy.stdin.close()
        if copy.wait():
            raise RuntimeError('COPY failed')
        return time.monotonic() - begin

    def curl(self, n, ms, page=NARROW):
        config = os.path.join(self.chosen.work, 'urls')
        with open(config, 'w', encoding='ascii') as file:
            for number in range(1, n + 1):
                file.write(f'url = "{self.url(n, ms, number, page)}"\noutput = /dev/null\n')
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
                read = self.best(lambda: self.extension(n, ms, NARROW.read), least)
                load = self.best(lambda: self.extension(n, ms, NARROW.load), least)
                cells = [f'{ms} ms', f'{n:,}', f'{curl:.2f} s', f'× {read / curl:.2f}',
                         f'× {load / curl:.2f}']
                if n * ms / 1000 > self.chosen.sequential_most:
                    cells += ['', '']
                else:
                    alone = n * ms / 1000
                    one = self.best(lambda: self.extension(n, ms, NARROW.load, 1), alone)
                    client = self.best(lambda: self.client(n, ms), alone)
                    cells += [f'× {one / load:.1f}', f'× {client / load:.1f}']
                print('| ' + ' | '.join(cells) + ' |', flush=True)

    def curl_cpu(self, page):
        """CPU of curl --compressed per page, in ms: without what it takes to start"""
        used = []
        for n in (1, 100):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            for _ in range(3):
                self.curl(n, 0, page)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return (used[1] - used[0]) / 3 / 99 * 1000

    def split(self, session, sql):
        """{part: share of the backend's CPU}, by perf's samples; {} if there is no perf"""
        data = os.path.join(self.chosen.work, 'perf.data')
        if not shutil.which('perf'):
            return {}
        perf = subprocess.Popen(['perf', 'record', '-q', '-F', '1500', '--call-graph', 'dwarf,4096',
                                 '-o', data, '-p', str(session.pid)], stderr=subprocess.DEVNULL)
        for _ in range(10):
            session.query(sql)
        perf.send_signal(signal.SIGINT)
        perf.wait()
        stacks = subprocess.run(['perf', 'script', '-i', data, '-F', 'ip,sym'], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
        counts = collections.Counter(
            next((part for function, part in PARTS.items() if function in stack), 'rest')
            for stack in stacks.split('\n\n') if stack.strip())
        total = sum(counts.values())
        return {part: count / total for part, count in counts.items()}

    def cpu(self, page):
        """CPU per page; jsonb and json get the same bytes from a table."""
        pages = 100
        with open(os.path.join(self.chosen.work, 'raw'), 'w', encoding='utf-8') as file:
            writer = csv.writer(file)
            for number in range(1, pages + 1):
                request = urllib.request.Request(self.url(pages, 0, number, page))
                with urllib.request.urlopen(request) as reply:
                    writer.writerow([gzip.decompress(reply.read()).decode()])
        self.admin.query('TRUNCATE raw')
        self.admin.query(f"\\copy raw FROM '{file.name}' (FORMAT csv)")
        session = self.warm_session(page)
        self.point(pages, 0, page)
        used, counts = {}, {}
        for name, sql in (('fdw', page.read), ('jsonb', page.jsonb),
                          ('json', 'SELECT count(body::json) FROM raw')):
            counts[name] = session.query(sql)
            for _ in range(5):
                before = session.cpu()
                session.query(sql)
                used[name] = min(used.get(name, 1e9), (session.cpu() - before) / pages * 1000)
        if counts['fdw'] != counts['jsonb']:
            raise RuntimeError(f'different answers: {counts}')
        shares = self.split(session, page.read)
        parts = [f"{shares[part] * used['fdw']:.2f}" if shares else ''
                 for part in ('transfer', 'parse', 'decode', 'rest')]
        session.close()
        print(f"| {page.name} | {used['fdw']:.2f} ms | {' | '.join(parts)} | {self.curl_cpu(page):.2f} "
              f"| {used['json']:.2f} | {used['jsonb']:.2f} (× {used['jsonb'] / used['fdw']:.1f}) |",
              flush=True)

    def memory(self):
        for n in (1, 1000) if self.chosen.short else (1, 1000, 10000):
            self.point(n, 0)
            session = Session(self.chosen.psql)
            session.query('SELECT count(*) FROM pg_class')
            idle = session.peak_mb()
            session.query(NARROW.read)
            print(f'| peak memory over an idle session, {n * 1000:,} rows '
                  f'| {session.peak_mb() - idle:.0f} MB |')
            session.close()

    def first_row(self):
        self.point(1000, 200)
        times = []
        for _ in range(5):
            begin = time.monotonic()
            self.session.query(f'BEGIN; DECLARE c CURSOR FOR {NARROW.first}; FETCH 1 FROM c')
            times.append(time.monotonic() - begin)
            self.session.query('ROLLBACK')
        print(f'| first row of 1,000,000, in round trips of 200 ms | {min(times) / 0.2:.2f} |')

    def cancel(self):
        times = []
        for _ in range(10):
            self.session.send(NARROW.read)
            time.sleep(0.7)
            begin = time.monotonic()
            self.admin.query(f'SELECT pg_cancel_backend({self.session.pid})')
            self.session.finish(expect_error=True)
            times.append((time.monotonic() - begin) * 1000)
        print(f'| cancel until the session is free, 8 requests in flight: median, most '
              f'| {statistics.median(times):.0f} ms, {max(times):.0f} ms |')

    def planning(self):
        plan = self.session.query(f'EXPLAIN (SUMMARY) {NARROW.first}')
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
            scan.send(NARROW.read)
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
            return
        version = self.admin.query("SELECT current_setting('server_version')").split()[0]
        print(f'PostgreSQL {version}, {os.cpu_count()} CPUs, concurrency {CONCURRENCY}, pages of '
              f'1,000 rows of {len(COLUMNS)} columns.\n')
        if not self.chosen.cpu:
            self.latencies()
        self.extension(1, 0, 'SELECT 1')
        print('\n| CPU of a page, in ms | backend | receive, inflate | parse | decode | rest '
              '| curl | `text::json` | `jsonb_to_recordset` |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|')
        self.cpu(NARROW)
        self.cpu(WIDE)
        if self.chosen.cpu:
            return
        print('\n| what | measured |\n|---|--:|')
        self.memory()
        self.first_row()
        self.cancel()
        self.planning()
        self.queue()


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
    parser.add_argument('--planning', action='store_true')
    parser.add_argument('--together', action='store_true')
    parser.add_argument('--queue', action='store_true')
    parser.add_argument('--write-doc', action='store_true')
    parser.add_argument('--cpu', action='store_true', help='only the CPU of a page')
    chosen = parser.parse_args()
    chosen.parallel_most = 1 if chosen.short else 1e9 if chosen.full else 30
    chosen.sequential_most = 3 if chosen.short else 1e9 if chosen.full else 21
    if chosen.planning:
        Session(chosen.psql).query(SETUP % chosen.api)
        planning.report(lambda: Session(chosen.psql))
        return
    if chosen.together:
        session = Session(chosen.psql)
        session.query('CREATE EXTENSION tiktok_fdw')
        together.report(session, chosen.api)
        return
    if not shutil.which('curl'):
        sys.exit('curl is needed: it shows the limit')
    sys.stdout = tee = Tee(sys.stdout)
    bench = Bench(chosen)
    bench.run()
    for replay in bench.replays:
        replay.stdin.close()
    if chosen.write_doc and not chosen.cpu:
        with open(chosen.doc, encoding='utf-8') as file:
            text = file.read()
        begin, end = '<!-- test/bench/run.sh -->\n', '<!-- end -->'
        head, tail = text.split(begin)[0], text.split(end)[1]
        with open(chosen.doc, 'w', encoding='utf-8') as file:
            file.write(head + begin + ''.join(tee.kept) + end + tail)


if __name__ == '__main__':
    main()
