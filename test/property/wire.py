"""A connection to PostgreSQL: simple queries over a socket, rows as text.

Enough for tests: no passwords, no parameters. Rows come back as tuples of str
or None, so that a value with a newline or a quote in it compares as it is.
"""
import socket
import struct


class Failure(Exception):
    """An error of the server: its SQLSTATE and message."""

    def __init__(self, fields):
        self.sqlstate, self.message = fields.get('C', ''), fields.get('M', '')
        detail = fields.get('D')
        super().__init__(f'{self.sqlstate} {self.message}' + (f' ({detail})' if detail else ''))


class Connection:
    """One session. host: a folder with the server's socket, or a name."""

    def __init__(self, host, port, user, database):
        if host.startswith('/'):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(f'{host}/.s.PGSQL.{port}')
        else:
            self.socket = socket.create_connection((host, int(port)))
        self.stream = self.socket.makefile('rb')
        self.notices = []
        words = ('user', user, 'database', database, 'client_encoding', 'UTF8')
        text = b''.join(word.encode() + b'\0' for word in words) + b'\0'
        self.socket.sendall(struct.pack('!ii', len(text) + 8, 196608) + text)
        self._answer()

    def close(self):
        self.stream.close()
        self.socket.close()

    def query(self, sql):
        """The rows of the last statement of sql that returned any."""
        text = sql.encode() + b'\0'
        self.socket.sendall(b'Q' + struct.pack('!i', len(text) + 4) + text)
        return self._answer()

    def _message(self):
        head = self.stream.read(5)
        if len(head) < 5:
            raise ConnectionError('the server closed the connection')
        length = struct.unpack('!i', head[1:])[0] - 4
        return head[:1], self.stream.read(length)

    def _answer(self):
        rows, failure = [], None
        while True:
            kind, body = self._message()
            if kind == b'T':
                rows = []
            elif kind == b'D':
                rows.append(_row(body))
            elif kind in (b'E', b'N'):
                fields = {part[:1].decode(): part[1:].decode('utf-8', 'replace')
                          for part in body.split(b'\0') if part}
                if kind == b'N':
                    self.notices.append(fields.get('M', ''))
                else:
                    failure = Failure(fields)
                    if fields.get('S') == 'FATAL':
                        raise failure
            elif kind == b'R' and struct.unpack('!i', body[:4])[0] != 0:
                raise ConnectionError('the server wants a password')
            elif kind == b'Z':
                if failure:
                    raise failure
                return rows


def _row(body):
    count, at, values = struct.unpack('!h', body[:2])[0], 2, []
    for _ in range(count):
        length = struct.unpack('!i', body[at:at + 4])[0]
        at += 4
        if length < 0:
            values.append(None)
            continue
        values.append(body[at:at + length].decode())
        at += length
    return tuple(values)
