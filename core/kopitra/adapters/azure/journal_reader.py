"""What the Azure journal's reader thread does, on a connection of its own. Everything blocks."""

from collections.abc import Iterator, Sequence

from kopitra.adapters.azure.journal_layout import (
    ABOVE_ALL_COMMITS,
    above_row,
    commits_of,
    is_whole,
    partition_key,
)
from kopitra.adapters.azure.journal_segments import Segments, reported
from kopitra.adapters.azure.tables import LARGEST_PAGE, Entity, Table
from kopitra.application.commit_encoding import CommitDamaged
from kopitra.application.ports.journal import Commit, Frame

LOOK_UP_PAGE = 4
"""A commit has at most four rows (`COMMIT_BYTES`), usually one: looking one up fetches no thousand."""


class TableJournalReader:
    """The reading side of one shard; used by one thread."""

    def __init__(self, table: Table, shard: str) -> None:
        self._table = table
        self._shard = shard
        self._segments = Segments(table, shard)

    def commits_after(self, sequence: int) -> list[Commit]:
        return self._next(sequence, LARGEST_PAGE)

    def covering(self, sequences: Sequence[int]) -> list[Frame]:
        found: dict[int, Frame] = {}
        commits: list[Commit] = []
        for sequence in sequences:
            if not commits or commits[-1][-1].last < sequence:
                commits = self._next(sequence - 1, LOOK_UP_PAGE)
            if not commits:
                break
            for commit in commits:
                found.update((f.sequence, f) for f in commit if f.sequence <= sequence <= f.last)
        return list(found.values())

    def head(self) -> int:
        with reported():
            return self._segments.current().row.sequence

    def bytes_used(self) -> int:
        with reported():
            return self._segments.current().bytes_used

    def close(self) -> None:
        self._table.close()

    def _next(self, sequence: int, page_size: int) -> list[Commit]:
        """Commits that end after this sequence, at least one when there is one."""
        with reported():
            while True:
                number = self._segment_after(sequence)
                rows = self._rows(number, sequence, page_size)
                if rows:
                    return [_above(sequence, commit) for commit in commits_of(rows)]
                if number <= len(self._segments.rolled):
                    raise CommitDamaged(f"segment {number} has lost its commits after {sequence}")
                self._segments.current()
                if number > len(self._segments.rolled):
                    return []

    def _segment_after(self, sequence: int) -> int:
        """The first segment that ends after this sequence, as far as we know."""
        ended = (segment.number for segment in self._segments.rolled if segment.row.sequence > sequence)
        return next(ended, len(self._segments.rolled) + 1)

    def _rows(self, number: int, sequence: int, page_size: int) -> list[Entity]:
        """The first page of rows, and as many more as complete its last commit."""
        rows: list[Entity] = []
        for page in self._pages(number, sequence, page_size):
            rows.extend(page)
            if rows and is_whole(rows):
                break
        return rows

    def _pages(self, number: int, sequence: int, page_size: int) -> Iterator[Sequence[Entity]]:
        return self._table.pages(
            partition_key(self._shard, number), above_row(sequence), ABOVE_ALL_COMMITS, size=page_size
        )


def _above(sequence: int, commit: Commit) -> Commit:
    if commit[0].last > sequence:
        return commit
    return tuple(frame for frame in commit if frame.last > sequence)
