"""The chain of segments: which one is written, and how a full one gives way to the next. Everything blocks."""

from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from kopitra.adapters.azure.journal_layout import (
    FENCE_ROW,
    Segment,
    partition_key,
    segment_entity,
    segment_of,
)
from kopitra.adapters.azure.tables import Table, TableConflict, TableRefused, TableUnclear
from kopitra.application.commit_encoding import CommitDamaged
from kopitra.application.fencing import FenceRow
from kopitra.application.ports.journal import JournalUnavailable


@contextmanager
def reported() -> Generator[None]:
    """Turn the table's failures into the journal's, where it does not matter whether the request happened."""
    try:
        yield
    except (TableConflict, TableRefused, TableUnclear) as error:
        raise JournalUnavailable("unreachable", str(error)) from error
    except CommitDamaged as error:
        raise JournalUnavailable("corrupt", str(error)) from error


class Segments:
    """One shard's segments as one table holds them.

    A rolled segment is never written again. Its successor starts as a copy of its fence; whoever finds it missing makes
    it, since nothing but that copy can be its beginning. So a crash between the two writes heals by itself.
    """

    def __init__(self, table: Table, shard: str) -> None:
        self._table = table
        self._shard = shard
        self._rolled: list[Segment] = []
        """Segments 1 to n, known to be rolled: they do not change any more."""

    @property
    def rolled(self) -> list[Segment]:
        return self._rolled

    def partition(self, segment: Segment) -> str:
        return partition_key(self._shard, segment.number)

    def begin(self, first: FenceRow) -> Segment:
        """The current segment, made with this row when the journal is new."""
        self._table.create()
        if self._find(1) is None:
            self._insert(
                Segment(number=1, row=first, commit="", rolled=False, entities=0, bytes_used=0, etag="")
            )
        return self.current()

    def current(self) -> Segment:
        """The segment that is written now, as stored now. Raises as the table does, and `JournalUnavailable`."""
        while True:
            number = len(self._rolled) + 1
            segment = self._find(number)
            if segment is None and not self._rolled:
                raise JournalUnavailable("corrupt", f"shard {self._shard} has no fence")
            if segment is None:
                self._insert(_successor(self._rolled[-1]))
            elif segment.rolled:
                self._rolled.append(segment)
            else:
                return segment

    def replace(self, segment: Segment) -> Segment:
        """Write this fence row if the stored one still has the etag given; return it with its new etag."""
        etag = self._table.replace(segment_entity(self._shard, segment), segment.etag)
        return msgspec.structs.replace(segment, etag=etag)

    def _find(self, number: int) -> Segment | None:
        stored = self._table.get(partition_key(self._shard, number), FENCE_ROW)
        return None if stored is None else segment_of(number, stored.entity, stored.etag)

    def _insert(self, segment: Segment) -> None:
        try:
            self._table.insert(segment_entity(self._shard, segment))
        except TableConflict:
            return  # another instance was faster; what it wrote is read next


def _successor(rolled: Segment) -> Segment:
    return msgspec.structs.replace(rolled, number=rolled.number + 1, rolled=False, entities=0, etag="")
