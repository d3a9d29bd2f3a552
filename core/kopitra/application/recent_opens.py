"""The last opens of leaders as they were decided: what a change of settings is previewed on.

Kept in memory only, within a bound; after a start it reaches back as far as the journal was replayed.
"""

from collections import deque
from collections.abc import Iterator
from datetime import datetime

import msgspec

from kopitra.machine.events import CopyPlanned, Recorded
from kopitra.machine.evolutions.leading import OPENING
from kopitra.machine.state import State

MOST_BYTES = 64 * 1024 * 1024
"""By estimate: 30,000 decisions, thirty opens of a leader with a thousand followers, or months of a quiet one."""
BYTES_OF_EVENT = 2_000
BYTES_OF_DECISION = 2_000
"""A decision with its order and arithmetic: about thirty numbers and as many words."""


class Reach(msgspec.Struct, frozen=True):
    """The first event (its sequence, and when it was recorded) that nothing since is missing after."""

    sequence: int
    at: datetime


class RecentOpens:
    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._held: deque[Recorded] = deque()
        self._bytes = 0
        self._reach: Reach | None = None

    @property
    def reach(self) -> Reach | None:
        """None before anything was noted."""
        return self._reach

    def newest_first(self, committed: int) -> Iterator[tuple[Recorded, CopyPlanned]]:
        """Opens of which every follower's part is durable."""
        for recorded in reversed(list(self._held)):
            if recorded.last <= committed and isinstance(recorded.event, CopyPlanned):
                yield recorded, recorded.event

    def note(self, state: State, recorded: Recorded) -> None:
        if self._reach is None:
            self._reach = Reach(recorded.sequence, recorded.at)
        event = recorded.event
        if not isinstance(event, CopyPlanned) or event.signal.action not in OPENING or event.sandbox:
            return
        self._held.append(recorded)
        self._bytes += _size(event)
        while self._bytes > self._most and len(self._held) > 1:
            self._forget_oldest()

    def dump(self) -> bytes:
        """Nothing: a snapshot is no place for what the journal holds."""
        return b""

    def load(self, content: bytes) -> None:
        self._held.clear()
        self._bytes, self._reach = 0, None

    def _forget_oldest(self) -> None:
        event = self._held.popleft().event
        assert isinstance(event, CopyPlanned)
        self._bytes -= _size(event)
        self._reach = Reach(self._held[0].sequence, self._held[0].at)


def _size(event: CopyPlanned) -> int:
    return BYTES_OF_EVENT + BYTES_OF_DECISION * len(event.decisions)
