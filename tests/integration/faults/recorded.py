"""What a journal holds, read beside the service and by nothing of it but the codec."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.journal import SqliteJournal
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.application.ports.journal import Journal
from kopitra.machine.codec import EVENTS
from kopitra.machine.events import AnyEvent, Recorded

E = TypeVar("E", bound=AnyEvent)


async def open_file(folder: Path) -> SqliteJournal:
    """The embedded journal of a counterparty; takes no fence."""
    return await SqliteJournal.open(
        folder / "main.journal", shard="main", clock=SystemClock(), ids=SystemIds()
    )


class Record:
    """All events, in order. Reading asserts that their sequences are gapless and only grow."""

    def __init__(self, events: list[Recorded]) -> None:
        self.events = events
        self.last = 0
        for each in events:
            assert each.sequence == self.last + 1, (self.last, each.sequence)
            assert each.last >= each.sequence
            self.last = each.last

    @classmethod
    async def of(cls, journal: Journal) -> "Record":
        return cls([EVENTS.decode(frame.data) async for commit in journal.read() for frame in commit])

    @classmethod
    async def in_folder(cls, folder: Path) -> "Record":
        journal = await open_file(folder)
        try:
            return await cls.of(journal)
        finally:
            await journal.close()

    def all(self, kind: type[E]) -> Iterator[tuple[int, E]]:
        """(first sequence, event) of one type."""
        for each in self.events:
            if isinstance(each.event, kind):
                yield each.sequence, each.event
