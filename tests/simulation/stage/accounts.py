"""One account of the simulated world: its broker, its terminal, its agent, and the agent's disk."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kopitra.domain.orders import DealReason, MarginMode, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker.operations import Balance, HandTrade, Operation
from kopitra.simulation.broker.profiles import AccountTerms, BrokerProfile
from kopitra.simulation.broker.records import DealKind, PendingOrder, Position, TradeRequest, TradeResult
from kopitra.simulation.broker.state import BrokerState, new_account
from kopitra_agent.bootstrap import build_agent
from kopitra_agent.settings import AgentSettings, Role
from kopitra_agent.wiring import AgentPorts
from tests.simulation.platform import code_of
from tests.simulation.stage.process import Process
from tests.simulation.stage.results import Results
from tests.simulation.stage.storage import AgentDisk, AgentStorage
from tests.simulation.stage.terminals import MortalTerminal, WatchedTerminal
from tests.simulation.stage.wire import Wire

if TYPE_CHECKING:
    from tests.simulation.stage.world import World

RESTART_SECONDS = 1.0
"""After which an agent that ended by itself is started again."""
UP_SECONDS = 0.25


class Party:
    """`host` is the machine on which terminal and agent run: their clock is its clock."""

    def __init__(
        self,
        world: "World",
        name: str,
        role: Role,
        terms: AccountTerms,
        profile: BrokerProfile,
        symbols: tuple[SymbolSpec, ...],
    ) -> None:
        self.world = world
        self.name = name
        self.role = role
        self.terms = terms
        self.disk = AgentDisk()
        self.ahead = timedelta()
        self.broker_clock = Process(f"broker-{name}", world.time, world.task_failed)
        state = new_account(terms, profile, symbols, world.time.now())
        self.symbols = dict(state.symbols)
        self.terminal = WatchedTerminal(state, self.broker_clock, self.broker_clock)
        self.terminal.on_request = lambda request: world.watch.requested(self, request)
        self.terminal.on_result = lambda request, result: world.watch.replied(self, request, result)
        self.terminal.on_deal = lambda deal: world.watch.dealt(self, deal)
        self.process: Process | None = None
        self._worth = Decimal(0)
        self.worths = (Decimal("Infinity"), Decimal(0))
        """The lowest and the highest balance that anybody can have been told of."""
        self.results = Results()
        self._wanted = False
        self._started_at = 0.0
        self._set_back: list[tuple[float, float]] = []
        """When this machine's clock was set back, and by how many seconds."""

    # -- the broker --------------------------------------------------------------------------------------------------

    @property
    def state(self) -> BrokerState:
        """Raises TerminalUnavailable while the terminal is down."""
        return self.terminal.desk.broker.state

    @property
    def positions(self) -> list[Position]:
        return list(self.state.positions.values())

    @property
    def orders(self) -> list[PendingOrder]:
        return list(self.state.orders.values())

    def rests(self, ref: str) -> bool:
        """Whether an order of this name (`server:login:o` and its ticket) rests at the broker."""
        return any(ref.endswith(f":o{ticket}") for ticket in self.terminal.ledger.orders)

    @property
    def worth(self) -> Decimal:
        """The balance, as last seen."""
        self.note_worth()
        return self._worth

    def note_worth(self) -> None:
        if self.terminal.up:
            self._worth = self.state.balance
            low, high = self.worths
            self.worths = (min(low, self._worth), max(high, self._worth)) if self._worth else self.worths
            self._note_results()

    def _note_results(self) -> None:
        """Of those only that guards may watch."""
        if self.role.follows:
            view = self.terminal.desk.broker.account_view()
            self.results.note(view.balance, view.equity)

    @property
    def netting(self) -> bool:
        return self.terms.mode is MarginMode.NETTING

    @property
    def floating(self) -> Decimal:
        """Equity above the balance; 0 while nobody can look."""
        if not self.terminal.up:
            return Decimal(0)
        view = self.terminal.desk.broker.account_view()
        return view.equity - view.balance

    async def up(self) -> None:
        """Return once somebody can trade here by hand."""
        while not self.terminal.up:
            await self.world.time.sleep(UP_SECONDS)

    def operate(self, operation: Callable[..., Operation], **fields: Any) -> TradeResult | None:
        return self.terminal.desk.operate(operation(at=self.world.time.now(), **fields))

    def by_hand(self, *, reason: DealReason = DealReason.CLIENT, **fields: Any) -> TradeResult:
        result = self.operate(HandTrade, request=TradeRequest(**fields), reason=reason)
        assert result is not None
        self.world.note(self.name, "by hand", fields, result.retcode)
        return result

    def close(
        self, position: Position, volume: Decimal | None = None, reason: DealReason = DealReason.CLIENT
    ) -> TradeResult:
        return self.by_hand(
            action="deal",
            symbol=position.symbol,
            side=Side(position.side).opposite,
            volume=volume or position.volume,
            position=position.ticket,
            reason=reason,
        )

    def deposit(self, amount: Decimal) -> None:
        kind = DealKind.DEPOSIT if amount > 0 else DealKind.WITHDRAWAL
        self.operate(Balance, kind=kind, amount=amount)

    def take_quotes(self, quotes: list[Quote]) -> None:
        if self.terminal.up:
            self.terminal.desk.take_quotes(quotes)
            self._note_results()

    # -- the agent ---------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self.process is not None

    def start_agent(self) -> None:
        if self.process is not None:
            return
        self._wanted = True
        world = self.world
        process = self.process = Process(f"agent-{self.name}", world.time, world.task_failed)
        process.ahead = self.ahead
        settings = AgentSettings(
            base_url="http://simulated",
            account=self.name,
            device_id=f"device-{self.name}",
            role=self.role,
            state_folder=Path(self.name),
            enrolment_code=code_of(self.name),
        )
        ports = AgentPorts(
            clock=process,
            sleeper=process,
            ids=world.time,
            transport=Wire(world, self.name, process),
            storage=AgentStorage(self.disk, process),
        )
        agent = build_agent(settings, MortalTerminal(self.terminal, process), ports)
        process.spawn(agent.run(asyncio.Event())).add_done_callback(self._ended)
        self._started_at = world.time.monotonic()
        world.note("agent starts", self.name)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        """Crash-only: whatever ended it, a supervisor starts it again."""
        if not task.cancelled() and self.process is not None and self.process.alive:
            self.crash_agent()
            self.world.ether.spawn(self._start_after(RESTART_SECONDS))

    async def _start_after(self, seconds: float) -> None:
        await self.world.time.sleep(seconds)
        self.start_agent()

    def crash_agent(self, power: bool = False) -> bool:
        """Whether there was one; with `power`, what was not flushed is lost."""
        process, self.process = self.process, None
        if process is None:
            return False
        process.kill()
        self.world.note("agent crashes", self.name)
        if power:
            self.disk.lose_power()
        return True

    def set_clock(self, seconds: int) -> None:
        """Of the machine on which terminal and agent run."""
        back = self.ahead.total_seconds() - seconds
        if back > 0:
            self._set_back.append((self.world.time.monotonic(), back))
        self.ahead = timedelta(seconds=seconds)
        errors = self.world.host_errors
        errors[self.name] = max(errors.get(self.name, 0.0), float(abs(seconds)))
        if self.process is not None:
            self.process.ahead = self.ahead

    def freshened(self, since: float) -> float:
        """Seconds by which an agent that was started again since then, or slept, may take what it finds for younger."""
        if self.world.slept_since(since):
            return self.world.host_error(self.name)
        if self._started_at < since:
            return 0.0
        return sum(back for at, back in self._set_back if at >= since)
