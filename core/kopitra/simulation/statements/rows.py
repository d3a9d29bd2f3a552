"""A statement's rows, read and checked one by one, before they are put together; alike for every kind of
file."""

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quantities import ZERO
from kopitra.simulation.statements.errors import StatementError
from kopitra.simulation.statements.remarks import Remark
from kopitra.simulation.timeline import CashKind, LeaderAccount

ORDER_TYPES = {
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stop limit": OrderType.STOP_LIMIT,
}


class TradeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One buy or sell: a whole position, or the part of one that closed at once. Volume in lots, times aware
    UTC."""

    line: int
    ticket: int
    side: Side
    symbol: str
    volume: Decimal
    """Zero only where the comment names the ticket that closed this one."""
    opened_volume: Decimal | None = None
    """What the position opened with, where the file says so."""
    opened_at: datetime
    open_price: Decimal
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    closed_at: datetime | None = None
    """None while it is open."""
    close_price: Decimal | None = None
    commission: Decimal = ZERO
    swap: Decimal = ZERO
    profit: Decimal = ZERO
    remark: Remark = Remark()


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """One pending order that was never filled; a filled one is a trade in a statement, without its pending
    past."""

    line: int
    ticket: int
    side: Side
    order_type: OrderType
    symbol: str
    volume: Decimal
    placed_at: datetime
    price: Decimal
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    ended_at: datetime | None = None
    """None while it is working."""
    market_price: Decimal | None = None
    """At the end, or when the statement was made: the ask for a buy, the bid for a sell."""
    remark: Remark = Remark()


class CashRow(msgspec.Struct, frozen=True, kw_only=True):
    line: int
    ticket: int
    at: datetime
    amount: Decimal
    cash: CashKind
    comment: str = ""


class StatementRows(msgspec.Struct, kw_only=True):
    source: str
    account: LeaderAccount
    trades: list[TradeRow] = []
    orders: list[OrderRow] = []
    cash: list[CashRow] = []
    notes: list[str] = []


def kind_of(text: str, line: int) -> tuple[Side, OrderType]:
    """ "Sell Limit" → sell, limit; refuses what is neither a trade nor an order."""
    word, _, rest = text.strip().lower().partition(" ")
    if word in (Side.BUY, Side.SELL) and (not rest or rest in ORDER_TYPES):
        return Side(word), ORDER_TYPES[rest] if rest else OrderType.MARKET
    raise StatementError(line, f"type {text!r} is neither a trade, an order nor a balance operation")


def cash_kind_of(type_name: str, amount: Decimal) -> CashKind:
    if type_name == "credit":
        return "credit"
    return "withdrawal" if amount < ZERO else "deposit"
