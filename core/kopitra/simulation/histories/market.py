"""Made-up prices: whole points that walk at random, so that every price is exact and the same seed gives the
same path."""

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.quotes import Quote
from kopitra.simulation.histories.catalogue import known_symbol


class WalkingSymbol(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol of the made-up market. Everything but digits is in points (10**-digits)."""

    name: str
    digits: int
    first_bid: int
    spread: int
    stride: int
    """The largest move between two decisions of the leader."""
    stop_distance: int
    """How far from the market the leader sets stops, at least."""


POPULAR = (
    WalkingSymbol(name="EURUSD", digits=5, first_bid=108_450, spread=12, stride=90, stop_distance=180),
    WalkingSymbol(name="GBPUSD", digits=5, first_bid=126_820, spread=18, stride=120, stop_distance=240),
    WalkingSymbol(name="USDJPY", digits=3, first_bid=149_730, spread=14, stride=110, stop_distance=220),
    WalkingSymbol(name="AUDUSD", digits=5, first_bid=65_380, spread=14, stride=70, stop_distance=150),
    WalkingSymbol(name="USDCAD", digits=5, first_bid=135_610, spread=18, stride=80, stop_distance=170),
    WalkingSymbol(name="XAUUSD", digits=2, first_bid=208_350, spread=25, stride=180, stop_distance=400),
)
"""Near the prices of March 2024; made up all the same."""


class Market:
    """The current bid of each symbol in points."""

    def __init__(self, symbols: tuple[WalkingSymbol, ...]) -> None:
        self._symbols = {symbol.name: symbol for symbol in symbols}
        self._bids = {symbol.name: symbol.first_bid for symbol in symbols}

    def symbol(self, name: str) -> WalkingSymbol:
        return self._symbols[name]

    def bid(self, name: str) -> int:
        return self._bids[name]

    def ask(self, name: str) -> int:
        return self._bids[name] + self._symbols[name].spread

    def put(self, name: str, bid: int) -> None:
        self._bids[name] = bid

    def price(self, name: str, points: int) -> Decimal:
        return Decimal(points).scaleb(-self._symbols[name].digits)

    def quote(self, name: str, at: datetime) -> Quote:
        return Quote(
            symbol=name, bid=self.price(name, self.bid(name)), ask=self.price(name, self.ask(name)), at=at
        )

    def value(self, name: str, points: int, volume: Decimal) -> Decimal:
        """What a move of so many points is worth in US dollars, to the cent; every symbol here has USD on one
        side."""
        known = known_symbol(name)
        amount = self.price(name, points) * volume * (known.contract_size if known else 1)
        if known is not None and known.profit_currency != "USD":
            amount /= self.price(name, self.bid(name))
        return amount.quantize(Decimal("0.01"))
