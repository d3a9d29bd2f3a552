"""The journal in Azure: a table, fenced by an entity in the same transaction as every commit.

The synchronous SDK on a thread of the journal's own, because encoding a transaction takes milliseconds of CPU that the
event loop has better use for (`docs/decisions/0013`).
"""

import asyncio

from kopitra.adapters.azure.journal_reader import TableJournalReader
from kopitra.adapters.azure.journal_segments import Segments, reported
from kopitra.adapters.azure.journal_writer import SEGMENT_ENTITIES, TableJournalWriter
from kopitra.adapters.azure.tables import Table
from kopitra.adapters.threaded_journal import ThreadedJournal
from kopitra.application.fencing import never_held
from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import JournalId


class TableJournal(ThreadedJournal):
    """One shard in one table; make one with `open`."""

    @classmethod
    async def open(
        cls,
        writing: Table,
        reading: Table,
        *,
        shard: str,
        clock: Clock,
        ids: IdSource,
        segment_entities: int = SEGMENT_ENTITIES,
    ) -> "TableJournal":
        """Open or create the shard's journal; takes no fence. `writing` and `reading` are two connections to one table,
        each for a thread of its own; both are closed with the journal. Raises `JournalUnavailable`."""

        def begin() -> JournalId:
            with reported():
                first = never_held(JournalId(ids.new()), clock.now())
                return Segments(writing, shard).begin(first).row.journal_id

        journal_id = await asyncio.to_thread(begin)
        writer = TableJournalWriter(writing, shard, clock=clock, ids=ids, segment_entities=segment_entities)
        return cls(journal_id, shard, writer=writer, reader=TableJournalReader(reading, shard))
