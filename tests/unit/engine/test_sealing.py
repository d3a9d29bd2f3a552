"""The shard's writer seals once a day what the journal has grown by."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from kopitra.application.engine import Engine
from kopitra.application.sealing import Sealing
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.fixtures.segments import MemorySegments

HOUR = 3600.0


class Desk:
    """Where somebody seals. It stands in for the engine: `committed` is what is durable."""

    def __init__(self, time: VirtualTime) -> None:
        self.time = time
        self.segments = MemorySegments(time)
        self.committed = 0
        self._work: asyncio.Task[None] | None = None

    def serve(self) -> None:
        """A term begins."""
        self.cease()
        sealing = Sealing(
            segments=self.segments, engine=cast(Engine, self), clock=self.time, sleeper=self.time
        )
        self._work = asyncio.create_task(sealing.run())

    def cease(self) -> None:
        if self._work is not None:
            self._work.cancel()

    @property
    def ranges(self) -> list[tuple[int, int]]:
        return self.segments.ranges


def at_the_desk(scenario: Callable[[Desk], Awaitable[None]]) -> None:
    async def main(time: VirtualTime) -> None:
        desk = Desk(time)
        await scenario(desk)
        desk.cease()

    run_virtual(1, main)


def test_what_is_durable_is_sealed_an_hour_after_the_term_began_and_then_daily() -> None:
    async def scenario(desk: Desk) -> None:
        desk.committed = 3
        desk.serve()
        await desk.time.sleep(HOUR - 1)
        assert desk.ranges == []
        await desk.time.sleep(2)
        assert desk.ranges == [(1, 3)]
        desk.committed = 7
        await desk.time.sleep(23 * HOUR)
        assert desk.ranges == [(1, 3)]
        await desk.time.sleep(HOUR)
        assert desk.ranges == [(1, 3), (4, 7)]
        await desk.time.sleep(48 * HOUR)
        assert desk.ranges == [(1, 3), (4, 7)]

    at_the_desk(scenario)


def test_another_term_goes_by_when_the_last_one_sealed() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.segments.seal(3)
        desk.committed = 4
        desk.serve()
        await desk.time.sleep(2 * HOUR)
        assert desk.ranges == [(1, 3)]
        await desk.time.sleep(24 * HOUR)
        assert desk.ranges == [(1, 3), (4, 4)]

    at_the_desk(scenario)


def test_a_storage_that_is_away_is_tried_again() -> None:
    async def scenario(desk: Desk) -> None:
        desk.committed = 3
        desk.segments.away = True
        desk.serve()
        await desk.time.sleep(2 * HOUR)
        desk.segments.away = False
        await desk.time.sleep(2 * HOUR)
        assert desk.ranges == [(1, 3)]

    at_the_desk(scenario)
