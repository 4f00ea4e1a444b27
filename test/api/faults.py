"""Faults that a test asks for: wrong, late, broken and hostile replies.

Invariants: a fault acts only where all of its `match` fits, after `after`
fitting requests and at most `times` times (default 1; 0 is always; the faults
with a condition of their own, CONDITIONAL, default to always); an unknown key is
refused, so that a test cannot ask for nothing by mistake.
"""
import base64
import datetime
import json
import threading
import zlib

from codes import CODES, CONFLICT
from damage import damage
from data import Lexeme, lexeme_json
from grants import not_granted

ACTIONS = {
    'code', 'message', 'data', 'http_status', 'body', 'headers', 'delay_ms', 'hang', 'close',
    'truncate', 'text', 'empty', 'missing', 'total_delta', 'duplicate_row', 'drop_row',
    'wrong_token', 'gzip_bomb_mb', 'drip', 'throttle', 'raw_base64', 'refuse_metric', 'max_days',
    'patch', 'return_code', 'refuse_filter', 'one_origin', 'conflict', 'timeout_over',
    'not_granted', 'dash_hour', 'ignore', 'refuse_value',
    'damage', 'together'}
CONDITIONAL = {'refuse_metric', 'refuse_value', 'max_days', 'refuse_filter', 'one_origin', 'conflict',
               'timeout_over', 'not_granted', 'ignore'}
# what may be ignored besides any filter
IGNORABLE = {'start_date', 'end_date', 'advertiser_id', 'advertiser_ids', 'page', 'page_size',
             'store_ids', 'pixel_ids'}
CONFLICTS = {'uv_by_country': {'metrics': ['reach', 'cost_per_1000_reached', 'frequency',
                                           'average_video_play_per_user'],
                               'dimensions': ['country_code']}}
TIMEOUTS = {'504': {'http_status': 504, 'body': '<html><body>504 Gateway Time-out</body></html>'},
            '51010': {'code': 51010, 'message': CODES[51010]},
            'hang': {'hang': True}}
TOGETHER_SECONDS = 20   # until those that wait for others are given up
KEYS = {'match', 'after', 'times', 'action'}


class Gate:
    """Requests wait here until so many have come; then it stands open."""

    def __init__(self):
        self.condition, self.come, self.open = threading.Condition(), 0, False

    def wait(self, wanted):
        """False: the others did not come."""
        with self.condition:
            self.come += 1
            self.open |= self.come >= wanted
            self.condition.notify_all()
            return self.condition.wait_for(lambda: self.open, TOGETHER_SECONDS)


class Faults:
    """The faults in force; the first that fits a request acts."""

    def __init__(self):
        self.lock, self.faults, self.gate = threading.Lock(), [], Gate()

    def set(self, given):
        """Replace all faults; ValueError names what is wrong."""
        if not isinstance(given, list):
            raise ValueError('faults: a JSON array is needed')
        faults = []
        for fault in given:
            if not isinstance(fault, dict) or set(fault) - KEYS or \
                    not isinstance(fault.get('action'), dict):
                raise ValueError(f'fault needs match, after, times, action: {fault!r}')
            unknown = set(fault['action']) - ACTIONS
            if unknown or not fault['action']:
                raise ValueError(f'unknown action {sorted(unknown)}; known: {sorted(ACTIONS)}')
            _check(fault['action'])
            conditional = CONDITIONAL & set(fault['action'])
            faults.append({'match': fault.get('match', {}), 'after': fault.get('after', 0),
                           'times': fault.get('times', 0 if conditional else 1) or None,
                           'action': fault['action'], 'taken': 0})
        with self.lock:
            self.faults, self.gate = faults, Gate()

    def take(self, path, params):
        """The action for one request, or None; counts what it hands out."""
        facts = {'page': 1, **params, 'path': path}
        with self.lock:
            for fault in self.faults:
                if fault['times'] == 0 or not _fits(fault['match'], facts) or \
                        not _applies(fault['action'], params):
                    continue
                if fault['after'] > 0:
                    fault['after'] -= 1
                    continue
                if fault['times']:
                    fault['times'] -= 1
                fault['taken'] += 1
                if 'damage' in fault['action']:
                    # another damage for each reply, the same ones each time
                    return {**fault['action'], 'damage': f"{fault['action']['damage']}/{fault['taken']}"}
                return _resolved(fault['action'])
        return None


def _check(action):
    """ValueError when an action asks for what there is not."""
    if 'return_code' in action and action['return_code'] not in CODES:
        raise ValueError(f'return_code must be one of {sorted(CODES)}')
    for name in action.get('ignore', ()):
        if name not in IGNORABLE and not name.startswith('filtering.'):
            raise ValueError(f'ignore: {name} is neither filtering.… nor in {sorted(IGNORABLE)}')
    limits = action.get('timeout_over', {})
    if set(limits) - {'days', 'ids', 'metrics', 'how'} or \
            str(limits.get('how', '504')) not in TIMEOUTS:
        raise ValueError(f'timeout_over takes days, ids, metrics and how: {sorted(TIMEOUTS)}')
    conflict = action.get('conflict')
    if conflict is not None and not isinstance(conflict, (list, dict)) and \
            conflict not in CONFLICTS:
        raise ValueError(f'conflict: a list of metrics, an object or one of {sorted(CONFLICTS)}')


def _resolved(action):
    """An action with what a time-out of its kind looks like."""
    if 'timeout_over' not in action:
        return action
    return {**action, **TIMEOUTS[str(action['timeout_over'].get('how', '504'))]}


def is_timeout(action):
    """Whether the client is left without an answer, or told that it took too long."""
    return bool(action.get('hang')) or action.get('http_status') == 504 or \
        51010 in (action.get('code'), action.get('return_code'))


def _plain(value):
    """A parameter as JSON data, whether it came as text or native."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _fits(match, facts):
    return all(name in facts and (str(facts[name]) == str(wanted) or
                                  _plain(facts[name]) == _plain(wanted))
               for name, wanted in match.items())


def _applies(action, params):
    """Whether a fault with a condition of its own concerns these parameters."""
    if 'refuse_metric' in action:
        return action['refuse_metric'] in (_plain(params.get('metrics')) or [])
    if 'max_days' in action:
        if 'start_date' not in params:
            return False
        begin, end = (datetime.date.fromisoformat(params[k]) for k in ('start_date', 'end_date'))
        return (end - begin).days + 1 > action['max_days']
    if 'refuse_value' in action:
        return action['refuse_value'] in json.dumps(_plain(params.get('filtering')))
    if 'refuse_filter' in action:
        return bool(_refused_filter(action, params))
    if 'one_origin' in action:
        return len(_filters(params).get('campaign_system_origins', ())) > 1
    if 'conflict' in action:
        return _conflicts(action['conflict'], params)
    if 'timeout_over' in action:
        return _too_much(action['timeout_over'], params)
    return True


def _filters(params):
    """{name: value} of the filters of a report or of a list."""
    given = _plain(params.get('filtering')) or {}
    if isinstance(given, dict):
        return given
    return {f.get('field_name'): _plain(f.get('filter_value')) for f in given
            if isinstance(f, dict)}


def _refused_filter(action, params):
    """The first of the refused filters that the request has."""
    given = _filters(params)
    return next((name for name in _list(action['refuse_filter']) if name in given), None)


def _conflicts(conflict, params):
    """Whether metrics (and dimensions, where told) are asked for that do not go together."""
    conflict = CONFLICTS.get(conflict, conflict) if isinstance(conflict, str) else conflict
    if isinstance(conflict, list):
        conflict = {'metrics': conflict}
    return bool(set(conflict['metrics']) & set(_plain(params.get('metrics')) or ())) and \
        ('dimensions' not in conflict or
         bool(set(conflict['dimensions']) & set(_plain(params.get('dimensions')) or ())))


def _too_much(limits, params):
    """Whether a report asks for more days, ids or metrics than it gets in time."""
    if 'days' in limits and 'start_date' in params:
        begin, end = (datetime.date.fromisoformat(params[k]) for k in ('start_date', 'end_date'))
        if (end - begin).days + 1 > limits['days']:
            return True
    if 'ids' in limits and params.get('data_level') != 'AUCTION_ADVERTISER':
        filters = _filters(params)
        counts = [len(filters[k]) for k in ('campaign_ids', 'adgroup_ids', 'ad_ids', 'ad_ids_v2')
                  if k in filters]
        if not counts or min(counts) > limits['ids']:
            return True
    return 'metrics' in limits and len(_plain(params.get('metrics')) or ()) > limits['metrics']


def replacement(action, params):
    """{code, message, data} that a fault says instead of the real answer, or None."""
    if 'refuse_filter' in action:
        return {'code': 40002, 'message': f'filtering: {_refused_filter(action, params)} is not '
                                          'supported'}
    if 'refuse_value' in action:
        return {'code': 40002, 'message': 'filtering: a value is not valid'}
    if 'one_origin' in action:
        return {'code': 40002, 'message': 'campaign_system_origins: only one value is allowed'}
    if 'conflict' in action:
        return {'code': 40002, 'message': CONFLICT}
    if 'return_code' in action:
        return {'code': action['return_code'],
                'message': action.get('message', CODES[action['return_code']])}
    if 'not_granted' in action:
        return {'code': 40001, 'message': not_granted(params['path'])}
    if 'refuse_metric' in action:
        return {'code': 40002, 'message': f'metrics: {action["refuse_metric"]} is not supported'}
    if 'max_days' in action:
        return {'code': 40067, 'message': CODES[40067]}
    if 'wrong_token' in action:
        return {'code': 40105, 'message': 'Access token is incorrect or has been revoked'}
    if 'code' in action:
        return {'code': action['code'], 'message': action.get('message', 'injected'),
                'data': action.get('data', {})}
    if 'data' in action:
        return {'code': 0, 'message': 'OK', 'data': action['data']}
    return None


def raw_body(action):
    """The bytes that a fault sends as they are, or None."""
    if 'raw_base64' in action:
        return base64.b64decode(action['raw_base64'])
    if 'empty' in action:
        return b''
    if 'text' in action:
        return str(action['text']).encode()
    if 'body' in action or 'http_status' in action and 'code' not in action:
        body = action.get('body', '<html><body><h1>error</h1></body></html>')
        return (body if isinstance(body, str) else json.dumps(body)).encode()
    return None


def gzip_bomb(megabytes):
    """A small gzip body that inflates to a valid reply of so many megabytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b'{"code":0,"message":"OK","request_id":"bomb","data":{"list":[],'
                             b'"pad":"')]
    parts += [packer.compress(b'0' * (1 << 20)) for _ in range(megabytes)]
    parts += [packer.compress(b'"}}'), packer.flush()]
    return b''.join(parts)


def change(action, body):
    """The real reply, as bytes, after the changes to its contents."""
    if 'damage' in action:
        return damage(body, action['damage'])
    wanted = {'missing', 'total_delta', 'duplicate_row', 'drop_row', 'throttle', 'patch',
              'dash_hour'}
    if not wanted & set(action):
        return body
    reply = json.loads(body, parse_float=Lexeme)
    data = reply.get('data', {})
    rows = next((v for v in data.values() if isinstance(v, list)), [])
    if 'total_delta' in action and 'page_info' in data:
        data['page_info']['total_number'] += action['total_delta']
    if 'duplicate_row' in action and rows:
        k = action['duplicate_row'] % len(rows)
        rows.insert(k, rows[k])
    if 'drop_row' in action and rows:
        del rows[action['drop_row'] % len(rows)]
    if 'throttle' in action:
        data['extra_info'] = {'search_ads_throttle': True}
    for row in _list(action.get('dash_hour')):
        _patch(rows, {'row': row, 'field': 'dimensions.stat_time_hour', 'value': '-'})
    for patch in _list(action.get('patch')):
        _patch(rows, patch)
    for name in _list(action.get('missing')):
        (reply if name in reply else data).pop(name, None)
    return lexeme_json(json.dumps(reply, ensure_ascii=False, separators=(',', ':'))).encode()


def _list(value):
    return [] if value is None else value if isinstance(value, list) else [value]


def _patch(rows, patch):
    """Set {"row": k, "field": "metrics.spend", "value": …}; "delete" removes the key."""
    if not rows:
        return
    target = rows[patch.get('row', 0) % len(rows)]
    *path, last = patch['field'].split('.')
    for key in path:
        target = target.setdefault(key, {})
    if patch.get('delete'):
        target.pop(last, None)
    else:
        target[last] = patch['value']
