"""Drive the machine without a service, and write what happened to a journal as a service would have."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from kopitra.adapters.embedded.blobs import FolderBlobs
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.journal import SqliteJournal
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.adapters.snapshots import BlobSnapshots
from kopitra.application.machine import Machine
from kopitra.application.ports.journal import Fence, Frame
from kopitra.application.recovery import SnapshotContent
from kopitra.application.run_index import RunIndex
from kopitra.domain.identifiers import RequestId
from kopitra.machine.commands import Command
from kopitra.machine.outcome import Context, Decision
from kopitra.machine.readings import Readings
from kopitra.machine.stamp import stamp

SHARD = "main"
COMMIT_EVENTS = 64
"""About what a group commit holds while the service is busy."""
OFF = 0


class Refused(Exception):
    """The machine did not take a command of the groundwork."""


class Scribe:
    """`now` is the time of what happens next; `events` counts what happened."""

    def __init__(self, journal: SqliteJournal, fence: Fence, folder: Path, now: datetime) -> None:
        self.machine = Machine()
        self.state = self.machine.new_state(journal.journal_id, journal.shard)
        self.readings = Readings()
        self.now = now
        self.events = 0
        self._runs = RunIndex()
        self.journal = journal
        self.fence = fence
        self._folder = folder
        self._frames: list[Frame] = []
        self._requests = 0

    def do(self, *commands: Command) -> list[Decision]:
        """One request's commands. Raises Refused."""
        self._requests += 1
        request = RequestId(f"request-{self._requests}")
        context = Context(now=self.now, readings=self.readings, request_id=request)
        return [self._take(command, context) for command in commands]

    def _take(self, command: Command, context: Context) -> Decision:
        result = self.machine.decide(self.state, command, context)
        if not isinstance(result, Decision):
            raise Refused(f"{command}: {result.detail}")
        for recorded in stamp(result.events, self.state.sequence, context):
            self._frames.append(Frame(recorded.sequence, recorded.last, self.machine.encode_event(recorded)))
            self._runs.note(self.state, recorded)
            self.machine.evolve(self.state, recorded)
            self.events += 1
        self.state.grown.clear()
        return result

    async def write(self, at_least: int = 1) -> None:
        """Append what has gathered, once that many events have."""
        if len(self._frames) < at_least:
            return
        frames, self._frames = self._frames, []
        for commit in _commits(frames):
            self.fence = await self.journal.append(self.fence, commit)

    async def snapshot(self) -> int:
        """Keep a snapshot as the service does; returns its bytes."""
        await self.write()
        blobs = FolderBlobs(self._folder / "blobs", SystemIds())
        snapshots = BlobSnapshots(blobs, self.journal.journal_id, self.journal.shard)
        content = SnapshotContent(self.machine.encode_state(self.state), {"runs": self._runs.dump()})
        info = await snapshots.put(
            self.state.sequence, self.machine.state_hash(self.state), msgspec.msgpack.encode(content)
        )
        await blobs.close()
        return info.size

    async def bytes_used(self) -> int:
        return await self.journal.bytes_used()


def _commits(frames: list[Frame]) -> Iterator[list[Frame]]:
    for start in range(0, len(frames), COMMIT_EVENTS):
        yield frames[start : start + COMMIT_EVENTS]


@asynccontextmanager
async def scribe(folder: Path, now: datetime) -> AsyncGenerator[Scribe]:
    """A scribe on a new journal in `folder`; afterwards a service may open it. What it writes need not survive a power
    cut, so it waits for no disk."""
    journal = await SqliteJournal.open(
        folder / f"{SHARD}.journal", shard=SHARD, clock=SystemClock(), ids=SystemIds()
    )
    journal.writer.file.connection.execute(f"PRAGMA synchronous={OFF}")
    fence = await journal.acquire("bench")
    writer = Scribe(journal, fence, folder, now)
    try:
        yield writer
        await writer.write()
    finally:
        await journal.release(writer.fence)
        await journal.close()
