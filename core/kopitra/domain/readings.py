"""What a decision may read of the outside: plain values, each with the time at which it was received.

Times are the counterparty's own (aware UTC), never a terminal's: a skewed terminal clock must not make a figure
look fresh or stale. A reading that seems to come from the future is therefore simply fresh.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.catalogues import Catalogue
from kopitra.domain.quotes import Quote

BALANCE_MAX_AGE = timedelta(minutes=10)
"""A balance moves only when a trade closes or money is paid in or out, and EAs report every 120 s: this is five
missed reports."""

EQUITY_MAX_AGE = timedelta(seconds=60)
"""Equity and free margin move with every tick; a minute is as far as a decision may be behind them."""

RATE_MAX_AGE = timedelta(minutes=10)
"""A rate only ever multiplies a balance, which may itself be this old. Major pairs move about 0.1 % in ten minutes:
a tenth of one 0.01 step in a whole lot. A source that missed five reports is gone."""


class Balance(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An account's balance as last reported, in its own currency, with the time of receipt."""

    amount: Decimal
    currency: str
    at: datetime


class PairQuote(msgspec.Struct, frozen=True, gc=False):
    """What one unit of `base` costs in another currency at one broker, with the time of receipt."""

    base: str
    symbol: str
    bid: Decimal
    ask: Decimal
    at: datetime


class RateTable:
    """One broker's quotes, found by currency pair instead of by name: suffixes do not matter.

    `quotes` are the last ones by symbol; those without a time of receipt, or with senseless prices, are not used.
    """

    __slots__ = ("catalogue", "quotes")

    def __init__(self, catalogue: Catalogue, quotes: Mapping[str, Quote]) -> None:
        self.catalogue = catalogue
        self.quotes = quotes

    def best(self, one: str, other: str) -> PairQuote | None:
        """The youngest quote between two currencies, either way round; of equally old ones the shortest symbol, then
        the first by name."""
        best: PairQuote | None = None
        for pair in ((one, other), (other, one)):
            for spec in self.catalogue.by_pair.get(pair, ()):
                quote = _usable(pair[0], self.quotes.get(spec.symbol))
                if quote is not None and (best is None or _better(quote, best)):
                    best = quote
        return best

    def partners(self, currency: str) -> frozenset[str]:
        """The currencies that the broker pairs with this one, quoted or not."""
        return self.catalogue.partners.get(currency, frozenset())


def _usable(base: str, quote: Quote | None) -> PairQuote | None:
    if quote is None or quote.at is None or not (quote.bid.is_finite() and quote.ask.is_finite()):
        return None
    if not 0 < quote.bid <= quote.ask:
        return None
    return PairQuote(base, quote.symbol, quote.bid, quote.ask, quote.at)


def _better(quote: PairQuote, best: PairQuote) -> bool:
    if quote.at != best.at:
        return quote.at > best.at
    return (len(quote.symbol), quote.symbol) < (len(best.symbol), best.symbol)
