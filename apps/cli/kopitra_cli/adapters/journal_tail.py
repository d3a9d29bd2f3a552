"""Follows a counterparty's journal file from another process, without ever writing to it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from kopitra.adapters.embedded.journal_file import JournalFile
from kopitra.adapters.embedded.journal_reader import JournalReader
from kopitra.domain.identifiers import JournalId
from kopitra.machine.codec import EVENTS
from kopitra.machine.events import Recorded

LOOK_SECONDS = 0.002
"""How much later than the counterparty's own clients we may know of an event."""


class JournalTail:
    """The file must be there: a counterparty that answers has made it."""

    def __init__(self, path: Path, shard: str) -> None:
        self._path = path
        self._shard = shard
        self._sequence = 0

    async def follow(self) -> AsyncIterator[list[Recorded]]:
        """Every event once, in order, a few at a time; never ends. Raises JournalUnavailable."""
        file = JournalFile(self._path, self._shard)
        reader = JournalReader(file)
        version = -1
        try:
            while True:
                (now,) = file.connection.execute("PRAGMA data_version").fetchone()
                if now == version:
                    await asyncio.sleep(LOOK_SECONDS)
                    continue
                version = now
                if events := self._read(reader):
                    yield events
        finally:
            reader.close()

    def _read(self, reader: JournalReader) -> list[Recorded]:
        events: list[Recorded] = []
        while commits := reader.commits_after(self._sequence):
            events += [EVENTS.decode(frame.data) for commit in commits for frame in commit]
            self._sequence = commits[-1][-1].last
        return events


def whole_journal(path: Path, shard: str) -> tuple[JournalId, list[Recorded]]:
    """The journal's identity, and every event that it has now. Raises JournalUnavailable."""
    file = JournalFile(path, shard)
    reader = JournalReader(file)
    try:
        journal, events = file.fence()[0].journal_id, list[Recorded]()
        after = 0
        while commits := reader.commits_after(after):
            events += [EVENTS.decode(frame.data) for commit in commits for frame in commit]
            after = commits[-1][-1].last
        return journal, events
    finally:
        reader.close()
