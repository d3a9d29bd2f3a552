"""How many units of one currency is a unit of another worth, as an exact fraction with its origin and age."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.quantities import ONE
from kopitra.domain.readings import RATE_MAX_AGE, PairQuote, RateTable, pair_key

FIRST_BRIDGES = ("USD", "EUR")
"""Third currencies tried first: nearly every currency is quoted against them, and tightly."""

TWO = Decimal(2)


class Rate(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One unit of `source` is numerator / denominator units of `target` (mid prices, exact).

    `path` names the quoted symbols in order, with "1/" before an inverted one; `at` is the time of its oldest leg.
    """

    source: str
    target: str
    numerator: Decimal
    denominator: Decimal
    path: tuple[str, ...]
    at: datetime


class RateMissing(msgspec.Struct, frozen=True, gc=False):
    """No quoted pair, nor two pairs with a common third currency, lead from `source` to `target`."""

    source: str
    target: str


class RateStale(msgspec.Struct, frozen=True, gc=False):
    """Every way from `source` to `target` has a leg older than RATE_MAX_AGE; `path` and `at` tell the first one."""

    source: str
    target: str
    path: tuple[str, ...]
    at: datetime


class Converted(msgspec.Struct, frozen=True, gc=False):
    """An amount in the rate's target currency, to 28 significant digits, and the rate that made it."""

    amount: Decimal
    rate: Rate


def find_rate(source: str, target: str, table: RateTable, now: datetime) -> Rate | RateMissing | RateStale:
    """The first fresh way: the pair itself, either way round; then by USD, EUR, other currencies by the alphabet.

    The way back takes the same quotes, so the two rates are exact reciprocals.
    """
    if source == target:
        return Rate(source, target, ONE, ONE, (), now)
    stale: Rate | None = None
    for rate in _ways(source, target, table):
        if now - rate.at <= RATE_MAX_AGE:
            return rate
        stale = stale or rate
    if stale is None:
        return RateMissing(source, target)
    return RateStale(source, target, stale.path, stale.at)


def convert(
    amount: Decimal, source: str, target: str, table: RateTable, now: datetime
) -> Converted | RateMissing | RateStale:
    """The amount in another currency. Sizing uses the exact rate instead, so that nothing is rounded twice."""
    rate = find_rate(source, target, table, now)
    if isinstance(rate, Rate):
        return Converted(amount * rate.numerator / rate.denominator, rate)
    return rate


def _ways(source: str, target: str, table: RateTable) -> Iterator[Rate]:
    direct = table.get(pair_key(source, target))
    if direct is not None:
        yield _leg(source, target, direct)
    for bridge in _bridges(source, target, table):
        first, second = table.get(pair_key(source, bridge)), table.get(pair_key(bridge, target))
        if first is not None and second is not None:
            yield _joined(_leg(source, bridge, first), _leg(bridge, target, second))


def _bridges(source: str, target: str, table: RateTable) -> Iterator[str]:
    """The usual ones without looking further; the others only if those did not lead there."""
    ends = (source, target)
    yield from (bridge for bridge in FIRST_BRIDGES if bridge not in ends)
    others = {currency for pair in table for currency in pair}
    yield from sorted(others.difference(FIRST_BRIDGES, ends))


def _leg(source: str, target: str, quote: PairQuote) -> Rate:
    twice_mid = quote.bid + quote.ask
    if quote.base == source:
        return Rate(source, target, twice_mid, TWO, (quote.symbol,), quote.at)
    return Rate(source, target, TWO, twice_mid, (f"1/{quote.symbol}",), quote.at)


def _joined(first: Rate, second: Rate) -> Rate:
    return Rate(
        first.source,
        second.target,
        first.numerator * second.numerator,
        first.denominator * second.denominator,
        first.path + second.path,
        min(first.at, second.at),
    )
