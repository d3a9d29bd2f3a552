"""How long a restart takes after 100,000 and 1,000,000 events of real traffic, without and with a snapshot."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kopitra.application.snapshotting import EVERY_EVENTS
from tests.load.generator.watching import Watched
from tests.load.processes import counterparty
from tests.load.report import Figure, figure
from tests.load.scribe import SHARD, Scribe, scribe
from tests.load.traffic import Traffic

FOLLOWERS = 10
SIZES = {100_000: 3, 1_000_000: 1}
"""Events, and how often their recovery is measured: the quickest counts."""
WRITE_EVENTS = 512
MEBIBYTE = 1 << 20
LONG_AGO = timedelta(days=120)
"""The traffic's time; it must not reach into the future."""


def run(folder: Path) -> list[Figure]:
    figures: list[Figure] = []
    for events, repeats in SIZES.items():
        place = folder / f"recovery-{events}"
        place.mkdir()
        figures.extend(_after(events, repeats, place))
        shutil.rmtree(place)
    return figures


def _after(events: int, repeats: int, folder: Path) -> list[Figure]:
    name = f"recovery.{events}"
    snapshot_bytes = asyncio.run(_write(events, folder))
    journal_bytes = sum(path.stat().st_size for path in folder.glob(f"{SHARD}.journal*"))
    blobs, aside = folder / "blobs", folder / "blobs-aside"
    blobs.rename(aside)
    seconds, memory, replayed = _recovered(folder, repeats)
    shutil.rmtree(blobs, ignore_errors=True)
    aside.rename(blobs)
    with_snapshot, memory_with, tail = _recovered(folder, repeats)
    return [
        figure(f"{name}.journal.seconds", seconds, "s"),
        figure(f"{name}.journal.events", replayed, "events"),
        figure(f"{name}.journal.per_event", seconds / replayed * 1_000_000, "µs"),
        figure(f"{name}.journal.bytes", journal_bytes / MEBIBYTE, "MiB"),
        figure(f"{name}.journal.memory", memory / MEBIBYTE, "MiB"),
        figure(f"{name}.snapshot.seconds", with_snapshot, "s"),
        figure(f"{name}.snapshot.tail", tail, "events"),
        figure(f"{name}.snapshot.bytes", snapshot_bytes / MEBIBYTE, "MiB"),
        figure(f"{name}.snapshot.memory", memory_with / MEBIBYTE, "MiB"),
    ]


async def _write(events: int, folder: Path) -> int:
    """The journal, and a snapshot as old as the service lets one get. Returns the snapshot's bytes."""
    async with scribe(folder, datetime.now(UTC) - LONG_AGO) as writer:
        traffic = Traffic(writer, FOLLOWERS)
        await _fill(writer, traffic, events - EVERY_EVENTS)
        size = await writer.snapshot()
        await _fill(writer, traffic, events)
        return size


async def _fill(writer: Scribe, traffic: Traffic, events: int) -> None:
    while writer.events < events:
        traffic.signal()
        await writer.write(at_least=WRITE_EVENTS)


def _recovered(folder: Path, repeats: int) -> tuple[float, int, int]:
    """Seconds and resident bytes of the quickest recovery, and the events that it replayed."""
    runs: list[tuple[float, int, int]] = []
    for _ in range(repeats):
        with counterparty(folder) as service:
            told = service.said("recovered")
            service.said("serving")
            runs.append((told["seconds"], Watched(service.pid).memory(), told["events"]))
    return min(runs)
