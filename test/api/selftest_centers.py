"""Self-tests: Business Centers, and what their endpoints require.

Invariants: as in selftest_case.py; each refusal is a violation.
"""
import unittest

import centers
import identities
from selftest_case import BIG, Case


class Centers(Case):
    """Business Centers, their assets, balances and catalogues."""

    def setUp(self):
        super().setUp()
        self.ids = [c['bc_info']['bc_id'] for c in self.walk(centers.LIST)]

    def assets(self, i, kind='ADVERTISER'):
        return self.walk(centers.ASSETS, bc_id=self.ids[i], asset_type=kind)

    def test_lists(self):
        self.assertEqual(len(set(self.ids)), centers.NUMBER)
        one = self.data(centers.LIST, bc_id=self.ids[3])['list']
        self.assertEqual([c['bc_info']['bc_id'] for c in one], [self.ids[3]])
        self.assertEqual(self.data(centers.LIST, page=2, page_size=3)['page_info'],
                         {'page': 2, 'page_size': 3, 'total_number': 7, 'total_page': 3})

    def test_accounts(self):
        token = {a['advertiser_id'] for a in self.data(
            'oauth2/advertiser/get', app_id='7000000000000000001', secret='local-secret')['list']}
        for i, center in enumerate(self.ids):
            rows = self.assets(i)
            bound = [r['asset_id'] for r in rows if r.get('relation_status', 'BOUND') == 'BOUND']
            self.assertEqual(len(rows) - len(bound), 3)
            self.assertLessEqual(set(bound), token)
            balances = self.walk(centers.BALANCES, 'advertiser_account_list', bc_id=center)
            self.assertEqual([b['advertiser_id'] for b in balances], bound)
        self.assertEqual(len({r['asset_id'] for r in self.assets(0)} & token), len(token))

    def test_assets(self):
        for kind in centers.TYPES:
            rows = self.assets(1, kind)
            self.assertTrue(rows and all(r['asset_type'] == kind for r in rows))
        self.assertGreater(len(self.assets(1, 'PIXEL')), 50)
        word = {'keyword': self.assets(1, 'LEAD')[0]['asset_name']}
        found = self.walk(centers.ASSETS, bc_id=self.ids[1], asset_type='LEAD', filtering=word)
        self.assertEqual({r['asset_name'] for r in found}, set(word.values()))

    def test_balance(self):
        for i, center in enumerate(self.ids):
            data = self.data(centers.BALANCE, bc_id=center)
            self.assertEqual(bool(data), i != centers.EMPTY)
            self.assertNotIn('list', data)
        self.refused('page', centers.BALANCE, bc_id=self.ids[0], page=1)
        self.refused('bc_id', centers.BALANCE)

    def test_catalogs(self):
        rows = self.walk(centers.CATALOGS, bc_id=self.ids[1])
        self.assertEqual(len({r['catalog_id'] for r in rows}), 70)
        self.assertEqual(self.walk(centers.CATALOGS, bc_id=self.ids[1],
                                   catalog_id=rows[5]['catalog_id']), [rows[5]])

    def test_refusals(self):
        own = {'bc_id': self.ids[0]}
        self.refused('asset_type', centers.ASSETS, **own)
        self.refused('CAR', centers.ASSETS, **own, asset_type='CAR')
        self.refused('filtering.name', centers.ASSETS, **own, asset_type='LEAD',
                     filtering={'name': 'x'})
        for path, more in ((centers.ASSETS, {'asset_type': 'LEAD'}), (centers.BALANCES, {}),
                           (centers.CATALOGS, {})):
            self.refused('bc_id', path, **more)
            self.refused('Business Center', path, code=40001, bc_id='7', **more)
            self.refused('page_size', path, **own, **more, page_size=51)
            self.refused('advertiser_id', path, **own, **more, advertiser_id='1')
        self.refused('page_size', centers.LIST, page_size=51)
        self.refused('advertiser_status', centers.BALANCES, **own,
                     filtering={'advertiser_status': ['GOOD']})


class Identities(Case):
    """Posts by cursor, and how an identity is named."""

    def test_posts(self):
        account = str(BIG)
        for one in self.walk(identities.LIST, 'identity_list', advertiser_id=account)[:40]:
            named = {k: one[k] for k in ('identity_id', 'identity_type',
                                         'identity_authorized_bc_id') if k in one}
            if one['identity_type'] in identities.KINDS:
                rows = self.walk(identities.VIDEOS, 'video_list', advertiser_id=account, count=7,
                                 **named)
                self.assertEqual(len({r['item_id'] for r in rows}), len(rows))
                self.refused('count', identities.VIDEOS, advertiser_id=account, count=21, **named)
                self.refused('cursor', identities.VIDEOS, advertiser_id=account, cursor='7', **named)
            else:
                self.refused('identity_type', identities.VIDEOS, advertiser_id=account, **named)
        self.refused('identity_id', identities.VIDEOS, advertiser_id=account)
        self.refused('bc_id', identities.LIST, advertiser_id=account, identity_type='BC_AUTH_TT')
        self.refused('TTS_TT', identities.LIST, advertiser_id=account, identity_type='TTS_TT')

    def test_saved_audiences(self):
        path, key = 'dmp/saved_audience/list', 'saved_audiences'
        rows = self.walk(path, key, advertiser_id=str(BIG))
        ids = [r['saved_audience_id'] for r in rows[:3]]
        self.assertEqual(self.walk(path, key, advertiser_id=str(BIG), saved_audience_ids=ids),
                         rows[:3])


if __name__ == '__main__':
    unittest.main()
