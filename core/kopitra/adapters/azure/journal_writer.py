"""What the Azure journal's writer thread does. Everything blocks; `docs/decisions/0012` is about unclear answers.

The stored fence's etag moves with every append, renewal and acquisition, and every write names the etag it read. So a
write that is refused as stale changed nothing, and a write whose answer was lost cannot happen later, once another
write of ours has moved the etag.
"""

import time
from collections.abc import Sequence

import msgspec

from kopitra.adapters.azure.journal_layout import (
    ABOVE_ALL_COMMITS,
    Segment,
    above_row,
    commit_entities,
    row_key,
    segment_entity,
)
from kopitra.adapters.azure.journal_segments import Segments, reported
from kopitra.adapters.azure.tables import Table, TableConflict, TableRefused, TableUnclear
from kopitra.application.commit_encoding import encode_commit
from kopitra.application.fencing import (
    Stillness,
    advanced,
    check_holder,
    check_writer,
    needs_renewal,
    released,
    renewed,
    taken,
)
from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.journal import AppendUnclear, Fence, FenceLost, Frame, JournalUnavailable
from kopitra.application.ports.timing import Clock

SEGMENT_ENTITIES = 500_000
"""A partition is what Azure moves between servers and what a clean-up deletes: six days of a commit a second."""
ATTEMPTS = 3
"""Of a conditional write that another instance keeps overtaking, and of asking after a lost answer."""
PAUSE_SECONDS = 0.2
"""Between two questions after a lost answer; all of them end before the 3 s after which the writer falls silent, unless
the storage itself is slow."""


class TableJournalWriter:
    """The appending side of one shard; used by one thread."""

    def __init__(
        self,
        table: Table,
        shard: str,
        *,
        clock: Clock,
        ids: IdSource,
        segment_entities: int = SEGMENT_ENTITIES,
    ) -> None:
        self._table = table
        self._shard = shard
        self._clock = clock
        self._ids = ids
        self._segment_entities = segment_entities
        self._holder = ids.new()
        self._stillness = Stillness(clock)
        self._segments = Segments(table, shard)
        self._believed: Segment | None = None
        """What we last read or wrote; None when an answer was lost since."""
        self._unclear_epoch: int | None = None

    def acquire(self, owner: str) -> Fence:
        self._believed = None
        with reported():
            for _ in range(ATTEMPTS):
                segment = self._segments.current()
                self._check_whole(segment)
                still = self._stillness.outlasts_lease(segment.row)
                row = taken(segment.row, owner, self._holder, self._clock.now(), still=still)
                try:
                    self._believed = self._segments.replace(msgspec.structs.replace(segment, row=row))
                except TableConflict:
                    continue
                return row.fence()
        raise JournalUnavailable("busy", "other instances kept changing the fence")

    def verify(self, fence: Fence) -> Fence:
        self._check_clear(fence)
        self._believed = None
        with reported():
            for _ in range(ATTEMPTS):
                segment = self._segments.current()
                check_holder(segment.row, fence)
                now = self._clock.now()
                if needs_renewal(segment.row, now):
                    segment = msgspec.structs.replace(segment, row=renewed(segment.row, now))
                    try:
                        segment = self._segments.replace(segment)
                    except TableConflict:
                        continue
                self._believed = segment
                return segment.row.fence()
        raise JournalUnavailable("busy", "other instances kept changing the fence")

    def append(self, fence: Fence, frames: Sequence[Frame]) -> Fence:
        self._check_clear(fence)
        content = encode_commit(frames)
        commit_id, last = self._ids.new(), frames[-1].last
        for _ in range(ATTEMPTS):
            segment, self._believed = self._believed, None
            try:
                segment = self._writable(segment, fence)
                self._believed = self._commit(segment, commit_id, last, content)
                return self._believed.row.fence()
            except TableRefused as error:
                raise JournalUnavailable("unreachable", str(error)) from error
            except (TableConflict, TableUnclear):
                if self._settle(segment, fence, commit_id, last):
                    return msgspec.structs.replace(fence, sequence=last)
        raise JournalUnavailable("busy", "the storage kept losing its answers; nothing was written")

    def release(self, fence: Fence) -> None:
        self._believed = None
        with reported():
            for _ in range(ATTEMPTS):
                segment = self._segments.current()
                try:
                    check_holder(segment.row, fence)
                    row = released(segment.row, self._clock.now())
                    self._segments.replace(msgspec.structs.replace(segment, row=row))
                except FenceLost:
                    return
                except TableConflict:
                    continue
                return

    def close(self) -> None:
        self._table.close()

    def _writable(self, believed: Segment | None, fence: Fence) -> Segment:
        """The segment to append to, with the etag that must still be stored. Raises `FenceLost`."""
        segment = believed or self._segments.current()
        check_writer(segment.row, fence)
        if segment.entities < self._segment_entities:
            return segment
        self._segments.replace(msgspec.structs.replace(segment, rolled=True))
        segment = self._segments.current()
        check_writer(segment.row, fence)
        return segment

    def _commit(self, segment: Segment, commit_id: str, last: int, content: bytes) -> Segment:
        rows = commit_entities(self._segments.partition(segment), last, commit_id, content)
        after = msgspec.structs.replace(
            segment,
            row=advanced(segment.row, last, self._clock.now()),
            commit=commit_id,
            entities=segment.entities + len(rows),
            bytes_used=segment.bytes_used + len(content),
        )
        etag = self._table.transact(segment_entity(self._shard, after), segment.etag, rows)
        return msgspec.structs.replace(after, etag=etag)

    def _settle(self, tried: Segment | None, fence: Fence, commit_id: str, last: int) -> bool:
        """Whether our commit happened; when False, it cannot happen any more and the fence is still ours.

        Raises `FenceLost`, or `AppendUnclear` when the storage cannot be asked.
        """
        for _ in range(ATTEMPTS):
            try:
                segment = self._segments.current()
                if tried is not None and self._happened(tried, commit_id, last):
                    return True
                check_writer(segment.row, fence)
                row = renewed(segment.row, self._clock.now())
                self._believed = self._segments.replace(msgspec.structs.replace(segment, row=row))
            except TableConflict:
                continue
            except (TableUnclear, TableRefused, JournalUnavailable):
                time.sleep(PAUSE_SECONDS)
            else:
                return False
        self._unclear_epoch = fence.epoch
        raise AppendUnclear(f"no answer whether the commit up to {last} was written")

    def _happened(self, tried: Segment, commit_id: str, last: int) -> bool:
        stored = self._table.get(self._segments.partition(tried), row_key(last, 0))
        return stored is not None and stored.entity["commit"] == commit_id

    def _check_clear(self, fence: Fence) -> None:
        if fence.epoch == self._unclear_epoch:
            raise FenceLost(f"an append of epoch {fence.epoch} is unclear; acquire again and recover")

    def _check_whole(self, segment: Segment) -> None:
        """Raise `JournalUnavailable` unless the fence's sequence is where the rows end."""
        sequence = segment.row.sequence
        partition = self._segments.partition(segment)
        beyond = [*self._table.pages(partition, above_row(sequence), ABOVE_ALL_COMMITS, size=1)]
        if any(beyond):
            raise JournalUnavailable("corrupt", f"the fence says {sequence}, but there are commits beyond")
        holding = segment if segment.entities or segment.number == 1 else self._segments.rolled[-1]
        if sequence and self._table.get(self._segments.partition(holding), row_key(sequence, 0)) is None:
            raise JournalUnavailable("corrupt", f"the fence says {sequence}, but that commit is gone")
