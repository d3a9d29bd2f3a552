"""A message of the events or history queue: the envelope decoded for everybody, the payload for who wants it."""

from datetime import datetime
from typing import Any

import msgspec

from kopitra.application.ports.blobs import BlobNotFound, Blobs
from kopitra.application.ports.queue import Message
from kopitra.domain.identifiers import AccountId, JournalId, TenantId
from kopitra.protocol.event_messages import TWINS, message_id
from kopitra_functions.timers.findings import NOTIFICATION, SAMPLES, Finding, Samples

DELIVERY = "notification.delivered"
"""How telling one channel ended (`history.notifying`)."""


class MessageMalformed(Exception):
    """It can never be taken in as it is; `reason` is one word for the dead letter, the text says more."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Delivery(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One channel was told of a finding, or was not to be reached."""

    notification: str
    channel: str
    topic: str
    severity: str
    title: str
    status: str
    attempts: int
    detail: str = ""
    error: str | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """`place` is None for what no journal holds: findings, samples, deliveries. `payload`: as it came, maybe a
    reference to a blob; `body_of` gives what it means."""

    message_id: str
    message_type: str
    tenant: TenantId
    at: datetime
    payload: msgspec.Raw
    account: AccountId | None = None
    request_id: str | None = None
    actor: str | None = None
    place: "Place | None" = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    journal_id: JournalId
    shard: str
    sequence: int
    last: int
    previous: int | None = None
    """The last sequence of the message before it in the journal; None from a counterparty that did not say."""


class _Envelope(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    message_type: str
    tenant: TenantId
    sequence: int
    last_sequence: int
    occurred_at: datetime
    payload: msgspec.Raw
    account: AccountId | None = None
    request_id: str | None = None
    actor: str | None = None
    previous_sequence: int | None = None


class _Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blob: str


_envelopes = msgspec.json.Decoder(_Envelope)
_references = msgspec.json.Decoder(_Reference)
_own: dict[str, Any] = {SAMPLES: Samples, NOTIFICATION: Finding, DELIVERY: Delivery}
_payloads: dict[str, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(struct)
    for kind, struct in {**{str(e.__struct_config__.tag): twin for e, twin in TWINS.items()}, **_own}.items()
}
ID_PARTS = 3
"""Journal, shard, sequence."""
REFERENCE_BYTES = 1024
"""A reference to a blob is shorter: its name has 512 characters at most."""


def decode(message: Message) -> Told:
    """Raises MessageMalformed."""
    try:
        envelope = _envelopes.decode(message.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MessageMalformed("malformed", f"no message of an event: {error}") from error
    if envelope.occurred_at.tzinfo is None:
        raise MessageMalformed("malformed", "occurredAt must have an offset")
    return Told(
        message_id=message.message_id,
        message_type=envelope.message_type,
        tenant=envelope.tenant,
        at=envelope.occurred_at,
        payload=envelope.payload,
        account=envelope.account,
        request_id=envelope.request_id,
        actor=envelope.actor,
        place=_place(message.message_id, envelope),
    )


def _place(identity: str, envelope: _Envelope) -> Place | None:
    if envelope.message_type in _own:
        return None
    parts = identity.rsplit(":", 2)
    journal_id, shard = JournalId(parts[0]), parts[1] if len(parts) == ID_PARTS else ""
    if not journal_id or not shard or identity != message_id(journal_id, shard, envelope.sequence):
        raise MessageMalformed("malformed", f"message id {identity} is not its journal, shard and sequence")
    if not 0 < envelope.sequence <= envelope.last_sequence:
        raise MessageMalformed("malformed", f"sequences {envelope.sequence} to {envelope.last_sequence}")
    return Place(
        journal_id=journal_id,
        shard=shard,
        sequence=envelope.sequence,
        last=envelope.last_sequence,
        previous=envelope.previous_sequence,
    )


def is_known(told: Told) -> bool:
    """Whether this release knows the type; what it does not know is kept, and means nothing more."""
    return told.message_type in _payloads


async def body_of(told: Told, blobs: Blobs) -> Any:
    """The payload as its type's struct, fetched where it is a reference. Raises MessageMalformed, and BlobsUnavailable
    of what may come back."""
    content, name = bytes(told.payload), referred_blob(told)
    if name is not None:
        try:
            content = await blobs.get(name)
        except BlobNotFound as error:
            raise MessageMalformed("payload_missing", f"there is no blob {name}") from error
    return payload(told.message_type, content)


def payload(kind: str, content: bytes) -> Any:
    """Raises MessageMalformed."""
    try:
        return _payloads[kind].decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MessageMalformed("malformed", f"payload of {kind}: {error}") from error


def referred_blob(told: Told) -> str | None:
    """The blob that holds the payload, where the message had no room for it."""
    content = bytes(told.payload)
    if len(content) > REFERENCE_BYTES:
        return None
    try:
        return _references.decode(content).blob
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
