"""Report values: from the parts of a delivery to the strings of the API.

Invariants: a count or an amount is a linear function of the parts, so it adds
up over rows exactly as the parts do; ratios are computed from the parts with
integers; reach and what follows from it does not add up; an attribute depends
on the object only.  A value is a string, None (JSON null) or MISSING (no key).
"""
import functools

import delivery as d
from data import SmartAd, mix, name_hash, pick, smart_plus_id
from facts import METRICS

MISSING = object()

ADDITIVE = {
    'impressions': d.IMPRESSIONS, 'gross_impressions': d.IMPRESSIONS, 'clicks': d.CLICKS,
    'conversion': d.CONVERSION, 'real_time_conversion': d.CONVERSION, 'result': d.RESULT,
    'real_time_result': d.RESULT, 'video_play_actions': d.PLAYS,
    'video_watched_2s': d.WATCHED_2S, 'video_watched_6s': d.WATCHED_6S,
    'video_views_p25': d.P25, 'video_views_p50': d.P50, 'video_views_p75': d.P75,
    'video_views_p100': d.P100, 'likes': d.LIKES, 'comments': d.COMMENTS, 'shares': d.SHARES,
    'follows': d.FOLLOWS, 'profile_visits': d.VISITS, 'clicks_on_music_disc': d.MUSIC,
    'purchase': d.CONVERSION, 'complete_payment': d.CONVERSION,
    'page_content_view_events': d.TAIL0, 'product_details_page_browse': d.TAIL0,
    'total_landing_page_view': d.TAIL0, 'real_time_app_install': d.TAIL1,
    'app_install': d.TAIL1}
MONEY = {'spend': d.SPEND, 'billed_cost': d.SPEND, 'cash_spend': d.SPEND,
         'total_purchase_value': d.VALUE, 'total_complete_payment_rate': d.VALUE,
         'total_value_per_pageview': d.VALUE}
CENSORED = ('profile_visits', 'follows')                 # "<5" in audience reports


def ratio(number, whole, digits, factor=1):
    """number * factor / whole, rounded half up to so many digits; 0 when whole is 0."""
    scale = 10 ** digits
    value = (2 * number * factor * scale + whole) // (2 * whole) if whole else 0
    return f'{value // scale}.{value % scale:0{digits}d}'


def money(amount, decimals):
    return f'{amount // 100}.{amount % 100:02d}' if decimals else str(amount)


def per(number, whole, decimals, digits=2):
    """Money divided by a count."""
    return ratio(number, whole * (100 if decimals else 1), digits)


def reach(parts):
    """Unique users: fewer than impressions, and not additive."""
    n = parts[d.IMPRESSIONS]
    return n * 1000 // (1080 + 45 * n.bit_length()) + (n > 0)


@functools.lru_cache(None)
def count_weights(name):
    """Long-tail count = weighted sum of three of the small parts."""
    h = mix(name_hash(name), 5)
    return ((pick((d.CONVERSION, d.TAIL0, d.TAIL1, d.TAIL2, d.TAIL3, d.TAIL3), h >> 3),
             1 + (h >> 9 & 1)),
            (pick((d.TAIL2, d.TAIL3), h >> 14), h >> 17 & 3))


@functools.lru_cache(None)
def count_function(name):
    """The function from parts to the integer of a count metric."""
    if name in ADDITIVE:
        index = ADDITIVE[name]
        return lambda p: p[index]
    (i, a), (j, b) = count_weights(name)
    return lambda p: p[i] * a + p[j] * b


@functools.lru_cache(None)
def amount_function(name):
    """The function from parts to the integer of an additive amount of money."""
    if name in MONEY:
        index = MONEY[name]
        return lambda p: p[index]
    weight = 1 + mix(name_hash(name), 6) % 3
    return lambda p: p[d.VALUE] * weight // 1


@functools.lru_cache(None)
def counted(name):
    """The count that a cost, value or rate metric is about."""
    stem = name
    for affix in ('cost_per_', 'cost_pre_', 'value_per_', '_cost', '_rate_v2', '_rate', 'cost_',
                  '_roas', '_value'):
        stem = stem.replace(affix, '', 1) if affix in stem else stem
    for found in (stem, stem + 's', 'total_' + stem, stem + '_events', stem + '_event'):
        if METRICS.get(found, {}).get('type') == 'bigint':
            return count_function(found)
    return count_function(stem)


def known(name, decimals):
    """The function of a metric with its own formula, or None."""
    D = decimals
    table = {
        'cpc': lambda p: per(p[d.SPEND], p[d.CLICKS], D),
        'cpm': lambda p: per(p[d.SPEND] * 1000, p[d.IMPRESSIONS], D),
        'ctr': lambda p: ratio(p[d.CLICKS], p[d.IMPRESSIONS], 2, 100),
        'reach': lambda p: str(reach(p)),
        'live_unique_views': lambda p: str(reach(p) // 9),
        'frequency': lambda p: ratio(p[d.IMPRESSIONS], reach(p), 2),
        'cost_per_1000_reached': lambda p: per(p[d.SPEND] * 1000, reach(p), D, 3),
        'average_video_play': lambda p: ratio(p[d.WATCH_MS], p[d.PLAYS] * 1000, 2),
        'average_video_play_per_user': lambda p: ratio(p[d.WATCH_MS], reach(p) * 1000, 2),
        'voucher_spend': lambda p: money(0, D),
        'profile_visits_rate': lambda p: ratio(p[d.VISITS], p[d.IMPRESSIONS], 2, 100),
        'secondary_goal_result': lambda p: None if p[d.IMPRESSIONS] & 1 else '-',
        'cost_per_secondary_goal_result': lambda p: '-',
        'secondary_goal_result_rate': lambda p: None if p[d.IMPRESSIONS] % 3 else '-'}
    for prefix in ('', 'real_time_'):
        for what, count in (('conversion', d.CONVERSION), ('result', d.RESULT)):
            table[f'{prefix}cost_per_{what}'] = \
                lambda p, c=count: per(p[d.SPEND], p[c], D, 4 if c == d.RESULT else 3)
            table[f'{prefix}{what}_rate'] = lambda p, c=count: ratio(p[c], p[d.CLICKS], 2, 100)
            table[f'{prefix}{what}_rate_v2'] = \
                lambda p, c=count: ratio(p[c], p[d.IMPRESSIONS], 2, 100)
    return table.get(name)


@functools.lru_cache(None)
def formula(name, decimals):
    """The function from parts to the value of one metric."""
    found = known(name, decimals)
    if found:
        return found
    if METRICS[name]['type'] == 'bigint':
        count = count_function(name)
        if name.startswith('skan_'):
            return lambda p: str(count(p)) if count(p) else '-'
        return lambda p: str(count(p))
    if name in MONEY:
        amount = amount_function(name)
        return lambda p: money(amount(p), decimals)
    return _long_tail(name, decimals)


def _long_tail(name, decimals):
    """Ratios and amounts without a formula of their own, told apart by name."""
    count = counted(name)
    none = pick(('-', '-', None, MISSING, '0.00', '0.00'), mix(name_hash(name), 7) >> 5)
    if 'cost' in name:
        return lambda p: per(p[d.SPEND], count(p), decimals, 3) if count(p) else none
    if 'value_per' in name or 'roas' in name:
        whole = (lambda p: p[d.SPEND] or 1) if 'roas' in name else count
        if 'roas' in name:
            return lambda p: ratio(p[d.VALUE], whole(p), 2) if p[d.VALUE] else none
        return lambda p: per(p[d.VALUE], count(p), decimals) if count(p) else none
    if 'rate' in name or 'ctr' in name or 'per_click' in name:
        return lambda p: ratio(count(p), p[d.IMPRESSIONS], 2, 100)
    if 'duration' in name or 'average' in name:
        return lambda p: ratio(p[d.WATCH_MS], (p[d.CLICKS] + 1) * 1000, 2)
    amount = amount_function(name)
    return lambda p: money(amount(p), decimals)


def compile_metrics(names, account, audience):
    """[(name, function)] of the metrics that are not attributes."""
    compiled = []
    for name in names:
        if METRICS[name]['kind'] != 'metric':
            continue
        found = formula(name, account.decimals)
        if audience and name in CENSORED:
            found = _censored(found)
        compiled.append((name, found))
    return compiled


# what Promote rows tell; any other metric of theirs is "0"
PROMOTE_METRICS = {
    'spend', 'billed_cost', 'impressions', 'gross_impressions', 'clicks', 'cpc', 'cpm', 'ctr',
    'reach', 'frequency', 'cost_per_1000_reached', 'video_play_actions', 'video_watched_2s',
    'video_watched_6s', 'video_views_p25', 'video_views_p50', 'video_views_p75',
    'video_views_p100', 'average_video_play', 'average_video_play_per_user', 'likes',
    'comments', 'shares', 'follows', 'profile_visits', 'profile_visits_rate'}


# what counts people where the goal is REACH
RESULTS = {'result', 'cost_per_result', 'result_rate', 'real_time_result',
           'real_time_cost_per_result', 'real_time_result_rate'}


def values(compiled, parts, o):
    """{name: value} of the compiled metrics of one row; o: the account or object."""
    row, people = {}, parts
    if o.counts_people:
        people = list(parts)
        people[d.RESULT] = reach(parts)
    for name, function in compiled:
        value = function(people if name in RESULTS else parts) \
            if not o.promote or name in PROMOTE_METRICS else '0'
        if value is not MISSING:
            row[name] = value
    return row


def _censored(exact):
    """Some small counts of an audience report are only told as "<5"."""
    def censored(p):
        value = exact(p)
        return '<5' if value in ('1', '2', '3', '4') and p[d.IMPRESSIONS] % 3 == 0 else value
    return censored


# ---------------------------------------------------------------- attributes

LABELS = {'TRAFFIC': 'Traffic', 'WEB_CONVERSIONS': 'Website conversions',
          'APP_PROMOTION': 'App promotion', 'VIDEO_VIEWS': 'Video views', 'REACH': 'Reach',
          'LEAD_GENERATION': 'Lead generation', 'PRODUCT_SALES': 'Product sales',
          'ENGAGEMENT': 'Community interaction'}
TEXTS = ('Feel the trail 🏔️', 'Jetzt entdecken – nur kurze Zeit', '今だけ20％オフ', '',
         'Line one\nline two', 'She said "wow"', 'C:\\temp\\promo', "It's here")


def attribute(name, account, o):
    """An attribute metric of an object (an account is its own object)."""
    key = account.key if o is account else o.key
    fixed = {'advertiser_name': account.name, 'advertiser_id': str(account.id),
             'currency': account.currency}
    if name in fixed:
        return fixed[name]
    campaign = o.campaign
    group = o if o.kind == 2 else o.parent if o.kind == 3 else None
    if group is None or name in CAMPAIGN_ATTRIBUTES:
        return CAMPAIGN_ATTRIBUTES[name](campaign, campaign.key)
    if name in GROUP_ATTRIBUTES:
        return GROUP_ATTRIBUTES[name](group, group.key)
    return AD_ATTRIBUTES[name](o, key)


def amount(key, unit=50):
    return f'{(1 + key % 40) * unit}.00'


def is_app(o):
    return o.campaign.objective == 'APP_PROMOTION'


CAMPAIGN_ATTRIBUTES = {
    'campaign_name': lambda o, k: o.name,
    'objective_type': lambda o, k: LABELS[o.objective],
    'campaign_automation_type': lambda o, k: o.automation,
    'split_test': lambda o, k: pick(('-', 'OFF', 'ON'), k),
    'campaign_budget': lambda o, k: pick((amount(k), '0.00', '-'), k >> 4),
    'campaign_dedicate_type': lambda o, k: pick(('Regular', 'iOS14 Dedicated', None), k >> 6),
    'app_promotion_type': lambda o, k: 'App install' if is_app(o) else 'UNSET'}
GROUP_ATTRIBUTES = {
    'campaign_id': lambda o, k: str(o.campaign.id),
    'adgroup_name': lambda o, k: o.name,
    'placement_type': lambda o, k: pick(('Automatic Placement', 'Select Placement'), k),
    'promotion_type': lambda o, k: 'App' if is_app(o) else pick(('Website', 'Lead Generation'),
                                                                k >> 3),
    'opt_status': lambda o, k: pick(('Disabled', 'Enabled', ''), k >> 5),
    'adgroup_download_url': lambda o, k: pick(('', f'https://shop.example/{k % 997}?a=1&b=%20'),
                                              k >> 7),
    'profile_image': lambda o, k: pick(('', 'https://img.example/p.jpeg', None), k >> 8),
    'dpa_target_audience_type': lambda o, k: None,
    'budget': lambda o, k: amount(k, 20),
    'smart_target': lambda o, k: pick(('Click', 'Conversion', 'Show'), k >> 9),
    'pricing_category': lambda o, k: pick(('CPC', 'oCPM', 'CPM'), k >> 10),
    'billing_event': lambda o, k: pick(('CPC', 'oCPM', 'CPM'), k >> 10),
    'minis_name': lambda o, k: pick(('-', '', 'Trail Mini', 'お茶ミニ'), k >> 17),
    'optimization_event': lambda o, k: pick(('', '-', 'Complete payment', 'View content'),
                                            k >> 18),
    'bid_strategy': lambda o, k: pick(('Maximum Delivery', 'Cost Cap', ''), k >> 12),
    'bid': lambda o, k: pick(('0.00', f'{k % 700 / 100:.2f}', '-'), k >> 13),
    'bid_secondary_goal': lambda o, k: pick(('-', '0.00'), k >> 14),
    'aeo_type': lambda o, k: pick((MISSING, 'None', 'App Event Optimization'), k >> 15),
    'tt_app_id': lambda o, k: str(7000000000 + k % 10**9) if is_app(o) else '0',
    'tt_app_name': lambda o, k: 'Aurora Trails' if is_app(o) else '0',
    'mobile_app_id': lambda o, k: pick(('com.aurora.trails', '1234567890'), k) if is_app(o)
    else '0',
    'is_aco': lambda o, k: pick(('true', 'false', False, True), k >> 16)}
AD_ATTRIBUTES = {
    'adgroup_id': lambda o, k: str(o.parent.id),
    'ad_name': lambda o, k: o.name,
    'ad_id': lambda o, k: str(o.id),
    'ad_id_v2': lambda o, k: str(ad_id_v2(o)),
    'ad_text': lambda o, k: pick(TEXTS, k >> 4),
    'call_to_action': lambda o, k: pick(('Shop now', 'Learn more', '', 'Download'), k >> 5),
    'ad_profile_image': lambda o, k: pick(('', 'https://img.example/a.jpeg', '-'), k >> 6),
    'ad_url': lambda o, k: pick(('', f'https://shop.example/p/{k % 9973}'), k >> 7),
    'image_mode': lambda o, k: pick(('Single video', 'Single image', 'Carousel'), k >> 8),
    'is_smart_creative': lambda o, k: pick(('false', 'true', False), k >> 9)}


def ad_id_v2(ad):
    """The ad above an Upgraded Smart+ creative; any other ad is its own."""
    return ad.id if isinstance(ad, SmartAd) else smart_plus_id(ad) or ad.id


def object_metrics(names, account, o):
    """The attributes among the metrics, and the lists that Upgraded Smart+ adds unasked."""
    values = {}
    for name in names:
        if METRICS[name]['kind'] == 'attribute':
            value = attribute(name, account, o)
            if value is not MISSING:
                values[name] = value
    # only with the dimension ad_id_v2, and where the text itself was asked for
    if isinstance(o, SmartAd) and 'ad_text' in names:
        values['ad_text_list'] = [pick(TEXTS, o.key >> 4)]
    return values
