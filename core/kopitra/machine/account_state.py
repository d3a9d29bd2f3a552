"""One account: who speaks for it, what waits for it, both its books, and what keeps it from trading."""

# ruff: noqa: RUF012 - every struct gets its own copy of an empty default

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.guard_marks import Mark
from kopitra.domain.guards import GuardAction
from kopitra.domain.identifiers import (
    AccountId,
    CommandId,
    CopyId,
    DeviceId,
    ProposalId,
    RequestId,
    RunId,
    SessionId,
    SubscriptionId,
    TenantId,
)
from kopitra.domain.orders import MarginMode
from kopitra.domain.quantities import ZERO
from kopitra.domain.settings import SettingsScope
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import Order
from kopitra.machine.following_state import FollowerBook
from kopitra.machine.leading_state import LeaderBook
from kopitra.machine.mutable import Mutable
from kopitra.machine.proposal_events import Proposal


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
    recalled: bool = False
    """An open that only an earlier process can have handed out and that is not wanted any more: nothing hands it out
    until it has gone stale; then its EA, which cannot execute it by then, has to say what became of it."""

    @property
    def due_from(self) -> datetime | None:
        """Before this it is handed out by nobody; None: at any time."""
        return self.expires_at if self.recalled else self.not_before


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
