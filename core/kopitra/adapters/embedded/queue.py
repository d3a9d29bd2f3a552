"""The durable queue on one machine: a SQLite file that several processes may share."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from kopitra.adapters.embedded.queue_file import QueueFile, lock_lost
from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.queue import (
    LOCK_DURATION,
    MAX_DELIVERY_COUNT,
    MESSAGE_BYTES,
    Message,
    MessageTooLarge,
    QueueCounts,
    QueueUnavailable,
    ReceivedMessage,
)
from kopitra.application.ports.timing import Clock

T = TypeVar("T")
LOOK_SECONDS = 0.05
"""How often a waiting receiver looks whether another process changed the file: a message waits 100 ms at most. A look
reads shared memory, never the disk, and writes nothing."""


class SqliteQueue:
    """`kopitra.application.ports.queue.Queue` over one queue in a file; make one with `open`."""

    def __init__(self, file: QueueFile, clock: Clock) -> None:
        self.file = file
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "queue")
        self._changed = asyncio.Event()
        """Set, and replaced, when this process made something deliverable."""
        self._closed = False
        self._completing: list[tuple[ReceivedMessage, asyncio.Future[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(
        cls,
        path: Path,
        queue: str,
        *,
        clock: Clock,
        ids: IdSource,
        lock_duration: timedelta = LOCK_DURATION,
        max_delivery_count: int = MAX_DELIVERY_COUNT,
    ) -> "SqliteQueue":
        """Raises `QueueUnavailable`."""
        file = await asyncio.to_thread(
            QueueFile,
            path,
            queue,
            clock=clock,
            ids=ids,
            lock_duration=lock_duration,
            max_deliveries=max_delivery_count,
        )
        return cls(file, clock)

    async def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if len(message.body) > MESSAGE_BYTES:
                raise MessageTooLarge(f"message {message.message_id} has {len(message.body)} bytes")
        await self._run(self.file.send, messages)
        self._announce()

    async def receive(
        self, max_message_count: int = 1, *, max_wait_time: float = 0.0, dead_letter: bool = False
    ) -> Sequence[ReceivedMessage]:
        until = asyncio.get_running_loop().time() + max_wait_time
        while True:
            changed = self._changed
            received, version, due = await self._receive(max_message_count, dead=dead_letter)
            if received or not await self._wait(until, changed, version, due):
                return received

    async def complete(self, received: ReceivedMessage) -> None:
        """Those that are asked for together share one transaction, which is one flush of the disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._completing.append((received, done))
        if len(self._completing) == 1:
            task = asyncio.ensure_future(self._complete_together())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await done

    async def abandon(self, received: ReceivedMessage) -> None:
        await self._run(self.file.abandon, received)
        self._announce()

    async def dead_letter(
        self, received: ReceivedMessage, *, reason: str, error_description: str = ""
    ) -> None:
        await self._run(self.file.bury, received, reason, error_description)
        self._announce()

    async def renew_lock(self, received: ReceivedMessage) -> ReceivedMessage:
        return await self._run(self.file.renew, received)

    async def replay(self, received: ReceivedMessage) -> None:
        await self._run(self.file.replay, received)
        self._announce()

    async def peek(
        self, max_message_count: int = 1, *, from_sequence_number: int = 0, dead_letter: bool = False
    ) -> Sequence[ReceivedMessage]:
        return await self._run(
            lambda: self.file.peek(max_message_count, from_sequence_number, dead=dead_letter)
        )

    async def counts(self) -> QueueCounts:
        return await self._run(self.file.counts)

    async def unlock_all(self) -> int:
        """End every lock of the queue, for whoever knows that those who held them are gone; how many there were. Their
        deliveries stay counted."""
        unlocked = await self._run(self.file.unlock_all)
        self._announce()
        return unlocked

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._announce()
        await asyncio.get_running_loop().run_in_executor(self._thread, self.file.close)
        self._thread.shutdown(wait=False)

    async def _complete_together(self) -> None:
        batch, self._completing = self._completing, []
        try:
            ours = await self._run(self.file.complete_together, [received for received, _ in batch])
        except QueueUnavailable as error:
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
            return
        for (received, done), is_ours in zip(batch, ours, strict=True):
            if done.done():
                continue  # whoever asked does not wait any more
            if is_ours:
                done.set_result(None)
            else:
                done.set_exception(lock_lost(received))

    async def _receive(self, limit: int, *, dead: bool) -> tuple[list[ReceivedMessage], int, datetime | None]:
        """What was there, and what to wait for when that is nothing: the file's version and the next due time."""

        def look() -> tuple[list[ReceivedMessage], int, datetime | None]:
            version = self.file.data_version()
            received = self.file.receive(limit, dead=dead)
            return received, version, None if received else self.file.next_due(dead=dead)

        looking = asyncio.ensure_future(self._run(look))
        try:
            return await asyncio.shield(looking)
        except asyncio.CancelledError:
            looking.add_done_callback(self._give_back)
            raise

    def _give_back(self, looked: asyncio.Future[tuple[list[ReceivedMessage], int, datetime | None]]) -> None:
        """The receiver was cancelled while the thread locked messages for it."""
        if not looked.cancelled() and looked.exception() is None and not self._closed:
            loop = asyncio.get_running_loop()
            returned = loop.run_in_executor(self._thread, self.file.give_back, looked.result()[0])
            returned.add_done_callback(lambda _: self._announce())

    async def _wait(self, until: float, changed: asyncio.Event, version: int, due: datetime | None) -> bool:
        """True as soon as it is worth looking again, False when the time is up."""
        while (left := until - asyncio.get_running_loop().time()) > 0:
            try:
                async with asyncio.timeout(min(left, LOOK_SECONDS)):
                    await changed.wait()
            except TimeoutError:
                if due is not None and due <= self._clock.now():
                    return True
                if await self._run(self.file.data_version) != version:
                    return True
            else:
                return True
        return False

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _run(self, call: Callable[..., T], *arguments: object) -> T:
        if self._closed:
            raise QueueUnavailable("the queue was closed here")
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)
