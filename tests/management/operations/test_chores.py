"""Chores are done while SQL is awake anyway, or once a day; whatever else the clock does, SQL sleeps."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select

from kopitra_functions.adapters.worker_threads import WorkerThreads
from kopitra_functions.sql.errors import DatabaseResuming
from kopitra_functions.sql.tables import account_states, enrolment_codes, idempotency_keys, task_runs
from kopitra_functions.sql.usage import SqlUse
from kopitra_functions.tasks.wiring import runner_over
from kopitra_functions.timers import retention
from kopitra_functions.timers.chores import Chore, ChoreNotes, Chores
from kopitra_functions.timers.enrolment_expiry import EnrolmentExpiry
from kopitra_functions.timers.memory import Memory
from kopitra_functions.timers.retention import Retention
from kopitra_functions.timers.wiring import Timers, timers_over
from tests.management.operations.rows import START, add, add_accounts, add_tenants, at, events
from tests.management.operations.test_watching import session, show
from tests.management.world import TENANT, Managed

AWAKE = timedelta(minutes=5)


def timers(house: Managed) -> Timers:
    use = SqlUse(house.world.blobs, house.clock)
    runner = runner_over(house.world, house.database, WorkerThreads(1), None)
    return timers_over(house.world, house.database, use=use, awake=AWAKE, runner=runner)


def count_connections(house: Managed) -> Callable[[], int]:
    opened: list[int] = []

    @event.listens_for(house.database.engine, "begin")
    def note(connection: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        opened.append(1)

    return lambda: len(opened)


async def test_a_day_of_timers_uses_sql_once(house: Managed) -> None:
    ticking = timers(house)
    used = count_connections(house)
    by_hour: dict[int, int] = {}
    for minute in range(24 * 60):
        before = used()
        show(house, session(house, "f1"), session(house, "f2"))
        await ticking.heartbeat_watch(False)
        if minute % 5 == 0:
            await ticking.reconcile_sweep(False)
        if minute % 60 == 10:
            await ticking.enrolment_expiry(False)
        if minute % 60 == 40:
            await ticking.statistics(False)
        if minute == 200:
            await ticking.retention(False)
        if used() > before:
            by_hour[minute // 60] = by_hour.get(minute // 60, 0) + 1
        house.clock.advance(60)
    assert by_hour == {3: 1}
    print(f"a day of timers without operators: SQL was used in {len(by_hour)} minute")


async def test_a_chore_waits_for_an_occasion_and_not_for_ever(house: Managed) -> None:
    await add_tenants(house, TENANT)
    await add_accounts(house, "f1")
    code = {
        "code_id": "c1", "account": "f1", "code_hash": "h", "status": "issued", "issued_by": "olga", "version": 1,
        "expires_at": at(60),
    }  # fmt: skip
    await add(
        house, enrolment_codes, code, code | {"code_id": "c2", "code_hash": "i", "expires_at": at(9_000)}
    )
    ticking = timers(house)

    async def states() -> dict[str, str]:
        rows = select(enrolment_codes.c.code_id, enrolment_codes.c.status)
        return dict(await house.database.read(lambda c: [tuple(row) for row in c.execute(rows)]))

    house.clock.advance(3_601)
    await ticking.enrolment_expiry(False)
    assert await states() == {"c1": "issued", "c2": "issued"}
    assert (await house.call("GET", "/enrolment-codes")).status == 200
    await ticking.enrolment_expiry(False)
    assert await states() == {"c1": "expired", "c2": "issued"}
    house.clock.advance(10 * 24 * 3_600)
    await ticking.retention(False)
    assert await states() == {"c1": "expired", "c2": "expired"}


async def test_a_code_that_was_used_ends_as_used(house: Managed) -> None:
    await add_tenants(house, TENANT)
    await add_accounts(house, "f1", "f2")
    code = {
        "code_hash": "h",
        "status": "issued",
        "issued_by": "olga",
        "issued_at": at(0),
        "expires_at": at(60),
    }
    await add(
        house,
        enrolment_codes,
        code | {"code_id": "c1", "account": "f1"},
        code | {"code_id": "c2", "account": "f2", "code_hash": "i"},
    )
    await add(house, account_states, {"account": "f1", "enrolled_at": at(5), "device": "vps"})
    house.clock.advance(3_601)
    assert await EnrolmentExpiry(database=house.database, clock=house.clock).run() == 2
    ended = select(enrolment_codes.c.status, enrolment_codes.c.used_at, enrolment_codes.c.device)
    rows = await house.database.read(lambda c: [tuple(row) for row in c.execute(ended.order_by("code_id"))])
    assert rows == [("used", at(5), "vps"), ("expired", None, None)]


class Noted:
    """A chore that notes when it was done, and fails as often as it is told to."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.done: list[datetime] = []
        self.failures: list[Exception] = []

    async def run(self) -> int:
        if self.failures:
            raise self.failures.pop()
        self.done.append(self.clock.now())
        return 1


@pytest.fixture
def chore(house: Managed) -> Noted:
    return Noted(house.clock)


def chores(house: Managed, *found: Noted) -> Chores:
    async def never() -> bool:
        return False

    listed = [Chore(name=f"c{n}", every=timedelta(hours=1), run=each.run) for n, each in enumerate(found)]
    return Chores(
        chores=listed, memory=Memory(house.world.blobs, "c", ChoreNotes), is_awake=never, clock=house.clock
    )


async def test_a_chore_is_not_done_more_often_than_it_says(house: Managed, chore: Noted) -> None:
    for _ in range(5):
        await chores(house, chore).while_awake()
        house.clock.advance(1_800)
    assert chore.done == [START + timedelta(minutes=minutes) for minutes in (0, 60, 120)]
    await chores(house, chore).daily()
    assert len(chore.done) == 3
    assert await chores(house, chore).if_awake() == 0


async def test_a_chore_that_fails_holds_no_other_up_and_is_due_again(house: Managed, chore: Noted) -> None:
    broken = Noted(house.clock)
    broken.failures = [RuntimeError("torn")]
    both = chores(house, broken, chore)
    assert (await both.while_awake(), len(broken.done), len(chore.done)) == (1, 0, 1)
    assert (await both.while_awake(), len(broken.done), len(chore.done)) == (1, 1, 1)


async def test_a_database_that_is_away_ends_the_round(house: Managed, chore: Noted) -> None:
    first = Noted(house.clock)
    first.failures = [DatabaseResuming("paused", retry_after_seconds=15)]
    both = chores(house, first, chore)
    assert (await both.while_awake(), chore.done) == (0, [])
    assert await both.while_awake() == 2


async def test_what_is_old_goes_and_what_is_not_stays(house: Managed) -> None:
    await add_tenants(house, TENANT)
    old = [{"sequence": n, "shard": "main", "occurred_at": at(n)} for n in range(1, 4)]
    young = {"sequence": 9, "shard": "main", "occurred_at": START + timedelta(days=30)}
    await add(house, events, *old, young)
    key = {"subject": "olga", "idempotency_key": "k", "created_at": START, "expires_at": at(5)}
    await add(house, idempotency_keys, key)
    running = {"task_run": "r1", "status": "running", "requested_at": START}
    await add(
        house, task_runs, running, {**running, "task_run": "r2", "status": "failed", "finished_at": START}
    )
    blobs = house.world.blobs
    await blobs.put("management/statements/a/b", b"x")
    chore = Retention(database=house.database, blobs=blobs, clock=house.clock)

    async def left(table: Any) -> int:
        return await house.database.read(
            lambda c: c.execute(select(func.count()).select_from(table)).scalar_one()
        )

    await chore.run()
    assert (await left(events), await left(idempotency_keys), await left(task_runs)) == (4, 1, 2)
    assert await blobs.find("management/statements/a/b") is not None
    house.clock.advance(timedelta(days=401).total_seconds())
    assert await chore.run() == 6
    assert (await left(events), await left(idempotency_keys), await left(task_runs)) == (1, 0, 1)
    assert await blobs.find("management/statements/a/b") is None


async def test_many_old_rows_go_in_small_transactions(
    house: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_A_BATCH", 2)
    await add_tenants(house, TENANT)
    await add(house, events, *({"sequence": n, "shard": "main", "occurred_at": at(n)} for n in range(1, 8)))
    house.clock.advance(timedelta(days=401).total_seconds())
    assert await Retention(database=house.database, blobs=house.world.blobs, clock=house.clock).run() == 7
