"""A simulated broker set up for a test: one account, a few symbols, a clock that the test moves."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from kopitra.domain.orders import DealReason, MarginMode, OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.faults import Faults
from kopitra.simulation.broker.fills import Exact
from kopitra.simulation.broker.operations import Balance, HandTrade, Operation
from kopitra.simulation.broker.profiles import AccountTerms, BrokerProfile
from kopitra.simulation.broker.records import Action, DealKind, Position, TradeRequest, TradeResult
from kopitra.simulation.broker.state import new_account

MONDAY = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
D = Decimal


def spec(symbol: str, **changes: Any) -> SymbolSpec:
    """A currency pair of 100,000 units with five digits (three against the yen)."""
    fields: dict[str, Any] = {
        "symbol": symbol,
        "digits": 3 if symbol[3:6] == "JPY" else 5,
        "contract_size": D(100_000),
        "volume_min": D("0.01"),
        "volume_max": D(50),
        "volume_step": D("0.01"),
        "base_currency": symbol[:3],
        "profit_currency": symbol[3:6],
    }
    return SymbolSpec(**(fields | changes))


class House:
    """The broker with a test's shorthand around it."""

    def __init__(
        self,
        profile: BrokerProfile | None = None,
        *,
        symbols: tuple[SymbolSpec, ...] = (spec("EURUSD"), spec("USDJPY"), spec("EURGBP"), spec("GBPUSD")),
        deposit: str = "10000",
        faults: Faults | None = None,
        mode: MarginMode = MarginMode.HEDGING,
        currency: str = "USD",
    ) -> None:
        self.at = MONDAY
        self.log: list[Operation] = []
        terms = AccountTerms(login=77, currency=currency, mode=mode)
        self.start = new_account(terms, profile or BrokerProfile(), symbols, self.at)
        self.broker = SimulatedBroker(self.start, faults, self.log.append)
        if Decimal(deposit):
            self.broker.apply(Balance(at=self.at, kind=DealKind.DEPOSIT, amount=D(deposit)))

    def pass_time(self, **span: float) -> None:
        self.at += timedelta(**span)

    def quote(self, symbol: str, bid: str, ask: str) -> None:
        self.broker.set_quotes([Quote(symbol, D(bid), D(ask), self.at)], self.at)

    def send(self, action: Action = "deal", symbol: str = "EURUSD", **fields: Any) -> TradeResult:
        return self.broker.send(request(action, symbol, **fields), self.at)

    def by_hand(
        self,
        action: Action = "deal",
        symbol: str = "EURUSD",
        reason: DealReason = DealReason.CLIENT,
        exact: Exact | None = None,
        **fields: Any,
    ) -> TradeResult:
        result = self.broker.apply(
            HandTrade(at=self.at, request=request(action, symbol, **fields), reason=reason, exact=exact)
        )
        assert isinstance(result, TradeResult)
        return result

    def buy(self, volume: str = "1", **fields: Any) -> TradeResult:
        return self.send(side=Side.BUY, volume=volume, **fields)

    def sell(self, volume: str = "1", **fields: Any) -> TradeResult:
        return self.send(side=Side.SELL, volume=volume, **fields)

    def close(self, ticket: int | None, volume: str | None = None, **fields: Any) -> TradeResult:
        return self.send(position=ticket, volume=volume, **fields)

    def place(self, side: Side, order_type: OrderType, price: str, **fields: Any) -> TradeResult:
        return self.send(
            "pending", side=side, order_type=order_type, price=price, **({"volume": "1"} | fields)
        )

    @property
    def positions(self) -> list[Position]:
        return list(self.broker.state.positions.values())

    @property
    def position(self) -> Position:
        (only,) = self.positions
        return only


DECIMALS = ("volume", "price", "stop_loss", "take_profit", "deviation")


def request(action: Action, symbol: str = "EURUSD", **fields: Any) -> TradeRequest:
    """A request whose numbers may be given as text."""
    values: dict[str, Any] = {
        key: D(value) if key in DECIMALS and isinstance(value, str) else value
        for key, value in fields.items()
    }
    return TradeRequest(action=action, symbol=symbol, **values)


def quoted_house(profile: BrokerProfile | None = None, **options: Any) -> House:
    """EURUSD at 1.10000/1.10010, USDJPY at 150.000/150.010."""
    house = House(profile, **options)
    house.quote("EURUSD", "1.10000", "1.10010")
    house.quote("USDJPY", "150.000", "150.010")
    return house
