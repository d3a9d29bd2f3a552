"""Steering a terminal process from outside: quotes, trades by hand, faults, switches, and the truth of its ledger.

For a demo's driver and for tests. The process stamps every operation with its own clock.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from kopitra.domain.orders import DealReason, OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker.faults import Fault, FaultRates
from kopitra.simulation.broker.fills import Exact
from kopitra.simulation.broker.operations import (
    Balance,
    ChangeProfile,
    HandTrade,
    ListSymbols,
    Operation,
    PlanFaults,
    Switch,
)
from kopitra.simulation.broker.profiles import BrokerProfile
from kopitra.simulation.broker.records import (
    AccountView,
    Deal,
    DealKind,
    PendingOrder,
    Position,
    TradeRequest,
    TradeResult,
)
from kopitra.simulation.broker.state import BrokerState
from kopitra_terminal import wire
from kopitra_terminal.address import Address
from kopitra_terminal.connection import ANSWER_SECONDS, Connection

T = TypeVar("T")

STAMPED_BY_THE_PROCESS = datetime(1970, 1, 1, tzinfo=UTC)
NO_LOGIN = 0


class BrokerControl:
    """One account of the process at `address`. Calls raise TerminalUnavailable while the process is down; with a `key`,
    asking again after that never trades twice."""

    def __init__(self, address: str, login: int, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._connection = Connection(Address.parse(address), answer_seconds)
        self._login = login

    async def logins(self) -> list[int]:
        """Every account of the process; the quickest sign of life."""
        return await self._connection.call(NO_LOGIN, wire.ListAccounts(), list[int])

    async def set_quotes(self, quotes: Sequence[Quote]) -> list[Deal]:
        """New prices for every account of the process, in one go. What they set off on this account: stops and pending
        orders that were met."""
        fired = await self._connection.call(NO_LOGIN, wire.SpreadQuotes(tuple(quotes)), dict[int, list[Deal]])
        return fired[self._login]

    async def by_hand(
        self,
        request: TradeRequest,
        *,
        reason: DealReason = DealReason.CLIENT,
        exact: Exact | None = None,
        key: str = "",
    ) -> TradeResult:
        """Any trade by hand; with `exact`, one of a history that the market cannot refuse."""
        operation = HandTrade(at=STAMPED_BY_THE_PROCESS, request=request, reason=reason, exact=exact, key=key)
        return await self._call(wire.Operate(operation), TradeResult)

    async def open(
        self,
        symbol: str,
        side: Side,
        volume: Decimal,
        *,
        price: Decimal | None = None,
        stop_loss: Decimal | None = None,
        take_profit: Decimal | None = None,
        magic: int = 0,
        key: str = "",
    ) -> TradeResult:
        """Open by hand; at exactly `price` where one is given."""
        request = TradeRequest(
            action="deal",
            symbol=symbol,
            side=side,
            volume=volume,
            stop_loss=stop_loss,
            take_profit=take_profit,
            magic=magic,
        )
        return await self.by_hand(request, exact=_at(price), key=key)

    async def change_stops(
        self,
        symbol: str,
        ticket: int,
        *,
        stop_loss: Decimal | None = None,
        take_profit: Decimal | None = None,
        key: str = "",
    ) -> TradeResult:
        request = TradeRequest(
            action="sltp", symbol=symbol, position=ticket, stop_loss=stop_loss, take_profit=take_profit
        )
        return await self.by_hand(request, key=key)

    async def close(
        self,
        symbol: str,
        ticket: int,
        volume: Decimal | None = None,
        *,
        price: Decimal | None = None,
        reason: DealReason = DealReason.CLIENT,
        key: str = "",
    ) -> TradeResult:
        """Close a position or a part of it; at exactly `price` where one is given."""
        request = TradeRequest(action="deal", symbol=symbol, position=ticket, volume=volume)
        return await self.by_hand(request, reason=reason, exact=_at(price), key=key)

    async def place(
        self,
        symbol: str,
        side: Side,
        order_type: OrderType,
        volume: Decimal,
        price: Decimal,
        *,
        expires_at: datetime | None = None,
        key: str = "",
    ) -> TradeResult:
        request = TradeRequest(
            action="pending",
            symbol=symbol,
            side=side,
            order_type=order_type,
            volume=volume,
            price=price,
            expires_at=expires_at,
        )
        return await self.by_hand(request, key=key)

    async def cancel(self, symbol: str, ticket: int, *, key: str = "") -> TradeResult:
        return await self.by_hand(TradeRequest(action="remove", symbol=symbol, order=ticket), key=key)

    async def move_money(self, kind: DealKind, amount: Decimal, *, key: str = "") -> TradeResult:
        """A deposit or credit (positive) or a withdrawal (negative amount)."""
        operation = Balance(at=STAMPED_BY_THE_PROCESS, kind=kind, amount=amount, key=key)
        return await self._call(wire.Operate(operation), TradeResult)

    async def plan_faults(self, *faults: Fault, rates: FaultRates | None = None, clear: bool = False) -> None:
        await self._operate(PlanFaults(at=STAMPED_BY_THE_PROCESS, scripted=faults, rates=rates, clear=clear))

    async def switch_autotrading(self, on: bool) -> None:
        await self._operate(Switch(at=STAMPED_BY_THE_PROCESS, autotrading=on))

    async def close_markets(self, *symbols: str) -> None:
        """Shut exactly these markets (`*`: all); without any, all are open."""
        await self._operate(Switch(at=STAMPED_BY_THE_PROCESS, closed=symbols))

    async def change_profile(self, profile: BrokerProfile) -> None:
        await self._operate(ChangeProfile(at=STAMPED_BY_THE_PROCESS, profile=profile))

    async def list_symbols(self, *symbols: SymbolSpec) -> None:
        await self._operate(ListSymbols(at=STAMPED_BY_THE_PROCESS, symbols=symbols))

    async def set_link(self, up: bool) -> None:
        """Cut the terminal off from its broker, or connect it again."""
        await self._call(wire.SetLink(up), type(None))

    async def ledger(self, after: int = 0) -> list[Deal]:
        """The broker's own deals, whatever its terminal shows: the truth for verification."""
        return await self._call(wire.ReadLedger(after), list[Deal])

    async def state(self) -> BrokerState:
        """Everything that the broker knows."""
        return await self._call(wire.ReadState(), BrokerState)

    async def positions(self) -> list[Position]:
        return list((await self.state()).positions.values())

    async def orders(self) -> list[PendingOrder]:
        return list((await self.state()).orders.values())

    async def account(self) -> AccountView:
        return await self._call(wire.GetAccount(), AccountView)

    async def disconnect(self) -> None:
        """End this client's own connection."""
        await self._connection.close()

    async def _operate(self, operation: Operation) -> None:
        await self._call(wire.Operate(operation), type(None))

    async def _call(self, body: wire.Body, kind: type[T]) -> T:
        return await self._connection.call(self._login, body, kind)


def _at(price: Decimal | None) -> Exact | None:
    return None if price is None else Exact(price=price)
