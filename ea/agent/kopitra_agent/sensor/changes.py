"""A change of the leader's book, before it gets its place in the stream of signals."""

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.orders import DealReason, OrderType, Side
from kopitra.domain.trading import SignalAction
from kopitra_agent.sensor.book import Held, Resting


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """`position_id` or, for a pending order, `ticket`; a filled order has both. Volumes in lots."""

    action: SignalAction
    symbol: str
    side: Side
    volume: Decimal
    before: Decimal
    after: Decimal
    position_id: int | None = None
    ticket: int | None = None
    deal_id: int | None = None
    order_type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    expires_at: datetime | None = None
    magic: int = 0
    reason: DealReason | None = None
    at: datetime | None = None
    """When the broker did it; None where only we know that it changed."""


def position_change(action: SignalAction, held: Held) -> Change:
    """A change of a position's stops: its volume stays."""
    return Change(
        action=action,
        symbol=held.symbol,
        side=held.side,
        volume=held.volume,
        before=held.volume,
        after=held.volume,
        position_id=held.position_id,
        stop_loss=held.stop_loss,
        take_profit=held.take_profit,
        magic=held.magic,
    )


def order_change(action: SignalAction, order: Resting, before: Decimal, after: Decimal) -> Change:
    return Change(
        action=action,
        symbol=order.symbol,
        side=order.side,
        volume=order.volume,
        before=before,
        after=after,
        ticket=order.ticket,
        order_type=order.order_type,
        price=order.price,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        expires_at=order.expires_at,
        magic=order.magic,
    )
