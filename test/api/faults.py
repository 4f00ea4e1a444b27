"""Faults that a test asks for: wrong, late, broken and hostile replies.

Invariants: a fault acts only where all of its `match` fits, after `after`
fitting requests and at most `times` times (default 1; 0 is always; the faults
with a condition of their own, refuse_… and max_days, default to always);
an unknown key is refused, so that a test cannot ask for nothing by mistake.
"""
import base64
import datetime
import json
import threading
import zlib

from damage import damage
from data import Lexeme, lexeme_json

ACTIONS = {
    'code', 'message', 'data', 'http_status', 'body', 'headers', 'delay_ms', 'hang', 'close',
    'truncate', 'text', 'empty', 'missing', 'total_delta', 'duplicate_row', 'drop_row',
    'wrong_token', 'gzip_bomb_mb', 'drip', 'throttle', 'raw_base64', 'refuse_metric', 'refuse_filter', 'max_days',
    'patch', 'damage'}
REPLACING = {'code', 'http_status', 'text', 'empty', 'wrong_token', 'gzip_bomb_mb',
             'raw_base64', 'data'}
KEYS = {'match', 'after', 'times', 'action'}


class Faults:
    """The faults in force; the first that fits a request acts."""

    def __init__(self):
        self.lock, self.faults = threading.Lock(), []

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
            conditional = {'refuse_metric', 'refuse_filter', 'max_days'} & set(fault['action'])
            faults.append({'match': fault.get('match', {}), 'after': fault.get('after', 0),
                           'times': fault.get('times', 0 if conditional else 1) or None,
                           'action': fault['action'], 'taken': 0})
        with self.lock:
            self.faults = faults

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
                return fault['action']
        return None


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
    if 'refuse_filter' in action:
        return action['refuse_filter'] in json.dumps(params.get('filtering'))
    if 'max_days' in action:
        if 'start_date' not in params:
            return False
        begin, end = (datetime.date.fromisoformat(params[k]) for k in ('start_date', 'end_date'))
        return (end - begin).days + 1 > action['max_days']
    return True


def replacement(action):
    """(http_status, code, message, data) or (http_status, bytes, encoding) or None.

    What a fault says instead of the real answer.
    """
    if 'refuse_metric' in action:
        return {'code': 40002, 'message': f'metrics: {action["refuse_metric"]} is not supported'}
    if 'refuse_filter' in action:
        return {'code': 40002, 'message': 'filtering: a value is not valid'}
    if 'max_days' in action:
        return {'code': 40067, 'message': 'The query is too large, please reduce the date range '
                                          'or the number of metrics'}
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
    wanted = {'missing', 'total_delta', 'duplicate_row', 'drop_row', 'throttle', 'patch'}
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
