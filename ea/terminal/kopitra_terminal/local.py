"""A terminal without a process: the `Terminal` port straight over a desk, for simulations under virtual time.

`crash()` and `restart()` do to it what kill -9 and a new start do to a terminal process: everything that the broker had
executed is there again, what was on its way is not, and the history loads anew.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import msgspec

from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker import records
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.state import BrokerState
from kopitra_agent.ports.terminal import (
    Deal,
    PendingOrder,
    Position,
    TerminalAccount,
    TerminalUnavailable,
    TradeRequest,
    TradeResult,
)
from kopitra_terminal.desk import EMPTY_VERSION, Desk

T = TypeVar("T")
NEVER_SEEN = EMPTY_VERSION - 1


class LocalTerminal:
    """Implements `Terminal` in the same event loop."""

    def __init__(self, state: BrokerState, clock: Clock, sleeper: Sleeper) -> None:
        self._clock = clock
        self._sleeper = sleeper
        self._desk: Desk | None = Desk(SimulatedBroker(state), clock, sleeper)
        self._durable = b""
        self._seen = NEVER_SEEN
        self._told: dict[type[Any], dict[int, tuple[Any, Any]]] = {}
        """By kind and identity: each record that was told of last, kept so that its identity stays its own."""
        self._flying: set[asyncio.Task[Any]] = set()

    @property
    def desk(self) -> Desk:
        """The way to the broker, for a simulation's own hands; raises TerminalUnavailable while crashed."""
        if self._desk is None:
            raise TerminalUnavailable("the terminal is down")
        return self._desk

    def crash(self) -> None:
        """Everything on its way dies; the broker keeps what it had executed."""
        self._durable = self.desk.broker.snapshot()
        self._desk = None
        for task in sorted(self._flying, key=hash):
            task.cancel()

    def restart(self) -> None:
        self._desk = Desk(SimulatedBroker.restore(self._durable), self._clock, self._sleeper)

    async def account(self) -> TerminalAccount:
        return _as(self.desk.account(), TerminalAccount)

    async def symbols(self) -> Sequence[SymbolSpec]:
        return self.desk.symbols()

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        return self.desk.quotes(symbols)

    async def positions(self) -> Sequence[Position]:
        return self._told_before(self.desk.positions(), Position)

    async def orders(self) -> Sequence[PendingOrder]:
        return self._told_before(self.desk.orders(), PendingOrder)

    async def deals(self, after: int) -> Sequence[Deal]:
        return [_as(deal, Deal) for deal in self.desk.deals(after)]

    async def order_history(self, magic: int) -> Sequence[PendingOrder]:
        return [_as(order, PendingOrder) for order in self.desk.order_history(magic)]

    async def send(self, request: TradeRequest) -> TradeResult:
        wanted = _as(request, records.TradeRequest)
        return _as(await self._surviving(lambda: self.desk.send(wanted)), TradeResult)

    async def changed(self, seconds: float) -> None:
        seen = self._seen
        self._seen = await self._surviving(lambda: self.desk.changed(seen, seconds))

    def _told_before(self, shown: Sequence[Any], kind: type[T]) -> list[T]:
        """A book is asked for far more often than it changes: what is in it is converted once."""
        before = self._told.get(kind, {})
        now = {id(record): before.get(id(record)) or (record, _as(record, kind)) for record in shown}
        self._told[kind] = now
        return [told for _, told in now.values()]

    async def _surviving(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a call on its own: who stops waiting does not call a trade back, and a crash ends it."""
        task = asyncio.ensure_future(call())
        self._flying.add(task)
        task.add_done_callback(self._landed)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise TerminalUnavailable("the terminal went down") from None

    def _landed(self, task: asyncio.Task[Any]) -> None:
        self._flying.discard(task)
        if not task.cancelled():
            task.exception()  # who asked may be gone by now, and then nobody else looks at it


def _as(value: object, kind: type[T]) -> T:
    return msgspec.convert(value, kind, from_attributes=True)
