"""A leader's intent, the order that a follower gets, and what its broker answered: the three records of copying.

They travel on the wire and into the journal in this one shape (protocol.md, "Signals and executions" and "Outbox").
Volumes in lots; prices, drifts and deviations in price units; money in the account's currency; times aware UTC.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from kopitra.domain.identifiers import CommandId, CopyId, PositionRef, SignalId
from kopitra.domain.orders import DealEntry, DealReason, OrderType, Side


class SignalAction(StrEnum):
    OPEN = "open"
    INCREASE = "increase"
    MODIFY = "modify"
    PARTIAL_CLOSE = "partial_close"
    CLOSE = "close"
    REVERSE = "reverse"
    CLOSE_BY = "close_by"
    PENDING_PLACED = "pending_placed"
    PENDING_MODIFIED = "pending_modified"
    PENDING_FILLED = "pending_filled"
    PENDING_CANCELLED = "pending_cancelled"


class LeaderFigures(msgspec.Struct, frozen=True, rename="camel", kw_only=True, gc=False):
    """The leader's account at the time of the intent."""

    balance: Decimal
    currency: str
    equity: Decimal | None = None
    free_margin: Decimal | None = None


class Signal(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True, gc=False):
    """One trade intent of a leader. `age_ms` is how long its agent held it, on a monotonic clock."""

    signal_id: SignalId
    action: SignalAction
    position_ref: PositionRef
    symbol: str
    side: Side
    volume: Decimal
    volume_after: Decimal
    account: LeaderFigures
    occurred_at: datetime
    stream_id: str
    ordinal: int
    age_ms: int = 0
    order_ref: PositionRef | None = None
    deal_id: str | int | None = None
    order_type: OrderType = OrderType.MARKET
    volume_before: Decimal | None = None
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    order_expires_at: datetime | None = None
    magic: int = 0
    reason: DealReason | None = None
    origin_command_id: CommandId | None = None


class OrderAction(StrEnum):
    OPEN = "open"
    MODIFY = "modify"
    PARTIAL_CLOSE = "partial_close"
    CLOSE = "close"
    CANCEL = "cancel"
    OFFSET = "offset"


REDUCING = frozenset({OrderAction.PARTIAL_CLOSE, OrderAction.CLOSE, OrderAction.CANCEL, OrderAction.OFFSET})
"""Actions that can only lower exposure: they never expire and never wait behind an open."""


class Order(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True, gc=False):
    """One command to one follower's EA; `target_volume` is what must remain after a partial close.

    `stop_loss` and `take_profit` of a modify are the whole new state: absent means none.
    `ttl_ms` counts from the time of the order; it is lowered to what is left when a response is written.
    """

    command_id: CommandId
    copy_id: CopyId | None = None
    opens_command_id: CommandId | None = None
    action: OrderAction
    symbol: str
    side: Side
    order_type: OrderType = OrderType.MARKET
    volume: Decimal
    target_volume: Decimal | None = None
    fraction: Decimal | None = None
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    time_in_force: str | None = None
    order_expires_at: datetime | None = None
    ttl_ms: int | None = None
    reference_price: Decimal | None = None
    max_drift: Decimal | None = None
    max_deviation: Decimal | None = None
    magic: int
    comment: str = ""
    ticket: int | None = None
    position_id: int | None = None
    expected_net_before: Decimal | None = None


class ExecutionStatus(StrEnum):
    FILLED = "filled"
    PARTIALLY_FILLED = "partially_filled"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Execution(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True, gc=False):
    """What a broker did, per deal. A fill needs ticket, volume and price."""

    status: ExecutionStatus
    symbol: str
    side: Side
    executed_at: datetime
    command_id: CommandId | None = None
    position_ref: PositionRef | None = None
    entry: DealEntry = DealEntry.IN
    reason: DealReason = DealReason.EXPERT
    order_ticket: int | None = None
    deal_id: str | int | None = None
    position_id: int | None = None
    position_ticket: int | None = None
    """The live ticket of the position after this deal, where the broker tells it apart from its id."""
    remainder_ticket: int | None = None
    fill_volume: Decimal | None = None
    fill_price: Decimal | None = None
    requested_price: Decimal | None = None
    profit: Decimal | None = None
    commission: Decimal | None = None
    swap: Decimal | None = None
    fee: Decimal | None = None
    retcode: int | None = None
    message: str | None = None


class AckStatus(StrEnum):
    RECEIVED = "received"
    EXECUTED = "executed"
    ALREADY_CLOSED = "already_closed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"
    FAILED = "failed"


TERMINAL_ACKS = frozenset(
    {
        AckStatus.EXECUTED,
        AckStatus.ALREADY_CLOSED,
        AckStatus.REJECTED,
        AckStatus.EXPIRED,
        AckStatus.SUPERSEDED,
        AckStatus.FAILED,
    }
)
"""Acks that end a command; a reducing command needs `executed` or `already_closed`, else it is driven again."""
