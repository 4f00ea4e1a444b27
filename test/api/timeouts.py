"""What TikTok does to clients whose requests time out.

Invariants: a request is what its endpoint and its parameters are; the third
time-out of the same request within ten minutes blocks it for ten minutes; 10,
20 or 30 time-outs of any requests within ten seconds leave the application 5, 1
or 0 requests a second for five minutes.
"""
import collections
import json
import threading
import time

from codes import CODES
from rules import ApiError

SAME, SAME_WINDOW = 3, 600
STEPS = ((30, 0), (20, 1), (10, 5))
APP_WINDOW, APP_PENALTY = 10, 300


class Timeouts:
    """The time-outs of the last ten minutes."""

    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        with self.lock:
            self.same, self.blocked = {}, {}
            self.all, self.penalty = collections.deque(), (0, None)

    @staticmethod
    def key(endpoint, params):
        plain = {k: v if isinstance(v, str) else json.dumps(v, sort_keys=True)
                 for k, v in params.items()}
        return endpoint, tuple(sorted(plain.items()))

    def check(self, key):
        """A refusal when the request is blocked."""
        with self.lock:
            if self.blocked.get(key, 0) > time.monotonic():
                raise ApiError(40016, 'The request is blocked for 10 minutes: it timed out '
                                      f'{SAME} times within 10 minutes')

    def note(self, key):
        """A request timed out; the message of a violation when it did so once too often."""
        now = time.monotonic()
        with self.lock:
            times = [t for t in self.same.get(key, ()) if t > now - SAME_WINDOW] + [now]
            self.same[key] = times
            self.all.append(now)
            while self.all[0] <= now - APP_WINDOW:
                self.all.popleft()
            for count, qps in STEPS:
                if len(self.all) >= count:
                    self.penalty = (now + APP_PENALTY, qps)
                    break
            if len(times) < SAME:
                return None
            self.blocked[key] = now + SAME_WINDOW
            return f'{CODES[51010]}: the same request for the {len(times)}. time'

    def qps(self, usual):
        """The requests a second that are left; 0 as a limit is (True, 0)."""
        until, qps = self.penalty
        if qps is None or until <= time.monotonic():
            return bool(usual), usual
        return True, min(usual, qps) if usual else qps
