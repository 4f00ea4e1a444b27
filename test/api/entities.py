"""The endpoints that list accounts, campaigns, ad groups, ads, assets, audiences.

Invariants: rows come newest id first; deleted objects stay out unless a status
asks for them; every filter is applied before rows are counted and paged.
"""
import json

import rules
from data import AD, ADGROUP, CAMPAIGN, lexeme_json, timestamp
from facts import ENTITIES, LISTS
from grants import permitted
from reports import Cache, other_account
from rows import (advertiser_row, assets, has_status, interests, secondary_status,
                  tree_objects, tree_row)
from rules import ApiError

# what an endpoint lists, and the filter of their ids
KIND = {'campaign/get': CAMPAIGN, 'adgroup/get': ADGROUP, 'ad/get': AD,
        'smart_plus/campaign/get': CAMPAIGN, 'smart_plus/adgroup/get': ADGROUP,
        'smart_plus/ad/get': AD}
OWN_IDS = {CAMPAIGN: 'campaign_ids', ADGROUP: 'adgroup_ids', AD: 'ad_ids'}
PLAIN_FILTERS = {'objective_type', 'optimization_goal', 'campaign_type', 'billing_events',
                 'is_smart_performance_campaign', 'campaign_automation_type',
                 'campaign_product_source', 'sales_destination', 'creative_material_mode'}
APPS = {'APP': ('APP_ANDROID', 'APP_IOS')}


class Answer:
    """data of a reply: encoded rows with their list key, page_info and more."""

    def __init__(self, key, rows, count, page_info=None, more=None, headers=None):
        self.key, self.rows, self.count = key, rows, count
        self.page_info, self.more, self.headers = page_info, more or {}, headers or {}


def encode(rows, endpoint=''):
    """JSON bytes; some endpoints escape what others write as UTF-8."""
    text = lexeme_json(json.dumps(rows, ensure_ascii=endpoint in ('campaign/get',
                                                                  'dmp/custom_audience/list'),
                                  separators=(',', ':')))
    if endpoint == 'file/image/ad/search':
        text = text.replace('/', '\\/')
    return text.encode()


def page_info(page, size, total, empty_pages=1):
    pages = -(-total // size) if total else empty_pages
    return {'page': page, 'page_size': size, 'total_number': total, 'total_page': pages}


class Entities:
    """Answers every endpoint but the report."""

    def __init__(self, store, app_id, secret):
        self.store, self.app_id, self.secret = store, app_id, secret
        self.found = Cache(64)
        self.pages = Cache(128 << 20, lambda answer: len(answer.rows))

    def answer(self, endpoint, params, sandbox):
        if endpoint == 'oauth2/advertiser/get':
            return self._advertiser_ids(params, sandbox)
        if endpoint == 'advertiser/info':
            return self._advertisers(endpoint, params)
        if endpoint in KIND:
            return self._tree(endpoint, params, sandbox)
        return self._assets(endpoint, params)

    def _account(self, advertiser, endpoint, params):
        account = permitted(self.store, advertiser, endpoint)
        return other_account(self.store, account) if 'advertiser_id' in params.ignored \
            else account

    def _advertiser_ids(self, params, sandbox):
        """The accounts of the token; the application must prove itself."""
        if sandbox:
            raise ApiError(40002, 'oauth2/advertiser/get is not supported in sandbox')
        given = params.text('app_id', True), params.text('secret', True)
        if given != (self.app_id, self.secret):
            raise ApiError(40101, 'App id or secret is not correct')
        rows = [{'advertiser_id': str(i), 'advertiser_name': self.store.account(i).name}
                for i in self.store.account_ids()]
        return Answer('list', encode(rows), len(rows))

    def _advertisers(self, endpoint, params):
        ids = params.strings('advertiser_ids', 100)
        if not ids:
            rules.refuse('advertiser_ids: Missing data for required field.')
        fields = rules.entity_fields('advertiser/info', params)
        accounts = [self._account(rules.identifier('advertiser_ids', i), endpoint, params)
                    for i in ids]
        if 'advertiser_ids' in params.ignored:
            accounts = [self.store.account(i) for i in self.store.account_ids()]
        accounts.sort(key=lambda a: -a.id)
        rows = [advertiser_row(a, fields) for a in accounts]
        return Answer('list', encode(rows), len(rows))

    def _tree(self, endpoint, params, sandbox):
        """A page of campaigns, ad groups or ads."""
        account_id = rules.identifier('advertiser_id', params.text('advertiser_id', True))
        fields = rules.entity_fields(endpoint, params)
        filters = rules.entity_filters(endpoint, params)
        no_null = params.strings('exclude_field_types_in_response') or []
        if set(no_null) - {'NULL_FIELD'}:
            rules.refuse('exclude_field_types_in_response: not a valid value.')
        page, size = params.page(endpoint)
        with self.store.lock:
            account = self._account(account_id, endpoint, params)
            key = (self.store.version, endpoint, account.id, repr(sorted(filters.items(), key=str)))
            objects = self.found.get(key)
            if objects is None:
                objects = select(endpoint, account, filters)
                self.found.put(key, objects)
            key += (page, size, fields and tuple(fields), bool(no_null), sandbox)
            answer = self.pages.get(key)
            if answer is None:
                some = objects[(page - 1) * size:page * size]
                rows = [tree_row(endpoint, o, fields) for o in some]
                rows = [shape(row, no_null, sandbox) for row in rows]
                answer = Answer('list', encode(rows, endpoint), len(rows),
                                page_info(page, size, len(objects), KIND[endpoint] % 2))
                self.pages.put(key, answer)
            return answer

    def _assets(self, endpoint, params):
        """A page of images, videos, music, portfolios, audiences or any other plain list."""
        account_id = rules.identifier('advertiser_id', params.text('advertiser_id', True))
        filters = rules.entity_filters(endpoint, params)
        search = self._search(endpoint, params, filters)
        lookup_refusals(endpoint, params)
        page, size = params.page(endpoint)
        begin, count = params.slice(LISTS[endpoint]) if 'count' in LISTS.get(endpoint, ()) \
            else (0, None)
        with self.store.lock:
            account = self._account(account_id, endpoint, params)
            rows = [r for r in assets(endpoint, account) if asset_passes(r, filters, search)]
            if endpoint == 'file/video/ad/search':
                rows = self._videos(rows, params, filters)
            elif params.text('version') == '1':
                rows = interests(1)
            elif endpoint in LISTS:
                rows = [r for r in rows if listed_passes(r, LISTS[endpoint]['by'], params)]
                for name, column in LISTS[endpoint].get('ids', {}).items():
                    ids = params.strings(name, rules.MAX_FILTER_IDS)
                    rows = [r for r in rows if ids is None or r[column] in ids]
        if count is not None:
            some = rows[begin:begin + count]
            return Answer(ENTITIES[endpoint]['list'], encode(some, endpoint), len(some), None, {
                'cursor': rules.cursor_of(begin + len(some)), 'has_more': begin + count < len(rows)})
        if size is None:
            return Answer(ENTITIES[endpoint]['list'], encode(rows, endpoint), len(rows))
        some = rows[(page - 1) * size:page * size]
        info = page_info(page, size, len(rows), 0)
        if endpoint == 'file/music/get' and not account.music_paged and len(rows) <= size:
            info = None                       # the API leaves it out when all fits on a page
        return Answer(ENTITIES[endpoint]['list'], encode(some, endpoint), len(some), info)

    def _videos(self, rows, params, filters):
        """The most recently modified ones, unless they were asked for by id."""
        field = params.text('sort_field') or 'MODIFY_TIME'
        if field not in ('CREATE_TIME', 'MODIFY_TIME'):
            rules.refuse(f'sort_field: {field} is not a valid value.')
        rows = sorted(rows, key=lambda r: r['modify_time'], reverse=True)
        if 'video_ids' not in filters:
            rows = rows[:self.store.video_limit]
        return sorted(rows, key=lambda r: r[field.lower()], reverse=True)

    @staticmethod
    def _search(endpoint, params, filters):
        """The ids asked for outside `filtering`, and the music search rules."""
        if endpoint == 'dmp/custom_audience/list':
            ids = params.strings('custom_audience_ids', rules.MAX_FILTER_IDS)
            return None if ids is None else \
                {rules.identifier('custom_audience_ids', i) for i in ids}
        if endpoint == 'file/music/get':
            scene = params.text('music_scene') or 'CREATIVE_ASSET'
            if scene not in ('CREATIVE_ASSET', 'CATALOG_CAROUSEL', 'CAROUSEL_ADS'):
                rules.refuse(f'music_scene: {scene} is not a valid value.')
            kind = params.text('search_type') or 'SEARCH_BY_KEYWORD'
            if kind not in ('SEARCH_BY_KEYWORD', 'SEARCH_BY_MUSIC_ID', 'SEARCH_BY_RECOMMEND',
                            'SEARCH_BY_SOURCE', 'SEARCH_BY_LIKED', 'SEARCH_BY_HISTORY'):
                rules.refuse(f'search_type: {kind} is not a valid value.')
            if 'music_ids' in filters and kind != 'SEARCH_BY_MUSIC_ID':
                rules.refuse('filtering.music_ids: needs search_type SEARCH_BY_MUSIC_ID')
            if kind == 'SEARCH_BY_MUSIC_ID' and 'music_ids' not in filters:
                rules.refuse('filtering.music_ids: Missing data for required field.')
        return None


PLACEMENTS = {'PLACEMENT_TIKTOK', 'PLACEMENT_PANGLE', 'PLACEMENT_GLOBAL_APP_BUNDLE',
              'PLACEMENT_TOPBUZZ', 'PLACEMENT_HELO'}


def lookup_refusals(endpoint, params):
    """What tool/… endpoints need, and what they may be asked for besides; identities."""
    if endpoint == 'identity/get':
        kind = params.text('identity_type')
        if kind not in (None, 'CUSTOMIZED_USER', 'AUTH_CODE', 'TT_USER', 'BC_AUTH_TT'):
            rules.refuse(f'identity_type: {kind} is not a valid value.')
        if (kind == 'BC_AUTH_TT') != ('identity_authorized_bc_id' in params):
            rules.refuse('identity_authorized_bc_id: required for BC_AUTH_TT only')
    if not endpoint.startswith('tool/'):
        return
    placements = params.strings('placements')
    if endpoint == 'tool/region':
        if not placements:
            rules.refuse('placements: Missing data for required field.')
        if params.text('objective_type', True) not in rules.OBJECTIVES:
            rules.refuse('objective_type: not a valid value.')
        if params.text('level_range') not in (None, 'ALL', 'TO_COUNTRY', 'TO_PROVINCE', 'TO_CITY',
                                              'TO_DISTRICT'):
            rules.refuse('level_range: not a valid value.')
    for placement in placements or ():
        if placement not in PLACEMENTS:
            rules.refuse(f'placements: {placement} is not a valid value.')
    if params.text('version') not in (None, '1', '2'):
        rules.refuse('version: not a valid value.')


def shape(row, no_null, sandbox):
    """Drop what this request or environment does not show."""
    if sandbox:
        row.pop('secondary_status', None)
    return {k: v for k, v in row.items() if v is not None} if no_null else row


def select(endpoint, account, filters):
    """The objects that the filters let through, newest first."""
    found = tree_objects(endpoint, account)
    own = 'smart_plus_ad_ids' if endpoint == 'smart_plus/ad/get' else OWN_IDS[KIND[endpoint]]
    if own in filters:
        by_id = {o.id: o for o in found}
        found = [by_id[i] for i in sorted(filters[own]) if i in by_id]
    return [o for o in reversed(found) if not o.is_gone() and tree_passes(endpoint, o, filters)]


def tree_passes(endpoint, o, filters):
    """Whether a campaign, ad group or ad meets every filter."""
    secondary = filters.get('secondary_status')
    default = 'STATUS_ALL' if secondary else 'STATUS_NOT_DELETE'
    if not has_status(o, {filters.get('primary_status', default)}):
        return False
    if secondary and not secondary.endswith('_STATUS_ALL') and secondary_status(o) != secondary \
            and not (secondary.endswith('_NOT_DELETE') and not o.is_deleted()):
        return False
    campaign = o.campaign
    if campaign.buying not in filters.get('buying_types', ['AUCTION', 'RESERVATION_RF']) or \
            campaign.origin not in filters.get('campaign_system_origins', ['TT_ADS_PLATFORM']):
        return False
    for key, value in filters.items():
        if key in PLAIN_FILTERS or key == 'promotion_type':
            if not _plain(endpoint, o, key, value):
                return False
        elif key in ('campaign_ids', 'adgroup_ids'):
            found = o.campaign if key == 'campaign_ids' else o if o.kind == ADGROUP else o.parent
            if found.id not in value:
                return False
        elif key in ('campaign_name', 'adgroup_name', 'ad_name') and not \
                (value == o.name if o.promote else value.lower() in o.name.lower()):
            return False
        elif not _times(endpoint, o, key, value):
            return False
    return True


def _plain(endpoint, o, key, value):
    field = 'billing_event' if key == 'billing_events' else key
    if key == 'objective_type':
        return o.campaign.objective == value
    if field not in ENTITIES[endpoint]['columns'] and o.kind == AD:
        # what its ad group says
        endpoint, o = endpoint.replace('ad/get', 'adgroup/get'), o.parent
    found = tree_row(endpoint, o, [field]).get(field)
    if isinstance(value, list):
        return found in value
    return found == value or found in APPS.get(value, ())


def _times(endpoint, o, key, value):
    """creation_filter_… and modified_after exclude their bounds."""
    if key == 'creation_filter_start_time':
        return timestamp(o.created) > value
    if key == 'creation_filter_end_time':
        return timestamp(o.created) < value
    if key == 'modified_after':
        found = tree_row(endpoint, o, ['modify_time']).get('modify_time')
        return found is not None and found > value
    return True


def listed_passes(row, by, params):
    """Whether a row has the values that the parameters ask for."""
    return all(params.text(name) in (None, str(row.get(column))) for name, column in by.items())


def asset_passes(row, filters, search):
    """Whether an asset meets every filter."""
    if search is not None and int(row['audience_id']) not in search:
        return False
    for key, value in filters.items():
        if key in ('image_ids', 'video_ids'):
            ok = row[key[:-1]] in value
        elif key in ('material_ids', 'music_ids', 'creative_portfolio_ids'):
            ok = row.get(key[:-1]) not in (None, '') and int(row[key[:-1]]) in value
        elif key in ('width', 'height', 'displayable'):
            ok = row[key] == value
        elif key == 'video_name':
            ok = value.lower() in row['file_name'].lower()
        elif key == 'keyword':
            ok = value.lower() in row['name'].lower()
        elif key == 'styles':
            ok = row['style'] in value
        elif key == 'sources':
            ok = bool(set(row['sources']) & set(value))
        elif key == 'creative_portfolio_types':
            ok = row['creative_portfolio_type'] in value
        else:
            ok = True
        if not ok:
            return False
    return True
