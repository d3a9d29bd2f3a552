"""What an EA tells of its account and terminal (protocol.md, "Inbox"). Volumes in lots, money in account currency."""

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import EventId
from kopitra.domain.orders import MarginMode, OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import AckStatus, Execution


class OutboxAck(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    event_id: EventId
    status: AckStatus
    sequence: int | None = None
    retcode: int | None = None
    retry_at: datetime | None = None
    reason: str | None = None


class Heartbeat(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    terminal: str | None = None
    connected: bool | None = None
    trade_allowed: bool | None = None
    ping_ms: int | None = None
    clock: datetime | None = None


class AccountSnapshot(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """`ordinal` grows with every look of one session's agent, so that what comes late is not taken for news; 0: not
    told."""

    login: int
    server: str
    balance: Decimal
    currency: str
    equity: Decimal | None = None
    margin: Decimal | None = None
    free_margin: Decimal | None = None
    leverage: int | None = None
    mode: MarginMode = MarginMode.HEDGING
    ordinal: int = 0


class Quotes(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    quotes: list[Quote]


class BalanceOperation(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    deal_id: str | int
    kind: str
    amount: Decimal
    currency: str
    executed_at: datetime


class HeldPosition(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """A position, or a pending order where `order_type` is not market."""

    ticket: int
    position_id: int
    symbol: str
    side: Side
    volume: Decimal
    price: Decimal
    open_time: datetime
    order_type: OrderType = OrderType.MARKET
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    order_expires_at: datetime | None = None
    magic: int = 0
    comment: str = ""


class PositionSnapshot(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """The whole book. `taken_at_ordinal`: the stream ordinal up to which a leader's signals are contained;
    `applied_through`: the outbox sequence up to which a follower's commands are contained; `executing`: the ids of
    commands whose OrderSend was in flight. Parts of one set share `taken_at_ordinal` and `snapshot_id`."""

    login: int
    server: str
    connected: bool
    synchronised: bool
    snapshot_id: str
    positions: list[HeldPosition]
    orders: list[HeldPosition] = []
    stream_id: str | None = None
    taken_at_ordinal: int = 0
    applied_through: int = 0
    executing: list[str] = []
    part: int = 1
    parts: int = 1


class SymbolCatalog(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    symbols: list[SymbolSpec]
    catalog_id: str = ""
    part: int = 1
    parts: int = 1


class AutotradeStatus(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    enabled: bool
    reason: str | None = None


class ExecutionNotice(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    executions: list[Execution]


class EaError(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    code: str
    message: str = ""
    context: dict[str, str] = {}
