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
    ProposalId,
    RequestId,
    RunId,
    SessionId,
    SubscriptionId,
    TenantId,
)
from kopitra.domain.orders import MarginMode
from kopitra.domain.quantities import ZERO
from kopitra.domain.settings import CopySettings, SettingsScope
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.telemetry import BalanceOperation, HeldPosition
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


class CommandDropped(Event, tag="command.dropped", frozen=True):
    """A refused close that need not be driven again: what it was to take off is not there any more."""

    account: AccountId
    command: CommandId
    cause: str


class ExecutionRecorded(Event, tag="execution.recorded", frozen=True):
    account: AccountId
    execution: Execution
    key: str
    """What this deal is known by for ever."""
    copy_id: CopyId | None = None
    repeated: bool = False
    """Closing what was closed already: a success that is counted once."""


class ProposalKind(StrEnum):
    """What is the matter, and so what would be done about it."""

    GONE = "gone"
    """The broker holds nothing of the copy: it is settled as closed."""
    SMALLER = "smaller"
    """The broker holds less than was told: the rest is settled as closed by hand."""
    LARGER = "larger"
    """The broker holds more than it should: the excess is closed."""
    STOPS = "stops"
    LEFT_OVER = "left_over"
    """Its leader's trade is over, and the copy is not."""
    REOPEN = "reopen"
    ADOPT = "adopt"
    REPLAY = "replay"
    HEAL = "heal"
    """An intent that the leader's agent should have sent, as its snapshot shows."""
    NET = "net"
    """A netting account's position differs from its copies: what is missing of them is settled as closed by hand."""


class CopyCorrected(Event, tag="copy.corrected", frozen=True):
    """A command that follows from what happened at the follower, not from a leader's event."""

    account: AccountId
    copy_id: CopyId
    order: Order
    cause: str
    run: RunId | None = None
    correction: ProposalKind | None = None
    """Where it puts right what a snapshot showed: corrections of one copy are counted."""


class CopySettled(Event, tag="copy.settled", frozen=True):
    """What reports had left open, settled by a snapshot, or by a close that found nothing of an unknown open."""

    account: AccountId
    copy_id: CopyId
    status: Literal["open", "closed"]
    volume: Decimal
    cause: str
    ticket: int | None = None
    position_id: int | None = None


class CopyVolumes(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A copy's lots filled and closed so far; `ended`: why it is over; `lost`: lots that a command of unknown fate closed,
    whose deals may still be told of."""

    copy_id: CopyId
    filled: Decimal
    closed: Decimal
    ended: str | None = None
    lost: Decimal = ZERO


class NetSettled(Event, tag="net.settled", frozen=True):
    """What agreeing snapshots of a netting account's position in a symbol mean for its copies. Lots, long positive."""

    account: AccountId
    symbol: str
    manual: Decimal
    """What is left of the position without its copies."""
    cause: str
    copies: tuple[CopyVolumes, ...] = ()
    due: tuple[CommandId, ...] = ()
    """Held-back commands that may be driven again at once."""


class OrphanClosed(Event, tag="orphan.closed", frozen=True):
    """A position that carries a copy's magic number though no copy owns it any more."""

    account: AccountId
    order: Order


class OpenCause(StrEnum):
    """Why a copy is opened though no fresh signal asks for it."""

    LATE_JOIN = "late_join"
    REOPENED = "reopened"
    """The follower closed it by hand, and its settings want it back."""
    REPLAYED = "replayed"
    """Its open was missed; an operator let it be made up for."""
    REPLACED = "replaced"
    """Its pending order was taken away, because the leader's was filled first."""


class CopyAdded(Event, tag="copy.added", frozen=True):
    """What one follower gets for a trade that its leader has open already: an open at today's price, or the reason
    for none."""

    account: AccountId
    leader: AccountId
    position_ref: PositionRef
    run: RunId
    cause: OpenCause
    decision: CopyDecision
    leg: int = 0
    missed: Decimal = Decimal(0)
    """Lots of the leg that its leader had closed before."""


class CopyAdopted(Event, tag="copy.adopted", frozen=True):
    """A position of the follower that nobody owned becomes the copy of the leader's position that it matches."""

    account: AccountId
    subscription: SubscriptionId
    leader: AccountId
    position_ref: PositionRef
    copy_id: CopyId
    generation: int
    held: HeldPosition
    magic: int
    """The copy's own; the position keeps the one that it came with."""
    opens: CommandId
    """Stands for the open that there never was."""
    run: RunId
    contract_size: Decimal
    reverse: bool = False
    leg: int = 0
    missed: Decimal = Decimal(0)
    rules_revision: int = 0


class Settlement(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Lots that a copy is taken to hold from then on."""

    volume: Decimal
    cause: str


class Proposal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False):
    """A correction that waits for an operator. `order` and `settlement` say what it would do as things stood when it
    was made; approving decides anew on the same ground."""

    proposal: ProposalId
    account: AccountId
    kind: ProposalKind
    ground: str
    """What was found, in the words of the book's doubts: the proposal stands as long as this does."""
    cause: str
    at: datetime
    copy_id: CopyId | None = None
    order: Order | None = None
    settlement: Settlement | None = None
    subscription: SubscriptionId | None = None
    leader: AccountId | None = None
    position_ref: PositionRef | None = None
    held: HeldPosition | None = None
    signal: Signal | None = None


class CorrectionProposed(Event, tag="correction.proposed", frozen=True):
    account: AccountId
    proposal: Proposal


class CorrectionDecided(Event, tag="correction.decided", frozen=True):
    account: AccountId
    proposal: ProposalId
    approved: bool
    subject: str


class CorrectionWithdrawn(Event, tag="correction.withdrawn", frozen=True):
    """Its ground has gone: the books agree, the leader's trade ended, or it is too old."""

    account: AccountId
    proposal: ProposalId
    cause: str


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
    agreed_nets: tuple[str, ...] = ()
    """Symbols of a netting account whose net position is as it should be, whatever others have traded there."""
    positions: int = 0
    doubts: tuple[str, ...] = ()
    """What else of the follower's book is not as it should be (`machine.decisions.doubts`)."""
    session: SessionId | None = None
    """In which session the book was seen."""


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
    | CommandDropped
    | ExecutionRecorded
    | CopyCorrected
    | CopySettled
    | NetSettled
    | OrphanClosed
    | CopyAdded
    | CopyAdopted
    | CorrectionProposed
    | CorrectionDecided
    | CorrectionWithdrawn
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
