"""Puts an agent's parts together once its account is known."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from kopitra.domain.trading import AckStatus
from kopitra_agent.account import Owner
from kopitra_agent.book_view import FollowerBook, LeaderBook
from kopitra_agent.courier import Courier
from kopitra_agent.hand.desk import Desk
from kopitra_agent.hand.floor import Floor
from kopitra_agent.hand.ledger import Ledger
from kopitra_agent.hand.memory import HandMemory
from kopitra_agent.hand.offsetting import NET_MISMATCH
from kopitra_agent.hand.posting import HandReportSource
from kopitra_agent.hand.records import Outcome
from kopitra_agent.hand.reports import Reports
from kopitra_agent.hand.worklist import Rank, Worklist
from kopitra_agent.inbound import Inbound
from kopitra_agent.link.dead_letters import DeadLetters
from kopitra_agent.link.exchange import Exchange
from kopitra_agent.link.line import Line
from kopitra_agent.link.session import SessionKeeper
from kopitra_agent.poller import Pace, Poller
from kopitra_agent.ports.identity import IdSource
from kopitra_agent.ports.storage import Storage
from kopitra_agent.ports.terminal import Terminal
from kopitra_agent.ports.timing import Clock, Sleeper
from kopitra_agent.ports.transport import Transport
from kopitra_agent.sensor.memory import SensorMemory
from kopitra_agent.sensor.posting import SensorReportSource
from kopitra_agent.sensor.sender import SignalSender
from kopitra_agent.sensor.sweep import Sensor
from kopitra_agent.settings import AgentSettings
from kopitra_agent.telemetry.catalogue import Catalogue
from kopitra_agent.telemetry.positions import BookView
from kopitra_agent.telemetry.pulse import Pulse
from kopitra_agent.telemetry.snapshots import Snapshots
from kopitra_agent.watch import TerminalWatch


class AgentPorts(msgspec.Struct, frozen=True, kw_only=True):
    """The world outside, as one agent reaches it."""

    clock: Clock
    sleeper: Sleeper
    ids: IdSource
    transport: Transport
    storage: Storage


class HandParts(msgspec.Struct, frozen=True, kw_only=True):
    memory: HandMemory
    desk: Desk
    reports: Reports
    look: Callable[[], None]
    """The terminal changed."""


class LeadParts(msgspec.Struct, frozen=True, kw_only=True):
    memory: SensorMemory
    sensor: Sensor
    sender: SignalSender


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """A whole agent, ready to run."""

    courier: Courier
    poller: Poller
    watch: TerminalWatch
    hand: HandParts | None
    lead: LeadParts | None


class Resync:
    """Has everything told again; what that is, is named once it exists."""

    def __init__(self) -> None:
        self._figures: list[Callable[[], None]] = []
        self._catalogue: list[Callable[[], None]] = []
        self.doubt: Callable[[int], None] = lambda through: None
        """A command's fate is unknown, or a net is not what was expected: the book is to be told, and confirmed."""

    def name(
        self,
        figures: list[Callable[[], None]],
        catalogue: list[Callable[[], None]],
        doubt: Callable[[int], None],
    ) -> None:
        self._figures = figures
        self._catalogue = catalogue
        self.doubt = doubt

    def figures(self) -> None:
        """What the counterparty keeps only in memory, and the book."""
        for tell in self._figures:
            tell()

    def everything(self) -> None:
        for tell in self._catalogue:
            tell()
        self.figures()


def log_name(owner: Owner, kind: str) -> str:
    """A log belongs to one login: tickets, magic numbers and ordinals of another mean something else."""
    server = "".join(c if c.isascii() and c.isalnum() else "-" for c in owner.server)
    return f"{server}-{owner.login}-{kind}.log"


class Assembly:
    """Builds the parts of one agent for the account that its terminal serves."""

    def __init__(
        self,
        settings: AgentSettings,
        ports: AgentPorts,
        terminal: Terminal,
        owner: Owner,
        exchange: Exchange,
        keeper: SessionKeeper,
    ) -> None:
        self._settings = settings
        self._ports = ports
        self._terminal = terminal
        self._owner = owner
        self._exchange = exchange
        self._keeper = keeper
        self._resync = Resync()
        self._dead_letters = DeadLetters(ports.storage, ports.clock)
        self._line = Line(exchange, keeper, ports.clock, ports.sleeper, ports.ids)
        self._courier = Courier(self._line, self._dead_letters, ports.sleeper)

    def build(self) -> Parts:
        courier, ports, resync = self._courier, self._ports, self._resync
        hand = self._hand() if self._settings.role.follows else None
        lead = self._lead() if self._settings.role.leads else None
        desk = hand.desk if hand is not None else None
        inbound = Inbound(desk, courier, self._keeper, resync.everything)
        self._telemetry(inbound, hand, lead)
        self._exchange.on_recovery.append(resync.figures)
        self._keeper.on_open.append(lambda session: resync.figures())

        async def announce() -> None:
            if hand is not None:
                hand.look()
            courier.bell.ring()

        looks: list[Callable[[], Awaitable[object]]] = [announce]
        if lead is not None:
            looks.insert(0, lead.sensor.sweep)
        return Parts(
            courier=courier,
            poller=self._poller(inbound),
            watch=TerminalWatch(self._terminal, ports.clock, ports.sleeper, looks),
            hand=hand,
            lead=lead,
        )

    def _hand(self) -> HandParts:
        settings, ports, courier = self._settings, self._ports, self._courier
        memory = HandMemory(ports.storage, log_name(self._owner, "hand"))
        netting = self._owner.netting
        floor = Floor(
            self._terminal, memory, ports.clock, ports.sleeper, settings.settle_seconds, netting=netting
        )
        floor.on_trouble = courier.trouble
        ledger = Ledger(floor, self._owner)
        reports = Reports(floor, ledger)

        def concluded(outcome: Outcome) -> None:
            reports.concluded(outcome)
            source.look()
            if outcome.status is AckStatus.UNKNOWN or outcome.reason == NET_MISMATCH:
                self._resync.doubt(outcome.sequence)
            courier.bell.ring()

        places = {
            Rank.OPEN: settings.concurrent_opens,
            Rank.MODIFY: settings.concurrent_modifies,
            Rank.REDUCE: settings.concurrent_closes,
        }
        desk = Desk(floor, Worklist(places, netting=netting), concluded, courier.bell.ring)
        source = HandReportSource(desk, ledger, reports)
        courier.collect_from(source)
        return HandParts(memory=memory, desk=desk, reports=reports, look=source.look)

    def _lead(self) -> LeadParts:
        settings, ports, courier = self._settings, self._ports, self._courier
        memory = SensorMemory(ports.storage, log_name(self._owner, "sensor"), courier.trouble)
        sender = SignalSender(
            memory,
            self._line,
            self._dead_letters,
            ports.clock,
            ports.sleeper,
            on_deferred=self._resync.figures,
        )

        def noticed() -> None:
            sender.noticed()
            courier.bell.ring()

        sensor = Sensor(
            self._terminal,
            memory,
            ports.clock,
            ports.ids,
            self._owner,
            settings.signal_buffer_limit,
            tells_balances=not settings.role.follows,
            on_signals=noticed,
        )
        courier.collect_from(SensorReportSource(memory))
        return LeadParts(memory=memory, sensor=sensor, sender=sender)

    def _telemetry(self, inbound: Inbound, hand: HandParts | None, lead: LeadParts | None) -> None:
        settings, ports, terminal = self._settings, self._ports, self._terminal
        pulse = Pulse(
            terminal,
            ports.clock,
            self._owner,
            settings.heartbeat_seconds,
            settings.quote_symbols,
            settings.platform,
            lambda: _symbols_in_use(hand, lead),
        )
        catalogue = Catalogue(terminal, ports.clock, ports.ids, pulse.use_catalogue)
        snapshots = Snapshots(self._book(inbound, hand, lead), ports.clock, ports.ids)
        self._courier.tell_of([pulse, catalogue, snapshots], pulse.account_event)
        figures = [pulse.forget, snapshots.request, self._courier.bell.ring]
        self._resync.name(figures, [catalogue.forget], snapshots.doubt)
        if hand is not None and hand.memory.state.outcomes:
            # What an earlier life could not tell of may have been told, and shown to nobody.
            snapshots.doubt(max(outcome.sequence for outcome in hand.memory.state.outcomes.values()))

    def _book(
        self, inbound: Inbound, hand: HandParts | None, lead: LeadParts | None
    ) -> Callable[[], Awaitable[BookView | None]]:
        desk = hand.desk if hand is not None else None
        if lead is not None:
            return LeaderBook(lead.sensor, lead.memory, self._ports.clock, inbound, desk).view
        assert desk is not None, "an agent leads or follows"
        return FollowerBook(self._terminal, self._owner, inbound, desk).view

    def _poller(self, inbound: Inbound) -> Poller:
        settings, ports = self._settings, self._ports
        pace = Pace(
            wait=settings.poll_wait_seconds if settings.role.follows else 0,
            pause=settings.leader_poll_seconds,
            timeout=settings.request_timeout_seconds,
        )
        return Poller(self._exchange, self._keeper, inbound, ports.clock, ports.sleeper, ports.ids, pace)


def _symbols_in_use(hand: HandParts | None, lead: LeadParts | None) -> Sequence[str]:
    symbols: set[str] = set()
    if hand is not None:
        symbols.update(copy.symbol for copy in hand.memory.state.copies.values())
    if lead is not None:
        book = lead.memory.state.book
        symbols.update(held.symbol for held in (*book.positions.values(), *book.orders.values()))
    return sorted(symbols)
