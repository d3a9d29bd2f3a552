"""Tasks run in slices: what a crash interrupts goes on, what comes twice is done once, and a cancelled run stops."""

import asyncio
import csv
import json
from io import StringIO
from typing import Any

import pytest

from kopitra.protocol.operations import parse_operation
from kopitra_functions.sql.tables import rollups
from kopitra_functions.tasks import resyncing
from kopitra_functions.tasks.messages import SliceWanted, slice_message
from kopitra_functions.tasks.rebuilding import Rebuilt
from kopitra_functions.tasks.run import TaskRefused
from tests.management.operations.rows import add, add_accounts, add_tenants, at, execution, executions
from tests.management.operations.running import Runs
from tests.management.world import EVERYBODY, OTHER, TENANT, Managed

PERIOD = {"since": "2026-01-05T00:00:00Z", "until": "2026-01-06T00:00:00Z"}


@pytest.fixture
async def runs(house: Managed) -> Runs:
    await add_tenants(house, TENANT, OTHER)
    return Runs(house)


async def resynced(house: Managed) -> list[str]:
    asked = await house.world.queues.commands.peek(1000)
    return [str(parse_operation(each.message.body).account) for each in asked]


async def test_a_full_resync_asks_every_account_of_its_tenant(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resyncing, "ACCOUNTS_A_STEP", 2)
    await add_accounts(runs.house, "a", "b", "c", "d", "e")
    await add_accounts(runs.house, "foreign", tenant=OTHER)
    run = await runs.start("full_resync", role="operator")
    assert (await runs.seen(run))["status"] == "queued"
    await runs.to_the_end()
    assert await resynced(runs.house) == ["a", "b", "c", "d", "e"]
    seen = await runs.seen(run)
    assert (seen["status"], seen["done"], seen["total"], seen["result"]) == ("succeeded", 5, 5, {"asked": 5})
    assert (seen["requestedBy"], seen["error"]) == ("olga", None)


class Counted:
    """A rebuild of so many slices. Each takes longer than a message's time, so each is a message of its own."""

    def __init__(self, house: Managed, slices: int) -> None:
        self.house = house
        self.slices = slices
        self.done: list[int] = []
        self.fails: dict[int, list[Exception]] = {}

    async def slice(self, position: Any) -> Rebuilt:
        at = position or 0
        if self.fails.get(at):
            raise self.fails[at].pop()
        self.done.append(at)
        self.house.clock.advance(6)
        return Rebuilt(position=at + 1 if at + 1 < self.slices else None, done=at + 1, total=self.slices)


@pytest.fixture
def counted(runs: Runs) -> Counted:
    counted = Counted(runs.house, 4)
    runs.runner = Runs(runs.house, counted).runner
    return counted


async def rebuild(runs: Runs) -> str:
    answer = await runs.house.call(
        "POST", f"/tasks/rebuild_read_models/run?tenant={TENANT}", {}, tenant=EVERYBODY
    )
    assert answer.status == 202, answer
    return answer.json["runId"]


async def test_each_slice_is_a_message_and_shows_its_progress(runs: Runs, counted: Counted) -> None:
    run = await rebuild(runs)
    progress: list[tuple[str, int, int | None]] = []
    while await runs.one_message():
        seen = await runs.seen(run)
        progress.append((seen["status"], seen["done"], seen["total"]))
    assert progress == [("running", 1, 4), ("running", 2, 4), ("running", 3, 4), ("succeeded", 4, 4)]
    assert counted.done == [0, 1, 2, 3]


async def test_a_rebuild_forgets_the_hours_that_were_made_of_old_samples(
    runs: Runs, counted: Counted
) -> None:
    await add(runs.house, rollups, {"series": "latency", "subject": "s", "begins_at": at(0), "number": 1})
    await rebuild(runs)
    await runs.one_message()
    assert (await runs.house.rows())["rollups"] != []
    await runs.to_the_end()
    assert (await runs.house.rows())["rollups"] == []


async def test_a_message_that_comes_again_does_no_slice_twice(runs: Runs, counted: Counted) -> None:
    run = await rebuild(runs)
    first = (await runs.house.world.queues.tasks.peek())[0].message
    await runs.one_message()
    await runs.house.world.queues.tasks.send([first])
    await runs.to_the_end()
    assert counted.done == [0, 1, 2, 3]
    assert (await runs.seen(run))["status"] == "succeeded"


async def test_two_processes_with_the_same_message_do_one_slice(runs: Runs) -> None:
    await add(runs.house, executions, *(execution(number) for number in range(1, 1240)))
    run = await runs.start("export", {"what": "executions", **PERIOD})
    message = (await runs.house.world.queues.tasks.peek())[0].message
    await runs.house.world.queues.tasks.send([message])
    both = await runs.house.world.queues.tasks.receive(2)
    other = Runs(runs.house)
    await asyncio.gather(runs.runner.take(both[0]), other.runner.take(both[1]))
    for each in both:
        await runs.house.world.queues.tasks.complete(each)
    await runs.to_the_end()
    seen = await runs.seen(run)
    assert (seen["status"], seen["done"]) == ("succeeded", 1239)
    told = await runs.house.call("GET", f"/task-runs/{run}/result")
    assert len(told.body.splitlines()) == 1240


async def test_a_slice_that_died_with_its_process_is_done_again(runs: Runs, counted: Counted) -> None:
    run = await rebuild(runs)
    await runs.one_message()
    [received] = await runs.house.world.queues.tasks.receive()
    assert received.delivery_count == 1
    runs.house.clock.advance(61)
    await runs.to_the_end()
    assert counted.done == [0, 1, 2, 3]
    assert (await runs.seen(run))["status"] == "succeeded"


async def test_a_process_that_died_before_it_sent_the_next_message_is_made_good(
    runs: Runs, counted: Counted
) -> None:
    run = await rebuild(runs)
    queue = runs.house.world.queues.tasks
    [received] = await queue.receive()
    await runs.runner.take(received)
    [following] = await queue.receive()
    await queue.complete(following)
    runs.house.clock.advance(61)
    await runs.to_the_end()
    assert counted.done == [0, 1, 2, 3]
    assert (await runs.seen(run))["status"] == "succeeded"


async def test_a_run_whose_message_is_lost_is_woken(runs: Runs, counted: Counted) -> None:
    run = await rebuild(runs)
    queue = runs.house.world.queues.tasks
    [received] = await queue.receive()
    await queue.complete(received)
    assert await runs.runner.wake_stalled() == 0
    runs.house.clock.advance(301)
    assert await runs.runner.wake_stalled() == 1
    assert await runs.runner.wake_stalled() == 0
    await runs.to_the_end()
    assert (await runs.seen(run))["status"] == "succeeded"


async def test_a_cancelled_run_stops_at_its_next_slice(runs: Runs, counted: Counted) -> None:
    run = await rebuild(runs)
    await runs.one_message()
    answer = await runs.house.call("POST", f"/task-runs/{run}/cancel", role="operator")
    assert (answer.status, answer.json["status"]) == (200, "running")
    await runs.to_the_end()
    seen = await runs.seen(run)
    assert (seen["status"], seen["done"], counted.done) == ("cancelled", 1, [0])
    again = await runs.house.call("POST", f"/task-runs/{run}/cancel")
    assert (again.status, again.json["status"]) == (200, "cancelled")


async def test_a_run_that_waits_is_cancelled_at_once(runs: Runs, counted: Counted) -> None:
    run = await rebuild(runs)
    await runs.house.call("POST", f"/task-runs/{run}/cancel")
    assert (await runs.seen(run))["status"] == "cancelled"
    await runs.to_the_end()
    assert counted.done == []


async def test_a_failure_is_tried_again_and_then_told(runs: Runs, counted: Counted) -> None:
    run = await rebuild(runs)
    counted.fails[1] = [RuntimeError("torn") for _ in range(2)]
    await runs.one_message()
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await runs.one_message()
    await runs.to_the_end()
    assert ((await runs.seen(run))["status"], counted.done) == ("succeeded", [0, 1, 2, 3])

    run = await rebuild(runs)
    counted.fails[1] = [RuntimeError("torn") for _ in range(3)]
    await runs.one_message()
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await runs.one_message()
    await runs.to_the_end()
    seen = await runs.seen(run)
    assert (seen["status"], seen["error"]) == ("failed", "RuntimeError: torn")


async def test_a_refusal_ends_the_run_at_once(runs: Runs, counted: Counted) -> None:
    run = await rebuild(runs)
    counted.fails[0] = [TaskRefused("there is no journal")]
    await runs.to_the_end()
    seen = await runs.seen(run)
    assert (seen["status"], seen["error"]) == ("failed", "there is no journal")


async def test_a_locked_database_is_waited_for(runs: Runs, counted: Counted) -> None:
    run = await rebuild(runs)
    async with runs.house.sql_locked():
        assert await runs.one_message()
    assert counted.done == []
    await runs.to_the_end()
    assert (await runs.seen(run))["status"] == "succeeded"


async def test_a_tenant_runs_two_at_once_and_the_others_wait(runs: Runs, counted: Counted) -> None:
    ids = [await rebuild(runs) for _ in range(3)]
    for _ in range(3):
        await runs.one_message()
    states = [(await runs.seen(run))["status"] for run in ids]
    assert states == ["running", "running", "queued"]
    await add_accounts(runs.house, "foreign", tenant=OTHER)
    other = await runs.start("full_resync", tenant=OTHER)
    await runs.to_the_end()
    assert [(await runs.seen(run))["status"] for run in ids] == ["succeeded"] * 3
    assert (await runs.seen(other, tenant=OTHER))["status"] == "succeeded"


async def test_a_tenant_that_only_a_counterparty_knows_of_has_tasks_too(runs: Runs) -> None:
    body = {"parameters": {"what": "executions", **PERIOD}}
    answer = await runs.house.call("POST", "/tasks/export/run?tenant=strange", body, tenant=EVERYBODY)
    assert answer.status == 202, answer
    await runs.to_the_end()
    assert (await runs.seen(answer.json["runId"], tenant="strange"))["status"] == "succeeded"


async def test_a_message_for_no_run_is_let_go(runs: Runs) -> None:
    message = slice_message(SliceWanted("run-nobody", 1), now=runs.house.clock.now())
    await runs.house.world.queues.tasks.send([message])
    await runs.to_the_end()


async def test_who_may_start_what(runs: Runs) -> None:
    async def started(task: str, role: str, tenant: str = TENANT, query: str = "") -> int:
        answer = await runs.house.call("POST", f"/tasks/{task}/run{query}", {}, role=role, tenant=tenant)
        return answer.status

    assert await started("full_resync", "viewer") == 403
    assert await started("full_resync", "operator") == 202
    assert await started("rebuild_read_models", "admin") == 403
    assert await started("rebuild_read_models", "operator", EVERYBODY, f"?tenant={TENANT}") == 403
    assert await started("rebuild_read_models", "admin", EVERYBODY, f"?tenant={TENANT}") == 202
    assert await started("nothing", "admin") == 404
    listed = await runs.house.call("GET", "/tasks", role="viewer")
    assert [task["task"] for task in listed.json["items"]] == ["export", "what_if"]


@pytest.mark.parametrize(
    ("task", "parameters", "path"),
    [
        ("export", {"what": "executions", **PERIOD, "colour": 1}, "$.parameters"),
        ("export", {"what": "secrets", **PERIOD}, "$.parameters.what"),
        (
            "export",
            {"what": "trades", "since": PERIOD["until"], "until": PERIOD["since"]},
            "$.parameters.until",
        ),
        (
            "export",
            {"what": "trades", "since": "2026-01-05T00:00:00", "until": PERIOD["until"]},
            "$.parameters.since",
        ),
        ("purge", {"what": "events", "olderThanDays": 29}, "$.parameters.olderThanDays"),
        ("what_if", {"statement": "x", "settings": {"followers": {}}}, "$.parameters.settings.followers"),
    ],
)
async def test_parameters_are_checked_before_anything_starts(
    runs: Runs, task: str, parameters: dict[str, Any], path: str
) -> None:
    answer = await runs.house.call("POST", f"/tasks/{task}/run", {"parameters": parameters})
    assert answer.status == 422, answer
    assert answer.json["errors"][0]["path"] == path, answer.json
    assert (await runs.house.call("GET", "/task-runs")).json["items"] == []


async def test_another_tenants_run_does_not_exist(runs: Runs) -> None:
    run = await runs.start("full_resync")
    for method, path in (("GET", ""), ("POST", "/cancel"), ("GET", "/result")):
        answer = await runs.house.call(method, f"/task-runs/{run}{path}", tenant=OTHER)
        assert answer.status == 404, answer
    assert (await runs.house.call("GET", "/task-runs", tenant=OTHER)).json["items"] == []


async def export(runs: Runs, **parameters: Any) -> Any:
    run = await runs.start("export", {**PERIOD, **parameters}, role="viewer")
    await runs.to_the_end()
    seen = await runs.seen(run)
    assert seen["status"] == "succeeded", seen
    answer = await runs.house.call("GET", f"/task-runs/{run}/result", role="viewer")
    assert answer.status == 200, answer
    return answer


async def test_an_export_has_every_row_of_its_period_and_no_other(runs: Runs) -> None:
    rows = [execution(number) for number in range(1, 1240)]
    late = execution(5000, occurred_at=at(24 * 60))
    foreign = execution(6000, tenant=OTHER)
    await add(runs.house, executions, *rows, late, foreign)
    answer = await export(runs, what="executions")
    assert answer.headers["content-disposition"] == 'attachment; filename="executions-20260105-20260106.csv"'
    read = list(csv.DictReader(StringIO(answer.body.decode())))
    assert [int(row["sequence"]) for row in read] == list(range(1, 1240))
    assert {(row["fill_price"], row["slippage"]) for row in read} == {("1.2345", "-0.0001")}
    told = json.loads((await export(runs, what="executions", format="json")).body)
    assert [row["sequence"] for row in told] == list(range(1, 1240))
    assert told[0]["fillPrice"] == "1.2345"


async def test_an_empty_export_is_an_empty_file(runs: Runs) -> None:
    assert json.loads((await export(runs, what="decisions", format="json")).body) == []
    assert len((await export(runs, what="trades")).body.decode().splitlines()) == 1


async def test_a_text_that_a_spreadsheet_would_compute_is_a_text(runs: Runs) -> None:
    await add(runs.house, executions, execution(1, message='=HYPERLINK("http://x")'))
    [row] = csv.DictReader(StringIO((await export(runs, what="executions")).body.decode()))
    assert row["message"].startswith("'=")
