"""A broker's or signal service's file as a leader's timeline: which kind it is, and the steps from rows to
events."""

from collections.abc import Callable, Iterator
from datetime import tzinfo
from decimal import Decimal

from kopitra.simulation.statements.assembly import cash_event, position_events
from kopitra.simulation.statements.chains import Chain, chains_by_opening, chains_by_ticket, chains_by_volume
from kopitra.simulation.statements.close_by import with_volumes_of_close_by
from kopitra.simulation.statements.decoding import text_of
from kopitra.simulation.statements.errors import StatementError
from kopitra.simulation.statements.mt4_statement import SOURCE as MT4_HTML
from kopitra.simulation.statements.mt4_statement import mt4_statement_rows
from kopitra.simulation.statements.quoting import SPREAD_POINTS, Spreads, quoted, with_quotes_in_force
from kopitra.simulation.statements.rows import StatementRows, TradeRow
from kopitra.simulation.statements.signal_csv import MT4_SOURCE, MT5_SOURCE, signal_rows, source_of
from kopitra.simulation.statements.stops import with_stops
from kopitra.simulation.statements.times import StatementClock, zone_named
from kopitra.simulation.timeline import Timeline, in_order

DEFAULT_TIMEZONE = "UTC"

LINKING: dict[str, Callable[[list[TradeRow]], list[Chain]]] = {
    MT4_HTML: chains_by_ticket,
    MT4_SOURCE: chains_by_opening,
    MT5_SOURCE: chains_by_volume,
}
"""How the parts of one position are found in each kind of file."""


def read_statement(
    data: bytes, timezone: str | tzinfo = DEFAULT_TIMEZONE, *, spread_points: int = SPREAD_POINTS
) -> Timeline:
    """A leader's timeline from an MT4 statement (HTML) or an MQL5 signal's history (CSV, MT4's or MT5's
    columns).

    `timezone` is the server's: an IANA name, a fixed offset like "+03:00", or a tzinfo. `spread_points` is
    the distance between the bid and ask that the quotes are given. Raises StatementError, naming the line and
    the reason, for anything that is not a whole, consistent statement; nothing is ever guessed.
    """
    zone = zone_named(timezone) if isinstance(timezone, str) else timezone
    rows = _rows(text_of(data), StatementClock(zone))
    _refuse_repeated_tickets(rows)
    rows.notes.append(f"times are read as {zone}")
    chains = LINKING[rows.source](with_volumes_of_close_by(rows.trades))
    bare = [event for chain in chains for event in position_events(chain)]
    events, late = quoted(bare, rows.orders, Spreads(_prices(rows), spread_points))
    told, left_out = with_stops(events, chains)
    cash = [cash_event(row) for row in rows.cash]
    return Timeline(
        source=rows.source,
        account=rows.account,
        events=in_order(with_quotes_in_force([*told, *cash])),
        notes=(*rows.notes, *_doubts(late, left_out)),
    )


def _rows(page: str, clock: StatementClock) -> StatementRows:
    if source_of(page):
        return signal_rows(page, clock)
    if page.lstrip().startswith("<"):
        return mt4_statement_rows(page, clock)
    raise StatementError(1, "neither an MT4 statement (HTML) nor a signal's history (CSV) begins like this")


def _refuse_repeated_tickets(rows: StatementRows) -> None:
    lines: dict[int, int] = {}
    for row in (*rows.trades, *rows.orders, *rows.cash):
        if row.ticket in lines:
            raise StatementError(max(row.line, lines[row.ticket]), f"ticket #{row.ticket} a second time")
        lines[row.ticket] = row.line


def _prices(rows: StatementRows) -> Iterator[tuple[str, Decimal]]:
    """Every price of every symbol: MetaTrader prints all of a symbol's decimals, an export may drop zeros at
    the end."""
    for trade in rows.trades:
        for price in (trade.open_price, trade.close_price, trade.stop_loss, trade.take_profit):
            if price is not None:
                yield trade.symbol, price
    for order in rows.orders:
        yield order.symbol, order.price


def _doubts(late: int, left_out: int) -> list[str]:
    doubts: list[str] = []
    if late:
        doubts.append(
            f"{late} pending orders are placed later than listed: the market had been beyond their last price"
        )
    if left_out:
        doubts.append(
            f"{left_out} stops are left out: no moment is known from which the market would not have hit them"
        )
    return doubts
