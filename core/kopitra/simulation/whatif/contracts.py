"""What a leader's own profits tell of its broker: contract sizes, and what other currencies were worth.

A close tells profit, prices and volume, and so contract size × rate. Where a symbol's profits are in the account's
currency that is the contract size itself; where it is a currency pair, whose lot everybody knows, it is the rate, which
then tells the contract sizes of all others.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.orders import Side
from kopitra.domain.quantities import ONE, ZERO
from kopitra.domain.symbol_names import names_its_pair
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.timeline import Action, TimelineEvent

ROUND_SIZES = tuple(
    Decimal(f"{base.scaleb(power).normalize():f}")
    for power in range(-2, 7)
    for base in map(Decimal, (1, 2, "2.5", 5))
)
NEAR = Decimal("0.02")
"""How far a size may lie from a round one, for rounding of profits and rates of another minute."""
LEAST_UNITS = 500
"""Smallest units of money that a profit must have to tell a rate: rounding then hides at most a thousandth."""
TELLING_UNITS = 25
"""As many all profits of a symbol together must have to tell a contract: rounding then hides at most two percent."""
FAR_OFF = Decimal("0.1")
"""A rate this far from the middle one of its currency is no rate but a booking of another kind."""


class Close(msgspec.Struct, frozen=True, kw_only=True):
    """`moved` is price difference × volume, positive where the position gained."""

    symbol: str
    at: datetime
    moved: Decimal
    profit: Decimal


class RateSeries:
    """What one unit of a currency was worth, time by time."""

    def __init__(self, readings: Iterable[tuple[datetime, Decimal]]) -> None:
        ordered = sorted(readings)
        self.readings: Sequence[tuple[datetime, Decimal]] = _without_strays(ordered)
        self._times = [at for at, _ in self.readings]

    def at(self, moment: datetime) -> Decimal | None:
        """The latest by then, else the first; None where there is none."""
        if not self.readings:
            return None
        return self.readings[max(bisect_right(self._times, moment) - 1, 0)][1]


class Implied(msgspec.Struct, frozen=True, kw_only=True):
    """`sizes` that differ from what is known of the symbols; `rates` into the account's currency."""

    sizes: Mapping[str, Decimal]
    rates: Mapping[str, RateSeries]


def implied_by(events: Sequence[TimelineEvent], specs: Sequence[SymbolSpec], currency: str) -> Implied:
    closes = _closes(events)
    by_name = {spec.symbol: spec for spec in specs}
    unit = _smallest_unit(closes)
    rates = _rates(closes, by_name, currency, unit)
    sizes: dict[str, Decimal] = {}
    for symbol in sorted({close.symbol for close in closes}):
        spec = by_name[symbol]
        if spec.profit_currency != currency and names_its_pair(spec):
            continue
        own = [close for close in closes if close.symbol == symbol]
        telling = sum((abs(close.profit) for close in own), ZERO) >= TELLING_UNITS * unit
        size = _size(own, spec, currency, rates) if telling else None
        if size is not None and size != spec.contract_size:
            sizes[symbol] = size
    return Implied(sizes=sizes, rates=rates)


def _closes(events: Sequence[TimelineEvent]) -> list[Close]:
    """Closes at a price of the market, whose opening price is known, that changed something."""
    opened: dict[str, Decimal] = {}
    found: list[Close] = []
    for event in events:
        if event.action in (Action.OPEN, Action.PENDING_FILLED) and event.price is not None:
            opened[event.position_ref] = event.price
        elif event.action in (Action.CLOSE, Action.PARTIAL_CLOSE):
            start = opened.get(event.position_ref)
            if start is None or event.price is None or not event.volume or not event.profit:
                continue
            step = event.price - start if event.side is Side.BUY else start - event.price
            if step * event.profit > ZERO:
                found.append(
                    Close(symbol=event.symbol, at=event.at, moved=step * event.volume, profit=event.profit)
                )
    return found


def _smallest_unit(closes: Sequence[Close]) -> Decimal:
    """A cent, a yen: the finest that the profits are told in."""
    return Decimal(1).scaleb(min((int(close.profit.as_tuple().exponent) for close in closes), default=0))


def _rates(
    closes: Sequence[Close], specs: Mapping[str, SymbolSpec], currency: str, unit: Decimal
) -> dict[str, RateSeries]:
    found: defaultdict[str, list[tuple[datetime, Decimal]]] = defaultdict(list)
    for close in closes:
        spec = specs[close.symbol]
        telling = abs(close.profit) >= LEAST_UNITS * unit
        if telling and spec.profit_currency != currency and names_its_pair(spec):
            found[spec.profit_currency].append((close.at, close.profit / close.moved / spec.contract_size))
    return {source: RateSeries(readings) for source, readings in sorted(found.items())}


def _size(
    closes: Sequence[Close], spec: SymbolSpec, currency: str, rates: Mapping[str, RateSeries]
) -> Decimal | None:
    """The round number that all closes together tell; None where they tell none."""
    moved = profit = ZERO
    for close in closes:
        rate = ONE if spec.profit_currency == currency else None
        if rate is None and spec.profit_currency in rates:
            rate = rates[spec.profit_currency].at(close.at)
        if rate is None:
            return None
        moved += abs(close.moved) * rate
        profit += abs(close.profit)
    told = profit / moved
    nearest = min(ROUND_SIZES, key=lambda size: abs(size - told) / size)
    return nearest if abs(nearest - told) <= NEAR * nearest else None


def _without_strays(readings: list[tuple[datetime, Decimal]]) -> list[tuple[datetime, Decimal]]:
    if not readings:
        return readings
    middle = sorted(rate for _, rate in readings)[len(readings) // 2]
    return [(at, rate) for at, rate in readings if abs(rate - middle) <= FAR_OFF * middle]
