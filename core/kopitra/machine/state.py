"""What the machine knows, all of it rebuilt from events. Everything that grows with use hangs under one account.

Derived indexes (`SKIPPED_IN_SNAPSHOTS`) are rebuilt when a snapshot is loaded.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from kopitra.domain.guard_marks import Mark
from kopitra.domain.guards import Guard, GuardAction
from kopitra.domain.identifiers import (
    AccountId,
    CommandId,
    CopyId,
    DeviceId,
    GroupId,
    JournalId,
    PositionRef,
    ProposalId,
    RequestId,
    RunId,
    SessionId,
    SubscriptionId,
    TenantId,
)
from kopitra.domain.legs import Leg
from kopitra.domain.orders import MarginMode, OrderType, Side
from kopitra.domain.quantities import ZERO
from kopitra.domain.rules import CopyRules
from kopitra.domain.settings import NOTHING_IN_FORCE, CopySettings, SettingsScope
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import Order
from kopitra.machine.events import HaltMode, Proposal


class Mutable(msgspec.Struct, kw_only=True, omit_defaults=True, array_like=True, gc=False):
    """A part of the state; only `evolve` changes it. The state is a tree, so no part of it can be a cycle's: the cycle
    collector need not walk it (docs/decisions/0091)."""


class Device(Mutable):
    secret_hash: str
    platform: str | None = None
    approved: bool = False
    """An operator approved a session of it; asked for where the account requires approval."""


class Session(Mutable):
    session: SessionId
    device: DeviceId
    nonce: str
    token_hash: str
    key_id: str
    approved: bool
    lease_seconds: int
    opened_at: datetime
    platform: str | None = None
    client_version: str | None = None


class OutboxItem(Mutable):
    """A pending outbox event: a trade (`order`) or a note of another type with its JSON-ready `payload`."""

    sequence: int
    event_type: str
    at: datetime
    order: Order | None = None
    payload: dict[str, str] = {}
    request_id: RequestId | None = None
    run: RunId | None = None
    expires_at: datetime | None = None
    """When an undelivered open goes stale."""
    reduces: bool = False
    """A close, cancel or halt: listed as urgent, exempt from limits."""
    not_before: datetime | None = None
    """It is not handed out earlier: a delayed open, or what has to follow one."""


class CopyStatus(StrEnum):
    PLANNED = "planned"
    """Its open is on the way."""
    PENDING = "pending"
    """A pending order rests at the follower's broker."""
    OPEN = "open"
    UNKNOWN = "unknown"
    """The EA cannot tell whether its open reached the broker."""
    CLOSED = "closed"
    RELEASED = "released"
    """Left to the follower when it unsubscribed: not managed any more, and no orphan either."""
    DROPPED = "dropped"
    """Never opened: refused, expired or superseded."""


LIVE = frozenset({CopyStatus.PLANNED, CopyStatus.PENDING, CopyStatus.OPEN, CopyStatus.UNKNOWN})


class Copy(Mutable):
    """One leader position as one subscription copies it; symbol, side and contract size are frozen at open."""

    copy_id: CopyId
    subscription: SubscriptionId
    follower: AccountId
    leader: AccountId
    position_ref: PositionRef
    generation: int
    symbol: str
    side: Side
    reverse: bool
    contract_size: Decimal
    magic: int
    comment: str
    order_type: OrderType
    opens: CommandId
    planned_volume: Decimal
    leg: int = 0
    """Which leg of the leader's position it copies."""
    status: CopyStatus = CopyStatus.PLANNED
    filled: Decimal = ZERO
    closed: Decimal = ZERO
    target: Decimal | None = None
    """What must remain, once a partial close asked for it."""
    ratio: tuple[Decimal, Decimal] | None = None
    """Its leg's (volume left, opened volume) after the leader's last partial close."""
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    price: Decimal | None = None
    reference_price: Decimal | None = None
    """The leader's when it opened: what the copy is valued at where its broker's quote is not known."""
    ticket: int | None = None
    position_id: int | None = None
    sandbox: bool = False
    """It exists on paper only."""
    yields: CommandId | None = None
    """The cancel that takes its pending order away although its leader's trade goes on."""
    replace_until: datetime | None = None
    """Until when, once that is done, an order at market may take its place."""
    closing: bool = False
    """A close is wanted and must be driven until it is done."""
    cause: str | None = None
    """Why it ended, why it is being closed, or why its fate is unknown."""
    run: RunId | None = None
    commands: list[CommandId] = []
    """All its commands, oldest first."""
    outstanding: list[CommandId] = []
    """Its commands that the EA has not ended yet, oldest first."""
    command_sequence: int = 0
    """Of its last command: a snapshot that had not applied it says nothing about the copy."""
    missed: Decimal = ZERO
    """Lots that the leader had closed before this copy was opened: no part of what its proportion is taken of."""
    found: Decimal = ZERO
    """Lots that a snapshot showed filled before any deal told of them."""
    taken: dict[CommandId, Decimal] = {}
    """Lots that offsets of unknown fate are known to have taken off by now, though no deal told of them."""
    lost: Decimal = ZERO
    """Lots that a snapshot showed closed before any deal told of them."""
    rounds: int = 0
    """Corrections since its leader's last command."""
    withheld: str | None = None
    """Why it was not opened again when that was tried last."""

    @property
    def live_volume(self) -> Decimal:
        return self.filled - self.closed

    @property
    def live(self) -> bool:
        return self.status in LIVE


class LeaderPosition(Mutable):
    """A leader's open position or resting order."""

    position_ref: PositionRef
    symbol: str
    side: Side
    order_type: OrderType
    opened: Decimal
    volume: Decimal
    run: RunId
    opened_at: datetime
    legs: dict[int, Leg] = {}
    """What `volume` consists of (domain/legs): several where a netting leader added to its position."""
    generation: int = 0
    """The last one that a leg or a copy of it got; none is given twice."""
    pending: bool = False
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    order_ref: PositionRef | None = None
    ordinal: int = 0
    stream_id: str = ""
    last_signal: str = ""
    sequence: int = 0
    """Of the last event that concerned it."""
    adopted: bool = False
    """Known from a snapshot only: nobody copied it."""
    depth: int = 0
    """How often the trade has been copied before it was this leader's."""
    age_ms: int = 0
    """How old the trade was when it was received: what copies of copies add to."""
    runs: set[RunId] = set()
    """Of all its intents so far: none of them plans again, whatever stream and order it comes back in."""
    copies: list[tuple[AccountId, CopyId]] = []
    paper: list[tuple[AccountId, CopyId]] = []
    """Copies of subscriptions in sandbox."""
    magic: int = 0
    joined: set[tuple[SubscriptionId, int]] = set()
    """Late joiners that were decided about, with the leg."""
    unopened: dict[SubscriptionId, datetime] = {}
    """Who would have a copy, had the open come in time, and since when: may be made up for on approval."""


class LeaderBook(Mutable):
    positions: dict[PositionRef, LeaderPosition] = {}
    aliases: dict[PositionRef, PositionRef] = {}
    """A filled pending order's ref → the ref under which its position is kept."""
    finished: dict[PositionRef, int] = {}
    """Refs that ended, with the sequence of their end: none of them ever plans again."""
    tombstones: set[PositionRef] = set()
    deals: set[str] = set()
    stream_id: str = ""
    ordinal: int = 0
    gaps: int = 0
    missing: dict[str, datetime] = {}
    """What valid snapshots lack (a ref, or `ref|volume` for a smaller one), since when."""
    extra: dict[PositionRef, datetime] = {}
    """Positions in snapshots that no signal announced, since when."""


FIRST_MAGIC = 1_260_000_000
"""Copies' magic numbers start here, far from those that other EAs of an account usually take."""
LAST_MAGIC = 2**31 - 1


class NetSymbol(Mutable):
    """What is known of a netting account's one position in a symbol beside the copies in it. Lots, long positive."""

    manual: Decimal = ZERO
    """Neither ours to close nor to count: what is left of the position without its copies."""
    foreign: Decimal = ZERO
    """Sum of the deals that nobody here ordered, reported since the books agreed last."""
    reason: str | None = None
    """Of the last of those deals."""


class FollowerBook(Mutable):
    copies: dict[CopyId, Copy] = {}
    """Live copies, and ended ones until the leader's position ends."""
    paper: dict[CopyId, Copy] = {}
    """Copies that exist in the books only (`evolutions.paper`), until the leader's position ends."""
    by_magic: dict[int, CopyId] = {}
    by_position: dict[int, CopyId] = {}
    by_command: dict[CommandId, CopyId] = {}
    deals: dict[str, int] = {}
    """Deal key → sequence of its first report."""
    next_magic: int = FIRST_MAGIC
    opens: list[datetime] = []
    """When its last opens were ordered, oldest first: an hour's, and no more than order rates can count."""
    missing: dict[CopyId, datetime] = {}
    extra: dict[int, datetime] = {}
    doubts: dict[str, datetime] = {}
    """What else is not as it should be, since when (`decisions.doubts`)."""
    seen_in: SessionId | None = None
    """The last session in which a valid snapshot showed this book."""
    released: dict[int, CopyId] = {}
    """Magic numbers of copies that were left to the follower, until their positions are known to have ended."""
    nets: dict[str, NetSymbol] = {}
    """By symbol; netting accounts only."""


class HeldBack(Mutable):
    """A refused close, cancel or flatten that the core drives again when it is due."""

    order: Order
    due: datetime
    attempts: int
    run: RunId | None = None
    unsettled: Decimal = ZERO
    """Lots that it took off, or did not: its EA cannot tell, so it waits for snapshots and not for its time."""


class AnsweredKey(Mutable):
    digest: bytes
    status: int
    body: bytes
    at: datetime


class Incident(Mutable):
    incident: str
    kind: str
    detail: str
    at: datetime
    copy_id: CopyId | None = None


class GuardHold(Mutable):
    """A guard that was hit: its action stands until it is reset."""

    scope: SettingsScope
    target: str
    name: str
    action: GuardAction
    at: datetime
    until: datetime | None = None
    """When its period ends, where that resets it; None: only an operator does."""


class Silence(Mutable):
    """Of a leader, for one subscription to it."""

    since: datetime
    """The last contact before it."""
    closed: bool = False
    """Its copies were closed, as the subscription's settings want after so long."""


class Account(Mutable):
    account: AccountId
    tenant: TenantId
    revision: int
    enabled: bool = True
    requires_approval: bool = False
    label: str = ""
    enrolment_code_hash: str | None = None
    enrolment_expires_at: datetime | None = None
    devices: dict[DeviceId, Device] = {}
    revoked_devices: tuple[DeviceId, ...] = ()
    spent_codes: list[str] = []
    """Hashes of used enrolment codes, oldest first: no publication revives one."""
    control_revision: int = 0
    """Of the last approval, rejection, forced release or resync request that came with a revision."""
    session: Session | None = None
    ended_sessions: dict[SessionId, str] = {}
    """Token hash of recent ended sessions, so that a replayed release gets its answer."""
    outbox: dict[int, OutboxItem] = {}
    """Pending items by sequence, ascending."""
    commands: dict[CommandId, int] = {}
    """Pending command → sequence of its outbox item."""
    held_back: dict[CommandId, HeldBack] = {}
    """Refused reducing commands by their last command id."""
    attempts: dict[CommandId, int] = {}
    """How often an order that is being driven again was refused before."""
    keys: dict[str, AnsweredKey] = {}
    leading: LeaderBook = msgspec.field(default_factory=LeaderBook)
    following: FollowerBook = msgspec.field(default_factory=FollowerBook)
    catalog: dict[str, SymbolSpec] = {}
    catalog_digest: str = ""
    delisted: dict[str, SymbolSpec] = {}
    """Last known figures of symbols that copies use and the catalogue lacks by now."""
    login: int | None = None
    server: str | None = None
    mode: MarginMode = MarginMode.HEDGING
    """As its EA last told; an account that never said is taken for a hedging one, as most are."""
    snapshot_digest: str = ""
    silent: bool = False
    silences: dict[SubscriptionId, Silence] = {}
    """As a leader: the subscriptions for which it has been silent for too long."""
    guard_marks: dict[str, Mark] = {}
    """Guard key → where its period began and how high the account has been since."""
    guard_holds: dict[str, GuardHold] = {}
    """Guard key → the guard that this account has hit."""
    marked_at: datetime | None = None
    """When a mark last changed."""
    flow: Decimal = ZERO
    """What was last paid in and out, added up without signs."""
    flow_at: datetime | None = None
    incidents: dict[str, Incident] = {}
    operator_orders: int = 0
    executions: int = 0
    balance_deals: set[str] = set()
    proposals: dict[ProposalId, Proposal] = {}
    """Corrections that wait for an operator, oldest first."""
    rejected: dict[ProposalId, str] = {}
    """Grounds on which an operator wants nothing done, for as long as they last."""
    decided: list[ProposalId] = []
    """The last proposals that an operator decided, oldest first: a repeated request gets its answer again."""
    resynced_at: datetime | None = None
    """When its EA was last asked for the whole book."""
    queue: list[int] = []
    """Index: sequences of `outbox`, ascending."""
    urgent: list[int] = []
    """Index: those of them that reduce."""

    def spec_of(self, symbol: str) -> SymbolSpec:
        """Figures of a symbol that one of this account's copies uses: it was in the catalogue when the copy opened."""
        return self.catalog.get(symbol) or self.delisted[symbol]


class Group(Mutable):
    group: GroupId
    tenant: TenantId
    revision: int
    leaders: tuple[AccountId, ...]
    enabled: bool = True
    copies_of_copies: bool = False
    since: dict[AccountId, datetime] = {}
    """Leader → from when on its trades have been copied in this group."""


class Subscription(Mutable):
    subscription: SubscriptionId
    tenant: TenantId
    revision: int
    group: GroupId
    follower: AccountId
    settings: CopySettings
    """Its own layer."""
    enabled: bool = True
    rules_version: int = 0
    """Sequence of the last event that changed the rules in force."""
    since: datetime | None = None
    """From when on it has been enabled: what its leaders had open before, it joins late."""
    rules: CopyRules = NOTHING_IN_FORCE
    """Index: the rules in force, of all layers. They can be used as long as the subscription is enabled."""


class SettingsLayer(Mutable):
    """What is set for a tenant's whole platform, a group or a follower."""

    scope: SettingsScope
    target: str
    tenant: TenantId
    revision: int
    settings: CopySettings
    guards: tuple[Guard, ...] = ()


class State(Mutable):
    journal_id: JournalId
    shard: str
    sequence: int = 0
    """The last sequence applied."""
    accounts: dict[AccountId, Account] = {}
    groups: dict[GroupId, Group] = {}
    subscriptions: dict[SubscriptionId, Subscription] = {}
    layers: dict[str, SettingsLayer] = {}
    """`scope:target` → layer; a platform's target is its tenant."""
    halts: dict[str, HaltMode] = {}
    """`scope:target` → mode."""
    halt_revisions: dict[str, int] = {}
    guard_marks: dict[str, Mark] = {}
    """Guard key → how high the result of all its accounts together has been; of guards over a sum only."""
    guard_holds: dict[str, GuardHold] = {}
    """Guard key → the guard over a sum that was hit."""
    checkpoints: dict[str, int] = {}
    by_leader: dict[AccountId, tuple[SubscriptionId, ...]] = {}
    """Index: enabled subscriptions of each leader, in the order of their ids."""
    codes: dict[str, AccountId] = {}
    """Index: hash of an unused enrolment code → its account."""
    by_follower: dict[AccountId, tuple[SubscriptionId, ...]] = {}
    """Index: enabled subscriptions of each follower, in the order of their ids."""
    by_group: dict[GroupId, tuple[SubscriptionId, ...]] = {}
    """Index: all subscriptions of each group, in the order of their ids."""
    of_follower: dict[AccountId, tuple[SubscriptionId, ...]] = {}
    """Index: all subscriptions of each follower, in the order of their ids."""
    grown: set[AccountId] = set()
    """Accounts whose outbox got an item since someone took this set: whom to wake. Not part of what is remembered."""

    def copies_of(self, position: LeaderPosition) -> Iterator[Copy]:
        """In the order in which they were opened, without those whose leg has ended and that are forgotten."""
        for account, copy_id in position.copies:
            copy = self.accounts[account].following.copies.get(copy_id)
            if copy is not None:
                yield copy

    def is_wanted(self, copy: Copy) -> bool:
        """Whether the part of its leader's trade that it copies lives."""
        leader = self.accounts.get(copy.leader)
        position = leader.leading.positions.get(copy.position_ref) if leader is not None else None
        return position is not None and copy.leg in position.legs

    def papers_of(self, position: LeaderPosition) -> Iterator[Copy]:
        for account, copy_id in position.paper:
            yield self.accounts[account].following.paper[copy_id]


SKIPPED_IN_SNAPSHOTS: dict[type[Mutable], frozenset[str]] = {
    State: frozenset({"by_leader", "codes", "by_follower", "by_group", "of_follower", "grown"}),
    Subscription: frozenset({"rules"}),
    Account: frozenset({"queue", "urgent"}),
}
"""Indexes: `machine.indexes` rebuilds them; neither snapshots nor the state hash hold them."""
