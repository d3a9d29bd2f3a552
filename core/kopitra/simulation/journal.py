"""A journal in memory for simulations: it keeps what was committed over simulated crashes, and fails when told to.

It holds to the same conformance suite as the real ones, but uses no thread, so it runs under virtual time.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from kopitra.application.commit_encoding import (
    COMMIT_ROOM,
    CommitDamaged,
    admit,
    check_order,
    decode_commit,
    encode_commit,
    frame_cost,
)
from kopitra.application.fencing import (
    FenceRow,
    Stillness,
    advanced,
    check_holder,
    check_writer,
    needs_renewal,
    never_held,
    released,
    renewed,
    taken,
)
from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.journal import (
    AppendUnclear,
    Commit,
    Fence,
    FenceLost,
    Frame,
    JournalUnavailable,
)
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.domain.identifiers import JournalId


class AppendFault(StrEnum):
    """How an append may go wrong, as its caller sees it."""

    UNAVAILABLE = "unavailable"
    """Refused; nothing was written."""
    UNCLEAR_WRITTEN = "unclear_written"
    UNCLEAR_LOST = "unclear_lost"


class Tail(StrEnum):
    """What a crash makes of an append that was on its way: nobody has been told of it, so each may happen."""

    LOST = "lost"
    CUT = "cut"
    """A part of its bytes stands at the end of the file; the next start finds and drops it."""
    LANDED = "landed"
    """The storage had everything already: it is written, only nobody was told."""


class JournalWatcher(Protocol):
    """Told of every commit in the instant in which it becomes durable."""

    def begun(self) -> None:
        """An append has left its writer."""

    def written(self, frames: Sequence[Frame], row: FenceRow) -> None: ...


class JournalDisk:
    """What survives a crash: one shard's commits and fence. Any number of `SimulatedJournal`s may share it."""

    def __init__(self, clock: Clock, ids: IdSource, *, shard: str = "main") -> None:
        self.shard = shard
        self.fence: FenceRow = never_held(JournalId(ids.new()), clock.now())
        self.lasts: list[int] = []
        self.contents: list[bytes] = []
        self.faults: deque[AppendFault] = deque()
        """What the next appends run into, one each."""
        self.reachable = True
        self.appends = 0
        self.watcher: JournalWatcher | None = None
        self._torn = b""
        self._read: dict[int, Commit] = {}

    def commit(self, at: int) -> Commit:
        """The commit of that place. Its bytes never change, so whoever reads it again need not decode it again."""
        known = self._read.get(at)
        if known is None:
            known = self._read[at] = decode_commit(self.contents[at])
        return known

    def tear(self, content: bytes) -> None:
        """Leave a part of a commit at the end of the file."""
        self._torn = content[: max(1, len(content) // 2)]

    def mend(self) -> bool:
        """What a start does first: bytes at the end that are no whole commit are dropped. Whether there were any."""
        torn, self._torn = self._torn, b""
        if torn:
            try:
                decode_commit(torn)
            except CommitDamaged:
                return True
            raise AssertionError("half a commit passes for a whole one")
        return False

    def write(self, frames: Sequence[Frame], content: bytes, now: datetime) -> None:
        row = advanced(self.fence, frames[-1].last, now)
        self.lasts.append(row.sequence)
        self.contents.append(content)
        self.fence = row
        if self.watcher is not None:
            self.watcher.written(frames, row)


class SimulatedJournal:
    """One process's view of a `JournalDisk`. An append or a fence call takes `delay` seconds there and as many back."""

    def __init__(
        self, disk: JournalDisk, *, clock: Clock, sleeper: Sleeper, ids: IdSource, delay: float = 0.0
    ) -> None:
        self.journal_id = disk.fence.journal_id
        self.shard = disk.shard
        self.room = COMMIT_ROOM
        self._disk = disk
        self._clock = clock
        self._sleeper = sleeper
        self._holder = ids.new()
        self._stillness = Stillness(clock)
        self._delay = delay
        self._unclear_epoch: int | None = None
        self._closed = False
        self._on_the_way: tuple[Fence, Sequence[Frame], bytes] | None = None
        disk.mend()

    def crash(self, tail: Tail) -> bool:
        """This process dies; `tail` becomes of an append that was on its way. Whether there was one."""
        if self._on_the_way is None:
            return False
        fence, frames, content = self._on_the_way
        self._on_the_way = None
        if tail is Tail.CUT:
            self._disk.tear(content)
        elif tail is Tail.LANDED:
            try:
                check_writer(self._disk.fence, fence)
            except FenceLost:
                return True
            self._disk.write(frames, content, self._clock.now())
        return True

    def cost(self, frame: Frame) -> int:
        return frame_cost(frame)

    def admit(self, frames: Sequence[Frame]) -> None:
        admit(frames)

    async def acquire(self, owner: str) -> Fence:
        await self._travel()
        still = self._stillness.outlasts_lease(self._disk.fence)
        self._disk.fence = taken(self._disk.fence, owner, self._holder, self._clock.now(), still=still)
        return await self._answer()

    async def verify(self, fence: Fence) -> Fence:
        self._check_clear(fence)
        await self._travel()
        check_holder(self._disk.fence, fence)
        if needs_renewal(self._disk.fence, self._clock.now()):
            self._disk.fence = renewed(self._disk.fence, self._clock.now())
        return await self._answer()

    async def append(self, fence: Fence, frames: Sequence[Frame]) -> Fence:
        self._check_clear(fence)
        check_order(fence.sequence, frames)
        content = encode_commit(frames)
        self._on_the_way = (fence, frames, content)
        if self._disk.watcher is not None:
            self._disk.watcher.begun()
        try:
            await self._travel()
        except JournalUnavailable:
            self._on_the_way = None
            raise
        self._on_the_way = None
        self._disk.appends += 1
        fault = self._disk.faults.popleft() if self._disk.faults else None
        if fault is AppendFault.UNAVAILABLE:
            raise JournalUnavailable("full", "a simulated fault")
        if fault is not AppendFault.UNCLEAR_LOST:
            check_writer(self._disk.fence, fence)
            self._disk.write(frames, content, self._clock.now())
        if fault is not None:
            self._unclear_epoch = fence.epoch
            raise AppendUnclear("a simulated fault")
        return await self._answer()

    async def release(self, fence: Fence) -> None:
        await self._travel()
        try:
            check_holder(self._disk.fence, fence)
        except FenceLost:
            return
        self._disk.fence = released(self._disk.fence, self._clock.now())

    async def read(self, after: int = 0) -> AsyncGenerator[Commit, None]:
        while True:
            self._check_reachable()
            await self._sleeper.sleep(0.0)  # real storage lets others run
            at = bisect_left(self._disk.lasts, after + 1)
            if at == len(self._disk.lasts):
                return
            commit = self._disk.commit(at)
            yield tuple(frame for frame in commit if frame.last > after)
            after = commit[-1].last

    async def frames(self, sequences: Sequence[int]) -> list[Frame]:
        found: dict[int, Frame] = {}
        for sequence in sorted(set(sequences)):
            at = bisect_left(self._disk.lasts, sequence)
            if at < len(self._disk.lasts):
                commit = self._disk.commit(at)
                found.update((f.sequence, f) for f in commit if f.sequence <= sequence <= f.last)
        return list(found.values())

    async def head(self) -> int:
        self._check_reachable()
        return self._disk.fence.sequence

    async def bytes_used(self) -> int:
        return sum(map(len, self._disk.contents))

    async def close(self) -> None:
        self._closed = True

    async def _travel(self) -> None:
        self._check_reachable()
        await self._sleeper.sleep(self._delay)
        self._check_reachable()

    async def _answer(self) -> Fence:
        answer = self._disk.fence.fence()
        await self._sleeper.sleep(self._delay)
        return answer

    def _check_reachable(self) -> None:
        if self._closed:
            raise JournalUnavailable("closed", "closed here")
        if not self._disk.reachable:
            raise JournalUnavailable("unreachable", "a simulated fault")

    def _check_clear(self, fence: Fence) -> None:
        if fence.epoch == self._unclear_epoch:
            raise FenceLost(f"an append of epoch {fence.epoch} is unclear; acquire again and recover")
