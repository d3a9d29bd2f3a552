"""What the timers tell: messages of the history queue, beside the counterparty's own events.

They have that queue's envelope (`kopitra.protocol.event_messages.EventMessage`) with sequence 0: no journal holds them.
A message id says what is told of when, so that telling it twice is telling it once.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from kopitra.application.ports.queue import Message
from kopitra.domain.identifiers import AccountId, TenantId
from kopitra.domain.instants import rfc3339
from kopitra.protocol.event_messages import EventMessage

SAMPLES = "statistics.sample"
NOTIFICATION = "notification.raised"
SOURCE = "watch"
"""What the message ids begin with; a journal's id is 32 hexadecimal characters."""
SAMPLES_A_MESSAGE = 200
"""At 150 bytes each, half of what a message may hold."""

Severity = Literal["info", "warning", "critical"]


class Sample(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An account's figures at a moment, money in its own currency."""

    account: AccountId
    at: datetime
    balance: Decimal
    currency: str
    equity: Decimal | None = None


class Samples(msgspec.Struct, frozen=True, rename="camel"):
    samples: tuple[Sample, ...]


class Finding(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Something that a person should know. `notification`: its identity; the same is raised once."""

    notification: str
    kind: str
    severity: Severity
    title: str
    detail: str
    account: AccountId | None = None


def samples_message(tenant: TenantId, samples: tuple[Sample, ...], at: datetime, part: int) -> Message:
    """At most `SAMPLES_A_MESSAGE` samples of one tenant, told at `at`."""
    identity = f"{SOURCE}:{tenant}:{SAMPLES}:{rfc3339(at)}:{part}"
    return _message(SAMPLES, tenant, Samples(samples), at, identity, None)


def finding_message(tenant: TenantId, finding: Finding, at: datetime) -> Message:
    identity = f"{SOURCE}:{tenant}:{finding.notification}"
    return _message(NOTIFICATION, tenant, finding, at, identity, finding.account)


def _message(
    kind: str, tenant: TenantId, payload: Any, at: datetime, identity: str, account: AccountId | None
) -> Message:
    body = EventMessage(
        message_type=kind,
        tenant=tenant,
        sequence=0,
        last_sequence=0,
        occurred_at=rfc3339(at),
        payload=payload,
        account=account,
    )
    return Message(body=msgspec.json.encode(body), message_id=identity, session_id=account, subject=kind)
