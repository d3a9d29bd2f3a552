"""The history exports of MQL5 signals (CSV, MT4's and MT5's columns), read strictly.

Neither has tickets, so rows are numbered from the oldest; neither names the account's currency. Real exports
list the newest first, group thousands with a space, leave cells without a value blank, and now and then hold
a row with nothing but a time. Where a signal's older trades were folded away, one row sums them up: a Buy or
Sell of `profit` or `SUMMARY` without prices.
"""

from datetime import datetime

import msgspec

from kopitra.domain.orders import OrderType
from kopitra.domain.quantities import ZERO
from kopitra.simulation.statements import numbers
from kopitra.simulation.statements.errors import StatementError
from kopitra.simulation.statements.remarks import remark_of
from kopitra.simulation.statements.rows import (
    CashRow,
    OrderRow,
    StatementRows,
    TradeRow,
    cash_kind_of,
    kind_of,
)
from kopitra.simulation.statements.times import StatementClock
from kopitra.simulation.timeline import LeaderAccount

MT4_SOURCE = "mql5_signal_mt4"
MT5_SOURCE = "mql5_signal_mt5"
MT4_HEADER = "time;type;volume;symbol;price;s/l;t/p;time;price;commission;swap;profit;comment"
MT5_HEADER = "time;type;volume;symbol;price;volume;time;price;commission;swap;profit"
SOURCES = {MT4_HEADER: MT4_SOURCE, MT5_HEADER: MT5_SOURCE}
COLUMNS = {
    MT4_SOURCE: tuple(
        "began kind volume symbol price stop_loss take_profit ended end_price commission swap profit comment".split()
    ),
    MT5_SOURCE: tuple(
        "began kind volume symbol price closed_volume ended end_price commission swap profit".split()
    ),
}
"""What each column is to us; the exports use some names twice."""

CASH_TYPES = frozenset(
    "balance credit charge correction bonus commission interest dividend tax agent".split()
)
"""MetaTrader 5's operations that move money without a trade, by the first word of their name."""
FOLDED = frozenset({"profit", "summary"})


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """One row by column, whichever export it comes from; blank where that export has no such column."""

    line: int
    began: str
    kind: str
    volume: str
    symbol: str
    price: str
    stop_loss: str = ""
    take_profit: str = ""
    closed_volume: str = ""
    ended: str
    end_price: str
    commission: str
    swap: str
    profit: str
    comment: str = ""

    def is_spacer(self) -> bool:
        silent = msgspec.structs.replace(self, began="", comment="")
        return not any(cell for cell in msgspec.structs.astuple(silent) if isinstance(cell, str))


def source_of(page: str) -> str | None:
    """Which export a text is, by its first line."""
    return SOURCES.get(_normal(page.lstrip().split("\n", 1)[0]))


def signal_rows(page: str, clock: StatementClock) -> StatementRows:
    """Every row of the export; raises StatementError with the line of the first thing that is wrong."""
    source = source_of(page)
    if source is None:
        raise StatementError(1, "the first line is not the header of a signal's history")
    read = StatementRows(source=source, account=LeaderAccount(currency=None))
    records = _records(page, source)
    dated = [(clock.moment(record.began, record.line), record) for record in records]
    spacers = sum(record.is_spacer() for record in records)
    if spacers:
        read.notes.append(f"{spacers} rows say nothing but a time and were left out")
    oldest_first = sorted(_from_the_oldest(dated), key=lambda pair: pair[0])
    kept = [(moment, record) for moment, record in oldest_first if not record.is_spacer()]
    for ticket, (moment, record) in enumerate(kept, start=1):
        _read(record, ticket, moment, clock, read)
    read.notes.append("the export names neither tickets nor a currency: rows are numbered from the oldest")
    return read


def _from_the_oldest(dated: list[tuple[datetime, _Record]]) -> list[tuple[datetime, _Record]]:
    """Rows of one second keep the file's order, or its reverse where the file begins with the newest."""
    return dated[::-1] if dated and dated[0][0] > dated[-1][0] else dated


def _records(page: str, source: str) -> list[_Record]:
    columns = COLUMNS[source]
    headed, records = False, list[_Record]()
    for line, text in enumerate(page.split("\n"), start=1):
        if not text.strip(" ;"):
            continue
        if not headed:
            headed = True
            continue
        cells = [cell.strip() for cell in text.split(";", len(columns) - 1)]
        if len(cells) < len(columns):
            reason = f"{len(cells)} fields where a row has {len(columns)}: is the file cut off here?"
            raise StatementError(line, reason)
        cells[-1] = cells[-1].rstrip("; ")
        records.append(_Record(line=line, **dict(zip(columns, cells, strict=True))))
    return records


def _read(record: _Record, ticket: int, moment: datetime, clock: StatementClock, read: StatementRows) -> None:
    kind = record.kind.lower()
    if kind.partition(" ")[0] in CASH_TYPES:
        read.cash.append(_cash(record, ticket, moment, kind))
        return
    order_type = kind_of(record.kind, record.line)[1]
    if record.symbol.lower() in FOLDED and not record.price and not record.end_price:
        read.cash.append(_cash(record, ticket, clock.span(record.began, record.ended, record.line)[1], kind))
        read.notes.append(
            f"line {record.line} folds older trades into one sum, which is imported as a balance operation"
        )
    elif order_type is OrderType.MARKET:
        read.trades.append(_trade(record, ticket, clock))
    else:
        read.orders.append(_order(record, ticket, clock))


def _cash(record: _Record, ticket: int, moment: datetime, kind: str) -> CashRow:
    line = record.line
    amount = numbers.amount(record.profit, line, "profit")
    amount += sum(
        (numbers.amount_or_zero(cell, line, "amount") for cell in (record.commission, record.swap)), ZERO
    )
    return CashRow(
        line=line,
        ticket=ticket,
        at=moment,
        amount=amount,
        cash=cash_kind_of(kind, amount),
        comment=record.comment,
    )


def _trade(record: _Record, ticket: int, clock: StatementClock) -> TradeRow:
    line = record.line
    opened = numbers.volume(record.volume, line)
    opened_at, closed_at = _times(record, clock)
    closing = closed_at is not None
    return TradeRow(
        line=line,
        ticket=ticket,
        side=kind_of(record.kind, line)[0],
        symbol=numbers.symbol(record.symbol, line),
        volume=numbers.volume(record.closed_volume, line) if record.closed_volume else opened,
        opened_volume=opened if record.closed_volume else None,
        opened_at=opened_at,
        open_price=numbers.price(record.price, line),
        stop_loss=numbers.price_or_none(record.stop_loss, line, "S/L"),
        take_profit=numbers.price_or_none(record.take_profit, line, "T/P"),
        closed_at=closed_at,
        close_price=numbers.price(record.end_price, line) if closing else None,
        commission=numbers.amount_or_zero(record.commission, line, "commission") if closing else ZERO,
        swap=numbers.amount_or_zero(record.swap, line, "swap") if closing else ZERO,
        profit=numbers.amount(record.profit, line, "profit") if closing else ZERO,
        remark=remark_of(record.comment),
    )


def _order(record: _Record, ticket: int, clock: StatementClock) -> OrderRow:
    line = record.line
    side, order_type = kind_of(record.kind, line)
    volume = numbers.volume(record.volume, line)
    if volume == ZERO:
        raise StatementError(line, "a pending order of no volume")
    placed_at, ended_at = _times(record, clock)
    return OrderRow(
        line=line,
        ticket=ticket,
        side=side,
        order_type=order_type,
        symbol=numbers.symbol(record.symbol, line),
        volume=volume,
        placed_at=placed_at,
        price=numbers.price(record.price, line),
        stop_loss=numbers.price_or_none(record.stop_loss, line, "S/L"),
        take_profit=numbers.price_or_none(record.take_profit, line, "T/P"),
        ended_at=ended_at,
        market_price=numbers.price_or_none(record.end_price, line, "price"),
        remark=remark_of(record.comment),
    )


def _times(record: _Record, clock: StatementClock) -> tuple[datetime, datetime | None]:
    """When it began and ended; one that has neither the time nor the price nor the result of an end goes on."""
    if record.ended:
        return clock.span(record.began, record.ended, record.line)
    if record.end_price or record.profit or record.closed_volume:
        raise StatementError(record.line, "it has the price or the result of an end, but no time of it")
    return clock.moment(record.began, record.line), None


def _normal(header: str) -> str:
    return ";".join(cell.strip().lower() for cell in header.split(";")).strip(";")
