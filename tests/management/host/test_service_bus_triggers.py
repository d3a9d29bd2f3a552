"""Queue triggers over real AMQP: the local host on a Service Bus, here a broker on loopback."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest
from azure.functions import ServiceBusMessage

from kopitra.adapters.azure.service_bus import ServiceBusNamespace, connect_namespace
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from kopitra.application.ports.queue import MAX_DELIVERY_COUNT, Message, Queue
from kopitra_cli.functions_host.host import FunctionsHost
from tests.fixtures.service_bus.broker import LOOPBACK_SECONDS, Broker
from tests.fixtures.service_bus.namespace import Rules
from tests.management.host.functions import QUEUE, MemoryOfTimers, one_by_one

LOCK = timedelta(seconds=2)
SOON = 30.0
LOOK_SECONDS = 0.05


@pytest.fixture
async def namespace(tmp_path: Path) -> AsyncGenerator[ServiceBusNamespace]:
    rules = Rules(queues=(QUEUE,), lock_duration=LOCK)
    broker = Broker(tmp_path / "service-bus.db", SystemClock(), rules).start()
    namespace = connect_namespace(connection_string=broker.connection_string, socket_seconds=LOOPBACK_SECONDS)
    yield namespace
    await namespace.close()
    await asyncio.to_thread(broker.stop)


async def test_messages_are_settled_renewed_repeated_and_set_aside_as_in_azure(
    namespace: ServiceBusNamespace,
):
    done: list[str] = []
    calls: list[str] = []

    async def work(message: ServiceBusMessage) -> None:
        calls.append(message.message_id)
        if message.message_id == "poison":
            raise ValueError("no such account")
        if message.message_id == "slow":
            await asyncio.sleep(1.5 * LOCK.total_seconds())
        done.append(message.message_id)

    async def opened(name: str) -> Queue:
        return namespace.queue(name)

    host = FunctionsHost(
        one_by_one(work),
        opened,
        MemoryOfTimers(),
        clock=SystemClock(),
        sleeper=SystemSleeper(),
        ids=SystemIds(),
    )
    queue = namespace.queue(QUEUE)
    names = ("slow", "poison", "a", "b")
    await queue.send([Message(body=b"{}", message_id=name) for name in names])
    await host.start()
    async with asyncio.timeout(SOON):
        [dead] = await queue.receive(1, max_wait_time=SOON, dead_letter=True)
        while len(done) < len(names) - 1:  # noqa: ASYNC110  # the function's doing
            await asyncio.sleep(LOOK_SECONDS)
    await host.stop()
    assert sorted(done) == ["a", "b", "slow"]
    assert (calls.count("slow"), calls.count("poison")) == (1, MAX_DELIVERY_COUNT)
    assert (dead.message.message_id, dead.dead_letter_reason) == ("poison", "ValueError")
    assert dead.dead_letter_error_description == "no such account"
    assert (await queue.counts()).active == 0
    await queue.close()
