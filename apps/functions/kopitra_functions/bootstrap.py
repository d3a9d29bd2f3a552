"""The real world of the management side, from its settings, and the function app over it."""

import asyncio
import os
import platform
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

import msgspec
import structlog
from azure.functions import FunctionApp
from sqlalchemy import URL

from kopitra.adapters.embedded.blobs import FolderBlobs
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from kopitra.adapters.feature_flags import StoreUnusable, open_flags
from kopitra.adapters.operator_keys import operator_tokens
from kopitra.adapters.telemetry import DestinationUnusable, open_telemetry
from kopitra.application.ports.blobs import Blobs
from kopitra.application.ports.feature_flags import FeatureFlags
from kopitra.application.ports.queue import Queue
from kopitra.application.ports.telemetry import Telemetry
from kopitra.application.ports.timing import Clock
from kopitra_functions import queue_names
from kopitra_functions.adapters.key_file import KeyFile
from kopitra_functions.adapters.webhooks import HttpWebhooks
from kopitra_functions.adapters.worker_threads import WorkerThreads
from kopitra_functions.counterparty_client import CounterpartyClient
from kopitra_functions.credentials.envelope import EnvelopeCipher
from kopitra_functions.functions import build
from kopitra_functions.journals import has_journal, open_journal
from kopitra_functions.local_issuer import AUDIENCE, ISSUER, LocalIssuer, key_in
from kopitra_functions.logs import configure_worker_logs
from kopitra_functions.ports import Close, Queues, ServiceTokens, World
from kopitra_functions.schema import check_tables
from kopitra_functions.service_tokens import local_tokens, managed_identity_tokens
from kopitra_functions.settings import PREFIX, Settings, StartRefused, load_settings
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.engines import azure_url, engine_for
from kopitra_functions.sql.usage import SqlUse
from kopitra_functions.wiring import Ground, work_of
from kopitra_functions.work import Work

QUEUES_FILE = "queues.sqlite"
BLOBS_FOLDER = "blobs"
"""Both are the counterparty's."""
COMPUTING_THREADS = 1
"""A what-if run takes a core for a while; the others are the event loop's and SQL's."""

log = structlog.get_logger("kopitra.management")

OpenQueue = Callable[[str], Awaitable[Queue]]


class QueueSource(msgspec.Struct, frozen=True):
    """Opens queues by name; close it after them."""

    open: OpenQueue
    close: Close


class Management:
    """The function app over a world that the first invocation opens, or `open` before it.

    An opening that fails is told to whoever asked, and the next asks again.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.app: FunctionApp = build(self.open)
        self._opening = asyncio.Lock()
        self._work: Work | None = None
        self._closes: list[Close] = []

    async def open(self) -> Work:
        """Raises StartRefused, QueueError, BlobError, LocalKeyUnusable, OSError."""
        async with self._opening:
            if self._work is None:
                try:
                    self._work = await self._open()
                except BaseException:
                    await self.close()
                    raise
                log.info("opened", build=self.settings.build, storage=self.settings.storage)
            return self._work

    async def close(self) -> None:
        closes, self._closes = self._closes, []
        self._work = None
        for close in reversed(closes):
            await close()

    async def _open(self) -> Work:
        settings, world = self.settings, await open_world(self.settings)
        use = SqlUse(world.blobs, world.clock)
        database, webhooks, threads = (
            open_database(settings, world, use),
            HttpWebhooks(),
            WorkerThreads(COMPUTING_THREADS),
        )
        self._closes = [world.close, database.close, webhooks.close, threads.close]
        if settings.sql_server is None:
            await check_tables(settings, database)
        ground = Ground(
            database=database,
            use=use,
            operators=operator_tokens(settings, world.clock),
            webhooks=webhooks,
            threads=threads,
            open_journal=partial(open_journal, settings, world.blobs) if has_journal(settings) else None,
        )
        return work_of(settings, world, ground)


def function_app() -> FunctionApp:
    """What Azure's worker indexes. Raises SettingsInvalid, which the worker shows."""
    settings = load_settings()
    configure_worker_logs(settings.log_level, settings.about(instance_name()).fields())
    return Management(settings).app


async def open_world(settings: Settings) -> World:
    """Everything but the database. Raises StartRefused, QueueError, BlobError, LocalKeyUnusable, OSError."""
    clock, sleeper, closing = SystemClock(), SystemSleeper(), AsyncExitStack()
    async with closing:
        telemetry = _telemetry(settings)
        closing.push_async_callback(telemetry.close)
        blobs = await _blobs(settings)
        closing.push_async_callback(blobs.close)
        # Asked where something hangs on them: most functions have processes of their own, and use none.
        features = _features(settings, blobs)
        closing.push_async_callback(features.close)
        source = queue_source(settings)
        closing.push_async_callback(source.close)
        queues: dict[str, Queue] = {}
        for name in queue_names.ALL:
            queues[name] = await source.open(name)
            closing.push_async_callback(queues[name].close)
        tokens = _tokens(settings, clock, closing)
        counterparty = CounterpartyClient(settings.counterparty_url, tokens, sleeper)
        closing.push_async_callback(counterparty.close)
        return World(
            clock=clock,
            sleeper=sleeper,
            ids=SystemIds(),
            blobs=blobs,
            queues=Queues(
                events=queues[queue_names.EVENTS],
                history=queues[queue_names.HISTORY],
                commands=queues[queue_names.COMMANDS],
                tasks=queues[queue_names.TASKS],
            ),
            counterparty=counterparty,
            tokens=tokens,
            cipher=_cipher(settings, closing),
            telemetry=telemetry,
            features=features,
            close=closing.pop_all().aclose,
        )


def open_database(settings: Settings, world: World, use: SqlUse) -> Database:
    """Connects to nothing yet."""
    server, name = settings.sql_server, settings.sql_database
    if server is not None and name is not None:
        engine = engine_for(azure_url(server, name))
    else:
        engine = engine_for(URL.create("sqlite", database=str(settings.sqlite_file)))
    return Database(
        engine, threads=WorkerThreads(), clock=world.clock, sleeper=world.sleeper, use=use, migrates=True
    )


def queue_source(settings: Settings) -> QueueSource:
    """Raises StartRefused."""
    if settings.storage == "azure":
        from kopitra_functions.azure_world import open_namespace  # noqa: PLC0415  # half a second of imports

        namespace = open_namespace(settings)

        async def by_name(name: str) -> Queue:
            return namespace.queue(name)

        return QueueSource(by_name, namespace.close)
    clock, ids, file = SystemClock(), SystemIds(), settings.data_folder / QUEUES_FILE

    async def in_file(name: str) -> Queue:
        await asyncio.to_thread(file.parent.mkdir, parents=True, exist_ok=True)
        return await SqliteQueue.open(file, name, clock=clock, ids=ids)

    async def nothing() -> None:
        """Each queue has its own connection."""

    return QueueSource(in_file, nothing)


def instance_name() -> str:
    """Tells processes apart; Azure numbers them."""
    return os.environ.get("WEBSITE_INSTANCE_ID") or platform.node() or "functions"


def _telemetry(settings: Settings) -> Telemetry:
    """Raises StartRefused."""
    try:
        return open_telemetry(settings.about(instance_name()), settings.telemetry)
    except DestinationUnusable as error:
        at_file = settings.applicationinsights_connection_string is None
        name = f"{PREFIX}TELEMETRY_FILE" if at_file else "APPLICATIONINSIGHTS_CONNECTION_STRING"
        raise StartRefused(f"{name}: {error}") from error


def _features(settings: Settings, memory: Blobs) -> FeatureFlags:
    """Raises StartRefused."""
    given = settings.azure_app_configuration
    store = given.get_secret_value() if given is not None else None
    try:
        return open_flags(
            settings.feature_flags, store, SystemSleeper(), settings.feature_flags_seconds, memory
        )
    except StoreUnusable as error:
        raise StartRefused(f"{PREFIX}AZURE_APP_CONFIGURATION: {error}") from error


async def _blobs(settings: Settings) -> Blobs:
    if settings.storage == "azure":
        from kopitra_functions.azure_world import open_blobs  # noqa: PLC0415  # half a second of imports

        return await open_blobs(settings)
    return FolderBlobs(settings.data_folder / BLOBS_FOLDER, SystemIds())


def _tokens(settings: Settings, clock: Clock, closing: AsyncExitStack) -> ServiceTokens:
    if settings.service_scope is not None:
        from kopitra_functions.azure_world import identity  # noqa: PLC0415  # half a second of imports

        credential = identity()
        closing.push_async_callback(credential.close)
        return managed_identity_tokens(credential.get_token, settings.service_scope, clock)
    return local_tokens(local_issuer(settings, clock), clock)


def _cipher(settings: Settings, closing: AsyncExitStack) -> EnvelopeCipher:
    """Asks neither the vault nor the key file before something is sealed or opened."""
    if settings.vault_key is None:
        return EnvelopeCipher(KeyFile(settings.credentials_key), os.urandom)
    from kopitra_functions.adapters.key_vault import connect_key  # noqa: PLC0415  # half a second of imports
    from kopitra_functions.azure_world import identity  # noqa: PLC0415

    credential = identity()
    closing.push_async_callback(credential.close)
    cipher = EnvelopeCipher(connect_key(settings.vault_key, credential), os.urandom)
    closing.push_async_callback(cipher.close)
    return cipher


def local_issuer(settings: Settings, clock: Clock) -> LocalIssuer:
    """Raises LocalKeyUnusable."""
    return LocalIssuer(
        key_in(settings.issuer_key),
        clock,
        issuer=settings.operator_issuer or ISSUER,
        audience=settings.operator_audience or AUDIENCE,
    )
