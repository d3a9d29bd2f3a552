"""A queue as one process sees it: while the process stands still, no answer of the queue reaches it."""

from collections.abc import Sequence

from kopitra.application.ports.queue import Message, Queue, QueueCounts, ReceivedMessage
from tests.simulation.stage.process import Process


class PatientQueue:
    """Implements the Queue port over another one."""

    def __init__(self, queue: Queue, process: Process) -> None:
        self._queue = queue
        self._process = process

    async def send(self, messages: Sequence[Message]) -> None:
        self._process.require_alive()
        await self._queue.send(messages)

    async def receive(
        self, max_message_count: int = 1, *, max_wait_time: float = 0.0, dead_letter: bool = False
    ) -> Sequence[ReceivedMessage]:
        received = await self._queue.receive(
            max_message_count, max_wait_time=max_wait_time, dead_letter=dead_letter
        )
        await self._process.thawed()
        return received

    async def complete(self, received: ReceivedMessage) -> None:
        self._process.require_alive()
        await self._queue.complete(received)

    async def abandon(self, received: ReceivedMessage) -> None:
        self._process.require_alive()
        await self._queue.abandon(received)

    async def dead_letter(
        self, received: ReceivedMessage, *, reason: str, error_description: str = ""
    ) -> None:
        await self._queue.dead_letter(received, reason=reason, error_description=error_description)

    async def renew_lock(self, received: ReceivedMessage) -> ReceivedMessage:
        return await self._queue.renew_lock(received)

    async def replay(self, received: ReceivedMessage) -> None:
        await self._queue.replay(received)

    async def peek(
        self, max_message_count: int = 1, *, from_sequence_number: int = 0, dead_letter: bool = False
    ) -> Sequence[ReceivedMessage]:
        return await self._queue.peek(
            max_message_count, from_sequence_number=from_sequence_number, dead_letter=dead_letter
        )

    async def counts(self) -> QueueCounts:
        return await self._queue.counts()

    async def close(self) -> None:
        """The queue outlives the process."""
