"""One market for all brokers: a bid per symbol in points, walked by whoever moves it."""

from decimal import Decimal
from typing import TYPE_CHECKING

from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec

if TYPE_CHECKING:
    from tests.simulation.stage.world import World


def spec_of(symbol: str, digits: int, contract: int, base: str, profit: str) -> SymbolSpec:
    return SymbolSpec(
        symbol=symbol,
        digits=digits,
        contract_size=Decimal(contract),
        volume_min=Decimal("0.01"),
        volume_max=Decimal(100),
        volume_step=Decimal("0.01"),
        base_currency=base,
        profit_currency=profit,
    )


SPECS = {
    spec.symbol: spec
    for spec in (
        spec_of("EURUSD", 5, 100_000, "EUR", "USD"),
        spec_of("USDJPY", 3, 100_000, "USD", "JPY"),
        spec_of("XAUUSD", 2, 100, "XAU", "USD"),
    )
}
BEGIN = {"EURUSD": 110_000, "USDJPY": 150_000, "XAUUSD": 200_000}
"""Bids in points."""
SPREAD = {"EURUSD": 10, "USDJPY": 12, "XAUUSD": 20}
ALIASES = {"EURUSD": "FOREXEU"}
"""Some brokers list a symbol under a second name: what a mapping may be changed to."""
STRIDE = {"EURUSD": 15, "USDJPY": 20, "XAUUSD": 40}
"""Points that a small move takes at most."""
REACH = {"EURUSD": 120, "USDJPY": 150, "XAUUSD": 300}
"""Points at which stops and pending orders are placed; a spike goes about as far."""


class Market:
    def __init__(self, world: "World") -> None:
        self._world = world
        self.bids = dict(BEGIN)

    def quote(self, symbol: str) -> Quote:
        point = SPECS[symbol].point
        bid = self.bids[symbol] * point
        return Quote(symbol, bid, bid + SPREAD[symbol] * point, self._world.time.now())

    def dollars(self, amount: Decimal, currency: str) -> Decimal:
        """Of an account's own money."""
        return amount / self.quote("USDJPY").bid if currency == "JPY" else amount

    def move(self, symbol: str, points: int) -> None:
        """The market goes there in one step: whatever lies between fires at the new price."""
        begin = BEGIN[symbol]
        self.bids[symbol] = min(max(self.bids[symbol] + points, begin * 9 // 10), begin * 11 // 10)
        self.show([symbol])

    def show(self, symbols: list[str] | None = None) -> None:
        """Tell every broker whose terminal is up."""
        quotes = [self.quote(symbol) for symbol in symbols or list(self.bids)]
        quotes += [
            Quote(ALIASES[quote.symbol], quote.bid, quote.ask, quote.at)
            for quote in quotes
            if quote.symbol in ALIASES
        ]
        for party in self._world.parties.values():
            party.take_quotes(quotes)
