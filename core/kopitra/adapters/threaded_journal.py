"""The journal's promises over blocking storage: a thread that writes, in the order of the calls, and one that reads."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from kopitra.application.commit_encoding import COMMIT_ROOM, admit, check_order, frame_cost
from kopitra.application.ports.journal import Commit, Fence, Frame, JournalUnavailable
from kopitra.domain.identifiers import JournalId

T = TypeVar("T")


class BlockingWriter(Protocol):
    """Used by the writing thread only; methods mean what the port's say."""

    def acquire(self, owner: str) -> Fence: ...
    def verify(self, fence: Fence) -> Fence: ...
    def append(self, fence: Fence, frames: Sequence[Frame]) -> Fence: ...
    def release(self, fence: Fence) -> None: ...
    def close(self) -> None: ...


class BlockingReader(Protocol):
    """Used by the reading thread only."""

    def commits_after(self, sequence: int) -> Sequence[Commit]:
        """The next commits, as many as are handy to fetch at once; none at the end."""
        ...

    def covering(self, sequences: Sequence[int]) -> list[Frame]: ...
    def head(self) -> int: ...
    def bytes_used(self) -> int: ...
    def close(self) -> None: ...


class ThreadedJournal:
    """`kopitra.application.ports.journal.Journal` over a blocking writer and reader."""

    def __init__(
        self, journal_id: JournalId, shard: str, *, writer: BlockingWriter, reader: BlockingReader
    ) -> None:
        self.journal_id = journal_id
        self.shard = shard
        self.room = COMMIT_ROOM
        self._writer = writer
        self._reader = reader
        self._writing = ThreadPoolExecutor(1, "journal-writer")
        self._reading = ThreadPoolExecutor(1, "journal-reader")
        self._closed = False

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

    async def read(self, after: int = 0) -> AsyncGenerator[Commit, None]:
        while commits := await self._run(self._reading, self._reader.commits_after, after):
            for commit in commits:
                yield commit
            after = commits[-1][-1].last

    async def frames(self, sequences: Sequence[int]) -> list[Frame]:
        return await self._run(self._reading, self._reader.covering, sorted(set(sequences)))

    async def head(self) -> int:
        return await self._run(self._reading, self._reader.head)

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
            raise JournalUnavailable("closed", f"journal {self.journal_id} was closed here")
        return await asyncio.get_running_loop().run_in_executor(executor, call, *arguments)
