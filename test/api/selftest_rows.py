"""Self-tests: which rows a request gets – deleted, Promote, TopView, cut, capped.

Invariants: as in selftest_case.py; what is hidden is counted against what is
there when everything is asked for.
"""
import datetime
import json
import time
import unittest

import clocks
import expected
from codes import THROTTLE
from data import Store
from facts import ENTITIES, METRICS
from metrics import PROMOTE_METRICS
from reports import Reports
from rules import Params, report_query
from selftest_case import (BIG, EMPTY, FIRST, KINDS, REPORT, TODAY, TOKEN, Case, every_kind,
                           number, one_filter, report, sums)

TREE = (('campaign/get', 'campaign_id'), ('adgroup/get', 'adgroup_id'), ('ad/get', 'ad_id'))
LEVELS = (('CAMPAIGN', 'campaign_id', 'campaign_status'),
          ('ADGROUP', 'adgroup_id', 'adgroup_status'), ('AD', 'ad_id', 'ad_status'))
PROMOTE, TOP_VIEW = 'PROMOTE', 'RESERVATION_TOP_VIEW'
MONEY = ('spend', 'impressions', 'clicks')


class Hidden(Case):
    """What no request shows unless it asks for it."""

    def ids(self, endpoint, key, **filtering):
        rows = self.walk(endpoint, advertiser_id=str(KINDS), page_size=100, filtering={
            'primary_status': 'STATUS_ALL', **filtering})
        return [r[key] for r in rows]

    def test_promote_and_topview_lists(self):
        for endpoint, key in TREE:
            usual = self.ids(endpoint, key)
            promote = self.ids(endpoint, key, campaign_system_origins=[PROMOTE])
            both = self.ids(endpoint, key, campaign_system_origins=['TT_ADS_PLATFORM', PROMOTE])
            top = self.ids(endpoint, key, buying_types=[TOP_VIEW])
            self.assertTrue(usual and promote and top, endpoint)
            self.assertEqual(sorted(both), sorted(usual + promote))
            self.assertEqual(len({*usual, *promote, *top}), len(usual + promote + top))
            shown = self.walk(endpoint, advertiser_id=str(KINDS), page_size=100, filtering={
                'campaign_system_origins': [PROMOTE]})
            self.assertLess(len(shown), len(promote))       # some are deleted
        self.refused('page_size', 'adgroup/get', advertiser_id=str(KINDS), page_size=101,
                     filtering={'buying_types': [TOP_VIEW]})
        self.data('campaign/get', advertiser_id=str(KINDS), page_size=101,
                  filtering={'buying_types': [TOP_VIEW]})

    def test_promote_campaigns_tell_little(self):
        one = {'advertiser_id': str(KINDS), 'page_size': 100}
        rows = self.walk('campaign/get', **one, filtering={'campaign_system_origins': [PROMOTE]})
        for row in rows:
            self.assertEqual(set(row), {'advertiser_id', 'campaign_id', 'create_time',
                                        'campaign_name', 'operation_status', 'secondary_status'})
        named = {'campaign_system_origins': [PROMOTE], 'campaign_name': rows[0]['campaign_name']}
        self.assertIn(rows[0], self.walk('campaign/get', **one, filtering=named))
        named['campaign_name'] = rows[0]['campaign_name'][1:]
        self.assertEqual(self.walk('campaign/get', **one, filtering=named), [])
        usual = self.walk('campaign/get', **one)[0]
        self.assertIn(usual, self.walk('campaign/get', **one, filtering={
            'campaign_name': usual['campaign_name'][1:]}))
        groups = self.walk('adgroup/get', **one, filtering={'campaign_system_origins': [PROMOTE]})
        self.assertEqual({r['campaign_system_origin'] for r in groups}, {PROMOTE})

    def keys(self, level, key, filtering, audience):
        dims = [key, 'stat_time_day'] + (['platform'] if audience else [])
        params = report(level, dims, MONEY, advertiser_id=str(KINDS), filtering=filtering,
                        start_date='2025-12-18', end_date='2026-01-16',
                        report_type='AUDIENCE' if audience else 'BASIC')
        return self.walk(REPORT, **params)

    def test_reports_hide(self):
        for audience in (False, True):
            for level, key, status in LEVELS:
                every = self.keys(level, key, [one_filter(status, 'STATUS_ALL')] + every_kind(),
                                  audience)
                ids = {r['dimensions'][key] for r in every}
                # one at a time taken away, the others kept
                for i in range(3):
                    some = ([one_filter(status, 'STATUS_ALL')] + every_kind())
                    del some[i]
                    fewer = {r['dimensions'][key] for r in self.keys(level, key, some, audience)}
                    self.assertLess(fewer, ids, (audience, level, i))
                wrong = 'ad_status' if level != 'AD' else 'campaign_status'
                dims = [key, 'stat_time_day'] + (['platform'] if audience else [])
                self.refused(wrong, REPORT, **report(
                    level, dims, ('spend',), filtering=[one_filter(wrong, 'STATUS_ALL')],
                    report_type='AUDIENCE' if audience else 'BASIC'))

    def test_levels_add_up_when_everything_is_shown(self):
        window = {'start_date': '2025-12-18', 'end_date': '2026-01-16',
                  'advertiser_id': str(KINDS)}
        whole = sums(self.walk(REPORT, **report('ADVERTISER', ['advertiser_id', 'stat_time_day'],
                                                MONEY, **window)), 'stat_time_day')
        for audience in (False, True):
            for level, key, status in LEVELS:
                rows = self.keys(level, key, [one_filter(status, 'STATUS_ALL')] + every_kind(),
                                 audience)
                self.assertEqual(sums(rows, 'stat_time_day'), whole, (audience, level))
                rows = self.keys(level, key, [], audience)
                less = sums(rows, 'stat_time_day')
                self.assertLess(sum(v['spend'] for v in less.values()),
                                sum(v['spend'] for v in whole.values()))
        # an account's own row is narrowed only when it is asked to be
        few = self.walk(REPORT, **report('ADVERTISER', ['advertiser_id', 'stat_time_day'], MONEY,
                                         filtering=[one_filter('buying_type', TOP_VIEW)],
                                         **window))
        top = self.keys('AD', 'ad_id', [one_filter('ad_status', 'STATUS_ALL'),
                                        one_filter('buying_type', TOP_VIEW)], False)
        self.assertEqual(sums(few, 'stat_time_day'), sums(top, 'stat_time_day'))

    def test_promote_rows_have_zeros(self):
        names = ['spend', 'clicks', 'cost_per_conversion', 'conversion', 'ctr', 'skan_result',
                 'result', 'purchase', 'campaign_name']
        rows = self.walk(REPORT, **report(
            'CAMPAIGN', ['campaign_id'], names, advertiser_id=str(KINDS),
            filtering=[one_filter('campaign_status', 'STATUS_ALL'),
                       one_filter('campaign_system_origins', PROMOTE)]))
        self.assertTrue(any(number(r['metrics']['clicks']) for r in rows))
        for row in rows:
            for name in names[:-1]:
                if name not in PROMOTE_METRICS:
                    self.assertEqual(row['metrics'][name], '0')
            self.assertGreater(row['metrics']['campaign_name'], '')

    def test_expected_leaves_out_the_same(self):
        day = datetime.date.fromisoformat(TODAY)
        account = Store(1, 'small', None, day).account(KINDS)
        end = day.toordinal() + 1
        for stream, level, key, status in (
                ('ads_audience_reports_by_platform_daily', 'AD', 'ad_id', 'ad_status'),
                ('campaigns_audience_reports_by_platform_daily', 'CAMPAIGN', 'campaign_id',
                 'campaign_status')):
            for deleted in (True, False):
                for promote in (True, False):
                    for buying in ((TOP_VIEW,), ('AUCTION', TOP_VIEW), ('AUCTION',)):
                        shown = expected.Shown(deleted, promote, buying)
                        rows = list(expected.report_rows(stream, account, ['spend'], end - 29, end,
                                                         shown))
                        origins = ['TT_ADS_PLATFORM'] + [PROMOTE] * promote
                        found = self.keys(level, key, [
                            one_filter(status, 'STATUS_ALL' if deleted else 'STATUS_NOT_DELETE'),
                            one_filter('campaign_system_origins', *origins),
                            one_filter('buying_type', *buying)], True)
                        self.assertEqual(
                            sorted((r[key], r['platform'], r['stat_time_day'], r['spend'])
                                   for r in rows),
                            sorted((r['dimensions'][key], r['dimensions']['platform'],
                                    r['dimensions']['stat_time_day'], r['metrics']['spend'])
                                   for r in found))

    def test_more_objects_on_request(self):
        before = self.data('ad/get', advertiser_id=str(FIRST), filtering={
            'campaign_system_origins': [PROMOTE]})['page_info']['total_number']
        self.control('mutate', [{'op': 'add_objects', 'advertiser_id': str(FIRST),
                                 'kind': PROMOTE, 'ads': 7},
                                {'op': 'add_objects', 'advertiser_id': str(FIRST),
                                 'kind': TOP_VIEW, 'ads': 3}])
        rows = self.walk('ad/get', advertiser_id=str(FIRST), filtering={
            'primary_status': 'STATUS_ALL', 'campaign_system_origins': [PROMOTE]})
        self.assertEqual((before, len(rows)), (0, 7))
        rows = self.walk('ad/get', advertiser_id=str(FIRST), filtering={
            'primary_status': 'STATUS_ALL', 'buying_types': [TOP_VIEW]})
        self.assertEqual(len(rows), 3)


class Cut(Case):
    """The newest 20,000 ads, whatever the report is about."""

    def answer(self, params):
        _, headers, raw = self.raw(self.url(REPORT, params), headers={'Access-Token': TOKEN})
        data = json.loads(raw)['data']
        cut = headers['X-Tt-Ads-Throttle']
        self.assertEqual(cut is not None, data.get('extra_info') == {'search_ads_throttle': True})
        self.assertIn(cut, (None, THROTTLE))
        return data['list'], cut is not None

    def test_every_level_is_cut(self):
        ads = self.walk('ad/get', advertiser_id=str(BIG), page_size=1000,
                        filtering={'primary_status': 'STATUS_ALL'})
        kept = {a['ad_id'] for a in ads[:500]}
        window = {'start_date': '2025-12-18', 'end_date': '2026-01-16'}
        ad_rows = [r for r in self.walk(REPORT, **report(
            'AD', ['ad_id', 'stat_time_day'], (*MONEY, 'campaign_id', 'adgroup_id'), **window))
            if r['dimensions']['ad_id'] in kept]
        self.control('settings', {'ad_limit': 500})
        for level, key, _ in LEVELS:
            whole, throttled = [], True
            for page in range(1, 99):
                rows, cut = self.answer(report(level, [key, 'stat_time_day'], MONEY, page=page,
                                               **window))
                throttled = throttled and cut
                whole += rows
                if not rows:
                    break
            self.assertTrue(throttled)
            self.assertEqual(sums(whole, key, 'stat_time_day'),
                             sums(ad_rows, key, 'stat_time_day'), level)
        rows, cut = self.answer(report('ADVERTISER', ['stat_time_day'], MONEY, **window))
        self.assertTrue(cut)
        self.assertEqual(sums(rows, 'stat_time_day'), sums(ad_rows, 'stat_time_day'))
        rows, cut = self.answer(report('AD', ['ad_id'], MONEY, filtering=[]))
        self.assertTrue(cut)            # deleted ones and those without delivery count as well
        self.assertLess(len(rows), 500)

    def test_ids_lift_it(self):
        campaigns = self.walk('campaign/get', advertiser_id=str(BIG), page_size=1000,
                              filtering={'primary_status': 'STATUS_ALL'})
        ids = [c['campaign_id'] for c in campaigns[-10:]]
        params = report('CAMPAIGN', ['campaign_id'], MONEY, filtering=[
            one_filter('campaign_status', 'STATUS_ALL'), one_filter('campaign_ids', *ids)])
        whole, cut = self.answer(params)
        self.assertEqual((len(whole), cut), (10, False))
        ads = len(self.walk('ad/get', advertiser_id=str(BIG), page_size=1000, filtering={
            'primary_status': 'STATUS_ALL', 'campaign_ids': ids}))
        self.control('settings', {'ad_limit': ads + 1})
        self.assertEqual(self.answer(params), (whole, False))
        self.control('settings', {'ad_limit': ads})
        self.assertEqual(self.answer(params), (whole, True))
        self.control('settings', {'ad_limit': ads - 1})
        self.assertTrue(self.answer(params)[1])
        self.control('settings', {'ad_limit': 1})
        one = report('AD', ['ad_id'], MONEY, filtering=[one_filter('campaign_ids', *ids)])
        self.assertEqual(len(self.answer(one)[0]), 1)

    def test_a_big_account(self):
        day = datetime.date.fromisoformat(TODAY)
        begin = time.time()
        store = Store(1, 'large', 25000, day)
        reports = Reports(store)

        def ask(level, key, **more):
            params = report(level, [key], ('spend',), **more)
            return reports.answer(report_query(Params(REPORT, {}, params), False))
        _, count, total, _, truncated = ask('AD', 'ad_id', page=21)
        self.assertEqual((count, total, truncated), (0, 20000, True))
        _, _, campaigns, _, truncated = ask('CAMPAIGN', 'campaign_id')
        self.assertTrue(truncated)
        self.assertLess(campaigns, len(store.account(BIG).campaigns))
        found = 0
        ids = [str(c.id) for c in store.account(BIG).campaigns]
        for start in range(0, len(ids), 30):
            _, _, total, _, truncated = ask('AD', 'ad_id', filtering=[
                one_filter('ad_status', 'STATUS_ALL'),
                one_filter('campaign_ids', *ids[start:start + 30])])
            self.assertFalse(truncated)
            found += total
        self.assertEqual(found, 25000)
        self.assertLess(time.time() - begin, 30)


class Capped(Case):
    """Lists and requests of a limited size."""

    def test_videos(self):
        one = {'advertiser_id': str(BIG), 'page_size': 100}
        every = self.walk('file/video/ad/search', **one)
        self.control('settings', {'video_limit': 150})
        data = self.data('file/video/ad/search', **one)
        self.assertEqual(data['page_info']['total_number'], 150)
        newest = sorted(every, key=lambda r: r['modify_time'], reverse=True)[:150]
        self.assertEqual(self.walk('file/video/ad/search', **one), newest)
        old = every[-1]['video_id']
        found = self.walk('file/video/ad/search', **one, filtering={'video_ids': [old]})
        self.assertEqual([r['video_id'] for r in found], [old])
        by_creation = self.walk('file/video/ad/search', **one, sort_field='CREATE_TIME')
        self.assertEqual(by_creation, sorted(newest, key=lambda r: r['create_time'],
                                             reverse=True))

    def test_metrics(self):
        names = [n for n, f in METRICS.items() if f['kind'] == 'metric' and 'A' in f['levels']
                 and 'only_with' not in f][:101]
        dims = ['ad_id', 'stat_time_day']
        self.assertEqual(self.ask(REPORT, **report('AD', dims, names[:100]))['code'], 0)
        self.refused('metrics: Longer than maximum length 100', REPORT,
                     **report('AD', dims, names))


class Periods(Case):
    """Reports without days: a row for every id, and people counted once."""

    def period(self, level, key, names, begin, end, **more):
        rows = self.walk(REPORT, **report(level, [key], names, start_date=begin, end_date=end,
                                          advertiser_id=str(FIRST), **more))
        return {r['dimensions'][key]: r['metrics'] for r in rows}

    def test_every_id(self):
        rows = self.period('CAMPAIGN', 'campaign_id', MONEY, '2025-01-17', '2026-01-16')
        every = self.walk('campaign/get', advertiser_id=str(FIRST), page_size=1000,
                          filtering={'primary_status': 'STATUS_ALL'})
        self.assertEqual(set(rows), {r['campaign_id'] for r in every})
        future = self.period('CAMPAIGN', 'campaign_id', MONEY, '2027-01-01', '2027-01-02')
        self.assertEqual(set(future), set(rows))
        self.assertEqual({number(v) for m in future.values() for v in m.values()}, {0})

    def test_reach(self):
        days = self.walk(REPORT, **report('CAMPAIGN', ['campaign_id', 'stat_time_day'],
                                          ('reach', 'impressions'), advertiser_id=str(FIRST)))
        rows = self.period('CAMPAIGN', 'campaign_id', ('reach', 'impressions'), '2026-01-12',
                           '2026-01-16')
        less = 0
        for id_, row in rows.items():
            mine = [r['metrics'] for r in days if r['dimensions']['campaign_id'] == id_]
            self.assertEqual(int(row['impressions']), sum(int(m['impressions']) for m in mine))
            total = sum(int(m['reach']) for m in mine)
            self.assertLessEqual(int(row['reach']), total)
            less += int(row['reach']) < total
        self.assertGreater(less, 2)

    def test_results_that_are_people(self):
        names = ('result', 'reach', 'spend', 'cost_per_result')
        key = 'campaign_id'
        before = self.period('CAMPAIGN', key, names, '2026-01-02', '2026-01-16')
        self.control('mutate', {'op': 'people'})
        after = self.period('CAMPAIGN', key, names, '2026-01-02', '2026-01-16')
        goals = {r[key]: r['objective_type'] for r in self.walk(
            'campaign/get', advertiser_id=str(FIRST), filtering={'primary_status': 'STATUS_ALL'})}
        self.assertIn('REACH', goals.values())
        for id_, row in after.items():
            if goals[id_] == 'REACH':
                self.assertEqual(row['result'], row['reach'])
            else:
                self.assertEqual(row, before[id_])

    def test_totals(self):
        params = report('CAMPAIGN', ['campaign_id', 'stat_time_day'],
                        ('spend', 'clicks', 'reach', 'campaign_name'), page_size=10,
                        enable_total_metrics='true')
        data = self.data(REPORT, **params)
        self.assertGreater(data['page_info']['total_page'], 1)
        rows = self.walk(REPORT, **report('CAMPAIGN', ['campaign_id', 'stat_time_day'],
                                          ('spend', 'clicks')))
        for name in ('spend', 'clicks'):
            self.assertEqual(number(data['total_metrics'][name]),
                             sum(number(r['metrics'][name]) for r in rows))
        self.assertEqual([data['total_metrics'][n] for n in ('reach', 'campaign_name')],
                         ['-', '-'])
        self.refused('enable_total', REPORT, **report(
            'CAMPAIGN', ['campaign_id', 'stat_time_hour'], ('spend',), start_date='2026-01-16',
            enable_total_metrics='true'))


class Clocks(Case):
    """An hour that comes twice, and one that never comes."""

    def hours(self, day, level='AD', key='ad_id', size=1000, names=MONEY):
        return self.walk(REPORT, **report(level, [key, 'stat_time_hour'], names, page_size=size,
                                          advertiser_id=str(FIRST), start_date=day,
                                          end_date=day))

    def test_days(self):
        for law, year, found in (('US', 2024, ('2024-03-10', '2024-11-03')),
                                 ('US', 2025, ('2025-03-09', '2025-11-02')),
                                 ('EU', 2024, ('2024-03-31', '2024-10-27')),
                                 ('EU', 2025, ('2025-03-30', '2025-10-26'))):
            self.assertEqual(tuple(datetime.date.fromordinal(d).isoformat()
                                   for d in clocks.days(law, year)), found)

    def test_doubled_hour(self):
        day = '2025-11-02'
        plain = self.hours(day)
        keys = [tuple(r['dimensions'].items()) for r in plain]
        self.assertEqual(len(set(keys)), len(keys))
        self.control('mutate', {'op': 'zone', 'advertiser_id': str(FIRST),
                                'timezone': 'America/New_York'})
        for level, key in (('AD', 'ad_id'), ('CAMPAIGN', 'campaign_id'),
                           ('ADVERTISER', 'advertiser_id')):
            rows = self.hours(day, level, key)
            seen = {}
            for row in rows:
                time_ = row['dimensions']['stat_time_hour'], row['dimensions'][key]
                seen[time_] = seen.get(time_, 0) + 1
            self.assertEqual({t for t, n in seen.items() if n > 1},
                             {t for t in seen if t[0] == day + ' 01:00:00'})
            self.assertTrue({2} <= set(seen.values()) <= {1, 2})
            days = self.walk(REPORT, **report(level, [key, 'stat_time_day'], MONEY,
                                              advertiser_id=str(FIRST), start_date=day,
                                              end_date=day))
            self.assertEqual(sums(rows, key), sums(days, key))
        # also where the two stand on two pages
        self.assertEqual(self.hours(day, size=1), self.hours(day))
        # another day has nothing special
        rows = self.hours('2025-11-03')
        self.assertEqual(len({tuple(r['dimensions'].items()) for r in rows}), len(rows))

    def test_expected_has_it_twice(self):
        change = {'op': 'zone', 'advertiser_id': str(FIRST), 'timezone': 'America/New_York'}
        self.control('mutate', change)
        day = datetime.date(2025, 11, 2)
        store = Store(1, 'small', None, datetime.date.fromisoformat(TODAY), [change])
        rows = list(expected.report_rows('campaigns_reports_hourly', store.account(FIRST),
                                         ['spend'], day.toordinal(), day.toordinal(),
                                         expected.Shown()))
        found = self.hours(day.isoformat(), 'CAMPAIGN', 'campaign_id', names=('spend',))
        self.assertEqual(sorted((r['campaign_id'], r['stat_time_hour'], r['spend'])
                                for r in rows),
                         sorted((*r['dimensions'].values(), r['metrics']['spend'])
                                for r in found))


class Accounts(Case):
    """Accounts and endpoints that cannot be read."""

    def listed(self):
        rows = self.data('oauth2/advertiser/get', app_id='7000000000000000001',
                         secret='local-secret')['list']
        return [r['advertiser_id'] for r in rows]

    def test_gone(self):
        for op, code in (('delete_account', 40300), ('unmatch_account', 40301)):
            self.control('mutate', {'op': op, 'advertiser_id': str(FIRST)})
            for endpoint, params in (
                    ('campaign/get', {'advertiser_id': str(FIRST)}),
                    ('file/music/get', {'advertiser_id': str(FIRST)}),
                    ('advertiser/info', {'advertiser_ids': [str(FIRST)]}),
                    (REPORT, report('AD', ['ad_id'], advertiser_id=str(FIRST)))):
                self.assertEqual(self.ask(endpoint, **params)['code'], code, endpoint)
            self.assertIn(str(FIRST), self.listed())
            self.data('campaign/get', advertiser_id=str(BIG))

    def test_not_granted(self):
        self.control('mutate', {'op': 'revoke_endpoint', 'endpoint': 'file/video/ad/search'})
        reply = self.ask('file/video/ad/search', advertiser_id=str(FIRST))
        self.assertEqual((reply['code'], reply['message']), (
            40001, 'advertiser does not grant you /file/video/ad/search/:GET permission'))
        self.data('file/image/ad/search', advertiser_id=str(FIRST))
        self.control('mutate', {'op': 'grant_endpoint', 'endpoint': 'file/video/ad/search'})
        self.data('file/video/ad/search', advertiser_id=str(FIRST))

    def test_a_change_of_nothing_is_an_error(self):
        for change in ({'op': 'delete_account', 'advertiser_id': '1'},
                       {'op': 'zone', 'advertiser_id': '1', 'timezone': 'Europe/Berlin'},
                       {'op': 'zone', 'advertiser_id': str(FIRST), 'timezone': 'Etc/GMT+8'},
                       {'op': 'add_objects', 'advertiser_id': '1', 'kind': PROMOTE},
                       {'op': 'add_objects', 'advertiser_id': str(FIRST), 'kind': 'AUCTION'},
                       {'op': 'revoke_endpoint', 'endpoint': 'ad/gett'}):
            self.assertEqual(self.raw('/_control/mutate', 'POST', json.dumps(change))[0], 400)

    def test_no_account(self):
        self.control('mutate', {'op': 'revoke_every_account'})
        self.assertEqual(self.listed(), [])

    def test_columns(self):
        self.assertLessEqual({'campaign_automation_type', 'minis_id'},
                             set(ENTITIES['adgroup/get']['columns']))
        rows = self.walk('adgroup/get', advertiser_id=str(FIRST),
                         fields=['adgroup_id', 'campaign_automation_type', 'minis_id'])
        self.assertGreater(len({r['campaign_automation_type'] for r in rows}), 1)
        self.assertTrue(any(r.get('minis_id') for r in rows))
        row = self.walk(REPORT, **report('ADGROUP', ['adgroup_id'],
                                         ('minis_name', 'optimization_event')))[0]
        self.assertEqual(set(row['metrics']), {'minis_name', 'optimization_event'})
        one = report('ADVERTISER', ['advertiser_id', 'stat_time_day'], ('live_play_count',),
                     advertiser_id=str(FIRST))
        self.walk(REPORT, **one)
        self.refused('tax_spend', REPORT, **{**one, 'metrics': ['tax_spend']})
        self.assertEqual(self.walk('campaign/get', advertiser_id=str(EMPTY)), [])


if __name__ == '__main__':
    unittest.main()
