"""Rows of the entity endpoints: accounts, campaigns, ad groups, ads, assets.

Invariants: a row holds official columns only; ids are strings except where
TikTok is known to send numbers; "no value" is spelled in every way that occurs
(null, no key, "", "0", 0, "UNSET", "-"); only the columns asked for are made.
"""
import functools

from data import (AD, ADGROUP, CAMPAIGN, PROMOTE, SMART_PLUS, Lexeme, mix, name_hash, pick,
                  smart_plus_id, timestamp)
from facts import ENTITIES, LISTS

MISSING = object()
UNQUOTED = {'pixel_id', 'page_id', 'tracking_pixel_id'}


# ------------------------------------------------------------------- status

def status(o):
    """The one state of an object: DELETE, DISABLE, TIME_DONE, DELIVERY_OK …"""
    if o.is_deleted():
        return 'DELETE'
    if o.key % 11 == 4:
        return 'DISABLE'
    today = o.account.last_day
    last = o.last if o.kind == 3 else max((ad.last for ad in o.ads), default=0)
    if last < today - 3:
        return 'NOT_DELIVERY' if o.kind == CAMPAIGN else 'TIME_DONE'
    return 'DELIVERY_OK'


def has_status(o, wanted):
    """Whether an object is in one of the STATUS_… wanted."""
    if 'STATUS_ALL' in wanted:
        return True
    if o.is_deleted():
        return 'STATUS_DELETE' in wanted
    return 'STATUS_NOT_DELETE' in wanted or 'STATUS_' + status(o) in wanted


def secondary_status(o):
    now = status(o)
    if o.kind == CAMPAIGN:
        return 'CAMPAIGN_STATUS_' + {'DELIVERY_OK': 'ENABLE',
                                     'NOT_DELIVERY': 'ENABLE'}.get(now, now)
    prefix = 'ADGROUP_STATUS_' if o.kind == ADGROUP else 'AD_STATUS_'
    if now == 'DELETE' and not o.deleted:
        if o.campaign.deleted:
            return prefix + 'CAMPAIGN_DELETE'
        return prefix + 'ADGROUP_DELETE'
    return prefix + now


# ------------------------------------------------------------ generic values

def filler(field, fact, key):
    """A value for a column without a rule of its own."""
    h = mix(key, name_hash(field))
    kind, choice = fact['type'], h % 8
    if choice == 0:
        return None
    if choice == 1:
        return MISSING
    h >>= 8
    if kind == 'bigint':
        if fact['wire'][0] == 'number':
            return pick((0, h % 1000, None), h >> 20)
        return pick(('0', '', str(1700000000000000 + h % 10**14),
                     str(7000000000000000000 + h % 10**18)), h >> 3)
    if kind == 'numeric':
        return pick((0, Lexeme('0.00'), Lexeme(f'{h % 90}.{h % 10}0'), 3.25, 20), h >> 4)
    if kind == 'boolean':
        return bool(h & 1)
    if kind == 'timestamptz':
        return timestamp(1700000000 + h % 60000000)
    if kind == 'text[]':
        return pick(([], [f'{field}_{h % 7}'], ['a, b', 'c"d', '', 'NULL', 'e\\f {g}'],
                     [str(6000000 + h % 999), str(h % 50)]), h >> 5)
    if kind == 'jsonb':
        return pick(_objects(fact, h), h >> 6)
    return pick(('', '', _unset(field), f'{field}-{h % 97}', _unset(field), 'Ünï 🎯'), h >> 7)


def _unset(field):
    return 'UNSET' if field.endswith(('_type', '_mode', '_status', '_state', '_window')) else ''


def _objects(fact, h):
    """Nested values, with numbers that a double would spoil."""
    inner = {'code': 'PAGE_EVENT', 'days': h % 180, 'nested': {'id': str(h % 10**15),
                                                              'list': [1, None, 'x']}}
    if fact['wire'][0].startswith('array'):
        return [], [inner], [inner, {'code': 'ü"\\', 'id': 7300000000000000000 + h % 997}]
    return {}, inner, {'enabled': True, 'big': 9007199254740993 + h % 99, 'deep': inner}


def make(columns, rules, o, key, wanted):
    """The wanted columns of one row, in the order of the facts."""
    row = {}
    for field in wanted:
        rule = rules.get(field)
        value = rule(o, key) if rule else filler(field, columns[field], key)
        if value is not MISSING:
            row[field] = value
    return row


@functools.lru_cache(None)
def official(endpoint):
    """The columns of an endpoint that the documentation lists."""
    return tuple(name for name, fact in ENTITIES[endpoint]['columns'].items()
                 if fact.get('official', True))


# -------------------------------------------------- campaigns, ad groups, ads

GOAL = {'TRAFFIC': 'CLICK', 'WEB_CONVERSIONS': 'CONVERT', 'APP_PROMOTION': 'INSTALL',
        'VIDEO_VIEWS': 'VIDEO_VIEW', 'REACH': 'REACH', 'LEAD_GENERATION': 'LEAD_GENERATION',
        'PRODUCT_SALES': 'VALUE', 'ENGAGEMENT': 'FOLLOWERS'}


def budget(o, k):
    amount = (1 + k % 40) * 20
    return pick((Lexeme(f'{amount}.00'), amount, 0, Lexeme('0.00')), k >> 5)


def operation_status(o, k):
    return {'DELETE': 'DELETE', 'DISABLE': 'DISABLE'}.get(status(o), 'ENABLE')


def smart_plus_null(o):
    """Some Smart+ ads have no modify_time."""
    return o.campaign.automation != 'MANUAL' and o.index % 3 == 0 and not o.account.store \
        .overrides.get((o.account.id, 3), {}).get(o.id)


SHARED = {
    'advertiser_id': lambda o, k: str(o.account.id),
    'campaign_id': lambda o, k: str(o.campaign.id),
    'campaign_name': lambda o, k: o.campaign.name,
    'create_time': lambda o, k: timestamp(o.created),
    'modify_time': lambda o, k: timestamp(o.modified),
    'campaign_system_origin': lambda o, k: PROMOTE if o.promote else pick((MISSING, None, ''),
                                                                          k >> 3),
    'operation_status': operation_status,
    'secondary_status': lambda o, k: secondary_status(o),
    'is_new_structure': lambda o, k: True,
    'is_smart_performance_campaign': lambda o, k: o.campaign.automation == 'SMART_PLUS',
    'objective_type': lambda o, k: o.campaign.objective,
    'budget': budget, 'roas_bid': lambda o, k: pick((0, Lexeme('0.00'), 1.5, 0), k >> 6),
}
CAMPAIGNS = {
    **SHARED,
    'app_promotion_type': lambda o, k: 'APP_INSTALL' if o.objective == 'APP_PROMOTION'
    else 'UNSET',
    'is_search_campaign': lambda o, k: k % 9 == 0,
    'campaign_type': lambda o, k: 'IOS14_CAMPAIGN' if o.objective == 'APP_PROMOTION' and k & 1
    else 'REGULAR_CAMPAIGN',
    'campaign_automation_type': lambda o, k: o.automation,
    'campaign_product_source': lambda o, k: pick(('CATALOG', 'STORE'), k >> 2)
    if o.objective == 'PRODUCT_SALES' else None,
    'sales_destination': lambda o, k: 'WEBSITE' if o.objective == 'PRODUCT_SALES' else MISSING,
    'optimization_goal': lambda o, k: GOAL[o.objective] if k >> 7 & 1 else None,
    'budget_optimize_on': lambda o, k: bool(k >> 7 & 1),
    'budget_mode': lambda o, k: pick(('BUDGET_MODE_DAY', 'BUDGET_MODE_TOTAL',
                                      'BUDGET_MODE_INFINITE'), k >> 8),
    'objective': lambda o, k: 'APP' if o.objective == 'APP_PROMOTION' else 'LANDING_PAGE',
    'rf_campaign_type': lambda o, k: 'STANDARD',
}
ADGROUPS = {
    **SHARED,
    'adgroup_id': lambda o, k: str(o.id),
    'adgroup_name': lambda o, k: o.name,
    'campaign_automation_type': lambda o, k: o.campaign.automation,
    'minis_id': lambda o, k: pick((MISSING, None, '', f'mini{k % 10**12}'), k >> 19),
    'pixel_id': lambda o, k: pick((7577353199770828808 + k % 1000, None, MISSING, '0'), k >> 4),
    'promotion_type': lambda o, k: 'APP_ANDROID' if o.campaign.objective == 'APP_PROMOTION'
    else pick(('WEBSITE', 'LEAD_GENERATION'), k >> 3),
    'placement_type': lambda o, k: pick(('PLACEMENT_TYPE_AUTOMATIC', 'PLACEMENT_TYPE_NORMAL'),
                                        k),
    'placements': lambda o, k: pick((None, ['PLACEMENT_TIKTOK'],
                                     ['PLACEMENT_TIKTOK', 'PLACEMENT_PANGLE']), k),
    'skip_learning_phase': lambda o, k: pick((0, 1, True, False), k >> 9),
    'optimization_goal': lambda o, k: GOAL[o.campaign.objective],
    'creative_material_mode': lambda o, k: pick(('CUSTOM', 'DYNAMIC', 'SMART_CREATIVE'),
                                                k >> 10),
    'billing_event': lambda o, k: pick(('CPC', 'OCPM', 'CPM', 'CPV'), k >> 11),
    'schedule_start_time': lambda o, k: timestamp(o.created),
    'schedule_end_time': lambda o, k: pick(('2036-01-01 00:00:00',
                                            timestamp(o.created + 60 * 86400)), k >> 12),
    'dayparting': lambda o, k: pick(('1' * 336, '0' * 48 + '1' * 288), k >> 13),
    'location_ids': lambda o, k: pick((['6252001'], ['2921044', '2782113'], ['1861060']),
                                      k >> 14),
    'gender': lambda o, k: pick(('GENDER_UNLIMITED', 'GENDER_FEMALE', 'GENDER_MALE'), k >> 15),
    'age_groups': lambda o, k: pick((None, ['AGE_18_24', 'AGE_25_34']), k >> 16),
    'bid_price': lambda o, k: pick((0, Lexeme('0.00'), Lexeme('1.20')), k >> 17),
    'conversion_bid_price': lambda o, k: pick((0, 12.5), k >> 18),
    'click_attribution_window': lambda o, k: pick(('SEVEN_DAYS', 'ONE_DAY', 'OFF'), k >> 19),
    'budget_mode': lambda o, k: pick(('BUDGET_MODE_DAY', 'BUDGET_MODE_TOTAL'), k >> 8),
}
ADS = {
    **SHARED,
    'adgroup_id': lambda o, k: str(o.parent.id),
    'adgroup_name': lambda o, k: o.parent.name,
    'ad_id': lambda o, k: str(o.id),
    'ad_name': lambda o, k: o.name,
    'modify_time': lambda o, k: None if smart_plus_null(o) else timestamp(o.modified),
    'identity_id': lambda o, k: pick(('', str(7000000000000000000 + k % 10**18),
                                      'c2a7f0e1-3d4b-5a6c-8e9f-%012x' % (k % 16**12)), k >> 3),
    'identity_type': lambda o, k: pick(('UNSET', 'CUSTOMIZED_USER', 'AUTH_CODE'), k >> 3),
    'ad_format': lambda o, k: pick(('SINGLE_VIDEO', 'SINGLE_IMAGE', 'CAROUSEL_ADS'), k >> 4),
    'video_id': lambda o, k: video_id(o.account, k % 40) if (k >> 4) % 3 == 0 else None,
    'image_ids': lambda o, k: [image_id(o.account, k % 30), image_id(o.account, k % 31)],
    'music_id': lambda o, k: pick((None, MISSING, '6707429901383565318'), k >> 5),
    'ad_text': lambda o, k: pick(('Feel the trail 🏔️', '', 'zwei\nZeilen', 'say "hi" \\o/'),
                                 k >> 6),
    'page_id': lambda o, k: pick((None, 7012345678901234567 + k % 10**6, MISSING), k >> 7),
    'tracking_pixel_id': lambda o, k: pick((0, 7577353199770828808 + k % 99, None), k >> 8),
    'landing_page_url': lambda o, k: f'https://shop.example/p?q={k % 997}&x=a%20b',
    'deeplink': lambda o, k: pick(('', 'aurora://p/1'), k >> 9),
    'app_name': lambda o, k: '',
    'is_aco': lambda o, k: pick((True, False), k >> 10),
}


def creative(ad, k):
    """One creative of a Smart+ ad, in its list."""
    info = {'ad_format': pick(('SINGLE_VIDEO', 'CAROUSEL_ADS'), k), 'material_name': ad.name,
            'identity_type': 'CUSTOMIZED_USER', 'identity_id': str(7000000000000000000 + k % 997)}
    if k % 2 == 0:
        info['video_info'] = {'video_id': video_id(ad.account, k % 40), 'file_name': ad.name}
        info['image_info'] = [{'web_uri': image_id(ad.account, k % 30)}]
    else:
        info['video_info'] = None
        info['image_info'] = [{'web_uri': image_id(ad.account, k % 31)},
                              {'web_uri': image_id(ad.account, k % 29)}]
    return {'ad_material_id': str(7400000000000000000 + k % 10**15),
            'material_operation_status': pick(('ENABLE', 'DISABLE'), k >> 3),
            'creative_info': info}


SMART_ADS = {
    **{name: rule for name, rule in SHARED.items() if name in (
        'advertiser_id', 'campaign_id', 'campaign_name', 'create_time', 'modify_time',
        'operation_status', 'secondary_status')},
    'adgroup_id': lambda o, k: str(o.parent.id),
    'adgroup_name': lambda o, k: o.parent.name,
    'smart_plus_ad_id': lambda o, k: str(o.id),
    'ad_name': lambda o, k: o.name,
    'creative_list': lambda o, k: [creative(ad, ad.key >> 7) for ad in o.creatives],
    'ad_text_list': lambda o, k: pick(
        ([{'ad_text': f'Text {k % 97}, "eins"'}, {'ad_text': 'zwei\n🏔️'}], [],
         [{'ad_text': f'Only {k % 89}'}], None), k >> 2),
    'landing_page_url_list': lambda o, k: [
        {'landing_page_url': f'https://shop.example/s?q={k % 997}&utm_source=tiktok'}],
    'call_to_action_list': lambda o, k: [{'call_to_action': pick(('SHOP_NOW', 'LEARN_MORE'), k)}],
}
# all that campaign/get tells of a Promote campaign
PROMOTE_CAMPAIGN = ('advertiser_id', 'campaign_id', 'create_time', 'campaign_name',
                    'operation_status', 'secondary_status')
TREE = {'campaign/get': CAMPAIGNS, 'adgroup/get': ADGROUPS, 'ad/get': ADS,
        'smart_plus/campaign/get': CAMPAIGNS, 'smart_plus/adgroup/get': ADGROUPS,
        'smart_plus/ad/get': SMART_ADS}
# the objects that an endpoint lists
LISTED = {'campaign/get': CAMPAIGN, 'adgroup/get': ADGROUP, 'ad/get': AD,
          'smart_plus/campaign/get': CAMPAIGN, 'smart_plus/adgroup/get': ADGROUP}


def tree_objects(endpoint, account):
    """All objects that an endpoint lists, oldest first."""
    if endpoint not in LISTED:
        return [o for o in account.whole_ads if o.campaign.automation == SMART_PLUS]
    found = account.objects(LISTED[endpoint])
    return found if not endpoint.startswith('smart_plus/') else \
        [o for o in found if o.campaign.automation == SMART_PLUS]


def tree_row(endpoint, o, fields=None):
    """One campaign, ad group or ad."""
    columns = ENTITIES[endpoint]['columns']
    wanted = fields or official(endpoint)
    if endpoint == 'campaign/get' and o.promote:
        wanted = [name for name in wanted if name in PROMOTE_CAMPAIGN]
    row = make(columns, TREE[endpoint], o, o.key, wanted)
    if fields is None and endpoint == 'ad/get' and smart_plus_id(o):
        row['smart_plus_ad_id'] = str(smart_plus_id(o))
    for name, value in (o.fields or {}).items():
        if not fields or name in fields:
            row[name] = value
    return row


# ------------------------------------------------------------------- accounts

ADVERTISERS = {
    'advertiser_id': lambda a, k: str(a.id),
    'name': lambda a, k: a.name,
    'owner_bc_id': lambda a, k: pick((str(6900000000000000000 + k % 10**15), ''), k),
    'status': lambda a, k: 'STATUS_ENABLE',
    'role': lambda a, k: 'ROLE_ADVERTISER',
    'rejection_reason': lambda a, k: '',
    'timezone': lambda a, k: a.timezone,
    'display_timezone': lambda a, k: a.display_timezone,
    'company': lambda a, k: a.name,
    'industry': lambda a, k: str(290000 + k % 999),
    'country': lambda a, k: a.country,
    'advertiser_account_type': lambda a, k: 'AUCTION',
    'currency': lambda a, k: a.currency,
    'contacter': lambda a, k: 'A***a',
    'email': lambda a, k: 'a***@example.com',
    'language': lambda a, k: pick(('', 'en'), k >> 3),
    'promotion_area': lambda a, k: '0',
    'description': lambda a, k: '',
    'balance': lambda a, k: pick((Lexeme('1042.50'), 0, Lexeme('0.00')), k >> 4),
    'create_time': lambda a, k: 1560000000 + k % 90000000,
}


def advertiser_row(account, fields=None):
    wanted = fields or [f for f in official('advertiser/info') if f != 'company_name_editable']
    return make(ENTITIES['advertiser/info']['columns'], ADVERTISERS, account, account.key,
                wanted)


# --------------------------------------------------------------------- assets

def image_id(account, i):
    h = mix(account.key, 4000000 + i)
    if h % 3:
        return f'ad-site-i18n-sg/{202001 + h % 500}5d0d{h:016x}'
    return f'v0201/{h:016x}{i:04x}'


def video_id(account, i):
    return f'v10033g50000c90q{mix(account.key, 5000000 + i):016x}'


def material_id(account, i):
    return str(7050000000000000000 + mix(account.key, 6000000 + i) % 10**16)


def iso(seconds):
    return timestamp(seconds, 'T', 'Z')


def asset_time(account, i, h):
    begin = (account.store.today - 719163) * 86400
    return begin - i * 40000 - h % 30000


FILE_NAMES = ('hero.jpg', 'Sommer „Blau".png', 'a\\b.webp', '猫 🐈.jpeg', '', "o'neil.png")


def picture_host(account, scheme):
    """Where pictures of assets are: nowhere, unless this server shows some."""
    return account.store.pictures or f'{scheme}://p16.example/'


def image(account, i):
    h = mix(account.key, 1000 + i)
    time = asset_time(account, i, h)
    return {'image_id': image_id(account, i),
            'material_id': material_id(account, i) if h % 6 else pick(('', None), h),
            'is_carousel_usable': h % 2 == 0, 'width': pick((1080, 720, 0), h >> 3),
            'format': pick(('jpeg', 'png', 'webp'), h >> 4),
            'image_url': f'{picture_host(account, "https")}{h:x}~tplv.jpeg?x-expires={h % 10**9}',
            'height': pick((1920, 1280), h >> 5), 'signature': f'{h:016x}' * 2,
            'size': h % 900000, 'file_name': pick(FILE_NAMES, h >> 6),
            'create_time': iso(time), 'modify_time': iso(time + h % 9000),
            'displayable': h % 5 != 0}


def video(account, i):
    h = mix(account.key, 2000 + i)
    time = asset_time(account, i, h)
    row = {'video_id': video_id(account, i),
           'video_cover_url': f'{picture_host(account, "http")}{h:x}?x-expires={h % 10**9}',
           'format': 'mp4', 'preview_url': f'http://v16.example/{h:x}/',
           'preview_url_expire_time': timestamp(time + 10**7),
           'duration': pick((Lexeme('15.0'), 9, 30.066), h >> 3), 'height': 1280, 'width': 720,
           'bit_rate': h % 4000000, 'signature': f'{h:016x}' * 2, 'size': h % 90000000,
           'material_id': material_id(account, 500 + i),
           'allowed_placements': pick(([], ['PLACEMENT_TIKTOK', 'PLACEMENT_PANGLE'], None),
                                      h >> 4),
           'allow_download': h % 2 == 0, 'file_name': pick(FILE_NAMES, h >> 6),
           'create_time': iso(time), 'modify_time': iso(time + h % 9000),
           'displayable': h % 5 != 0}
    if h % 7 == 0:
        del row['preview_url'], row['preview_url_expire_time']
    return row


def music(account, i):
    h = mix(account.key, 3000 + i)
    own = h % 4 == 0
    row = {'music_id': str(6707429901383565318 + h % 10**15),
           'name': pick(('Sunset Drive', 'Ça va', 'ロード', 'No "Name"', ''), h >> 3),
           'material_id': material_id(account, 1000 + i) if own else pick(('', None, '0'), h),
           'sources': pick((['USER'], ['ALL', 'ADS_CREATION'], []), h >> 4),
           'author': pick(('', 'DJ Ä', 'TikTok Library', None), h >> 5), 'liked': h % 9 == 0,
           'cover_url': f'https://p16.example/m/{h:x}', 'url': f'https://v16.example/m/{h:x}',
           'duration': pick((60, Lexeme('29.50'), 15.093), h >> 6),
           'style': pick(('Pop', 'Happy', ''), h >> 7), 'signature': f'{h:016x}' * 2,
           'file_name': pick(FILE_NAMES, h >> 8),
           'copyright': pick(('COMMERCIAL', 'NON_COMMERCIAL', 'UNSET'), h >> 9)}
    if own:
        time = asset_time(account, i, h)
        row.update(create_time=iso(time), modify_time=iso(time + 60))
    return row


def portfolio(account, i):
    h = mix(account.key, 8000 + i)
    kind = pick(('CTA', 'CARD', 'STICKER', 'PREMIUM_BADGE', 'DOWNLOAD_CARD'), h >> 3)
    row = {'creative_portfolio_id': str(7100000000000000000 + h % 10**16),
           'creative_portfolio_type': kind,
           'creative_portfolio_preview_url': pick(('', f'https://p16.example/c/{h:x}'), h)}
    if kind == 'CARD':
        row.update(card_type='IMAGE', image_id=image_id(account, i % 30), title='Sale "50 %"',
                   selling_points=['Free returns', 'Ab 5 €', 'a,b'], card_show_price=h % 2 == 0,
                   card_tags=[], card_image_index=0, call_to_action_text='SHOP_NOW',
                   tags=None, description='')
    elif kind == 'STICKER':
        row.update(sticker_param={'type': 'COUNTDOWN', 'end': '2026-12-31 23:59:59',
                                  'scale': 0.75}, landing_page_url='https://shop.example/s')
    elif kind == 'PREMIUM_BADGE':
        row.update(badge_show_time=h % 10, badge_position={'x': 0.1, 'y': 12},
                   badge_image_info={'image_id': image_id(account, i % 30)})
    elif kind == 'DOWNLOAD_CARD':
        row.update(app_id=pick(('0', str(7000000000000000000 + h % 10**12)), h >> 4), title='')
    return row


def audience(account, i):
    h = mix(account.key, 9000 + i)
    time = asset_time(account, i, h)
    return {'audience_id': str(100000000 + account.number * 10**7 + i * 1013 + h % 1000),
            'name': pick(('Käufer 30 Tage', 'LAL 1 %', 'CRM "VIP"', '視聴者', 'Cart, adders'),
                         h >> 3) + f' {i}',
            'shared': h % 3 == 0, 'is_creator': h % 3 != 0, 'cover_num': h % 9000000,
            'create_time': timestamp(time), 'is_valid': h % 7 != 0, 'is_expiring': h % 13 == 0,
            'expired_time': pick((timestamp(time + 31536000), '', None), h >> 4),
            'audience_type': pick(('Lookalike Audience', 'Customer File', 'Engagement',
                                   'Website Traffic'), h >> 5),
            'calculate_type': pick((None, 'EMAIL_SHA256', MISSING), h >> 6)}


def spark_ad(account, i):
    """A TikTok post that an account may use; its id stands inside."""
    h = mix(account.key, 11000 + i)
    video = h % 3 != 0
    return {'item_info': {'item_id': str(7200000000000000000 + h % 10**13 * 1000 + i),
                          'item_type': 'VIDEO' if video else 'CAROUSEL',
                          'text': pick(('Neu! #sommer', '', 'say "hi" 🏔️'), h >> 3),
                          'status': pick(('AUTHORIZED', 'EXPIRED'), h >> 4)},
            'user_info': {'tiktok_name': 'aurora', 'identity_id': f'{h:016x}',
                          'identity_type': 'AUTH_CODE'},
            'auth_info': {'ad_auth_status': pick(('AUTHORIZED', 'EXPIRED'), h >> 4),
                          'auth_start_time': timestamp(1700000000 + h % 10**7),
                          'auth_end_time': timestamp(1800000000 + h % 10**7)},
            'video_info': {'duration': 9.5, 'width': 720, 'height': 1280} if video else None}


# names of what reports tell by id: the same for every account
LANGUAGES = {'en': 'English', 'de': 'German', 'ja': 'Japanese', 'pt': 'Portuguese',
             'es': 'Spanish', 'hi': 'Hindi', 'zh-Hant': 'Traditional Chinese'}
COUNTRIES = {'6252001': ('US', 'United States'), '2921044': ('DE', 'Germany'),
             '1861060': ('JP', 'Japan'), '3469034': ('BR', 'Brazil'),
             '2635167': ('GB', 'United Kingdom'), '1269750': ('IN', 'India')}
PROVINCES = {'5332921': ('6252001', 'California'), '5128638': ('6252001', 'New York'),
             '4736286': ('6252001', 'Texas'), '4155751': ('6252001', 'Florida'),
             '5815135': ('6252001', 'Washington'), '5509151': ('6252001', 'Nevada'),
             '2950157': ('2921044', 'Berlin'), '2951839': ('2921044', 'Bavaria'),
             '1850147': ('1861060', 'Tokyo'), '3448439': ('3469034', 'São Paulo'),
             '3451189': ('3469034', 'Rio de Janeiro'), '6269131': ('2635167', 'England'),
             '1275715': ('1269750', 'Gujarat')}
INTERESTS = {'26': 'Games', '15': 'Apparel & Accessories', '24': 'Travel', '14': 'Beauty',
             '28': 'Vehicles & Transportation', '11': 'Food & Beverage'}


def locations():
    """tool/region: countries, and provinces below them."""
    def row(id_, name, parent, code, country, level, below):
        return {'location_id': id_, 'name': name, 'parent_id': parent, 'region_code': code,
                'country_code': country, 'level': level, 'area_type': 'ADMIN',
                'next_level_ids': below, 'support_below_18': level == 'COUNTRY'}
    return [*(row(id_, name, '0', code, code, 'COUNTRY',
                  [p for p, (parent, _) in PROVINCES.items() if parent == id_])
              for id_, (code, name) in COUNTRIES.items()),
            *(row(id_, name, parent, '', COUNTRIES[parent][0], 'PROVINCE', [])
              for id_, (parent, name) in PROVINCES.items())]


def interests(version=2):
    """tool/interest_category: ids of interest_category_v2, or of interest_category."""
    return [{'interest_category_id': id_ if version == 1 else f'{id_}001',
             'interest_category_name': name, 'level': 1, 'sub_category_ids': [f'{id_}101'],
             'special_industries': [], 'placements': ['PLACEMENT_TIKTOK']}
            for id_, name in INTERESTS.items()]


LOOKUPS = {
    'tool/language': lambda: [{'code': code, 'name': name} for code, name in LANGUAGES.items()],
    'tool/interest_category': interests, 'tool/region': locations}


def listed(endpoint):
    """The maker of rows of a list of which only the columns are known; its key is an id."""
    columns, key = ENTITIES[endpoint]['columns'], ENTITIES[endpoint]['key'][0]
    fact = columns[key]

    def row(account, i):
        h = mix(account.key, name_hash(endpoint) + i)
        made = make(columns, {}, None, h, columns)
        number = 7300000000000000000 + h % 10**13 * 1000 + i
        made[key] = f'{h:016x}' if fact['type'] == 'text' else \
            number if fact['wire'][0] == 'number' else str(number)
        return made
    return row


def identity(account, i):
    """What ads are shown as; that of a Business Center tells which."""
    row = listed('identity/get')(account, i)
    kind = pick(('CUSTOMIZED_USER', 'AUTH_CODE', 'TT_USER', 'BC_AUTH_TT', 'TTS_TT'), i)
    row.update(identity_type=kind, identity_authorized_bc_id=MISSING)
    if kind == 'BC_AUTH_TT':
        row['identity_authorized_bc_id'] = str(6900000000000000000 + i % 3)
    return row


ASSETS = {'file/image/ad/search': (image, 0), 'file/video/ad/search': (video, 1),
          'file/music/get': (music, 2), 'creative/portfolio/list': (portfolio, 3),
          'dmp/custom_audience/list': (audience, 4),
          **{path: (listed(path), 4) for path in LISTS},
          'tt_video/list': (spark_ad, 4), 'identity/get': (identity, 4)}


def assets(endpoint, account):
    """All rows of one asset endpoint, newest first."""
    if endpoint in LOOKUPS:
        return LOOKUPS[endpoint]()
    maker, index = ASSETS[endpoint]
    rows = []
    for i in range(account.assets[index]):
        row = maker(account, i)
        row = {k: v for k, v in row.items() if v is not MISSING}
        change = account.store.asset_changes.get((account.id, endpoint, i), {})
        row.update({k: v for k, v in change.items() if k != 'gone'})
        if not change.get('gone'):
            rows.append(row)
    return rows
