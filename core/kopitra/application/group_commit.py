"""Group commit: what arrives while a commit is in flight shares the next one (`docs/decisions/0016`)."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from kopitra.application.commit_encoding import check_order
from kopitra.application.ports.journal import AppendUnclear, Fence, FenceLost, Frame, JournalError

T = TypeVar("T")

WAITING_MEMBERS = 10_000
"""Behind a storage that stands still; each is a request whose client will soon have gone away."""

Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Run a coroutine as a task of its own and keep it alive."""


class Appending(Protocol):
    """What is needed of a `kopitra.application.ports.journal.Journal`."""

    @property
    def room(self) -> int: ...
    def cost(self, frame: Frame) -> int: ...
    def admit(self, frames: Sequence[Frame]) -> None: ...
    async def append(self, fence: Fence, frames: Sequence[Frame]) -> Fence: ...


class CommitQueueFull(JournalError):
    """Too much waits for a commit already; nothing was queued."""

    code = "commit_queue_full"


class CommitCounts(msgspec.Struct):
    """Since the start, for metrics."""

    commits: int = 0
    frames: int = 0
    failures: int = 0


class _Member(msgspec.Struct, eq=False):
    """One command's events: they share a commit, whole."""

    frames: Sequence[Frame]
    cost: int
    done: asyncio.Future[Fence]


class GroupCommitter:
    """Appends members in the order of `submit`, one commit in flight at a time.

    A member is decided on state that includes every member before it. So when a commit fails, so does everything queued
    behind it, and `on_failure` is called first: it discards the speculative state at once, before anyone is answered.
    After `FenceLost` or `AppendUnclear` nothing more is taken: the owner of this object acquires a new fence, recovers
    and makes another one.
    """

    def __init__(
        self, journal: Appending, fence: Fence, *, spawn: Spawn, on_failure: Callable[[JournalError], None]
    ) -> None:
        self._journal = journal
        self._fence = fence
        self._spawn = spawn
        self._on_failure = on_failure
        self._waiting: deque[_Member] = deque()
        self._in_flight = False
        self._ended: JournalError | None = None
        self._last_queued = fence.sequence
        self._idle: list[asyncio.Future[None]] = []
        self.counts = CommitCounts()

    @property
    def committed(self) -> int:
        """The last sequence known to be durable."""
        return self._fence.sequence

    def submit(self, frames: Sequence[Frame]) -> asyncio.Future[Fence]:
        """Queue the events of one command; the future ends once they are durable, or with what made them fail.

        Raises `FrameRefused` (their sequences must follow the member before), `FrameTooLarge` and `CommitQueueFull` at
        once, with nothing queued, and whatever ended this committer.
        """
        if self._ended is not None:
            raise self._ended
        if len(self._waiting) >= WAITING_MEMBERS:
            raise CommitQueueFull(f"{WAITING_MEMBERS} commands wait for a commit")
        check_order(self._last_queued, frames)
        self._journal.admit(frames)
        self._last_queued = frames[-1].last
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(_Member(frames, sum(map(self._journal.cost, frames)), done))
        if not self._in_flight:
            self._in_flight = True
            self._spawn(self._commit_all())
        return done

    async def settle(self) -> None:
        """Return once nothing waits and nothing is in flight."""
        if self._in_flight:
            idle = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await idle

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                await self._commit(self._next_batch())
        finally:
            self._in_flight = False
            idle, self._idle = self._idle, []
            for waiter in idle:
                _resolve(waiter, None)

    def _next_batch(self) -> list[_Member]:
        """As many as fit for sure, and always the first: alone it fits once compressed, as `submit` made certain."""
        batch = [self._waiting.popleft()]
        room = self._journal.room - batch[0].cost
        while self._waiting and self._waiting[0].cost <= room:
            batch.append(self._waiting.popleft())
            room -= batch[-1].cost
        return batch

    async def _commit(self, batch: Sequence[_Member]) -> None:
        frames = [frame for member in batch for frame in member.frames]
        try:
            self._fence = await self._journal.append(self._fence, frames)
        except JournalError as error:
            self._fail([*batch, *self._waiting], error)
            return
        except BaseException:
            # An adapter's defect or a cancelled task: whether it was written is unknown, and nobody may wait for ever.
            self._fail([*batch, *self._waiting], AppendUnclear("the commit ended without an answer"))
            raise
        self.counts.commits += 1
        self.counts.frames += len(frames)
        for member in batch:
            _resolve(member.done, self._fence)

    def _fail(self, members: Sequence[_Member], error: JournalError) -> None:
        self._waiting.clear()
        self._last_queued = self._fence.sequence
        self.counts.failures += 1
        if isinstance(error, FenceLost | AppendUnclear):
            self._ended = error
        self._on_failure(error)
        for member in members:
            if not member.done.done():
                member.done.set_exception(error)
                member.done.exception()  # whoever stopped waiting is no defect to log


def _resolve(future: asyncio.Future[T], value: T) -> None:
    """Unless whoever waited has gone away."""
    if not future.done():
        future.set_result(value)
