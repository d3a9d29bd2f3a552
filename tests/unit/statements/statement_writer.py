"""Writes a timeline as the MT4 statement that a terminal would have printed for it."""

from decimal import Decimal

import msgspec

from kopitra.domain.orders import Side
from kopitra.domain.quantities import ZERO
from kopitra.simulation.timeline import Action, Reason, Timeline, TimelineEvent
from tests.unit.statements.mt4_page import Cash, Listed, Order, Trade, page

TITLES = {Reason.STOP_LOSS: "[sl]", Reason.TAKE_PROFIT: "[tp]", Reason.EXPIRED: "expiration"}


class _Ticket(msgspec.Struct):
    """What the terminal knows of one ticket while it lives."""

    opening: TimelineEvent
    last: TimelineEvent
    came_from: int | None = None
    left: Decimal = ZERO


def statement_of(timeline: Timeline) -> str:
    """Each ticket with its last stops; a filled order is a trade, and neither modifications nor quotes are
    printed."""
    live: dict[str, _Ticket] = {}
    closed: list[Listed] = []
    for event in timeline.events:
        ref = event.position_ref
        match event.action:
            case Action.BALANCE:
                closed.append(
                    Cash(ticket=event.ticket, at=_time(event), amount=_money(event.amount), title="")
                )
            case Action.OPEN | Action.PENDING_PLACED:
                live[ref] = _Ticket(opening=event, last=event, left=event.volume or ZERO)
            case Action.PENDING_FILLED:
                live[ref] = _Ticket(opening=event, last=event, left=event.volume or ZERO)
            case Action.MODIFY | Action.PENDING_MODIFIED:
                live[ref].last = event
            case Action.PENDING_CANCELLED:
                closed.append(_order(live.pop(ref), event))
            case Action.PARTIAL_CLOSE:
                closed.append(_trade(live[ref], event))
                rest = event.remainder_ticket
                assert rest is not None, "a statement needs the new tickets of what partial closes left"
                moved = msgspec.structs.replace(live[ref].opening, ticket=rest)
                live[ref] = _Ticket(moved, event, came_from=event.ticket, left=event.volume_after or ZERO)
            case Action.CLOSE:
                closed.append(_trade(live.pop(ref), event))
            case Action.QUOTE:
                pass
    return page(
        closed,
        [_open_trade(ticket) for ticket in live.values() if not _waits(ticket)],
        [_order(ticket, None) for ticket in live.values() if _waits(ticket)],
        currency=timeline.account.currency or "USD",
    )


def _trade(ticket: _Ticket, event: TimelineEvent) -> Trade:
    came = f"from #{ticket.came_from}" if ticket.came_from else ""
    went = f"to #{event.remainder_ticket}" if event.remainder_ticket else ""
    stop = TITLES.get(event.reason, "") if event.reason else ""
    return _printed(
        ticket, event.volume or ZERO, title=" ".join(filter(None, (came, went))) + stop, ending=event
    )


def _open_trade(ticket: _Ticket) -> Trade:
    title = f"from #{ticket.came_from}" if ticket.came_from else ""
    return _printed(ticket, ticket.left, title=title, ending=None)


def _printed(ticket: _Ticket, volume: Decimal, *, title: str, ending: TimelineEvent | None) -> Trade:
    opening = ticket.opening
    return Trade(
        ticket=opening.ticket,
        opened_at=_time(opening),
        kind=str(opening.side),
        size=str(volume),
        item=opening.symbol,
        price=str(opening.price),
        stop_loss=_price(ticket.last.stop_loss),
        take_profit=_price(ticket.last.take_profit),
        closed_at=_time(ending) if ending else "",
        close_price=str(ending.price if ending else opening.price),
        commission=_money(ending.commission) if ending else "0.00",
        swap=_money(ending.swap) if ending else "0.00",
        profit=_money(ending.profit) if ending else "0.00",
        title=title,
    )


def _order(ticket: _Ticket, cancelled: TimelineEvent | None) -> Order:
    placed, last = ticket.opening, ticket.last
    market = (cancelled or last).quote
    assert market is not None
    return Order(
        ticket=placed.ticket,
        placed_at=_time(placed),
        kind=f"{placed.side} {placed.order_type}",
        size=str(placed.volume),
        item=placed.symbol,
        price=str(last.price),
        stop_loss=_price(last.stop_loss),
        take_profit=_price(last.take_profit),
        ended_at=_time(cancelled) if cancelled else "",
        market_price=str(market.ask if placed.side is Side.BUY else market.bid),
        title="cancelled" if cancelled else "",
    )


def _waits(ticket: _Ticket) -> bool:
    return ticket.opening.action is Action.PENDING_PLACED


def _time(event: TimelineEvent) -> str:
    return f"{event.at:%Y.%m.%d %H:%M:%S}"


def _price(value: Decimal | None) -> str:
    return "0.00000" if value is None else str(value)


def _money(value: Decimal | None) -> str:
    return f"{value or ZERO:,.2f}".replace(",", " ")
