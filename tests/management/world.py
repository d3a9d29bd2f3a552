"""The management side in one process: its real HTTP application over a SQLite file, embedded queues and blobs, a clock
that the test moves, and a counterparty that records what it is asked."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import msgspec
from quart import Quart
from sqlalchemy import Connection, create_engine, select

from kopitra.adapters.embedded.blobs import FolderBlobs
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.adapters.operator_tokens import OperatorTokens
from kopitra.application.ports.feature_flags import AS_DECLARED, FeatureFlags
from kopitra.application.ports.queue import Message, Queue
from kopitra.application.ports.telemetry import UNTOLD, Telemetry
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra_functions.adapters.key_file import KeyFile
from kopitra_functions.adapters.worker_threads import WorkerThreads
from kopitra_functions.credentials.envelope import EnvelopeCipher
from kopitra_functions.http.app import create_app
from kopitra_functions.http.desk import Desk, desk_over
from kopitra_functions.http.openapi import ADMIN_PATH
from kopitra_functions.ports import Counterparty, CounterpartyAnswer, CounterpartyUnreachable, Queues, World
from kopitra_functions.queue_names import COMMANDS, EVENTS, HISTORY, TASKS
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.engines import engine_for
from kopitra_functions.sql.metadata import metadata
from kopitra_functions.sql.tables import pending_commands
from kopitra_functions.sql.usage import SqlUse
from tests.fixtures.clocks import ManualClock
from tests.fixtures.wire import Answer
from tests.unit.counterparty.test_operators import AUDIENCE, Issuer
from tests.unit.counterparty.test_operators import ISSUER as ISSUED_BY

ISSUER = Issuer()
"""Makes its key once."""
TENANT = "acme"
OTHER = "elsewhere"
EVERYBODY = "*"
TOKEN_SECONDS = 400 * 86_400
BUSY_SECONDS = 0.05
"""How long SQLite waits for another's transaction here."""


class Asked(msgspec.Struct, frozen=True):
    """What the counterparty was asked."""

    method: str
    path: str
    token: str | None
    body: bytes | None
    query: Mapping[str, str]
    idempotency_key: str | None
    request_id: str | None

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body or b"null")


class RecordingCounterparty:
    """Answers everything alike, and remembers what it was asked. `reachable` = False: it is away."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: dict[tuple[str, str], CounterpartyAnswer] = {}
        """By method and path; others get the default."""
        self.default = CounterpartyAnswer(status=200, body=b"{}")
        self.reachable = True

    def answer(self, method: str, path: str, status: int, body: Any, **headers: str) -> None:
        self.answers[method, path] = CounterpartyAnswer(
            status=status, body=msgspec.json.encode(body), headers=headers
        )

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> CounterpartyAnswer:
        self.asked.append(Asked(method, path, token, body, query or {}, idempotency_key, request_id))
        if not self.reachable:
            raise CounterpartyUnreachable("no route to host")
        return self.answers.get((method, path), self.default)


class ServiceToken:
    async def token(self) -> str:
        return "the service's own token"


class JumpingSleeper:
    """Lets the clock jump instead of waiting."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    async def sleep(self, seconds: float) -> None:
        self._clock.advance(max(seconds, 0))


class Managed:
    """The world, and an operator's hands. `call` is one request; what it needs beside its body is filled in."""

    def __init__(self, world: World, desk: Desk, file: Path, app: Quart) -> None:
        self.world = world
        self.desk = desk
        self.file = file
        """The database's."""
        self.app = app
        self._calls = 0

    @property
    def clock(self) -> ManualClock:
        """Where time stands still until it is moved."""
        assert isinstance(self.world.clock, ManualClock)
        return self.world.clock

    @property
    def database(self) -> Database:
        return self.desk.database

    @property
    def counterparty(self) -> RecordingCounterparty:
        assert isinstance(self.world.counterparty, RecordingCounterparty)
        return self.world.counterparty

    def operator(self, role: str = "admin", tenant: str = TENANT, subject: str = "olga") -> str:
        """An access token."""
        until = int(self.world.clock.now().timestamp()) + TOKEN_SECONDS
        return operator_token(role, tenant, subject, until)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        role: str = "admin",
        tenant: str = TENANT,
        key: str | None = None,
        version: int | None = None,
        **headers: str | None,
    ) -> Answer:
        """`path` below `/api/admin`, with its query. A POST gets an Idempotency-Key of its own where none is given;
        `version`: for If-Match. A header that is None is left out; `_` stands for `-` in names."""
        self._calls += 1
        given: dict[str, str | None] = {"Authorization": f"Bearer {token or self.operator(role, tenant)}"}
        if method == "POST":
            given["Idempotency-Key"] = key or f"key-{self._calls}"
        if version is not None:
            given["If-Match"] = f'"{version}"'
        raw = body if isinstance(body, bytes | None) else msgspec.json.encode(body)
        if raw is not None:
            given["Content-Type"] = "application/json"
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await request(self.app, method, path, raw, {n: v for n, v in given.items() if v is not None})

    async def published(self) -> list[Any]:
        """Everything in the queue of commands, oldest first, without taking it."""
        found = await self.world.queues.commands.peek(1000)
        return [msgspec.json.decode(each.message.body) for each in found]

    async def pending(self) -> int:
        """Publications that wait to be sent."""

        def work(connection: Connection) -> int:
            unsent = select(pending_commands.c.ordinal).where(pending_commands.c.sent_at.is_(None))
            return len(connection.execute(unsent).all())

        return await self.database.read(work)

    async def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""

        def work(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
            return {
                table.name: [tuple(row) for row in connection.execute(select(table))]
                for table in metadata.sorted_tables
            }

        return await self.database.read(work)

    @asynccontextmanager
    async def sql_locked(self) -> AsyncGenerator[None]:
        """Another process holds the whole file: nobody writes, and nobody reads."""
        await asyncio.to_thread(self.database.engine.dispose)
        blocker = sqlite3.connect(self.file, isolation_level=None)
        blocker.execute("PRAGMA locking_mode=EXCLUSIVE")
        blocker.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            blocker.execute("ROLLBACK")
            blocker.close()


def operator_token(role: str, tenant: str, subject: str, until: int) -> str:
    return ISSUER.token(roles=[role], tenant=tenant, sub=subject, exp=until)


async def request(
    app: Quart, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
) -> Answer:
    """One request through the ASGI application; `path` below `/api/admin`."""
    client: Any = app.test_client()
    response = await client.open(ADMIN_PATH + path, method=method, data=body, headers=headers)
    content: bytes = await response.get_data(as_text=False)
    named = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, named, content)


@cache
def _empty_database() -> Path:
    """A file with every table and no row, made once."""
    file = Path(mkdtemp(prefix="kopitra-management-")) / "empty.sqlite"
    engine = create_engine(f"sqlite:///{file}")
    metadata.create_all(engine)
    engine.dispose()
    return file


@asynccontextmanager
async def managed(
    folder: Path,
    *,
    cipher: Any = None,
    time: tuple[Clock, Sleeper] | None = None,
    counterparty: Counterparty | None = None,
    telemetry: Telemetry = UNTOLD,
    features: FeatureFlags = AS_DECLARED,
) -> AsyncGenerator[Managed]:
    """A management side whose files are in this folder, which another one may have left. `time`: another than one that
    stands still."""
    stopped, ids = ManualClock(), SystemIds()
    clock, sleeper = time or (stopped, JumpingSleeper(stopped))
    blobs = FolderBlobs(folder / "blobs", ids)
    queues: dict[str, Queue] = {}
    for name in (EVENTS, HISTORY, COMMANDS, TASKS):
        queues[name] = await SqliteQueue.open(folder / "queues.sqlite", name, clock=clock, ids=ids)

    async def close() -> None:
        for queue in queues.values():
            await queue.close()

    world = World(
        clock=clock,
        sleeper=sleeper,
        ids=ids,
        blobs=blobs,
        queues=Queues(
            events=queues[EVENTS],
            history=queues[HISTORY],
            commands=queues[COMMANDS],
            tasks=queues[TASKS],
        ),
        counterparty=counterparty or RecordingCounterparty(),
        tokens=ServiceToken(),
        cipher=cipher or EnvelopeCipher(KeyFile(folder / "credentials.key"), ids.token_bytes),
        telemetry=telemetry,
        features=features,
        close=close,
    )
    file = folder / "management.sqlite"
    if not file.exists():
        shutil.copy(_empty_database(), file)
    engine = engine_for(f"sqlite:///{file}", busy_seconds=BUSY_SECONDS)
    use = SqlUse(blobs, clock)
    database = Database(engine, threads=WorkerThreads(2), clock=clock, sleeper=sleeper, use=use)
    desk = desk_over(world, database)
    operators = OperatorTokens(load_keys=ISSUER.keys, issuer=ISSUED_BY, audience=AUDIENCE, clock=clock)
    try:
        yield Managed(world, desk, file, create_app(desk=desk, operators=operators))
    finally:
        await database.close()
        await world.close()


__all__ = ("EVERYBODY", "OTHER", "TENANT", "Answer", "Managed", "Message", "managed", "request")
