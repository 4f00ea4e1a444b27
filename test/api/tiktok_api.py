"""A local TikTok Marketing API v1.3: the command line and the HTTP server.

Invariants: it answers what the documentation promises and refuses the rest;
each request is logged, without token and secret; each refusal is also kept as
a violation; /_control/ is the tests' side door and needs no token.
"""
import argparse
import collections
import datetime
import http.server
import json
import os
import select
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.parse
import zlib

import centers
import identities
import faults as fault_rules
import pixels
import sandbox as sandbox_rules
import shops
from codes import THROTTLE
from data import AD_LIMIT, VIDEO_LIMIT, Store
from entities import Answer, Entities, page_info
from facts import REPORT
from reports import Reports
from rules import DOUBTED, PARAMETERS, ApiError, Params, report_query
from timeouts import Timeouts

BASE, SANDBOX, PICTURES = '/open_api/v1.3/', '/sandbox/open_api/v1.3/', '/pictures/'
MAX_REQUEST_LINE = 8700
GZIP_FROM = 1024
KEPT_REQUESTS = 200000


class Journal:
    """What was asked and what was refused."""

    def __init__(self, path=None):
        self.lock, self.arrived = threading.Lock(), 0
        self.file = open(path, 'a', encoding='utf-8') if path else None
        self.reset()

    def reset(self):
        with self.lock:
            self.entries, self.violations, self.n = [], [], 0
            self.running = self.peak = 0

    def begin(self):
        """A request has come; returns its number in the order of arrival."""
        with self.lock:
            self.arrived += 1
            self.running += 1
            self.peak = max(self.peak, self.running)
            return self.arrived

    def record(self, entry, violation=None):
        """Write a request down, before its reply is sent."""
        with self.lock:
            self.n += 1
            entry = {'n': self.n, **entry}
            if len(self.entries) < KEPT_REQUESTS:
                self.entries.append(entry)
            if violation:
                self.violations.append({'n': self.n, **violation})
            if self.file:
                self.file.write(json.dumps(entry, ensure_ascii=False) + '\n')
                self.file.flush()

    def end(self):
        with self.lock:
            self.running = max(0, self.running - 1)


class Api:
    """The API without HTTP: from parameters to an answer."""

    def __init__(self, options):
        self.token, self.qps = options.token, options.qps
        self.latency = options.latency / 1000
        self.store = Store(options.seed, options.scale, options.ads, options.today)
        DOUBTED.extend(['yes'] * options.doubted)
        self.store.limit(options.ad_limit, options.video_limit)
        self.sandbox = sandbox_rules.Sandbox()
        self.entities = Entities(self.store, options.app_id, options.secret)
        self.reports = Reports(self.store)
        self.journal = Journal(options.log)
        self.faults = fault_rules.Faults()
        self.timeouts = Timeouts()
        self.recent, self.lock = collections.deque(), threading.Lock()

    def check_rate(self):
        """The limit of requests per second of the application."""
        limited, qps = self.timeouts.qps(self.qps)
        if not limited:
            return
        now = time.monotonic()
        with self.lock:
            while self.recent and self.recent[0] <= now - 1:
                self.recent.popleft()
            if len(self.recent) >= qps:
                raise ApiError(40100, f'Too many requests: requests from App reach the QPS limit '
                                      f'{qps}')
            self.recent.append(now)

    def check_token(self, token):
        if not token:
            raise ApiError(40104, 'Access token is empty')
        if token != self.token:
            raise ApiError(40105, 'Access token is incorrect or has been revoked')

    def answer(self, endpoint, query, body, sandbox, ignored=()):
        if sandbox:
            self.sandbox.check(endpoint)
        params = Params(endpoint, query, body, ignored)
        for module in (shops, pixels, centers, identities):
            if endpoint in module.ANSWERS:
                key, rows, count, paging, *more = module.answer(self.store, endpoint, params)
                return Answer(key, rows, count, paging and page_info(*paging, 0), *more)
        if endpoint != REPORT:
            return self.entities.answer(endpoint, params, sandbox)
        wanted = report_query(params, sandbox)
        if sandbox:
            wanted = self.sandbox.narrow(wanted)
        rows, count, total, more, truncated = self.reports.answer(wanted, params.ignored)
        headers = {}
        if truncated:
            headers['X-Tt-Ads-Throttle'] = THROTTLE
            more['extra_info'] = {'search_ads_throttle': True}
        return Answer('list', rows, count,
                      page_info(wanted.page, wanted.page_size, total, 0 if wanted.extras else 1),
                      more, headers)


def ok_body(answer, request_id):
    """The envelope around an answer, joined from encoded parts."""
    more = ''.join(f',{json.dumps(k)}:{json.dumps(v, ensure_ascii=False)}'
                   for k, v in answer.more.items())
    if answer.page_info:
        more += f',"page_info":{json.dumps(answer.page_info)}'
    if answer.key is None:
        return (f'{{"code":0,"message":"OK","request_id":"{request_id}","data":{{'
                + more[1:] + '}}').encode()
    head = f'{{"code":0,"message":"OK","request_id":"{request_id}","data":{{"{answer.key}":'
    return head.encode() + answer.rows + more.encode() + b'}}'


def envelope(code, message, request_id, data=None):
    return json.dumps({'code': code, 'message': message, 'request_id': request_id,
                       'data': data if data is not None else {}}, ensure_ascii=False).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection; keep-alive."""

    protocol_version = 'HTTP/1.1'
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 300
    api = None

    def log_message(self, *args):
        pass

    def version_string(self):
        return 'local'

    # ------------------------------------------------------------- requests

    def do_GET(self):
        path, _, query = self.path.partition('?')
        if path.startswith('/_control/'):
            return self.control(path, query)
        if path.startswith(PICTURES) and self.api.store.pictures:
            return self._send(200, {'Content-Type': 'image/svg+xml'}, picture(path))
        return self.api_request(path, query)

    def do_POST(self):
        path, _, query = self.path.partition('?')
        if path.startswith('/_control/'):
            return self.control(path, query)
        return self.api_request(path, query)

    do_PUT = do_DELETE = do_PATCH = do_HEAD = do_POST

    def handle_expect_100(self):
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def read_body(self):
        if 'chunked' in (self.headers.get('Transfer-Encoding') or ''):
            return b''.join(iter(self._chunk, b''))
        size = int(self.headers.get('Content-Length') or 0)
        return self.rfile.read(size) if size else b''

    def _chunk(self):
        data = self.rfile.read(int(self.rfile.readline().split(b';')[0], 16))
        self.rfile.readline()
        return data

    def api_request(self, path, query):
        """Answer one request of the API; it is written down before the reply goes out."""
        begin = time.time()
        request_id = f'{int(begin):010d}{self.api.journal.begin():010x}'
        try:
            raw = self.read_body()
            entry = {'path': path, 'params': {}, 'page': None, 'advertiser_id': None,
                     'code': None, 'http_status': 200, 'rows': 0, 't': round(begin, 4),
                     'body': bool(raw), 'ua': self.headers.get('User-Agent'),
                     'sandbox': path.startswith(SANDBOX)}
            self._respond(entry, path, query, raw, request_id)
        except (ConnectionError, socket.timeout, ssl.SSLError):
            self.close_connection = True
        finally:
            self.api.journal.end()

    def _respond(self, entry, path, query, raw, request_id):
        """Make the reply, write the request down, send."""
        api, action, violation = self.api, None, None
        if api.latency:
            time.sleep(api.latency)
        body, headers = None, {}
        try:
            endpoint, sandbox = self._endpoint(path)
            entry['path'] = endpoint
            params, extra = self._parameters(query, raw)
            every = {**params, **(extra or {})}
            self._note(entry, every)
            key = api.timeouts.key(endpoint, every)
            api.timeouts.check(key)
            action = api.faults.take(endpoint, every)
            body = self._injected(entry, action or {}, request_id, {**every, 'path': endpoint})
            if action and fault_rules.is_timeout(action):
                entry['timeout'] = True
                late = api.timeouts.note(key)
                if late:
                    violation = {'endpoint': endpoint, 'code': 51010, 'message': late,
                                 'params': entry['params']}
            if body is None:
                api.check_rate()
                api.check_token(self.headers.get('Access-Token'))
                answer = api.answer(endpoint, params, extra, sandbox,
                                    (action or {}).get('ignore', ()))
                entry.update(code=0, rows=answer.count)
                headers.update(answer.headers)
                body = ok_body(answer, request_id)
        except ApiError as refusal:
            entry.update(code=refusal.code,
                         http_status={40000: 405, 41400: 414}.get(refusal.code, 200))
            body = envelope(refusal.code, refusal.message, request_id)
            violation = {'endpoint': entry['path'], 'code': refusal.code,
                         'message': ' '.join(filter(None, (refusal.message, refusal.detail))),
                         'params': entry['params']}
        if action:
            entry['fault'] = action
            headers, body = self._spoil(entry, action, headers, body)
        entry['ms'] = round((time.time() - entry['t']) * 1000, 1)
        api.journal.record(entry, violation)
        if not action:
            self._send(entry['http_status'], headers, body)
        elif not self._vanish(action):
            self._send_fault(entry['http_status'], headers, body, action)

    def _endpoint(self, path):
        """(endpoint, sandbox) of a path, or a refusal."""
        if len(self.raw_requestline) > MAX_REQUEST_LINE:
            self.close_connection = True
            raise ApiError(41400, 'Request-URI Too Large')
        for base in (BASE, SANDBOX):
            endpoint = path[len(base):-1]
            if path.startswith(base) and path.endswith('/') and endpoint in PARAMETERS:
                if self.command != 'GET':
                    raise ApiError(40000, f'Method {self.command} is not allowed')
                return endpoint, base == SANDBOX
        raise ApiError(40008, f'Path {path} does not exist')

    def _parameters(self, query, raw):
        """The parameters of the query string and of the JSON body."""
        try:
            pairs = urllib.parse.parse_qsl(query, keep_blank_values=True,
                                           strict_parsing=bool(query), errors='strict')
        except ValueError:
            raise ApiError(40002, 'The query string is malformed') from None
        params = dict(pairs)
        if len(params) != len(pairs):
            raise ApiError(40002, 'A parameter is given twice')
        if not raw:
            return params, None
        if 'application/json' not in (self.headers.get('Content-Type') or ''):
            raise ApiError(40002, 'Content-Type: must be application/json')
        try:
            body = json.loads(raw)
        except ValueError:
            raise ApiError(40002, 'The body is not a valid JSON text') from None
        if not isinstance(body, dict):
            raise ApiError(40002, 'The body must be a JSON object')
        return params, body

    @staticmethod
    def _note(entry, params):
        """The log's view of the parameters: never the secret."""
        entry['params'] = {k: v for k, v in params.items() if k != 'secret'}
        page = params.get('page')
        entry['page'] = int(page) if str(page).isdigit() else page
        entry['advertiser_id'] = params.get('advertiser_id')

    # -------------------------------------------------------------- replies

    def _send(self, status, headers, body, pack=True):
        """A whole reply, compressed when that is worth it and accepted."""
        if pack and len(body) >= GZIP_FROM and \
                'gzip' in (self.headers.get('Accept-Encoding') or ''):
            packer = zlib.compressobj(1, zlib.DEFLATED, 31)
            body = packer.compress(body) + packer.flush()
            headers = {**headers, 'Content-Encoding': 'gzip'}
        self._head(status, headers, len(body))
        self.wfile.write(body)
        self.wfile.flush()

    def _head(self, status, headers, length):
        self.send_response(status)
        if 'Content-Type' not in headers:
            self.send_header('Content-Type', 'application/json; charset=utf-8')
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.send_header('Content-Length', str(length))
        if self.close_connection:
            self.send_header('Connection', 'close')
        self.end_headers()

    # --------------------------------------------------------------- faults

    @staticmethod
    def _injected(entry, action, request_id, params):
        """The body of a fault that replaces the answer, or None."""
        raw = fault_rules.raw_body(action)
        if raw is not None or action.get('hang') or action.get('close') == 'before':
            return raw or b''
        replaced = fault_rules.replacement(action, params)
        if replaced is None:
            return None
        entry['code'] = replaced['code']
        return envelope(replaced['code'], replaced['message'], request_id,
                        replaced.get('data'))

    @staticmethod
    def _spoil(entry, action, headers, body):
        """What a fault changes in the reply."""
        headers = {**headers, **action.get('headers', {})}
        entry['http_status'] = action.get('http_status', entry['http_status'])
        if action.get('hang') or action.get('close') == 'before':
            entry['http_status'] = 0
        if 'throttle' in action:
            headers['X-Tt-Ads-Throttle'] = 'true'
        if 'body' in action:
            headers.setdefault('Content-Type', 'text/html')
        if 'gzip_bomb_mb' in action:
            headers['Content-Encoding'] = 'gzip'
            body = fault_rules.gzip_bomb(action['gzip_bomb_mb'])
        elif fault_rules.raw_body(action) is None and body:
            body = fault_rules.change(action, body)
        if 'truncate' in action:
            body = body[:len(body) * 2 // 3]
        return headers, body

    def _vanish(self, action):
        """Delays, and faults that never reply; True when the request is over."""
        if 'delay_ms' in action:
            time.sleep(action['delay_ms'] / 1000)
        if 'together' in action and not self.api.faults.gate.wait(action['together']):
            self.close_connection = True
            return True
        if action.get('hang'):
            end = time.monotonic() + 600
            while time.monotonic() < end:
                if select.select([self.connection], [], [], 0.2)[0]:
                    break
        if action.get('hang') or action.get('close') == 'before':
            self.close_connection = True
            return True
        return False

    def _send_fault(self, status, headers, body, action):
        if action.get('close') == 'mid' or 'drip' in action:
            self._send_piecemeal(status, headers, body, action)
        else:
            self._send(status, headers, body, pack='Content-Encoding' not in headers)

    def _send_piecemeal(self, status, headers, body, action):
        """Half a body and a closed connection, or a body drop by drop."""
        self._head(status, headers, len(body))
        if action.get('close') == 'mid':
            self.close_connection = True
            self.wfile.write(body[:len(body) // 2])
            self.wfile.flush()
            return
        step = action['drip'] if isinstance(action['drip'], int) else 16
        for start in range(0, len(body), step):
            self.wfile.write(body[start:start + step])
            self.wfile.flush()
            time.sleep(0.1)

    # -------------------------------------------------------------- control

    def control(self, path, query):
        """The tests' side door."""
        try:
            raw = self.read_body()
            given = json.loads(raw) if raw else None
            status, reply = 200, self._control(self.command, path[len('/_control/'):], given,
                                               dict(urllib.parse.parse_qsl(query)))
        except (ValueError, KeyError, TypeError) as error:
            status, reply = 400, {'error': f'{type(error).__name__}: {error}'}
        self._send(status, {}, json.dumps(reply, ensure_ascii=False).encode())

    def _control(self, method, what, given, query):
        api, journal = self.api, self.api.journal
        if method == 'GET':
            with journal.lock:
                if what == 'log':
                    return [e for e in journal.entries if e['n'] > int(query.get('since', 0))
                            and query.get('path', e['path']) == e['path']]
                if what == 'violations':
                    return list(journal.violations)
                if what == 'stats':
                    return {'requests': journal.n, 'violations': len(journal.violations),
                            'peak_concurrency': journal.peak,
                            'today': datetime.date.fromordinal(api.store.today).isoformat()}
        elif what == 'reset':
            journal.reset()
            api.faults.set([])
            api.timeouts.reset()
            api.sandbox.reset()
            if given and given.get('data'):
                api.store.reset()
            return {}
        elif what == 'faults':
            api.faults.set(given)
            api.timeouts.reset()
            return {}
        elif what == 'mutate':
            for change in given if isinstance(given, list) else [given]:
                api.store.mutate(change)
            return {}
        elif what == 'settings':
            api.latency = given.get('latency', api.latency * 1000) / 1000
            api.qps = given.get('qps', api.qps)
            api.store.limit(given.get('ad_limit'), given.get('video_limit'))
            api.sandbox.set(given.get('sandbox'))
            return {}
        raise ValueError(f'no such control: {method} {what}')


class Server(http.server.ThreadingHTTPServer):
    """Threads per connection; TLS handshakes in the thread, not in the accept loop."""

    daemon_threads = True
    request_queue_size = 256
    context = None

    def finish_request(self, request, client_address):
        if self.context:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except (OSError, ssl.SSLError):
                return
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError, ssl.SSLError)):
            super().handle_error(request, client_address)


def picture(path):
    """A picture of an image or a video's cover, the same each time."""
    h = zlib.crc32(path.encode())
    shapes = ''.join(f'<circle cx="{(h >> i) % 90}" cy="{(h >> 2 * i) % 140}" r="{8 + (h >> i) % 26}" '
                     f'fill="hsl({(h >> i) % 360} 80% 60%)" opacity=".55"/>' for i in range(1, 8))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 140"><rect width="90" '
            f'height="140" fill="hsl({h % 360} 45% 30%)"/>{shapes}</svg>').encode()


def options(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, default=0, help='0: any free port')
    parser.add_argument('--port-file', help='write the port here when ready')
    data_options(parser)
    parser.add_argument('--latency', type=float, default=0, metavar='MS')
    parser.add_argument('--qps', type=int, default=0, help='40100 beyond it; 0: no limit')
    parser.add_argument('--ad-limit', type=int, default=AD_LIMIT, metavar='N',
                        help='ads of an account that a report works on; 0: all')
    parser.add_argument('--video-limit', type=int, default=VIDEO_LIMIT, metavar='N',
                        help='videos that a search finds')
    parser.add_argument('--log', metavar='FILE', help='requests as JSON lines')
    parser.add_argument('--tls', nargs=2, metavar=('CERT', 'KEY'))
    parser.add_argument('--token', default='local-access-token')
    parser.add_argument('--app-id', default='7000000000000000001')
    parser.add_argument('--secret', default='local-secret')
    parser.add_argument('--pictures', action='store_true',
                        help='links to images and covers lead to pictures of this server')
    parser.add_argument('--doubted', action='store_true',
                        help='has reports that sources disagree about')
    parser.add_argument('--exit-with-stdin', action='store_true')
    return parser.parse_args(argv)


def data_options(parser):
    """The options that decide what data there is (shared with expected.py)."""
    parser.add_argument('--today', type=datetime.date.fromisoformat, help='default: UTC today')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--scale', choices=('small', 'demo', 'large'), default='small')
    parser.add_argument('--ads', type=int, help='ads of the first account of --scale large')


def watch_stdin():
    """End the process when the other end of stdin goes away."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def main():
    chosen = options()
    Handler.api = Api(chosen)
    server = Server((chosen.host, chosen.port), Handler)
    if chosen.tls:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(*chosen.tls)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    port = server.server_address[1]
    if chosen.port_file:
        with open(chosen.port_file + '.new', 'w', encoding='ascii') as file:
            file.write(f'{port}\n')
        os.replace(chosen.port_file + '.new', chosen.port_file)
    if chosen.exit_with_stdin:
        threading.Thread(target=watch_stdin, daemon=True).start()
    scheme = 'https' if chosen.tls else 'http'
    if chosen.pictures:
        Handler.api.store.pictures = f'{scheme}://{chosen.host}:{port}{PICTURES}'
    print(f'listening on {scheme}://{chosen.host}:{port}{BASE}', flush=True)
    server.serve_forever(poll_interval=0.5)


if __name__ == '__main__':
    main()
