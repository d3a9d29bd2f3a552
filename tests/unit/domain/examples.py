"""Accounts, symbols and trades that the tests of the domain start from; each test changes what it is about."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import msgspec

from kopitra.domain.orders import Side
from kopitra.domain.quotes import Quote
from kopitra.domain.rates import Rate
from kopitra.domain.readings import Balance, PairQuote, RateTable, pair_quote, rate_table
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing import Sized, size_copy
from kopitra.domain.sizing_inputs import UNKNOWN_ENTRY, Entry, FollowerAccount, LeaderTrade, RateReading
from kopitra.domain.sizing_modes import BalanceRatio, SameVolume
from kopitra.domain.skips import Skip
from kopitra.domain.symbols import SymbolSpec

S = TypeVar("S", bound=msgspec.Struct)

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)

EURUSD = SymbolSpec(
    symbol="EURUSD",
    digits=5,
    contract_size=Decimal("100000"),
    volume_min=Decimal("0.01"),
    volume_max=Decimal("100"),
    volume_step=Decimal("0.01"),
    base_currency="EUR",
    profit_currency="USD",
)
JP225 = msgspec.structs.replace(
    EURUSD, symbol="JP225", digits=0, contract_size=Decimal(1), base_currency="JPY", profit_currency="JPY"
)

SAME = CopyRules(sizing=SameVolume())
RATIO = CopyRules(sizing=BalanceRatio())


def changed(struct: S, **changes: object) -> S:
    return msgspec.structs.replace(struct, **changes)


def leader(
    volume: str = "0.50",
    contract: str | None = "100000",
    balance: str | None = "10000",
    currency: str = "USD",
    equity: str | None = None,
    free_margin: str | None = None,
) -> LeaderTrade:
    return LeaderTrade(
        volume=Decimal(volume),
        contract_size=_decimal(contract),
        balance=_decimal(balance),
        currency=currency,
        equity=_decimal(equity),
        free_margin=_decimal(free_margin),
    )


def follower(
    balance: str | None = "1000",
    currency: str = "USD",
    age: timedelta = timedelta(0),
    spec: SymbolSpec = EURUSD,
    equity: str | None = None,
    free_margin: str | None = None,
) -> FollowerAccount:
    def reading(amount: str | None) -> Balance | None:
        return None if amount is None else Balance(Decimal(amount), currency, NOW - age)

    return FollowerAccount(spec, reading(balance), reading(equity), reading(free_margin))


def entry(
    price: str | None = "1.10000",
    stop_loss: str | None = "1.09500",
    side: Side = Side.BUY,
    profit_rate: RateReading = None,
) -> Entry:
    return Entry(side, _decimal(price), _decimal(stop_loss), profit_rate)


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def pair(symbol: str, bid: str, ask: str, age: timedelta = timedelta(0)) -> PairQuote:
    """A quote of a symbol whose first six letters are its two currencies."""
    spec = changed(EURUSD, symbol=symbol, base_currency=symbol[:3], profit_currency=symbol[3:6])
    quote = pair_quote(Quote(symbol, Decimal(bid), Decimal(ask)), spec, NOW - age)
    assert quote is not None
    return quote


def table(*quotes: PairQuote) -> RateTable:
    return rate_table(quotes)


def rate(source: str, target: str, numerator: str, denominator: str = "1") -> Rate:
    return Rate(source, target, Decimal(numerator), Decimal(denominator), (source + target,), NOW)


def sized(
    rules: CopyRules,
    trade: LeaderTrade,
    account: FollowerAccount | None = None,
    reading: RateReading = None,
    at: Entry = UNKNOWN_ENTRY,
) -> Sized:
    result = size_copy(rules, trade, account or follower(), reading, NOW, at)
    assert isinstance(result, Sized), result
    return result


def skipped(
    rules: CopyRules,
    trade: LeaderTrade,
    account: FollowerAccount | None = None,
    reading: RateReading = None,
    at: Entry = UNKNOWN_ENTRY,
) -> Skip:
    result = size_copy(rules, trade, account or follower(), reading, NOW, at)
    assert isinstance(result, Skip), result
    return result
