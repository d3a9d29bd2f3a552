"""The local host: every function of an app, given its triggers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
import structlog
from azure.functions import FunctionApp

from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.queue import Queue
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra_cli.functions_host.http import HttpFront
from kopitra_cli.functions_host.indexing import Functions, index
from kopitra_cli.functions_host.invoking import Invoker
from kopitra_cli.functions_host.limits import HostLimits
from kopitra_cli.functions_host.queues import QueueListener
from kopitra_cli.functions_host.refusals import HostRefused
from kopitra_cli.functions_host.schedules import Schedule
from kopitra_cli.functions_host.timers import TimerListener, TimerMemory

log = structlog.get_logger("kopitra.functions")


class FunctionsHost:
    """`start` and `stop` belong together. `http` is for an ASGI server; None where the app has no HTTP function.
    `schedules`: of timers that run at other times here than the app says."""

    def __init__(
        self,
        app: FunctionApp,
        open_queue: Callable[[str], Awaitable[Queue]],
        memory: TimerMemory,
        *,
        clock: Clock,
        sleeper: Sleeper,
        ids: IdSource,
        limits: HostLimits | None = None,
        schedules: Mapping[str, Schedule] | None = None,
    ) -> None:
        """Raises HostRefused."""
        self.functions = _rescheduled(index(app), schedules or {})
        self._open_queue = open_queue
        self._memory = memory
        self._clock = clock
        self._sleeper = sleeper
        self._limits = limits or HostLimits()
        self._invoker = Invoker(clock, ids)
        self._queues: list[Queue] = []
        self._listeners: list[QueueListener | TimerListener] = []
        self._failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self.http = HttpFront(self.functions.http, self._invoker) if self.functions.http else None

    async def start(self) -> None:
        """Raises QueueUnavailable."""
        for function in self.functions.queues:
            queue = await self._open_queue(function.queue)
            self._queues.append(queue)
            self._listeners.append(
                QueueListener(
                    function,
                    queue,
                    self._invoker,
                    clock=self._clock,
                    sleeper=self._sleeper,
                    limits=self._limits,
                    on_end=self._ended,
                )
            )
        for timer in self.functions.timers:
            self._listeners.append(
                TimerListener(
                    timer,
                    self._invoker,
                    self._memory,
                    clock=self._clock,
                    sleeper=self._sleeper,
                    limits=self._limits,
                    on_end=self._ended,
                )
            )
        for listener in self._listeners:
            listener.start()
        log.info("hosting", queues=len(self.functions.queues), timers=len(self.functions.timers))

    async def failed(self) -> BaseException:
        """Return when one of the triggers broke, which is a fault of this host: it must not go on half deaf."""
        return await asyncio.shield(self._failed)

    async def stop(self) -> None:
        """What is running ends, what is locked and unhandled goes back."""
        await asyncio.gather(*(listener.stop() for listener in self._listeners))
        for queue in self._queues:
            await queue.close()
        self._listeners, self._queues = [], []

    def _ended(self, loop: asyncio.Task[None]) -> None:
        if loop.cancelled() or (error := loop.exception()) is None:
            return
        log.error("trigger_broke", exc_info=error)
        if not self._failed.done():
            self._failed.set_result(error)


def _rescheduled(functions: Functions, schedules: Mapping[str, Schedule]) -> Functions:
    unknown = set(schedules) - {timer.callee.name for timer in functions.timers}
    if unknown:
        raise HostRefused(f"there is no timer {min(unknown)}")
    timers = tuple(
        msgspec.structs.replace(timer, schedule=schedules.get(timer.callee.name, timer.schedule))
        for timer in functions.timers
    )
    return msgspec.structs.replace(functions, timers=timers)
