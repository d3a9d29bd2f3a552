"""A symbol's quotes in the order of a timeline, and the last of them that reaches a price."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.simulation.timeline import TimelineEvent

BLOCK = 64
"""Quotes whose extremes are kept together, so that a search through years of them skips what cannot match."""


class Level(msgspec.Struct, frozen=True):
    """A price that the bid or the ask reaches by falling to it or by rising to it."""

    of_ask: bool
    price: Decimal
    falling: bool

    def is_reached_by(self, quote: Quote) -> bool:
        market = quote.ask if self.of_ask else quote.bid
        return market <= self.price if self.falling else market >= self.price


def stop_loss_level(side: Side, price: Decimal) -> Level:
    """A buy closes at the bid, a sell at the ask."""
    return Level(of_ask=side is Side.SELL, price=price, falling=side is Side.BUY)


def take_profit_level(side: Side, price: Decimal) -> Level:
    return Level(of_ask=side is Side.SELL, price=price, falling=side is Side.SELL)


def order_level(side: Side, order_type: OrderType, price: Decimal) -> Level:
    """A buy opens at the ask; a limit waits for the better price, a stop for the worse."""
    buys = side is Side.BUY
    return Level(of_ask=buys, price=price, falling=(order_type is OrderType.LIMIT) == buys)


class Strip:
    """The events of one symbol that have a quote, in order."""

    def __init__(self, events: Sequence[TimelineEvent]) -> None:
        self.events = events
        self._times = [event.at for event in events]
        self._quotes = [event.quote for event in events if event.quote is not None]
        self._lowest = [_blockwise(min, self._quotes, ask=ask) for ask in (False, True)]
        self._highest = [_blockwise(max, self._quotes, ask=ask) for ask in (False, True)]

    def during(self, begin: datetime, end: datetime | None) -> tuple[int, int]:
        """From the first quote not before begin, up to and without the first after end (None: to the last)."""
        last = len(self._times) if end is None else bisect_right(self._times, end)
        return bisect_left(self._times, begin), last

    def latest(self, at: datetime) -> Quote | None:
        """The quote in force at that time."""
        index = bisect_right(self._times, at)
        return self._quotes[index - 1] if index else None

    def next_after(self, at: datetime) -> Quote | None:
        index = bisect_right(self._times, at)
        return self._quotes[index] if index < len(self._quotes) else None

    def last_that_reaches(self, level: Level, since: int, upto: int) -> int | None:
        """The index of the last quote from `since` up to and without `upto` that reaches the level."""
        index = upto - 1
        while index >= since:
            block = index // BLOCK
            if index % BLOCK == BLOCK - 1 and not self._may_reach(level, block):
                index -= BLOCK
            elif level.is_reached_by(self._quotes[index]):
                return index
            else:
                index -= 1
        return None

    def _may_reach(self, level: Level, block: int) -> bool:
        if level.falling:
            return self._lowest[level.of_ask][block] <= level.price
        return self._highest[level.of_ask][block] >= level.price


class Tape:
    """The strips of every symbol."""

    def __init__(self, events: Iterable[TimelineEvent]) -> None:
        by_symbol: defaultdict[str, list[TimelineEvent]] = defaultdict(list)
        for event in events:
            if event.quote is not None:
                by_symbol[event.symbol].append(event)
        self._strips = {symbol: Strip(events) for symbol, events in by_symbol.items()}
        self._blank = Strip(())

    def of(self, symbol: str) -> Strip:
        return self._strips.get(symbol, self._blank)


def _blockwise(
    extreme: Callable[[list[Decimal]], Decimal], quotes: Sequence[Quote], *, ask: bool
) -> list[Decimal]:
    prices = [quote.ask if ask else quote.bid for quote in quotes]
    return [extreme(prices[start : start + BLOCK]) for start in range(0, len(prices), BLOCK)]
