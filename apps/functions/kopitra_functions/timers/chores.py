"""Chores that need SQL: done while somebody else keeps it awake, and once a day if nobody does."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from kopitra.application.ports.queue import QueueUnavailable
from kopitra.application.ports.timing import Clock
from kopitra_functions.sql.errors import DatabaseResuming, DatabaseUnavailable
from kopitra_functions.timers.memory import Memory

AT_LEAST_EVERY = timedelta(hours=20)
"""A chore that found no occasion for so long is done by the daily round, which wakes SQL."""

log = structlog.get_logger("kopitra.chores")

IsAwake = Callable[[], Awaitable[bool]]
"""Whether SQL is being used right now, found out without touching it."""


class Chore(msgspec.Struct, frozen=True, kw_only=True):
    """`every`: not more often. `run` tells how much it has done; doing it twice changes nothing."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[int]]


class ChoreNotes(msgspec.Struct, rename="camel"):
    done: dict[str, datetime] = {}


class Chores:
    def __init__(
        self, *, chores: Sequence[Chore], memory: Memory[ChoreNotes], is_awake: IsAwake, clock: Clock
    ) -> None:
        self._chores = chores
        self._memory = memory
        self._is_awake = is_awake
        self._clock = clock

    async def if_awake(self) -> int:
        """Those that are due, if SQL is in use anyway; how many were done."""
        return await self.while_awake() if await self._is_awake() else 0

    async def while_awake(self) -> int:
        """Those that are due: for callers that have just used SQL."""
        return await self._do(lambda chore, since: since is None or since >= chore.every)

    async def daily(self) -> int:
        """Those that found no occasion since yesterday, whether or not SQL sleeps."""
        return await self._do(lambda chore, since: since is None or since >= max(chore.every, AT_LEAST_EVERY))

    async def _do(self, is_due: Callable[[Chore, timedelta | None], bool]) -> int:
        """A chore that fails is due again the next time; a database that is away ends the round."""
        notes, now = await self._memory.recall(), self._clock.now()
        due = [chore for chore in self._chores if is_due(chore, _since(notes, chore, now))]
        done = 0
        for chore in due:
            try:
                number = await chore.run()
            except (DatabaseResuming, DatabaseUnavailable, QueueUnavailable) as error:
                log.warning("chores_wait", chore=chore.name, error=str(error))
                break
            except Exception:
                log.exception("chore_failed", chore=chore.name)
                continue
            log.info("chore_done", chore=chore.name, number=number)
            notes.done[chore.name] = now
            done += 1
        if done:
            await self._memory.keep(notes)
        return done


def _since(notes: ChoreNotes, chore: Chore, now: datetime) -> timedelta | None:
    last = notes.done.get(chore.name)
    return None if last is None else now - last
