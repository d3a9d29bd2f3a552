"""One process of the simulated world: its tasks, its clock, which may be wrong, and whether it stands still."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from kopitra.simulation.virtual_time import VirtualTime

Failed = Callable[[str, BaseException], None]


class Process:
    """Implements Clock and Sleeper for what runs in it. `failed` is told of every task that ended by an error."""

    def __init__(self, name: str, time: VirtualTime, failed: Failed) -> None:
        self.name = name
        self.ahead = timedelta()
        """By how much its clock is ahead of the world's."""
        self.alive = True
        self.expected: tuple[type[BaseException], ...] = ()
        """Errors with which a task of it may end."""
        self._time = time
        self.monotonic = time.monotonic
        self._failed = failed
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._standstill: asyncio.Future[None] | None = None

    def now(self) -> datetime:
        return self._time.now() + self.ahead

    async def sleep(self, seconds: float) -> None:
        await self._time.sleep(seconds)
        if self._standstill is not None:
            await self.thawed()

    async def thawed(self) -> None:
        """Return once it does not stand still: nothing that it does gets out before."""
        while self._standstill is not None:
            await asyncio.shield(self._standstill)

    @property
    def frozen(self) -> bool:
        return self._standstill is not None

    def freeze(self) -> None:
        if self._standstill is None:
            self._standstill = asyncio.get_running_loop().create_future()

    def thaw(self) -> None:
        if self._standstill is not None:
            self._standstill.set_result(None)
            self._standstill = None

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    def require_alive(self) -> None:
        """Whatever a dead process still does on its way to being cancelled ends where it would touch the world."""
        if not self.alive:
            raise asyncio.CancelledError

    def kill(self) -> None:
        self.alive = False
        for task in list(self._tasks):
            task.cancel()
        self.thaw()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None and self.alive and not isinstance(error, self.expected):
            self._failed(self.name, error)
