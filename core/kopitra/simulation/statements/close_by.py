"""Positions closed against each other: MT4 books the volume on one of the two tickets and prints the other
with 0.00 lots.

The ticket of 0.00 lots is commented `close hedge by #N`; what it closed is what ticket N closed at that
moment.
"""

import msgspec

from kopitra.domain.quantities import ZERO
from kopitra.simulation.statements.errors import StatementError
from kopitra.simulation.statements.rows import TradeRow
from kopitra.simulation.timeline import Reason


def with_volumes_of_close_by(trades: list[TradeRow]) -> list[TradeRow]:
    """The same rows, every volume above zero, and both of a pair ended by `close_by`; refuses a zero it
    cannot explain."""
    by_ticket = {trade.ticket: trade for trade in trades}
    hedged: dict[int, TradeRow] = {}
    for trade in trades:
        if trade.volume == ZERO:
            other = _counterpart(trade, trades, by_ticket)
            if other.ticket in hedged:
                raise StatementError(trade.line, f"#{other.ticket} closed by two tickets, one of them this")
            hedged[trade.ticket] = _ended_by_hedge(trade, other)
            hedged[other.ticket] = _ended_by_hedge(other, other)
    return [hedged.get(trade.ticket, trade) for trade in trades]


def _counterpart(trade: TradeRow, trades: list[TradeRow], by_ticket: dict[int, TradeRow]) -> TradeRow:
    named = trade.remark.hedged_with
    if named is None or trade.closed_at is None:
        raise StatementError(trade.line, "a trade of no volume that no other ticket closed")
    candidates = (
        [by_ticket[named]] if named in by_ticket else [other for other in trades if other is not trade]
    )
    fitting = [other for other in candidates if _fits(trade, other)]
    if len(fitting) != 1:
        raise StatementError(trade.line, f"the opposite ticket #{named} that closed it is not in the file")
    return fitting[0]


def _fits(trade: TradeRow, other: TradeRow) -> bool:
    return (
        other.volume > ZERO
        and other.symbol == trade.symbol
        and other.side is trade.side.opposite
        and other.closed_at == trade.closed_at
    )


def _ended_by_hedge(trade: TradeRow, other: TradeRow) -> TradeRow:
    remark = msgspec.structs.replace(trade.remark, ended=Reason.CLOSE_BY)
    return msgspec.structs.replace(trade, volume=other.volume, remark=remark)
