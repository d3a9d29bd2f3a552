"""A durable queue with peek-lock, delivery count and dead letter. Names are Azure Service Bus's, so both read alike."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

MAX_DELIVERY_COUNT = 3
"""A message that was delivered this often without being completed goes to the dead letter (protocol, Queues)."""
MESSAGE_BYTES = 64 * 1024
"""Body limit; Service Bus takes 256 KB with headers. Larger payloads go to a blob, by reference."""
LOCK_DURATION = timedelta(seconds=60)
"""How long a received message is hidden from other receivers unless its lock is renewed; Service Bus's default."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    body: bytes
    message_id: str
    correlation_id: str | None = None
    session_id: str | None = None
    subject: str | None = None
    content_type: str = "application/json"
    application_properties: Mapping[str, str] = {}
    time_to_live: timedelta | None = None
    """Undelivered for longer: dead-lettered as `TTLExpiredException`, never dropped."""
    scheduled_enqueue_time_utc: datetime | None = None
    """Not delivered before (aware UTC)."""


class ReceivedMessage(msgspec.Struct, frozen=True, kw_only=True):
    message: Message
    sequence_number: int
    """The queue's own order of arrival."""
    delivery_count: int
    """1 at the first delivery."""
    enqueued_time_utc: datetime
    lock_token: str
    """Empty when only peeked."""
    locked_until_utc: datetime | None = None
    dead_letter_reason: str | None = None
    dead_letter_error_description: str | None = None


class QueueCounts(msgspec.Struct, frozen=True, kw_only=True):
    active: int
    """Deliverable now."""
    locked: int
    scheduled: int
    dead_letter: int


class QueueError(Exception):
    """What a queue refuses or cannot do."""

    code = "queue_error"


class MessageLockLost(QueueError):
    """The lock ran out or was never this receiver's: the message is, or was, another's; its work may be done twice."""

    code = "message_lock_lost"


class MessageTooLarge(QueueError):
    """The body is above `MESSAGE_BYTES`."""

    code = "message_too_large"


class QueueUnavailable(QueueError):
    """The queue's storage refuses or cannot be reached; whether a send happened may be unknown: send again, consumers
    recognise a repeat by its message id."""

    code = "queue_unavailable"


class Queue(Protocol):
    """At least once, in order of arrival but for redeliveries. Every call may raise `QueueUnavailable`."""

    async def send(self, messages: Sequence[Message]) -> None:
        """All or none; durable when it returns. Raises `MessageTooLarge`."""
        ...

    async def receive(
        self, max_message_count: int = 1, *, max_wait_time: float = 0.0, dead_letter: bool = False
    ) -> Sequence[ReceivedMessage]:
        """Lock and return what is deliverable, waiting up to `max_wait_time` seconds for the first. `dead_letter` reads
        the dead-letter queue, whose messages are completed or replayed, and never dead-lettered again."""
        ...

    async def complete(self, received: ReceivedMessage) -> None:
        """Done with it for good. Raises `MessageLockLost`."""
        ...

    async def abandon(self, received: ReceivedMessage) -> None:
        """Give it back for redelivery at once; the delivery stays counted. Raises `MessageLockLost`."""
        ...

    async def dead_letter(
        self, received: ReceivedMessage, *, reason: str, error_description: str = ""
    ) -> None:
        """Set it aside for an operator. Raises `MessageLockLost`."""
        ...

    async def renew_lock(self, received: ReceivedMessage) -> ReceivedMessage:
        """The same message, locked for a full lock duration from now. Raises `MessageLockLost`."""
        ...

    async def replay(self, received: ReceivedMessage) -> None:
        """Put a received dead letter back at the queue's end, its delivery count at zero. Raises `MessageLockLost`."""
        ...

    async def peek(
        self, max_message_count: int = 1, *, from_sequence_number: int = 0, dead_letter: bool = False
    ) -> Sequence[ReceivedMessage]:
        """Look at messages from that sequence number on, without locking or counting."""
        ...

    async def counts(self) -> QueueCounts: ...

    async def close(self) -> None: ...
