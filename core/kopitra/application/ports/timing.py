"""Time as the application sees it: a clock to read and a way to let time pass."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC, truncated to whole milliseconds: what the wire and the journal hold is what was decided with."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back. The only source of durations."""
        ...


class Sleeper(Protocol):
    async def sleep(self, seconds: float) -> None:
        """Return after at least `seconds`; zero or less yields once."""
        ...
