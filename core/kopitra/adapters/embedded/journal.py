"""The journal on one machine: a SQLite file, one writer thread, replies after COMMIT."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from kopitra.adapters.embedded.holder_lock import HolderLock
from kopitra.adapters.embedded.journal_file import JournalFile, reported
from kopitra.adapters.embedded.journal_writer import JournalWriter
from kopitra.application.commit_encoding import (
    COMMIT_ROOM,
    CommitDamaged,
    admit,
    check_order,
    decode_commit,
    frame_cost,
)
from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.journal import Commit, Fence, Frame, JournalUnavailable
from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import JournalId

T = TypeVar("T")
HOLDER_LOCK_SUFFIX = ".holder"


class SqliteJournal:
    """`kopitra.application.ports.journal.Journal` over one file; make one with `open`.

    Writes run on a thread of their own in the order they were called, reads on another with its own connection.
    """

    def __init__(self, path: Path, shard: str, journal_id: JournalId, writer: JournalWriter) -> None:
        self._path = path
        self._shard = shard
        self._journal_id = journal_id
        self._writer = writer
        self._reader = JournalFile(path, shard)
        self._writing = ThreadPoolExecutor(1, "journal-writer")
        self._reading = ThreadPoolExecutor(1, "journal-reader")
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, shard: str, clock: Clock, ids: IdSource) -> "SqliteJournal":
        """Open or create the file; takes no fence. Raises `JournalUnavailable`."""

        def blocking() -> "SqliteJournal":
            file = JournalFile(path, shard)
            journal_id = file.create_fence(JournalId(ids.new()), clock.now())
            lock = HolderLock(path.with_name(path.name + HOLDER_LOCK_SUFFIX))
            writer = JournalWriter(file, holder=ids.new(), holder_lock=lock, clock=clock)
            return cls(path, shard, journal_id, writer)

        return await asyncio.to_thread(blocking)

    @property
    def journal_id(self) -> JournalId:
        return self._journal_id

    @property
    def shard(self) -> str:
        return self._shard

    @property
    def room(self) -> int:
        return COMMIT_ROOM

    @property
    def writer(self) -> JournalWriter:
        """The appending side, for whoever inspects its connection."""
        return self._writer

    def cost(self, frame: Frame) -> int:
        return frame_cost(frame)

    def admit(self, frames: Sequence[Frame]) -> None:
        admit(frames)

    async def acquire(self, owner: str) -> Fence:
        return await self._run(self._writing, self._writer.acquire, owner)

    async def verify(self, fence: Fence) -> Fence:
        return await self._run(self._writing, self._writer.verify, fence)

    async def append(self, fence: Fence, frames: Sequence[Frame]) -> Fence:
        check_order(fence.sequence, frames)
        return await self._run(self._writing, self._writer.append, fence, frames)

    async def release(self, fence: Fence) -> None:
        await self._run(self._writing, self._writer.release, fence)

    async def read(self, after: int = 0) -> AsyncIterator[Commit]:
        while commits := await self._run(self._reading, self._commits_after, after):
            for commit in commits:
                yield commit
            after = commits[-1][-1].last

    async def frames(self, sequences: Sequence[int]) -> list[Frame]:
        return await self._run(self._reading, self._covering, sorted(set(sequences)))

    async def head(self) -> int:
        return await self._run(self._reading, self._head)

    async def bytes_used(self) -> int:
        return await self._run(self._reading, self._reader.bytes_used)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reading, self._reader.close)
        await loop.run_in_executor(self._writing, self._writer.close)
        self._reading.shutdown(wait=False)
        self._writing.shutdown(wait=False)

    async def _run(self, executor: ThreadPoolExecutor, call: Callable[..., T], *arguments: object) -> T:
        if self._closed:
            raise JournalUnavailable("closed", str(self._path))
        return await asyncio.get_running_loop().run_in_executor(executor, call, *arguments)

    def _commits_after(self, after: int) -> list[Commit]:
        commits: list[Commit] = []
        for last, content in self._reader.commits_after(after):
            commit = self._decoded(content)
            if commit[-1].last != last:
                raise JournalUnavailable("corrupt", f"the commit at {last} says it ends at {commit[-1].last}")
            if commit[0].last <= after:
                commit = tuple(frame for frame in commit if frame.last > after)
            commits.append(commit)
        return commits

    def _covering(self, sequences: Sequence[int]) -> list[Frame]:
        found: dict[int, Frame] = {}
        commit: Commit = ()
        for sequence in sequences:
            if not commit or commit[-1].last < sequence:
                content = self._reader.covering(sequence)
                if content is None:
                    break
                commit = self._decoded(content)
            for frame in commit:
                if frame.sequence <= sequence <= frame.last:
                    found[frame.sequence] = frame
        return list(found.values())

    def _decoded(self, content: bytes) -> Commit:
        try:
            return decode_commit(content)
        except CommitDamaged as error:
            raise JournalUnavailable("corrupt", f"a commit in {self._path} is damaged: {error}") from error

    def _head(self) -> int:
        with reported():
            return self._reader.fence()[0].sequence
