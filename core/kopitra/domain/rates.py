"""How many units of one currency is a unit of another worth, as an exact fraction with its origin and age."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.readings import RATE_MAX_AGE, PairQuote, RateTable, pair_key

FIRST_BRIDGES = ("USD", "EUR")
"""Third currencies tried first: nearly every currency is quoted against them, and tightly. Others go by the alphabet."""

ONE = Decimal(1)
TWO = Decimal(2)


class Rate(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One unit of `source` is numerator ÷ denominator units of `target` (mid prices, exact).

    `path` names the quoted symbols in order, with "1/" before one that was inverted; `at` is the age of its oldest leg.
    """

    source: str
    target: str
    numerator: Decimal
    denominator: Decimal
    path: tuple[str, ...]
    at: datetime


class RateMissing(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """No quoted pair, nor two pairs with a common third currency, lead from `source` to `target`."""

    source: str
    target: str


class RateStale(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Every way from `source` to `target` has a leg older than RATE_MAX_AGE; `path` and `at` are those of the first."""

    source: str
    target: str
    path: tuple[str, ...]
    at: datetime


class Converted(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An amount in the rate's target currency, rounded to 28 significant digits, and the rate that made it."""

    amount: Decimal
    rate: Rate


def find_rate(source: str, target: str, table: RateTable, now: datetime) -> Rate | RateMissing | RateStale:
    """The first fresh way: the pair itself (either way round), then by USD, EUR, then other currencies by alphabet.

    The way back always takes the same quotes, so the two rates are exact reciprocals.
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
    rate = find_rate(source, target, table, now)
    if isinstance(rate, Rate):
        return Converted(amount * rate.numerator / rate.denominator, rate)
    return rate


def _ways(source: str, target: str, table: RateTable) -> Iterator[Rate]:
    direct = table.get(pair_key(source, target))
    if direct is not None:
        yield _one_leg(source, target, direct)
    for bridge in _bridges(source, target, table):
        first, second = table[pair_key(source, bridge)], table[pair_key(bridge, target)]
        yield _joined(_one_leg(source, bridge, first), _one_leg(bridge, target, second))


def _bridges(source: str, target: str, table: RateTable) -> list[str]:
    shared = _partners(source, table) & _partners(target, table)
    first = [bridge for bridge in FIRST_BRIDGES if bridge in shared]
    return first + sorted(shared.difference(first))


def _partners(currency: str, table: RateTable) -> set[str]:
    return {other for pair in table if currency in pair for other in pair if other != currency}


def _one_leg(source: str, target: str, quote: PairQuote) -> Rate:
    twice_mid = quote.bid + quote.ask
    if quote.base == source:
        return Rate(source, target, twice_mid, TWO, (quote.symbol,), quote.at)
    return Rate(source, target, TWO, twice_mid, ("1/" + quote.symbol,), quote.at)


def _joined(first: Rate, second: Rate) -> Rate:
    return Rate(
        first.source,
        second.target,
        first.numerator * second.numerator,
        first.denominator * second.denominator,
        first.path + second.path,
        min(first.at, second.at),
    )
