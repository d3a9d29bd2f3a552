"""The leader's book as the signals sent so far describe it."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.orders import OrderType, Side
from kopitra_agent.ports.terminal import PendingOrder, Position


class Held(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An open position, by its lasting id."""

    position_id: int
    symbol: str
    side: Side
    volume: Decimal
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    magic: int = 0


class Resting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A pending order, by its ticket."""

    ticket: int
    symbol: str
    side: Side
    order_type: OrderType
    volume: Decimal
    price: Decimal
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    expires_at: datetime | None = None
    magic: int = 0
    filling: bool = False
    """A part of it was filled: from then on the position is what counts, and the rest signals nothing of its own."""


class Book(msgspec.Struct, kw_only=True, omit_defaults=True):
    positions: dict[int, Held] = {}
    orders: dict[int, Resting] = {}

    def copy(self) -> "Book":
        return Book(positions=dict(self.positions), orders=dict(self.orders))


def held_of(position: Position) -> Held:
    return Held(
        position_id=position.position_id,
        symbol=position.symbol,
        side=position.side,
        volume=position.volume,
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
        magic=position.magic,
    )


def resting_of(order: PendingOrder) -> Resting:
    return Resting(
        ticket=order.ticket,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        volume=order.volume,
        price=order.price,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        expires_at=order.expires_at,
        magic=order.magic,
    )


def book_of(positions: Iterable[Position], orders: Iterable[PendingOrder]) -> Book:
    return Book(
        positions={p.position_id: held_of(p) for p in positions},
        orders={o.ticket: resting_of(o) for o in orders},
    )
