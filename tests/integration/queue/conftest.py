"""A Service Bus broker on loopback, and namespaces that are closed after the test: one for each process it plays."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from kopitra.adapters.azure.service_bus import ServiceBusNamespace, connect_namespace
from tests.fixtures.clocks import ManualClock, clock_at_the_present
from tests.fixtures.service_bus.broker import LOOPBACK_SECONDS, Broker
from tests.fixtures.service_bus.namespace import Rules

QUEUES = ("events", "commands")
Connect = Callable[[], ServiceBusNamespace]


@pytest.fixture
def clock() -> ManualClock:
    return clock_at_the_present()


@pytest.fixture
async def broker(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Broker]:
    broker = Broker(tmp_path / "service-bus.db", clock, Rules(queues=QUEUES)).start()
    yield broker
    await asyncio.to_thread(broker.stop)


@pytest.fixture
async def connect(broker: Broker) -> AsyncIterator[Connect]:
    connected: list[ServiceBusNamespace] = []

    def connect() -> ServiceBusNamespace:
        connected.append(
            connect_namespace(connection_string=broker.connection_string, socket_seconds=LOOPBACK_SECONDS)
        )
        return connected[-1]

    yield connect
    await asyncio.gather(*(namespace.close() for namespace in connected))
