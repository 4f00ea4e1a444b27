#!/usr/bin/env python3
"""Measures what a snapshot costs beside reading; see merge.sh.

One report of so many rows is read from replay.py, which answers from memory:

    read        every value of it, counted
    INSERT      INSERT INTO a plain table with the same key SELECT … FROM the source
    COPY        the same rows from a file into such a table
    materialize tiktok.materialize() into a new table
    first       a refresh of a new table
    unchanged   a refresh again, every day of it
    changed     the same after one row in a hundred was changed in the table

A refresh is tiktok.refresh() by its steps: reading into the stage, the merge, the commit.
Times are CPU of the backend, so that what else the machine does counts little; the
server does not wait for disks (fsync = off). Ratios are within a round, and of several
rounds the median.
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
# what tiktok._run() does of a refresh without errors, timed
REFRESH = """
CREATE SCHEMA bench;
CREATE TABLE bench.took (stage bigint, merge bigint, commit bigint, total bigint, counts tiktok._counts);
CREATE FUNCTION bench.cpu() RETURNS bigint LANGUAGE sql AS
    $$ SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint $$;
CREATE PROCEDURE bench.refresh(target regclass) LANGUAGE plpgsql AS $$
DECLARE
    job tiktok._job;
    steps tiktok._step[];
    step tiktok._step;
    counts tiktok._counts;
    took bench.took := (0, 0, 0, 0, NULL);
    begun bigint := bench.cpu();
    since bigint;
BEGIN
    job := tiktok._open(target, NULL, true);
    COMMIT;
    SELECT tiktok._plan(job, a.accounts) INTO steps FROM tiktok._accounts(job) AS a;
    COMMIT;
    FOREACH step IN ARRAY steps LOOP
        since := bench.cpu();
        IF step.merge THEN
            SELECT (m.counts).* INTO counts FROM tiktok._merge(job, step) AS m;
            took.counts := counts;
            took.merge := took.merge + bench.cpu() - since;
        ELSE
            PERFORM tiktok._stage(job, step, false);
            took.stage := took.stage + bench.cpu() - since;
        END IF;
        since := bench.cpu();
        COMMIT;
        took.commit := took.commit + bench.cpu() - since;
    END LOOP;
    PERFORM tiktok._close(job, '{}', NULL);
    COMMIT;
    PERFORM tiktok._unlock(target);
    took.total := bench.cpu() - begun;
    DELETE FROM bench.took;
    INSERT INTO bench.took SELECT (took).*;
END $$;
"""
SOURCE = 'ads.ads_reports_daily'
SINCE = '(now() AT TIME ZONE \'UTC\')::date - 20'
WINDOW = f'WHERE stat_time_day >= {SINCE} AND stat_time_day < {SINCE} + 22'
PLAIN = (f'DROP TABLE IF EXISTS {{0}}; CREATE TABLE {{0}} (LIKE {SOURCE}, '
         'PRIMARY KEY (advertiser_id, ad_id, stat_time_day))')
FORGET = ("SELECT tiktok.forget(target) FROM tiktok.snapshots; "
          "DROP TABLE IF EXISTS mart.ads")
ARGUMENTS = f"'{SOURCE}', 'mart.ads', since => {SINCE}, attribution_window => 30, probe => false"
MATERIALIZE = f'SELECT inserted, updated, deleted, unchanged FROM tiktok.materialize({ARGUMENTS})'
TOOK = ('SELECT (counts).inserted, (counts).updated, (counts).deleted, (counts).unchanged, '
        'stage, merge, commit, total FROM bench.took')
CPU = "SELECT 'cpu ' || bench.cpu()"
KINDS = (('read', 'reading'), ('INSERT', '`INSERT … SELECT`'), ('COPY', '`COPY` of a file'),
         ('materialize', 'a first `materialize`'), ('first', 'a first `refresh`'),
         ('unchanged', '`refresh` without a change'),
         ('changed', '`refresh`, one row in a hundred changed'))
STATEMENT = re.compile(r'duration: ([\d.]+) ms +plan:\n *Query Text: ([^\n]{0,60})')


class Bench:
    def __init__(self, chosen):
        self.chosen = chosen
        self.sql(SETUP % chosen.api, REFRESH)
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

    def watched(self, name, *commands):
        """The commands, and with --statements how long each of theirs took."""
        if not self.chosen.statements:
            return self.sql(*commands)
        said = self.sql("LOAD 'auto_explain'", 'SET auto_explain.log_nested_statements = on',
                        'SET auto_explain.log_level = notice', 'SET auto_explain.log_min_duration = 10',
                        *commands)
        for ms, text in STATEMENT.findall(said):
            print(f'  {name}: {float(ms):.0f} ms {text}', flush=True)
        return said

    def measure(self, name, expected, *commands):
        """{name: seconds} of CPU that the backend took for commands that say this at the end."""
        self.sql('CHECKPOINT')
        said, _, cpu = self.watched(name, *commands, CPU).rpartition('cpu ')
        # of reading, the first column is never NULL
        said = said.strip().split('\n')[-1]
        if not self.chosen.statements and expected not in (said, said.partition('|')[0]):
            raise RuntimeError(f'{name}: {said}')
        return {name: int(cpu) / 1e9}

    def refresh(self, name, expected):
        """{name: seconds, name and step: seconds}"""
        self.sql('CHECKPOINT')
        self.watched(name, "CALL bench.refresh('mart.ads')")
        *counts, stage, merge, commit, total = self.sql(TOOK).split('|')
        if '|'.join(counts) != expected:
            raise RuntimeError(f"{name}: {'|'.join(counts)}")
        return {name: int(total) / 1e9, f'{name} stage': int(stage) / 1e9,
                f'{name} merge': int(merge) / 1e9, f'{name} commit': int(commit) / 1e9}

    def once(self, rows):
        """One of each, in turn: {name: seconds}."""
        result = self.measure('read', str(rows), self.read)
        self.sql(PLAIN.format('plain'), PLAIN.format('copied'))
        result |= self.measure('INSERT', '', f'INSERT INTO plain SELECT * FROM {SOURCE} {WINDOW}')
        self.sql("COPY plain TO '%s/plain.copy'" % self.chosen.work)
        result |= self.measure('COPY', '', "COPY copied FROM '%s/plain.copy'" % self.chosen.work)
        self.sql('DROP TABLE plain, copied')
        self.sql(FORGET)
        result |= self.measure('materialize', f'{rows}|0|0|0', MATERIALIZE)
        self.sql(FORGET)
        self.sql(f'SELECT tiktok.create_snapshot({ARGUMENTS})')
        result |= self.refresh('first', f'{rows}|0|0|0')
        result |= self.refresh('unchanged', f'0|0|0|{rows}')
        changed = self.sql('WITH u AS (UPDATE mart.ads SET impressions = coalesce(impressions, 0) + 1 '
                           'WHERE ad_id % 100 = 0 RETURNING 1) SELECT count(*) FROM u',
                           'VACUUM mart.ads')
        if changed != str(rows // 100):
            raise RuntimeError(f'{rows // 100} rows were to change: {changed}')
        result |= self.refresh('changed', f'0|{rows // 100}|0|{rows - rows // 100}')
        return result

    def run(self):
        lines = ['| rows | | stage | merge | commit | all | all ÷ `INSERT … SELECT` |',
                 '|--:|---|--:|--:|--:|--:|--:|']
        for rows in self.chosen.rows:
            self.sql(f"ALTER SERVER tiktok OPTIONS (SET api_url '{self.responder}{rows // 1000}/0/')")
            rounds = []
            for _ in range(self.chosen.times):
                rounds.append(self.once(rows))
                print('  ' + ', '.join(f'{name} {t:.2f} s' for name, t in rounds[-1].items()), flush=True)

            def ratio(name, beside, rounds=rounds):
                return statistics.median(one[name] / one[beside] for one in rounds)

            for name, what in KINDS:
                steps = [f"{ratio(f'{name} {step}', 'read'):.2f}" if f'{name} {step}' in rounds[0] else ''
                         for step in ('stage', 'merge', 'commit')]
                cells = [f'{rows:,}', what, *steps, f"{ratio(name, 'read'):.2f}",
                         f"{ratio(name, 'INSERT'):.2f}"]
                lines.append(f"| {' | '.join(cells)} |".replace('|  |', '| |'))
        print('\n'.join(lines))
        self.replay.stdin.close()
        if self.chosen.write_doc:
            write_doc(self.chosen.doc, lines)


def write_doc(path, lines):
    """Puts the table between the marks of the page."""
    with open(path, encoding='utf-8') as file:
        before, mark, rest = file.read().partition('<!-- test/bench/merge.sh -->\n')
    _, end, after = rest.partition('<!-- end of merge.sh -->')
    if not mark or not end:
        sys.exit(f'{path} has no place for the table')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(before + mark + '\n'.join(lines) + '\n' + end + after)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--api', required=True)
    parser.add_argument('--psql', required=True)
    parser.add_argument('--work', required=True)
    parser.add_argument('--rows', type=int, action='append', default=[])
    parser.add_argument('--times', type=int, default=3)
    parser.add_argument('--statements', action='store_true')
    parser.add_argument('--write-doc', action='store_true')
    parser.add_argument('--doc', required=True)
    chosen = parser.parse_args()
    chosen.rows = chosen.rows or [10 ** 5, 10 ** 6]
    Bench(chosen).run()


if __name__ == '__main__':
    main()
