"""Symbol specifications for a timeline, for the simulated brokers that replay and copy it."""

from collections import defaultdict
from decimal import Decimal

import msgspec

from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.histories.catalogue import KnownSymbol, known_symbol
from kopitra.simulation.timeline import Timeline, TimelineEvent

LOT_STEP = Decimal("0.01")
"""The usual step; finer where the timeline has finer volumes."""
LARGEST_ORDER = Decimal(100)
"""Lots; more where the timeline has more."""
UNKNOWN_CURRENCY = "USD"


class DerivedSpecs(msgspec.Struct, frozen=True):
    specs: tuple[SymbolSpec, ...]
    notes: tuple[str, ...]
    """Symbols that the catalogue does not know, and what was assumed of them."""


def specs_for(timeline: Timeline) -> DerivedSpecs:
    """One specification for each symbol of the timeline.

    Digits come from its prices, the lot step and the largest order from its volumes, contract size and
    currencies from the catalogue. An unknown symbol gets a contract size of 1 in the account's currency, and
    a note.
    """
    by_symbol: defaultdict[str, list[TimelineEvent]] = defaultdict(list)
    for event in timeline.events:
        if event.symbol:
            by_symbol[event.symbol].append(event)
    specs: list[SymbolSpec] = []
    notes: list[str] = []
    for symbol in sorted(by_symbol):
        known = known_symbol(symbol)
        if known is None:
            currency = timeline.account.currency or UNKNOWN_CURRENCY
            known = KnownSymbol(currency, currency, Decimal(1))
            notes.append(f"{symbol} is not in the catalogue: one lot is taken for 1 unit, in {currency}")
        specs.append(_spec(symbol, known, by_symbol[symbol]))
    return DerivedSpecs(tuple(specs), tuple(notes))


def _spec(symbol: str, known: KnownSymbol, events: list[TimelineEvent]) -> SymbolSpec:
    volumes = [event.volume for event in events if event.volume]
    step = min([LOT_STEP, *(Decimal(1).scaleb(-decimals(volume.normalize())) for volume in volumes)])
    return SymbolSpec(
        symbol=symbol,
        digits=max((decimals(price) for event in events for price in _prices(event)), default=0),
        contract_size=known.contract_size,
        volume_min=step,
        volume_max=max([LARGEST_ORDER, *volumes]),
        volume_step=step,
        base_currency=known.base_currency,
        profit_currency=known.profit_currency,
    )


def _prices(event: TimelineEvent) -> list[Decimal]:
    quoted = (event.quote.bid, event.quote.ask) if event.quote else ()
    return [
        price for price in (event.price, event.stop_loss, event.take_profit, *quoted) if price is not None
    ]


def decimals(value: Decimal) -> int:
    """How many digits a number has after its point."""
    return max(0, -int(value.as_tuple().exponent))
