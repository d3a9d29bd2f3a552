"""A process that appends until it is killed, telling what was acknowledged: `appender.py PATH OWNER [stop]`.

Prints `epoch N` once it holds the fence, the last sequence after every commit, or `lost` when the fence is gone. With
`stop` it prints `stopping` and stops itself in the middle of a transaction.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.journal import SqliteJournal
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.application.ports.journal import FenceLost, Frame


async def append_for_ever(path: Path, owner: str, *, stop: bool) -> None:
    journal = await SqliteJournal.open(path, shard="main", clock=SystemClock(), ids=SystemIds())
    fence = await journal.acquire(owner)
    print("epoch", fence.epoch, flush=True)
    if stop:
        journal.writer.file.connection.execute("BEGIN IMMEDIATE")
        print("stopping", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
    try:
        while True:
            following = range(fence.sequence + 1, fence.sequence + 6)
            fence = await journal.append(fence, [Frame(n, n, os.urandom(500)) for n in following])
            print(fence.sequence, flush=True)
    except FenceLost:
        print("lost", flush=True)


if __name__ == "__main__":
    asyncio.run(append_for_ever(Path(sys.argv[1]), sys.argv[2], stop="stop" in sys.argv[3:]))
