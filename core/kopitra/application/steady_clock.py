"""A clock that does not jump: silence, freshness and leases are measured by it, and none of them may depend on somebody
setting the machine's clock (docs/decisions/0158).

Between two looks it advances by what really passed, and only slowly comes closer to the machine's clock. A process
starts with the machine's time, and goes on from where the one before it ended (docs/decisions/0231).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

SLEW = 0.05
"""Five seconds in a hundred: ten minutes are caught up in three hours and a half, and a timeout errs by a twentieth."""
MILLISECOND = 1000
MOST_RESUMED = timedelta(hours=1)
"""Further ahead than this the machine's clock was plainly wrong: its time is not gone on from, and `Readings.misdated`
takes care of what it dated."""


class SteadyClock:
    """Implements Clock over a wall clock that may be set. `elapsed`: seconds that count while the machine sleeps, too;
    `monotonic`: the one by which tasks sleep."""

    def __init__(
        self, *, wall: Callable[[], datetime], elapsed: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self.monotonic = monotonic
        self._at = wall()
        self._seen = elapsed()

    def now(self) -> datetime:
        seen = self._elapsed()
        passed = max(seen - self._seen, 0.0)
        expected = self._at + timedelta(seconds=passed)
        allowed = timedelta(seconds=passed * SLEW)
        wrong = self._wall() - expected
        self._at = expected + max(-allowed, min(allowed, wrong))
        self._seen = seen
        return self._at.replace(microsecond=self._at.microsecond // MILLISECOND * MILLISECOND)

    def resume_from(self, at: datetime) -> None:
        """It has been this late already, to whoever looked before."""
        ahead = at - self.now()
        if timedelta(0) < ahead <= MOST_RESUMED:
            self._at += ahead

    @property
    def wrong(self) -> timedelta:
        """By how much the machine's clock is ahead of this one."""
        return self._wall() - self.now()
