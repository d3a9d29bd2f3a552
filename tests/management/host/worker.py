"""A process that hosts one queue function: `worker.py FOLDER`. It writes down what it begins and what it has done.

Its locks run out after a second, so that a test sees soon what a kill left behind.
"""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from azure.functions import ServiceBusMessage

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from kopitra.application.ports.queue import Queue
from kopitra_cli.adapters.timer_files import TimerFiles
from kopitra_cli.functions_host.host import FunctionsHost
from tests.management.host.functions import QUEUE, one_by_one

LOCK = timedelta(seconds=1)
DELIVERIES = 50
"""A test kills more often than a queue forgives."""
WORK_SECONDS = 0.02


async def opened(folder: Path, name: str = QUEUE) -> Queue:
    return await SqliteQueue.open(
        folder / "queues.sqlite",
        name,
        clock=SystemClock(),
        ids=SystemIds(),
        lock_duration=LOCK,
        max_delivery_count=DELIVERIES,
    )


async def main(folder: Path) -> None:
    def write_down(what: str, message: ServiceBusMessage) -> None:
        with (folder / what).open("a") as file:
            file.write(f"{message.message_id}\n")

    async def work(message: ServiceBusMessage) -> None:
        write_down("begun", message)
        await asyncio.sleep(WORK_SECONDS)
        write_down("done", message)

    host = FunctionsHost(
        one_by_one(work),
        lambda name: opened(folder, name),
        TimerFiles(folder),
        clock=SystemClock(),
        sleeper=SystemSleeper(),
        ids=SystemIds(),
    )
    await host.start()
    print("ready", flush=True)
    await host.failed()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
