"""Real processes do a task and are killed in the middle of it: the next one goes on, and nothing is lost or doubled."""

import asyncio
import csv
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from tests.management.operations.rows import add, add_tenants, execution, executions
from tests.management.operations.running import Runs
from tests.management.operations.test_task_runs import PERIOD
from tests.management.world import TENANT, Managed, managed

ROWS = 1_400
DEATHS = 3
ENDS_WITHIN_SECONDS = 60.0


def worker(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.management.operations.worker", str(folder)], stdout=subprocess.PIPE
    )


async def done_more_than(house: Managed, run: str, number: int) -> int:
    """How far the run is, once it is further than that or has ended."""
    async with asyncio.timeout(ENDS_WITHIN_SECONDS):
        while True:
            seen = await Runs(house).seen(run)
            if seen["done"] > number or seen["status"] == "succeeded":
                return seen["done"]
            await asyncio.sleep(0.02)


@pytest.mark.timeout(180)
async def test_an_export_survives_the_death_of_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with managed(tmp_path, time=(SystemClock(), SystemSleeper())) as house:
        await add_tenants(house, TENANT)
        await add(house, executions, *(execution(number) for number in range(1, ROWS + 1)))
        run = await Runs(house).start("export", {"what": "executions", **PERIOD})
        reached, deaths = 0, 0
        while (await Runs(house).seen(run))["status"] in ("queued", "running"):
            process = worker(tmp_path)
            assert process.stdout is not None
            assert await asyncio.to_thread(process.stdout.readline) == b"working\n"
            if deaths < DEATHS:
                reached = await done_more_than(house, run, reached)
                process.kill()
                deaths += 1
            await asyncio.to_thread(process.wait)
            process.stdout.close()
        assert deaths == DEATHS
        answer = await house.call("GET", f"/task-runs/{run}/result")
        read = [int(row["sequence"]) for row in csv.DictReader(StringIO(answer.body.decode()))]
        assert read == list(range(1, ROWS + 1))
