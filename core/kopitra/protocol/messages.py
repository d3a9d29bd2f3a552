"""Requests and responses of the EA's routes. Trade records and telemetry are the domain's own structs."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from kopitra.domain.identifiers import (
    AccountId,
    DeviceId,
    EventId,
    JournalId,
    RequestId,
    RunId,
    SessionId,
)
from kopitra.domain.trading import Signal


class Message(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True, frozen=True):
    """Unknown fields are ignored; absent fields take their defaults."""


class EnrolmentRequest(Message, frozen=True):
    code: str
    device_id: DeviceId
    platform: str | None = None


class EnrolmentAnswer(Message, frozen=True):
    account: AccountId
    secret: str


class SessionRequest(Message, frozen=True):
    secret: str
    device_id: DeviceId | None = None
    client_version: str | None = None
    platform: str | None = None
    capabilities: list[str] = []


class SessionAnswer(Message, frozen=True):
    session_id: SessionId
    session_token: str
    status: Literal["authenticated", "pending"]
    lease_ttl_seconds: int
    lease_expires_at: str
    heartbeat_seconds: int
    resume_cursor: int
    journal_id: JournalId
    server_time: str


class ReleaseAnswer(Message, frozen=True, omit_defaults=False):
    status: Literal["released"] = msgspec.field(default="released")


class OutboxEvent(Message, frozen=True):
    event_id: EventId
    sequence: int
    event_type: str
    occurred_at: str
    payload: Any
    request_id: RequestId | None = None
    run_id: RunId | None = None


class OutboxAnswer(Message, frozen=True, omit_defaults=False):
    journal_id: JournalId
    cursor: int
    urgent: list[OutboxEvent]
    events: list[OutboxEvent]
    retry_after_ms: int
    retry_after: int
    server_time: str


class InboxEvent(Message, frozen=True):
    event_type: str
    payload: msgspec.Raw
    event_id: EventId | None = None
    occurred_at: datetime | None = None


class InboxRequest(Message, frozen=True):
    events: list[InboxEvent]


class InboxAnswer(Message, frozen=True, omit_defaults=False):
    accepted: int
    sequence: int
    durable: bool


class SignalAnswer(Message, frozen=True, omit_defaults=False):
    status: Literal["accepted", "duplicate", "deferred"]
    sequence: int
    run_id: RunId
    planned: int
    skipped: int


class SignalBatch(Message, frozen=True):
    signals: list[Signal]


class SignalResult(Message, frozen=True):
    """What became of one signal of a batch: the members of `SignalAnswer`, or of one that is refused, `code` and
    `detail` of the problem that it would be alone."""

    status: Literal["accepted", "duplicate", "deferred", "refused"]
    sequence: int | None = None
    run_id: RunId | None = None
    planned: int | None = None
    skipped: int | None = None
    code: str | None = None
    detail: str | None = None


class SignalBatchAnswer(Message, frozen=True, omit_defaults=False):
    """One result a signal, in their order."""

    results: list[SignalResult]


class ExecutionAnswer(Message, frozen=True, omit_defaults=False):
    sequence: int
    status: Literal["recorded"] = msgspec.field(default="recorded")


class HealthAnswer(Message, frozen=True):
    """`status` is `serving` or why not; `build` is the hash of the package that answers, which a deployment waits for;
    the other members are for operators only."""

    status: str
    server_time: str
    build: str
    epoch: int | None = None
    sequence: int | None = None
    probes: dict[str, dict[str, str]] | None = None


class FieldError(Message, frozen=True):
    path: str
    message: str


class Problem(Message, frozen=True):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    request_id: RequestId | None = None
    errors: list[FieldError] = []
    retry_after_seconds: int | None = None
    lease_expires_at: str | None = None
    holder: dict[str, str] | None = None
    hint: str | None = None
