"""Receiving from a Service Bus queue: links that open themselves again, and receives that may be cancelled."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from kopitra.adapters.azure.queue_errors import reported
from kopitra.application.ports.queue import MessageLockLost, QueueUnavailable

LEAST_WAIT_SECONDS = 0.1
"""The SDK takes no wait of zero, and a shorter one ends before the service answers from nearby."""
CALL_SECONDS = 1.0
"""The longest call of the SDK's: so long may closing, and a receive after one that was cancelled, have to wait."""
CLOSE_SECONDS = 5.0
"""For a call to end; the connection is closed under it then."""
CLOSED = "the queue was closed here"


class Receiving:
    """One of a queue's two sides: its messages, or its dead letters.

    A receive that was cancelled may have been given messages: they are the next receive's. What is left at the end
    goes back to the queue.
    """

    def __init__(self, receiver: ServiceBusReceiver) -> None:
        self._receiver = receiver
        self._opening = asyncio.Lock()
        self._turn = asyncio.Lock()
        """The SDK takes one receive at a time on a link."""
        self._work: asyncio.Task[list[ServiceBusReceivedMessage]] | None = None
        self._left: list[ServiceBusReceivedMessage] = []
        self._closed = False

    async def opened(self) -> ServiceBusReceiver:
        """The receiver with a link that was open just now."""
        if self._closed:
            raise QueueUnavailable(CLOSED)
        await asyncio.shield(self._open())
        return self._receiver

    async def _open(self) -> None:
        async with self._opening:
            await self._receiver.__aenter__()

    async def receive(self, limit: int, wait: float) -> Sequence[ServiceBusReceivedMessage]:
        """In calls of `CALL_SECONDS`: one that was begun is never broken off, for the SDK would lose what it is just
        reading, and the next receive goes on with it."""
        clock = asyncio.get_running_loop().time
        until = clock() + max(wait, LEAST_WAIT_SECONDS)
        failed = False
        async with self._turn:
            with suppress(AzureError):
                await self._finish()
            while not self._left and (seconds := until - clock()) > 0:
                receiver = await self.opened()
                seconds = min(seconds, CALL_SECONDS)
                self._work = asyncio.create_task(receiver.receive_messages(limit, seconds))
                try:
                    await self._finish()
                    failed = False
                except AzureError:  # the call has little time to connect again; opening has enough
                    if failed:
                        raise
                    failed = True
            given, self._left = self._left[:limit], self._left[limit:]
            return given

    async def _finish(self) -> None:
        """Wait for the call that was begun, here or by a receive that was cancelled, and keep what it gives."""
        if self._work is not None:
            await asyncio.wait({self._work})
            work, self._work = self._work, None
            if self._closed:
                self._left += _given(work)
                raise QueueUnavailable(CLOSED)
            self._left += work.result()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._work is not None:
            await asyncio.wait({self._work}, timeout=CLOSE_SECONDS)
        try:
            with reported():
                await self._give_back()
                await self._receiver.close()
        except (QueueUnavailable, MessageLockLost):
            pass  # the locks run out instead

    async def _give_back(self) -> None:
        """Counts as a delivery; what the SDK itself still holds it gives back uncounted when it closes."""
        if self._work is not None:
            self._left += _given(self._work)
        for message in self._left:
            await self._receiver.abandon_message(message)


def _given(
    work: asyncio.Task[list[ServiceBusReceivedMessage]],
) -> list[ServiceBusReceivedMessage]:
    return work.result() if work.done() and not work.cancelled() and work.exception() is None else []


class Held:
    """Messages that are locked by this process, by their tokens: settling one needs what the SDK received."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, bool, ServiceBusReceivedMessage]] = {}

    def add(self, queue: str, dead: bool, messages: Sequence[ServiceBusReceivedMessage]) -> None:
        """Those whose locks ran out are forgotten."""
        now = datetime.now(UTC)
        self._held = {token: one for token, one in self._held.items() if _until(one[2]) > now}
        self._held |= {str(message.lock_token): (queue, dead, message) for message in messages}

    def find(self, token: str) -> tuple[bool, ServiceBusReceivedMessage]:
        """Whether it is a dead letter, and the message. Raises MessageLockLost."""
        if token not in self._held:
            raise MessageLockLost("the message is not, or no longer, locked by this process")
        return self._held[token][1:]

    def forget(self, token: str) -> None:
        self._held.pop(token, None)

    def locks(self, queue: str, dead: bool) -> Mapping[int, datetime]:
        """Until when which sequence numbers are locked by this process."""
        now = datetime.now(UTC)
        return {
            message.sequence_number or 0: _until(message)
            for name, dead_letter, message in self._held.values()
            if (name, dead_letter) == (queue, dead) and _until(message) > now
        }


def _until(message: ServiceBusReceivedMessage) -> datetime:
    return message.locked_until_utc or datetime.max.replace(tzinfo=UTC)
