"""The journal on one machine: a SQLite file, one writer thread, replies after COMMIT."""

import asyncio
from pathlib import Path

from kopitra.adapters.embedded.holder_lock import HolderLock
from kopitra.adapters.embedded.journal_file import JournalFile
from kopitra.adapters.embedded.journal_reader import JournalReader
from kopitra.adapters.embedded.journal_writer import JournalWriter
from kopitra.adapters.threaded_journal import ThreadedJournal
from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import JournalId

HOLDER_LOCK_SUFFIX = ".holder"


class SqliteJournal(ThreadedJournal):
    """One shard in one file; make one with `open`."""

    def __init__(
        self, journal_id: JournalId, shard: str, writer: JournalWriter, reader: JournalReader
    ) -> None:
        super().__init__(journal_id, shard, writer=writer, reader=reader)
        self.writer = writer
        """For whoever inspects the appending connection; used by the writing thread otherwise."""

    @classmethod
    async def open(cls, path: Path, *, shard: str, clock: Clock, ids: IdSource) -> "SqliteJournal":
        """Open or create the file; takes no fence. Raises `JournalUnavailable`."""
        return await asyncio.to_thread(cls._open, path, shard, clock, ids)

    @classmethod
    def _open(cls, path: Path, shard: str, clock: Clock, ids: IdSource) -> "SqliteJournal":
        file = JournalFile(path, shard)
        try:
            journal_id = file.create_fence(JournalId(ids.new()), clock.now())
            reader = JournalReader(JournalFile(path, shard))
        except BaseException:
            file.close()
            raise
        lock = HolderLock(path.with_name(path.name + HOLDER_LOCK_SUFFIX))
        return cls(
            journal_id, shard, JournalWriter(file, holder=ids.new(), holder_lock=lock, clock=clock), reader
        )
