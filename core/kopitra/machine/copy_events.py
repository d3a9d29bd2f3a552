"""What became of leaders' events: what each follower got for them, and what its copies came to."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

from kopitra.domain.arithmetic import Arithmetic
from kopitra.domain.identifiers import AccountId, CommandId, CopyId, PositionRef, RunId, SubscriptionId
from kopitra.domain.telemetry import HeldPosition
from kopitra.domain.trading import Order, Signal
from kopitra.machine.event import Event
from kopitra.machine.proposal_events import ProposalKind


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
