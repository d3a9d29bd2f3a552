"""How long the journal takes, and when the shard was without a proven writer."""

from collections.abc import Sequence

from kopitra.application import measured
from kopitra.application.fence_keeper import Standing
from kopitra.application.group_commit import Appending
from kopitra.application.ports.journal import Fence, Frame
from kopitra.application.ports.telemetry import Telemetry
from kopitra.application.ports.timing import Clock

MILLISECONDS = 1000.0


class TimedAppends:
    """A journal whose appends are timed."""

    def __init__(self, journal: Appending, telemetry: Telemetry, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._written = telemetry.histogram(measured.COMMIT, outcome="written")
        self._failed = telemetry.histogram(measured.COMMIT, outcome="failed")

    @property
    def room(self) -> int:
        return self._journal.room

    def cost(self, frame: Frame) -> int:
        return self._journal.cost(frame)

    def admit(self, frames: Sequence[Frame]) -> None:
        self._journal.admit(frames)

    async def append(self, fence: Fence, frames: Sequence[Frame]) -> Fence:
        began, outcome = self._clock.monotonic(), self._failed
        try:
            appended = await self._journal.append(fence, frames)
            outcome = self._written
        finally:
            outcome.record((self._clock.monotonic() - began) * MILLISECONDS)
        return appended


class FenceLosses:
    """Of a writer that is not stopping."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._told = {
            Standing.STANDBY: telemetry.counter(measured.FENCE_LOST, reason="lost"),
            Standing.UNVERIFIED: telemetry.counter(measured.FENCE_LOST, reason="unverified"),
        }

    def became(self, standing: Standing) -> None:
        told = self._told.get(standing)
        if told is not None:
            told.add()
