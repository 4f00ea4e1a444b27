"""Business Centers of the token's user: what each may use, what its accounts have, catalogues.

Invariants: the first is an agency with every account of the token; another may have the same
ones; an account that is not BOUND is told, and none that the token may read; what is not the
user's Business Center is refused, and so is what an endpoint requires and lacks.
"""
import json

import rules
from data import mix, name_hash, pick, timestamp
from grants import not_granted

LIST, ASSETS = 'bc/get', 'bc/asset/get'
BALANCES, CATALOGS = 'advertiser/balance/get', 'catalog/get'
BALANCE = 'bc/balance/get'
TYPES = ('ADVERTISER', 'CATALOG', 'TIKTOK_SHOP', 'PIXEL', 'LEAD', 'TT_ACCOUNT')
STATUSES = {f'SHOW_ACCOUNT_STATUS_{s}'
            for s in ('NOT_APPROVED', 'APPROVED', 'IN_REVIEW', 'PUNISHED')}
NUMBER = 7
# the third has no accounts at all
EMPTY = 2


class Center:
    """One Business Center."""

    def __init__(self, store, i):
        self.store, self.i, self.key = store, i, mix(881, i + 1)
        self.id = 6900000000000000000 + i * 10**15 + self.key % 10**12
        self.name = f'Agency {i} {pick("äß🛒", self.key)}'

    def accounts(self):
        """Those that are bound: of the token, and of nobody else."""
        ids = self.store.account_ids()
        return ids if self.i == 0 else [] if self.i == EMPTY else ids[self.i % 3::3]

    def others(self):
        """(id, status) of accounts that are not bound; the token may read none of them."""
        return [(7990000000000000000 + self.i * 1000 + k, status)
                for k, status in enumerate(('UNBOUND', 'PENDING', 'REJECTED'))]


def centers(store):
    return [Center(store, i) for i in range(NUMBER)]


def center_row(center):
    h = center.key
    return {'bc_info': {'bc_id': str(center.id), 'name': center.name, 'company': f'C "{h % 90}"',
                        'currency': pick(('USD', 'EUR'), h), 'registered_area': pick('DE', h),
                        'status': 'ENABLE', 'timezone': pick(('UTC', 'Europe/Berlin'), h >> 3),
                        'type': pick(('NORMAL', 'AGENCY'), h >> 4)},
            'user_role': pick(('ADMIN', 'STANDARD'), h >> 5),
            'ext_user_role': {'finance_role': pick(('MANAGER', 'ANALYST', None), h >> 6)}}


def accounts_rows(center):
    rows = []
    for i, status in [*((i, 'BOUND') for i in center.accounts()), *center.others()]:
        h = mix(center.key, i % 2**60)
        row = {'asset_type': 'ADVERTISER', 'asset_id': str(i), 'asset_name': f'Ads {h % 900}',
               'relation_type': pick(('OWNER_BC', 'OWNER_PARTNER', 'OWNER_INDIVIDUAL'), h),
               'relation_status': status, 'advertiser_status': pick(sorted(STATUSES), h >> 3),
               'advertiser_account_type': pick(('AUCTION', 'RESERVATION'), h >> 5),
               'advertiser_role': pick(('ADMIN', 'OPERATOR', 'ANALYST'), h >> 6),
               'owner_bc_name': center.name}
        if status == 'BOUND' and h % 3 == 0:
            del row['relation_status']         # some replies do not tell
        rows.append(row)
    return rows


def asset_rows(center, kind):
    """What the user may use, of one type."""
    if kind == 'ADVERTISER':
        return accounts_rows(center)
    rows = []
    for k in range((center.key >> 7) % 5 + (60 if (center.i, kind) == (1, 'PIXEL') else 1)):
        h = mix(mix(center.key, name_hash(kind)), k)
        row = {'asset_type': kind, 'asset_id': str(7100000000000000000 + h % 10**15),
               'asset_name': f'{kind.title()} {h % 900}', 'relation_type': 'OWNER_BC',
               'owner_bc_name': None if kind == 'TT_ACCOUNT' else center.name,
               'advertiser_role': None}
        if kind in ('PIXEL', 'TIKTOK_SHOP'):
            row['relation_status'] = pick(('BOUND', 'PENDING'), h)
        row.update({
            'CATALOG': {'catalog_role': 'ADMIN',
                        'ad_creation_eligible': pick(('AVAILABLE', 'NOT_AVAILABLE'), h)},
            'TIKTOK_SHOP': {'store_role': 'AD_PROMOTION'},
            'PIXEL': {'pixel_code': f'C{h % 16**12:012X}'}, 'LEAD': {},
            'TT_ACCOUNT': {'asset_id': f'tt_{h % 16**9:x}',
                           'tt_account_roles': pick((['VIDEO', 'LIVE'], []), h)}}[kind])
        rows.append(row)
    return rows


def balance_row(center, account_id):
    """A row of an account; of a shared portfolio, its balances."""
    store, h = center.store, mix(center.key, account_id % 2**60)
    account, shared = store.account(account_id), center.i % 2 == 0
    money = center.key if shared else h
    return {'advertiser_id': str(account_id), 'advertiser_name': account.name,
            'advertiser_status': pick(sorted(STATUSES), h), 'advertiser_type': 'AUCTION',
            'timezone': 'Etc/GMT+8', 'currency': account.currency,
            'account_open_days': h % 900, 'balance_reminder': bool(h & 1),
            'company': f'C {h % 90}', 'contact_name': pick(('Ä', ''), h >> 2),
            'contact_email': f'a{h % 90}***@x.example', 'create_time': timestamp(1500000000 + h % 10**8),
            'recharge_amount': h % 10**6 / 100, 'account_balance': money % 10**7 / 100,
            'valid_account_balance': money % 10**6 / 100, 'frozen_balance': money % 97 / 100,
            'tax': 0, 'cash_balance': money % 10**5 / 100, 'valid_cash_balance': money % 10**4 / 100,
            'grant_balance': h % 9999 / 100, 'valid_grant_balance': h % 999 / 100,
            'payment_portfolio_id': 7200000000000000000 + center.key % 10**9,
            'payment_portfolio_name': f'P {center.i}',
            'payment_portfolio_type': 'SHARED' if shared else 'NON_SHARED',
            'budget_mode': pick(('UNLIMITED', 'MONTHLY_BUDGET'), h >> 3),
            'budget': h % 5000 / 100, 'budget_cost': h % 500 / 100}


def center_balance(center):
    """What the Business Center itself has; not each reply tells whose it is."""
    h, shared = center.key, center.i % 2 == 0
    return {} if center.i == EMPTY else {
        **({'bc_id': str(center.id)} if center.i % 3 else {}),
        'currency': pick(('USD', 'EUR'), h), 'account_balance': h % 10**7 / 100,
        'valid_account_balance': h % 10**6 / 100, 'frozen_balance': h % 97 / 100, 'tax': 0,
        'cash_balance': h % 10**5 / 100, 'valid_cash_balance': h % 10**4 / 100,
        'grant_balance': None if center.i == 4 else h % 9999 / 100, 'valid_grant_balance': 0.0,
        'payment_portfolio_type': 'SHARED' if shared else 'NON_SHARED'}


def catalog_rows(center):
    return [{'catalog_id': str(7300000000000000000 + center.i * 10**12 + k),
             'catalog_name': f'Catalogue {k} ü', 'catalog_type': pick(('ECOM', 'HOTEL'), k),
             'catalog_conf': {'country': 'DE', 'currency': 'EUR'}}
            for k in range(0 if center.i == EMPTY else 70 if center.i == 1 else 3)]


# -------------------------------------------------------------------- requests

def own(store, endpoint, params, required=True):
    """The Business Center that a request is about."""
    text = params.text('bc_id', required)
    if text is None:
        return None
    number = rules.identifier('bc_id', text)
    found = [c for c in centers(store) if c.id == number]
    if not found:
        raise rules.ApiError(40001, f'No permission to operate Business Center {number}')
    if (endpoint, None) in store.not_granted:
        raise rules.ApiError(40001, not_granted(endpoint))
    return centers(store)[0] if 'bc_id' in params.ignored else found[0]


def filters(params, known):
    given = params.json('filtering', dict) or {}
    for name in given:
        if name not in known:
            rules.refuse(f'filtering.{name}: Unknown field.')
    return given


def list_of(store, params):
    one = own(store, LIST, params, False)
    return [center_row(c) for c in centers(store) if one is None or c.id == one.id]


def assets(store, params):
    center, kind = own(store, ASSETS, params), params.text('asset_type', True)
    if kind not in TYPES:
        rules.refuse(f'asset_type: {kind} is not a valid value.')
    word = filters(params, ('keyword', 'user_id', 'user_email')).get('keyword', '')
    kind = 'ADVERTISER' if 'asset_type' in params.ignored else kind
    return [r for r in asset_rows(center, kind) if word.lower() in r['asset_name'].lower()]


def balance_list(store, params):
    center = own(store, BALANCES, params)
    given = filters(params, ('keyword', 'advertiser_status'))
    wanted = rules.strings('filtering.advertiser_status', given.get('advertiser_status', []))
    if set(wanted) - STATUSES:
        rules.refuse('filtering.advertiser_status: not a valid value.')
    word = given.get('keyword', '')
    return [r for r in (balance_row(center, i) for i in center.accounts())
            if (not wanted or r['advertiser_status'] in wanted) and
            (word.lower() in r['advertiser_name'].lower() or word == r['advertiser_id'])]


def balance_of(store, params):
    return center_balance(own(store, BALANCE, params))


def catalog_list(store, params):
    wanted = params.text('catalog_id')
    return [r for r in catalog_rows(own(store, CATALOGS, params))
            if wanted in (None, r['catalog_id'])]


ANSWERS = {LIST: list_of, ASSETS: assets, BALANCES: balance_list, BALANCE: balance_of,
           CATALOGS: catalog_list}
KEYS = {BALANCES: 'advertiser_account_list'}


def answer(store, endpoint, params):
    """(key, rows as JSON bytes, count, (page, size, total)); of one object, it is the last"""
    page, size = params.page(endpoint)
    with store.lock:
        rows = ANSWERS[endpoint](store, params)
    if isinstance(rows, dict):
        return None, b'', 1, None, rows
    some = rows[(page - 1) * size:page * size]
    return KEYS.get(endpoint, 'list'), \
        json.dumps(some, ensure_ascii=False, separators=(',', ':')).encode(), \
        len(some), (page, size, len(rows))


# -------------------------------------------------------------------- expected

def expected(stream, store):
    """Raw rows of a table, without HTTP, pages or filters."""
    if stream == 'business_centers':
        return [{**center_row(c), 'advertiser_id': '0'} for c in centers(store)]
    return [{'advertiser_id': '0', **row, 'bc_id': str(c.id)} for c in centers(store)
            for row in {
                'bc_assets': lambda c=c: [r for t in TYPES for r in asset_rows(c, t)],
                'bc_balances': lambda c=c: [balance_row(c, i) for i in c.accounts()],
                'business_center_balances': lambda c=c: [r for r in [center_balance(c)] if r],
                'catalogs': lambda c=c: catalog_rows(c)}[stream]()]
