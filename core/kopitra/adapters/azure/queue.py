"""The durable queue in Azure: Service Bus over AMQP, with the SDK's own retries and reconnects."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from azure.servicebus import (
    ServiceBusMessageBatch,
    ServiceBusMessageState,
    ServiceBusReceivedMessage,
    ServiceBusSubQueue,
)
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import MessageSizeExceededError

from kopitra.adapters.azure.queue_errors import reported
from kopitra.adapters.azure.queue_messages import outgoing, peeked
from kopitra.adapters.azure.queue_messages import received as received_from
from kopitra.adapters.azure.queue_receiving import Held, Receiving
from kopitra.application.ports.queue import (
    MESSAGE_BYTES,
    Message,
    MessageLockLost,
    MessageTooLarge,
    QueueCounts,
    QueueUnavailable,
    ReceivedMessage,
)

# The SDK's messages have parts without types.
# pyright: reportUnknownMemberType=false

COUNTED_AT_MOST = 1_000
"""Messages that `counts` looks at in each part of a queue: counts are for people, and each look is a call. A number at
this limit means that many or more."""
PEEKED_AT_ONCE = 250
"""The service returns no more for one look."""

Settlement = Callable[[ServiceBusReceiver, ServiceBusReceivedMessage], Awaitable[None]]


class ServiceBusQueue:
    """`kopitra.application.ports.queue.Queue` over one Service Bus queue; made by `ServiceBusNamespace.queue`.

    Where the service promises less than the port: a batch above one transfer (256 KB in the standard tier) is sent as
    several, and if one fails those before it stay, which consumers recognise as repeats when it is sent again. A lock
    that another process holds is not told by `peek`, and its message counts as active. `replay` sends before it
    completes, so a crash in between leaves the message twice.
    """

    def __init__(self, client: ServiceBusClient, queue: str, held: Held, socket_seconds: float) -> None:
        self._queue = queue
        self._held = held
        self._sender: ServiceBusSender = client.get_queue_sender(queue, socket_timeout=socket_seconds)
        self._sending = asyncio.Lock()
        """A link takes one batch at a time."""
        self._settling = asyncio.Lock()
        """The SDK's clients do one thing at a time, whoever asks for several."""
        self._receiving = {
            dead: Receiving(
                client.get_queue_receiver(
                    queue,
                    sub_queue=ServiceBusSubQueue.DEAD_LETTER if dead else None,
                    socket_timeout=socket_seconds,
                )
            )
            for dead in (False, True)
        }
        self._closed = False

    async def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if len(message.body) > MESSAGE_BYTES:
                raise MessageTooLarge(f"message {message.message_id} has {len(message.body)} bytes")
        if self._closed:
            raise QueueUnavailable("the queue was closed here")
        if not messages:
            return
        with reported():
            async with self._sending:
                for batch in await self._batches(messages):
                    await self._sender.send_messages(batch)

    async def _batches(self, messages: Sequence[Message]) -> list[ServiceBusMessageBatch]:
        """All of them before the first is sent: what is too large then refuses the whole."""
        batches = [await self._sender.create_message_batch()]
        for message in map(outgoing, messages):
            try:
                batches[-1].add_message(message)
            except MessageSizeExceededError:
                batches.append(await self._sender.create_message_batch())
                batches[-1].add_message(message)
        return batches

    async def receive(
        self, max_message_count: int = 1, *, max_wait_time: float = 0.0, dead_letter: bool = False
    ) -> Sequence[ReceivedMessage]:
        with reported():
            messages = await self._receiving[dead_letter].receive(max_message_count, max_wait_time)
        self._held.add(self._queue, dead_letter, messages)
        return [received_from(message) for message in messages]

    async def complete(self, received: ReceivedMessage) -> None:
        await self._settle(received, lambda receiver, held: receiver.complete_message(held))

    async def abandon(self, received: ReceivedMessage) -> None:
        await self._settle(received, lambda receiver, held: receiver.abandon_message(held))

    async def dead_letter(
        self, received: ReceivedMessage, *, reason: str, error_description: str = ""
    ) -> None:
        await self._settle(
            received,
            lambda receiver, held: receiver.dead_letter_message(
                held, reason=reason, error_description=error_description
            ),
        )

    async def renew_lock(self, received: ReceivedMessage) -> ReceivedMessage:
        dead, held = self._held.find(received.lock_token)
        with reported():
            receiver = await self._receiving[dead].opened()
            until = await receiver.renew_message_lock(held)
        return msgspec.structs.replace(received, locked_until_utc=until)

    async def replay(self, received: ReceivedMessage) -> None:
        held = await self.renew_lock(received)
        await self.send([msgspec.structs.replace(received.message, scheduled_enqueue_time_utc=None)])
        await self.complete(held)

    async def peek(
        self, max_message_count: int = 1, *, from_sequence_number: int = 0, dead_letter: bool = False
    ) -> Sequence[ReceivedMessage]:
        seen = await self._look(max_message_count, from_sequence_number, dead_letter)
        locks = self._held.locks(self._queue, dead_letter)
        return [peeked(message, locks.get(message.sequence_number or 0)) for message in seen]

    async def counts(self) -> QueueCounts:
        """Up to `COUNTED_AT_MOST` of each part; `locked` are those that this process holds."""
        seen = await self._look(COUNTED_AT_MOST, 0, dead=False)
        dead_letter = len(await self._look(COUNTED_AT_MOST, 0, dead=True))
        locks = self._held.locks(self._queue, dead=False)
        locked = sum(message.sequence_number in locks for message in seen)
        scheduled = sum(message.state == ServiceBusMessageState.SCHEDULED for message in seen)
        return QueueCounts(
            active=len(seen) - locked - scheduled,
            locked=locked,
            scheduled=scheduled,
            dead_letter=dead_letter,
        )

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        # Together: each waits up to a second for the SDK's own task.
        with reported():
            await asyncio.gather(
                *(receiving.close() for receiving in self._receiving.values()), self._sender.close()
            )

    async def _look(self, limit: int, start: int, dead: bool) -> list[ServiceBusReceivedMessage]:
        """Sequence numbers begin at 1, and the SDK takes a 0 for "where I was"."""
        seen: list[ServiceBusReceivedMessage] = []
        start = max(1, start)
        with reported():
            receiver = await self._receiving[dead].opened()
            while len(seen) < limit:
                more = await receiver.peek_messages(
                    min(limit - len(seen), PEEKED_AT_ONCE), sequence_number=start
                )
                if not more:
                    break
                seen += more
                start = (more[-1].sequence_number or 0) + 1
        return seen

    async def _settle(self, received: ReceivedMessage, settlement: Settlement) -> None:
        """Ends with the service's own answer; whichever it is, the lock is gone after it."""
        dead, held = self._held.find(received.lock_token)
        try:
            with reported():
                async with self._settling:
                    await settlement(await self._receiving[dead].opened(), held)
        except MessageLockLost:
            self._held.forget(received.lock_token)
            raise
        self._held.forget(received.lock_token)
