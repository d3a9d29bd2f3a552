"""What a made-up leader holds: positions and orders in whole points and lot steps, and the prices that end or
fill them."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.orders import OrderType, Side
from kopitra.simulation.timeline import Reason

LOT_STEP = Decimal("0.01")


class Holding(msgspec.Struct, kw_only=True):
    """A position or an order that waits; volumes in lot steps, prices in points."""

    ref: int
    ticket: int
    symbol: str
    side: Side
    order_type: OrderType = OrderType.MARKET
    steps: int
    price: int
    stop_loss: int | None = None
    take_profit: int | None = None
    opened_at: datetime
    kept: bool = False
    """Never ended by the leader's whim: for what must last."""

    @property
    def volume(self) -> Decimal:
        return self.steps * LOT_STEP

    @property
    def is_waiting(self) -> bool:
        return self.order_type is not OrderType.MARKET


class Trigger(msgspec.Struct, frozen=True):
    """The bid at which something happens to a holding, and from which side the bid gets there."""

    bid: int
    rising: bool
    holding: Holding
    reason: Reason | None
    """None: the order is filled."""


def triggers(holding: Holding, spread: int) -> Iterator[Trigger]:
    """A buy opens at the ask and closes at the bid, a sell the other way round; a limit waits for the better
    price."""
    buys = holding.side is Side.BUY
    if holding.is_waiting:
        rising = buys == (holding.order_type is OrderType.STOP)
        yield Trigger(holding.price - (spread if buys else 0), rising, holding, None)
        return
    closing_at = 0 if buys else spread
    if holding.stop_loss is not None:
        yield Trigger(holding.stop_loss - closing_at, not buys, holding, Reason.STOP_LOSS)
    if holding.take_profit is not None:
        yield Trigger(holding.take_profit - closing_at, buys, holding, Reason.TAKE_PROFIT)


def next_bid(holdings: list[Holding], spread: int, bid: int, target: int) -> int:
    """The first bid on the way from bid to target at which something happens, else the target."""
    rising = target > bid
    on_the_way = [
        trigger.bid
        for holding in holdings
        for trigger in triggers(holding, spread)
        if trigger.rising == rising
        and min(bid, target) <= trigger.bid <= max(bid, target)
        and trigger.bid != bid
    ]
    return (min if rising else max)(on_the_way, default=target)


def reached(holdings: list[Holding], spread: int, bid: int) -> list[Trigger]:
    """What happens at that bid, by ticket; of one holding, its stop loss first."""
    hit: dict[int, Trigger] = {}
    for holding in sorted(holdings, key=lambda holding: holding.ticket):
        for trigger in triggers(holding, spread):
            if bid >= trigger.bid if trigger.rising else bid <= trigger.bid:
                hit.setdefault(holding.ticket, trigger)
    return list(hit.values())
