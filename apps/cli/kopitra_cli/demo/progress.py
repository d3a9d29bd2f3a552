"""Waiting for the platform: the journal as it grows, and whoever waits for something in it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from kopitra.application.ports.timing import Clock
from kopitra.machine.events import Recorded
from kopitra_cli.demo.platform_record import PlatformRecord


class Tail(Protocol):
    def follow(self) -> AsyncIterator[list[Recorded]]: ...


class Progress:
    """`record` is up to date whenever someone who waited goes on."""

    def __init__(self, record: PlatformRecord, clock: Clock) -> None:
        self.record = record
        self._clock = clock
        self._grown = asyncio.Event()

    async def follow(self, tail: Tail) -> None:
        """Never returns."""
        async for events in tail.follow():
            for recorded in events:
                self.record.take(recorded)
            self.look_again()

    def look_again(self) -> None:
        """Let those who wait ask their question once more."""
        self._grown.set()
        self._grown = asyncio.Event()

    async def until(self, answer: Callable[[], bool], seconds: float) -> bool:
        """True as soon as the answer is; False if it is not within that time."""
        ends = self._clock.monotonic() + seconds
        while not answer():
            left = ends - self._clock.monotonic()
            if left <= 0:
                return False
            try:
                async with asyncio.timeout(left):
                    await self._grown.wait()
            except TimeoutError:
                return answer()
        return True
