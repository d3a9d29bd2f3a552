"""Currency rates for a history that does not quote the pair an account needs."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from kopitra.domain.quantities import ONE
from kopitra.domain.quotes import Quote
from kopitra.domain.symbol_names import names_its_pair
from kopitra.domain.symbols import SymbolSpec

DOLLARS = {
    "USD": ONE,
    "EUR": Decimal("1.10"),
    "GBP": Decimal("1.27"),
    "CHF": Decimal("1.12"),
    "JPY": Decimal("0.0091"),
    "AUD": Decimal("0.69"),
    "CAD": Decimal("0.75"),
    "NZD": Decimal("0.65"),
    "CNH": Decimal("0.142"),
    "SEK": Decimal("0.105"),
    "NOK": Decimal("0.11"),
    "SGD": Decimal("0.73"),
    "HKD": Decimal("0.128"),
    "ZAR": Decimal("0.065"),
    "MXN": Decimal("0.052"),
    "PLN": Decimal("0.26"),
    "RUB": Decimal("0.015"),
}
"""Roughly, around 2020: what a unit is worth in US dollars, where no quote says it better."""
UNKNOWN = ONE
PLACES = Decimal("0.00001")
LOT = Decimal(100_000)


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """`rate`: units of the target for one of the source, about. `spec` and `quote` are there where the pair has to be
    added to an account's symbols."""

    rate: Decimal
    spec: SymbolSpec | None = None
    quote: Quote | None = None


def conversion_between(source: str, target: str, specs: Sequence[SymbolSpec]) -> Conversion:
    """How to come from one currency to the other with these symbols, or with one more."""
    rate = rough_rate(source, target)
    pairs = {(spec.base_currency, spec.profit_currency) for spec in specs if names_its_pair(spec)}
    if (source, target) in pairs or (target, source) in pairs:
        return Conversion(rate=rate)
    symbol = source + target
    spec = SymbolSpec(
        symbol=symbol,
        digits=5,
        contract_size=LOT,
        volume_min=Decimal("0.01"),
        volume_max=Decimal(100),
        volume_step=Decimal("0.01"),
        base_currency=source,
        profit_currency=target,
    )
    return Conversion(rate=rate, spec=spec, quote=Quote(symbol, rate, rate + PLACES))


def rough_rate(source: str, target: str) -> Decimal:
    """To five significant digits."""
    rate = DOLLARS.get(source, UNKNOWN) / DOLLARS.get(target, UNKNOWN)
    return rate.quantize(PLACES)


def fallback_rates(currencies: Iterable[str], account_currency: str) -> dict[str, Decimal]:
    """What a broker books profits at while none of its quotes converts them."""
    others = sorted(set(currencies) - {account_currency})
    return {currency: rough_rate(currency, account_currency) for currency in others}
