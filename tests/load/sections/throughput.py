"""Signals per second with 64 connections, beside an empty Quart handler and bare SQLite commits."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from kopitra.adapters.embedded.database import open_database
from tests.load.cast import Casting
from tests.load.jobs import Rate, Seat, ThroughputJob
from tests.load.processes import bare, generate, serving
from tests.load.report import Figure, figure
from tests.load.scribe import scribe

CONNECTIONS = 64
WARM_UP_SECONDS = 0.5
SECONDS = 2.0
TURNS = 6
COMMIT_BYTES = 600
"""About one signal with one follower, compressed."""
COMMIT_SECONDS = 1.0
COMMIT_REPEATS = 3


async def _cast(folder: Path) -> list[Seat]:
    async with scribe(folder, datetime.now(UTC)) as writer:
        casting = Casting(writer)
        leaders = [casting.seat(f"leader-{number}") for number in range(CONNECTIONS)]
        for number, leader in enumerate(leaders):
            casting.copy(leader, [casting.seat(f"follower-{number}")])
        return leaders


def run(folder: Path) -> list[Figure]:
    place = folder / "throughput"
    place.mkdir()
    leaders = asyncio.run(_cast(place))
    ours, empty = _alternating(leaders, place)
    commits = max(_commits(place) for _ in range(COMMIT_REPEATS))
    return [
        figure("signals.per_second", ours.per_second, "signals/s", empty.per_second),
        figure("signals.per_second.of-commits", ours.per_second, "signals/s", commits),
        figure("signals.p50", ours.p50_ms, "ms", empty.p50_ms),
        figure("signals.p99", ours.p99_ms, "ms", empty.p99_ms),
        figure("signals.cpu", ours.cpu_ms, "ms/signal", empty.cpu_ms),
        figure("signals.generator.load", ours.generator_load, "cores"),
    ]


def _alternating(leaders: list[Seat], folder: Path) -> tuple[Rate, Rate]:
    """The best of several turns of each, taken in turns: what other programs of the machine take is not ours to report,
    and both meet the same of it."""
    ours: list[Rate] = []
    empty: list[Rate] = []
    with serving(folder) as (service, port), bare("quart", folder) as (program, bare_port):
        for _ in range(TURNS):
            ours.append(_turn(port, service.pid, leaders, folder))
            empty.append(_turn(bare_port, program.pid, leaders, folder))
    return max(ours, key=_per_second), max(empty, key=_per_second)


def _turn(port: int, pid: int, leaders: list[Seat], folder: Path) -> Rate:
    job = ThroughputJob(port=port, pid=pid, leaders=leaders, warm_up=WARM_UP_SECONDS, seconds=SECONDS)
    return generate(job, Rate, folder)


def _per_second(rate: Rate) -> float:
    return rate.per_second


def _commits(folder: Path) -> float:
    """One row each, flushed to the disk each (synchronous=FULL), nobody sharing them."""
    file = folder / "commits.sqlite"
    file.unlink(missing_ok=True)
    schema = "CREATE TABLE rows (number INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT"
    connection = open_database(file, application_id=1, version=1, schema=schema)
    content, done, began = bytes(COMMIT_BYTES), 0, perf_counter()
    while perf_counter() - began < COMMIT_SECONDS:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO rows (content) VALUES (?)", (content,))
        connection.execute("COMMIT")
        done += 1
    rate = done / (perf_counter() - began)
    connection.close()
    return rate
