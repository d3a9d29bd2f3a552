"""Where the queue suite keeps queues: each store opens the same queues again and again, as restarts do."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from kopitra.adapters.azure.service_bus import connect_namespace
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.application.ports.queue import Queue
from tests.fixtures.clocks import ManualClock, clock_at_the_present
from tests.fixtures.service_bus.broker import LOOPBACK_SECONDS, Broker


class QueueStore:
    def __init__(
        self, open_one: Callable[[str, ManualClock], Awaitable[Queue]], clock: ManualClock | None = None
    ) -> None:
        self.clock = clock or ManualClock()
        self._open_one = open_one
        self._opened: list[Queue] = []

    async def open(self, name: str = "commands") -> Queue:
        """A further instance, as another process would open it."""
        queue = await self._open_one(name, self.clock)
        self._opened.append(queue)
        return queue

    async def close(self) -> None:
        await asyncio.gather(*(queue.close() for queue in self._opened))


def sqlite_queue_store(folder: Path) -> QueueStore:
    return QueueStore(
        lambda name, clock: SqliteQueue.open(folder / "queues.db", name, clock=clock, ids=SystemIds())
    )


class ServiceBusStore(QueueStore):
    """Every instance has connections of its own; one namespace, as in a process, knows what they have locked."""

    def __init__(self, folder: Path) -> None:
        super().__init__(self._open_queue, clock_at_the_present())
        self._broker = Broker(folder / "service-bus.db", self.clock).start()
        self._namespace = connect_namespace(
            connection_string=self._broker.connection_string, socket_seconds=LOOPBACK_SECONDS
        )

    async def _open_queue(self, name: str, clock: ManualClock) -> Queue:
        return self._namespace.queue(name)

    async def close(self) -> None:
        await super().close()
        await self._namespace.close()
        self._broker.stop()
