"""A process that drains a folder's history queue into its database until it is killed, or until nothing is left:
`python -m tests.management.history.draining_process FOLDER`."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from kopitra.adapters.embedded.blobs import FolderBlobs
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from kopitra_functions.adapters.worker_threads import WorkerThreads
from kopitra_functions.history import drain as draining
from kopitra_functions.history.drain import Drain
from kopitra_functions.history.draining import DrainRules
from kopitra_functions.ports import Queues
from kopitra_functions.queue_names import COMMANDS, EVENTS, HISTORY, TASKS
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.engines import engine_for
from kopitra_functions.sql.usage import SqlUse

LOCKED_FOR = timedelta(seconds=0.3)
"""A killed process's messages are another's soon."""
RULES = DrainRules(messages=1, age=timedelta(), awake=timedelta())


async def queues_in(folder: Path) -> Queues:
    opened = [
        await SqliteQueue.open(
            folder / "queues.sqlite",
            name,
            clock=SystemClock(),
            ids=SystemIds(),
            lock_duration=LOCKED_FOR,
        )
        for name in (EVENTS, HISTORY, COMMANDS, TASKS)
    ]
    return Queues(events=opened[0], history=opened[1], commands=opened[2], tasks=opened[3])


async def main(folder: Path) -> None:
    draining.BATCH = 10
    clock, sleeper = SystemClock(), SystemSleeper()
    blobs = FolderBlobs(folder / "blobs", SystemIds())
    engine = engine_for(f"sqlite:///{folder / 'history.sqlite'}")
    drain = Drain(
        queues=await queues_in(folder),
        database=Database(engine, threads=WorkerThreads(1), clock=clock, sleeper=sleeper),
        blobs=blobs,
        use=SqlUse(blobs, clock),
        clock=clock,
        sleeper=sleeper,
        rules=RULES,
    )
    print("draining", flush=True)
    idle = 0
    while idle < 5:
        idle = 0 if await drain.tick() else idle + 1
        await sleeper.sleep(0.1)
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
