"""The SQLite journal on its disk: what reaches it before a reply, and what happens when it will not take more."""

import asyncio
import os
import resource
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.journal import SqliteJournal
from kopitra.application.ports.journal import AppendUnclear, FenceLost, Frame, JournalUnavailable
from tests.conformance.journal_stores import LEASE_OVER, SHARD
from tests.fixtures.clocks import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
async def journal(path: Path, clock: ManualClock) -> AsyncIterator[SqliteJournal]:
    journal = await opened(path, clock)
    yield journal
    await journal.close()


async def opened(path: Path, clock: ManualClock | None = None, shard: str = SHARD) -> SqliteJournal:
    return await SqliteJournal.open(path, shard=shard, clock=clock or ManualClock(), ids=SystemIds())


async def sequences(journal: SqliteJournal) -> list[int]:
    return [frame.sequence async for commit in journal.read() for frame in commit]


def appending(journal: SqliteJournal) -> sqlite3.Connection:
    return journal.writer.file.connection


def incompressible(sequence: int, size: int = 100_000) -> Frame:
    return Frame(sequence, sequence, os.urandom(size))


async def test_the_appending_connection_logs_ahead_and_flushes_every_commit(journal: SqliteJournal):
    connection = appending(journal)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_a_reply_follows_the_commit(journal: SqliteJournal):
    fence = await journal.acquire("writer")
    at_commit, go_on = threading.Event(), threading.Event()
    statements: list[str] = []

    def trace(statement: str) -> None:
        statements.append(statement)
        if statement == "COMMIT":
            at_commit.set()
            go_on.wait(10)

    appending(journal).set_trace_callback(trace)
    append = asyncio.ensure_future(journal.append(fence, [Frame(1, 1, b"event")]))
    await asyncio.to_thread(at_commit.wait, 10)
    await asyncio.sleep(0.05)
    assert not append.done()
    assert await journal.head() == 0
    go_on.set()
    assert (await append).sequence == 1
    assert await journal.head() == 1
    assert [statement.split()[0] for statement in statements] == [
        "BEGIN",
        "SELECT",
        "INSERT",
        "UPDATE",
        "COMMIT",
    ]


async def test_verifying_a_healthy_lease_writes_nothing(
    journal: SqliteJournal, clock: ManualClock, path: Path
):
    fence = await journal.acquire("writer")
    statements: list[str] = []
    appending(journal).set_trace_callback(statements.append)
    clock.advance(1)
    await journal.verify(fence)
    assert [statement.split()[0] for statement in statements] == ["SELECT"]


async def test_a_full_disk_refuses_and_the_journal_goes_on_once_there_is_room(journal: SqliteJournal):
    fence = await journal.append(await journal.acquire("writer"), [Frame(1, 1, b"event")])
    connection = appending(journal)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(JournalUnavailable) as refusal:
        await journal.append(fence, [incompressible(2)])
    assert refusal.value.reason == "full"
    assert await sequences(journal) == [1]
    connection.execute(f"PRAGMA max_page_count={pages + 1_000}")
    await journal.append(fence, [incompressible(2)])
    assert await sequences(journal) == [1, 2]


async def test_a_disk_that_fails_during_commit_leaves_the_append_unclear(journal: SqliteJournal, path: Path):
    fence = await journal.append(await journal.acquire("writer"), [Frame(1, 1, b"event")])
    with no_file_larger_than(path.with_name("journal.db-wal").stat().st_size + 20_000):
        with pytest.raises(AppendUnclear):
            await journal.append(fence, [incompressible(2)])
        with pytest.raises(FenceLost):
            await journal.append(fence, [Frame(2, 2, b"event")])
        with pytest.raises(FenceLost):
            await journal.verify(fence)
    fence = await journal.acquire("writer")
    assert await sequences(journal) == list(range(1, fence.sequence + 1)) == [1]
    await journal.append(fence, [incompressible(2)])
    assert await sequences(await opened(path)) == [1, 2]


@contextmanager
def no_file_larger_than(size: int) -> Generator[None]:
    """Writes beyond fail with EFBIG: the nearest to a failing disk that a process can arrange for itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_read_only_journal_refuses_but_can_be_read(journal: SqliteJournal):
    fence = await journal.append(await journal.acquire("writer"), [Frame(1, 1, b"event")])
    appending(journal).execute("PRAGMA query_only=ON")
    with pytest.raises(JournalUnavailable) as refusal:
        await journal.append(fence, [Frame(2, 2, b"event")])
    assert refusal.value.reason == "read_only"
    assert (await journal.verify(fence)).sequence == 1
    assert await sequences(journal) == [1]
    appending(journal).execute("PRAGMA query_only=OFF")
    await journal.append(fence, [Frame(2, 2, b"event")])


async def test_another_process_amid_a_transaction_makes_it_busy_not_wrong(journal: SqliteJournal, path: Path):
    fence = await journal.acquire("writer")
    appending(journal).execute("PRAGMA busy_timeout=20")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalUnavailable) as refusal:
        await journal.append(fence, [Frame(1, 1, b"event")])
    assert refusal.value.reason == "busy"
    other.execute("ROLLBACK")
    other.close()
    await journal.append(fence, [Frame(1, 1, b"event")])


@pytest.fixture
def foreign_file(path: Path) -> Path:
    path.write_bytes(b"certainly not a database" * 500)
    return path


async def test_a_file_that_is_no_database_is_corrupt(foreign_file: Path):
    with pytest.raises(JournalUnavailable) as refusal:
        await opened(foreign_file)
    assert refusal.value.reason == "corrupt"


async def test_anothers_database_is_left_alone(path: Path):
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE notes (line TEXT)")
    other.commit()
    other.close()
    with pytest.raises(JournalUnavailable, match="not ours"):
        await opened(path)
    reopened = sqlite3.connect(path)
    assert reopened.execute("SELECT name FROM sqlite_master").fetchall() == [("notes",)]
    reopened.close()


async def test_a_later_version_is_not_touched(journal: SqliteJournal, path: Path):
    appending(journal).execute("PRAGMA user_version=2")
    with pytest.raises(JournalUnavailable, match="another version"):
        await opened(path)


async def test_another_shards_file_is_refused(journal: SqliteJournal, path: Path):
    with pytest.raises(JournalUnavailable, match="is shard main, not other"):
        await opened(path, shard="other")


async def test_a_folder_that_cannot_be_made_is_unreachable(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(JournalUnavailable) as refusal:
        await opened(tmp_path / "file" / "journal.db")
    assert refusal.value.reason == "unreachable"


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 3_000] = b"\xff" * 3_000
    path.write_bytes(content)


async def test_damaged_pages_are_named_when_they_are_read(journal: SqliteJournal, path: Path):
    fence = await journal.acquire("writer")
    for sequence in range(1, 6):
        fence = await journal.append(fence, [incompressible(sequence)])
    await journal.close()
    damage(path)
    damaged = await opened(path)
    with pytest.raises(JournalUnavailable) as refusal:
        await sequences(damaged)
    assert refusal.value.reason == "corrupt"
    await damaged.close()


async def test_a_commit_that_vanished_keeps_the_fence_from_being_taken(
    journal: SqliteJournal, clock: ManualClock
):
    fence = await journal.append(await journal.acquire("writer"), [Frame(1, 1, b"event")])
    await journal.append(fence, [Frame(2, 2, b"event")])
    appending(journal).execute("DELETE FROM commits WHERE last=2")
    clock.advance(LEASE_OVER)
    with pytest.raises(JournalUnavailable, match="the fence says 2, the last commit ends at 1"):
        await journal.acquire("writer")


async def test_a_journal_whose_file_was_replaced_is_no_longer_verified(
    journal: SqliteJournal, path: Path, tmp_path: Path
):
    fence = await journal.acquire("writer")
    shutil.copy(path, tmp_path / "restored.db")
    os.replace(tmp_path / "restored.db", path)
    with pytest.raises(JournalUnavailable, match="replaced"):
        await journal.verify(fence)
