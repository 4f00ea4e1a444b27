"""What TikTok's own page says of the sandbox, where its clients see more.

Invariants: without it ("lenient", the default) the sandbox is the production API
less what a client is known to be refused there; "official" has 21 endpoints (of
those here: campaigns, ad groups, ads, reports), a rate limit an endpoint, twelve
days of data and no order.
"""
import collections
import datetime
import threading
import time

from facts import REPORT
from rules import ApiError

ENDPOINTS = {'campaign/get', 'adgroup/get', 'ad/get', REPORT}
# (seconds, requests)
LIMITS = ((1, 1), (60, 30), (86400, 1000))
FIRST, LAST = (datetime.date(2020, 12, d).toordinal() for d in (8, 19))


class Sandbox:
    """The sandbox of one server."""

    def __init__(self):
        self.lock, self.official = threading.Lock(), False
        self.reset()

    def reset(self):
        with self.lock:
            self.times = collections.defaultdict(list)

    def set(self, mode):
        if mode not in (None, 'lenient', 'official'):
            raise ValueError('sandbox: lenient or official')
        if mode:
            self.official = mode == 'official'
            self.reset()

    def check(self, endpoint):
        """A refusal of an endpoint that is not there, or asked too often."""
        if not self.official:
            return
        if endpoint not in ENDPOINTS:
            raise ApiError(40008, f'{endpoint} is not supported in sandbox')
        now = time.monotonic()
        with self.lock:
            times = self.times[endpoint]
            for seconds, requests in LIMITS:
                if sum(t > now - seconds for t in times) >= requests:
                    raise ApiError(40100, 'Too many requests: requests from App are temporarily '
                                          f'restricted, {requests} in {seconds} seconds')
            times.append(now)

    def narrow(self, query):
        """The days that there are, in no order."""
        if not self.official:
            return query
        return query._replace(begin=max(query.begin, FIRST), end=min(query.end, LAST),
                              order=None)
