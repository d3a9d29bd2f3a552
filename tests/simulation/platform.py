"""A whole platform in one event loop under virtual time: the real counterparty, real agents, simulated brokers.

Parts crash by having their tasks cancelled; what is left of them is the journal, the queues and blobs, the agents'
disks and the brokers' ledgers. Every message between them is written into `trace`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from kopitra.adapters.embedded.state_images import InlineImages
from kopitra.application.ports.queue import Message
from kopitra.domain.orders import MarginMode, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.protocol.limits import BASE_PATH
from kopitra.simulation.blobs import MemoryBlobs
from kopitra.simulation.broker.operations import Balance, HandTrade, Operation
from kopitra.simulation.broker.profiles import AccountTerms, BrokerProfile
from kopitra.simulation.broker.records import DealKind, Position, TradeRequest
from kopitra.simulation.broker.state import new_account
from kopitra.simulation.journal import JournalDisk, SimulatedJournal
from kopitra.simulation.queue import MemoryQueue
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.agent import Agent
from kopitra_agent.bootstrap import build_agent
from kopitra_agent.ports.transport import Request, Response, TransportError
from kopitra_agent.settings import AgentSettings, Role
from kopitra_agent.wiring import AgentPorts
from kopitra_counterparty.counterparty import counterparty
from kopitra_counterparty.exchange import Request as Asked
from kopitra_counterparty.gate import Route
from kopitra_counterparty.ports import Ports, Queues
from kopitra_counterparty.service import Service
from kopitra_counterparty.settings import Settings
from kopitra_terminal.local import LocalTerminal
from tests.unit.agent.memory_storage import Disk, MemoryStorage
from tests.unit.copying.world import spec
from tests.unit.engine.shard import MemorySnapshots

TENANT = "acme"
LEADER = "leader"
NETWORK_SECONDS = 0.004
KEYS = {"k1": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}


HASHING_SECONDS = 0.05
"""What a memory-hard hash takes: a commit may fail while a secret is checked."""


class PlainHashes:
    """The time, but not the work, of a memory-hard hash; salted by nothing and compared by value."""

    decoy = "plain:nobody"

    async def hash(self, secret: str) -> str:
        await asyncio.sleep(HASHING_SECONDS)
        return f"plain:{secret}"

    async def verify(self, secret_hash: str, secret: str) -> bool:
        await asyncio.sleep(HASHING_SECONDS)
        return secret_hash == f"plain:{secret}"


class Life:
    """The tasks of one part between its start and its crash."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def end(self) -> None:
        for task in list(self._running):
            task.cancel()


class Party:
    """One account: its broker's terminal, its agent's disk, and the agent while it lives."""

    def __init__(self, name: str, role: Role, terminal: LocalTerminal) -> None:
        self.name = name
        self.role = role
        self.terminal = terminal
        self.disk = Disk()
        self.life: Life | None = None

    @property
    def positions(self) -> list[Position]:
        return list(self.terminal.desk.broker.state.positions.values())


class SimulatedPlatform:
    def __init__(self, time: VirtualTime) -> None:
        self.time = time
        self.trace: list[str] = []
        self.journal_disk = JournalDisk(time, time)
        self.snapshots = MemorySnapshots()
        self.blobs = MemoryBlobs(time)
        self.queues = Queues(events=MemoryQueue(time, time), commands=MemoryQueue(time, time))
        self.parties: dict[str, Party] = {}
        self.service: Service | None = None
        self.service_life: Life | None = None
        self._starts = 0
        self._revision = 0

    def note(self, what: str) -> None:
        self.trace.append(f"{self.time.monotonic():.4f} {what}")

    # -- the counterparty ----------------------------------------------------------------------------------------

    def start_counterparty(self) -> None:
        self._starts += 1
        life = Life()

        async def close() -> None:
            life.end()

        journal = SimulatedJournal(
            self.journal_disk, clock=self.time, sleeper=self.time, ids=self.time, delay=0.002
        )
        ports = Ports(
            journal=journal,
            snapshots=self.snapshots,
            blobs=self.blobs,
            clock=self.time,
            sleeper=self.time,
            ids=self.time,
            hashes=PlainHashes(),
            images=InlineImages(),
            spawn=life.spawn,
            queues=self.queues,
            close=close,
        )
        settings = Settings(
            token_keys=KEYS,  # type: ignore[arg-type]
            token_key_id="k1",
            instance=f"instance-{self._starts}",
            rate_limit_per_second=10_000,
            rate_limit_burst=10_000,
        )
        self.service_life = life
        self.service = counterparty(settings, ports, None)
        self.service.start()
        self.note(f"counterparty starts, {self._starts}")

    def crash_counterparty(self) -> None:
        assert self.service_life is not None
        self.note("counterparty crashes")
        self.service_life.end()
        self.service = None

    # -- agents and brokers --------------------------------------------------------------------------------------

    def party(
        self,
        name: str,
        role: Role,
        *symbols: SymbolSpec,
        deposit: int = 10_000,
        currency: str = "USD",
        profile: BrokerProfile | None = None,
        mode: MarginMode = MarginMode.HEDGING,
    ) -> Party:
        terms = AccountTerms(login=1000 + len(self.parties), currency=currency, mode=mode)
        state = new_account(terms, profile or BrokerProfile(), symbols or (spec(),), self.time.now())
        party = Party(name, role, LocalTerminal(state, self.time, self.time))
        party.terminal.desk.operate(
            Balance(at=self.time.now(), kind=DealKind.DEPOSIT, amount=Decimal(deposit))
        )
        self.parties[name] = party
        return party

    def start_agent(self, name: str) -> None:
        party = self.parties[name]
        party.life = Life()
        settings = AgentSettings(
            base_url="http://simulated",
            account=name,
            device_id=f"device-{name}",
            role=party.role,
            state_folder=Path(name),
            enrolment_code=code_of(name),
        )
        ports = AgentPorts(
            clock=self.time,
            sleeper=self.time,
            ids=self.time,
            transport=Wire(self, name),
            storage=MemoryStorage(party.disk),
        )
        agent: Agent = build_agent(settings, party.terminal, ports)
        party.life.spawn(agent.run(asyncio.Event()))
        self.note(f"agent {name} starts")

    def crash_agent(self, name: str) -> None:
        party = self.parties[name]
        assert party.life is not None
        self.note(f"agent {name} crashes")
        party.life.end()

    def quote(self, symbol: str, bid: str, ask: str) -> None:
        for party in self.parties.values():
            party.terminal.desk.take_quotes([Quote(symbol, Decimal(bid), Decimal(ask), self.time.now())])

    def by_hand(self, name: str, **fields: Any) -> None:
        wanted: dict[str, Any] = {"action": "deal", "symbol": "EURUSD"}
        request = TradeRequest(**(wanted | fields))
        operation: Operation = HandTrade(at=self.time.now(), request=request)
        answer = self.parties[name].terminal.desk.operate(operation)
        self.note(f"{name} by hand {request.action} {request.side} {request.volume} → {answer}")

    def open_by_hand(self, name: str, side: Side, volume: str) -> None:
        self.by_hand(name, side=side, volume=Decimal(volume))

    # -- configuration -------------------------------------------------------------------------------------------

    async def publish(self, parameters: Mapping[str, Any], account: str | None = None) -> None:
        self._revision += 1
        body: dict[str, Any] = {
            "commandType": "config.publish",
            "tenant": TENANT,
            "revision": self._revision,
            "issuedAt": self.time.now(),
            "issuedBy": "operator",
            "parameters": parameters,
        }
        if account is not None:
            body["account"] = account
        message = Message(body=msgspec.json.encode(body), message_id=f"m{self._revision}")
        await self.queues.commands.send([message])

    async def configure(
        self, rules: Mapping[str, Mapping[str, Any]], leaders: Sequence[str] = (LEADER,)
    ) -> None:
        """Publish every party, one group under its leaders, and a subscription for each follower's rules."""
        for name in self.parties:
            code = sha256(code_of(name).encode()).hexdigest()
            await self.publish({"kind": "account", "enrolmentCodeHash": code}, name)
        await self.publish({"kind": "group", "group": "group", "leaders": list(leaders)})
        for follower, wanted in rules.items():
            await self.publish(
                {
                    "kind": "subscription",
                    "subscription": f"sub-{follower}",
                    "group": "group",
                    "follower": follower,
                    "rules": wanted,
                }
            )

    async def until(self, condition: Callable[[], object], seconds: float = 120.0) -> None:
        ends = self.time.monotonic() + seconds
        while not condition():
            assert self.time.monotonic() < ends, "it did not happen in time"
            await self.time.sleep(0.05)


class Wire:
    """An agent's way to whichever counterparty lives: every request takes time, and dies with either end."""

    def __init__(self, platform: SimulatedPlatform, name: str) -> None:
        self._platform = platform
        self._name = name

    async def exchange(self, request: Request) -> Response:
        platform = self._platform
        await platform.time.sleep(NETWORK_SECONDS)
        service, life = platform.service, platform.service_life
        if service is None or life is None:
            raise TransportError("connection refused", reached=False)
        platform.note(f"{self._name} {request.method} {request.path} {_shown(request.body)}")
        answering = life.spawn(answer(service, request))
        try:
            response = await asyncio.shield(answering)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise TransportError("connection reset") from None
        await platform.time.sleep(NETWORK_SECONDS)
        platform.note(f"{self._name} ← {response.status} {_shown(response.body)}")
        return response

    async def close(self) -> None:
        pass


async def answer(service: Service, request: Request) -> Response:
    """What the service's gate gives, as a server would send it."""
    path, _, query = request.path.partition("?")
    route = _route(service, request.method, path.removeprefix(BASE_PATH))
    headers = {name.lower().encode(): value.encode() for name, value in request.headers.items()}
    asked = Asked(headers, request.body or b"", query.encode())
    reply, request_id = await service.gate.handle(route, asked)
    told = {name.decode(): value.decode() for name, value in reply.wire_headers(request_id)}
    return Response(status=reply.status, headers=told, body=reply.body)


def _route(service: Service, method: str, path: str) -> Route:
    return next(r for r in service.routes if (r.endpoint.method, r.endpoint.path) == (method, path))


def _shown(body: bytes | None) -> str:
    return (body or b"").decode()


def code_of(name: str) -> str:
    return f"code-of-{name}-0123456789abcdef"
