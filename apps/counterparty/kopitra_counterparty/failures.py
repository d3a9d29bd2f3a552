"""Failed attempts to sign in: each account that is tried, known or not, has to wait longer and longer."""

from collections import OrderedDict
from math import ceil

import msgspec

from kopitra.application.ports.timing import Clock

FREE_ATTEMPTS = 5
"""A person who copies a secret wrongly is done by then."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0
FORGOTTEN_AFTER_SECONDS = 3600.0
MOST_NAMES = 10_000
"""Names that are tried cost memory; the oldest are forgotten first."""


class _Record(msgspec.Struct):
    count: int
    blocked_until: float
    at: float


class Failures:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def pause(self, name: str) -> int:
        """Seconds before this name may be tried again, 0 for now."""
        record = self._records.get(name)
        if record is None:
            return 0
        return max(0, ceil(record.blocked_until - self._clock.monotonic()))

    def note(self, name: str) -> None:
        """One more failure."""
        now = self._clock.monotonic()
        record = self._records.pop(name, None)
        if record is None or now - record.at > FORGOTTEN_AFTER_SECONDS:
            record = _Record(0, 0.0, now)
        record.count += 1
        record.at = now
        excess = record.count - FREE_ATTEMPTS
        if excess > 0:
            record.blocked_until = now + min(
                FIRST_PAUSE_SECONDS * 2 ** min(excess - 1, 20), LONGEST_PAUSE_SECONDS
            )
        self._records[name] = record
        if len(self._records) > MOST_NAMES:
            self._records.popitem(last=False)

    def clear(self, name: str) -> None:
        self._records.pop(name, None)
