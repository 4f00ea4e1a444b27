"""What the self-tests share: a client of one server in this process, and sums.

Invariants: a fixed day, no other machine; each test starts without faults,
mutations and settings of another one.
"""
import collections
import http.client
import json
import threading
import unittest
import urllib.parse
from decimal import Decimal

import tiktok_api
from codes import CONFLICT
from data import AD_LIMIT, VIDEO_LIMIT, Lexeme
from facts import LISTS

TODAY = '2026-01-15'
BIG, FIRST, EMPTY, MUSIC, KINDS = (7088160322559787010, 7002238017842757633,
                                   7123456789012345678, 7219930054437175298,
                                   7160093331570884610)
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
        self.control('settings', {'ad_limit': AD_LIMIT, 'video_limit': VIDEO_LIMIT, 'qps': 0,
                                  'sandbox': 'lenient'})

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
        """The request is refused, and it is a violation that has the word.

        So has the message, unless it is the one that never tells what does not go together.
        """
        before = len(self.control('violations'))
        reply = self.ask(endpoint, **params)
        self.assertEqual(reply['code'], code, reply)
        violations = self.control('violations')
        self.assertEqual(len(violations), before + 1)
        self.assertIn(word, violations[-1]['message'])
        if reply['message'] != CONFLICT:
            self.assertEqual(reply['message'], violations[-1]['message'])
        return reply['message']

    def walk(self, endpoint, key='list', **params):
        """All rows of all pages."""
        rows, page = [], 1
        paging = {'page': page} if 'count' not in params and \
            'page_size' in LISTS.get(endpoint, ('page_size',)) else {}
        while True:
            data = self.data(endpoint, **paging, **params)
            rows += data[key]
            if data.get('has_more'):
                paging = {'cursor': data['cursor']}
                continue
            info = data.get('page_info')
            if not info or page >= info['total_page']:
                return rows
            page += 1
            paging = {'page': page}


def report(level, dimensions, metrics=('spend', 'impressions', 'clicks', 'conversion',
                                       'video_play_actions', 'skan_result'), **more):
    """Parameters of a report that hides nothing deleted."""
    status = {'CAMPAIGN': 'campaign_status', 'ADGROUP': 'adgroup_status', 'AD': 'ad_status'}
    params = {'advertiser_id': str(BIG), 'report_type': 'BASIC', 'data_level': 'AUCTION_' + level,
              'dimensions': dimensions, 'metrics': list(metrics), 'page_size': 1000,
              'start_date': '2026-01-12', 'end_date': '2026-01-16'}
    if level in status:
        params['filtering'] = [{'field_name': status[level], 'filter_type': 'IN',
                                'filter_value': '["STATUS_ALL"]'}]
    params.update(more)
    if more.get('filtering') == 0:
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


def one_filter(name, *values):
    return {'field_name': name, 'filter_type': 'IN', 'filter_value': json.dumps(list(values))}


def every_kind():
    """The filters that show Promote and TopView in a report."""
    return [one_filter('campaign_system_origins', 'TT_ADS_PLATFORM', 'PROMOTE'),
            one_filter('buying_type', 'AUCTION', 'RESERVATION_RF', 'RESERVATION_TOP_VIEW')]
