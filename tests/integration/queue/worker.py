"""A process on a queue file: `worker.py send PATH COUNT` or `worker.py work PATH`.

`send` prints `ready`, waits for a line on its input, sends and prints the moment of sending on the machine's monotonic
clock, until its input ends. `work` takes messages for ever, prints each one's id before and after completing it.
"""

import asyncio
import sys
import time
from pathlib import Path

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.application.ports.queue import Message


async def opened(path: Path) -> SqliteQueue:
    return await SqliteQueue.open(path, "commands", clock=SystemClock(), ids=SystemIds())


async def send(path: Path) -> None:
    queue = await opened(path)
    print("ready", flush=True)
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        await queue.send([Message(body=b"{}", message_id=line)])
        print(time.monotonic(), flush=True)
    await queue.close()


async def work(path: Path) -> None:
    queue = await opened(path)
    while True:
        for received in await queue.receive(3, max_wait_time=1):
            print("took", received.message.message_id, flush=True)
            await queue.complete(received)
            print("done", received.message.message_id, flush=True)


if __name__ == "__main__":
    asyncio.run({"send": send, "work": work}[sys.argv[1]](Path(sys.argv[2])))
