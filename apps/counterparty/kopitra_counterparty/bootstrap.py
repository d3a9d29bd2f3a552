"""The real world's ports, from the settings."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog

from kopitra.adapters.embedded.blobs import FolderBlobs
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.journal import SqliteJournal
from kopitra.adapters.embedded.secrets import Argon2Hashes
from kopitra.adapters.embedded.state_images import images_for_this_platform
from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from kopitra.adapters.snapshots import BlobSnapshots
from kopitra.application.ports.blobs import Blobs
from kopitra.application.ports.journal import Journal, JournalError
from kopitra_counterparty.ports import Ports
from kopitra_counterparty.settings import Settings

HASHING_THREADS = 2
"""As many as the smallest instance has cores: more would only keep the event loop waiting."""
IMAGE_THREADS = 1

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
    """Open the storage that the settings name. Raises JournalUnavailable, OSError."""
    clock, ids, tasks = SystemClock(), SystemIds(), Tasks()
    journal, blobs = await _embedded(settings.data_folder, settings.shard)
    hashing = ThreadPoolExecutor(HASHING_THREADS, "hashing")
    imaging = ThreadPoolExecutor(IMAGE_THREADS, "imaging")

    async def close() -> None:
        await tasks.stop()
        hashing.shutdown(wait=False, cancel_futures=True)
        imaging.shutdown(wait=False, cancel_futures=True)
        await journal.close()
        await blobs.close()

    return Ports(
        journal=journal,
        snapshots=BlobSnapshots(blobs, journal.journal_id, journal.shard),
        blobs=blobs,
        clock=clock,
        sleeper=SystemSleeper(),
        ids=ids,
        hashes=Argon2Hashes(hashing),
        images=images_for_this_platform(imaging),
        spawn=tasks.spawn,
        probes={"journal": journal_probe(journal)},
        close=close,
    )


async def _embedded(folder: Path, shard: str) -> tuple[Journal, Blobs]:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    ids = SystemIds()
    journal = await SqliteJournal.open(folder / f"{shard}.journal", shard=shard, clock=SystemClock(), ids=ids)
    return journal, FolderBlobs(folder / "blobs", ids)


def journal_probe(journal: Journal) -> Callable[[], Awaitable[str | None]]:
    async def probe() -> str | None:
        try:
            await journal.head()
        except JournalError as error:
            return str(error)
        return None

    return probe
