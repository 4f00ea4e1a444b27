"""Self-tests: stores and GMV Max reports, pixels, and what these endpoints require.

Invariants: as in selftest_case.py; levels add up, and each refusal is a violation.
"""
import unittest
from decimal import Decimal

import pixels
import shops
from selftest_case import BIG, EMPTY, FIRST, Case

DAYS = {'start_date': '2026-01-01', 'end_date': '2026-01-15'}
REPORT, CAMPAIGNS = 'gmv_max/report/get', 'gmv_max/campaign/get'
ALL = {'campaign_statuses': ['STATUS_ALL']}
DAILY = ['campaign_id', 'stat_time_day']


class Shops(Case):
    """Stores, campaigns and reports of GMV Max."""

    def setUp(self):
        super().setUp()
        self.stores = self.data('gmv_max/store/list', advertiser_id=str(FIRST))['store_list']
        self.store = next(s['store_id'] for s in self.stores if s['is_gmv_max_available'])

    def report(self, dimensions=DAILY, metrics=('cost', 'orders'), kind='PRODUCT', store=None,
               account=FIRST, **filters):
        kinds = {'gmv_max_promotion_types': [kind]} if kind else {}
        return {'advertiser_id': str(account), 'store_ids': [store or self.store], **DAYS,
                'dimensions': list(dimensions), 'metrics': list(metrics),
                'filtering': {**kinds, **filters}}

    def rows(self, *args, **more):
        return self.walk(REPORT, **self.report(*args, **more), page_size=1000)

    def test_lists(self):
        self.assertEqual(len(self.stores), 3)
        self.assertEqual([s['is_gmv_max_available'] for s in self.stores], [True, True, False])
        self.assertEqual(self.data('gmv_max/store/list', advertiser_id=str(EMPTY))['store_list'][1:],
                         [])
        every = {}
        for kind in ('PRODUCT_GMV_MAX', 'LIVE_GMV_MAX'):
            filters = {'gmv_max_promotion_types': [kind]}
            every[kind] = self.walk(CAMPAIGNS, advertiser_id=str(BIG), page_size=100,
                                    filtering={**filters, 'primary_status': 'STATUS_ALL'})
            shown = self.walk(CAMPAIGNS, advertiser_id=str(BIG), page_size=100, filtering=filters)
            self.assertLess(len(shown), len(every[kind]))
        self.assertGreater(len(every['PRODUCT_GMV_MAX']), 230)
        self.refused('gmv_max_promotion_types', CAMPAIGNS, advertiser_id=str(BIG))
        self.refused('gmv_max_promotion_types', CAMPAIGNS, advertiser_id=str(BIG), filtering={
            'gmv_max_promotion_types': ['PRODUCT_GMV_MAX', 'LIVE_GMV_MAX']})
        self.refused('page_size', CAMPAIGNS, advertiser_id=str(BIG), page_size=101, filtering={
            'gmv_max_promotion_types': ['LIVE_GMV_MAX']})

    def test_levels_add_up(self):
        total = lambda rows: sum(Decimal(r['metrics']['cost']) for r in rows)
        daily = self.rows(**ALL)
        self.assertEqual(total(daily), total(self.rows(['campaign_id'], **ALL)))
        self.assertLess(len(self.rows()), len(daily))          # deleted ones are hidden
        ids = sorted({r['dimensions']['campaign_id'] for r in daily})
        groups = self.rows(['campaign_id', 'item_group_id'], kind=None, campaign_ids=ids)
        self.assertEqual(total(daily), total(groups))
        products = sorted({r['dimensions']['item_group_id'] for r in groups})
        more = dict(kind=None, campaign_ids=ids, item_group_ids=products)
        posts = self.rows(['campaign_id', 'item_group_id', 'item_id'], **more)
        self.assertEqual(total(daily), total(posts))
        by_day = self.rows(['campaign_id', 'item_group_id', 'item_id', 'stat_time_day'], **more)
        self.assertEqual(total(daily), total(by_day))
        self.assertFalse([r for r in by_day if Decimal(r['metrics']['cost']) == 0])
        self.assertEqual({r['metrics']['currency'] for r in daily}, {'USD'})

    def test_nothing_is_no_list(self):
        data = self.data(REPORT, **self.report(campaign_ids=['1']))
        self.assertNotIn('list', data)
        self.assertEqual(data['page_info']['total_number'], 0)

    def test_refusals(self):
        two = [s['store_id'] for s in self.stores[:2]]
        closed = self.stores[2]['store_id']
        for word, more in (
                ('store_ids', {'store_ids': two}), ('store_ids', {'store_ids': []}),
                ('not available', {'store_ids': [closed]}),
                ('dimensions', {'dimensions': ['campaign_id', 'item_id']}),
                ('product_clicks', {'metrics': ['cost', 'product_clicks']}),
                ('live_views', {'metrics': ['live_views']}),
                ('currency', {'metrics': ['currency']}),
                ('metrics', {'metrics': []}),
                ('30 days', {'end_date': '2026-02-15'}),
                ('page_size', {'page_size': 1001}),
                ('order_field', {'order_field': 'cost'}),
                ('Unknown field', {'filtering': {'gmv_max_promotion_types': ['PRODUCT'],
                                                 'item_group_ids': ['5']}}),
                ('array', {'filtering': {'gmv_max_promotion_types': 'PRODUCT'}}),
                ('gmv_max_promotion_types', {'filtering': {}}),
                ('object', {'filtering': []})):
            self.refused(word, REPORT, **{**self.report(), **more})
        self.refused('item_group_ids', REPORT, **{
            **self.report(['campaign_id', 'item_group_id', 'item_id'], kind=None),
            'filtering': {'campaign_ids': ['5']}})
        self.refused('campaign_name', REPORT, **{
            **self.report(['campaign_id', 'item_group_id'], ['campaign_name'], kind=None),
            'filtering': {'campaign_ids': ['5']}})
        self.refused('shop', REPORT, 40001, **self.report(store='77'))

    def test_expected_is_what_is_told(self):
        account = Case.server.RequestHandlerClass.api.store.account(FIRST)
        begin, end = 739617, 739631                            # the days of DAYS
        rows = [r for r in shops.expected('gmv_max_product_reports_daily', account, begin, end)
                if r['store_id'] == self.store]
        told = self.rows(metrics=['cost', 'orders', 'campaign_name'], **ALL)
        self.assertEqual([(r['campaign_id'], r['stat_time_day'], r['cost'], r['campaign_name'])
                          for r in rows],
                         [(*r['dimensions'].values(), r['metrics']['cost'],
                           r['metrics']['campaign_name']) for r in told])


class Pixels(Case):
    """What pixels require."""

    def test_stats(self):
        account = Case.server.RequestHandlerClass.api.store.account(BIG)
        ids = [str(i) for i in pixels.pixel_ids(account)]
        ask = dict(advertiser_id=str(BIG), date_range=DAYS)
        rows = self.data(pixels.STATS, pixel_ids=ids[:10], **ask)['list']
        self.assertEqual([r['pixel_id'] for r in rows], ids[:10])
        self.refused('pixel_ids', pixels.STATS, pixel_ids=ids[:11], **ask)
        self.refused('pixel_ids', pixels.STATS, **ask)
        self.refused('array', pixels.STATS, pixel_ids={'a': 1}, **ask)
        self.refused('pixel', pixels.STATS, 40001, pixel_ids=['5'], **ask)
        self.refused('30 days', pixels.STATS, advertiser_id=str(BIG), pixel_ids=ids[:1],
                     date_range={'start_date': '2026-01-01', 'end_date': '2026-01-31'})
        self.refused('date_range', pixels.STATS, advertiser_id=str(BIG), pixel_ids=ids[:1])

    def test_required(self):
        one = str(FIRST)
        rows = self.data(pixels.INSTANT, advertiser_id=one, objective_type='TRAFFIC',
                         optimization_goal='CLICK')['list']
        self.assertEqual(len(rows), 3)
        self.refused('not supported', pixels.INSTANT, advertiser_id=one, objective_type='REACH',
                     optimization_goal='CLICK')
        self.refused('optimization_goal', pixels.INSTANT, advertiser_id=one,
                     objective_type='TRAFFIC')
        self.refused('event_source_id', pixels.CONVERSIONS, advertiser_id=one,
                     event_source_type='PIXEL')
        row = pixels.conversion_rows(Case.server.RequestHandlerClass.api.store.account(FIRST))[0]
        found = self.walk(pixels.CONVERSIONS, advertiser_id=one, page_size=1000,
                          event_source_type=row['event_source_type'],
                          event_source_id=row['event_source_id'])
        self.assertIn(row, found)


if __name__ == '__main__':
    unittest.main()
