"""Time as the agent sees it; structurally the same ports as the application's."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC, truncated to whole milliseconds. For stamps only: never for durations."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...


class Sleeper(Protocol):
    async def sleep(self, seconds: float) -> None:
        """Return after at least `seconds`; zero or less yields once. May be cancelled."""
        ...
