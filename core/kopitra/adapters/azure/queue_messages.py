"""The port's messages as the Service Bus SDK's, and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage

from kopitra.application.ports.queue import Message, ReceivedMessage

# The SDK's raw messages have no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

DEAD_LETTER_PROPERTIES = frozenset({"DeadLetterReason", "DeadLetterErrorDescription"})
"""The service tells them among the sender's own properties."""
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def outgoing(message: Message) -> ServiceBusMessage:
    return ServiceBusMessage(
        message.body,
        message_id=message.message_id,
        correlation_id=message.correlation_id,
        session_id=message.session_id,
        subject=message.subject,
        content_type=message.content_type,
        application_properties={**message.application_properties},
        time_to_live=message.time_to_live,
        scheduled_enqueue_time_utc=message.scheduled_enqueue_time_utc,
    )


def received(message: ServiceBusReceivedMessage) -> ReceivedMessage:
    """The wire counts failed deliveries, and leaves the header out where there was none."""
    return _told(
        message,
        delivery_count=(message.delivery_count or 0) + 1,
        lock_token=str(message.lock_token),
        locked_until_utc=message.locked_until_utc,
    )


def peeked(message: ServiceBusReceivedMessage, locked_until_utc: datetime | None) -> ReceivedMessage:
    """`delivery_count`: deliveries that failed. The wire tells nothing of locks here, so the caller does."""
    return _told(
        message,
        delivery_count=message.delivery_count or 0,
        lock_token="",
        locked_until_utc=locked_until_utc,
    )


def _told(
    message: ServiceBusReceivedMessage,
    *,
    delivery_count: int,
    lock_token: str,
    locked_until_utc: datetime | None,
) -> ReceivedMessage:
    return ReceivedMessage(
        message=_sent(message),
        sequence_number=message.sequence_number or 0,
        delivery_count=delivery_count,
        enqueued_time_utc=message.enqueued_time_utc or UNIX_EPOCH,
        lock_token=lock_token,
        locked_until_utc=locked_until_utc,
        dead_letter_reason=message.dead_letter_reason,
        dead_letter_error_description=message.dead_letter_error_description,
    )


def _sent(message: ServiceBusReceivedMessage) -> Message:
    return Message(
        body=b"".join(bytes(part) for part in message.body),
        message_id=message.message_id or "",
        correlation_id=message.correlation_id,
        session_id=message.session_id,
        subject=message.subject,
        content_type=message.content_type or "",
        application_properties=_properties(message.application_properties or {}),
        time_to_live=message.time_to_live,
        scheduled_enqueue_time_utc=message.scheduled_enqueue_time_utc,
    )


def _properties(found: Mapping[Any, Any]) -> dict[str, str]:
    plain = {_text(name): _text(value) for name, value in found.items()}
    return {name: value for name, value in plain.items() if name not in DEAD_LETTER_PROPERTIES}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
