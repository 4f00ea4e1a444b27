"""Pixels of an account: what their events came to, and what depends on a source of events.

Invariants: what an endpoint requires is refused without; a pixel belongs to one account.
"""
import datetime
import json

import rules
from data import mix, name_hash, pick, timestamp
from grants import permitted
from rows import assets

LIST, STATS = 'pixel/list', 'pixel/event/stats'
INSTANT, CONVERSIONS = 'pixel/instant_page/event', 'custom_conversion/list'
# objective → goals for which an instant page has events
PAIRS = {'TRAFFIC': ('CLICK',), 'WEB_CONVERSIONS': ('CONVERT', 'VALUE'),
         'LEAD_GENERATION': ('LEAD_GENERATION', 'CONVERT')}
EVENTS = ('CompletePayment', 'AddToCart', 'ViewContent', 'SubmitForm')


def pixel_ids(account):
    """The account's pixels, newest first."""
    return [int(row['pixel_id']) for row in assets(LIST, account)]


def stats_row(account, pixel, begin, end):
    """What came of one pixel's events from one day to another."""
    found = []
    for i, name in enumerate(EVENTS):
        counts = [mix(mix(account.key, pixel % 2**60), day * 8 + i) % 90
                  for day in range(begin, end + 1)]
        if (pixel >> 3) % 4 != i:
            found.append({'event_type': name, 'total_count': sum(counts),
                          'attributed_count': sum(c // 3 for c in counts)})
    return {'pixel_id': str(pixel), 'statistics': found}


def stats(store, account, params):
    asked = params.strings('pixel_ids', 10)
    if not asked:
        rules.refuse('pixel_ids: Missing data for required field.')
    own = pixel_ids(account)
    ids = [rules.identifier('pixel_ids', i) for i in asked]
    for i in ids:
        if i not in own:
            raise rules.ApiError(40001, f'No permission to operate pixel {i}')
    span = params.json('date_range', dict)
    if not span or set(span) != {'start_date', 'end_date'}:
        rules.refuse('date_range: must have start_date and end_date')
    begin, end = (datetime.date.fromisoformat(span[n]).toordinal()
                  for n in ('start_date', 'end_date'))
    if not 0 <= end - begin < 30:
        rules.refuse('date_range: at most 30 days')
    ids = own[:10] if 'pixel_ids' in params.ignored else ids
    return [stats_row(account, i, begin, end) for i in own if i in ids]


def instant_rows(account, objective, goal):
    """The events of instant pages for one pair, by kind of business."""
    return [{'business_type': business, 'instant_page_events': {
        'objective_type': objective, 'optimization_goal': goal,
        'events': [pick(EVENTS, mix(account.key, name_hash(objective + goal)) + i)]}}
        for i, business in enumerate(('ECOM', 'LEADS', 'APP'))]


def instant(store, account, params):
    objective = params.text('objective_type', True)
    goal = params.text('optimization_goal', True)
    params.flag('is_retargeting')
    if goal not in PAIRS.get(objective, ()):
        rules.refuse(f'optimization_goal: {goal} is not supported with {objective}')
    return instant_rows(account, objective, goal)


def conversion_rows(account):
    """The custom conversions of all sources: pixels, and one app."""
    found = []
    for i, pixel in enumerate((*pixel_ids(account), 0)):
        h = mix(account.key, 4400 + i)
        for k in range(1 + h % 3):
            found.append({
                'custom_conversion_id': f'cc{h % 10**12}{k}', 'description': pick(('', 'Käufe'), h),
                'event_source_type': 'PIXEL' if pixel else 'APP',
                'event_source_id': str(pixel or account.id % 10**12),
                'activity_info': {'activity_status': pick(('ACTIVE', 'NO_RECENT_ACTIVITY'), h + k)},
                'optimization_event': pick(('SHOPPING', 'FORM'), h >> 4),
                'rules': [{'field': 'URL', 'operator': 'CONTAINS', 'values': [f'/t{k}']}],
                'create_time': timestamp(1750000000 + h % 10**6),
                'update_time': timestamp(1760000000 + h % 10**6)})
    return found


def conversions(store, account, params):
    kind = params.text('event_source_type', True)
    source = params.text('event_source_id', True)
    if kind not in ('PIXEL', 'APP', 'OFFLINE', 'CRM'):
        rules.refuse(f'event_source_type: {kind} is not a valid value.')
    return [r for r in conversion_rows(account)
            if (r['event_source_type'], r['event_source_id']) == (kind, source)]


ANSWERS = {STATS: stats, INSTANT: instant, CONVERSIONS: conversions}


def answer(store, endpoint, params):
    """(key, rows as JSON bytes, count, (page, size, total) or None)"""
    with store.lock:
        account = permitted(store, rules.identifier('advertiser_id',
                                                    params.text('advertiser_id', True)), endpoint)
        rows, paging = ANSWERS[endpoint](store, account, params), None
        if endpoint == CONVERSIONS:
            page, size = params.page(endpoint)
            paging = page, size, len(rows)
            rows = rows[(page - 1) * size:page * size]
    return 'list', json.dumps(rows, ensure_ascii=False, separators=(',', ':')).encode(), \
        len(rows), paging
