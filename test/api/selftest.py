"""Tests of the local API itself: python3 test/api/selftest.py

Invariants: one server in this process, a fixed day, no other machine; each
test leaves no fault behind; the numbers are checked against each other and
against expected.py, never against copies of themselves.
"""
import base64
import collections
import datetime
import gzip
import http.client
import io
import json
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse
from decimal import Decimal

import expected
import tiktok_api
from data import Lexeme, Store
from facts import METRICS, STREAMS
from reports import Reports
from rules import Params, report_query

TODAY = '2026-01-15'
BIG, FIRST, EMPTY, MUSIC = (7088160322559787010, 7002238017842757633, 7123456789012345678,
                            7219930054437175298)
REPORT = 'report/integrated/get'
TOKEN = 'local-access-token'


class Case(unittest.TestCase):
    """A client of the server that all tests share."""

    @classmethod
    def setUpClass(cls):
        if not hasattr(Case, 'server'):
            tiktok_api.Handler.api = tiktok_api.Api(tiktok_api.options(['--today', TODAY]))
            Case.server = tiktok_api.Server(('127.0.0.1', 0), tiktok_api.Handler)
            threading.Thread(target=Case.server.serve_forever, daemon=True).start()
        cls.port = Case.server.server_address[1]

    def setUp(self):
        self.control('reset', {'data': True})

    def raw(self, path, method='GET', body=None, headers=None):
        """(status, headers, bytes) of one request on its own connection."""
        link = http.client.HTTPConnection('127.0.0.1', self.port, timeout=20)
        try:
            link.request(method, path, body, headers or {})
            reply = link.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            link.close()

    def control(self, what, body=None):
        method = 'GET' if body is None else 'POST'
        status, _, raw = self.raw(f'/_control/{what}', method,
                                  None if body is None else json.dumps(body))
        self.assertEqual(status, 200, raw)
        return json.loads(raw)

    def url(self, endpoint, params, sandbox=False):
        texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in params.items()}
        return (f'{"/sandbox" if sandbox else ""}/open_api/v1.3/{endpoint}/?'
                + urllib.parse.urlencode(texts))

    def ask(self, endpoint, sandbox=False, token=TOKEN, **params):
        """The JSON reply of one GET."""
        _, _, raw = self.raw(self.url(endpoint, params, sandbox),
                             headers={'Access-Token': token} if token else {})
        return json.loads(raw, parse_float=Lexeme)

    def data(self, endpoint, **params):
        reply = self.ask(endpoint, **params)
        self.assertEqual(reply['code'], 0, reply)
        return reply['data']

    def refused(self, word, endpoint, code=40002, **params):
        """The request is refused, the message has the word, and it is a violation."""
        before = len(self.control('violations'))
        reply = self.ask(endpoint, **params)
        self.assertEqual(reply['code'], code, reply)
        self.assertIn(word, reply['message'])
        self.assertEqual(len(self.control('violations')), before + 1)

    def walk(self, endpoint, key='list', **params):
        """All rows of all pages."""
        rows, page = [], 1
        while True:
            data = self.data(endpoint, page=page, **params)
            rows += data[key]
            info = data.get('page_info')
            if not info or page >= info['total_page']:
                return rows
            page += 1


def report(level, dimensions, metrics=('spend', 'impressions', 'clicks', 'conversion',
                                       'video_play_actions', 'skan_result'), **more):
    """Parameters of a BASIC report that hides nothing."""
    status = {'CAMPAIGN': 'campaign_status', 'ADGROUP': 'adgroup_status', 'AD': 'ad_status'}
    params = {'advertiser_id': str(BIG), 'report_type': 'BASIC', 'data_level': 'AUCTION_' + level,
              'dimensions': dimensions, 'metrics': list(metrics), 'page_size': 1000,
              'start_date': '2026-01-12', 'end_date': '2026-01-16'}
    if level in status:
        params['filtering'] = [{'field_name': status[level], 'filter_type': 'IN',
                                'filter_value': '["STATUS_ALL"]'}]
    params.update(more)
    if params['report_type'] == 'AUDIENCE' or more.get('filtering') == 0:
        params.pop('filtering', None)
    return {k: v for k, v in params.items() if v is not None}


def number(value):
    return Decimal(0) if value in (None, '-', '<5') else Decimal(value)


def sums(rows, *dimensions):
    """{dimension values: {metric: sum}}"""
    found = collections.defaultdict(collections.Counter)
    for row in rows:
        key = tuple((row['dimensions'] | row['metrics']).get(d, '')[:10 if 'time' in d else None]
                    for d in dimensions)
        for name in ('spend', 'impressions', 'clicks', 'conversion', 'skan_result',
                     'video_play_actions'):
            if name in row['metrics']:
                found[key][name] += number(row['metrics'][name])
    return {k: dict(v) for k, v in found.items()}


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
                     and 'only_with' not in f and (kind == 'BASIC' or f['audience'])]
            dims = [key, 'stat_time_day'] + (['platform'] if kind == 'AUDIENCE' else [])
            params = report(level, dims, names, report_type=kind)
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
                self.refused(word, REPORT, **{**params, 'report_type': 'AUDIENCE'}
                             | {'filtering': []})
        params = report('AD', dims, ['spend'])
        self.refused('ad_status', REPORT, **{**params, 'report_type': 'AUDIENCE'})

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
            if 'report' in fact or 'page_size' not in fact:
                continue
            params = {'page_size': fact['page_size'][1]}
            rows = self.walk(fact['path'], fact['list'], advertiser_id=str(BIG), **params)
            keys = [r[fact['key'][0]] for r in rows]
            self.assertEqual(len(set(keys)), len(keys), stream)
            self.assertGreater(len(rows), 100, stream)
            self.assertEqual(self.walk(fact['path'], fact['list'], advertiser_id=str(EMPTY)), [])
        self.assertNotIn('page_info', self.data('file/music/get', advertiser_id=str(MUSIC),
                                                page_size=1000))
        self.assertIn('page_info', self.data('file/music/get', advertiser_id=str(MUSIC),
                                             page_size=10))
        rows = self.data(REPORT, **report('AD', ['ad_id', 'stat_time_day'],
                                          advertiser_id=str(EMPTY)))
        self.assertEqual(rows['list'], [])

    def test_truncation(self):
        day = datetime.date.fromisoformat(TODAY)
        begin = time.time()
        store = Store(1, 'large', 30000, day)
        params = report('AD', ['ad_id'], ('spend',), page=21)
        _, count, total, _, truncated = Reports(store).answer(
            report_query(Params(REPORT, {}, params), False))
        self.assertEqual((count, total, truncated), (0, 20000, True))
        self.assertLess(time.time() - begin, 5)


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
        for account in (FIRST, MUSIC, EMPTY):
            if fact['path'] == 'oauth2/advertiser/get':
                rows = self.data(fact['path'], app_id='7000000000000000001',
                                 secret='local-secret')['list']
                rows = [r for r in rows if r['advertiser_id'] == str(account)]
            elif fact['path'] == 'advertiser/info':
                rows = self.data(fact['path'], advertiser_ids=[str(account)])['list']
            elif 'report' in fact:
                rows = self.report_rows(fact['report'], columns, account)
            else:
                tree = fact['path'] in ('campaign/get', 'adgroup/get', 'ad/get')
                more = {'filtering': {'primary_status': 'STATUS_ALL'}} if tree else {}
                rows = self.walk(fact['path'], fact['list'], advertiser_id=str(account),
                                 page_size=37, **more)
            for row in rows:
                row['advertiser_id'] = str(account)
                found.append([expected.column_value(row.get(n), t,
                                                    n in ('advertiser_id', *fact['key']),
                                                    'report' in fact)
                              for n, t in columns.items()])
        return found

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
            if fact['lifetime']:
                params['query_lifetime'] = 'true'
            rows += [{**r['metrics'], **r['dimensions']} for r in self.walk(REPORT, **params)]
        return rows

    def test_streams(self):
        for stream in STREAMS:
            with self.subTest(stream=stream):
                columns = self.types(stream)
                out = io.StringIO()
                text = ','.join(f'{n}:{t}' for n, t in columns.items())
                expected.main(['--stream', stream, '--columns', text, '--today', TODAY,
                               '--from', '2026-01-02', '--to', '2026-01-16',
                               '--accounts', f'{FIRST},{MUSIC},{EMPTY}'], out)
                actual = self.actual(stream, columns)
                actual.sort(key=lambda r: [(v is None, v or '') for v in r])
                lines = [','.join(map(expected.csv_field, row)) for row in [columns, *actual]]
                self.assertEqual('\n'.join(lines) + '\n', out.getvalue())
                self.assertTrue(actual)
        self.assertEqual(self.control('violations'), [])


class Broken(Case):
    """Faults do what they say, where and as often as they say."""

    def fault(self, action, **more):
        self.control('faults', [{'match': {'path': 'ad/get'}, 'action': action, **more}])

    def get(self, **more):
        url = self.url('ad/get', {'advertiser_id': str(FIRST), **more})
        return self.raw(url, headers={'Access-Token': TOKEN, 'Accept-Encoding': 'gzip'})

    def test_codes_and_counts(self):
        self.fault({'code': 40100, 'message': 'slow down'}, after=1, times=2)
        codes = [self.ask('ad/get', advertiser_id=str(FIRST))['code'] for _ in range(5)]
        self.assertEqual(codes, [0, 40100, 40100, 0, 0])
        self.fault({'http_status': 503, 'body': '<html>no</html>',
                    'headers': {'Retry-After': '1'}})
        status, headers, body = self.get()
        self.assertEqual((status, headers['Retry-After'], body), (503, '1', b'<html>no</html>'))
        self.control('faults', [{'match': {'page': 2}, 'action': {'wrong_token': True}}])
        self.assertEqual(json.loads(self.get(page=2)[2])['code'], 40105)
        self.assertEqual(self.control('violations'), [])

    def test_contents(self):
        whole = json.loads(gzip.decompress(self.get()[2]))['data']
        for action, check in (
                ({'total_delta': -3}, lambda d: d['page_info']['total_number']
                 == whole['page_info']['total_number'] - 3),
                ({'drop_row': 0}, lambda d: d['list'] == whole['list'][1:]),
                ({'duplicate_row': 1}, lambda d: d['list'][1] == d['list'][2]),
                ({'missing': 'page_info'}, lambda d: 'page_info' not in d),
                ({'data': {}}, lambda d: d == {}),
                ({'throttle': True}, lambda d: d['extra_info']['search_ads_throttle']),
                ({'patch': {'row': 2, 'field': 'ad_name', 'value': None}},
                 lambda d: d['list'][2]['ad_name'] is None)):
            self.fault(action)
            _, headers, body = self.get()
            if headers['Content-Encoding'] == 'gzip':
                body = gzip.decompress(body)
            self.assertTrue(check(json.loads(body)['data']), action)
        self.fault({'missing': 'data'})
        self.assertNotIn('data', json.loads(self.get()[2]))
        self.fault({'raw_base64': base64.b64encode(b'\xff\x00').decode()})
        self.assertEqual(self.get()[2], b'\xff\x00')
        self.fault({'gzip_bomb_mb': 3})
        self.assertGreater(len(gzip.decompress(self.get()[2])), 3 << 20)

    def test_connections(self):
        self.fault({'close': 'before'})
        self.assertRaises((http.client.HTTPException, ConnectionError), self.get)
        self.fault({'close': 'mid'})
        self.assertRaises(http.client.IncompleteRead, self.get)
        self.fault({'truncate': True})
        self.assertRaises((ValueError, EOFError),
                          lambda: json.loads(gzip.decompress(self.get()[2])))
        self.fault({'delay_ms': 120})
        begin = time.time()
        self.get()
        self.assertGreater(time.time() - begin, 0.1)

    def test_conditions(self):
        self.control('faults', [{'action': {'refuse_metric': 'ctr'}},
                                {'action': {'max_days': 4}}])
        params = report('AD', ['ad_id', 'stat_time_day'], ('spend', 'ctr'))
        self.assertEqual(self.ask(REPORT, **params)['code'], 40002)
        params['metrics'] = ['spend']
        self.assertEqual(self.ask(REPORT, **params)['code'], 40067)
        params['end_date'] = '2026-01-14'
        self.assertEqual(self.ask(REPORT, **params)['code'], 0)

    def test_mutations(self):
        params = report('AD', ['ad_id', 'stat_time_day'], ('spend',), advertiser_id=str(FIRST))
        before = sums(self.walk(REPORT, **params), 'stat_time_day')
        ad = self.walk('ad/get', advertiser_id=str(FIRST))[0]
        self.control('mutate', [
            {'op': 'restate', 'advertiser_id': str(FIRST), 'from': '2026-01-13',
             'to': '2026-01-13', 'percent': 200},
            {'op': 'rename', 'advertiser_id': str(FIRST), 'kind': 'ad', 'id': ad['ad_id'],
             'name': 'renamed'},
            {'op': 'add_account', 'advertiser_id': '7300000000000000001', 'name': 'New'}])
        after = sums(self.walk(REPORT, **params), 'stat_time_day')
        changed = [k for k in before if before[k] != after[k]]
        self.assertEqual(changed, [('2026-01-13',)])
        again = self.walk('ad/get', advertiser_id=str(FIRST))[0]
        self.assertEqual(again['ad_name'], 'renamed')
        self.assertTrue(self.walk('ad/get', advertiser_id='7300000000000000001'))


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


if __name__ == '__main__':
    unittest.main(verbosity=1)
