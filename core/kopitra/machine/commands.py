"""What can be asked of the machine. Requests are parsed and authenticated before they become commands;
ids and secrets are minted and hashed outside and arrive as values."""

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.guards import Guard
from kopitra.domain.identifiers import (
    AccountId,
    DeviceId,
    EventId,
    GroupId,
    JournalId,
    ProposalId,
    SessionId,
    SubscriptionId,
    TenantId,
)
from kopitra.domain.limits import LEASE_TTL_SECONDS
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.settings import CopySettings, SettingsScope
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.telemetry import AccountSnapshot, BalanceOperation, OutboxAck, PositionSnapshot
from kopitra.domain.trading import Execution, OrderAction, Signal
from kopitra.machine.events import HaltMode, HaltScope, SessionEnd


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One request to the machine."""


class PublishAccount(Command, frozen=True):
    """`enabled`: whether new copies are opened for or from it; a disabled account may still connect, so that what is
    open can be closed. `revoked_devices`: their secrets are void from now on, and while they are listed."""

    account: AccountId
    tenant: TenantId
    revision: int
    enabled: bool = True
    requires_approval: bool = False
    enrolment_code_hash: str | None = None
    enrolment_expires_at: datetime | None = None
    label: str = ""
    revoked_devices: tuple[DeviceId, ...] = ()


class PublishGroup(Command, frozen=True):
    group: GroupId
    tenant: TenantId
    revision: int
    leaders: tuple[AccountId, ...]
    enabled: bool = True
    copies_of_copies: bool = False


class PublishSubscription(Command, frozen=True):
    subscription: SubscriptionId
    tenant: TenantId
    revision: int
    group: GroupId
    follower: AccountId
    rules: CopySettings
    enabled: bool = True


class PublishSettings(Command, frozen=True):
    """A layer of settings and guards, in place of the one that was there; `target` is empty for the platform."""

    scope: SettingsScope
    target: str
    tenant: TenantId
    revision: int
    settings: CopySettings
    guards: tuple[Guard, ...] = ()


class Enrol(Command, frozen=True):
    """`secret_hash`: memory-hard hash of a freshly minted secret; the code itself never enters."""

    code_hash: str
    device: DeviceId
    secret_hash: str
    platform: str | None = None


class OpenSession(Command, frozen=True):
    """The secret has been verified against `device`'s hash. `nonce` and `token_hash` belong to the minted token."""

    account: AccountId
    session: SessionId
    device: DeviceId
    nonce: str
    token_hash: str
    key_id: str
    client_version: str | None = None
    platform: str | None = None
    capabilities: tuple[str, ...] = ()
    lease_seconds: int = LEASE_TTL_SECONDS


class EndSession(Command, frozen=True):
    """Release by its own EA, or forced or rejected by an operator (`subject`). `session` None means the one that is
    there; `revision` 0 means that the command came without one."""

    account: AccountId
    session: SessionId | None
    reason: SessionEnd
    subject: str | None = None
    revision: int = 0


class ApproveSession(Command, frozen=True):
    account: AccountId
    session: SessionId | None
    subject: str
    revision: int = 0


class TakeSignal(Command, frozen=True):
    account: AccountId
    signal: Signal
    sandbox: bool = False


class TakeAck(Command, frozen=True):
    account: AccountId
    ack: OutboxAck


class TakeExecution(Command, frozen=True):
    account: AccountId
    execution: Execution


class TakeSnapshot(Command, frozen=True):
    """A whole position snapshot, its parts put together."""

    account: AccountId
    snapshot: PositionSnapshot
    digest: str


class TakeFigures(Command, frozen=True):
    """An account's figures. The readings hold them already; an event follows only where one of them means something:
    another margin mode, a guard's mark, a guard that is hit."""

    account: AccountId
    snapshot: AccountSnapshot


class TakeCatalog(Command, frozen=True):
    account: AccountId
    symbols: tuple[SymbolSpec, ...]
    digest: str


class TakeBalance(Command, frozen=True):
    account: AccountId
    operation: BalanceOperation


class TakeInboxEvent(Command, frozen=True):
    """A durable inbox event with no meaning for the machine; it is kept and passed on."""

    account: AccountId
    event_type: str
    payload: bytes
    event_id: EventId | None = None
    occurred_at: datetime | None = None


class Halt(Command, frozen=True):
    scope: HaltScope
    target: str
    mode: HaltMode
    subject: str
    tenant: TenantId | None = None
    reason: str = ""
    revision: int = 0


class Resume(Command, frozen=True):
    scope: HaltScope
    target: str
    subject: str
    tenant: TenantId | None = None
    revision: int = 0


class ResetGuard(Command, frozen=True):
    """Lift what a guard has stopped and let it count anew. `account`: of one only; None: wherever it was hit."""

    scope: SettingsScope
    target: str
    name: str
    subject: str
    tenant: TenantId | None = None
    account: AccountId | None = None


class PlaceOperatorOrder(Command, frozen=True):
    account: AccountId
    subject: str
    action: OrderAction
    symbol: str
    side: Side
    volume: Decimal
    order_type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    target_volume: Decimal | None = None
    ticket: int | None = None


class DecideProposal(Command, frozen=True):
    """An operator lets a correction be made, or forbids it as long as its ground stays the same."""

    account: AccountId
    proposal: ProposalId
    approve: bool
    subject: str
    tenant: TenantId | None = None
    """The operator's; None for one of the whole platform."""


class RequestResync(Command, frozen=True):
    account: AccountId
    reason: str
    subject: str | None = None
    revision: int = 0


class Checkpoint(Command, frozen=True):
    """`journal_id`: whose sequence it is, where the consumer says so."""

    consumer: str
    sequence: int
    journal_id: JournalId | None = None


class Tick(Command, frozen=True):
    """Time has passed: expire leases and unfetched opens, drive refused closes again, notice silence."""


class RememberAnswer(Command, frozen=True):
    """Keep the first answer to an idempotency key, in the commit of the change that it answers."""

    account: AccountId
    scope: str
    key: str
    digest: bytes
    status: int
    body: bytes
