"""A terminal, watched: every request that an agent sends and every deal that the broker makes."""

from collections.abc import Callable

from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.simulation.broker.operations import Operation
from kopitra.simulation.broker.records import Deal
from kopitra.simulation.broker.state import BrokerState
from kopitra_agent.ports.terminal import TerminalUnavailable, TradeRequest, TradeResult
from kopitra_terminal.local import LocalTerminal
from tests.simulation.stage.process import Process


class WatchedTerminal(LocalTerminal):
    """`on_request` is told before a request leaves, `on_result` with its answer (None where it got lost), `on_deal` of
    every line of the ledger in the instant in which it is written."""

    def __init__(self, state: BrokerState, clock: Clock, sleeper: Sleeper) -> None:
        super().__init__(state, clock, sleeper)
        self.on_request: Callable[[TradeRequest], None] = lambda request: None
        self.on_result: Callable[[TradeRequest, TradeResult | None], None] = lambda request, result: None
        self.on_deal: Callable[[Deal], None] = lambda deal: None
        self._known_deals = len(state.deals)
        self._left = state
        self.desk.broker.record_with(self._look)

    @property
    def up(self) -> bool:
        return self._desk is not None

    @property
    def ledger(self) -> BrokerState:
        """The broker's, whether or not the terminal is up: nothing is traded while it is down."""
        return self._left if self._desk is None else self.desk.broker.state

    def crash(self) -> None:
        self._left = self.desk.broker.state
        super().crash()

    def restart(self) -> None:
        super().restart()
        self.desk.broker.record_with(self._look)

    async def send(self, request: TradeRequest) -> TradeResult:
        self.on_request(request)
        try:
            result = await super().send(request)
        except TerminalUnavailable:
            self.on_result(request, None)
            raise
        self.on_result(request, result)
        return result

    def _look(self, operation: Operation) -> None:
        deals = self.desk.broker.state.deals
        while self._known_deals < len(deals):
            deal = deals[self._known_deals]
            self._known_deals += 1
            self.on_deal(deal)


class MortalTerminal:
    """Implements Terminal for one agent's process, for as long as that lives: a request of the dead goes nowhere."""

    def __init__(self, terminal: WatchedTerminal, process: Process) -> None:
        self._terminal = terminal
        self._process = process
        self.account = terminal.account
        self.symbols = terminal.symbols
        self.quotes = terminal.quotes
        self.positions = terminal.positions
        self.orders = terminal.orders
        self.deals = terminal.deals
        self.order_history = terminal.order_history
        self.changed = terminal.changed

    async def send(self, request: TradeRequest) -> TradeResult:
        self._process.require_alive()
        return await self._terminal.send(request)
