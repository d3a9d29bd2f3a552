"""Everything that can have happened. Events hold results: applying one never sizes, decides, or reads a clock.

An event that puts several items into one account's outbox covers that many sequences (see `machine.spans`).
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

from kopitra.domain.arithmetic import Arithmetic
from kopitra.domain.identifiers import (
    AccountId,
    CommandId,
    CopyId,
    DeviceId,
    PositionRef,
    ProposalId,
    RequestId,
    RunId,
    SessionId,
    SubscriptionId,
)
from kopitra.domain.telemetry import HeldPosition
from kopitra.domain.trading import Order, Signal
from kopitra.machine.command_events import (
    CommandAcknowledged,
    CommandDropped,
    CommandExpired,
    CommandRedriven,
    ExecutionRecorded,
    IncidentClosed,
    IncidentOpened,
    ItemAcknowledged,
    OperatorOrdered,
    OrphanClosed,
    SignalDeferred,
    SignalIgnored,
)
from kopitra.machine.configuration_events import (
    AccountConfigured,
    Enrolled,
    GroupConfigured,
    SettingsConfigured,
    StaleIgnored,
    SubscriptionConfigured,
)
from kopitra.machine.event import Event
from kopitra.machine.stop_events import (
    CopiesStopped,
    FlattenOrder,
    GuardHit,
    GuardLifted,
    GuardMarked,
    GuardSumMarked,
    LeaderHeard,
    LeaderSilent,
    Withdrawal,
)
from kopitra.machine.telemetry_events import (
    BalanceChanged,
    BookOwnerKnown,
    CatalogKept,
    ConsumerCheckpointed,
    InboxRecorded,
    MarginModeKnown,
    ResyncRequested,
    SilenceChanged,
    SnapshotSeen,
)

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


class Taken(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Lots that an offset of unknown fate took off; its deals may still be told of."""

    command: CommandId
    volume: Decimal


class CopyVolumes(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A copy's lots filled and closed so far; `ended`: why it is over."""

    copy_id: CopyId
    filled: Decimal
    closed: Decimal
    ended: str | None = None
    taken: tuple[Taken, ...] = ()


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
    | CopiesStopped
    | GuardMarked
    | GuardSumMarked
    | GuardHit
    | GuardLifted
    | LeaderSilent
    | LeaderHeard
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
