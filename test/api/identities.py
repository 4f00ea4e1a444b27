"""Posts of identities, a list that is read by cursor.

Invariants: an identity is one of the account's, of a kind that has posts; one of a Business
Center is named with it; a keyword finds posts of AUTH_CODE identities only.
"""
import json

import rules
from data import mix, name_hash, pick, timestamp
from grants import permitted
from rows import assets

LIST, VIDEOS = 'identity/get', 'identity/video/get'
KINDS = ('AUTH_CODE', 'TT_USER', 'BC_AUTH_TT')


def video_rows(account, identity):
    """The video posts of one identity, newest first; that of every fourth has 47."""
    h = mix(account.key, name_hash(identity['identity_id'] + identity['identity_type']))
    found = []
    for i in range(47 if h % 4 == 0 else h % 6):
        k = mix(h, i)
        found.append({
            'item_id': str(7400000000000000000 - h % 10**14 * 1000 - i), 'item_type': 'VIDEO',
            'text': pick(('Neu! #sommer', '', 'say "hi" 🏔️'), k), 'status': 'ITEM_STATUS_OK',
            'auth_info': {'ad_auth_status': pick(('AUTHORIZED', 'EXPIRED'), k >> 3),
                          'auth_end_time': timestamp(1800000000 + k % 10**7)},
            'video_info': {'duration': 9.5, 'width': 720, 'height': 1280},
            'anchor_list': [{'id': str(k % 99), 'title': 'x'}] if k % 3 else []})
    return found


def identities(account):
    return [i for i in assets(LIST, account) if i['identity_type'] in KINDS]


def named(account, params):
    """The identity that a request is about."""
    id_, kind = params.text('identity_id', True), params.text('identity_type', True)
    center = params.text('identity_authorized_bc_id')
    if kind not in KINDS:
        rules.refuse(f'identity_type: {kind} is not a valid value.')
    if (kind == 'BC_AUTH_TT') != (center is not None):
        rules.refuse('identity_authorized_bc_id: required for BC_AUTH_TT, and for nothing else')
    found = [i for i in identities(account) if (i['identity_id'], i['identity_type']) == (id_, kind)
             and i.get('identity_authorized_bc_id') == center]
    if not found:
        raise rules.ApiError(40002, f'identity_id: {id_} is no identity of the account')
    if 'keyword' in params and kind != 'AUTH_CODE':
        rules.refuse('keyword: for AUTH_CODE only')
    if params.text('item_type') not in (None, 'VIDEO', 'CAROUSEL'):
        rules.refuse('item_type: not a valid value.')
    return found[0]


def videos(account, params):
    rows = video_rows(account, named(account, params))
    return [] if params.text('item_type') == 'CAROUSEL' else \
        [r for r in rows if (params.text('keyword') or '') in r['text']]


ANSWERS = {VIDEOS: videos}


def answer(store, endpoint, params):
    """(key, rows as JSON bytes, count, no pages, where and whether it goes on)"""
    begin, size = params.slice({'count': [10, 20]})
    with store.lock:
        rows = videos(permitted(store, rules.identifier(
            'advertiser_id', params.text('advertiser_id', True)), endpoint), params)
    some = rows[begin:begin + size]
    return 'video_list', json.dumps(some, ensure_ascii=False, separators=(',', ':')).encode(), \
        len(some), None, {'cursor': rules.cursor_of(begin + len(some)),
                          'has_more': begin + size < len(rows)}


# ------------------------------------------------------------------ expected

def expected(account):
    """Raw rows of the table, without HTTP, cursors or conditions."""
    return [{**row, 'identity_id': i['identity_id'], 'identity_type': i['identity_type'],
             'identity_authorized_bc_id': i.get('identity_authorized_bc_id')}
            for i in identities(account) for row in video_rows(account, i)]
