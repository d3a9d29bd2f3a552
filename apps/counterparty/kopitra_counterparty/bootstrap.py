"""The real world's ports, from the settings."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog

from kopitra.adapters.embedded.blobs import FolderBlobs
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.journal import SqliteJournal
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.adapters.embedded.secrets import Argon2Hashes
from kopitra.adapters.embedded.state_images import images_for_this_platform
from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper, steady_clock
from kopitra.adapters.feature_flags import StoreUnusable, open_flags
from kopitra.adapters.segments import BlobSegments
from kopitra.adapters.snapshots import BlobSnapshots
from kopitra.adapters.telemetry import DestinationUnusable, open_telemetry
from kopitra.application.ports.blobs import Blobs
from kopitra.application.ports.feature_flags import FeatureFlags
from kopitra.application.ports.journal import Journal, JournalError
from kopitra.application.ports.telemetry import Telemetry
from kopitra.application.recovery import Claim
from kopitra.application.relay import published_through
from kopitra_counterparty.ports import Ports, Queues
from kopitra_counterparty.server import StartRefused
from kopitra_counterparty.settings import PREFIX, Settings

HASHING_THREADS = max(1, (os.cpu_count() or 1) - 1)
"""A core is left to the event loop: answers to everybody else must not wait for somebody's sign-in."""
IMAGE_THREADS = 1
QUEUES_FILE = "queues.sqlite"
EVENTS_QUEUE = "trade-agent-events"
COMMANDS_QUEUE = "trade-agent-commands"

log = structlog.get_logger("kopitra.tasks")


class Tasks:
    """Background tasks, kept alive and never silent about their end."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def stop(self) -> None:
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task_failed", exc_info=error)


async def open_ports(settings: Settings) -> Ports:
    """Open the storage that the settings name. Raises StartRefused, JournalError, QueueUnavailable, OSError."""
    clock, ids, tasks = steady_clock(), SystemIds(), Tasks()
    telemetry = _telemetry(settings)
    journal, blobs, sealed = await _storage(settings)
    features = _features(settings, blobs)
    await features.recall()
    queues, close_queues = await _queues(settings)
    hashing = ThreadPoolExecutor(HASHING_THREADS, "hashing")
    imaging = ThreadPoolExecutor(IMAGE_THREADS, "imaging")
    tasks.spawn(features.run())

    async def close() -> None:
        await tasks.stop()
        hashing.shutdown(wait=False, cancel_futures=True)
        imaging.shutdown(wait=False, cancel_futures=True)
        await close_queues()
        await journal.close()
        await blobs.close()
        if sealed is not blobs:
            await sealed.close()
        await features.close()
        await telemetry.close()

    return Ports(
        journal=journal,
        snapshots=BlobSnapshots(blobs, journal.journal_id, journal.shard),
        blobs=blobs,
        segments=BlobSegments(journal, sealed, clock),
        clock=clock,
        sleeper=SystemSleeper(),
        ids=ids,
        hashes=Argon2Hashes(hashing),
        images=images_for_this_platform(imaging),
        spawn=tasks.spawn,
        claims=[relay_claim(blobs, journal)],
        probes={"journal": journal_probe(journal)},
        queues=queues,
        telemetry=telemetry,
        features=features,
        close=close,
    )


def _telemetry(settings: Settings) -> Telemetry:
    """Raises StartRefused."""
    try:
        return open_telemetry(settings.about, settings.telemetry)
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


async def _storage(settings: Settings) -> tuple[Journal, Blobs, Blobs]:
    """The journal, blobs, and where its segments go."""
    if settings.storage == "azure":
        from kopitra_counterparty.azure_storage import open_azure  # noqa: PLC0415  # half a second of imports

        return await open_azure(settings)
    return await _embedded(settings.data_folder, settings.shard)


async def _embedded(folder: Path, shard: str) -> tuple[Journal, Blobs, Blobs]:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    ids = SystemIds()
    journal = await SqliteJournal.open(folder / f"{shard}.journal", shard=shard, clock=SystemClock(), ids=ids)
    blobs = FolderBlobs(folder / "blobs", ids)
    return journal, blobs, blobs


async def _queues(settings: Settings) -> tuple[Queues, Callable[[], Awaitable[None]]]:
    """The queues, and what closes them."""
    if settings.azure_service_bus is not None:
        from kopitra_counterparty.azure_queues import open_service_bus  # noqa: PLC0415  # as large as the other

        return await open_service_bus(settings, events=EVENTS_QUEUE, commands=COMMANDS_QUEUE)
    clock, ids, file = SystemClock(), SystemIds(), settings.data_folder / QUEUES_FILE
    queues = Queues(
        events=await SqliteQueue.open(file, EVENTS_QUEUE, clock=clock, ids=ids),
        commands=await SqliteQueue.open(file, COMMANDS_QUEUE, clock=clock, ids=ids),
    )

    async def close() -> None:
        await queues.events.close()
        await queues.commands.close()

    return queues, close


def relay_claim(blobs: Blobs, journal: Journal) -> Callable[[], Awaitable[list[Claim]]]:
    """What has been published must be in the journal."""

    async def claims() -> list[Claim]:
        return [Claim("the relay's checkpoint", await published_through(blobs, journal))]

    return claims


def journal_probe(journal: Journal) -> Callable[[], Awaitable[str | None]]:
    async def probe() -> str | None:
        try:
            await journal.head()
        except JournalError as error:
            return str(error)
        return None

    return probe
