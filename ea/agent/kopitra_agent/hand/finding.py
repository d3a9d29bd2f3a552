"""Finding what became of a trade whose answer was lost: one clear trace, or none, or too many.

Looked for by magic number among deals, pending orders, their history and positions; where the broker kept no magic
number, by symbol, side and volume among what our kind of sender (`expert`) did after the intent was written.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from kopitra.domain.orders import DealEntry, DealReason, OrderType
from kopitra_agent.hand.records import Intent
from kopitra_agent.ports.terminal import Deal, PendingOrder, Position


class BrokerView(msgspec.Struct, frozen=True, kw_only=True):
    """What a synchronised terminal shows; `deals` are those above the intent's ledger ordinal. `netting`: its positions
    are net positions, which say nothing of one trade."""

    positions: Sequence[Position]
    orders: Sequence[PendingOrder]
    history: Sequence[PendingOrder]
    deals: Sequence[Deal]
    netting: bool = False


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """One trade found. Volume in lots and price are known where deals or a position show them."""

    order_ticket: int | None = None
    deal_ids: tuple[int, ...] = ()
    position_id: int | None = None
    position_ticket: int | None = None
    volume: Decimal | None = None
    price: Decimal | None = None


class Ambiguous(msgspec.Struct, frozen=True):
    """More than one trade could be it: saying which would be a guess."""

    candidates: int


def find_open(
    intent: Intent, view: BrokerView, is_taken: Callable[[Trace], bool]
) -> Trace | Ambiguous | None:
    """What an open (market or pending) became; `is_taken`: known to be another command's."""
    marked = _marked(intent, view) if intent.order.magic else []
    traces = [t for t in marked if not is_taken(t)] or [t for t in _unmarked(intent, view) if not is_taken(t)]
    if len(traces) > 1:
        return Ambiguous(len(traces))
    return traces[0] if traces else None


def _marked(intent: Intent, view: BrokerView) -> list[Trace]:
    """By magic number. One position or one order is one trade, however many deals filled it."""
    deals = [d for d in view.deals if _is_marked(d, intent) and _may_be_its(d, view)]
    if deals:
        return _by_position(deals)
    orders = [o for o in (*view.orders, *view.history) if _is_marked(o, intent)]
    if orders:
        return [Trace(order_ticket=o.ticket, position_id=o.position_id) for o in orders]
    return [
        Trace(
            order_ticket=p.position_id,
            position_id=p.position_id,
            position_ticket=p.ticket,
            volume=p.volume,
            price=p.open_price,
        )
        for p in view.positions
        if not view.netting and _is_marked(p, intent)
    ]


def _is_marked(found: Deal | PendingOrder | Position, intent: Intent) -> bool:
    """Another EA may use the same number by chance, but hardly on the same symbol and side."""
    order = intent.order
    return (found.magic, found.symbol, found.side) == (order.magic, order.symbol, order.side)


def _unmarked(intent: Intent, view: BrokerView) -> list[Trace]:
    order = intent.order
    if order.order_type is OrderType.MARKET:
        alike = [d for d in view.deals if _looks_like(d, intent, view)]
        return [t for d in alike for t in _by_position([d])] if view.netting else _by_position(alike)
    wanted = (order.symbol, order.side, intent.volume, order.order_type, order.price)
    return [
        Trace(order_ticket=o.ticket)
        for o in view.orders
        if not o.magic and (o.symbol, o.side, o.volume, o.order_type, o.price) == wanted
    ]


def _may_be_its(deal: Deal, view: BrokerView) -> bool:
    """An open enters; against more volume of the other side a net position is left instead."""
    return view.netting or deal.entry is not DealEntry.OUT


def _looks_like(deal: Deal, intent: Intent, view: BrokerView) -> bool:
    order = intent.order
    return (
        not deal.magic
        and _may_be_its(deal, view)
        and deal.reason in (None, DealReason.EXPERT)
        and (deal.symbol, deal.side, deal.volume) == (order.symbol, order.side, intent.volume)
    )


def _by_position(deals: Sequence[Deal]) -> list[Trace]:
    positions: dict[int, list[Deal]] = {}
    for deal in deals:
        positions.setdefault(deal.position_id, []).append(deal)
    return [
        Trace(
            order_ticket=group[0].order_ticket,
            deal_ids=tuple(d.deal_id for d in group),
            position_id=position_id,
            position_ticket=group[-1].position_ticket,
            volume=sum((d.volume for d in group), Decimal(0)),
            price=group[-1].price,
        )
        for position_id, group in positions.items()
    ]
