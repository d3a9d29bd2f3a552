"""One account's terminal: what it shows of its broker, and how requests travel to it.

The terminal is not its broker. While the history loads it shows an empty book; cut off from the broker it shows the
last book it saw, while the broker goes on filling stops. Every request meets the fate that was decided for it, delays
included.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.domain.quantities import ZERO
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.faults import Fault, FaultKind
from kopitra.simulation.broker.operations import Operation, Tick
from kopitra.simulation.broker.records import (
    AccountView,
    Deal,
    PendingOrder,
    Position,
    TradeRequest,
    TradeResult,
    refused,
)
from kopitra.simulation.broker.retcodes import Retcode
from kopitra_agent.ports.terminal import TerminalUnavailable

MILLISECONDS = 1000
EMPTY_VERSION = -1
"""The version of the view before the history has loaded; those of a loaded book are 0 and above."""


@dataclass(frozen=True)
class _Shown:
    """What a cut-off terminal still shows."""

    account: AccountView
    positions: list[Position]
    orders: list[PendingOrder]
    quotes: dict[str, Quote]
    deals: int
    version: int


class Desk:
    """Wraps the broker of one account for as long as one terminal process lives."""

    def __init__(self, broker: SimulatedBroker, clock: Clock, sleeper: Sleeper) -> None:
        self.broker = broker
        self._clock = clock
        self._sleeper = sleeper
        self._loaded_at = self._loading_ends()
        self._cut_off: _Shown | None = None
        self._turn = asyncio.Event()
        self._revision = broker.state.revision

    @property
    def synchronised(self) -> bool:
        return self._cut_off is None and self._clock.monotonic() >= self._loaded_at

    @property
    def version(self) -> int:
        """Differs whenever the view's positions, orders or deals do."""
        if self._cut_off is not None:
            return self._cut_off.version
        return self.broker.state.revision if self.synchronised else EMPTY_VERSION

    def account(self) -> AccountView:
        self.pass_time()
        if self._cut_off is not None:
            return msgspec.structs.replace(self._cut_off.account, connected=False, synchronised=False)
        view = self.broker.account_view()
        if self.synchronised:
            return view
        balance = view.balance
        return msgspec.structs.replace(
            view, equity=balance, margin=ZERO, free_margin=balance, synchronised=False, ledger=0
        )

    def symbols(self) -> Sequence[SymbolSpec]:
        return tuple(self.broker.state.symbols.values())

    def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        """Those that are known of the symbols asked for."""
        shown = self._cut_off.quotes if self._cut_off else self.broker.state.quotes
        return [shown[symbol] for symbol in symbols if symbol in shown]

    def positions(self) -> Sequence[Position]:
        self.pass_time()
        if self._cut_off is not None:
            return self._cut_off.positions
        return tuple(self.broker.state.positions.values()) if self.synchronised else ()

    def orders(self) -> Sequence[PendingOrder]:
        self.pass_time()
        if self._cut_off is not None:
            return self._cut_off.orders
        return tuple(self.broker.state.orders.values()) if self.synchronised else ()

    def deals(self, after: int) -> Sequence[Deal]:
        self.pass_time()
        if self._cut_off is not None:
            return self.broker.state.deals[max(after, 0) : self._cut_off.deals]
        return self.broker.deals_after(after) if self.synchronised else ()

    def order_history(self, magic: int) -> Sequence[PendingOrder]:
        self.pass_time()
        return self.broker.order_history(magic) if self.synchronised else ()

    async def send(self, request: TradeRequest) -> TradeResult:
        """Raises TerminalUnavailable where the request or its answer is lost on the way."""
        if self._cut_off is not None:
            return refused(Retcode.CONNECTION)
        fault = self.broker.decide_fault(request, self._clock.now())
        await self._wait(fault.delay_ms)
        if fault.kind is FaultKind.REQUEST_LOST or self._cut_off is not None:
            raise TerminalUnavailable("the connection broke before the request reached the broker")
        result = self._trade(request, fault)
        await self._wait(fault.answer_delay_ms)
        if fault.kind is FaultKind.ANSWER_LOST:
            raise TerminalUnavailable("the connection broke before the broker's answer arrived")
        return result

    async def changed(self, seen: int, seconds: float) -> int:
        """The view's version, as soon as it is not `seen`, at the latest after `seconds`."""
        ends = self._clock.monotonic() + seconds
        while self.version == seen:
            now = self._clock.monotonic()
            if now >= ends:
                break
            loading = self._loaded_at - now
            await self._next_turn(min(ends - now, loading) if loading > 0 else ends - now)
        return self.version

    def operate(self, operation: Operation) -> TradeResult | None:
        """Apply an operation of the simulation's, now."""
        answer = self.broker.apply(msgspec.structs.replace(operation, at=self._clock.now()))
        self._wake_if_changed()
        return answer if isinstance(answer, TradeResult) else None

    def take_quotes(self, quotes: Sequence[Quote]) -> Sequence[Deal]:
        """New prices; what they reach fires. The deals that they set off."""
        known = len(self.broker.state.deals)
        self.broker.set_quotes(quotes, self._clock.now())
        self._wake_if_changed()
        return self.broker.deals_after(known)

    def set_link(self, up: bool) -> None:
        """Cut the terminal off, or connect it again: its history then loads anew."""
        if not up and self._cut_off is None:
            self._cut_off = _Shown(
                account=self.account(),
                positions=list(self.positions()),
                orders=list(self.orders()),
                quotes=dict(self.broker.state.quotes),
                deals=len(self.broker.state.deals) if self.synchronised else 0,
                version=self.version,
            )
        if up and self._cut_off is not None:
            self._cut_off = None
            self._loaded_at = self._loading_ends()
        self._wake()

    def pass_time(self) -> None:
        """Let what is due happen: pending orders expire."""
        now = self._clock.now()
        if self.broker.is_due(now):
            self.broker.apply(Tick(at=now))
            self._wake_if_changed()

    def _trade(self, request: TradeRequest, fault: Fault) -> TradeResult:
        result = self.broker.trade(request, self._clock.now(), fault)
        self._wake_if_changed()
        return result

    def _loading_ends(self) -> float:
        return self._clock.monotonic() + self.broker.state.profile.sync_delay_ms / MILLISECONDS

    async def _wait(self, milliseconds: int) -> None:
        if milliseconds:
            await self._sleeper.sleep(milliseconds / MILLISECONDS)

    async def _next_turn(self, seconds: float) -> None:
        turn = self._turn
        try:
            async with asyncio.timeout(seconds):
                await turn.wait()
        except TimeoutError:
            return

    def _wake_if_changed(self) -> None:
        if self.broker.state.revision != self._revision:
            self._revision = self.broker.state.revision
            self._wake()

    def _wake(self) -> None:
        self._turn.set()
        self._turn = asyncio.Event()
