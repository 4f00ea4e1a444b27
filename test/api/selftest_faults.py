"""Self-tests: replies that a test asks for – wrong, late, refused, without their filter.

Invariants: as in selftest_case.py; a fault is no violation, since it is not the
client's doing, but a third time-out of one request is.
"""
import base64
import gzip
import http.client
import json
import threading
import time
import unittest

from codes import CODES, CONFLICT
from selftest_case import (BIG, FIRST, KINDS, REPORT, TOKEN, Case, every_kind, one_filter, report,
                           sums)


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

    def test_together(self):
        self.fault({'together': 3}, times=0)
        answers = []

        def ask():
            answers.append(self.get()[0])
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            self.assertEqual(answers, [])
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [200, 200, 200])
        self.assertEqual(self.control('stats')['peak_concurrency'], 3)
        self.assertEqual(self.get()[0], 200)        # from now on nobody waits

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


class Refused(Case):
    """What the API does not do, where nobody can know it beforehand."""

    def test_filters(self):
        self.control('faults', [{'match': {'report_type': 'AUDIENCE'},
                                 'action': {'refuse_filter': ['campaign_status', 'ad_status']}}])
        dims = ['ad_id', 'stat_time_day', 'platform']
        params = report('AD', dims, ('spend',), report_type='AUDIENCE')
        for _ in range(2):
            reply = self.ask(REPORT, **params)
            self.assertEqual(reply['code'], 40002)
            self.assertIn('ad_status', reply['message'])
        params.pop('filtering')
        self.data(REPORT, **params)
        self.data(REPORT, **report('AD', dims[:2], ('spend',)))
        self.assertEqual(self.control('violations'), [])

    def test_one_origin_at_a_time(self):
        self.control('faults', [{'action': {'one_origin': True}}])
        for both, endpoint, params in (
                (True, 'campaign/get', {'filtering': {
                    'campaign_system_origins': ['TT_ADS_PLATFORM', 'PROMOTE']}}),
                (False, 'campaign/get', {'filtering': {'campaign_system_origins': ['PROMOTE']}}),
                (True, REPORT, report('AD', ['ad_id'], filtering=every_kind())),
                (False, REPORT, report('AD', ['ad_id'], filtering=every_kind()[1:]))):
            reply = self.ask(endpoint, **{**params, 'advertiser_id': str(KINDS)})
            self.assertEqual(reply['code'], 40002 if both else 0, reply)
            self.assertEqual('campaign_system_origins' in reply['message'], both)

    def test_conflicts_name_nobody(self):
        for name in ('is_aco', 'skan_result'):
            params = report('AD', ['ad_id', 'stat_time_hour'], ('spend', name),
                            start_date='2026-01-16')
            self.assertEqual(self.refused(name, REPORT, **params), CONFLICT)
        self.assertEqual(CONFLICT, 'Conflict occurs. The input params including metrics and '
                                   'dimensions have no relation.')
        said = self.refused('no_such', REPORT, **report('AD', ['ad_id'], ('no_such',)))
        self.assertIn('no_such', said)

    def test_audience_metrics(self):
        dims = ['ad_id', 'stat_time_day']
        for name, legal, not_legal in (
                ('total_landing_page_view', ('country_code', 'ad_type'), 'gender'),
                ('profile_visits_rate', ('country_code', 'hashtag'), 'age'),
                ('engaged_view', ('ad_type',), 'country_code'),
                ('gross_impressions', ('gender', 'platform'), None),
                ('conversion_rate_v2', ('gender',), None)):
            for extra in legal:
                self.data(REPORT, **report('AD', dims + [extra], (name,), report_type='AUDIENCE'))
            if not_legal:
                said = self.refused(name, REPORT, **report('AD', dims + [not_legal], (name,),
                                                           report_type='AUDIENCE'))
                self.assertEqual(said, CONFLICT)
        self.refused('interest_category', REPORT, **report(
            'AD', dims + ['interest_category'], ('spend',), report_type='AUDIENCE'))
        self.data(REPORT, **report('AD', ['ad_id', 'interest_category'], ('spend',),
                                   report_type='AUDIENCE'))

    def test_conflicts_on_request(self):
        audience = {'report_type': 'AUDIENCE'}
        dims = ['ad_id', 'stat_time_day']
        self.control('faults', [{'match': audience, 'action': {'conflict': 'uv_by_country'}},
                                {'match': {'report_type': 'BASIC'},
                                 'action': {'conflict': ['ctr', 'cpc']}}])
        for extra, names, code in (('country_code', ('spend', 'reach'), 40002),
                                   ('country_code', ('spend',), 0),
                                   ('gender', ('spend', 'reach'), 0)):
            reply = self.ask(REPORT, **report('AD', dims + [extra], names, **audience))
            self.assertEqual(reply['code'], code)
        reply = self.ask(REPORT, **report('AD', dims, ('spend', 'cpc')))
        self.assertEqual(reply['message'], CONFLICT)
        self.assertEqual(self.ask(REPORT, **report('AD', dims, ('spend',)))['code'], 0)

    def test_return_codes(self):
        self.assertGreater(len(CODES), 50)
        for code, text in CODES.items():
            self.control('faults', [{'action': {'return_code': code}}])
            reply = self.ask('campaign/get', advertiser_id=str(FIRST))
            self.assertEqual((reply['code'], reply['message']), (code, text))
        self.control('faults', [{'action': {'not_granted': True}, 'match': {
            'path': 'file/music/get'}}])
        self.assertEqual(self.ask('file/music/get', advertiser_id=str(FIRST))['message'],
                         'advertiser does not grant you /file/music/get/:GET permission')
        for wrong in ({'return_code': 1}, {'ignore': ['metrics']}, {'conflict': 'x'},
                      {'timeout_over': {'rows': 1}}):
            body = json.dumps([{'action': wrong}])
            self.assertEqual(self.raw('/_control/faults', 'POST', body)[0], 400, wrong)

    def test_official_sandbox(self):
        self.control('settings', {'sandbox': 'official'})
        one = {'advertiser_id': str(FIRST)}
        codes = [self.ask('campaign/get', True, **one)['code'] for _ in range(3)]
        self.assertEqual(codes[0], 0)
        self.assertIn(40100, codes)
        for endpoint in ('advertiser/info', 'file/music/get', 'dmp/custom_audience/list'):
            reply = self.ask(endpoint, True, **one)
            self.assertEqual(reply['code'], 40008, endpoint)
        rows = self.ask(REPORT, True, **report('AD', ['ad_id', 'stat_time_day'], ('spend',),
                                               order_field='spend', **one))
        self.assertEqual((rows['code'], rows['data']['list']), (0, []))


class Late(Case):
    """Requests that time out, and what comes of asking again."""

    def ask_late(self, **more):
        url = self.url(REPORT, report('AD', ['ad_id', 'stat_time_day'], ('spend', 'ctr'), **more))
        status, _, raw = self.raw(url, headers={'Access-Token': TOKEN})
        try:
            return status, json.loads(raw)['code']
        except ValueError:
            return status, None

    def test_too_much(self):
        for limit, more, late in (
                ({'days': 4}, {}, True), ({'days': 5}, {}, False),
                ({'metrics': 1}, {}, True), ({'metrics': 2}, {}, False),
                ({'ids': 2}, {}, True),
                ({'ids': 2}, {'filtering': [one_filter('ad_ids', '1', '2', '3')]}, True),
                ({'ids': 2}, {'filtering': [one_filter('ad_ids', '1', '2')]}, False),
                ({'days': 9, 'ids': 1, 'metrics': 9}, {}, True)):
            self.control('reset', {})
            self.control('faults', [{'action': {'timeout_over': limit}}])
            self.assertEqual(self.ask_late(**more), (504, None) if late else (200, 0), limit)
        self.control('faults', [{'action': {'timeout_over': {'days': 1, 'how': '51010'}}}])
        self.assertEqual(self.ask_late(), (200, 51010))
        self.control('faults', [{'action': {'timeout_over': {'days': 1, 'how': 'hang'}}}])
        link = http.client.HTTPConnection('127.0.0.1', self.port, timeout=0.3)
        link.request('GET', self.url(REPORT, report('AD', ['ad_id', 'stat_time_day'])),
                     headers={'Access-Token': TOKEN})
        self.assertRaises(TimeoutError, link.getresponse)
        link.close()

    def test_the_third_time_blocks(self):
        self.control('faults', [{'action': {'timeout_over': {'days': 1, 'how': '51010'}}}])
        codes = [self.ask_late()[1] for _ in range(4)]
        self.assertEqual(codes, [51010, 51010, 51010, 40016])
        violations = self.control('violations')
        self.assertEqual([v['code'] for v in violations], [51010, 40016])
        self.assertIn('3. time', violations[0]['message'])
        log = self.control('log')
        self.assertEqual([e.get('timeout', False) for e in log], [True, True, True, False])
        # one day less is another request, and the block is of the one only
        self.assertEqual(self.ask_late(end_date='2026-01-15')[1], 51010)
        self.assertEqual(self.ask_late()[1], 40016)
        self.control('faults', [])
        self.assertEqual(self.ask_late()[1], 0)

    def test_many_slow_the_application(self):
        self.control('faults', [{'action': {'timeout_over': {'days': 1, 'how': '51010'}}}])
        for day in range(12, 16):
            for size in (1000, 900, 800):
                self.ask_late(start_date=f'2026-01-{day}', page_size=size)
        codes = [self.ask('campaign/get', advertiser_id=str(FIRST))['code'] for _ in range(12)]
        self.assertEqual(codes[:5], [0] * 5)
        self.assertIn(40100, codes)


class Ignored(Case):
    """An API that does as if a parameter were not there."""

    def ignoring(self, *names):
        self.control('faults', [{'action': {'ignore': list(names)}}])

    def report_rows(self, level='AD', key='ad_id', day='stat_time_day', **more):
        params = report(level, [key, day], ('spend', 'campaign_id') if level == 'AD' else
                        ('spend',), **{'start_date': '2026-01-14', 'end_date': '2026-01-15',
                                       **more})
        return self.walk(REPORT, **params)

    def test_dates(self):
        for day in ('stat_time_day', 'stat_time_hour'):
            window = {'start_date': '2026-01-14', 'end_date': '2026-01-14',
                      'advertiser_id': str(FIRST)}
            for name in ('start_date', 'end_date'):
                self.control('faults', [])
                right = self.report_rows(day=day, **window)
                self.ignoring(name)
                wrong = self.report_rows(day=day, **window)
                self.assertGreater(len(wrong), len(right))
                for row in right:
                    self.assertIn(row, wrong)
                other = [r['dimensions'][day][:10] for r in wrong]
                self.assertTrue(min(other) < '2026-01-14' if name == 'start_date'
                                else max(other) > '2026-01-14')
                self.assertTrue(max(other) == '2026-01-14' if name == 'start_date'
                                else min(other) == '2026-01-14')

    def test_ids(self):
        every = self.report_rows()
        ids = sorted({r['dimensions']['ad_id'] for r in every})[:3]
        campaigns = [every[0]['metrics']['campaign_id']]
        status = one_filter('ad_status', 'STATUS_ALL')
        for name, values in (('ad_ids', ids), ('campaign_ids', campaigns)):
            some = [status, one_filter(name, *values)]
            self.assertLess(len(self.report_rows(filtering=some)), len(every))
            self.ignoring('filtering.' + name)
            self.assertEqual(self.report_rows(filtering=some), every)
            self.control('faults', [])
        one = {'advertiser_id': str(BIG), 'page_size': 1000}
        whole = self.walk('ad/get', **one)
        self.ignoring('filtering.ad_ids', 'filtering.adgroup_ids', 'filtering.campaign_ids')
        for name in ('ad_ids', 'adgroup_ids', 'campaign_ids'):
            self.assertEqual(self.walk('ad/get', **one, filtering={name: ['1']}), whole)

    def test_kinds(self):
        one = {'advertiser_id': str(KINDS), 'page_size': 100}
        window = {'advertiser_id': str(KINDS)}
        usual = {r['dimensions']['ad_id'] for r in self.report_rows(filtering=[], **window)}
        for name, value in (('ad_status', 'STATUS_NOT_DELETE'), ('buying_type', 'AUCTION'),
                            ('campaign_system_origins', 'TT_ADS_PLATFORM')):
            given = [one_filter(name, value)]
            right = {r['dimensions']['ad_id']
                     for r in self.report_rows(filtering=given, **window)}
            self.assertEqual(right, usual)
            self.ignoring('filtering.' + name)
            wrong = {r['dimensions']['ad_id'] for r in self.report_rows(
                filtering=given, start_date='2025-12-18', end_date='2026-01-16', **window)}
            self.assertGreater(wrong, usual)
            self.control('faults', [])
        for name, value in (('primary_status', 'STATUS_NOT_DELETE'),
                            ('buying_types', ['AUCTION']),
                            ('campaign_system_origins', ['TT_ADS_PLATFORM'])):
            right = self.walk('ad/get', **one, filtering={name: value})
            self.ignoring('filtering.' + name)
            self.assertGreater(len(self.walk('ad/get', **one, filtering={name: value})),
                               len(right), name)
            self.control('faults', [])

    def test_accounts_and_pages(self):
        one = {'advertiser_id': str(BIG), 'page_size': 5}
        first = self.data('campaign/get', **one)['list']
        self.ignoring('advertiser_id')
        for row in self.data('campaign/get', **one)['list']:
            self.assertNotEqual(row['advertiser_id'], str(BIG))
        rows = self.report_rows('CAMPAIGN', 'campaign_id')
        self.assertFalse({r['dimensions']['campaign_id'] for r in rows}
                         & {r['campaign_id'] for r in first})
        self.ignoring('page')
        self.assertEqual(self.data('campaign/get', **one, page=2)['list'], first)
        self.ignoring('page_size')
        self.assertEqual(len(self.data('campaign/get', **one)['list']), 10)

    def test_hour_without_a_number(self):
        self.control('faults', [{'action': {'dash_hour': [0, 2]}}])
        rows = self.data(REPORT, **report('AD', ['ad_id', 'stat_time_hour'], ('spend',),
                                          start_date='2026-01-14', end_date='2026-01-14'))['list']
        dashes = [i for i, r in enumerate(rows) if r['dimensions']['stat_time_hour'] == '-']
        self.assertEqual(dashes, [0, 2])


if __name__ == '__main__':
    unittest.main()
