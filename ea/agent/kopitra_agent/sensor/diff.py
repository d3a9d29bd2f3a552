"""What changed since the last look, in order: deals as the ledger has them, then orders cancelled, changed and placed,
then stops. Pure."""

from collections.abc import Sequence

import msgspec

from kopitra.domain.trading import SignalAction
from kopitra_agent.ports.terminal import Deal, PendingOrder, Position
from kopitra_agent.sensor.book import Book, Held, held_of, resting_of
from kopitra_agent.sensor.changes import Change, order_change, position_change
from kopitra_agent.sensor.deals import ZERO, take_deal


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What the terminal showed. `consistent`: positions and orders are exactly those after the last of `deals`;
    otherwise only the deals say anything."""

    deals: Sequence[Deal]
    positions: Sequence[Position]
    orders: Sequence[PendingOrder]
    consistent: bool


def difference(book: Book, look: Look) -> tuple[Book, list[Change]]:
    """The book after the look, and the changes that lead to it."""
    after = book.copy()
    live = {p.position_id: p for p in look.positions}
    changes = [take_deal(after, deal, live) for deal in look.deals if deal.kind == "trade"]
    if look.consistent:
        changes += _orders(after, look)
        changes += _stops(after, live)
    return after, changes


def _orders(book: Book, look: Look) -> list[Change]:
    now = {o.ticket: resting_of(o) for o in look.orders}
    cancelled: list[Change] = []
    modified: list[Change] = []
    for ticket, known in list(book.orders.items()):
        current = now.get(ticket)
        if current is None:
            del book.orders[ticket]
            if not known.filling:
                cancelled.append(order_change(SignalAction.PENDING_CANCELLED, known, known.volume, ZERO))
        elif current != known and not known.filling:
            book.orders[ticket] = current
            modified.append(
                order_change(SignalAction.PENDING_MODIFIED, current, known.volume, current.volume)
            )
    placed = [order for ticket, order in now.items() if ticket not in book.orders]
    book.orders.update({order.ticket: order for order in placed})
    return [
        *cancelled,
        *modified,
        *(order_change(SignalAction.PENDING_PLACED, order, ZERO, order.volume) for order in placed),
    ]


def _stops(book: Book, live: dict[int, Position]) -> list[Change]:
    changes: list[Change] = []
    for position_id, known in book.positions.items():
        position = live.get(position_id)
        if position is None:
            continue  # gone without a deal: the position snapshot tells, not a guess
        current = held_of(position)
        if (current.stop_loss, current.take_profit) != (known.stop_loss, known.take_profit):
            changed: Held = msgspec.structs.replace(
                known, stop_loss=current.stop_loss, take_profit=current.take_profit
            )
            book.positions[position_id] = changed
            changes.append(position_change(SignalAction.MODIFY, changed))
    return changes
