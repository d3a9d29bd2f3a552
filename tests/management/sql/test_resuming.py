"""A database that pauses, moves or is busy is waited for as long as the caller can; what is wrong is told at once."""

from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from kopitra_functions.adapters.worker_threads import WorkerThreads
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.errors import DatabaseResuming, DatabaseUnavailable, Failure, failure_of
from kopitra_functions.sql.patience import BATCH, INTERACTIVE
from tests.fixtures.clocks import ManualClock
from tests.management.sql import ghost_driver as ghost
from tests.management.sql.ghost_driver import Failing, Script, ghost_engine

PAUSED = ghost.OperationalError(
    "General error",
    "Database 'kopitra' on server 'quiet' is not currently available.  Please retry the connection later.",
)
NUMBERED = (40613, 40197, 40501, 49918, 49919, 49920, 4221, 10928, 10929)
LONGEST_INTERACTIVE = 5.0
LONGEST_BATCH = 90.0


class Sleeps:
    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.slept = 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.clock.advance(seconds)


class Scene:
    def __init__(self) -> None:
        self.script = Script()
        self.engine: Engine = ghost_engine(self.script)
        clock = ManualClock()
        self.sleeps = Sleeps(clock)
        self.database = Database(self.engine, threads=WorkerThreads(1), clock=clock, sleeper=self.sleeps)
        self.runs = 0

    def ask(self, connection: Connection) -> Any:
        self.runs += 1
        return connection.execute(text("SELECT 1")).scalar()


@pytest.fixture
async def scene():
    scene = Scene()
    yield scene
    await scene.database.close()


async def test_a_database_that_resumes_in_time_is_not_noticed(scene: Scene):
    scene.script.connecting = Failing(4, PAUSED)
    assert await scene.database.read(scene.ask) == 1
    assert 0 < scene.sleeps.slept <= LONGEST_BATCH


async def test_a_batch_waits_longer_than_an_operator(scene: Scene):
    scene.script.connecting = Failing(10**6, PAUSED)
    with pytest.raises(DatabaseResuming, match="not currently available") as told:
        await scene.database.read(scene.ask, interactive=True)
    waited = scene.sleeps.slept
    assert LONGEST_INTERACTIVE / 2 < waited <= LONGEST_INTERACTIVE == INTERACTIVE.seconds
    assert told.value.retry_after_seconds >= 1
    with pytest.raises(DatabaseResuming):
        await scene.database.read(scene.ask)
    assert LONGEST_BATCH / 2 < scene.sleeps.slept - waited <= LONGEST_BATCH == BATCH.seconds
    assert scene.runs == 0


async def test_work_runs_again_from_its_beginning(scene: Scene):
    scene.script.executing = Failing(2, ghost.OperationalError("General error", "Error 40197 (code 4)"))
    assert await scene.database.write(scene.ask) == 1
    assert scene.runs == 3
    assert scene.script.committed == 1


async def test_a_commit_of_unknown_fate_is_not_repeated_here(scene: Scene):
    scene.script.committing = Failing(1, ghost.OperationalError("Communication link failure"))
    with pytest.raises(DatabaseResuming) as told:
        await scene.database.write(scene.ask)
    assert told.value.commit_unknown
    assert scene.runs == 1
    assert scene.sleeps.slept == 0


async def test_a_read_whose_end_fails_is_repeated(scene: Scene):
    scene.script.committing = Failing(1, ghost.OperationalError("Communication link failure"))
    assert await scene.database.read(scene.ask) == 1
    assert scene.runs == 2


async def test_no_connection_is_kept(scene: Scene):
    for _ in range(3):
        await scene.database.write(scene.ask)
    assert scene.script.opened == scene.script.closed == 3


async def test_what_is_wrong_for_good_is_not_waited_for(scene: Scene):
    scene.script.connecting = Failing(
        1, ghost.OperationalError("General error", "Login failed for user 'x'.")
    )
    with pytest.raises(DatabaseUnavailable, match="Login failed"):
        await scene.database.read(scene.ask)
    scene.script.executing = Failing(
        1, ghost.IntegrityError("Integrity constraint violation", "duplicate key")
    )
    with pytest.raises(IntegrityError):
        await scene.database.write(scene.ask)
    assert scene.sleeps.slept == 0
    assert scene.script.committed == 0


def wrapped(orig: Exception) -> Exception:
    return DBAPIError.instance("SELECT 1", None, orig, ghost.Error)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", NUMBERED)
@pytest.mark.parametrize(
    "wording", ["Error {}: wait", "({}) (SQLExecDirectW)", "{}, Level 17", "error code {}"]
)
def test_azures_numbers_are_known_however_they_are_written(number: int, wording: str):
    error = wrapped(ghost.OperationalError("General error", wording.format(number)))
    assert failure_of(error) is Failure.TRANSIENT


@pytest.mark.parametrize(
    "said",
    [
        "Database 'x' on server 'y' is not currently available. Please retry the connection later.",
        "The service has encountered an error processing your request. Please try again.",
        "The service is currently busy. Retry the request after 10 seconds.",
        "Cannot process request. Not enough resources to process request.",
        'Cannot process request. Too many operations in progress for subscription "1".',
        "Transaction (Process ID 61) was deadlocked on lock resources with another process",
        "Login timeout expired",
        "Query timeout expired",
        "TCP Provider: Error code 0x2746",
        "Unable to complete login process due to delay in login response",
    ],
)
def test_a_sentence_without_its_number_is_known_too(said: str):
    assert failure_of(wrapped(ghost.OperationalError("General error", said))) is Failure.TRANSIENT


@pytest.mark.parametrize(
    "driver_error", ["Communication link failure", "Client unable to establish connection"]
)
def test_connections_that_end_or_never_begin_pass(driver_error: str):
    assert failure_of(wrapped(ghost.OperationalError(driver_error))) is Failure.TRANSIENT


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (ghost.OperationalError("General error", "Login failed for user 'x'."), Failure.FATAL),
        (ghost.InternalError("General error", "the file is damaged"), Failure.FATAL),
        (ghost.ProgrammingError("Base table or view not found"), Failure.OURS),
        (ghost.DataError("String data, right-truncated", "value of 40613 characters"), Failure.OURS),
        (ghost.IntegrityError("Integrity constraint violation", "key value is (acme, 1205x)"), Failure.OURS),
    ],
)
def test_what_does_not_pass_by_itself_is_told_apart(error: Exception, meaning: Failure):
    assert failure_of(wrapped(error)) is meaning


def test_errors_of_the_work_itself_are_the_callers():
    assert failure_of(LookupError("40613")) is Failure.OURS
