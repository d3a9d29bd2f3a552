"""The real server in Azure's shape: journal and blobs in Azurite, queues in a Service Bus on loopback."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kopitra.adapters.azure.service_bus import ServiceBusNamespace, connect_namespace
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.application.ports.queue import Message, Queue, ReceivedMessage
from kopitra_counterparty.bootstrap import COMMANDS_QUEUE, EVENTS_QUEUE
from tests.fixtures.azurite import Azurite, azurite_blob, azurite_table, storage_of_its_own
from tests.fixtures.service_bus.broker import LOOPBACK_SECONDS, Broker
from tests.fixtures.service_bus.namespace import Rules
from tests.integration.counterparty.server import Server

__all__ = ["azurite_blob", "azurite_table"]

SOON = 20.0
NOBODY_LISTENS = (
    "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true"
)

pytestmark = pytest.mark.timeout(600)
"""Azurite is installed from npm, once a checkout."""


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    rules = Rules(queues=(EVENTS_QUEUE, COMMANDS_QUEUE))
    broker = Broker(tmp_path / "service-bus.db", SystemClock(), rules).start()
    yield broker
    await asyncio.to_thread(broker.stop)


@pytest.fixture
async def management(broker: Broker) -> AsyncIterator[ServiceBusNamespace]:
    """The other end of both queues."""
    namespace = connect_namespace(connection_string=broker.connection_string, socket_seconds=LOOPBACK_SECONDS)
    yield namespace
    await namespace.close()


@pytest.fixture
def storage(azurite_table: Azurite, azurite_blob: Azurite) -> dict[str, str]:
    return storage_of_its_own(azurite_table, azurite_blob)


def publish_account(account: str, revision: int) -> Message:
    body: dict[str, Any] = {
        "commandType": "config.publish",
        "tenant": "t",
        "account": account,
        "revision": revision,
        "issuedAt": "2026-01-05T00:00:00Z",
        "issuedBy": "operator",
        "parameters": {"kind": "account", "label": account},
    }
    return Message(
        body=msgspec.json.encode(body),
        message_id=f"{account}-{revision}",
        correlation_id=f"publish-{account}-{revision}",
    )


async def arrived(queue: Queue, correlation: str) -> ReceivedMessage:
    """The first event of this request, waited for; everything is completed on the way."""
    async with asyncio.timeout(SOON):
        while True:
            received: Sequence[ReceivedMessage] = await queue.receive(10, max_wait_time=SOON)
            for one in received:
                await queue.complete(one)
            for one in received:
                if one.message.correlation_id == correlation:
                    return one


async def test_commands_come_and_events_go_by_service_bus_also_after_an_outage(
    tmp_path: Path, storage: dict[str, str], broker: Broker, management: ServiceBusNamespace
):
    events, commands = management.queue(EVENTS_QUEUE), management.queue(COMMANDS_QUEUE)
    server = Server(tmp_path, None, **storage, azure_service_bus=broker.connection_string)
    try:
        await server.serving()
        await commands.send([publish_account("leader", 1), Message(body=b"not json", message_id="bad")])
        event = await arrived(events, "publish-leader-1")
        assert msgspec.json.decode(event.message.body)["account"] == "leader"
        [bad] = await commands.receive(1, max_wait_time=SOON, dead_letter=True)
        assert (bad.message.message_id, bad.dead_letter_reason) == ("bad", "malformed")

        await asyncio.to_thread(broker.stop)
        broker.start()
        await commands.send([publish_account("leader", 2)])
        await arrived(events, "publish-leader-2")
        assert (await commands.counts()).active == 0
    finally:
        code = await server.end()
    assert code == 0
    assert not (tmp_path / "queues.sqlite").exists()


async def test_a_service_bus_that_is_not_there_delays_nothing_but_what_it_carries(
    tmp_path: Path, storage: dict[str, str]
):
    server = Server(tmp_path, None, **storage, azure_service_bus=NOBODY_LISTENS)
    try:
        await server.serving()
        await server.said("service_bus_is_not_there_yet")
    finally:
        code = await server.end()
    assert code == 0


async def test_a_namespace_without_the_queues_stops_the_start_with_a_sentence(
    tmp_path: Path, storage: dict[str, str]
):
    broker = Broker(tmp_path / "service-bus.db", SystemClock(), Rules(queues=("other",))).start()
    server = Server(tmp_path, None, **storage, azure_service_bus=broker.connection_string)
    said = await asyncio.to_thread(server.errors)
    assert said.startswith("KOPITRA_AZURE_SERVICE_BUS: ")
    assert "could not be found" in said
    assert "SharedAccessKey" not in said
    assert await server.end() == 3
    broker.stop()


async def test_a_setting_that_is_no_namespace_stops_the_start_with_a_sentence(
    tmp_path: Path, storage: dict[str, str]
):
    server = Server(tmp_path, None, **storage, azure_service_bus="Endpoint=nonsense;SharedAccessKey=x")
    said = await asyncio.to_thread(server.errors)
    assert said.strip() == (
        "KOPITRA_AZURE_SERVICE_BUS is neither a connection string nor a namespace's host name"
    )
    assert await server.end() == 3


async def test_a_namespace_without_azure_storage_stops_the_start_with_a_sentence(tmp_path: Path):
    server = Server(tmp_path, None, azure_service_bus="house.servicebus.windows.net")
    said = await asyncio.to_thread(server.errors)
    assert said.strip() == "KOPITRA_AZURE_SERVICE_BUS is for a storage that is azure, not embedded"
    assert await server.end() == 2
