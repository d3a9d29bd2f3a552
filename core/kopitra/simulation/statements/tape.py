"""A symbol's quotes in the order of a timeline, and whether one of them would trigger a stop or fill an
order."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.simulation.timeline import TimelineEvent


def touches_stop_loss(side: Side, stop_loss: Decimal, quote: Quote) -> bool:
    """A buy closes at the bid, a sell at the ask."""
    return quote.bid <= stop_loss if side is Side.BUY else quote.ask >= stop_loss


def touches_take_profit(side: Side, take_profit: Decimal, quote: Quote) -> bool:
    return quote.bid >= take_profit if side is Side.BUY else quote.ask <= take_profit


def fills_order(side: Side, order_type: OrderType, price: Decimal, quote: Quote) -> bool:
    """Whether the market has reached the order: a limit from the better side, a stop from the worse."""
    market = quote.ask if side is Side.BUY else quote.bid
    below = market <= price
    above = market >= price
    waits_for_fall = (order_type is OrderType.LIMIT) == (side is Side.BUY)
    return below if waits_for_fall else above


class Tape:
    """The quotes of events, per symbol, in the events' order."""

    def __init__(self, events: Iterable[TimelineEvent] = ()) -> None:
        self._times: defaultdict[str, list[datetime]] = defaultdict(list)
        self._quotes: defaultdict[str, list[Quote]] = defaultdict(list)
        for event in events:
            if event.quote is not None:
                self._times[event.symbol].append(event.at)
                self._quotes[event.symbol].append(event.quote)

    def during(self, symbol: str, begin: datetime, end: datetime | None) -> Sequence[Quote]:
        """From begin to end, both included; None: to the end of the tape."""
        times = self._times[symbol]
        last = len(times) if end is None else bisect_right(times, end)
        return self._quotes[symbol][bisect_left(times, begin) : last]

    def latest(self, symbol: str, at: datetime) -> Quote | None:
        """The quote in force at that time."""
        index = bisect_right(self._times[symbol], at)
        return self._quotes[symbol][index - 1] if index else None

    def next_after(self, symbol: str, at: datetime) -> Quote | None:
        index = bisect_right(self._times[symbol], at)
        quotes = self._quotes[symbol]
        return quotes[index] if index < len(quotes) else None
