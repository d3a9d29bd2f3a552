"""What the journal's writer thread does: take, keep and give up the fence, and append under it. Everything blocks."""

from collections.abc import Sequence

from kopitra.adapters.embedded.holder_lock import HolderLock
from kopitra.adapters.embedded.journal_file import JournalFile, reported
from kopitra.application.commit_encoding import encode_commit
from kopitra.application.fencing import (
    FenceRow,
    Stillness,
    advanced,
    check_holder,
    check_writer,
    is_live_elsewhere,
    needs_renewal,
    released,
    renewed,
    taken,
)
from kopitra.application.ports.journal import AppendUnclear, Fence, FenceLost, Frame, JournalUnavailable
from kopitra.application.ports.timing import Clock


class JournalWriter:
    """The appending side of one journal file. Each method is one transaction, decided on what that transaction read."""

    def __init__(self, file: JournalFile, *, holder: str, holder_lock: HolderLock, clock: Clock) -> None:
        self.file = file
        self._holder = holder
        self._holder_lock = holder_lock
        self._clock = clock
        self._stillness = Stillness(clock)
        self._unclear_epoch: int | None = None

    def acquire(self, owner: str) -> Fence:
        try:
            return self._acquire(owner)
        except JournalUnavailable as error:
            if error.reason != "busy" or (process := self._holder_lock.last_taker()) is None:
                raise
            raise JournalUnavailable(
                "busy",
                f"a process is in the middle of a write; the last one to hold the journal was {process}",
            ) from error

    def _acquire(self, owner: str) -> Fence:
        with self.file.transaction():
            row, locked = self.file.fence()
            self._check_whole(row)
            still = self._stillness.outlasts_lease(row)
            row = self._without_the_dead(row, locked)
            row = taken(row, owner, self._holder, self._clock.now(), still=still)
            self.file.write_fence(row, locked=self._holder_lock.take())
        return row.fence()

    def verify(self, fence: Fence) -> Fence:
        self._check_clear(fence)
        self.file.check_in_place()
        with reported():
            row, _ = self.file.fence()
        self._check_holder(row, fence)
        return self._renew(fence) if needs_renewal(row, self._clock.now()) else row.fence()

    def append(self, fence: Fence, frames: Sequence[Frame]) -> Fence:
        self._check_clear(fence)
        content = encode_commit(frames)
        last = frames[-1].last
        try:
            with self.file.transaction():
                row, locked = self.file.fence()
                check_writer(row, fence)
                row = advanced(row, last, self._clock.now())
                self.file.add_commit(last, content)
                self.file.write_fence(row, locked=locked)
        except AppendUnclear:
            self._unclear_epoch = fence.epoch
            raise
        return row.fence()

    def release(self, fence: Fence) -> None:
        try:
            with self.file.transaction():
                row, _ = self.file.fence()
                check_holder(row, fence)
                self.file.write_fence(released(row, self._clock.now()), locked=False)
        except FenceLost:
            pass
        self._holder_lock.drop()

    def close(self) -> None:
        self.file.close()
        self._holder_lock.drop()

    def _without_the_dead(self, row: FenceRow, locked: bool) -> FenceRow:
        """The row as if released when its holder had the holder lock and we can take it: that process is gone."""
        now = self._clock.now()
        if not (locked and is_live_elsewhere(row, self._holder, now)):
            return row
        return released(row, now) if self._holder_lock.take() else row

    def _check_whole(self, row: FenceRow) -> None:
        last = self.file.last_commit()
        if last != row.sequence:
            raise JournalUnavailable(
                "corrupt", f"the fence says {row.sequence}, the last commit ends at {last}"
            )

    def _check_clear(self, fence: Fence) -> None:
        if fence.epoch == self._unclear_epoch:
            raise FenceLost(f"an append of epoch {fence.epoch} is unclear; acquire again and recover")

    def _check_holder(self, row: FenceRow, fence: Fence) -> None:
        try:
            check_holder(row, fence)
        except FenceLost:
            self._holder_lock.drop()
            raise

    def _renew(self, fence: Fence) -> Fence:
        with self.file.transaction():
            row, _ = self.file.fence()
            self._check_holder(row, fence)
            row = renewed(row, self._clock.now())
            self.file.write_fence(row, locked=self._holder_lock.take())
        return row.fence()
