"""Keeps an instance honest about being the writer: acquires the fence, proves it every second, falls silent in doubt.

             acquired                 no proof for 3 s
STANDBY ───────────────▶ HOLDING ─────────────────────▶ UNVERIFIED
   ▲                       │  ▲                             │ │
   └──── lost, given up ───┘  └────────── proved ───────────┘ │
   └──────────────────────── lost, given up ─────────────────┘
"""

from collections.abc import Callable
from enum import StrEnum

import structlog

from kopitra.application.group_commit import Spawn
from kopitra.application.ports.journal import Fence, FenceLost, Journal, JournalError
from kopitra.application.ports.timing import Clock, Sleeper

VERIFY_SECONDS = 1.0
UNVERIFIED_SECONDS = 3.0
"""Counted from when the last successful proof was asked for. Shorter than what `verify` leaves of a lease, less clock
skew: an instance is silent before another may begin."""
STANDBY_SECONDS = 0.5
"""Between two attempts to acquire: a holder that stops releases its fence long before the lease ends."""

log = structlog.get_logger("kopitra.fence")


class Standing(StrEnum):
    STANDBY = "standby"
    """Another may be the writer: answer nothing; keep nothing in memory that could be stale."""
    HOLDING = "holding"
    UNVERIFIED = "unverified"
    """The fence is ours as far as we know, but unproven: answer neither reads nor writes; state stays as it is."""


class FenceKeeper:
    """`run` until `stop`. `on_change` is called at every change of standing, with the fence while it is ours; a HOLDING
    in a new epoch means: recover from the journal, then serve."""

    def __init__(
        self,
        journal: Journal,
        *,
        owner: str,
        clock: Clock,
        sleeper: Sleeper,
        spawn: Spawn,
        on_change: Callable[[Standing, Fence | None], None],
    ) -> None:
        self._journal = journal
        self._owner = owner
        self._clock = clock
        self._sleeper = sleeper
        self._spawn = spawn
        self._on_change = on_change
        self._standing = Standing.STANDBY
        self._fence: Fence | None = None
        self._proved_at = 0.0
        self._proving = False
        self._stopping = False
        self.last_error: JournalError | None = None
        """Why the fence is not ours or not proven, for the health report."""

    @property
    def standing(self) -> Standing:
        return self._standing

    @property
    def may_answer(self) -> bool:
        """Whether reads and writes may be answered this instant; true to the clock even when `run` is late."""
        return self._standing is Standing.HOLDING and not self._is_overdue()

    async def run(self) -> None:
        while not self._stopping:
            await self._acquire()
            while self._fence is not None and not self._stopping:
                await self._keep()

    def give_up(self, error: JournalError) -> None:
        """Return to standby at once: someone else saw that the fence is lost, or an append stayed unclear."""
        if self._fence is not None:
            self._lose(error)

    async def stop(self) -> None:
        """Release the fence; call it after the last commit. `run` returns within a second."""
        self._stopping = True
        fence = self._fence
        if fence is not None:
            self._fence = None
            self._become(Standing.STANDBY)
            await self._release(fence)

    async def _acquire(self) -> None:
        """One attempt, and the pause after it when it fails."""
        asked_at = self._clock.monotonic()
        try:
            fence = await self._journal.acquire(self._owner)
        except JournalError as error:
            if self.last_error is None or error.code != self.last_error.code:
                log.info("waiting", error=str(error), code=error.code)
            self.last_error = error
        else:
            await self._begin(fence, asked_at)
            return
        await self._sleeper.sleep(STANDBY_SECONDS)

    async def _begin(self, fence: Fence, asked_at: float) -> None:
        if self._stopping:
            await self._release(fence)
            return
        self._fence = fence
        self._proved_at = asked_at
        self.last_error = None
        self._become(Standing.HOLDING)

    async def _release(self, fence: Fence) -> None:
        try:
            await self._journal.release(fence)
        except JournalError as error:
            self.last_error = error  # the lease then simply runs out

    async def _keep(self) -> None:
        """One beat: ask for proof unless an answer is outstanding, and look at the time until the next."""
        assert self._fence is not None
        if not self._proving:
            self._proving = True
            self._spawn(self._prove(self._fence))
        await self._sleeper.sleep(self._until_next_look())
        if self._standing is Standing.HOLDING and self._is_overdue():
            self._become(Standing.UNVERIFIED)

    async def _prove(self, fence: Fence) -> None:
        asked_at = self._clock.monotonic()
        try:
            if self._is_current(fence):
                await self._journal.verify(fence)
        except FenceLost as lost:
            if self._is_current(fence):
                self._lose(lost)
        except JournalError as error:
            self.last_error = error
        else:
            if self._is_current(fence):
                self._proved(asked_at)
        finally:
            self._proving = False

    def _proved(self, asked_at: float) -> None:
        self._proved_at = asked_at
        if self._is_overdue():
            return  # the answer took so long that it proves nothing about now
        self.last_error = None
        if self._standing is Standing.UNVERIFIED:
            self._become(Standing.HOLDING)

    def _lose(self, error: JournalError) -> None:
        self._fence = None
        self.last_error = error
        self._become(Standing.STANDBY)

    def _become(self, standing: Standing) -> None:
        if self._standing is not standing:
            self._standing = standing
            self._on_change(standing, self._fence)

    def _is_current(self, fence: Fence) -> bool:
        return self._fence is not None and self._fence.epoch == fence.epoch

    def _is_overdue(self) -> bool:
        return self._clock.monotonic() - self._proved_at >= UNVERIFIED_SECONDS

    def _until_next_look(self) -> float:
        until_overdue = self._proved_at + UNVERIFIED_SECONDS - self._clock.monotonic()
        return min(VERIFY_SECONDS, until_overdue) if until_overdue > 0 else VERIFY_SECONDS
