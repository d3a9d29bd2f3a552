"""A statement is uploaded, a task replays it to followers that never were, and the report is fetched."""

from typing import Any

import msgspec
import pytest

from kopitra.adapters.embedded.timing import SystemSleeper
from kopitra.adapters.reports.html import report_html
from kopitra.domain.identifiers import TenantId
from kopitra.simulation.histories.generated import Knobs, generated_history
from kopitra.simulation.statements import read_statement
from kopitra.simulation.whatif.plan import WhatIfPlan
from kopitra.simulation.whatif.result import encode_result
from kopitra.simulation.whatif.run import what_if
from kopitra_functions.adapters.worker_threads import WorkerThreads
from kopitra_functions.tasks.imagining import Imagining
from kopitra_functions.tasks.run import RunStatus, TaskRun
from kopitra_functions.tasks.statements import STATEMENT_BYTES, Statement, keep_statement
from tests.management.operations.rows import START, add_tenants
from tests.management.operations.running import Runs
from tests.management.world import OTHER, TENANT, Managed
from tests.unit.statements.statement_writer import statement_of

SETTINGS = {
    "followers": {
        "small": {
            "currency": "USD",
            "deposit": "20000",
            "rules": {"sizing": {"mode": "multiplier"}, "multiplier": "0.3"},
        }
    }
}


@pytest.fixture(scope="module")
def statement() -> bytes:
    return statement_of(generated_history(3, Knobs(positions=30, partial_closes=10))).encode()


class Patient:
    """The clock stands still while the run computes: a task may take as long as it takes here."""

    async def sleep(self, seconds: float) -> None:
        await SystemSleeper().sleep(0.01)


@pytest.fixture
async def runs(house: Managed) -> Runs:
    await add_tenants(house, TENANT, OTHER)
    house.world = msgspec.structs.replace(house.world, sleeper=Patient())
    return Runs(house)


async def upload(house: Managed, content: bytes, **options: Any) -> Any:
    return await house.call("POST", "/what-if/statements?name=april.htm", content, **options)


async def test_the_report_is_the_one_that_the_command_line_makes(runs: Runs, statement: bytes) -> None:
    kept = await upload(runs.house, statement, role="viewer")
    assert (kept.status, kept.json["size"], kept.json["name"]) == (201, len(statement), "april.htm")
    run = await runs.start(
        "what_if", {"statement": kept.json["statement"], "settings": SETTINGS}, role="viewer"
    )
    await runs.to_the_end()
    seen = await runs.seen(run)
    assert (seen["status"], seen["error"]) == ("succeeded", None)
    expected = what_if(read_statement(statement), msgspec.convert(SETTINGS, WhatIfPlan))
    result = await runs.house.call("GET", f"/task-runs/{run}/result?file=1")
    assert result.body == encode_result(expected)
    report = await runs.house.call("GET", f"/task-runs/{run}/result?file=2")
    assert report.body.decode() == report_html(expected, "april.htm")
    assert report.headers["content-disposition"].startswith("attachment")
    assert (await runs.house.call("GET", f"/task-runs/{run}/result?file=3")).status == 404


async def test_the_same_file_is_the_same_statement_but_not_another_tenants(
    runs: Runs, statement: bytes
) -> None:
    first, again = [(await upload(runs.house, statement)).json["statement"] for _ in range(2)]
    foreign = (await upload(runs.house, statement, tenant=OTHER)).json["statement"]
    assert first == again != foreign
    run = await runs.start("what_if", {"statement": foreign, "settings": SETTINGS})
    await runs.to_the_end()
    assert "upload it again" in (await runs.seen(run))["error"]


@pytest.mark.parametrize("name", ["../../x", "", "a" * 33, "é" * 32, "0" * 32])
async def test_a_statement_that_is_not_there_is_told(runs: Runs, name: str) -> None:
    run = await runs.start("what_if", {"statement": name, "settings": SETTINGS})
    await runs.to_the_end()
    seen = await runs.seen(run)
    assert (seen["status"], seen["error"]) == (
        "failed",
        "the statement is not there any more: upload it again",
    )


async def test_what_is_no_statement_ends_the_run_with_the_line(runs: Runs) -> None:
    kept = (await upload(runs.house, b"<html><body>nothing</body></html>")).json["statement"]
    run = await runs.start("what_if", {"statement": kept, "settings": SETTINGS})
    await runs.to_the_end()
    seen = await runs.seen(run)
    assert seen["status"] == "failed"
    assert "line" in seen["error"]


async def test_a_file_above_the_limit_is_refused(house: Managed) -> None:
    assert (await upload(house, b"x" * (STATEMENT_BYTES + 1))).status == 413
    assert (await upload(house, b"")).status == 422


def run_of(statement: str) -> TaskRun:
    return TaskRun(
        run_id="run-1",
        tenant=TenantId(TENANT),
        task="what_if",
        kind="what_if",
        status=RunStatus.RUNNING,
        done=0,
        parameters={"statement": statement, "settings": SETTINGS},
        requested_by="olga",
        requested_at=START,
        version=2,
    )


async def test_a_cancelled_run_stops_in_the_middle(house: Managed) -> None:
    long = statement_of(generated_history(3, Knobs(positions=400, partial_closes=100))).encode()
    kept = await keep_statement(house.world.blobs, TenantId(TENANT), Statement("x", long))
    told: list[tuple[int, int | None]] = []

    async def tell(done: int, total: int | None) -> bool:
        told.append((done, total))
        return done == 0

    threads = WorkerThreads(1)
    imagining = Imagining(blobs=house.world.blobs, threads=threads, clock=house.clock, sleeper=Patient())
    step = await imagining.step(run_of(kept), tell)
    await threads.close()
    assert not step.finished
    assert 0 < step.done < (step.total or 0)
    assert told[-1][0] > 0
