"""Everything that can have happened. Events hold results: applying one never sizes, decides, or reads a clock.

An event that puts several items into one account's outbox covers that many sequences (see `machine.spans`).
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

from kopitra.domain.arithmetic import Arithmetic
from kopitra.domain.guards import Guard
from kopitra.domain.identifiers import (
    AccountId,
    CommandId,
    CopyId,
    DeviceId,
    EventId,
    GroupId,
    PositionRef,
    RequestId,
    RunId,
    SessionId,
    SubscriptionId,
    TenantId,
)
from kopitra.domain.orders import MarginMode
from kopitra.domain.settings import CopySettings, SettingsScope
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.telemetry import BalanceOperation
from kopitra.domain.trading import AckStatus, Execution, Order, Signal


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="t", gc=False):
    """One fact of the journal."""


# -- configuration -------------------------------------------------------------------------------------------------


class AccountConfigured(Event, tag="account.configured", frozen=True):
    account: AccountId
    tenant: TenantId
    revision: int
    enabled: bool = True
    requires_approval: bool = False
    enrolment_code_hash: str | None = None
    """SHA-256, hex, of a one-time code that has at least 128 bits."""
    enrolment_expires_at: datetime | None = None
    label: str = ""
    revoked_devices: tuple[DeviceId, ...] = ()


class GroupConfigured(Event, tag="group.configured", frozen=True):
    group: GroupId
    tenant: TenantId
    revision: int
    leaders: tuple[AccountId, ...]
    enabled: bool = True
    copies_of_copies: bool = False
    """Whether what its leaders copy from others is copied on."""


class SubscriptionConfigured(Event, tag="subscription.configured", frozen=True):
    subscription: SubscriptionId
    tenant: TenantId
    revision: int
    group: GroupId
    follower: AccountId
    rules: CopySettings
    """The subscription's own layer of settings."""
    enabled: bool = True


class SettingsConfigured(Event, tag="settings.configured", frozen=True):
    """A layer of settings and guards above or below subscriptions; `target` names the tenant, group or account."""

    scope: SettingsScope
    target: str
    tenant: TenantId
    revision: int
    settings: CopySettings
    guards: tuple[Guard, ...] = ()


class StaleIgnored(Event, tag="config.stale", frozen=True):
    """A command whose revision is not above the one in force."""

    scope: str
    revision: int
    current: int


class Enrolled(Event, tag="account.enrolled", frozen=True):
    account: AccountId
    device: DeviceId
    secret_hash: str
    platform: str | None = None


# -- sessions ------------------------------------------------------------------------------------------------------


class SessionOpened(Event, tag="session.opened", frozen=True):
    account: AccountId
    session: SessionId
    device: DeviceId
    nonce: str
    token_hash: str
    key_id: str
    approved: bool
    lease_seconds: int
    client_version: str | None = None
    platform: str | None = None
    capabilities: tuple[str, ...] = ()


class SessionEnd(StrEnum):
    RELEASED = "released"
    TAKEN_OVER = "taken_over"
    EXPIRED = "expired"
    FORCED = "forced"
    REJECTED = "rejected"


class SessionEnded(Event, tag="session.ended", frozen=True):
    account: AccountId
    session: SessionId
    reason: SessionEnd
    subject: str | None = None
    revision: int = 0


class SessionApproved(Event, tag="session.approved", frozen=True):
    account: AccountId
    session: SessionId
    subject: str
    revision: int = 0


# -- copying -------------------------------------------------------------------------------------------------------


class Outcome(StrEnum):
    PLANNED = "planned"
    SKIPPED = "skipped"
    SUPERSEDED = "superseded"
    """The copy's undelivered open was withdrawn, so neither it nor its close is sent."""
    UNCHANGED = "unchanged"
    """The copy already is what the leader's event asks for."""
    SANDBOX = "sandbox"
    """As planned, but on paper: the order is recorded and never sent."""


class CopyDecision(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Why one follower got what it got for one leader event: inputs, rule revision, arithmetic, outcome.

    `reason` is a `SkipReason` or says what is unchanged; `generation`, `reverse` and `contract_size` are what an open
    freezes.
    """

    subscription: SubscriptionId
    follower: AccountId
    outcome: Outcome
    copy_id: CopyId | None = None
    order: Order | None = None
    reason: str | None = None
    detail: str | None = None
    rules_revision: int = 0
    withdrawn: CommandId | None = None
    contract_size: Decimal | None = None
    generation: int = 0
    reverse: bool = False
    notes: tuple[str, ...] = ()
    arithmetic: Arithmetic | None = None
    rules_version: int = 0
    """Sequence of the event that made the rules in force what they were."""
    not_before: datetime | None = None
    """An open that its subscription delays is not handed out earlier."""
    replace_until: datetime | None = None
    """Until when an order at market may take the place of the pending order that is cancelled."""

    @property
    def sent(self) -> Order | None:
        """The order that goes into the follower's outbox."""
        return None if self.outcome is Outcome.SANDBOX else self.order


class CopyPlanned(Event, tag="copy.planned", frozen=True):
    """A leader's event and, in the same record, what every follower gets for it."""

    account: AccountId
    run: RunId
    signal: Signal
    age_ms: int
    decisions: tuple[CopyDecision, ...]
    healed: bool = False
    """Deduced from a snapshot, not sent as a signal."""
    sandbox: bool = False
    gap_after: int | None = None
    """The last ordinal that was seen before a gap in the stream."""
    depth: int = 0
    """How often the leader's trade has been copied before it was the leader's; 0 for a trade of its own."""


class SignalDeferred(Event, tag="signal.deferred", frozen=True):
    """An intent for a position that nobody knows; a close leaves a tombstone."""

    account: AccountId
    run: RunId
    signal: Signal


class SignalIgnored(Event, tag="signal.ignored", frozen=True):
    account: AccountId
    run: RunId
    signal: Signal
    reason: Literal["echo", "stale"]


class CommandAcknowledged(Event, tag="command.acknowledged", frozen=True):
    account: AccountId
    command: CommandId
    status: AckStatus
    retires: bool
    retcode: int | None = None
    reason: str | None = None
    redrive_at: datetime | None = None
    """When the core drives this refused close again."""


class ItemAcknowledged(Event, tag="item.acknowledged", frozen=True):
    """An outbox event that is not a trade."""

    account: AccountId
    sequence: int
    status: AckStatus


class CommandExpired(Event, tag="command.expired", frozen=True):
    """An open that nobody fetched in time; it is never sent."""

    account: AccountId
    command: CommandId


class CommandRedriven(Event, tag="command.redriven", frozen=True):
    account: AccountId
    replaces: CommandId
    order: Order
    cause: str
    run: RunId | None = None


class ExecutionRecorded(Event, tag="execution.recorded", frozen=True):
    account: AccountId
    execution: Execution
    key: str
    """What this deal is known by for ever."""
    copy_id: CopyId | None = None
    repeated: bool = False
    """Closing what was closed already: a success that is counted once."""


class CopyCorrected(Event, tag="copy.corrected", frozen=True):
    """A command that follows from what happened at the follower, not from a leader's event."""

    account: AccountId
    copy_id: CopyId
    order: Order
    cause: str
    run: RunId | None = None


class CopySettled(Event, tag="copy.settled", frozen=True):
    """What reports had left open, settled by a snapshot, or by a close that found nothing of an unknown open."""

    account: AccountId
    copy_id: CopyId
    status: Literal["open", "closed"]
    volume: Decimal
    cause: str
    ticket: int | None = None
    position_id: int | None = None


class OrphanClosed(Event, tag="orphan.closed", frozen=True):
    """A position that carries a copy's magic number though no copy owns it any more."""

    account: AccountId
    order: Order


class IncidentOpened(Event, tag="incident.opened", frozen=True):
    incident: str
    kind: str
    account: AccountId
    detail: str
    copy_id: CopyId | None = None


class IncidentClosed(Event, tag="incident.closed", frozen=True):
    incident: str
    account: AccountId
    cause: str


# -- telemetry -----------------------------------------------------------------------------------------------------


class InboxRecorded(Event, tag="inbox.recorded", frozen=True):
    """A durable inbox event as it came; `payload` is its JSON."""

    account: AccountId
    event_type: str
    payload: bytes
    event_id: EventId | None = None
    occurred_at: datetime | None = None


class CatalogKept(Event, tag="catalog.kept", frozen=True):
    account: AccountId
    digest: str
    symbols: tuple[SymbolSpec, ...]


class SnapshotSeen(Event, tag="snapshot.seen", frozen=True):
    """A position snapshot that was not reconciled, or that changed what is suspected of being gone."""

    account: AccountId
    digest: str
    valid: bool
    reason: str | None = None
    missing: tuple[str, ...] = ()
    """What a leader's snapshot lacks: a ref, or `ref|volume` for a smaller position."""
    extra: tuple[PositionRef, ...] = ()
    missing_copies: tuple[CopyId, ...] = ()
    extra_tickets: tuple[int, ...] = ()
    """Positions that carry a copy's magic number though no live copy owns them."""
    positions: int = 0


class BookOwnerKnown(Event, tag="book.owner", frozen=True):
    """The login and server whose book this account's snapshots show."""

    account: AccountId
    login: int
    server: str


class MarginModeKnown(Event, tag="account.mode", frozen=True):
    """The account turned out to be hedging or netting, other than was known."""

    account: AccountId
    mode: MarginMode


class BalanceChanged(Event, tag="balance.changed", frozen=True):
    account: AccountId
    operation: BalanceOperation


class SilenceChanged(Event, tag="account.silence", frozen=True):
    account: AccountId
    silent: bool


# -- control -------------------------------------------------------------------------------------------------------


class HaltScope(StrEnum):
    PLATFORM = "platform"
    GROUP = "group"
    LEADER = "leader"
    FOLLOWER = "follower"


class HaltMode(StrEnum):
    CLOSE_ONLY = "close_only"
    FLATTEN = "flatten"


class UnsubscribedBy(StrEnum):
    """What was published as not enabled; for a group also: without one of its leaders."""

    SUBSCRIPTION = "subscription"
    GROUP = "group"
    FOLLOWER = "follower"


class FlattenOrder(msgspec.Struct, frozen=True, array_like=True, gc=False):
    account: AccountId
    order: Order


class Withdrawal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    account: AccountId
    command: CommandId
    copy_id: CopyId


class TradingHalted(Event, tag="trading.halted", frozen=True):
    scope: HaltScope
    target: str
    mode: HaltMode
    subject: str
    notified: tuple[AccountId, ...]
    withdrawn: tuple[Withdrawal, ...] = ()
    orders: tuple[FlattenOrder, ...] = ()
    reason: str = ""
    revision: int = 0


class Release(msgspec.Struct, frozen=True, array_like=True, gc=False):
    account: AccountId
    copy_id: CopyId


class CopiesUnsubscribed(Event, tag="copies.unsubscribed", frozen=True):
    """What becomes of copies whose subscription, group, leader's place in it, or follower is not enabled any more,
    each by its own subscription's `unsubscribe`."""

    scope: UnsubscribedBy
    target: str
    withdrawn: tuple[Withdrawal, ...] = ()
    orders: tuple[FlattenOrder, ...] = ()
    released: tuple[Release, ...] = ()


class TradingResumed(Event, tag="trading.resumed", frozen=True):
    scope: HaltScope
    target: str
    subject: str
    notified: tuple[AccountId, ...]
    revision: int = 0


class OperatorOrdered(Event, tag="operator.ordered", frozen=True):
    account: AccountId
    order: Order
    subject: str


class ResyncRequested(Event, tag="resync.requested", frozen=True):
    account: AccountId
    reason: str
    subject: str | None = None
    revision: int = 0


class ConsumerCheckpointed(Event, tag="consumer.checkpointed", frozen=True):
    consumer: str
    sequence: int


class RequestAnswered(Event, tag="request.answered", frozen=True):
    """The first answer to an idempotency key; `digest` is keyed, of the normalised body."""

    account: AccountId
    scope: str
    key: str
    digest: bytes
    status: int
    body: bytes


AnyEvent = (
    AccountConfigured
    | GroupConfigured
    | SubscriptionConfigured
    | SettingsConfigured
    | CopiesUnsubscribed
    | StaleIgnored
    | Enrolled
    | SessionOpened
    | SessionEnded
    | SessionApproved
    | CopyPlanned
    | SignalDeferred
    | SignalIgnored
    | CommandAcknowledged
    | ItemAcknowledged
    | CommandExpired
    | CommandRedriven
    | ExecutionRecorded
    | CopyCorrected
    | CopySettled
    | OrphanClosed
    | IncidentOpened
    | IncidentClosed
    | InboxRecorded
    | CatalogKept
    | SnapshotSeen
    | BookOwnerKnown
    | MarginModeKnown
    | BalanceChanged
    | SilenceChanged
    | TradingHalted
    | TradingResumed
    | OperatorOrdered
    | ResyncRequested
    | ConsumerCheckpointed
    | RequestAnswered
)


class Recorded(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event in its place: sequences [sequence, last], aware UTC time, and who asked."""

    sequence: int
    last: int
    at: datetime
    event: AnyEvent
    request_id: RequestId | None = None
    actor: str | None = None
