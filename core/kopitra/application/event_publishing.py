"""A journal event as the message that tells of it: what the relay sends, and what a rebuild makes of the journal again.

A message is a function of the journal alone, so the same event always makes the same one.
"""

from collections.abc import Mapping

import msgspec

from kopitra.application.ports.queue import MESSAGE_BYTES, Message
from kopitra.domain.identifiers import AccountId, JournalId, TenantId
from kopitra.machine.events import Recorded
from kopitra.protocol.event_messages import is_published, message_id, message_of, payload_of


class Place(msgspec.Struct, frozen=True):
    """Which journal's events are told of."""

    journal_id: JournalId
    shard: str


class LargePayload(msgspec.Struct, frozen=True):
    """A payload that has no room in a message: it is a blob, put before the message is sent."""

    name: str
    content: bytes


class Outgoing(msgspec.Struct, frozen=True):
    message: Message
    large: LargePayload | None = None


def outgoing(
    recorded: Recorded, place: Place, tenants: Mapping[AccountId, TenantId], previous: int
) -> Outgoing | None:
    """None for what stays in the journal. `previous`: the last sequence of the published event before it, or 0."""
    if not is_published(recorded.event):
        return None
    payload = payload_of(recorded.event)
    body = msgspec.json.encode(message_of(recorded, tenants, payload, previous))
    large = None
    if len(body) > MESSAGE_BYTES:
        name = f"{place.shard}/events/{place.journal_id}/{recorded.sequence:012}.json"
        large = LargePayload(name, msgspec.json.encode(payload))
        body = msgspec.json.encode(message_of(recorded, tenants, {"blob": name}, previous))
    message = Message(
        body=body,
        message_id=message_id(place.journal_id, place.shard, recorded.sequence),
        correlation_id=recorded.request_id,
        session_id=getattr(recorded.event, "account", None),
        subject=str(recorded.event.__struct_config__.tag),
    )
    return Outgoing(message, large)
