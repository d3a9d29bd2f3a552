"""What became of a copy, from its orders and deals, whatever came first: a pure function."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Context, Decimal
from typing import Any

import msgspec

from kopitra.domain.orders import OrderType
from kopitra.domain.quantities import ZERO
from kopitra.domain.trading import REDUCING, AckStatus, ExecutionStatus, OrderAction
from kopitra.machine.state import CopyStatus

Row = dict[str, Any]
FILLS = frozenset({ExecutionStatus.FILLED, ExecutionStatus.PARTIALLY_FILLED})
GONE = frozenset({ExecutionStatus.CANCELLED, ExecutionStatus.EXPIRED})
DONE = frozenset({AckStatus.EXECUTED, AckStatus.ALREADY_CLOSED})
AVERAGES = Context(prec=40)
"""Sums of products of wire amounts are exact; only the division rounds, far behind the tenth place."""
QUEUED = "queued"
"""The status of a command of which nothing was said yet."""
WITHDRAWN = "withdrawn"
"""The status of a command that waited behind an open that was taken back."""


ADOPTED = "adopted"
"""The cause of an order that stands for an open that there never was."""


class End(msgspec.Struct, frozen=True):
    status: CopyStatus
    by: str | None
    sequence: int


def life(trade: Row, orders: Sequence[Row], executions: Sequence[Row]) -> Row:
    """The columns of `trades` that follow from a copy's orders and deals. Rows as in their tables, in any order."""
    orders = sorted(orders, key=lambda order: (order["sequence"] or 0, order["command_id"]))
    deals = sorted((e for e in executions if not e["repeated"]), key=lambda e: e["sequence"])
    opens = {order["command_id"] for order in orders if order["action"] == OrderAction.OPEN}
    closes = {order["command_id"] for order in orders if order["action"] in REDUCING}
    fills = [deal for deal in deals if deal["status"] in FILLS and deal["fill_volume"] is not None]
    entered = _adopted(orders) + [deal for deal in fills if _enters(deal, opens, closes)]
    left = [deal for deal in fills if not _enters(deal, opens, closes)]
    opened, closed = _volume(entered), _volume(left)
    live = _live_volume(trade, entered, left)
    end = _end(trade, orders, deals, opened, live, left)
    status = end.status if end is not None else _live(orders, opened or live)
    return {
        "opened_at": min((deal["executed_at"] for deal in entered), default=None),
        "opened_volume": opened if entered else None,
        "open_price": _price(entered),
        "closed_at": _closed_at(status, left),
        "closed_volume": closed if left else None,
        "close_price": _price(left),
        "close_reason": left[-1]["reason"] if left else None,
        **{name: _sum(fills, name) for name in ("profit", "commission", "swap", "fee")},
        "deals": len(fills),
        "deals_sequence": max((deal["sequence"] for deal in fills), default=0),
        "status": str(status),
        "ended_by": end.by if end is not None else None,
        "status_sequence": end.sequence if end is not None else _last(orders, deals),
    }


def as_told(order: Row) -> Row:
    """An order without what only followed from its copy's life."""
    if order["status"] != WITHDRAWN:
        return order
    return order | {"status": QUEUED, "status_sequence": 0, "retired": None}


def in_life(order: Row, trade: Row) -> Row:
    """An order with what follows from its copy's life: nobody gets a command any more that waited behind an open which
    never came to anything."""
    waits = order["status"] == QUEUED and order["sequence"] and order["action"] != OrderAction.OPEN
    if not waits or trade["status"] != CopyStatus.DROPPED or order["sequence"] > trade["status_sequence"]:
        return order
    return order | {"status": WITHDRAWN, "status_sequence": trade["status_sequence"], "retired": True}


def _enters(deal: Row, opens: set[str], closes: set[str]) -> bool:
    """What a command was for outweighs how a netting broker calls it: against other volume an open is an `out` deal."""
    if deal["command_id"] in opens:
        return True
    return deal["command_id"] not in closes and deal["entry"] == "in"


def _adopted(orders: Sequence[Row]) -> list[Row]:
    """What a copy held when it became one, in the shape of a deal."""
    return [
        {"executed_at": order["created_at"], "fill_volume": order["volume"], "fill_price": order["price"]}
        for order in orders
        if order["cause"] == ADOPTED
    ]


def _live_volume(trade: Row, entered: Sequence[Row], left: Sequence[Row]) -> Decimal:
    """Lots that it holds: of its deals, or since a snapshot showed others, of that and the deals done after it. One
    whose first deals nobody told of held what was planned."""
    if trade["settled_as"] == CopyStatus.OPEN and trade["settled_volume"] is not None:
        came, went = (_volume([d for d in deals if _is_after(d, trade)]) for deals in (entered, left))
        return trade["settled_volume"] + came - went
    opened = _volume(entered) if entered or not left else trade["planned_volume"] or ZERO
    return opened - _volume(left)


def _is_after(deal: Row, trade: Row) -> bool:
    """Done after the snapshot, not only told after it; what a copy was adopted with has no sequence and came before."""
    told_later = deal.get("sequence", 0) > trade["settled_sequence"]
    return told_later and deal["executed_at"] >= trade["settled_at"]


def _end(
    trade: Row,
    orders: Sequence[Row],
    deals: Sequence[Row],
    opened: Decimal,
    live: Decimal,
    left: Sequence[Row],
) -> End | None:
    """How it ended; None while it lives. What was settled for it counts first, then its own deals and commands."""
    over = left[-1] if left and live <= ZERO else None
    settled = trade["settled_as"]
    if settled not in (None, CopyStatus.OPEN) and not (settled == CopyStatus.RELEASED and over):
        return End(CopyStatus(settled), trade["settled_by"], trade["settled_sequence"])
    if over is not None:
        return End(CopyStatus.CLOSED, over["reason"], over["sequence"])
    for order in orders:
        if (
            trade["sandbox"]
            and order["sandbox"]
            and order["action"] in (OrderAction.CLOSE, OrderAction.CANCEL)
        ):
            return End(CopyStatus.CLOSED, order["action"], order["sequence"])
        if _ends(order, open_left=live > ZERO):
            return End(
                CopyStatus.CLOSED if opened or order["action"] == OrderAction.CLOSE else CopyStatus.DROPPED,
                order["status"] if order["action"] != OrderAction.CANCEL else "cancelled",
                order["status_sequence"],
            )
    return _never_opened(orders, deals) if not opened and settled is None else None


def _ends(order: Row, *, open_left: bool) -> bool:
    """Whether its EA's word on this command means that nothing of the copy is left."""
    action, status = order["action"], order["status"]
    if status not in DONE:
        return False
    if action == OrderAction.CLOSE:
        return True
    if action == OrderAction.CANCEL:
        return not open_left
    if action == OrderAction.OFFSET:
        moved = bool(order["volume"])
        return moved and (
            status == AckStatus.ALREADY_CLOSED or (not order["target_volume"] and not open_left)
        )
    return action == OrderAction.PARTIAL_CLOSE and status == AckStatus.ALREADY_CLOSED


def _never_opened(orders: Sequence[Row], deals: Sequence[Row]) -> End | None:
    gone = [deal for deal in deals if deal["status"] in GONE]
    if gone:
        return End(CopyStatus.DROPPED, gone[-1]["status"], gone[-1]["sequence"])
    opening = [order for order in orders if order["action"] == OrderAction.OPEN]
    last = opening[-1] if opening else None
    if last is None or not last["retired"] or last["sandbox"]:
        return None
    if last["status"] in DONE or last["status"] == AckStatus.UNKNOWN:
        return None
    return End(CopyStatus.DROPPED, last["reason"] or last["status"], last["status_sequence"])


def _live(orders: Sequence[Row], opened: Decimal) -> CopyStatus:
    if opened:
        return CopyStatus.OPEN
    opening = [order for order in orders if order["action"] == OrderAction.OPEN]
    last = opening[-1] if opening else None
    if last is None:
        return CopyStatus.PLANNED
    if last["sandbox"]:
        return CopyStatus.OPEN
    if last["status"] == AckStatus.UNKNOWN:
        return CopyStatus.UNKNOWN
    if last["status"] not in DONE:
        return CopyStatus.PLANNED
    return CopyStatus.OPEN if last["order_type"] == OrderType.MARKET else CopyStatus.PENDING


def _volume(deals: Sequence[Row]) -> Decimal:
    return sum((deal["fill_volume"] for deal in deals), ZERO)


def _price(deals: Sequence[Row]) -> Decimal | None:
    """Weighted by volume."""
    told = [deal for deal in deals if deal["fill_price"] is not None and deal["fill_volume"]]
    if not told:
        return None
    worth = sum((deal["fill_price"] * deal["fill_volume"] for deal in told), ZERO)
    return AVERAGES.divide(worth, _volume(told))


def _sum(deals: Sequence[Row], name: str) -> Decimal | None:
    told = [deal[name] for deal in deals if deal[name] is not None]
    return sum(told, ZERO) if told else None


def _closed_at(status: CopyStatus, left: Sequence[Row]) -> datetime | None:
    return left[-1]["executed_at"] if status is CopyStatus.CLOSED and left else None


def _last(orders: Sequence[Row], deals: Sequence[Row]) -> int:
    told = [deal["sequence"] for deal in deals] + [order["status_sequence"] or 0 for order in orders]
    return max(told, default=0)
