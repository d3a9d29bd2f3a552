"""Waiting for something to happen, but not for ever."""

import asyncio

from kopitra_agent.ports.timing import Sleeper


class Bell:
    """Rung when there is something to do; rings before a wait are not lost, several count as one."""

    def __init__(self, sleeper: Sleeper) -> None:
        self._sleeper = sleeper
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, seconds: float | None = None) -> None:
        """Return at the next ring, or after `seconds`."""
        if not self._rung.is_set():
            alarm = None if seconds is None else asyncio.create_task(self._ring_after(seconds))
            try:
                await self._rung.wait()
            finally:
                if alarm is not None:
                    alarm.cancel()
        self._rung.clear()

    async def _ring_after(self, seconds: float) -> None:
        await self._sleeper.sleep(seconds)
        self._rung.set()
