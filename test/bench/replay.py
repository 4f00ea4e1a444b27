#!/usr/bin/env python3
"""Answers pages from memory, so that a benchmark measures its clients.

    replay.py --template PAGE.json [--rows 1000] [--sets 1,10,100,1000] [--lazy] [--repeat 9000=17]
    listening on http://127.0.0.1:PORT/

PAGE.json is one reply of the local TikTok API (test/api). Page p of a list of
n pages is that reply with its rows repeated to --rows, ids of its own in each
row, and the page_info of such a list; made and compressed before the first
request; with --lazy when they are asked for, and not compressed, which suits
lists of ten thousand pages. --repeat gives a row (from 0) the id of another. The
address says which list, and how late: http://127.0.0.1:PORT/n/ms/
is an api_url whose every path is that list, each reply ms milliseconds after
its request. Ends when its standard input does.
"""
import argparse
import asyncio
import functools
import json
import re
import sys
import zlib

REQUEST = re.compile(rb'GET /(\d+)/(\d+)/\S*?(?:[?&]page=(\d+)(?:&\S*)?)? HTTP/1')


def packed(text):
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    body = packer.compress(text.encode()) + packer.flush()
    return (b'HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n'
            b'Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n' % len(body)) + body


def make_page(pattern, rows, n, page, repeat):
    """The text of page `page` of n."""
    first = (page - 1) * rows
    body = ','.join(
        f'{before}{10 ** 15 + repeat.get(i, i)}{after}' for i in range(first, first + rows)
        for before, after in (pattern[i % len(pattern)],))
    info = json.dumps({'page': page, 'page_size': rows, 'total_number': n * rows, 'total_page': n})
    return ('{"code":0,"message":"OK","request_id":"replay","data":'
            f'{{"list":[{body}],"page_info":{info}}}}}')


def plain(text):
    body = text.encode()
    return (b'HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n'
            b'Content-Length: %d\r\n\r\n' % len(body)) + body


class Pages:
    """The replies, by number of pages and page."""

    def __init__(self, template, chosen):
        pattern = [row_parts(row) for row in template['data']['list']]
        self.sets = {int(n) for n in chosen.sets.split(',')}
        self.make = functools.partial(make_page, pattern, chosen.rows, repeat=chosen.repeat)
        self.ready = {} if chosen.lazy else {
            (n, page): packed(self.make(n, page)) for n in self.sets for page in range(1, n + 1)}

    def get(self, n, page):
        """None if there is no such page."""
        if n not in self.sets or not 1 <= page <= n:
            return None
        return self.ready.get((n, page)) or plain(self.make(n, page))


def row_parts(row):
    """A row's text before and after its ad_id."""
    row['dimensions']['ad_id'] = '@'
    before, after = json.dumps(row, separators=(',', ':'), ensure_ascii=False).split('@')
    return before, after


class Replay(asyncio.Protocol):
    pages = None

    def connection_made(self, transport):
        self.transport, self.input = transport, b''

    def data_received(self, data):
        self.input += data
        while b'\r\n\r\n' in self.input:
            head, self.input = self.input.split(b'\r\n\r\n', 1)
            match = REQUEST.match(head)
            n, ms, page = (int(x or 1) for x in match.groups()) if match else (0, 0, 0)
            reply = self.pages.get(n, page) or \
                b'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'
            if ms:
                asyncio.get_running_loop().call_later(ms / 1000, self.answer, reply)
            else:
                self.answer(reply)

    def answer(self, reply):
        if not self.transport.is_closing():
            self.transport.write(reply)


def pair(text):
    return tuple(int(part) for part in text.split('='))


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--template', required=True)
    parser.add_argument('--rows', type=int, default=1000)
    parser.add_argument('--sets', default='1,10,100,1000')
    parser.add_argument('--lazy', action='store_true')
    parser.add_argument('--repeat', type=pair, action='append', default=[], metavar='ROW=ROW')
    parser.add_argument('--port', type=int, default=0)
    chosen = parser.parse_args()
    with open(chosen.template, encoding='utf-8') as file:
        template = json.load(file)
    chosen.repeat = dict(chosen.repeat)
    Replay.pages = Pages(template, chosen)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Replay, '127.0.0.1', chosen.port, backlog=1024)
    print(f'listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}/', flush=True)
    await loop.run_in_executor(None, sys.stdin.read)

if __name__ == '__main__':
    asyncio.run(main())
