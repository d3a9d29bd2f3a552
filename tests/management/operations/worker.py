"""A process that does slices of tasks until none is left: `python -m tests.management.operations.worker FOLDER`."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import msgspec

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from kopitra_functions.queue_names import TASKS
from kopitra_functions.tasks import exporting
from kopitra_functions.tasks import runner as slices
from tests.management.operations.running import Runs
from tests.management.world import managed

LOCK = timedelta(seconds=1)
"""How soon a message comes again whose process was killed; a minute in earnest."""
IDLE_SECONDS = 2 * LOCK.total_seconds()


async def work(folder: Path) -> None:
    slices.SLICE_SECONDS = 0.0  # each page of an export is a slice of its own
    exporting.MAX_PAGE = 200  # and small
    clock = SystemClock()
    async with managed(folder, time=(clock, SystemSleeper())) as house:
        queue = await SqliteQueue.open(
            folder / "queues.sqlite", TASKS, clock=clock, ids=SystemIds(), lock_duration=LOCK
        )
        queues = msgspec.structs.replace(house.world.queues, tasks=queue)
        house.world = msgspec.structs.replace(house.world, queues=queues)
        runner = Runs(house).runner
        print("working", flush=True)
        while received := await queue.receive(max_wait_time=IDLE_SECONDS):
            for each in received:
                await runner.take(each)
                await queue.complete(each)
        await queue.close()


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1])))
