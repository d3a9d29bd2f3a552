"""The market that a statement implies: a bid and ask for every event, such that each fill is exactly the
statement's price.

A statement holds one price an event. The side that was traded at is pinned to it (a buy opens at the ask and
closes at the bid, a sell the other way round); the other side lies a spread away (decision 0023). A close by
an opposite position is no market price: it sees the quote in force, as does a pending order that is placed.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.orders import Side
from kopitra.domain.quotes import Quote
from kopitra.simulation.statements.assembly import order_events
from kopitra.simulation.statements.rows import OrderRow
from kopitra.simulation.statements.tape import Level, Strip, Tape, order_level
from kopitra.simulation.timeline import Action, Reason, TimelineEvent, in_order

SPREAD_POINTS = 10
"""One pip of a five-digit pair: a usual spread, and small beside the distances that traders keep."""
BETWEEN_SECONDS = timedelta(milliseconds=500)
"""Statements count seconds, so half a second after one lies behind everything in it and before everything in
the next."""


class Spreads:
    """The distance between bid and ask of each symbol: a number of points, by the most decimals its prices
    have."""

    def __init__(self, prices: Iterable[tuple[str, Decimal]], points: int) -> None:
        self._points = points
        self._digits: defaultdict[str, int] = defaultdict(int)
        for symbol, price in prices:
            self._digits[symbol] = max(self._digits[symbol], -int(price.as_tuple().exponent))

    def point(self, symbol: str) -> Decimal:
        return Decimal(1).scaleb(-self._digits[symbol])

    def quote(self, symbol: str, traded: Side, price: Decimal, at: datetime) -> Quote:
        """The quote at which a buyer pays that price, or a seller gets it."""
        spread = self.point(symbol) * self._points
        bid, ask = (price - spread, price) if traded is Side.BUY else (price, price + spread)
        return Quote(symbol=symbol, bid=bid, ask=ask, at=at)


def traded_side(event: TimelineEvent) -> Side | None:
    """The side on which the event's price met the market; None where the price is not the market's."""
    if event.side is None or event.reason is Reason.CLOSE_BY:
        return None
    if event.action is Action.OPEN:
        return event.side
    return event.side.opposite if event.action in (Action.CLOSE, Action.PARTIAL_CLOSE) else None


def quoted(
    events: Iterable[TimelineEvent], orders: list[OrderRow], spreads: Spreads
) -> tuple[list[TimelineEvent], int]:
    """Trades' and orders' events in order, each with its quote, and how many orders had to be placed later
    than they say.

    A statement shows an order's last price only. Where the market had been beyond it in the order's time, the
    price was another then, and the order is placed when the market had come back for good.
    """
    trades = [_pinned(event, spreads) for event in events]
    tape = Tape(in_order([*trades, *_cancellations(orders, spreads)]))
    placed: list[TimelineEvent] = []
    late = 0
    for order in orders:
        placing, *ending = order_events(order)
        strip = tape.of(order.symbol)
        at = _placing_time(order, strip)
        late += at != order.placed_at
        placing = msgspec.structs.replace(placing, at=at, quote=_suitable(order, at, strip, spreads))
        placed.append(placing)
        placed += [
            msgspec.structs.replace(end, quote=_suitable(order, end.at, strip, spreads)) for end in ending
        ]
    return with_quotes_in_force([*trades, *placed]), late


def with_quotes_in_force(events: Iterable[TimelineEvent]) -> list[TimelineEvent]:
    """The events in order; those that made no quote of their own get the symbol's last, or the first to come."""
    ordered = in_order(events)
    seen = Tape(ordered)
    return [_with_quote_in_force(event, seen.of(event.symbol)) for event in ordered]


def _pinned(event: TimelineEvent, spreads: Spreads) -> TimelineEvent:
    side = traded_side(event)
    if side is None or event.price is None:
        return event
    return msgspec.structs.replace(event, quote=spreads.quote(event.symbol, side, event.price, event.at))


def _cancellations(orders: list[OrderRow], spreads: Spreads) -> list[TimelineEvent]:
    """The market price that the statement prints beside each order that ended, as a quote."""
    return [
        TimelineEvent(at=order.ended_at, action=Action.QUOTE, symbol=order.symbol, quote=quote)
        for order in orders
        if order.ended_at is not None and (quote := _market(order, order.ended_at, spreads)) is not None
    ]


def _market(order: OrderRow, at: datetime, spreads: Spreads) -> Quote | None:
    """The market beside the order, unless it had reached the order: one deleted for lack of money was never
    filled."""
    if order.market_price is None:
        return None
    quote = spreads.quote(order.symbol, order.side, order.market_price, at)
    return None if _fills(order, quote) else quote


def _placing_time(order: OrderRow, strip: Strip) -> datetime:
    since, upto = strip.during(order.placed_at, order.ended_at)
    beyond = strip.last_that_reaches(_level(order), since, upto)
    if beyond is None:
        return order.placed_at
    latest = order.ended_at - BETWEEN_SECONDS if order.ended_at else None
    if beyond + 1 < upto and (latest is None or strip.events[beyond + 1].at < latest):
        return strip.events[beyond + 1].at + BETWEEN_SECONDS
    return max(order.placed_at, latest or strip.events[beyond].at + BETWEEN_SECONDS)


def _suitable(order: OrderRow, at: datetime, strip: Strip, spreads: Spreads) -> Quote:
    """The quote in force if the order can wait at it, else the one beside the order, else one that is just
    short of it."""
    for quote in (strip.latest(at), _market(order, at, spreads)):
        if quote is not None and not _fills(order, quote):
            return msgspec.structs.replace(quote, at=at)
    point = spreads.point(order.symbol)
    buy = spreads.quote(order.symbol, order.side, order.price + point, at)
    return spreads.quote(order.symbol, order.side, order.price - point, at) if _fills(order, buy) else buy


def _fills(order: OrderRow, quote: Quote) -> bool:
    return _level(order).is_reached_by(quote)


def _level(order: OrderRow) -> Level:
    return order_level(order.side, order.order_type, order.price)


def _with_quote_in_force(event: TimelineEvent, seen: Strip) -> TimelineEvent:
    if event.quote is not None or event.action is Action.BALANCE:
        return event
    quote = seen.latest(event.at) or seen.next_after(event.at)
    return (
        event
        if quote is None
        else msgspec.structs.replace(event, quote=msgspec.structs.replace(quote, at=event.at))
    )
