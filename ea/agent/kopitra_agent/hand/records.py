"""What the hand writes to its log. Applied in order they give `HandState`; each is one durable append."""

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import CommandId, CopyId, EventId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.telemetry import BalanceOperation, OutboxAck
from kopitra.domain.trading import AckStatus, Execution, Order, OrderAction


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="t"):
    """One line of the hand's log."""


class Began(Record, tag="began", frozen=True):
    """A fresh log: ledger lines up to `cursor` are history, and `strangers` are the magic numbers that live positions
    and orders carried before this log existed (a state folder was lost)."""

    cursor: int
    strangers: list[int] = []


class Intent(Record, tag="intent", frozen=True):
    """Written before a trade is sent. `ledger`: the last ledger ordinal known then, so the trade's deals lie above it;
    `volume`: lots sent; `at`: when, aware UTC."""

    order: Order
    event_id: EventId
    sequence: int
    ledger: int
    volume: Decimal
    at: datetime

    @property
    def command_id(self) -> CommandId:
        return self.order.command_id


class Outcome(Record, tag="outcome", frozen=True):
    """What came of a command: clears its intent, and is the ack that the counterparty still has to get.

    `deal_ids` and `order_ticket` are what the terminal answered; `tombstone`: the open that must never be sent.
    """

    command_id: CommandId
    event_id: EventId
    sequence: int
    action: OrderAction
    status: AckStatus
    symbol: str
    side: Side
    order_type: OrderType = OrderType.MARKET
    magic: int = 0
    copy_id: CopyId | None = None
    retcode: int | None = None
    reason: str | None = None
    retry_at: datetime | None = None
    order_ticket: int | None = None
    position_id: int | None = None
    position_ticket: int | None = None
    deal_ids: list[int] = []
    volume: Decimal | None = None
    price: Decimal | None = None
    tombstone: CommandId | None = None

    def ack(self) -> OutboxAck:
        return OutboxAck(
            event_id=self.event_id,
            sequence=self.sequence,
            status=self.status,
            retcode=self.retcode,
            reason=self.reason,
            retry_at=self.retry_at,
        )


class CopyFill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ledger lines did to one copy: `volume` in lots, positive for in, negative for out."""

    magic: int
    volume: Decimal = Decimal(0)
    position_id: int | None = None
    position_ticket: int | None = None
    order_ended: bool = False
    """Its pending order rests no longer."""


class Scanned(Record, tag="scanned", frozen=True):
    """Ledger lines up to `cursor` were read; what they say waits to be reported."""

    cursor: int
    executions: list[Execution] = []
    balances: list[BalanceOperation] = []
    fills: list[CopyFill] = []


class Reported(Record, tag="reported", frozen=True):
    """Answered by the counterparty: the first `executions` and `balances` waiting, and the acks of `commands`."""

    executions: int = 0
    balances: int = 0
    commands: list[CommandId] = []


class HaltChanged(Record, tag="halt", frozen=True):
    """`sequence` of `journal` is the outbox event that said so: an older one redelivered changes nothing."""

    halted: bool
    sequence: int
    journal: str


def order_outcome(
    order: Order, event_id: EventId, sequence: int, status: AckStatus, *, reason: str | None = None
) -> Outcome:
    return Outcome(
        command_id=order.command_id,
        event_id=event_id,
        sequence=sequence,
        action=order.action,
        status=status,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        magic=order.magic,
        copy_id=order.copy_id,
        reason=reason,
    )
