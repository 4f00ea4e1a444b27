"""What the API accepts: parameters, types, limits, filters and report rules.

Invariants: written from TikTok's documentation, never from what a client
happens to send; whatever is not documented is refused with ApiError, whose
message names the parameter, field or metric.
"""
import collections
import datetime
import json
import re

from codes import CONFLICT
from facts import ENTITIES, LEVELS, LISTS, METRICS, REPORT

MAX_FILTER_IDS = 100
MAX_METRICS = 100
TOP_VIEW_PAGE = 100
MUSIC_DEPTH = 100000
FIRST_CURSOR = 9 * 10**12 + 3


class ApiError(Exception):
    """A refusal: TikTok's code and message; the detail is for the violations only."""

    def __init__(self, code, message, detail=''):
        super().__init__(message)
        self.code, self.message, self.detail = code, message, detail


def refuse(message):
    raise ApiError(40002, message)


def conflict(detail):
    """Metrics and dimensions that do not go together: the API never says which."""
    raise ApiError(40002, CONFLICT, detail)


PAGED = {'advertiser_id', 'page', 'page_size'}
TREE = PAGED | {'fields', 'filtering', 'exclude_field_types_in_response'}
SMART_TREE = PAGED | {'fields', 'filtering'}
PARAMETERS = {
    'oauth2/advertiser/get': {'app_id', 'secret'},
    # page and page_size are ignored there, but known to be sent by clients
    'advertiser/info': {'advertiser_ids', 'fields', 'page', 'page_size'},
    'campaign/get': TREE, 'adgroup/get': TREE, 'ad/get': TREE,
    'smart_plus/campaign/get': SMART_TREE, 'smart_plus/adgroup/get': SMART_TREE,
    'smart_plus/ad/get': SMART_TREE,
    'dmp/custom_audience/list': PAGED | {'custom_audience_ids'},
    'file/image/ad/search': PAGED | {'filtering'},
    'file/video/ad/search': PAGED | {'filtering', 'sort_field'},
    'file/music/get': PAGED | {'music_scene', 'search_type', 'filtering'},
    'creative/portfolio/list': PAGED | {'filtering'},
    REPORT: PAGED | {'advertiser_ids', 'bc_id', 'service_type', 'report_type', 'data_level',
                     'dimensions', 'metrics', 'enable_total_metrics', 'start_date', 'end_date',
                     'query_lifetime', 'multi_adv_report_in_utc_time', 'order_field',
                     'order_type', 'filtering', 'query_mode'},
    **{path: (PAGED if 'page_size' in fact else {'advertiser_id', 'cursor', 'count'}
              if 'count' in fact else {'advertiser_id'}) | set(fact['by'])
       for path, fact in LISTS.items()},
    'gmv_max/campaign/get': PAGED | {'fields', 'filtering'},
    'gmv_max/report/get': PAGED | {'store_ids', 'start_date', 'end_date', 'metrics', 'dimensions',
                                   'filtering', 'enable_total_metrics', 'sort_field',
                                   'sort_type'},
    'pixel/event/stats': {'advertiser_id', 'pixel_ids', 'date_range'},
    'pixel/instant_page/event': {'advertiser_id', 'objective_type', 'optimization_goal',
                                 'is_retargeting'},
    'custom_conversion/list': PAGED | {'event_source_type', 'event_source_id'},
    'identity/video/get': {'advertiser_id', 'identity_id', 'identity_type',
                           'identity_authorized_bc_id', 'item_type', 'keyword', 'cursor',
                           'count'},
    'bc/get': {'bc_id', 'filtering', 'page', 'page_size', 'scene'},
    'bc/asset/get': {'bc_id', 'asset_type', 'child_bc_id', 'filtering', 'page', 'page_size'},
    'advertiser/balance/get': {'bc_id', 'child_bc_id', 'fields', 'filtering', 'page', 'page_size'},
    'bc/balance/get': {'bc_id', 'child_bc_id', 'payment_portfolio_id'},
    'catalog/get': {'bc_id', 'catalog_id', 'page', 'page_size'},
    'dmp/saved_audience/list': PAGED | {'saved_audience_ids'},
    'tt_video/list': PAGED | {'item_types', 'keyword'},
    'identity/get': PAGED | {'identity_type', 'identity_authorized_bc_id', 'filtering'},
    'store/list': {'advertiser_id', 'store_id', 'store_type'},
    'tool/region': {'advertiser_id', 'placements', 'objective_type', 'level_range', 'language',
                    'shopping_ads_type', 'promotion_type', 'promotion_target_type',
                    'operating_system', 'brand_safety_type', 'brand_safety_partner',
                    'rf_campaign_type'},
    'tool/interest_category': {'advertiser_id', 'version', 'placements', 'special_industries',
                               'language'},
}


class Params:
    """The parameters of one request; a value is text (query) or native JSON (body)."""

    def __init__(self, endpoint, query, body, ignored=()):
        self.values, self.ignored = dict(query), set(ignored)
        for name, value in (body or {}).items():
            if name in self.values:
                refuse(f'{name}: given in the query string and in the body')
            self.values[name] = value
        known = PARAMETERS[endpoint]
        for name in self.values:
            if name not in known:
                refuse(f'{name}: Unknown field.')

    def __contains__(self, name):
        return name in self.values

    def text(self, name, required=False):
        value = self.values.get(name)
        if value is None or value == '':
            if required:
                refuse(f'{name}: Missing data for required field.')
            return None
        if not isinstance(value, str):
            refuse(f'{name}: Not a valid string.')
        return value

    def number(self, name, default, low, high):
        value = self.values.get(name, default)
        if isinstance(value, str) and re.fullmatch(r'-?\d{1,9}', value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            refuse(f'{name}: Not a valid integer.')
        if value < low or high is not None and value > high:
            refuse(f'{name}: Must be between {low} and {high}.')
        return value

    def flag(self, name):
        value = self.values.get(name, False)
        if value in ('true', 'false'):
            value = value == 'true'
        if not isinstance(value, bool):
            refuse(f'{name}: Not a valid boolean.')
        return value

    def json(self, name, kind):
        """A list or dict, native or as one JSON text."""
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                refuse(f'{name}: Not a valid JSON text.')
        if not isinstance(value, kind):
            refuse(f'{name}: Field must be set to {"array" if kind is list else "object"}')
        return value

    def strings(self, name, limit=None):
        value = self.json(name, list)
        return None if value is None else strings(name, value, limit)

    def page(self, endpoint):
        """(page, page_size) within the endpoint's limits; size None: it has no pages."""
        default, largest = (10, 1000) if endpoint in (REPORT, 'gmv_max/report/get') else \
            ENTITIES[endpoint].get('page_size', (None, None))
        if default is None:
            return 1, None
        page = self.number('page', 1, 1, None)
        size = self.number('page_size', default, 1, largest)
        page = 1 if 'page' in self.ignored else page
        size = default if 'page_size' in self.ignored else size
        if endpoint == 'file/music/get' and page * size > MUSIC_DEPTH:
            refuse(f'page: page * page_size must not exceed {MUSIC_DEPTH}')
        return page, size


    def slice(self, fact):
        """(where to begin, how many) of a list that is read by cursor."""
        size = self.number('count', fact['count'][0], 1, fact['count'][1])
        cursor = self.text('cursor')
        if cursor is None:
            return 0, size
        if not re.fullmatch(r'9\d{12}', cursor) or int(cursor) % 7 != FIRST_CURSOR % 7:
            refuse('cursor: it is none that this list gave')
        return (int(cursor) - FIRST_CURSOR) // 7, size


def cursor_of(position):
    """The cursor from which on a list goes on: a number that tells nothing."""
    return FIRST_CURSOR + 7 * position


def strings(name, value, limit=None):
    """A list of strings of at most so many items."""
    if not isinstance(value, list):
        refuse(f'{name}: Field must be set to array')
    for item in value:
        if not isinstance(item, str):
            refuse(f'{name}: Not a valid string.')
    if limit is not None and len(value) > limit:
        refuse(f'{name}: Longer than maximum length {limit}.')
    return value


def identifier(name, value):
    if not re.fullmatch(r'\d{1,19}', value or ''):
        refuse(f'{name}: Not a valid id: {value!r}')
    return int(value)


# ------------------------------------------------------------ entity filters

PRIMARY = {'STATUS_ALL', 'STATUS_NOT_DELETE', 'STATUS_DELETE', 'STATUS_DELIVERY_OK',
           'STATUS_NOT_DELIVERY', 'STATUS_DISABLE', 'STATUS_TIME_DONE', 'STATUS_FROZEN',
           'STATUS_RF_CLOSED'}
OBJECTIVES = {'TRAFFIC', 'WEB_CONVERSIONS', 'APP_PROMOTION', 'VIDEO_VIEWS', 'REACH',
              'LEAD_GENERATION', 'PRODUCT_SALES', 'ENGAGEMENT', 'RF_REACH', 'CATALOG_SALES',
              'APP_INSTALL', 'CONVERSIONS', 'TOPVIEW_REACH'}
GOALS = {'CLICK', 'CONVERT', 'INSTALL', 'IN_APP_EVENT', 'REACH', 'SHOW', 'VIDEO_VIEW',
         'ENGAGED_VIEW', 'ENGAGED_VIEW_FIFTEEN', 'TRAFFIC_LANDING_PAGE_VIEW',
         'LEAD_GENERATION', 'PREFERRED_LEAD', 'VALUE', 'FOLLOWERS', 'PROFILE_VIEWS',
         'PAGE_VISIT', 'CONVERSATION', 'DESTINATION_VISIT', 'PRODUCT_CLICK_IN_LIVE',
         'MT_LIVE_ROOM', 'GMV', 'AUTOMATIC_VALUE_OPTIMIZATION'}
ORIGINS = {'TT_ADS_PLATFORM', 'PROMOTE'}
BUYING = {'AUCTION', 'RESERVATION_RF', 'RESERVATION_TOP_VIEW'}
BILLING = {'CPC', 'CPM', 'OCPM', 'CPV', 'GD'}
PORTFOLIOS = {'CTA', 'CARD', 'LEAD_GENERATION', 'CUSTOM_CARD', 'STICKER', 'DOWNLOAD_CARD',
              'CAROUSEL_IMAGE', 'PREMIUM_BADGE', 'GIFT_CODE_STICKER', 'SUPERLIKE',
              'SHOWCASE_CARD', 'PLAYABLE'}
AUTOMATION = {'MANUAL', 'SMART_PLUS', 'UPGRADED_SMART_PLUS'}
MODES = {'CUSTOM', 'DYNAMIC', 'SMART_CREATIVE'}
COMMON = {'primary_status': PRIMARY, 'objective_type': OBJECTIVES, 'buying_types': [BUYING],
          'optimization_goal': GOALS, 'creation_filter_start_time': 'time',
          'creation_filter_end_time': 'time', 'campaign_system_origins': [ORIGINS],
          'secondary_status': 'secondary'}
SMART = {name: COMMON[name] for name in (
    'primary_status', 'secondary_status', 'objective_type', 'creation_filter_start_time',
    'creation_filter_end_time')}
FILTERS = {
    'campaign/get': {
        **COMMON, 'campaign_ids': 100, 'campaign_name': 'text',
        'campaign_type': {'REGULAR_CAMPAIGN', 'IOS14_CAMPAIGN'},
        'is_smart_performance_campaign': bool, 'campaign_automation_type': AUTOMATION,
        'creative_campaign_type': [None], 'split_test_enabled': bool,
        'campaign_product_source': {'CATALOG', 'STORE'},
        'sales_destination': {'TIKTOK_SHOP', 'WEBSITE', 'APP', 'WEB_AND_APP'}},
    'adgroup/get': {
        **COMMON, 'campaign_ids': 100, 'adgroup_ids': 100, 'adgroup_name': 'text',
        'promotion_type': {'APP', 'WEBSITE', 'LEAD_GENERATION', 'LIVE', 'TIKTOK_SHOP'},
        'bid_strategy': {'BID_STRATEGY_COST_CAP', 'BID_STRATEGY_BID_CAP',
                         'BID_STRATEGY_MAX_CONVERSION', 'BID_STRATEGY_LOWEST_COST'},
        'creative_material_mode': MODES, 'billing_events': [BILLING],
        'split_test_enabled': bool},
    'ad/get': {
        **COMMON, 'campaign_ids': 100, 'adgroup_ids': 100, 'ad_ids': 100,
        'creative_material_mode': MODES, 'destination': 'text', 'ad_name': 'text',
        'modified_after': 'time'},
    # no kinds of buying and no origins: all are Ads Manager's
    'smart_plus/campaign/get': {
        **SMART, 'campaign_ids': 100, 'campaign_name': 'text',
        'sales_destination': {'WEBSITE', 'APP', 'WEB_AND_APP'}},
    'smart_plus/adgroup/get': {
        **SMART, 'campaign_ids': 100, 'adgroup_ids': 100, 'adgroup_name': 'text',
        'optimization_goal': GOALS,
        'promotion_type': {'APP_ANDROID', 'APP_IOS', 'WEBSITE', 'LEAD_GENERATION'}},
    'smart_plus/ad/get': {
        **SMART, 'campaign_ids': 100, 'adgroup_ids': 100, 'smart_plus_ad_ids': 100,
        'optimization_goal': GOALS, 'modified_after': 'time'},
    'file/image/ad/search': {'image_ids': 'names', 'material_ids': 100, 'width': int,
                             'height': int, 'ratio': list, 'displayable': bool},
    'file/video/ad/search': {'video_ids': 'names', 'material_ids': 20, 'video_name': 'text',
                             'video_material_sources': [None], 'width': int, 'height': int,
                             'ratio': list, 'displayable': bool},
    'file/music/get': {'keyword': 'text', 'music_ids': 100, 'material_ids': 100,
                       'styles': [None], 'sources': [None]},
    'creative/portfolio/list': {'creative_portfolio_ids': 100,
                                'creative_portfolio_types': [PORTFOLIOS]},
}
# what a filter that hides by default is when the API ignores it
LIFTED = {'primary_status': 'STATUS_ALL', 'buying_types': sorted(BUYING),
          'campaign_system_origins': sorted(ORIGINS)}
SECONDARY = {f'{api}{kind}/get': f'{kind.upper()}_STATUS_' for api in ('', 'smart_plus/')
             for kind in ('campaign', 'adgroup', 'ad')}


def entity_filters(endpoint, params):
    """The checked `filtering` object of an entity endpoint; ids as integers."""
    given = params.json('filtering', dict) or {}
    known = FILTERS.get(endpoint, {})
    checked = {}
    for key, value in given.items():
        name = f'filtering.{key}'
        if key not in known:
            refuse(f'{name}: Unknown field.')
        checked[key] = _filter_value(endpoint, name, known[key], value)
        if value == []:
            refuse(f'{name}: Shorter than minimum length 1.')
    types = checked.get('buying_types', [])
    if 'RESERVATION_TOP_VIEW' in types and len(types) > 1:
        refuse('filtering.buying_types: RESERVATION_TOP_VIEW must be used alone')
    if types == ['RESERVATION_TOP_VIEW'] and endpoint == 'adgroup/get':
        params.number('page_size', 10, 1, TOP_VIEW_PAGE)
    for name in params.ignored:
        name = name.removeprefix('filtering.')
        if checked.pop(name, None) is not None and name in LIFTED:
            checked[name] = LIFTED[name]
    return checked


def _filter_value(endpoint, name, rule, value):
    """One filter value, by the kind of its rule."""
    if isinstance(rule, int) and not isinstance(rule, bool):
        return {identifier(name, v) for v in strings(name, value, rule)}
    if rule == 'names':
        return set(strings(name, value, MAX_FILTER_IDS))
    if isinstance(rule, list):
        for item in strings(name, value):
            if rule[0] and item not in rule[0]:
                refuse(f'{name}: {item} is not a valid value.')
        return value
    if rule in (bool, int, list):
        if type(value) is not rule:
            refuse(f'{name}: Not a valid {rule.__name__}.')
        return value
    if not isinstance(value, str):
        refuse(f'{name}: Not a valid string.')
    if isinstance(rule, set) and value not in rule:
        refuse(f'{name}: {value} is not a valid value.')
    if rule == 'secondary' and not value.startswith(SECONDARY[endpoint]):
        refuse(f'{name}: {value} is not a valid value.')
    if rule == 'time':
        _check_time(name, value)
    return value


def _check_time(name, value):
    try:
        if not re.fullmatch(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d', value):
            raise ValueError
        datetime.datetime.strptime(value, '%Y-%m-%d %H:%M:%S')
    except ValueError:
        refuse(f'{name}: Not a valid datetime, use YYYY-MM-DD HH:MM:SS.')


def entity_fields(endpoint, params):
    """The requested official columns, or None for all."""
    given = params.strings('fields') if 'fields' in params else None
    if given is None:
        return None
    columns = ENTITIES[endpoint]['columns']
    if not given:
        refuse('fields: Shorter than minimum length 1.')
    for field in given:
        if field not in columns or not columns[field].get('official', True):
            refuse(f'fields: {field} is not a valid value.')
    if 'company_name_editable' in given and len(given) > 1:
        refuse('fields: company_name_editable cannot be used with other fields')
    return given


# ------------------------------------------------------------------- reports

IDS = {'advertiser_id': 'AUCTION_ADVERTISER', 'campaign_id': 'AUCTION_CAMPAIGN',
       'adgroup_id': 'AUCTION_ADGROUP', 'ad_id': 'AUCTION_AD', 'ad_id_v2': 'AUCTION_AD'}
TIMES = {'stat_time_day', 'stat_time_hour'}
BASIC_EXTRAS = {'country_code', 'ad_type', 'custom_event_type', 'event_source_id', 'page_id',
                'component_name', 'room_id', 'post_id', 'image_id', 'video_material_id',
                'minis_id', 'search_terms', 'search_keyword', 'match_type',
                'skan_postback_sequence'}
AUDIENCE_EXTRAS = {'gender', 'age', 'country_code', 'province_id', 'dma', 'dma_id', 'ac',
                   'language', 'platform', 'interest_category', 'placement', 'contextual_tag',
                   'device_brand_id', 'hashtag', 'audience_tags', 'additional_interests',
                   'behavior_id', 'purchase_intention', 'ad_type'}
UNTIMED_EXTRAS = {'interest_category', 'device_brand_id'}
# whether the API has what sources disagree about: extras of the former by day, countries by hour
DOUBTED = []
STATUS_FIELD = {'AUCTION_CAMPAIGN': 'campaign_status', 'AUCTION_ADGROUP': 'adgroup_status',
                'AUCTION_AD': 'ad_status'}
VALUE_FILTERS = {'buying_type': BUYING, 'campaign_system_origins': ORIGINS,
                 'campaign_automation_type': AUTOMATION}
ID_FILTERS = {'campaign_ids': 'CGA', 'adgroup_ids': 'GA', 'ad_ids': 'A', 'ad_ids_v2': 'A'}

Query = collections.namedtuple(
    'Query', 'advertisers multi report_type level id time extras begin end lifetime filters '
             'status metrics order total page page_size dimensions')


def report_query(params, sandbox):
    """The checked parameters of report/integrated/get."""
    report_type, level = _report_head(params, sandbox)
    dimensions = params.strings('dimensions')
    if not dimensions:
        refuse('dimensions: Missing data for required field.')
    multi = 'advertiser_ids' in params
    advertisers = _report_advertisers(params, sandbox)
    lifetime = params.flag('query_lifetime')
    id_, time, extras = _dimensions(report_type, level, dimensions, lifetime, sandbox, multi)
    begin, end = (0, 4000000) if lifetime else _window(params, time)
    begin = 0 if 'start_date' in params.ignored else begin
    end = 4000000 if 'end_date' in params.ignored else end
    filters, status = _report_filters(params, level, id_)
    metrics = params.strings('metrics', MAX_METRICS) or ['spend', 'impressions']
    if 'ad_id_v2' in metrics and 'ad_ids' in filters:
        refuse('metrics: ad_id_v2 cannot be combined with filter ad_ids')
    for name in metrics:
        check_metric(name, report_type, level, id_, time, extras, lifetime)
    page, size = params.page(REPORT)
    return Query(advertisers, multi, report_type, level, id_, time, extras, begin, end, lifetime,
                 filters, status, tuple(metrics), _order(params, metrics),
                 _total(params, report_type, time, extras, page, sandbox), page, size,
                 tuple(dimensions))


def _report_head(params, sandbox):
    service = params.text('service_type') or 'AUCTION'
    if service != 'AUCTION':
        refuse(f'service_type: {service} is not a valid value.')
    report_type = params.text('report_type', True)
    if report_type not in ('BASIC', 'AUDIENCE'):
        refuse(f'report_type: {report_type} is not a valid value (here: BASIC, AUDIENCE).')
    level = params.text('data_level', True)
    if level not in LEVELS:
        refuse(f'data_level: {level} is not a valid value.')
    if sandbox and level == 'AUCTION_ADVERTISER':
        refuse('data_level: AUCTION_ADVERTISER is not supported in sandbox')
    if params.text('query_mode') not in (None, 'REGULAR'):
        refuse('query_mode: CHUNK is being retired')
    if 'bc_id' in params:
        refuse('bc_id: only for report_type BC')
    params.flag('multi_adv_report_in_utc_time')
    return report_type, level


def _report_advertisers(params, sandbox):
    if 'advertiser_ids' in params:
        if sandbox:
            refuse('advertiser_ids: not supported in sandbox')
        given = params.strings('advertiser_ids', 5)
        if not given:
            refuse('advertiser_ids: Shorter than minimum length 1.')
        return tuple(identifier('advertiser_ids', a) for a in given)
    if 'multi_adv_report_in_utc_time' in params:
        refuse('multi_adv_report_in_utc_time: only with advertiser_ids')
    return (identifier('advertiser_id', params.text('advertiser_id', True)),)


def _dimensions(report_type, level, dimensions, lifetime, sandbox, multi):
    """The dimensions, as (id dimension or None, time dimension or None, extras)."""
    if len(set(dimensions)) != len(dimensions):
        refuse('dimensions: duplicate value')
    ids = [x for x in dimensions if x in IDS]
    times = [x for x in dimensions if x in TIMES]
    extras = tuple(x for x in dimensions if x not in IDS and x not in TIMES)
    legal = BASIC_EXTRAS if report_type == 'BASIC' else AUDIENCE_EXTRAS
    for name in extras:
        if name not in legal:
            refuse(f'dimensions: {name} is not supported in report_type {report_type}')
    if multi and len(ids) == 2 and 'advertiser_id' in ids:
        ids.remove('advertiser_id')
    if len(ids) > 1 or len(times) > 1:
        refuse('dimensions: only one id dimension and one time dimension are allowed')
    if ids and IDS[ids[0]] != level:
        refuse(f'dimensions: {ids[0]} does not match data_level {level}')
    if report_type == 'AUDIENCE':
        _audience_rules(ids, times, extras, lifetime)
    else:
        _basic_rules(level, ids, times, extras, lifetime, sandbox)
    return ids[0] if ids else None, times[0] if times else None, extras


def _audience_rules(ids, times, extras, lifetime):
    if lifetime:
        refuse('query_lifetime: not supported in report_type AUDIENCE')
    if 'stat_time_hour' in times:
        conflict('dimensions: stat_time_hour is not supported in report_type AUDIENCE')
    if times and UNTIMED_EXTRAS & set(extras) and not DOUBTED:
        conflict(f'dimensions: {extras[0]} cannot be combined with {times[0]}')
    if not ids:
        refuse('dimensions: an id dimension is required in report_type AUDIENCE')
    if not extras:
        refuse('dimensions: an audience dimension is required in report_type AUDIENCE')
    if len(extras) > 1 and set(extras) != {'gender', 'age'}:
        refuse(f'dimensions: {", ".join(extras)} cannot be combined')


def _basic_rules(level, ids, times, extras, lifetime, sandbox):
    if lifetime and (times or extras):
        refuse(f'query_lifetime: not supported with dimension {(times or list(extras))[0]}')
    if sandbox and 'country_code' in extras:
        refuse('dimensions: country_code is not supported in sandbox')
    if extras and 'stat_time_hour' in times and not (DOUBTED and extras == ('country_code',)):
        refuse(f'dimensions: {extras[0]} cannot be combined with stat_time_hour')
    if 'match_type' in extras and 'search_keyword' not in extras:
        refuse('dimensions: match_type needs search_keyword')
    if level == 'AUCTION_AD' and any(x.startswith('search_') for x in extras):
        refuse('dimensions: search_terms, search_keyword are not supported at AUCTION_AD')
    if len(set(extras) - {'match_type'}) > 1:
        refuse(f'dimensions: {", ".join(extras)} cannot be combined')
    if not ids and not times and not extras:
        refuse('dimensions: Shorter than minimum length 1.')


def _date(params, name):
    value = params.text(name, True)
    try:
        if not re.fullmatch(r'\d{4}-\d\d-\d\d', value):
            raise ValueError
        return datetime.date.fromisoformat(value).toordinal()
    except ValueError:
        refuse(f'{name}: Not a valid date, use YYYY-MM-DD.')


def _window(params, time):
    """The first and last day, checked against the longest span."""
    begin, end = _date(params, 'start_date'), _date(params, 'end_date')
    if begin > end:
        refuse('start_date: must not be later than end_date')
    longest = {'stat_time_hour': 1, 'stat_time_day': 30}.get(time, 365)
    if end - begin + 1 > longest:
        refuse(f'end_date: the time span is {end - begin + 1} days, at most {longest} '
               f'are allowed{" with " + time if time else ""}')
    return begin, end


def _report_filters(params, level, id_):
    """(id and other filters, statuses or None) of a report's `filtering` array."""
    filters, status = _given_filters(params, level, id_)
    for name in params.ignored:
        name = name.removeprefix('filtering.')
        filters.pop(name, None)
        if name == STATUS_FIELD.get(level):
            status = frozenset({'STATUS_ALL'})
        elif name == 'buying_type':
            filters[name] = BUYING
        elif name == 'campaign_system_origins':
            filters[name] = ORIGINS
    return filters, status


def _given_filters(params, level, id_):
    filters, status = {}, None
    for item in params.json('filtering', list) or []:
        if not isinstance(item, dict) or \
                set(item) != {'field_name', 'filter_type', 'filter_value'}:
            refuse('filtering: an item needs field_name, filter_type and filter_value')
        field, value = item['field_name'], item['filter_value']
        name = f'filtering.{field}'
        if item['filter_type'] != 'IN':
            refuse(f'{name}: filter_type {item["filter_type"]} is not supported')
        if not isinstance(value, str):
            refuse(f'{name}: filter_value must be a string holding a JSON array')
        try:
            value = json.loads(value)
        except ValueError:
            refuse(f'{name}: filter_value is not a valid JSON text')
        value = strings(name, value, MAX_FILTER_IDS)
        if not value or field in filters or field == STATUS_FIELD.get(level) and status:
            refuse(f'{name}: empty or given twice')
        if field in ID_FILTERS and LEVELS[level] in ID_FILTERS[field]:
            if (field, id_) in (('ad_ids', 'ad_id_v2'), ('ad_ids_v2', 'ad_id')):
                refuse(f'{name}: cannot be combined with dimension {id_}')
            filters[field] = {identifier(name, v) for v in value}
        elif field == STATUS_FIELD.get(level):
            for v in value:
                if v not in PRIMARY:
                    refuse(f'{name}: {v} is not a valid value.')
            status = frozenset(value)
        elif set(value) <= VALUE_FILTERS.get(field, set()):
            filters[field] = set(value)
        else:
            refuse(f'{name}: not supported at {level}')
    return filters, status


def check_metric(name, report_type, level, id_, time, extras, lifetime):
    """One metric that does not belong fails the whole call; only an unknown one is named."""
    fact = METRICS.get(name)
    if fact is None:
        refuse(f'metrics: {name} is not a valid value.')
    if LEVELS[level] not in fact['levels']:
        conflict(f'metrics: {name} is not supported at data_level {level}')
    if report_type == 'AUDIENCE' and fact['audience'] is False:
        conflict(f'metrics: {name} is not supported in report_type AUDIENCE')
    if report_type == 'AUDIENCE' and isinstance(fact['audience'], list) and \
            not set(fact['audience']) & set(extras):
        conflict(f'metrics: {name} is not supported with dimension {extras[0]}')
    if fact['kind'] == 'attribute' and not id_:
        conflict(f'metrics: {name} needs an id dimension')
    if time == 'stat_time_hour' and not fact.get('hour', True):
        conflict(f'metrics: {name} is not supported with stat_time_hour')
    if lifetime and not fact.get('lifetime', True):
        conflict(f'metrics: {name} is not supported with query_lifetime')
    if extras and not fact.get('extra', True):
        conflict(f'metrics: {name} is not supported with dimension {extras[0]}')
    if 'only_with' in fact and fact['only_with'] not in extras:
        conflict(f'metrics: {name} needs dimension {fact["only_with"]}')
    if (name, id_) in (('ad_id_v2', 'ad_id'), ('ad_id', 'ad_id_v2')):
        conflict(f'metrics: {name} cannot be combined with dimension {id_}')
    if name in ('cash_spend', 'voucher_spend') and time != 'stat_time_day':
        conflict(f'metrics: {name} needs dimension stat_time_day')


def _order(params, metrics):
    """(metric, descending) or None."""
    field, kind = params.text('order_field'), params.text('order_type')
    if kind not in (None, 'ASC', 'DESC'):
        refuse(f'order_type: {kind} is not a valid value.')
    if field is None:
        return None
    if field not in metrics or METRICS[field]['kind'] == 'attribute':
        refuse(f'order_field: {field} is not a requested metric that can be sorted by')
    return field, kind != 'ASC'


def _total(params, report_type, time, extras, page, sandbox):
    if not params.flag('enable_total_metrics'):
        return False
    if sandbox:
        refuse('enable_total_metrics: not supported in sandbox')
    if report_type != 'BASIC' or extras or time == 'stat_time_hour':
        refuse('enable_total_metrics: only in report_type BASIC, with an id dimension and/or '
               'stat_time_day')
    if page != 1:
        refuse('enable_total_metrics: only with page 1')
    return True
