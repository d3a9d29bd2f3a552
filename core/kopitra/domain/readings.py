"""What a decision may read of the outside: plain values, each with the time at which it was received.

Times are the counterparty's own (aware UTC), never a terminal's: a skewed terminal clock must not make a figure
look fresh or stale. A reading that seems to come from the future is therefore simply fresh.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.quantities import ZERO
from kopitra.domain.quotes import Quote
from kopitra.domain.symbol_names import names_its_pair
from kopitra.domain.symbols import SymbolSpec

BALANCE_MAX_AGE = timedelta(minutes=10)
"""A balance moves only when a trade closes or money is paid in or out, and EAs report every 120 s: this is five
missed reports."""

EQUITY_MAX_AGE = timedelta(seconds=60)
"""Equity and free margin move with every tick; a minute is as far as a decision may be behind them."""

RATE_MAX_AGE = timedelta(minutes=10)
"""A rate only ever multiplies a balance, which may itself be this old. In ten minutes EURUSD moves a few hundredths of
a percent, half a percent in a central bank's hour: less than one 0.01 step in a whole lot. And a source that missed
five reports is gone."""


class Balance(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An account's balance as last reported, in its own currency, with the time of receipt."""

    amount: Decimal
    currency: str
    at: datetime


class PairQuote(msgspec.Struct, frozen=True, gc=False):
    """What one unit of `base` costs in `profit` currency at one broker, with the time of receipt."""

    base: str
    profit: str
    symbol: str
    bid: Decimal
    ask: Decimal
    at: datetime


RateTable = dict[tuple[str, str], PairQuote]
"""The last quote of each currency pair; the key (`pair_key`) is the two currencies in alphabetical order, so that
both directions find the same quote."""


def pair_quote(quote: Quote, spec: SymbolSpec, received_at: datetime) -> PairQuote | None:
    """The quote as a currency rate; None where the symbol is no currency pair or the prices make no sense.

    The pair is read from the catalogue's currencies, so broker suffixes do not matter. But the name must hold both
    codes as well: some brokers give an index or a crypto CFD the currencies of a pair.
    """
    if not names_its_pair(spec):
        return None
    if not (quote.bid.is_finite() and quote.ask.is_finite() and ZERO < quote.bid <= quote.ask):
        return None
    return PairQuote(
        spec.base_currency, spec.profit_currency, quote.symbol, quote.bid, quote.ask, received_at
    )


def rate_table(quotes: Iterable[PairQuote]) -> RateTable:
    """A table of these quotes, in whatever order they come."""
    table: RateTable = {}
    for quote in quotes:
        note_quote(table, quote)
    return table


def note_quote(table: RateTable, quote: PairQuote) -> None:
    """Enter a quote. The youngest of a pair stays; of equally old ones the shortest symbol, then the first by name."""
    key = pair_key(quote.base, quote.profit)
    known = table.get(key)
    if known is None or _better(quote, known):
        table[key] = quote


def pair_key(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def _better(quote: PairQuote, known: PairQuote) -> bool:
    if quote.at != known.at:
        return quote.at > known.at
    if quote.symbol == known.symbol:
        return True
    return (len(quote.symbol), quote.symbol) < (len(known.symbol), known.symbol)
