"""The whole service in process: its real routes over a simulated shard, under virtual time; and an EA to call it."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar

import msgspec
from pydantic import SecretStr

from kopitra.adapters.embedded.state_images import InlineImages
from kopitra.adapters.operator_tokens import OperatorTokens
from kopitra.application.ports.feature_flags import AS_DECLARED, FeatureFlags
from kopitra.application.ports.segments import Segments
from kopitra.application.ports.telemetry import UNTOLD, Telemetry
from kopitra.application.submission import Phase, Taken
from kopitra.application.tokens import code_hash
from kopitra.domain.identifiers import AccountId
from kopitra.domain.settings import CopySettings
from kopitra.domain.symbols import SymbolSpec
from kopitra.machine import commands
from kopitra.protocol.limits import BASE_PATH
from kopitra.simulation.journal import JournalDisk, SimulatedJournal
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_counterparty.counterparty import counterparty
from kopitra_counterparty.ports import Ports
from kopitra_counterparty.service import Service
from kopitra_counterparty.settings import Settings
from tests.fixtures.intents import intent
from tests.fixtures.wire import Answer
from tests.unit.copying.world import GROUP, LEADER, TENANT, spec
from tests.unit.counterparty.test_operators import AUDIENCE, Issuer
from tests.unit.counterparty.test_operators import ISSUER as ISSUED_BY
from tests.unit.engine.shard import MemorySnapshots
from tests.unit.machine.driven import SAME
from tests.unit.storage.commits import Tasks

T = TypeVar("T")

ISSUER = Issuer()
"""Makes its key once: that is the slowest part of a house."""

KEY = base64.b64encode(b"k" * 32).decode()
FOLLOWER = AccountId("follower-0")


class PlainHashes:
    """Stands in for argon2 where nothing is secret; counts what it would have cost. `seconds` is what a check takes."""

    def __init__(self) -> None:
        self.verified = 0
        self.seconds = 0.0

    @property
    def decoy(self) -> str:
        return "hash of nobody's secret"

    async def hash(self, secret: str) -> str:
        return f"hash of {secret}"

    async def verify(self, secret_hash: str, secret: str) -> bool:
        self.verified += 1
        await asyncio.sleep(self.seconds)
        return secret_hash == f"hash of {secret}"


class MachineClock:
    """Wrong by so much for as long as its process lives."""

    def __init__(self, time: VirtualTime, ahead: timedelta) -> None:
        self._time = time
        self._ahead = ahead

    def now(self) -> datetime:
        return self._time.now() + self._ahead

    def monotonic(self) -> float:
        return self._time.monotonic()


class House:
    """A shard's disk, and one process after the other on it."""

    def __init__(
        self,
        time: VirtualTime,
        *,
        telemetry: Telemetry = UNTOLD,
        features: FeatureFlags = AS_DECLARED,
        segments: Segments | None = None,
        **settings: Any,
    ) -> None:
        self.time = time
        self.telemetry = telemetry
        self.features = features
        self.segments = segments
        self.clock_ahead = timedelta(0)
        """By how much the machine's clock is ahead when a process starts."""
        self.disk = JournalDisk(time, time)
        self.snapshots = MemorySnapshots()
        self.hashes = PlainHashes()
        self.settings: dict[str, Any] = {
            "token_keys": {"k1": SecretStr(KEY)},
            "token_key_id": "k1",
        } | settings
        self._revision = count(1)
        self._names = count(1)
        self.tasks = Tasks()
        self.service = self.another_process()

    def another_process(self) -> Service:
        time, clock = self.time, MachineClock(self.time, self.clock_ahead)
        self.tasks = Tasks()
        ports = Ports(
            journal=SimulatedJournal(self.disk, clock=clock, sleeper=time, ids=time, delay=0.001),
            snapshots=self.snapshots,
            blobs=None,  # type: ignore[arg-type]  # nothing here keeps blobs
            clock=clock,
            sleeper=time,
            ids=time,
            hashes=self.hashes,
            images=InlineImages(),
            segments=self.segments,
            spawn=self.tasks.spawn,
            telemetry=self.telemetry,
            features=self.features,
            close=self._nothing_to_close,
        )
        options = {"instance": f"instance-{next(self._names)}"} | self.settings
        tokens = OperatorTokens(load_keys=ISSUER.keys, issuer=ISSUED_BY, audience=AUDIENCE, clock=clock)
        return counterparty(Settings(**options), ports, tokens)  # type: ignore[arg-type]

    @staticmethod
    async def _nothing_to_close() -> None:
        return None

    async def serving(self) -> "House":
        self.service.start()
        while self.service.core.engine.phase is not Phase.SERVING:
            await self.time.sleep(0.01)
        return self

    async def restart(self) -> None:
        """Kill the process and start another one."""
        for task in list(self.tasks.running):
            task.cancel()
        self.service = self.another_process()
        await self.serving()

    async def call(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request through the ASGI application; `path` below the base path, with its query."""
        route, _, query = (BASE_PATH + path).partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "asgi": {"spec_version": "2.1", "version": "3.0"},
            "method": method,
            "scheme": "http",
            "path": route,
            "raw_path": route.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (name.lower().encode(), value.encode("latin-1"))
                for name, value in ({"host": "localhost"} | (headers or {})).items()
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
            "extensions": {},
        }
        sent: list[dict[str, Any]] = []
        incoming = [{"type": "http.request", "body": body or b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if incoming:
                return incoming.pop(0)
            await asyncio.get_running_loop().create_future()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.service.asgi(scope, receive, send)
        start = next(message for message in sent if message["type"] == "http.response.start")
        content = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
        named = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], named, content)

    def operator(self, *roles: str) -> str:
        """An access token of an operator of the tenant."""
        return ISSUER.token(roles=list(roles or ("admin",)), exp=int(self.time.now().timestamp()) + 86_400)

    async def submit(self, *wanted: commands.Command) -> None:
        for outcome in await self.service.core.engine.submit(wanted):
            assert isinstance(outcome, Taken), outcome

    async def publish(self, account: str, **options: Any) -> None:
        """Publish an account whose enrolment code is `code of NAME`."""
        await self.submit(
            commands.PublishAccount(
                account=AccountId(account),
                tenant=TENANT,
                revision=next(self._revision),
                enrolment_code_hash=code_hash(f"code of {account}"),
                **options,
            )
        )

    async def group(self, followers: int = 1, rules: CopySettings = SAME) -> None:
        """The leader, its followers, and their subscriptions."""
        names = [AccountId(f"follower-{number}") for number in range(followers)]
        for name in (LEADER, *names):
            await self.publish(name)
            await self.submit(commands.TakeCatalog(account=name, symbols=_symbols(), digest="d"))
        await self.submit(
            commands.PublishGroup(
                group=GROUP, tenant=TENANT, revision=next(self._revision), leaders=(LEADER,)
            )
        )
        for name in names:
            await self.submit(
                commands.PublishSubscription(
                    subscription=f"sub-{name}",  # type: ignore[arg-type]
                    tenant=TENANT,
                    revision=next(self._revision),
                    group=GROUP,
                    follower=name,
                    rules=rules,
                )
            )

    def ea_of(self, account: str, device: str = "vps") -> "Ea":
        """An EA that knows its account's enrolment code only."""
        return Ea(self, account, device)

    async def ea(self, account: str, device: str = "vps") -> "Ea":
        """An enrolled EA with a session."""
        ea = self.ea_of(account, device)
        await ea.enrol()
        await ea.open()
        return ea


class Ea:
    """A client that keeps its secret and token."""

    def __init__(self, house: House, account: str, device: str = "vps") -> None:
        self.house = house
        self.account = account
        self.device = device
        self.secret = ""
        self.token = ""
        self.session: Any = None
        self._keys = count(1)
        self._ordinals = count(1)

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """With this EA's account, token and a fresh key, unless given otherwise (an empty string leaves one out)."""
        wanted = {"X-TradeAgent-Account": self.account, "Authorization": f"Bearer {self.token}"}
        if method != "GET":
            wanted["Idempotency-Key"] = f"{self.account}-{self.device}-{next(self._keys)}"
        wanted |= {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: value for name, value in wanted.items() if value}
        raw = body if isinstance(body, bytes) else None if body is None else msgspec.json.encode(body)
        return await self.house.call(method, path, raw, given)

    async def enrol(self, **headers: str) -> Answer:
        body = {"code": f"code of {self.account}", "deviceId": self.device}
        answer = await self.call("POST", "/enrolments", body, Authorization="", **headers)
        if answer.status == 201:
            self.secret = answer.json["secret"]
        return answer

    async def open(self, **headers: str) -> Answer:
        body = {"secret": self.secret, "deviceId": self.device, "clientVersion": "test"}
        answer = await self.call("POST", "/sessions", body, Authorization="", **headers)
        if answer.status == 201:
            self.session = answer.json
            self.token = self.session["sessionToken"]
        return answer

    async def signal(self, ref: str = "p1", action: str = "open", key: str = "", **changes: Any) -> Answer:
        body = self.intent(ref, action, **changes)
        options = {"Idempotency_Key": key} if key else {}
        return await self.call("POST", "/signals", body, **options)

    def intent(self, ref: str = "p1", action: str = "open", **changes: Any) -> dict[str, Any]:
        return intent(ref, next(self._ordinals), action, **changes)

    async def poll(self, cursor: int = 0, wait: int = 0, limit: int = 100, **query: str) -> Answer:
        more = "".join(f"&{name}={value}" for name, value in query.items())
        return await self.call(
            "GET", f"/sessions/current/outbox?cursor={cursor}&wait={wait}&limit={limit}{more}"
        )

    async def report(self, *events: tuple[str, object], key: str = "") -> Answer:
        body = {"events": [{"eventType": name, "payload": payload} for name, payload in events]}
        options = {"Idempotency_Key": key} if key else {}
        return await self.call("POST", "/sessions/current/inbox", body, **options)

    async def ack(self, event_id: str, status: str = "executed") -> Answer:
        return await self.report(("OutboxAck", {"eventId": event_id, "status": status}))


def _symbols() -> tuple[SymbolSpec, ...]:
    return (spec(),)


async def pair(house: House) -> tuple[Ea, Ea]:
    """A leader and a follower of it, each with a session."""
    await house.group()
    return await house.ea("leader"), await house.ea(FOLLOWER)


def in_house(scenario: Callable[[House], Awaitable[T]], **settings: Any) -> T:
    """Run a scenario in a house that serves."""

    async def main(time: VirtualTime) -> T:
        return await scenario(await House(time, **settings).serving())

    return run_virtual(1, main)
