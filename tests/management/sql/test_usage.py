"""Other instances learn that an operator uses SQL, from a blob, and nobody asks SQL for it."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from kopitra.adapters.embedded.blobs import FolderBlobs
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.application.ports.blobs import BlobsUnavailable
from kopitra_functions.adapters.worker_threads import WorkerThreads
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.engines import engine_for
from kopitra_functions.sql.usage import MARK_BLOB, SqlUse
from tests.fixtures.clocks import ManualClock

RECENT = timedelta(minutes=5)


class Sleeper:
    async def sleep(self, seconds: float) -> None: ...


class CountedBlobs(FolderBlobs):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, SystemIds())
        self.puts = 0
        self.away = False

    async def put(self, name: str, content: bytes, **more: object) -> None:  # type: ignore[override]
        self.puts += 1
        if self.away:
            raise BlobsUnavailable("away")
        await super().put(name, content)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def blobs(tmp_path: Path) -> CountedBlobs:
    return CountedBlobs(tmp_path)


async def test_a_use_is_known_here_and_elsewhere_for_a_while(clock: ManualClock, blobs: CountedBlobs):
    here, elsewhere = SqlUse(blobs, clock), SqlUse(blobs, clock)
    assert not await here.used_within(RECENT)
    await here.mark()
    assert await here.used_within(RECENT)
    assert await elsewhere.used_within(RECENT)
    clock.advance(RECENT.total_seconds() + 1)
    assert not await here.used_within(RECENT)
    assert not await elsewhere.used_within(RECENT)


async def test_a_busy_operator_costs_a_blob_a_minute(clock: ManualClock, blobs: CountedBlobs):
    use = SqlUse(blobs, clock)
    for _ in range(180):
        await use.mark()
        clock.advance(1)
    assert blobs.puts == 3


async def test_a_store_that_is_away_or_holds_something_else_hinders_nobody(
    clock: ManualClock, blobs: CountedBlobs
):
    blobs.away = True
    use = SqlUse(blobs, clock)
    await use.mark()
    assert await use.used_within(RECENT)
    assert not await SqlUse(blobs, clock).used_within(RECENT)
    blobs.away = False
    await use.mark()
    assert await SqlUse(blobs, clock).used_within(RECENT), "it is told as soon as the store is back"
    await blobs.put(MARK_BLOB, b"no mark")
    assert not await SqlUse(blobs, clock).used_within(RECENT)


async def test_only_an_operators_use_counts(tmp_path: Path, clock: ManualClock, blobs: CountedBlobs):
    use = SqlUse(blobs, clock)
    engine = engine_for(f"sqlite:///{tmp_path}/management.db")
    database = Database(engine, threads=WorkerThreads(1), clock=clock, sleeper=Sleeper(), use=use)
    await database.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
    assert not await use.used_within(RECENT)
    await database.read(lambda connection: connection.execute(text("SELECT 1")).scalar(), interactive=True)
    assert await use.used_within(RECENT)
    await database.close()
