"""Valid replies, damaged: what a proxy, a bug or an attacker may make of them.

damage(body, seed) is a function of its arguments. More than half of the replies
stay JSON and lie (another type, a hostile string, rows and totals that do not
fit), the others have bytes changed, lost or doubled.
"""
import json
import random

from data import Lexeme, lexeme_json

NUMBERS = ['0', '-1', '1', '7', '-0', '1e9', '1e400', '-1e-400', '0.1', '1.5', '9223372036854775807',
           '9223372036854775808', '-9223372036854775808', '-9223372036854775809', '2147483647',
           '2147483648', '1' * 400, '0.' + '3' * 17000, '1e2147483648', '123456789012345678901234567890']
STRINGS = ['', '-', '--', 'null', 'NaN', 'Infinity', '-Infinity', '%', '%s%n%d', "'", '"', '\\', '\0', '\ud83d', '\ud83d\ude00',
           '\uffff', ' 7 ', '7 ', '+7', '0x10', '1_000', 'x' * 5000, '[' * 200, '{"a":', '2026-02-30', '0000-00-00 00:00:00',
           '2026-06-27', '2026-06-27 25:00:00', 'infinity', '294277-01-01', '4714-01-01 BC', 'true', 'STATUS_ALL', '[]', '{}',
           '1.5%', '<5', '9' * 30, '\u202e', '\x1f\x7f']
CODES = [0, 0, 0, 1, -1, 20001, 40000, 40001, 40002, 40006, 40008, 40016, 40067, 40100, 40105, 40133, 40202, 50000,
         60001, 99999, 2**31, 2**63, -2**63]
MESSAGES = ['metrics: spend is not supported', 'fields: ad_name is not valid', 'order_field', 'Too many requests QPD', 'per minute',
            'metrics.2: Must be one of: spend, clicks', '%s%n', 'x' * 3000, '', '\0', 'local-access-token', 'restricted']


def damage(body, seed):
    """The bytes of a reply after some damage."""
    rng = random.Random(seed)
    times = rng.choice([1, 1, 1, 2, 3, 20])
    if rng.random() < 0.6:
        try:
            body, times = _lie(body, rng), rng.choice([0, 0, 0, 0, 1])
        except (ValueError, IndexError):
            pass  # not JSON, or nothing in it
    for _ in range(times):
        body = rng.choice(BYTES)(body, rng)
    return body


# ---- bytes ------------------------------------------------------------------

def _span(body, rng):
    begin = rng.randrange(len(body) + 1)
    return begin, min(len(body), begin + rng.choice([1, 1, 2, 8, 64, 1000]))


def _flip(body, rng):
    if not body:
        return body
    at = rng.randrange(len(body))
    return body[:at] + bytes([body[at] ^ 1 << rng.randrange(8)]) + body[at + 1:]


def _cut(body, rng):
    begin, end = _span(body, rng)
    return body[:begin] + body[end:]


def _double(body, rng):
    begin, end = _span(body, rng)
    return body[:end] + body[begin:end] * rng.choice([1, 1, 2, 30]) + body[end:]


def _insert(body, rng):
    at = rng.randrange(len(body) + 1)
    piece = rng.choice([bytes([rng.randrange(256)]), rng.randbytes(rng.randrange(1, 20)), b'"', b'\\', b'\\u', b'\\u0000',
                        b'\\ud800', b'\\ud800\\u0041', b'{', b'}', b'[', b']', b',', b':', b'null', b'1e', b'\xf4\x90\x80\x80',
                        b'\xed\xa0\x80', b'\xc0\x80', b'\xef\xbb\xbf', b'[' * 70, b'{"a":' * 65, b'\0'])
    return body[:at] + piece + body[at:]


def _truncate(body, rng):
    return body[:rng.randrange(len(body) + 1)]


def _swap(body, rng):
    (a, b), (c, d) = sorted([_span(body, rng), _span(body, rng)])
    return body if b > c else body[:a] + body[c:d] + body[b:c] + body[a:b] + body[d:]


BYTES = [_flip, _flip, _cut, _cut, _double, _insert, _insert, _insert, _truncate, _swap]


# ---- values -------------------------------------------------------------------

def _places(value, found):
    """All (container, key) of a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found.append((value, key))
        _places(inner, found)
    return found


def _value(rng):
    """Any JSON value."""
    kind = rng.randrange(8)
    if kind < 3:
        return Lexeme(rng.choice(NUMBERS))
    if kind < 6:
        return rng.choice(STRINGS)
    return rng.choice([None, True, False, {}, [], [[]], [None], {'a': {'b': [1, 'x', None]}}, [1, '2', [3], {}],
                       ['7'] * 300, {str(i): i for i in range(300)}])


def _lie(body, rng):
    reply = json.loads(body, parse_float=Lexeme)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        rng.choice(LIES)(reply, rng)
    # json writes a lone surrogate and NUL as escapes
    return lexeme_json(json.dumps(reply, ensure_ascii=True, separators=(',', ':'))).encode()


def _any_value(reply, rng):
    container, key = rng.choice(_places(reply, []))
    container[key] = _value(rng)


def _row_value(reply, rng):
    places = _places(_rows(reply), [])
    if places:
        container, key = rng.choice(places)
        container[key] = _value(rng)


def _no_key(reply, rng):
    container, key = rng.choice(_places(reply, []))
    del container[key]


def _other_key(reply, rng):
    places = [(c, k) for c, k in _places(reply, []) if isinstance(c, dict)]
    container, key = rng.choice(places)
    container[rng.choice(['', key.upper(), key + '\0', 'x' * 300, 'metrics', 'dimensions', 'list', 'code', '\ud800'])] = \
        container.pop(key)


def _rows(reply):
    data = reply.get('data')
    lists = [v for v in data.values() if isinstance(v, list)] if isinstance(data, dict) else []
    return lists[0] if lists else []


def _row_order(reply, rng):
    rows = _rows(reply)
    if not rows:
        return
    how = rng.randrange(4)
    if how == 0:
        rows.append(rng.choice(rows))
    elif how == 1:
        rows.pop(rng.randrange(len(rows)))
    elif how == 2:
        rng.shuffle(rows)
    else:
        rows.insert(rng.randrange(len(rows)), _value(rng))


def _page_info(reply, rng):
    data = reply.get('data')
    info = data.get('page_info') if isinstance(data, dict) else None
    if isinstance(info, dict) and info:
        info[rng.choice(sorted(info))] = rng.choice([0, 1, 2, 3, 7, -1, 10**9, 2**31, 2**63 - 1, 2**63, -2**63, 1.5, '3', 'x', None])


def _code(reply, rng):
    reply['code'] = rng.choice(CODES)
    if rng.random() < 0.7:
        reply['message'] = rng.choice(MESSAGES)


LIES = [_any_value, _row_value, _row_value, _row_value, _row_value, _no_key, _other_key, _row_order, _page_info, _code]
