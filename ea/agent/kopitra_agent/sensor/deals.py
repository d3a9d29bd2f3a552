"""Ledger lines as changes of the book: volumes follow the deals, and only the deals."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from kopitra.domain.orders import DealEntry, DealReason, Side
from kopitra.domain.trading import SignalAction
from kopitra_agent.ports.terminal import Deal, Position
from kopitra_agent.sensor.book import Book, Held, Resting
from kopitra_agent.sensor.changes import Change

ZERO = Decimal(0)


def take_deal(book: Book, deal: Deal, live: Mapping[int, Position]) -> Change:
    """Apply one trade deal to the book and say what changed. `live` are the positions now, by id: a new position
    is signalled with the stops that it has by now."""
    held = book.positions.get(deal.position_id)
    match deal.entry:
        case DealEntry.INOUT:
            return _reverse(book, deal, held, live)
        case DealEntry.OUT:
            return _reduce(book, deal, held, live)
        case _:
            return _enter(book, deal, held, live)


def _enter(book: Book, deal: Deal, held: Held | None, live: Mapping[int, Position]) -> Change:
    order = book.orders.get(deal.order_ticket)
    begins = order is None or not order.filling
    if order is not None:
        book.orders[order.ticket] = msgspec.structs.replace(order, filling=True)
    ticket = order.ticket if order is not None else None
    if held is None:
        new = _new(deal, order, live.get(deal.position_id))
        book.positions[deal.position_id] = new
        action = SignalAction.OPEN if order is None else SignalAction.PENDING_FILLED
        return _change(deal, action, new, ZERO, ticket)
    more = msgspec.structs.replace(held, volume=held.volume + deal.volume)
    book.positions[deal.position_id] = more
    action = SignalAction.PENDING_FILLED if order is not None and begins else SignalAction.INCREASE
    return _change(deal, action, _with_stops_by_now(more, live), held.volume, ticket)


def _with_stops_by_now(held: Held, live: Mapping[int, Position]) -> Held:
    """What is added to a position has its stops, which may have changed with it; the book learns of that by itself."""
    position = live.get(held.position_id)
    if position is None:
        return held
    return msgspec.structs.replace(held, stop_loss=position.stop_loss, take_profit=position.take_profit)


def _new(deal: Deal, order: Resting | None, position: Position | None) -> Held:
    """Its stops are those that it has by now; of one that is closed already, those of its order."""
    stops = position or order
    return Held(
        position_id=deal.position_id,
        symbol=deal.symbol,
        side=deal.side or Side.BUY,
        volume=deal.volume,
        stop_loss=stops.stop_loss if stops is not None else None,
        take_profit=stops.take_profit if stops is not None else None,
        magic=deal.magic,
    )


def _reduce(book: Book, deal: Deal, held: Held | None, live: Mapping[int, Position]) -> Change:
    if held is None:  # opened before our time and never seen: what is left is what the terminal shows
        position = live.get(deal.position_id)
        after = position.volume if position is not None else ZERO
        held = _stranger(deal, after + deal.volume)
    else:
        after = max(held.volume - deal.volume, ZERO)
    left = msgspec.structs.replace(held, volume=after)
    if after:
        book.positions[deal.position_id] = left
    else:
        book.positions.pop(deal.position_id, None)
    return _change(deal, _reducing_action(deal, after), left, held.volume)


def _stranger(deal: Deal, volume: Decimal) -> Held:
    side = (deal.side or Side.SELL).opposite
    return Held(position_id=deal.position_id, symbol=deal.symbol, side=side, volume=volume, magic=deal.magic)


def _reducing_action(deal: Deal, after: Decimal) -> SignalAction:
    if deal.reason is DealReason.CLOSE_BY:
        return SignalAction.CLOSE_BY
    return SignalAction.PARTIAL_CLOSE if after else SignalAction.CLOSE


def _reverse(book: Book, deal: Deal, held: Held | None, live: Mapping[int, Position]) -> Change:
    """On a netting account, through zero to the other side; the position keeps its id."""
    position = live.get(deal.position_id)
    if held is not None:
        before = held.volume
    else:  # opened before our time and never seen: what is left is what the terminal shows
        before = max(deal.volume - position.volume, ZERO) if position is not None else ZERO
    turned = Held(
        position_id=deal.position_id,
        symbol=deal.symbol,
        side=deal.side or Side.BUY,
        volume=deal.volume - before,
        stop_loss=position.stop_loss if position is not None else None,
        take_profit=position.take_profit if position is not None else None,
        magic=deal.magic,
    )
    book.positions[deal.position_id] = turned
    return _change(deal, SignalAction.REVERSE, turned, before)


def _change(
    deal: Deal, action: SignalAction, held: Held, before: Decimal, ticket: int | None = None
) -> Change:
    return Change(
        action=action,
        symbol=deal.symbol,
        side=held.side,
        volume=deal.volume,
        before=before,
        after=held.volume,
        position_id=deal.position_id,
        ticket=ticket,
        deal_id=deal.deal_id,
        price=deal.price,
        stop_loss=held.stop_loss,
        take_profit=held.take_profit,
        magic=held.magic,
        reason=deal.reason,
        at=deal.executed_at,
    )
