"""Tests of the local API itself: python3 test/api/selftest.py

Invariants: one server in this process (selftest_case.py), a fixed day, no other
machine; each test leaves no fault behind; the numbers are checked against each
other and against expected.py, never against copies of themselves.
"""
import io
import json
import subprocess
import sys
import time
import unittest

import centers
import expected
import identities
import pixels
import selftest_centers
import selftest_faults
import selftest_rows
import selftest_shops
import shops
import tiktok_api
from facts import METRICS
from facts import STREAMS as EVERY
from selftest_case import (BIG, EMPTY, FIRST, KINDS, MUSIC, REPORT, TODAY, TOKEN, Case,
                           every_kind, number, report, sums)

# the others have rules of their own: selftest_centers.py, selftest_shops.py
STREAMS = {name: fact for name, fact in EVERY.items()
           if fact['path'] not in {*shops.ANSWERS, *pixels.ANSWERS, *centers.ANSWERS,
                                  *identities.ANSWERS}}


class Sums(Case):
    """Numbers agree between levels, hours, days and audiences."""

    def test_levels(self):
        day = 'stat_time_day'
        metrics = ['spend', 'impressions', 'clicks', 'conversion', 'skan_result',
                   'video_play_actions']
        ads = self.walk(REPORT, **report('AD', ['ad_id', day], metrics + ['adgroup_id',
                                                                          'campaign_id']))
        groups = self.walk(REPORT, **report('ADGROUP', ['adgroup_id', day]))
        campaigns = self.walk(REPORT, **report('CAMPAIGN', ['campaign_id', day]))
        account = self.walk(REPORT, **report('ADVERTISER', ['advertiser_id', day]))
        self.assertGreater(len(ads), 1000)
        self.assertEqual(sums(ads, 'adgroup_id', day), sums(groups, 'adgroup_id', day))
        self.assertEqual(sums(ads, 'campaign_id', day), sums(campaigns, 'campaign_id', day))
        self.assertEqual(sums(ads, day), sums(account, day))

    def test_hours(self):
        window = {'start_date': '2026-01-15', 'end_date': '2026-01-15'}
        for level, key in (('AD', 'ad_id'), ('ADVERTISER', 'advertiser_id')):
            hours = self.walk(REPORT, **report(level, [key, 'stat_time_hour'],
                                               ('spend', 'impressions', 'clicks'), **window))
            days = self.walk(REPORT, **report(level, [key, 'stat_time_day'],
                                              ('spend', 'impressions', 'clicks'), **window))
            self.assertEqual(sums(hours, key), sums(days, key))

    def test_audiences(self):
        day = 'stat_time_day'
        basic = sums(self.walk(REPORT, **report('AD', ['ad_id', day], ('spend', 'clicks'))),
                     'ad_id', day)
        cells = {}
        for extra in (['gender', 'age'], ['gender'], ['age'], ['country_code'], ['platform'],
                      ['province_id'], ['language']):
            rows = self.walk(REPORT, **report('AD', ['ad_id', day] + extra, ('spend', 'clicks'),
                                              report_type='AUDIENCE'))
            keys = [json.dumps(r['dimensions']) for r in rows]
            self.assertEqual(len(set(keys)), len(keys))
            self.assertEqual(sums(rows, 'ad_id', day), basic, extra)
            cells[tuple(extra)] = rows
        self.assertEqual(sums(cells['gender', 'age'], 'ad_id', day, 'gender'),
                         sums(cells['gender',], 'ad_id', day, 'gender'))
        account = self.walk(REPORT, **report('ADVERTISER', ['advertiser_id', day, 'platform'],
                                             ('spend', 'clicks'), report_type='AUDIENCE'))
        self.assertEqual(sums(account, day, 'platform'), sums(cells['platform',], day, 'platform'))

    def test_lifetime_totals_and_order(self):
        lifetime = report('AD', ['ad_id'], ('spend', 'ad_name'), query_lifetime='true')
        reply = self.data(REPORT, **{**lifetime, 'enable_total_metrics': 'true'})
        rows = self.walk(REPORT, **lifetime)
        self.assertEqual(len(rows), 2412)
        self.assertEqual(number(reply['total_metrics']['spend']),
                         sum(number(r['metrics']['spend']) for r in rows))
        self.assertEqual(reply['total_metrics']['ad_name'], '-')
        ordered = self.walk(REPORT, **{**lifetime, 'order_field': 'spend'})
        spends = [number(r['metrics']['spend']) for r in ordered]
        self.assertEqual(spends, sorted((number(r['metrics']['spend']) for r in rows),
                                        reverse=True))
        hidden = self.walk(REPORT, **report('AD', ['ad_id'], ('spend',), filtering=0))
        self.assertLess(len(hidden), len(rows))

    def test_every_metric(self):
        for kind, level in (('BASIC', 'AD'), ('BASIC', 'ADVERTISER'), ('AUDIENCE', 'ADGROUP')):
            key = {'AD': 'ad_id', 'ADVERTISER': 'advertiser_id', 'ADGROUP': 'adgroup_id'}[level]
            letter = {'AD': 'A', 'ADVERTISER': 'V', 'ADGROUP': 'G'}[level]
            names = [n for n, f in METRICS.items() if letter in f['levels'] and n != 'ad_id_v2'
                     and 'only_with' not in f
                     and (kind == 'BASIC' or f['audience'] in (True, 'unsure'))]
            dims = [key, 'stat_time_day'] + (['platform'] if kind == 'AUDIENCE' else [])
            for start in range(0, len(names), 100):
                self.every(report(level, dims, names[start:start + 100], report_type=kind))

    def every(self, params):
        """The metrics are there, and counts are counts."""
        url, body = self.url(REPORT, {}), json.dumps(params)
        headers = {'Access-Token': TOKEN, 'Content-Type': 'application/json'}
        reply = json.loads(self.raw(url.rstrip('?'), body=body, headers=headers)[2])
        self.assertEqual(reply['code'], 0, reply['message'])
        for row in reply['data']['list']:
            for name, value in row['metrics'].items():
                if METRICS.get(name, {}).get('type') == 'bigint' and \
                        value not in (None, '-', '<5', ''):
                    int(value)


class Strict(Case):
    """What the documentation forbids is refused and written down."""

    def test_report_refusals(self):
        day, status = ['ad_id', 'stat_time_day'], {'field_name': 'ad_status', 'filter_type': 'IN'}
        ids = {'field_name': 'ad_ids', 'filter_type': 'IN'}
        for word, dims, more in (
                ('lifetime', day, {'lifetime': 'true'}), ('filters', day, {'filters': '[]'}),
                ('page_size', day, {'page_size': 1001}), ('page', day, {'page': 0}),
                ('span', day, {'start_date': '2025-12-17'}),
                ('span', ['ad_id', 'stat_time_hour'], {}),
                ('span', ['ad_id'], {'start_date': '2025-01-16'}),
                ('start_date', day, {'start_date': '2026-01-17'}),
                ('start_date', day, {'start_date': '2026-1-7'}),
                ('start_date', day, {'start_date': None}),
                ('query_lifetime', day, {'query_lifetime': 'true'}),
                ('campaign_id', ['campaign_id'], {}), ('one id', ['ad_id', 'adgroup_id'], {}),
                ('gender', ['ad_id', 'gender'], {}), ('no_such', day, {'metrics': ['no_such']}),
                ('ad_id_v2', day, {'metrics': ['ad_id_v2']}),
                ('single_image_ctr', day, {'metrics': ['single_image_ctr']}),
                ('is_aco', day, {'metrics': ['spend', 'is_aco']}),
                ('cash_spend', day, {'metrics': ['cash_spend']}),
                ('campaign_name', ['stat_time_day'], {'metrics': ['campaign_name']}),
                ('skan_result', ['ad_id', 'stat_time_hour'],
                 {'metrics': ['skan_result'], 'start_date': '2026-01-16'}),
                ('evta_purchase', ['ad_id'], {'metrics': ['evta_purchase'],
                                              'query_lifetime': 'true'}),
                ('order_field', day, {'order_field': 'ctr'}),
                ('order_type', day, {'order_type': 'UP'}),
                ('enable_total', day, {'enable_total_metrics': 'true', 'page': 2}),
                ('RESERVATION', day, {'service_type': 'RESERVATION'}),
                ('CHUNK', day, {'query_mode': 'CHUNK'}),
                ('string', day, {'filtering': [{**ids, 'filter_value': ['1']}]}),
                ('string', day, {'filtering': [{**ids, 'filter_value': '[1]'}]}),
                ('100', day, {'filtering': [{**ids, 'filter_value': json.dumps(['1'] * 101)}]}),
                ('array', day, {'filtering': {'ad_ids': ['1']}}),
                ('campaign_status', day, {'filtering': [
                    {**status, 'field_name': 'campaign_status',
                     'filter_value': '["STATUS_ALL"]'}]}),
                ('country', day, {'filtering': [{**ids, 'field_name': 'country_code',
                                                 'filter_value': '["US"]'}]})):
            with self.subTest(word=word, more=more):
                self.refused(word, REPORT, **report('AD', dims, **more))

    def test_audience_refusals(self):
        dims = ['ad_id', 'stat_time_day', 'gender']
        for word, dimensions, more in (
                ('combined', dims + ['country_code'], {}),
                ('stat_time_hour', ['ad_id', 'stat_time_hour', 'gender'], {}),
                ('query_lifetime', ['ad_id', 'gender'], {'query_lifetime': 'true'}),
                ('purchase', dims, {'metrics': ['spend', 'purchase']}),
                ('currency', dims, {'metrics': ['currency']}),
                ('audience dimension', ['ad_id', 'stat_time_day'], {}),
                ('id dimension', ['stat_time_day', 'gender'], {}),
                ('enable_total', dims, {'enable_total_metrics': 'true'})):
            with self.subTest(word=word):
                params = report('AD', dimensions, more.pop('metrics', ['spend']), **more)
                self.refused(word, REPORT, **{**params, 'report_type': 'AUDIENCE'})

    def test_entity_refusals(self):
        for word, endpoint, params in (
                ('filtering', 'campaign/get', {'filtering': []}),
                ('modified_after', 'campaign/get', {'filtering': {'modified_after': 'x'}}),
                ('ad_ids', 'campaign/get', {'filtering': {'ad_ids': ['1']}}),
                ('campaign_ids', 'campaign/get', {'filtering': {'campaign_ids': [1]}}),
                ('campaign_ids', 'campaign/get', {'filtering': {'campaign_ids': '1'}}),
                ('100', 'ad/get', {'filtering': {'ad_ids': ['1'] * 101}}),
                ('20', 'file/video/ad/search', {'filtering': {'material_ids': ['1'] * 21}}),
                ('image_mode', 'ad/get', {'fields': ['ad_id', 'image_mode']}),
                ('nonsense', 'ad/get', {'fields': ['nonsense']}),
                ('FOO', 'ad/get', {'filtering': {'objective_type': 'FOO'}}),
                ('primary', 'ad/get', {'filtering': {'primary_status': 'AD_STATUS_ALL'}}),
                ('modified_after', 'ad/get', {'filtering': {'modified_after': '2026-01-01'}}),
                ('page_size', 'file/image/ad/search', {'page_size': 101}),
                ('page_size', 'smart_plus/ad/get', {'page_size': 101}),
                ('page_size', 'tt_video/list', {'page_size': 51}),
                ('page_size', 'tool/language', {'page_size': 10}),
                ('placements', 'tool/region', {'objective_type': 'TRAFFIC'}),
                ('objective_type', 'tool/region', {'placements': ['PLACEMENT_TIKTOK']}),
                ('placements', 'tool/interest_category', {'placements': ['TikTok']}),
                ('version', 'tool/interest_category', {'version': '3'}),
                ('buying_types', 'smart_plus/ad/get', {'filtering': {'buying_types': ['AUCTION']}}),
                ('ad_ids', 'smart_plus/ad/get', {'filtering': {'ad_ids': ['1']}}),
                ('modified_after', 'smart_plus/campaign/get', {
                    'filtering': {'modified_after': '2026-01-01 00:00:00'}}),
                ('exclude', 'smart_plus/campaign/get', {'exclude_field_types_in_response': '[]'}),
                ('disclaimer', 'smart_plus/ad/get', {'fields': ['disclaimer']}),
                ('sort_field', 'file/video/ad/search', {'sort_field': 'NAME'}),
                ('campaign_system_origins', 'campaign/get',
                 {'filtering': {'campaign_system_origins': ['GMC']}}),
                ('TOP_VIEW', 'campaign/get',
                 {'filtering': {'buying_types': ['AUCTION', 'RESERVATION_TOP_VIEW']}}),
                ('page', 'file/music/get', {'page': 101, 'page_size': 1000}),
                ('fields', 'dmp/custom_audience/list', {'fields': ['name']}),
                ('page_size', 'ad/get', {'page_size': 'ten'})):
            with self.subTest(word=word, endpoint=endpoint):
                self.refused(word, endpoint, advertiser_id=str(FIRST), **params)
        self.refused('advertiser_ids', 'advertiser/info', advertiser_ids=[FIRST])
        self.refused('100', 'advertiser/info', advertiser_ids=[str(FIRST)] * 101)
        self.refused('company_name_editable', 'advertiser/info', advertiser_ids=[str(FIRST)],
                     fields=['name', 'company_name_editable'])
        self.refused('advertiser_id', 'ad/get')

    def test_credentials_and_paths(self):
        self.refused('empty', 'ad/get', 40104, token=None, advertiser_id=str(FIRST))
        self.refused('incorrect', 'ad/get', 40105, token='x', advertiser_id=str(FIRST))
        self.refused('secret', 'oauth2/advertiser/get', 40101, app_id='1', secret='x')
        self.refused('permission', 'ad/get', 40001, advertiser_id='7000000000000000009')
        self.refused('exist', 'ad/gett', 40008)
        headers = {'Access-Token': TOKEN}
        path = f'/open_api/v1.3/ad/get?advertiser_id={FIRST}'
        self.assertEqual(json.loads(self.raw(path, headers=headers)[2])['code'], 40008)
        self.assertEqual(self.raw(path.replace('get?', 'get/?'), 'POST', headers=headers)[0], 405)
        long = self.url('ad/get', {'advertiser_id': str(FIRST), 'filtering': 'x' * 9000})
        self.assertEqual(self.raw(long, headers=headers)[0], 414)
        log = json.dumps(self.control('log'))
        self.assertNotIn(TOKEN, log)
        self.assertNotIn('"secret"', log)

    def test_sandbox(self):
        ok = self.ask('campaign/get', True, advertiser_id=str(FIRST))
        self.assertEqual(ok['code'], 0)
        self.assertNotIn('secondary_status', ok['data']['list'][0])
        self.refused('sandbox', 'oauth2/advertiser/get', sandbox=True, app_id='1', secret='x')
        for params in (report('ADVERTISER', ['advertiser_id']),
                       report('AD', ['ad_id', 'country_code']),
                       report('AD', ['ad_id'], enable_total_metrics='true')):
            self.refused('sandbox', REPORT, sandbox=True, **params)
        self.assertEqual(self.ask(REPORT, True, **report('AD', ['ad_id']))['code'], 0)

    def test_rate(self):
        self.control('settings', {'qps': 3})
        codes = [self.ask('campaign/get', advertiser_id=str(FIRST))['code'] for _ in range(6)]
        self.control('settings', {'qps': 0})
        self.assertEqual(codes[:3], [0, 0, 0])
        self.assertIn(40100, codes)


class Lists(Case):
    """Entities: pages, filters, deleted objects, spellings of nothing."""

    def test_hidden_and_filters(self):
        one = {'advertiser_id': str(BIG), 'page_size': 1000}
        every = self.walk('ad/get', **one, filtering={'primary_status': 'STATUS_ALL'})
        shown = self.walk('ad/get', **one)
        self.assertEqual(len(every), 2412)
        self.assertLess(len(shown), len(every))
        ids = [int(r['ad_id']) for r in every]
        self.assertEqual(ids, sorted(ids, reverse=True))
        time_ = every[700]['create_time']
        later = self.walk('ad/get', **one, filtering={
            'primary_status': 'STATUS_ALL', 'creation_filter_start_time': time_})
        self.assertEqual(len(later), sum(r['create_time'] > time_ for r in every))
        some = {'primary_status': 'STATUS_ALL', 'campaign_ids': [every[5]['campaign_id']]}
        self.assertEqual(self.walk('ad/get', **one, filtering=some),
                         [r for r in every if r['campaign_id'] == every[5]['campaign_id']])
        self.assertTrue(any(r['modify_time'] is None for r in every))

    def test_assets_and_empty(self):
        for stream, fact in STREAMS.items():
            size = next((name for name in ('page_size', 'count') if name in fact), None)
            if 'report' in fact or not size:
                continue
            params = {size: fact[size][1]}
            rows = self.walk(fact['path'], fact['list'], advertiser_id=str(BIG), **params)
            key = fact['key'][0]
            keys = [expected.at(r, fact['columns'][key].get('path', key)) for r in rows]
            self.assertEqual(len(set(keys)), len(keys), stream)
            self.assertGreater(len(rows), 20 if stream.startswith('smart_plus') else 100, stream)
            self.assertEqual(self.walk(fact['path'], fact['list'], advertiser_id=str(EMPTY)), [])
        self.assertNotIn('page_info', self.data('file/music/get', advertiser_id=str(MUSIC),
                                                page_size=1000))
        self.assertIn('page_info', self.data('file/music/get', advertiser_id=str(MUSIC),
                                             page_size=10))
        rows = self.data(REPORT, **report('AD', ['ad_id', 'stat_time_day'],
                                          advertiser_id=str(EMPTY)))
        self.assertEqual(rows['list'], [])


class Expected(Case):
    """A walk over all pages is what expected.py computes."""

    def types(self, stream):
        fact = STREAMS[stream]
        columns = {'advertiser_id': 'bigint',
                   **{n: c['type'] for n, c in fact['columns'].items()}}
        if 'report' in fact:
            audience = fact['report']['report_type'] == 'AUDIENCE'
            names = ['spend', 'impressions', 'reach', 'ctr', 'follows', 'cost_per_result']
            names += [] if audience else ['secondary_goal_result', 'total_active_pay_roas']
            columns.update((n, METRICS[n]['type']) for n in names)
        return columns

    def actual(self, stream, columns):
        """The table as a client would make it, from the wire."""
        fact, found = STREAMS[stream], []
        paths = {n: c['path'] for n, c in fact['columns'].items() if 'path' in c}
        for account in (FIRST, MUSIC, EMPTY, KINDS):
            if fact['path'] == 'oauth2/advertiser/get':
                rows = self.data(fact['path'], app_id='7000000000000000001',
                                 secret='local-secret')['list']
                rows = [r for r in rows if r['advertiser_id'] == str(account)]
            elif fact['path'] == 'advertiser/info':
                rows = self.data(fact['path'], advertiser_ids=[str(account)])['list']
            elif 'report' in fact:
                rows = self.report_rows(fact['report'], columns, account)
            else:
                size = {name: min(37, fact[name][1]) for name in ('page_size', 'count')
                        if name in fact}
                rows = [row for more in self.kinds(fact['path'])
                        for row in self.walk(fact['path'], fact['list'],
                                             advertiser_id=str(account), **size, **more)]
            for row in rows:
                row['advertiser_id'] = str(account)
                found.append([expected.column_value(expected.at(row, paths.get(n, n)), t,
                                                    n in ('advertiser_id', *fact['key']),
                                                    'report' in fact)
                              for n, t in columns.items()])
        return found

    @staticmethod
    def kinds(path):
        """The requests that one list of an account takes."""
        if path == 'tool/region':
            return [{'placements': ['PLACEMENT_TIKTOK'], 'objective_type': 'TRAFFIC'}]
        if path.startswith('smart_plus/'):
            return [{'filtering': {'primary_status': 'STATUS_ALL'}}]
        if path not in ('campaign/get', 'adgroup/get', 'ad/get'):
            return [{}]
        origins = ['TT_ADS_PLATFORM', 'PROMOTE']
        return [{'filtering': {'primary_status': 'STATUS_ALL', 'buying_types': [buying],
                               'campaign_system_origins': origins}}
                for buying in ('AUCTION', 'RESERVATION_TOP_VIEW')]

    def report_rows(self, fact, columns, account):
        level, dims = fact['data_level'][8:], fact['dimensions']
        metrics = [n for n in columns if n not in dims and n != 'advertiser_id']
        windows = [('2026-01-02', '2026-01-16')]
        if 'stat_time_hour' in dims:
            windows = [(f'2026-01-{d:02d}',) * 2 for d in range(2, 17)]
        rows = []
        for begin, end in windows:
            params = report(level, dims, metrics, report_type=fact['report_type'],
                            advertiser_id=str(account), start_date=begin, end_date=end,
                            page_size=83)
            if level != 'ADVERTISER':
                params['filtering'] += every_kind()
            if fact['lifetime']:
                params['query_lifetime'] = 'true'
            rows += [{**r['metrics'], **r['dimensions']} for r in self.walk(REPORT, **params)]
        return rows

    def test_streams(self):
        for stream in (name for name, fact in STREAMS.items() if not fact.get('doubt')):
            with self.subTest(stream=stream):
                columns = self.types(stream)
                out = io.StringIO()
                text = ','.join(f'{n}:{t}:' + STREAMS[stream]['columns'].get(n, {}).get('path', '')
                                for n, t in columns.items())
                expected.main(['--stream', stream, '--columns', text, '--today', TODAY,
                               '--from', '2026-01-02', '--to', '2026-01-16',
                               '--accounts', f'{FIRST},{MUSIC},{EMPTY},{KINDS}'], out)
                actual = self.actual(stream, columns)
                actual.sort(key=lambda r: [(v is None, v or '') for v in r])
                lines = [','.join(map(expected.csv_field, row)) for row in [columns, *actual]]
                self.assertEqual('\n'.join(lines) + '\n', out.getvalue())
                self.assertTrue(actual)
        self.assertEqual(self.control('violations'), [])


class Start(unittest.TestCase):
    """The command line."""

    def test_large_starts_at_once(self):
        begin = time.time()
        with subprocess.Popen([sys.executable, tiktok_api.__file__, '--scale', 'large',
                               '--exit-with-stdin'], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as process:
            line = process.stdout.readline()
            self.assertRegex(line, r'^listening on http://127\.0\.0\.1:\d+/open_api/v1\.3/$')
            self.assertLess(time.time() - begin, 3)
            process.stdin.close()
            self.assertEqual(process.wait(5), 0)


def load_tests(loader, tests, _):
    """The tests of the other files too."""
    for module in (selftest_centers, selftest_rows, selftest_faults, selftest_shops):
        tests.addTests(loader.loadTestsFromModule(module))
    return tests


if __name__ == '__main__':
    unittest.main(verbosity=1)
