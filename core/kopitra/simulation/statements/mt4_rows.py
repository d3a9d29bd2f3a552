"""One row of an MT4 statement at a time: cells to trade, pending order or balance operation."""

import msgspec

from kopitra.domain.orders import OrderType
from kopitra.domain.quantities import ZERO
from kopitra.simulation.statements import numbers
from kopitra.simulation.statements.errors import StatementError
from kopitra.simulation.statements.mt4_table import Row
from kopitra.simulation.statements.remarks import remark_of
from kopitra.simulation.statements.rows import CashRow, OrderRow, TradeRow, cash_kind_of, kind_of
from kopitra.simulation.statements.times import StatementClock

CASH_TYPES = ("balance", "credit")
CASH_CELLS = 5
ORDER_CELLS = 11
PLACE_CELLS = 10
"""Ticket, open time, type, size, item, price, S / L, T / P, close time, price."""


class Entry(msgspec.Struct, frozen=True):
    """A row that begins with a ticket; the comment is the ticket's title, or what the row below it says."""

    row: Row
    comment: str

    @property
    def kind(self) -> str:
        return self.row.texts[2].lower() if len(self.row.cells) >= CASH_CELLS else ""


def trade_row(entry: Entry, clock: StatementClock, *, money_columns: int, closed: bool) -> TradeRow:
    """A buy or sell of the closed or the open section. Of an open one the money is floating, so it is left
    out."""
    line, cells = entry.row.line, _cells(entry, PLACE_CELLS + money_columns)
    side, order_type = kind_of(cells[2], line)
    if order_type is not OrderType.MARKET:
        raise StatementError(line, f"a {cells[2]} where a buy or sell belongs")
    if closed:
        opened_at, closed_at = clock.span(cells[1], cells[8], line)
    else:
        opened_at, closed_at = clock.moment(cells[1], line), None
        if cells[8]:
            raise StatementError(line, f"an open trade that closed at {cells[8]!r}")
    commission, *taxes, swap, profit = (numbers.amount(cell, line, "amount") for cell in cells[PLACE_CELLS:])
    return TradeRow(
        line=line,
        ticket=numbers.ticket(cells[0], line),
        side=side,
        symbol=numbers.symbol(cells[4], line),
        volume=numbers.volume(cells[3], line),
        opened_at=opened_at,
        open_price=numbers.price(cells[5], line),
        stop_loss=numbers.price_or_none(cells[6], line, "S / L"),
        take_profit=numbers.price_or_none(cells[7], line, "T / P"),
        closed_at=closed_at,
        close_price=numbers.price(cells[9], line),
        commission=sum(taxes, commission) if closed else ZERO,
        swap=swap if closed else ZERO,
        profit=profit if closed else ZERO,
        remark=remark_of(entry.comment),
    )


def order_row(entry: Entry, clock: StatementClock, *, ended: bool) -> OrderRow:
    """A pending order: one that ended unfilled, or one that still works."""
    line, cells = entry.row.line, _cells(entry, ORDER_CELLS)
    side, order_type = kind_of(cells[2], line)
    if order_type is OrderType.MARKET:
        raise StatementError(line, f"a {cells[2]} where a pending order belongs")
    volume = numbers.volume(cells[3], line)
    if volume == ZERO:
        raise StatementError(line, "a pending order of no volume")
    if ended:
        placed_at, ended_at = clock.span(cells[1], cells[8], line)
    else:
        placed_at, ended_at = clock.moment(cells[1], line), None
    return OrderRow(
        line=line,
        ticket=numbers.ticket(cells[0], line),
        side=side,
        order_type=order_type,
        symbol=numbers.symbol(cells[4], line),
        volume=volume,
        placed_at=placed_at,
        price=numbers.price(cells[5], line),
        stop_loss=numbers.price_or_none(cells[6], line, "S / L"),
        take_profit=numbers.price_or_none(cells[7], line, "T / P"),
        ended_at=ended_at,
        market_price=numbers.price_or_none(cells[9], line, "market price"),
        remark=remark_of(entry.comment or cells[10]),
    )


def cash_row(entry: Entry, clock: StatementClock) -> CashRow:
    """A deposit, withdrawal or credit."""
    line, cells = entry.row.line, _cells(entry, CASH_CELLS)
    amount = numbers.amount(cells[4], line, "amount")
    return CashRow(
        line=line,
        ticket=numbers.ticket(cells[0], line),
        at=clock.moment(cells[1], line),
        amount=amount,
        cash=cash_kind_of(entry.kind, amount),
        comment=cells[3],
    )


def _cells(entry: Entry, count: int) -> tuple[str, ...]:
    if len(entry.row.cells) != count:
        raise StatementError(entry.row.line, f"{len(entry.row.cells)} cells where this row has {count}")
    return entry.row.texts
