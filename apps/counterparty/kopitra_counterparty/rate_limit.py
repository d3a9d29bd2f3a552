"""A token bucket per account, in memory: a restart forgives."""

from collections import OrderedDict
from math import ceil

import msgspec

from kopitra.application.ports.timing import Clock

MOST_BUCKETS = 20_000
"""More accounts than one shard holds; the one that was used longest ago goes, and it was full anyway."""


class RateLimit(msgspec.Struct, frozen=True):
    """Requests that an account may make: `burst` at once, `per_second` in the long run."""

    per_second: float = 50.0
    burst: int = 200


class _Bucket(msgspec.Struct):
    tokens: float
    at: float


class RateLimiter:
    def __init__(self, limit: RateLimit, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, who: str) -> int:
        """Take one request's token: 0, or in how many seconds there will be one."""
        now = self._clock.monotonic()
        bucket = self._buckets.get(who)
        if bucket is None:
            bucket = self._buckets[who] = _Bucket(float(self._limit.burst), now)
            if len(self._buckets) > MOST_BUCKETS:
                self._buckets.popitem(last=False)
        grown = bucket.tokens + (now - bucket.at) * self._limit.per_second
        bucket.tokens, bucket.at = min(grown, float(self._limit.burst)), now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        return max(1, ceil((1 - bucket.tokens) / self._limit.per_second))
