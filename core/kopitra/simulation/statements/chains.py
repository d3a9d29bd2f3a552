"""Which rows are parts of one position: MT4 gives what a partial close leaves a new ticket, and a statement
lists each part."""

from collections import defaultdict
from decimal import Decimal

import msgspec

from kopitra.domain.quantities import ZERO
from kopitra.simulation.statements.errors import StatementError
from kopitra.simulation.statements.rows import TradeRow

Opening = tuple[object, ...]


class Chain(msgspec.Struct, frozen=True):
    """The parts of one position in the order in which they closed; what is still open comes last."""

    parts: tuple[TradeRow, ...]
    opened_volume: Decimal

    @property
    def first(self) -> TradeRow:
        return self.parts[0]


def chains_by_ticket(trades: list[TradeRow]) -> list[Chain]:
    """Parts linked by `from #N` and `to #N`, or by `partial close` where one row only can be the rest.

    A link to a ticket that the statement does not hold is refused: what became of the volume is not to be
    guessed.
    """
    by_ticket = {trade.ticket: trade for trade in trades}
    successors = {
        trade.ticket: by_ticket[named] for trade in trades if (named := _child(trade, by_ticket)) is not None
    }
    for trade in trades:
        _link_parent(trade, by_ticket, successors)
    _link_unnamed_rests(trades, successors)
    return _joined(trades, successors)


def chains_by_opening(trades: list[TradeRow]) -> list[Chain]:
    """Parts of a file without tickets: a row that says `to #N` goes on in the next row of its opening that
    names a link.

    Where a chain has three parts the numbers prove it: the last comes `from` the ticket that the first went
    `to`. A row that goes on in none was still open in part when the file was made; such a file does not say
    how much was left.
    """
    successors: dict[int, TradeRow] = {}
    for group in _by_opening(trades).values():
        waiting: list[TradeRow] = []
        for trade in group:
            if not (trade.remark.child or trade.remark.parent or trade.remark.partial):
                continue
            _check_unnumbered(waiting, trade)
            if waiting:
                successors[waiting[-1].ticket] = trade
            waiting = [*waiting, trade] if trade.remark.child or trade.remark.partial else []
    return _joined(trades, successors)


def chains_by_volume(trades: list[TradeRow]) -> list[Chain]:
    """Parts of MT5's export, where each row says what its position opened with and what of it this row
    closed.

    Positions of one opening (time, symbol, side, price, volume) are filled one after another, in the order of
    the closes.
    """
    chains: list[Chain] = []
    for group in _by_opening(trades).values():
        parts: list[TradeRow] = []
        for trade in group:
            opened = trade.opened_volume or trade.volume
            parts.append(trade)
            closed = sum((part.volume for part in parts), ZERO)
            if closed > opened:
                raise StatementError(
                    trade.line, f"it closes {trade.volume} of a position of {opened} with less left"
                )
            if closed == opened:
                chains.append(Chain(tuple(parts), opened))
                parts = []
        if parts:
            chains.append(Chain(tuple(parts), parts[0].opened_volume or parts[0].volume))
    return sorted(chains, key=lambda chain: chain.first.ticket)


def _child(trade: TradeRow, by_ticket: dict[int, TradeRow]) -> int | None:
    child = trade.remark.child
    if child is not None and child not in by_ticket:
        raise StatementError(trade.line, f"the ticket #{child} that it goes on as is not in the statement")
    return child


def _link_parent(trade: TradeRow, by_ticket: dict[int, TradeRow], successors: dict[int, TradeRow]) -> None:
    parent = trade.remark.parent
    if parent is None:
        return
    if parent not in by_ticket:
        raise StatementError(trade.line, f"the ticket #{parent} that it comes from is not in the statement")
    if successors.setdefault(parent, trade).ticket != trade.ticket:
        other = successors[parent].ticket
        raise StatementError(
            trade.line, f"ticket #{parent} goes on as #{other} already, so not as #{trade.ticket} too"
        )


def _link_unnamed_rests(trades: list[TradeRow], successors: dict[int, TradeRow]) -> None:
    """`partial close` says that there is a rest, not which: the one other ticket of the same opening, if
    there is one."""
    taken = {later.ticket for later in successors.values()}
    groups = _by_opening(trades)
    for trade in trades:
        if not trade.remark.partial or trade.ticket in successors:
            continue
        rests = [
            other
            for other in groups[_opening(trade)]
            if other.ticket > trade.ticket and other.ticket not in taken and _ends_after(other, trade)
        ]
        if len(rests) > 1:
            raise StatementError(trade.line, "a partial close whose rest could be any of several tickets")
        if rests:
            successors[trade.ticket] = rests[0]
            taken.add(rests[0].ticket)


def _joined(trades: list[TradeRow], successors: dict[int, TradeRow]) -> list[Chain]:
    followers: set[int] = set()
    for ticket, later in successors.items():
        if later.ticket in followers:
            raise StatementError(later.line, f"#{later.ticket} comes from two tickets, #{ticket} and another")
        followers.add(later.ticket)
    chains = [
        Chain(parts, sum((part.volume for part in parts), ZERO))
        for parts in (_followed(trade, successors) for trade in trades if trade.ticket not in followers)
    ]
    if sum(len(chain.parts) for chain in chains) < len(followers) + len(chains):
        lost = next(iter(successors.values()))
        raise StatementError(lost.line, f"#{lost.ticket} comes from itself, by way of others")
    return chains


def _followed(first: TradeRow, successors: dict[int, TradeRow]) -> tuple[TradeRow, ...]:
    parts = [first]
    while (later := successors.get(parts[-1].ticket)) is not None:
        _check_link(parts[-1], later)
        parts.append(later)
    return tuple(parts)


def _check_link(earlier: TradeRow, later: TradeRow) -> None:
    link = f"#{later.ticket} as what #{earlier.ticket} left"
    if (earlier.symbol, earlier.side) != (later.symbol, later.side):
        raise StatementError(
            later.line,
            f"{link} is a {later.side} of {later.symbol}, not a {earlier.side} of {earlier.symbol}",
        )
    if not _ends_after(later, earlier):
        raise StatementError(later.line, f"{link} ends before that ticket was closed in part")


def _ends_after(later: TradeRow, earlier: TradeRow) -> bool:
    return earlier.closed_at is not None and (later.closed_at is None or later.closed_at >= earlier.closed_at)


def _check_unnumbered(waiting: list[TradeRow], trade: TradeRow) -> None:
    parent = trade.remark.parent
    if parent is None:
        return
    if not waiting:
        raise StatementError(trade.line, f"the ticket #{parent} that it comes from is not in the file")
    if len(waiting) > 1 and waiting[-2].remark.child not in (None, parent):
        raise StatementError(trade.line, "parts of several positions of one opening: which part is whose?")


def _by_opening(trades: list[TradeRow]) -> dict[Opening, list[TradeRow]]:
    """Rows of one opening in the order of their ends, those still open last."""
    groups: defaultdict[Opening, list[TradeRow]] = defaultdict(list)
    for trade in trades:
        groups[_opening(trade)].append(trade)
    return {
        opening: sorted(group, key=lambda t: (t.closed_at is None, t.closed_at or t.opened_at, t.ticket))
        for opening, group in groups.items()
    }


def _opening(trade: TradeRow) -> Opening:
    return (trade.opened_at, trade.symbol, trade.side, trade.open_price, trade.opened_volume)
