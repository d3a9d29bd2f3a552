"""What a broker keeps and answers: positions, pending orders, deals, requests and results.

These are the server's own records; field by field they are what the agent's `Terminal` port promises, plus what only
the server knows. Volumes in lots, prices in the symbol's profit currency, money in the account's, times aware UTC.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

from kopitra.domain.orders import DealEntry, DealReason, MarginMode, OrderType, Side
from kopitra.domain.quantities import ZERO
from kopitra.simulation.broker.retcodes import Retcode, message_of


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """An open position. `position_id` outlives every change of ticket; `swap` is accrued and not yet booked."""

    ticket: int
    position_id: int
    symbol: str
    side: Side
    volume: Decimal
    open_price: Decimal
    opened_at: datetime
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    magic: int = 0
    comment: str = ""
    swap: Decimal = ZERO


class OrderState(StrEnum):
    PLACED = "placed"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class PendingOrder(msgspec.Struct, frozen=True, kw_only=True):
    ticket: int
    symbol: str
    side: Side
    order_type: OrderType
    volume: Decimal
    price: Decimal
    placed_at: datetime
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    expires_at: datetime | None = None
    magic: int = 0
    comment: str = ""
    state: OrderState = OrderState.PLACED
    finished_at: datetime | None = None
    position_id: int | None = None
    """The position that it opened or changed, once filled."""
    reason: DealReason = DealReason.EXPERT
    """Who placed it; the deal that fills it says the same."""


class DealKind(StrEnum):
    TRADE = "trade"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    CREDIT = "credit"


class Deal(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger, never changed. `side` is the deal's own: what closes a buy is a sell.

    `position_ticket` is the ticket that the deal met (an `in` deal: the one it made); `remainder_ticket` the new ticket
    of what is left (MT4's partial close, a netting reversal). The ledger's ordinals are 1, 2, 3 … without gaps.
    """

    ordinal: int
    deal_id: int
    order_ticket: int
    position_id: int
    position_ticket: int
    symbol: str
    side: Side | None
    entry: DealEntry | None
    reason: DealReason | None
    volume: Decimal
    price: Decimal
    executed_at: datetime
    magic: int = 0
    comment: str = ""
    profit: Decimal = ZERO
    commission: Decimal = ZERO
    swap: Decimal = ZERO
    fee: Decimal = ZERO
    remainder_ticket: int | None = None
    kind: DealKind = DealKind.TRADE

    @property
    def amount(self) -> Decimal:
        """What this line did to the balance (a credit line: to the credit)."""
        return self.profit + self.commission + self.swap + self.fee


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    login: int
    server: str
    currency: str
    balance: Decimal
    equity: Decimal
    margin: Decimal
    free_margin: Decimal
    leverage: int
    mode: MarginMode
    connected: bool
    synchronised: bool
    trade_allowed: bool
    ledger: int


Action = Literal["deal", "pending", "sltp", "modify", "remove", "close_by", "fill"]


class TradeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An order to the broker; see the agent's port. `fill` (pending `order`, now) exists for trades by hand only."""

    action: Action
    symbol: str
    side: Side | None = None
    order_type: OrderType = OrderType.MARKET
    volume: Decimal | None = None
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    deviation: Decimal | None = None
    expires_at: datetime | None = None
    magic: int = 0
    comment: str = ""
    position: int | None = None
    position_by: int | None = None
    order: int | None = None


class TradeResult(msgspec.Struct, frozen=True, kw_only=True):
    retcode: int
    message: str = ""
    deal_id: int | None = None
    order_ticket: int | None = None
    position_id: int | None = None
    position_ticket: int | None = None
    remainder_ticket: int | None = None
    volume: Decimal | None = None
    price: Decimal | None = None

    @property
    def done(self) -> bool:
        return self.retcode in (Retcode.DONE, Retcode.DONE_PARTIAL, Retcode.PLACED)


def refused(retcode: Retcode | int, message: str = "", price: Decimal | None = None) -> TradeResult:
    """A result that changed nothing (as far as it says)."""
    return TradeResult(retcode=int(retcode), message=message or message_of(retcode), price=price)
