"""The virtual terminal as an agent sees it: the `Terminal` port over a socket to a terminal process."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker import records
from kopitra_agent.ports.terminal import (
    Deal,
    PendingOrder,
    Position,
    TerminalAccount,
    TradeRequest,
    TradeResult,
)
from kopitra_terminal import wire
from kopitra_terminal.address import Address
from kopitra_terminal.connection import ANSWER_SECONDS, Connection
from kopitra_terminal.desk import EMPTY_VERSION

T = TypeVar("T")

NEVER_SEEN = EMPTY_VERSION - 1


class VirtualTerminal:
    """Implements `Terminal` for one account of the process at `address`."""

    def __init__(self, address: str, login: int, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._connection = Connection(Address.parse(address), answer_seconds)
        self._login = login
        self._seen = NEVER_SEEN

    async def account(self) -> TerminalAccount:
        return await self._call(wire.GetAccount(), TerminalAccount)

    async def symbols(self) -> Sequence[SymbolSpec]:
        return await self._call(wire.GetSymbols(), list[SymbolSpec])

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        return await self._call(wire.GetQuotes(tuple(symbols)), list[Quote])

    async def positions(self) -> Sequence[Position]:
        return await self._call(wire.GetPositions(), list[Position])

    async def orders(self) -> Sequence[PendingOrder]:
        return await self._call(wire.GetOrders(), list[PendingOrder])

    async def deals(self, after: int) -> Sequence[Deal]:
        return await self._call(wire.GetDeals(after), list[Deal])

    async def order_history(self, magic: int) -> Sequence[PendingOrder]:
        return await self._call(wire.GetOrderHistory(magic), list[PendingOrder])

    async def send(self, request: TradeRequest) -> TradeResult:
        """Sent once, never again: TerminalUnavailable leaves open whether it was executed."""
        wanted = msgspec.convert(request, records.TradeRequest, from_attributes=True)
        return await self._call(wire.Send(wanted), TradeResult)

    async def changed(self, seconds: float) -> None:
        call = wire.AwaitChange(self._seen, seconds)
        self._seen = await self._connection.call(self._login, call, int, extra_seconds=seconds)

    async def close(self) -> None:
        await self._connection.close()

    async def _call(self, body: wire.Body, kind: type[T]) -> T:
        return await self._connection.call(self._login, body, kind)
