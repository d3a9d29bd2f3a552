"""A world to commit in: a simulated journal under virtual time, and tasks that it waits for."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from kopitra.application.ports.journal import Frame, Journal
from kopitra.simulation.journal import JournalDisk, SimulatedJournal
from kopitra.simulation.virtual_time import VirtualTime

COMMIT_SECONDS = 0.010
"""There and back."""


def journal_on(disk: JournalDisk, world: VirtualTime) -> SimulatedJournal:
    return SimulatedJournal(disk, clock=world, sleeper=world, ids=world, delay=COMMIT_SECONDS / 2)


def frames(*sequences: int) -> list[Frame]:
    return [Frame(sequence, sequence, b"event") for sequence in sequences]


async def commits(journal: Journal) -> list[list[int]]:
    return [[frame.sequence for frame in commit] async for commit in journal.read()]


class Tasks:
    """Keeps tasks alive; a test sees their errors."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[None]] = set()
        self.failed: list[BaseException] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed.append(error)
