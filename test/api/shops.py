"""TikTok Shops: stores of an account, their GMV Max campaigns, products and posts.

Invariants: a number is a sum of integer parts of posts (of a LIVE campaign: its own) and
days, so levels add up exactly; a store belongs to one account; deleted campaigns and
zero-cost days are there, and are told or hidden as the documentation says.
"""
import datetime
import functools
import json

import rules
from data import GMV_CAMPAIGN, mix, pick, seconds_of, timestamp
from facts import ENTITIES, GMV
from grants import permitted
from metrics import money, per, ratio

STORES, CAMPAIGNS, REPORT = 'gmv_max/store/list', 'gmv_max/campaign/get', 'gmv_max/report/get'
KINDS = {'PRODUCT': 'PRODUCT_GMV_MAX', 'LIVE': 'LIVE_GMV_MAX'}
# stores of an account, by its number; the last of some is not available for GMV Max
HAS = (3, 1, 0, 4, 1, 3, 2)
UNAVAILABLE = {0, 5}
# of one store of the account that is large elsewhere, too
MANY = 3, 0, 230
COST, NET, ORDERS, REVENUE, IMPRESSIONS, CLICKS, VIEWS, LONG, FOLLOWS = range(9)
ZERO = [0] * 9
STATUSES = {'STATUS_DELIVERY_OK', 'STATUS_DISABLE', 'STATUS_DELETE', 'STATUS_NOT_DELIVERY',
            'STATUS_ALL'}
WITHOUT = object()


class Shop:
    """One store of one account."""

    def __init__(self, account, i):
        self.account, self.key = account, mix(account.key, 770 + i)
        self.id = 7490000000000000000 + account.number * 10**15 + i * 10**12 + self.key % 10**9
        self.name = f'{account.name} shop {i}'
        self.available = not (account.number in UNAVAILABLE and i == HAS[account.number] - 1)
        products = MANY[2] if (account.number, i) == MANY[:2] else 3 + self.key % 4
        kinds = ['PRODUCT'] * products + ['LIVE'] * (2 + self.key % 2)
        self.campaigns = [Campaign(self, kind, k) for k, kind in enumerate(kinds)]


class Campaign:
    """A Product or a LIVE GMV Max campaign."""

    def __init__(self, shop, kind, i):
        account, self.shop, self.kind = shop.account, shop, kind
        self.key = mix(shop.key, i)
        self.id = 1820000000000000 + shop.id % 10**15 // 10**12 * 10**11 + \
            account.number * 10**12 + i * 10**6 + self.key % 10**6
        self.first = account.store.today - 25 - self.key % 60
        self.last = self.first + 20 + self.key // 64 % 70
        change = account.store.overrides.get((account.id, GMV_CAMPAIGN), {}).get(self.id, {})
        self.name = change.get('name', f'{kind.title()} max {i} {pick("äß🛒", self.key)}')
        self.deleted = change.get('deleted', self.key % 6 == 1 or i == 1)
        self.on = self.key % 4 != 0
        self.products = [] if kind == 'LIVE' else \
            [(1729000000000000000 + self.id % 10**13 * 1000 + p, self.key % 3 + 1)
             for p in range(1 + self.key // 8 % 3)]

    def days(self, begin, end):
        return range(max(begin, self.first), min(end, self.last, self.shop.account.last_day) + 1)


def posts(product, n):
    """The posts of a product; the card, which is none, is -1."""
    return [-1, *(7510000000000000000 + product % 10**15 * 10 + p for p in range(n))]


@functools.lru_cache(300000)
def _raw(campaign_key, product, post, day):
    h = mix(mix(campaign_key, product), mix(post & 0xffffffffffff, day))
    cost = 0 if h % 5 == 0 else 100 + h % 9000
    orders = (h >> 14) % 7 if cost else (h >> 14) % 2
    impressions = cost * 3 + (h >> 20) % 500
    views = impressions // 2 + (h >> 30) % 50
    return [cost, cost - cost // 10, orders, orders * (1500 + (h >> 24) % 4000), impressions,
            impressions // 40, views, views * 2 // 5, (h >> 40) % 9]


def parts(campaign, product, post, day):
    """What one post of one product did on one day; of a LIVE campaign, it itself."""
    found = _raw(campaign.key, product, post, day)
    for _, ad_id, begin, end, percent in campaign.shop.account.restatements:
        if ad_id is None and begin <= day <= end:
            found = [p * percent // 100 for p in found]
    return found


@functools.lru_cache(64)
def _shops(account, _):
    count = HAS[account.number] if account.number < len(HAS) else 1
    return [Shop(account, i) for i in range(count)]


def shops(account):
    """The stores of an account, as its store of data is now."""
    return _shops(account, account.store.version)


# ---------------------------------------------------------------------- lists

def store_row(shop):
    h = shop.key
    return {'store_id': str(shop.id), 'store_name': shop.name, 'store_code': f'SH{h % 10**8:08d}',
            'is_gmv_max_available': shop.available,
            'store_authorized_bc_id': str(7020000000000000000 + h % 10**9),
            'is_owner_bc': bool(h & 1),
            'store_authorized_bc_info': {'bc_name': f'BC "{h % 90}"', 'status': 'ENABLE'},
            'thumbnail_url': f'https://img.example/{h % 999}.png?x-expires=1',
            'targeting_region_codes': pick((['US'], ['DE', 'FR'], []), h >> 3),
            'store_status': 'ACTIVE', 'store_role': 'AD_PROMOTION',
            **({} if h % 3 else {'exclusive_authorized_advertiser_info':
                                 {'advertiser_id': str(shop.account.id)}})}


def campaign_row(campaign, fields=None):
    account = campaign.shop.account
    row = {'advertiser_id': str(account.id), 'campaign_id': str(campaign.id),
           'campaign_name': campaign.name,
           'operation_status': 'ENABLE' if campaign.on else 'DISABLE',
           'create_time': timestamp(seconds_of(campaign.first, campaign.key)),
           'modify_time': timestamp(seconds_of(campaign.first + 3, campaign.key)),
           'objective_type': 'PRODUCT_SALES',
           'secondary_status': 'CAMPAIGN_STATUS_' + ('DELETE' if campaign.deleted else 'ENABLE'),
           'roi_protection_compensation_status': pick(('IN_EFFECT', 'NOT_ELIGIBLE'),
                                                      campaign.key)}
    return {k: v for k, v in row.items() if not fields or k in fields}


def campaigns(account):
    """Newest first, as other lists of campaigns."""
    return sorted((c for s in shops(account) for c in s.campaigns), key=lambda c: -c.id)


def _one_of(filters, name, allowed):
    """A list of one value, required."""
    value = rules.strings(f'filtering.{name}', filters.get(name), 1)
    if not value:
        rules.refuse(f'filtering.{name}: Missing data for required field.')
    if value[0] not in allowed:
        rules.refuse(f'filtering.{name}: {value[0]} is not a valid value.')
    return value[0]


def _ids(filters, name, required=False):
    if name not in filters:
        if required:
            rules.refuse(f'filtering.{name}: Missing data for required field.')
        return None
    found = rules.strings(f'filtering.{name}', filters[name], rules.MAX_FILTER_IDS)
    return {rules.identifier(f'filtering.{name}', i) for i in found}


def _filtering(params, known):
    """The object of filters; one that is not known there is refused."""
    found = params.json('filtering', dict) or {}
    for name in found:
        if name not in known:
            rules.refuse(f'filtering.{name}: Unknown field.')
    return {k: v for k, v in found.items() if f'filtering.{k}' not in params.ignored}


def store_list(store, params):
    account = permitted(store, rules.identifier('advertiser_id', params.text('advertiser_id', True)),
                        STORES)
    return 'store_list', [store_row(s) for s in shops(account)], None


def campaign_list(store, params):
    """(key, rows of the page, (page, size, total))"""
    account = permitted(store, rules.identifier('advertiser_id', params.text('advertiser_id', True)),
                        CAMPAIGNS)
    fields = params.strings('fields')
    for name in fields or ():
        if name not in ENTITIES[CAMPAIGNS]['columns'] or name == 'gmv_max_promotion_type':
            rules.refuse(f'fields: {name} is not a valid value.')
    filters = _filtering(params, {'gmv_max_promotion_types', 'store_ids', 'campaign_ids',
                                  'campaign_name', 'primary_status',
                                  'creation_filter_start_time', 'creation_filter_end_time'})
    kind = None if 'filtering.gmv_max_promotion_types' in params.ignored else \
        _one_of(filters, 'gmv_max_promotion_types', set(KINDS.values()))
    status = filters.get('primary_status')
    if status not in (None, 'STATUS_NOT_DELETE', *STATUSES):
        rules.refuse(f'filtering.primary_status: {status} is not a valid value.')
    ids, stores = _ids(filters, 'campaign_ids'), _ids(filters, 'store_ids')
    found = []
    for c in campaigns(account):
        created = timestamp(seconds_of(c.first, c.key))
        if kind in (None, KINDS[c.kind]) and (ids is None or c.id in ids) and \
                (stores is None or c.shop.id in stores) and \
                (not c.deleted or status in ('STATUS_ALL', 'STATUS_DELETE')) and \
                filters.get('campaign_name', '') in c.name and \
                filters.get('creation_filter_start_time', '') < created < \
                filters.get('creation_filter_end_time', '9'):
            found.append(c)
    page, size = params.page(CAMPAIGNS)
    some = found[(page - 1) * size:page * size]
    return 'list', [campaign_row(c, fields) for c in some], (page, size, len(found))


# --------------------------------------------------------------------- report

def _levels():
    """dimensions → (level, by day) of the groupings that are told here."""
    found = {}
    for level, fact in GMV.items():
        for dimensions in fact['dimensions']:
            found[tuple(dimensions)] = level, 'stat_time_day' in dimensions
    return found


LEVELS = _levels()


def _window(params, by_day):
    dates = []
    for name in ('start_date', 'end_date'):
        try:
            dates.append(datetime.date.fromisoformat(params.text(name, True)).toordinal())
        except ValueError:
            rules.refuse(f'{name}: Not a valid date.')
    begin, end = dates
    if end < begin:
        rules.refuse('end_date: must not be before start_date')
    if end - begin >= (30 if by_day else 365):
        rules.refuse(f'end_date: at most {30 if by_day else 365} days')
    return (0 if 'start_date' in params.ignored else begin,
            4000000 if 'end_date' in params.ignored else end)


def report(store, params):
    """(key, rows of the page, (page, size, total))"""
    account = permitted(store, rules.identifier('advertiser_id', params.text('advertiser_id', True)),
                        REPORT)
    asked = params.strings('store_ids', 1)
    if not asked:
        rules.refuse('store_ids: Missing data for required field.')
    shop = {s.id: s for s in shops(account)}.get(rules.identifier('store_ids', asked[0]))
    if shop is None:
        raise rules.ApiError(40001, f'No permission to operate shop {asked[0]}')
    if not shop.available:
        rules.refuse(f'store_ids: shop {asked[0]} is not available for GMV Max')
    if 'store_ids' in params.ignored:
        shop = next(s for s in shops(account) if s.available)
    dimensions = tuple(params.strings('dimensions') or ())
    if dimensions not in LEVELS:
        rules.refuse(f'dimensions: {list(dimensions)} is no supported grouping')
    level, by_day = LEVELS[dimensions]
    filters = _filtering(params, GMV[level]['filters'])
    kind = None
    if level == 'campaign':
        kind = _one_of(filters, 'gmv_max_promotion_types', set(KINDS))
    elif 'gmv_max_promotion_types' in filters:
        kind = _one_of(filters, 'gmv_max_promotion_types', set(KINDS))
    metrics = params.strings('metrics', rules.MAX_METRICS)
    if not metrics:
        rules.refuse('metrics: Missing data for required field.')
    known = GMV[level]['metrics'] + (GMV[level]['live'] if kind == 'LIVE' else [])
    for name in metrics:
        if name not in known:
            rules.refuse(f'metrics: {name} is not supported at this level')
    for status in rules.strings('filtering.campaign_statuses', filters.get('campaign_statuses', [])):
        if status not in STATUSES:
            rules.refuse(f'filtering.campaign_statuses: {status} is not a valid value.')
    if params.text('sort_field') or params.text('sort_type'):
        rules.refuse('sort_field: not known here')
    begin, end = _window(params, by_day)
    page, size = params.page(REPORT)
    rows = list(report_rows(shop, level, by_day, kind, begin, end, metrics,
                            _ids(filters, 'campaign_ids', level in ('product', 'creative')),
                            _ids(filters, 'item_group_ids', level == 'creative'),
                            level != 'campaign' or
                            {'STATUS_ALL', 'STATUS_DELETE'} & set(filters.get('campaign_statuses',
                                                                              ()))))
    some = rows[(page - 1) * size:page * size]
    return 'list', some, (page, size, len(rows))


def report_rows(shop, level, by_day, kind, begin, end, metrics, campaign_ids=None,
                item_group_ids=None, deleted=True):
    """Rows of one store, {"dimensions", "metrics"}."""
    for campaign in sorted(shop.campaigns, key=lambda c: -c.id):
        if kind not in (None, campaign.kind) or campaign.deleted and not deleted or \
                campaign_ids is not None and campaign.id not in campaign_ids or \
                level in ('product', 'creative') and campaign.kind != 'PRODUCT':
            continue
        for key, found in _sums(campaign, level, by_day, begin, end, item_group_ids):
            dimensions = {'campaign_id': str(campaign.id)}
            product, post, day = key
            if product is not None:
                dimensions['item_group_id'] = str(product)
            if post is not None:
                dimensions['item_id'] = str(post)
            if day is not None:
                date = datetime.date.fromordinal(day).isoformat()
                dimensions['stat_time_day'] = f'{date} 00:00:00'
            yield {'dimensions': dimensions, 'metrics': {
                **{n: v for n, v in values(campaign, found, post).items() if n in metrics},
                'currency': '0' if level == 'product' else shop.account.currency}}


def _sums(campaign, level, by_day, begin, end, item_group_ids):
    """[((item group, post, day), parts)]; None: it is summed over"""
    sums = {}
    pieces = [(p, x) for p, n in campaign.products for x in posts(p, n)] or [(0, 0)]
    for product, post in pieces:
        if item_group_ids is not None and product not in item_group_ids:
            continue
        own = (product if level != 'campaign' else None, post if level == 'creative' else None)
        if not by_day:
            sums.setdefault((*own, None), ZERO)
        for day in campaign.days(begin, end):
            found = parts(campaign, product, post, day)
            if level == 'creative' and by_day and not found[COST]:
                continue                    # only what cost something
            key = (*own, day if by_day else None)
            sums[key] = [a + b for a, b in zip(sums.get(key, ZERO), found)]
    return sums.items()


def values(campaign, p, post=None):
    """Every metric there is, as text."""
    decimals, k = campaign.shop.account.decimals, campaign.key
    percent = functools.partial(ratio, digits=2, factor=100)
    return {
        'cost': money(p[COST], decimals), 'net_cost': money(p[NET], decimals),
        'orders': str(p[ORDERS]), 'cost_per_order': per(p[COST], p[ORDERS], decimals),
        'gross_revenue': money(p[REVENUE], decimals), 'roi': ratio(p[REVENUE], p[COST], 2),
        'live_views': str(p[VIEWS]), 'cost_per_live_view': per(p[COST], p[VIEWS], decimals),
        '10_second_live_views': str(p[LONG]),
        'cost_per_10_second_live_view': per(p[COST], p[LONG], decimals),
        'live_follows': str(p[FOLLOWS]),
        'product_impressions': str(p[IMPRESSIONS]), 'product_clicks': str(p[CLICKS]),
        'product_click_rate': percent(p[CLICKS], p[IMPRESSIONS]),
        'ad_click_rate': percent(p[CLICKS], p[VIEWS]),
        'ad_conversion_rate': percent(p[ORDERS], p[CLICKS]),
        **{f'ad_video_view_rate_{n}': percent(p[VIEWS] * share // 10, p[VIEWS])
           for n, share in (('2s', 8), ('6s', 6), ('p25', 5), ('p50', 4), ('p75', 3),
                            ('p100', 2))},
        'creative_delivery_status': pick(('LEARNING', 'DELIVERING', 'NOT_DELIVERYING'),
                                         k + (post or 0)),
        'product_status': pick(('available', 'unavailable'), k),
        'campaign_name': campaign.name,
        'operation_status': 'ENABLE' if campaign.on else 'DISABLE',
        'schedule_type': 'Continuously',
        'schedule_start_time': timestamp(seconds_of(campaign.first, k)),
        'schedule_end_time': '-' if k % 2 else timestamp(seconds_of(campaign.last, k)),
        'bid_type': pick(('CUSTOM', 'NO_BID'), k >> 2), 'roas_bid': f'{k % 9 + 1}.50',
        'target_roi_budget': f'{k % 900}.00', 'max_delivery_budget': '0.00',
        'tt_account_name': pick(('aurora.live', '0', '-1'), k >> 3),
        'identity_id': pick((f'{k % 16**8:08x}-aa', '-1'), k >> 4),
        'tt_account_profile_image_url': f'https://img.example/{k % 99}?x-expires=2'}


ANSWERS = {STORES: store_list, CAMPAIGNS: campaign_list, REPORT: report}


def answer(store, endpoint, params):
    """(key or None, rows as JSON bytes, count, (page, size, total) or None)"""
    with store.lock:
        key, rows, paging = ANSWERS[endpoint](store, params)
    # without a row the report leaves the list itself out, too
    key = None if endpoint == REPORT and not rows else key
    return key, json.dumps(rows, ensure_ascii=False, separators=(',', ':')).encode(), len(rows), paging


# ------------------------------------------------------------------ expected

def expected(stream, account, begin, end, deleted=True):
    """Flat rows of a table, without HTTP, pages or filters."""
    if stream == 'gmv_max_stores':
        return [store_row(s) for s in shops(account)]
    if stream == 'gmv_max_campaigns':
        return [{**campaign_row(c), 'gmv_max_promotion_type': KINDS[c.kind]}
                for c in campaigns(account) if deleted or not c.deleted]
    kind = {'product': 'PRODUCT', 'live': 'LIVE'}.get(stream.split('_')[2])
    level = 'campaign' if kind else 'product' if 'item_group' in stream else 'creative'
    every = sorted({n for fact in GMV.values() for n in fact['metrics'] + fact['live']})
    return [{**row['dimensions'], **row['metrics'], 'store_id': str(shop.id)}
            for shop in shops(account) if shop.available
            for row in report_rows(shop, level, stream.endswith('_daily'), kind, begin, end,
                                   every, deleted=deleted or level != 'campaign')]
