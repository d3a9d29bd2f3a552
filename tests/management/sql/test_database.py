"""Work runs in a transaction, off the event loop, and again after what passes by itself."""

import asyncio
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from kopitra_functions.adapters.worker_threads import WorkerThreads
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.engines import engine_for
from kopitra_functions.sql.errors import DatabaseResuming, DatabaseUnavailable
from kopitra_functions.sql.patience import Patience
from kopitra_functions.sql.tables import account_samples, copy_groups, events, tenants, users
from tests.fixtures.clocks import ManualClock

AT = datetime(2026, 1, 5, 10, 0, 0, 123_000, tzinfo=UTC)


class CountedSleeps:
    """Lets the clock jump instead of waiting."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sleeps(clock: ManualClock) -> CountedSleeps:
    return CountedSleeps(clock)


@pytest.fixture
async def database(tmp_path: Path, clock: ManualClock, sleeps: CountedSleeps) -> AsyncIterator[Database]:
    engine = engine_for(f"sqlite:///{tmp_path}/new/management.db", busy_seconds=0.01)
    database = Database(engine, threads=WorkerThreads(2), clock=clock, sleeper=sleeps)
    await database.create_all()
    yield database
    await database.close()


def add_tenant(name: str = "acme"):
    def work(connection: Connection) -> int:
        values = {
            "tenant": name,
            "name": name,
            "enabled": True,
            "created_at": AT,
            "updated_at": AT,
            "version": 1,
        }
        return connection.execute(insert(tenants).values(values)).rowcount

    return work


def count_tenants(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(tenants)).scalar_one()


async def test_what_was_written_is_read(database: Database):
    await database.write(add_tenant())
    assert await database.read(count_tenants) == 1


async def test_work_that_raises_leaves_nothing(database: Database):
    def half(connection: Connection) -> None:
        add_tenant()(connection)
        raise LookupError("after the first half")

    with pytest.raises(LookupError):
        await database.write(half)
    assert await database.read(count_tenants) == 0


async def test_a_broken_constraint_is_the_callers_to_answer(database: Database):
    await database.write(add_tenant())
    with pytest.raises(IntegrityError):
        await database.write(add_tenant())


async def test_a_reference_to_nobody_is_refused(database: Database):
    row = {
        "copy_group": "g",
        "tenant": "nobody",
        "name": "g",
        "enabled": True,
        "copies_of_copies": False,
        "revision": 1,
        "created_at": AT,
        "updated_at": AT,
        "version": 1,
    }
    with pytest.raises(IntegrityError):
        await database.write(lambda c: c.execute(insert(copy_groups).values(row)).rowcount)


async def test_a_file_is_durable_and_read_while_it_is_written(database: Database):
    def settings(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

    assert await database.read(settings) == ["wal", 2, 1]


LOCKING = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
"""


async def test_another_processs_lock_is_waited_for_and_then_told(
    database: Database, sleeps: CountedSleeps, tmp_path: Path
):
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOCKING, tmp_path / "new/management.db", stdin=PIPE, stdout=PIPE
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"locked\n"
    with pytest.raises(DatabaseResuming) as told:
        await database.write(add_tenant(), interactive=True)
    assert told.value.retry_after_seconds > 0
    assert 0 < sum(sleeps.pauses) <= 5
    assert await database.read(count_tenants) == 0, "a reader is not locked out"
    await other.communicate(b"\n")
    await database.write(add_tenant())
    assert await database.read(count_tenants) == 1


async def test_a_lock_that_is_given_back_in_time_is_not_noticed(
    database: Database, clock: ManualClock, tmp_path: Path
):
    other = sqlite3.connect(tmp_path / "new/management.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    class GivesBack:
        async def sleep(self, seconds: float) -> None:
            clock.advance(seconds)
            if other.in_transaction:
                other.execute("ROLLBACK")

    patient = Database(database.engine, threads=WorkerThreads(1), clock=clock, sleeper=GivesBack())
    await patient.write(add_tenant())
    assert await patient.read(count_tenants) == 1
    other.close()


async def test_patience_is_a_value(database: Database, sleeps: CountedSleeps, tmp_path: Path):
    other = sqlite3.connect(tmp_path / "new/management.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseResuming):
        await database.write(add_tenant(), patience=Patience(seconds=30, first_pause=1, longest_pause=8))
    assert sleeps.pauses == [1, 2, 4, 8, 8]
    other.close()


async def test_a_file_that_is_no_database_is_not_waited_for(
    tmp_path: Path, clock: ManualClock, sleeps: CountedSleeps
):
    (tmp_path / "notes.db").write_text("these are notes " * 100)
    engine = engine_for(f"sqlite:///{tmp_path}/notes.db")
    database = Database(engine, threads=WorkerThreads(1), clock=clock, sleeper=sleeps)
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        await database.read(count_tenants)
    assert sleeps.pauses == []
    await database.close()


async def test_nothing_is_touched_before_the_first_use(tmp_path: Path, clock: ManualClock):
    folder = tmp_path / "never"
    engine = engine_for(f"sqlite:///{folder}/management.db")
    database = Database(engine, threads=WorkerThreads(1), clock=clock, sleeper=CountedSleeps(clock))
    await database.close()
    assert not await asyncio.to_thread(folder.exists)


async def test_writers_of_one_process_take_turns(database: Database):
    await asyncio.gather(*(database.write(add_tenant(f"t{n}")) for n in range(20)))
    assert await database.read(count_tenants) == 20


@pytest.mark.parametrize(
    "text", ["0", "-0.0000000001", "1.10", "123456789012345678.0123456789", "1E+3", "100"]
)
async def test_decimals_come_back_exactly(database: Database, text: str):
    row = {"account": "a", "sampled_at": AT, "tenant": "t", "currency": "EUR", "balance": Decimal(text)}

    def there_and_back(connection: Connection) -> Decimal:
        connection.execute(insert(account_samples).values(row))
        return connection.execute(select(account_samples.c.balance)).scalar_one()

    assert await database.write(there_and_back) == Decimal(text)


@pytest.mark.parametrize("text", ["0.00000000001", "1E+18", "NaN", "Infinity"])
async def test_decimals_that_do_not_fit_are_refused(database: Database, text: str):
    row = {"account": "a", "sampled_at": AT, "tenant": "t", "currency": "EUR", "balance": Decimal(text)}
    with pytest.raises(Exception, match=r"decimal places|no place"):
        await database.write(lambda c: c.execute(insert(account_samples).values(row)).rowcount)


async def test_times_are_aware_and_json_is_what_it_was(database: Database):
    payload = {"side": "buy", "volume": 0.1, "tags": ["ä", None], "n": 2**63 - 1}
    row = {
        "journal_id": "j",
        "shard": "0",
        "sequence": 1,
        "last_sequence": 1,
        "tenant": "t",
        "message_type": "x",
        "occurred_at": AT,
        "payload": payload,
    }

    def there_and_back(connection: Connection) -> tuple[datetime, object]:
        connection.execute(insert(events).values(row))
        found = connection.execute(select(events.c.occurred_at, events.c.payload)).one()
        return found.occurred_at, found.payload

    at, read = await database.write(there_and_back)
    assert at == AT
    assert read == {**payload, "volume": Decimal("0.1")}


async def test_a_naive_time_is_refused(database: Database):
    def search(connection: Connection) -> object:
        return connection.execute(select(users).where(users.c.created_at > datetime(2026, 1, 1))).all()  # noqa: DTZ001

    with pytest.raises(Exception, match="aware"):
        await database.read(search)


def migrating(folder: Path, clock: ManualClock, sleeps: CountedSleeps) -> Database:
    engine = engine_for(f"sqlite:///{folder}/own.db", busy_seconds=0.01)
    return Database(engine, threads=WorkerThreads(4), clock=clock, sleeper=sleeps, migrates=True)


async def test_the_first_to_use_it_brings_the_tables_up_to_date(
    tmp_path: Path, clock: ManualClock, sleeps: CountedSleeps
):
    database = migrating(tmp_path, clock, sleeps)
    assert await asyncio.gather(*(database.read(count_tenants) for _ in range(8))) == [0] * 8
    await database.close()


async def test_tables_that_are_up_to_date_need_no_writer(
    tmp_path: Path, clock: ManualClock, sleeps: CountedSleeps
):
    first, second = migrating(tmp_path, clock, sleeps), migrating(tmp_path, clock, sleeps)
    await first.write(add_tenant())
    other = sqlite3.connect(tmp_path / "own.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await second.read(count_tenants) == 1
    assert sleeps.pauses == []
    other.close()
    await first.close()
    await second.close()


async def test_a_newer_schema_is_left_alone_and_told(
    tmp_path: Path, clock: ManualClock, sleeps: CountedSleeps
):
    first, second = migrating(tmp_path, clock, sleeps), migrating(tmp_path, clock, sleeps)
    await first.write(lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num='9999'").rowcount)
    with pytest.raises(DatabaseUnavailable, match="9999"):
        await second.read(count_tenants)
    await first.close()
    await second.close()
