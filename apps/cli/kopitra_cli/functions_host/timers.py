"""A timer trigger: one run at a time, at each occurrence of its schedule."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import structlog
from azure.functions.timer import TimerRequest

from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.domain.instants import rfc3339
from kopitra_cli.functions_host.indexing import TimerFunction
from kopitra_cli.functions_host.invoking import Invoker
from kopitra_cli.functions_host.limits import HostLimits

LONGEST_SLEEP = 60.0
"""A machine that slept, or whose clock was set, is noticed after so long."""

log = structlog.get_logger("kopitra.functions")


class TimerMemory(Protocol):
    """Up to when a timer's occurrences are done, over restarts."""

    def recall(self, timer: str) -> datetime | None: ...

    def keep(self, timer: str, done: datetime) -> None: ...


class TimerListener:
    """An occurrence is done when its run has ended, by an error too; a kill in between makes it late at the next start.
    Occurrences that pass during a run are made up for by one run."""

    def __init__(
        self,
        function: TimerFunction,
        invoker: Invoker,
        memory: TimerMemory,
        *,
        clock: Clock,
        sleeper: Sleeper,
        limits: HostLimits,
        on_end: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._on_end = on_end
        self._function = function
        self._invoker = invoker
        self._memory = memory
        self._clock = clock
        self._sleeper = sleeper
        self._limits = limits
        self._loop: asyncio.Task[None] | None = None
        self._running = False
        self._stopping = False

    def start(self) -> None:
        self._loop = asyncio.ensure_future(self._run())
        self._loop.add_done_callback(self._on_end)

    async def stop(self) -> None:
        """Let a run that has begun end within the grace."""
        self._stopping = True
        if self._loop is None:
            return
        if self._running:
            await asyncio.wait({self._loop}, timeout=self._limits.grace)
        self._loop.cancel()
        await asyncio.gather(self._loop, return_exceptions=True)

    async def _run(self) -> None:
        schedule = self._function.schedule
        done = self._known()
        if schedule.after(done) <= (now := self._clock.now()):
            done = await self._call(now, late=True)
        elif self._function.on_startup:
            done = await self._call(now, late=False)
        while not self._stopping:
            due = schedule.after(done)
            await self._until(due)
            now = self._clock.now()
            done = await self._call(due if schedule.after(due) > now else now, late=False)

    def _known(self) -> datetime:
        """What is done; a timer that nobody has seen before begins now."""
        known = self._memory.recall(self._function.callee.name) if self._function.monitored else None
        now = self._clock.now()
        if known is None:
            self._keep(now)
        return known or now

    async def _call(self, occurrence: datetime, *, late: bool) -> datetime:
        """Up to when occurrences are done now."""
        status = {"Last": rfc3339(occurrence), "Next": rfc3339(self._function.schedule.after(occurrence))}
        request = TimerRequest(past_due=late, schedule_status=status)
        self._running = True
        try:
            await self._invoker.invoke(self._function.callee, request, {"late": late})
        except Exception as error:  # noqa: BLE001  # whatever a function raises; the invoker has logged it
            log.debug("timer_goes_on", function=self._function.callee.name, error=str(error))
        finally:
            self._running = False
        self._keep(occurrence)
        return occurrence

    def _keep(self, done: datetime) -> None:
        if self._function.monitored:
            self._memory.keep(self._function.callee.name, done)

    async def _until(self, moment: datetime) -> None:
        while (left := (moment - self._clock.now()).total_seconds()) > 0:
            await self._sleeper.sleep(min(left, LONGEST_SLEEP))
