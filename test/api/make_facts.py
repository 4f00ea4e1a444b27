"""Make facts.json, the compact copy of TikTok's documented names and limits.

Usage: python3 make_facts.py streams.json > facts.json

Invariants: the local API reads nothing but facts.json, so it never shares a
catalogue with the extension that it tests; one metric or column per line, so
that a change of the facts is a readable diff.
"""
import json
import sys

import more_facts

# what the second edition of the facts corrects
BY_COUNTRY = ['country_code', 'ad_type', 'hashtag', 'audience_tags', 'purchase_intention']
AUDIENCE = {'gross_impressions': True, 'conversion_rate_v2': True,
            'real_time_conversion_rate_v2': True,
            **dict.fromkeys(('total_landing_page_view', 'cost_per_landing_page_view',
                             'landing_page_view_rate', 'profile_visits_rate'), BY_COUNTRY),
            **dict.fromkeys(('engaged_view', 'engaged_view_15s'), ['ad_type'])}
# one id dimension, with stat_time_day or without
ID_AND_DAY = 'cost_per_consideration', 'new_consideration_rate', 'new_consideration_size'
ADDED_METRICS = {
    # no source shows the next two in an AUDIENCE report
    'minis_name': {'type': 'text', 'kind': 'attribute', 'levels': 'GA', 'audience': False},
    'optimization_event': {'type': 'text', 'kind': 'attribute', 'levels': 'GA',
                           'audience': False},
    # reports of a Business Centre only, which have no data level
    'tax_spend': {'type': 'numeric', 'kind': 'metric', 'levels': '', 'audience': False},
    'live_play_count': {'type': 'bigint', 'kind': 'metric', 'levels': 'VCGA',
                        'audience': False}}
ADDED_COLUMNS = {'adgroup/get': ('campaign_automation_type', 'minis_id')}

# beyond the 36: streams that need more than an account, whose columns or limits are not
# sure, whose key stands elsewhere in the row, or that contradict the second edition
UNSURE = 'unsure about columns', 'column list is a subset'
WRONG = 'gmv_max_product', 'gmv_max_live'
# sources disagree on whether the API has them; the local one refuses them
DOUBTED = '_by_interest_category_daily', '_by_country_hourly'

# GMV Max reports as TikTok's page about their metrics has them: by level, the groupings of
# dimensions that are told here, the filters, the metrics, and those of LIVE campaigns only.
# The first document has metrics of creatives at campaign level, which fail the call.
_ATTRIBUTES = ['campaign_name', 'operation_status', 'schedule_type', 'schedule_start_time',
               'schedule_end_time', 'target_roi_budget', 'bid_type', 'max_delivery_budget',
               'roas_bid']
_SALES = ['cost', 'orders', 'cost_per_order', 'gross_revenue', 'roi']
_CREATIVE = ['product_impressions', 'product_clicks', 'product_click_rate', 'ad_click_rate',
             'ad_conversion_rate',
             *(f'ad_video_view_rate_{n}' for n in ('2s', '6s', 'p25', 'p50', 'p75', 'p100'))]
GMV = {
    'campaign': {
        'dimensions': [['campaign_id'], ['campaign_id', 'stat_time_day']],
        'filters': ['gmv_max_promotion_types', 'campaign_ids', 'campaign_name',
                    'campaign_statuses'],
        'metrics': [*_SALES, 'net_cost', *_ATTRIBUTES],
        'live': ['live_views', 'cost_per_live_view', '10_second_live_views',
                 'cost_per_10_second_live_view', 'live_follows', 'tt_account_name',
                 'tt_account_profile_image_url', 'identity_id']},
    'product': {
        'dimensions': [['campaign_id', 'item_group_id'],
                       ['campaign_id', 'item_group_id', 'stat_time_day']],
        'filters': ['campaign_ids'], 'metrics': [*_SALES, 'product_status'], 'live': []},
    'creative': {
        'dimensions': [['campaign_id', 'item_group_id', 'item_id'],
                       ['campaign_id', 'item_group_id', 'item_id', 'stat_time_day']],
        'filters': ['campaign_ids', 'item_group_ids', 'creative_delivery_statuses',
                    'search_word'],
        'metrics': [*_SALES, *_CREATIVE, 'creative_delivery_status'], 'live': []}}
_WHOLE = 'store_id', 'campaign_id', 'item_group_id', 'item_id', 'orders', 'live_views', \
    '10_second_live_views', 'live_follows', 'product_impressions', 'product_clicks'
_TYPES = {**dict.fromkeys(_WHOLE, 'bigint'), 'stat_time_day': 'date',
          **dict.fromkeys(('schedule_start_time', 'schedule_end_time'), 'timestamptz'),
          **dict.fromkeys(('campaign_name', 'operation_status', 'schedule_type', 'bid_type',
                           'tt_account_name', 'tt_account_profile_image_url', 'identity_id',
                           'product_status', 'creative_delivery_status', 'currency'), 'text')}


def gmv_stream(level, dimensions, live=False):
    """A GMV Max report as a stream: a store and a row's dimensions are its key."""
    fact = GMV[level]
    names = ['store_id', *dimensions, *fact['metrics'], *(fact['live'] if live else ()),
             'currency']
    pushable = [n for n in ('campaign_id', 'item_group_id', 'stat_time_day')
                if n in dimensions and n + 's' in ('stat_time_days', *fact['filters'])]
    return {'path': 'gmv_max/report/get', 'environments': ['production'],
            'key': ['store_id', *dimensions], 'list': 'list', 'seed': False,
            'page_size': [10, 1000], 'pushable': sorted(['store_id', *pushable]),
            'report': {'report_type': 'GMV_MAX', 'data_level': level, 'dimensions': dimensions,
                       'lifetime': False},
            'columns': {n: {'type': _TYPES.get(n, 'numeric')} for n in names}}


_DAY = ['stat_time_day']
GMV_STREAMS = {
    'gmv_max_product_reports_daily': gmv_stream('campaign', ['campaign_id', *_DAY]),
    'gmv_max_live_reports_daily': gmv_stream('campaign', ['campaign_id', *_DAY], True),
    'gmv_max_item_group_reports_daily':
        gmv_stream('product', ['campaign_id', 'item_group_id', *_DAY]),
    'gmv_max_creative_reports_daily':
        gmv_stream('creative', ['campaign_id', 'item_group_id', 'item_id', *_DAY]),
    'gmv_max_creative_reports':
        gmv_stream('creative', ['campaign_id', 'item_group_id', 'item_id'])}
# of these the facts tell all, beside the values that they require (rules of the local API)
# → what a request has to say and rows do not tell, by column; all that is in the key
_TEXT, _DATE = {'type': 'text', 'wire': ['string']}, {'type': 'date', 'wire': ['string']}
KNOWN = {
    'gmv_max_campaigns': ({'gmv_max_promotion_type': _TEXT}, None),
    'pixel_events_statistics': ({'start_date': _DATE, 'end_date': _DATE},
                                ['pixel_id', 'start_date', 'end_date']),
    'pixel_instant_page_events': ({'objective_type': _TEXT, 'optimization_goal': _TEXT},
                                  ['objective_type', 'optimization_goal', 'business_type']),
    'custom_conversions': ({}, None)}
_PUSHABLE = {'custom_conversions': ['event_source_type', 'event_source_id'],
             'pixel_events_statistics': ['pixel_id']}

LEVELS = {'AUCTION_ADVERTISER': 'V', 'AUCTION_CAMPAIGN': 'C',
          'AUCTION_ADGROUP': 'G', 'AUCTION_AD': 'A'}
# a filter that matches parts of words, or takes other words than the column shows
INEXACT = 'fuzzy', 'unsure'
ABSENT = 'expect NULL', 'not in the field list'


def metric(m):
    """One metric: type, kind, levels, AUDIENCE legality and restrictions."""
    fact = {'type': m['pg_type'], 'kind': m['kind'],
            'levels': ''.join(LEVELS[level] for level in m['data_levels']),
            'audience': m['audience_report']}
    for key, short in (('with_stat_time_hour', 'hour'),
                       ('with_query_lifetime', 'lifetime'),
                       ('with_extra_dimension', 'extra')):
        if not m[key]:
            fact[short] = False
    if m['unique_user_metric']:
        fact['unique'] = True
    if m.get('only_with_dimension'):
        fact['only_with'] = m['only_with_dimension']
    return fact


def column(c):
    """One column of an entity row: type, JSON types on the wire, official or not."""
    fact = {'type': c['pg_type'], 'wire': c['wire_types']}
    if any(mark in c.get('note', '') for mark in ABSENT):
        fact['official'] = False
    return fact


def is_sure(s):
    """Whether the facts tell all that it takes to answer for a stream."""
    return s['name'] in KNOWN or not s['beyond_seed'] or not (
        s.get('required_params') or not s['advertiser_param'] or
        any(mark in note for mark in UNSURE for note in s.get('notes', ())) or
        any(mark in s['name'] for mark in WRONG) or
        not s.get('report') and any(c['name'] != c['json_path'] for c in s['columns']))


def stream(s):
    """One stream: where it is read, its key, its paging, its report or columns."""
    fact = {'path': s['path'].replace('/open_api/v1.3/', '').strip('/'),
            'environments': s['environments'], 'key': s['key_columns'],
            'list': s['list_path'].split('.')[-1]}
    if s['beyond_seed']:
        fact['seed'] = False
    if any(mark in s['name'] for mark in DOUBTED):
        fact['doubt'] = True
    paging = s['paging']
    if 'max_page_size' in paging:
        sizes = 'count' if paging['style'] == 'cursor/count' else 'page_size'
        fact[sizes] = [paging['default_page_size'], paging['max_page_size']]
    if s.get('report'):
        report = s['report']
        fact['report'] = {'report_type': report['report_type'],
                          'data_level': report['data_level'],
                          'dimensions': report['dimensions'],
                          'lifetime': s['fixed_params'].get('query_lifetime') == 'true'}
        fact['columns'] = {c['name']: {'type': c['pg_type']} for c in s['columns']
                           if c['json_path'].startswith('dimensions.')}
    else:
        fact['pushable'] = sorted({f['column'] for f in s['pushable_filters'] if f['param'] != '-'
                                   and not any(mark in f['type'] for mark in INEXACT)})
        fact['columns'] = {c['name']: column(c) for c in s['columns']}
        if s['beyond_seed'] and s['name'] not in KNOWN:
            fact['by'] = {f['param']: f['column'] for f in s['pushable_filters']}
        asked, key = KNOWN.get(s['name'], ({}, None))
        fact['columns'].update(asked)
        fact['key'] = key or fact['key']
        fact['pushable'] = sorted({*fact['pushable'], *asked, *_PUSHABLE.get(s['name'], ())})
        fact['columns'].update((name, {'type': 'text', 'wire': ['string']})
                               for name in ADDED_COLUMNS.get(fact['path'], ()))
    return fact


def dump(facts, out):
    """Write JSON with one metric, stream head or column per line."""
    out.write('{"metrics": {\n')
    out.write(',\n'.join(f' {json.dumps(name)}: {json.dumps(fact)}'
                         for name, fact in facts['metrics'].items()))
    out.write('\n},\n"gmv_max": {\n')
    out.write(',\n'.join(f' {json.dumps(level)}: {json.dumps(fact)}'
                         for level, fact in facts['gmv_max'].items()))
    out.write('\n},\n"streams": {\n')
    texts = []
    for name, fact in facts['streams'].items():
        columns = fact.pop('columns')
        head = json.dumps(fact)[:-1]
        lines = ',\n'.join(f'   {json.dumps(c)}: {json.dumps(f)}'
                           for c, f in columns.items())
        texts.append(f' {json.dumps(name)}: {head}, "columns": {{\n{lines}}}}}')
    out.write(',\n'.join(texts))
    out.write('\n}}\n')


def main():
    with open(sys.argv[1], encoding='utf-8') as source:
        given = json.load(source)
    metrics = {name: metric(m) for name, m in given['report_metrics'].items()}
    for name, audience in AUDIENCE.items():
        metrics[name]['audience'] = audience
    for name in ID_AND_DAY:
        metrics[name].update(hour=False, extra=False)
    metrics.update((name, fact) for name, fact in ADDED_METRICS.items() if name not in metrics)
    streams = {s['name']: stream(s) for s in given['streams'] if is_sure(s)}
    streams['identities'].update(pushable=['identity_type'], by={'identity_type': 'identity_type'})
    dump({'metrics': metrics, 'gmv_max': GMV,
          'streams': {**streams, **more_facts.STREAMS, **GMV_STREAMS}}, sys.stdout)


if __name__ == '__main__':
    main()
