"""What a session costs that does nothing: memory, processor time, and bytes of the journal."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from tests.load.cast import Casting
from tests.load.generator.watching import Watched
from tests.load.jobs import IdleJob, IdleResult, Seat
from tests.load.processes import bare, generate, serving
from tests.load.report import Figure, figure
from tests.load.scribe import SHARD, scribe

SESSIONS = 1000
WATCH_SECONDS = 30.0
"""Longer than a poll may be parked, so that every session's poll has come and gone once."""
DRIVEN = 16
"""Sessions that live through a whole day; what they cost is theirs alone, as the others stay parked."""
KIB = 1024
MICRO = 1_000_000


async def _cast(sessions: int, folder: Path) -> list[Seat]:
    """Followers of one leader."""
    async with scribe(folder, datetime.now(UTC)) as writer:
        casting = Casting(writer)
        seats = [casting.seat(f"follower-{number:04}") for number in range(sessions)]
        if seats:
            casting.copy(casting.seat("leader"), seats)
        return seats


def run(folder: Path) -> list[Figure]:
    place, empty_place = folder / "idle", folder / "idle-nobody"
    place.mkdir()
    empty_place.mkdir()
    seats = asyncio.run(_cast(SESSIONS, place))
    asyncio.run(_cast(0, empty_place))
    nobody, empty_journal = _without_accounts(empty_place), _journal_bytes(empty_place)
    with serving(place) as (service, port):
        before = _journal_bytes(place)
        job = IdleJob(port=port, pid=service.pid, seats=seats, watch=WATCH_SECONDS, driven=DRIVEN)
        ours = generate(job, IdleResult, place)
        grown = _journal_bytes(place) - before
    figures = _figures(ours, _ceiling(seats, place), nobody)
    journal = grown / DRIVEN
    return [
        *figures,
        figure("idle.session.journal", journal, "bytes/day"),
        figure("idle.account.journal", (before - empty_journal) / SESSIONS, "bytes once"),
    ]


def _without_accounts(folder: Path) -> int:
    """Resident bytes of a service that knows nobody."""
    with serving(folder) as (service, _):
        return Watched(service.pid).memory()


def _ceiling(seats: list[Seat], folder: Path) -> IdleResult:
    with bare("wake", folder) as (program, port):
        job = IdleJob(port=port, pid=program.pid, seats=seats, watch=0.0, driven=0, beats=False)
        return generate(job, IdleResult, folder)


def _figures(ours: IdleResult, bare_one: IdleResult, nobody: int) -> list[Figure]:
    connection = (ours.watched_bytes - ours.before_bytes) / SESSIONS / KIB
    bare_connection = (bare_one.parked_bytes - bare_one.before_bytes) / SESSIONS / KIB
    whole = (ours.watched_bytes - nobody) / SESSIONS / KIB
    a_call = ours.day_cpu / ours.day_calls
    return [
        figure("idle.session.memory", whole, "KiB", bare_connection),
        figure("idle.session.memory.of-connection-and-poll", connection, "KiB", bare_connection),
        figure("idle.session.memory.of-account", (ours.before_bytes - nobody) / SESSIONS / KIB, "KiB"),
        figure("idle.session.memory.grown-in-a-day", ours.day_bytes / DRIVEN / KIB, "KiB/day"),
        figure("idle.session.cpu", ours.watched_cpu / ours.watched_seconds / SESSIONS * MICRO, "µs/s"),
        figure("idle.session.cpu.of-a-driven-day", ours.day_cpu / DRIVEN, "s/day"),
        figure("idle.call.cpu", a_call * MICRO, "µs/call"),
        figure("idle.calls.watched", ours.watched_calls, "calls"),
        figure("idle.calls.driven", ours.day_calls, "calls"),
        figure("idle.generator.cpu", ours.generator_cpu, "s"),
    ]


def _journal_bytes(folder: Path) -> int:
    """Of the database with what is in its log; the log itself is written over and over."""
    with closing(sqlite3.connect(folder / f"{SHARD}.journal")) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    return pages * page_bytes
