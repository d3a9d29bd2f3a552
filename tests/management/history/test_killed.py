"""kill -9 of a process that drains, again and again: the rows end as if nothing had happened."""

import asyncio
import sys
from itertools import repeat
from pathlib import Path
from random import Random

from kopitra.adapters.embedded.blobs import FolderBlobs
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.simulation.blobs import MemoryBlobs
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_functions.sql.engines import engine_for
from scripts.tooling.steps import ROOT
from tests.management.history.draining_process import queues_in
from tests.management.history.scriptorium import database_in, prepared, rows_in, written
from tests.management.history.streams import golden, published

MESSAGES = 400
KILLS = 3


async def drained(folder: Path, seconds: float | None) -> bool:
    """Whether a process came to the end, or was killed so many seconds after it had begun."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.management.history.draining_process",
        str(folder),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async for line in process.stdout:
        if line.strip() == b"draining":
            break
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
    return process.returncode == 0


async def test_killed_at_any_time_it_neither_loses_nor_doubles(tmp_path: Path, seed: int) -> None:
    chance, memory = Random(seed), MemoryBlobs(VirtualTime(1))
    messages = (await published(golden(), memory))[:MESSAGES]
    expected, _ = written(tmp_path, "expected", await prepared(messages, memory), repeat(100))
    folder = tmp_path / "killed"
    folder.mkdir()
    blobs = FolderBlobs(folder / "blobs", SystemIds())
    for name, content in memory.contents.items():
        await blobs.put(name, content)
    database_in(folder / "history.sqlite").dispose()
    queues = await queues_in(folder)
    await queues.history.send(messages)
    killed = 0
    for _ in range(KILLS):
        killed += not await drained(folder, chance.uniform(0.05, 0.6))
    assert await drained(folder, None)
    engine = engine_for(f"sqlite:///{folder / 'history.sqlite'}")
    rows = rows_in(engine)
    engine.dispose()
    counts = await queues.history.counts()
    assert (counts.active, counts.locked, counts.dead_letter) == (0, 0, 0)
    for table in expected:
        assert rows[table] == expected[table], table
    assert killed >= 1
    for queue in (queues.events, queues.history, queues.commands, queues.tasks):
        await queue.close()
