"""The machine's own clock and asyncio's own sleep."""

import asyncio
import time
from datetime import UTC, datetime

from kopitra.application.steady_clock import SteadyClock

MICROSECONDS_PER_MILLISECOND = 1000


class SystemClock:
    def now(self) -> datetime:
        now = datetime.now(UTC)
        return now.replace(
            microsecond=now.microsecond // MICROSECONDS_PER_MILLISECOND * MICROSECONDS_PER_MILLISECOND
        )

    def monotonic(self) -> float:
        return time.monotonic()


def steady_clock() -> SteadyClock:
    """For whoever measures silences and ages by it."""
    return SteadyClock(wall=lambda: datetime.now(UTC), elapsed=elapsed, monotonic=time.monotonic)


def elapsed() -> float:
    """Seconds that count while the machine sleeps, too: Linux's monotonic clock stands still meanwhile, those of the
    others do not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class SystemSleeper:
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
