"""Facts of streams that the documents which make_facts.py reads lack or tell too little of.

Sources: TikTok's own SDK (parameters, filters, bodies that create the same objects), models
of clients that run against the API (columns of replies), TikTok's word on paging.

Invariants: a column is name:type, ids as strings unless :n; a "?" behind it: not every source
has it, so that `fields` may not name it; "pushable" are the columns that a filter narrows
exactly, "by" the parameters beside the account and pages, and the column each is about.
"""

PRODUCTION = ['production']
SHORT = {'t': 'text', 'i': 'bigint', 'n': 'numeric', 'b': 'boolean', 'z': 'timestamptz',
         'a': 'text[]', 'j': 'jsonb'}
WIRE = {'text': ['string'], 'bigint': ['string', 'number'], 'numeric': ['number'],
        'boolean': ['boolean'], 'timestamptz': ['string'], 'text[]': ['array'],
        'jsonb': ['object']}


def columns(text):
    """{name: fact} of 'name:type …'."""
    found = {}
    for word in text.split():
        name, short = word.split(':')
        kind = SHORT[short[0]]
        fact = {'type': kind, 'wire': ['array'] if short[1:2] == 'l' else WIRE[kind]}
        if short[1:2] == 'n':
            fact['wire'] = ['number']
        if short.endswith('?'):
            fact['official'] = False
        found[name] = fact
    return found


def stream(path, key, text, rows='list', pages=None, **more):
    """One stream's fact, as make_facts.py writes it."""
    fact = {'path': path, 'environments': PRODUCTION, 'key': key, 'list': rows, 'seed': False}
    if pages:
        fact['page_size'] = pages
    fact.update(more)
    fact.setdefault('pushable', [])
    fact['columns'] = columns(text)
    return fact


SMART_PLUS = {
    'smart_plus_campaigns': stream(
        'smart_plus/campaign/get', ['campaign_id'], '''
        advertiser_id:i campaign_id:i campaign_name:t operation_status:t secondary_status:t
        objective_type:t app_promotion_type:t sales_destination:t campaign_type:t app_id:i
        is_advanced_dedicated_campaign:b disable_skan_campaign:b bid_align_type:t
        campaign_app_profile_page_state:t catalog_enabled:b catalog_type:t special_industries:a
        budget_optimize_on:b budget_mode:t budget:n budget_auto_adjust_strategy:t?
        current_budget:n? smart_plus_adgroup_mode:t? postback_window_mode:t po_number:t
        is_promotional_campaign:b gaming_ad_compliance_agreement:t? rta_id:t?
        rta_bid_enabled:b? rta_product_selection_enabled:b? create_time:z modify_time:z''',
        pages=[10, 1000], pushable=['campaign_id', 'create_time']),
    'smart_plus_ad_groups': stream(
        'smart_plus/adgroup/get', ['adgroup_id'], '''
        advertiser_id:i campaign_id:i campaign_name:t adgroup_id:i adgroup_name:t
        operation_status:t secondary_status:t catalog_id:i catalog_authorized_bc_id:i
        promotion_type:t promotion_website_type:t app_id:i optimization_goal:t pixel_id:i
        app_config:jl? minis_id:t? optimization_event:t custom_conversion_id:t
        deep_funnel_optimization_status:t deep_funnel_event_source:t
        deep_funnel_event_source_id:t deep_funnel_optimization_event:t identity_id:t
        identity_type:t identity_authorized_bc_id:t messaging_app_type:t
        messaging_app_account_id:t message_event_set_id:t zalo_id_type:t phone_info:j bid_type:t
        bid_price:n conversion_bid_price:n deep_bid_type:t roas_bid:n incentive_offer_type:t?
        vbo_window:t click_attribution_window:t engaged_view_attribution_window:t
        view_attribution_window:t attribution_event_count:t billing_event:t pacing:t
        budget_mode:t budget:n min_budget:n budget_auto_adjust_strategy:t? current_budget:n?
        schedule_type:t schedule_start_time:z schedule_end_time:z movie_premiere_date:t
        dayparting:t targeting_optimization_mode:t suggestion_audience_enabled:b
        targeting_spec:j placement_type:t placements:a tiktok_subplacements:a?
        search_result_enabled:b? is_hfss:b? is_lhf_compliance:b? comment_disabled:b
        share_disabled:b video_download_disabled:b skip_learning_phase:b? create_time:z
        modify_time:z''',
        pages=[10, 1000], pushable=['adgroup_id', 'campaign_id']),
    'smart_plus_ads': stream(
        'smart_plus/ad/get', ['smart_plus_ad_id'], '''
        advertiser_id:i campaign_id:i campaign_name:t adgroup_id:i adgroup_name:t
        smart_plus_ad_id:i ad_name:t operation_status:t secondary_status:t creative_list:jl
        ad_text_list:jl call_to_action_list:jl landing_page_url_list:jl deeplink_list:jl
        page_list:jl interactive_add_on_list:jl auto_message_list:jl playable_list:jl?
        disclaimer:j? ad_configuration:j create_time:z modify_time:z''',
        pages=[10, 100], pushable=['adgroup_id', 'campaign_id', 'create_time', 'modify_time',
                                   'smart_plus_ad_id']),
}

REPORTS = {
    'ads_v2_reports_daily': {
        'path': 'report/integrated/get', 'environments': PRODUCTION,
        'key': ['ad_id_v2', 'stat_time_day'], 'list': 'list', 'seed': False,
        'page_size': [10, 1000],
        'report': {'report_type': 'BASIC', 'data_level': 'AUCTION_AD',
                   'dimensions': ['ad_id_v2', 'stat_time_day'], 'lifetime': False},
        'columns': {'ad_id_v2': {'type': 'bigint'}, 'stat_time_day': {'type': 'date'}}},
}

LISTS = {
    'saved_audiences': stream(
        'dmp/saved_audience/list', ['saved_audience_id'], '''
        saved_audience_id:i saved_audience_name:t location_ids:a gender:t age_groups:a
        languages:a audience_ids:a excluded_audience_ids:a interest_category_ids:a
        interest_keyword_ids:a actions:jl operating_systems:a min_android_version:t
        min_ios_version:t device_model_ids:a network_types:a carrier_ids:a
        device_price_ranges:jl''',
        rows='saved_audiences', pages=[10, 100], by={}, pushable=['saved_audience_id'],
        ids={'saved_audience_ids': 'saved_audience_id'}),
    'spark_ads': stream(
        'tt_video/list', ['spark_ads_post_id'], '''
        spark_ads_post_id:i item_info:j user_info:j auth_info:j video_info:j''',
        pages=[20, 50], by={}),
    'languages': stream(
        'tool/language', ['code'], 'code:t name:t', rows='languages', by={}),
    'interest_categories': stream(
        'tool/interest_category', ['interest_category_id'], '''
        interest_category_id:t interest_category_name:t level:in sub_category_ids:a
        special_industries:a placements:a''', rows='interest_categories', by={}),
    'locations': stream(
        'tool/region', ['location_id'], '''
        location_id:t name:t parent_id:t region_code:t country_code:t level:t area_type:t
        next_level_ids:a support_below_18:b''', rows='region_info', by={}),
}

LISTS['spark_ads']['columns']['spark_ads_post_id']['path'] = 'item_info.item_id'
# posts of an identity (identities.py): what rows do not tell is asked for
VIDEOS = {'identity_videos': stream(
    'identity/video/get', ['identity_id', 'identity_type', 'item_id'], '''
    identity_id:t identity_type:t identity_authorized_bc_id:t item_id:i item_type:t text:t
    status:t auth_info:j video_info:j anchor_list:jl''', rows='video_list', count=[10, 20],
    pushable=['identity_authorized_bc_id', 'identity_id', 'identity_type'])}
# lists of Business Centers, whose rules are centers.py; no page tells the limit of catalog/get
CENTERS = {
    'business_centers': stream(
        'bc/get', ['bc_id'], '''bc_id:i name:t company:t currency:t registered_area:t status:t
        timezone:t type:t user_role:t ext_user_role:j''', pages=[10, 50]),
    'bc_assets': stream(
        'bc/asset/get', ['bc_id', 'asset_type', 'asset_id'], '''
        bc_id:i asset_type:t asset_id:t asset_name:t relation_type:t relation_status:t
        advertiser_status:t advertiser_account_type:t advertiser_role:t catalog_role:t
        ad_creation_eligible:t store_role:t pixel_code:t tt_account_roles:a owner_bc_name:t''',
        pages=[10, 50], pushable=['asset_type', 'bc_id']),
    'bc_balances': stream(
        'advertiser/balance/get', ['advertiser_id', 'bc_id'], '''
        advertiser_id:i bc_id:i advertiser_name:t advertiser_status:t advertiser_type:t
        timezone:t currency:t account_open_days:in balance_reminder:b company:t contact_name:t
        contact_email:t create_time:z recharge_amount:n account_balance:n
        valid_account_balance:n frozen_balance:n tax:n cash_balance:n valid_cash_balance:n
        grant_balance:n valid_grant_balance:n payment_portfolio_id:in payment_portfolio_name:t
        payment_portfolio_type:t budget_mode:t budget:n budget_cost:n''',
        rows='advertiser_account_list', pages=[10, 50], pushable=['bc_id']),
    'business_center_balances': stream(
        'bc/balance/get', ['bc_id'], '''
        bc_id:i currency:t account_balance:n valid_account_balance:n frozen_balance:n tax:n
        cash_balance:n valid_cash_balance:n grant_balance:n valid_grant_balance:n
        payment_portfolio_type:t''', rows=None, pushable=['bc_id']),
    'catalogs': stream(
        'catalog/get', ['bc_id', 'catalog_id'], '''
        bc_id:i catalog_id:i catalog_name:t catalog_type:t catalog_conf:j''',
        pages=[10, 50], pushable=['bc_id', 'catalog_id'])}

for _name in ('bc_id', 'name', 'company', 'currency', 'registered_area', 'status', 'timezone',
              'type'):
    CENTERS['business_centers']['columns'][_name]['path'] = f'bc_info.{_name}'
STREAMS = {**SMART_PLUS, **REPORTS, **LISTS, **VIDEOS, **CENTERS}
