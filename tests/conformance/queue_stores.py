"""Where the queue suite keeps queues: each store opens the same queues again and again, as restarts do."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.application.ports.queue import Queue
from tests.fixtures.clocks import ManualClock


class QueueStore:
    def __init__(self, open_one: Callable[[str, ManualClock], Awaitable[Queue]]) -> None:
        self.clock = ManualClock()
        self._open_one = open_one
        self._opened: list[Queue] = []

    async def open(self, name: str = "commands") -> Queue:
        """A further instance, as another process would open it."""
        queue = await self._open_one(name, self.clock)
        self._opened.append(queue)
        return queue

    async def close(self) -> None:
        for queue in self._opened:
            await queue.close()


def sqlite_queue_store(folder: Path) -> QueueStore:
    return QueueStore(
        lambda name, clock: SqliteQueue.open(folder / "queues.db", name, clock=clock, ids=SystemIds())
    )
