"""The queue in Azure over real AMQP: outages, several processes, large batches, and the client that Functions use."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

import pytest
from azure.core.credentials import AccessToken
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSubQueue

from kopitra.adapters.azure.queue_errors import QueueRefused
from kopitra.adapters.azure.service_bus import connect_namespace
from kopitra.application.ports.queue import (
    LOCK_DURATION,
    MAX_DELIVERY_COUNT,
    MESSAGE_BYTES,
    Message,
    MessageLockLost,
    QueueUnavailable,
    ReceivedMessage,
)
from tests.fixtures.clocks import ManualClock
from tests.fixtures.service_bus.broker import Broker
from tests.integration.queue.conftest import Connect

SOON = 10.0
LOCK_SECONDS = LOCK_DURATION.total_seconds()


def message(name: str, body: bytes = b"{}") -> Message:
    return Message(body=body, message_id=name)


def names(received: Sequence[ReceivedMessage]) -> list[str]:
    return [one.message.message_id for one in received]


async def test_nothing_is_lost_when_the_connection_breaks_between_delivery_and_settlement(
    broker: Broker, connect: Connect
):
    queue = connect().queue("commands")
    await queue.send([message(name) for name in "abcd"])
    first, second = await queue.receive(2, max_wait_time=SOON)
    broker.stop()
    broker.start()
    await queue.complete(first)
    await queue.abandon(second)
    await queue.send([message("e")])
    found: dict[str, int] = {}
    while received := await queue.receive(10, max_wait_time=1.0):
        found |= {one.message.message_id: one.delivery_count for one in received}
        for one in received:
            await queue.complete(one)
    assert found == {"b": 2, "c": 1, "d": 1, "e": 1}


async def test_a_receiver_that_waits_through_an_outage_gets_what_is_sent_after_it(
    broker: Broker, connect: Connect
):
    queue, sender = connect().queue("commands"), connect().queue("commands")
    assert await queue.receive(1) == []
    waiting = asyncio.create_task(queue.receive(1, max_wait_time=SOON))
    await asyncio.sleep(0)
    broker.stop()
    broker.start()
    await sender.send([message("a")])
    assert names(await waiting) == ["a"]


async def test_an_unreachable_service_is_told_as_unavailable_and_used_again_once_it_is_back(
    broker: Broker, connect: Connect
):
    queue = connect().queue("commands")
    await queue.send([message("before")])
    broker.stop()
    with pytest.raises(QueueUnavailable):
        await queue.send([message("during")])
    with pytest.raises(QueueUnavailable):
        await queue.counts()
    broker.start()
    await queue.send([message("during")])
    assert names(await queue.receive(10, max_wait_time=SOON)) == ["before", "during"]


async def test_a_queue_that_the_namespace_does_not_have_is_refused_by_name(connect: Connect):
    queue = connect().queue("elsewhere")
    with pytest.raises(QueueRefused, match="elsewhere"):
        await queue.send([message("a")])
    with pytest.raises(QueueRefused, match="elsewhere"):
        await queue.counts()


async def test_a_batch_above_one_transfer_arrives_whole_and_in_order(connect: Connect):
    queue = connect().queue("events")
    batch = [message(f"{n:02d}", os.urandom(MESSAGE_BYTES)) for n in range(10)]
    await queue.send(batch)
    received: list[ReceivedMessage] = []
    while len(received) < len(batch):
        received += await queue.receive(10, max_wait_time=SOON)
    assert [one.message for one in received] == batch


async def test_a_message_that_is_sent_again_comes_again_under_its_own_id(connect: Connect):
    queue = connect().queue("events")
    await queue.send([message("journal:main:7")])
    await queue.send([message("journal:main:7"), message("journal:main:8")])
    received = await queue.receive(10, max_wait_time=SOON)
    assert names(received) == ["journal:main:7", "journal:main:7", "journal:main:8"]
    assert len({one.sequence_number for one in received}) == 3


async def test_what_one_process_locked_another_can_neither_settle_nor_receive_until_the_lock_ran_out(
    connect: Connect, clock: ManualClock
):
    ours, theirs = connect().queue("commands"), connect().queue("commands")
    await ours.send([message("a")])
    (held,) = await ours.receive(1, max_wait_time=SOON)
    with pytest.raises(MessageLockLost):
        await theirs.complete(held)
    assert await theirs.receive(1) == []
    counts = await theirs.counts()
    assert (counts.active, counts.locked) == (1, 0)
    clock.advance(LOCK_SECONDS)
    (again,) = await theirs.receive(1, max_wait_time=SOON)
    assert (again.message.message_id, again.delivery_count) == ("a", 2)
    with pytest.raises(MessageLockLost):
        await ours.complete(held)
    await theirs.complete(again)


async def test_closing_gives_back_uncounted_what_was_delivered_but_never_taken(connect: Connect):
    first, second = connect().queue("commands"), connect().queue("commands")
    await second.send([message("a")])
    (taken,) = await first.receive(10, max_wait_time=SOON)
    await first.complete(taken)
    await second.send([message(name) for name in "bcd"])
    await first.close()
    received = await second.receive(10, max_wait_time=SOON)
    assert [(one.message.message_id, one.delivery_count) for one in received] == [
        ("b", 1),
        ("c", 1),
        ("d", 1),
    ]


async def test_a_receive_that_was_cancelled_leaves_its_messages_to_the_next_one(connect: Connect):
    queue, sender = connect().queue("commands"), connect().queue("commands")
    assert await queue.receive(1) == []
    received: list[ReceivedMessage] = []
    for round_number in range(2 * MAX_DELIVERY_COUNT):
        waiting = asyncio.create_task(queue.receive(5, max_wait_time=SOON))
        await sender.send([message(f"{round_number}")])
        waiting.cancel()
        with suppress(asyncio.CancelledError):  # it may just have received
            received += await waiting
    while len(received) < 2 * MAX_DELIVERY_COUNT:
        received += await queue.receive(10, max_wait_time=SOON)
    found = {one.message.message_id: one.delivery_count for one in received}
    assert found == {f"{n}": 1 for n in range(2 * MAX_DELIVERY_COUNT)}


async def test_the_client_of_functions_reads_what_was_sent_and_why_it_was_set_aside(
    broker: Broker, connect: Connect
):
    queue = connect().queue("events")
    sent = Message(
        body=b'{"price":"1.0842"}',
        message_id="journal:main:7",
        correlation_id="request-1",
        subject="trade.started",
        application_properties={"tenant": "t"},
    )
    await queue.send([sent, message("bad", b"not json")])
    _, bad = await queue.receive(2, max_wait_time=SOON)
    await queue.dead_letter(bad, reason="malformed", error_description="line 1: expected {")
    await queue.close()  # the other one is delivered again once its lock ran out, or was given back

    def read() -> tuple[object, ...]:
        with ServiceBusClient.from_connection_string(broker.connection_string) as client:
            with client.get_queue_receiver("events", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
                [dead] = receiver.receive_messages(1, max_wait_time=SOON)
                receiver.complete_message(dead)
            with client.get_queue_receiver("events") as receiver:
                [seen] = receiver.peek_messages(5)
        told = (dead.message_id, dead.dead_letter_reason, dead.dead_letter_error_description)
        shown = (seen.message_id, seen.correlation_id, seen.subject, b"".join(seen.body))
        return *told, *shown, seen.application_properties

    assert await asyncio.to_thread(read) == (
        *("bad", "malformed", "line 1: expected {"),
        *("journal:main:7", "request-1", "trade.started", sent.body),
        {b"tenant": b"t"},
    )


async def test_what_the_client_of_functions_sends_is_received_whole(broker: Broker, connect: Connect):
    def send() -> None:
        outgoing = ServiceBusMessage(
            b"{}", message_id="c", correlation_id="r", content_type="application/json"
        )
        with (
            ServiceBusClient.from_connection_string(broker.connection_string) as client,
            client.get_queue_sender("commands") as sender,
        ):
            sender.send_messages(outgoing)

    await asyncio.to_thread(send)
    (received,) = await connect().queue("commands").receive(1, max_wait_time=SOON)
    assert received.message == Message(body=b"{}", message_id="c", correlation_id="r")


@pytest.mark.parametrize("connection_string", ["", "Endpoint=sb://", "AccountKey=abc"])
def test_a_connection_string_that_is_none_is_refused_before_anything_connects(connection_string: str):
    with pytest.raises(ValueError, match=r"(?i)connection string|endpoint"):
        connect_namespace(connection_string=connection_string)


class Identity:
    """A token credential that nobody asks."""

    closed = False

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        raise AssertionError(f"nothing connects here, but {scopes} were asked for")

    async def close(self) -> None:
        self.closed = True

    async def __aenter__(self) -> "Identity":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


async def test_a_namespace_by_host_name_connects_when_used_and_closes_its_identity():
    identity = Identity()
    namespace = connect_namespace(namespace="house.servicebus.windows.net", credential=identity)
    queue = namespace.queue("commands")
    await queue.close()
    await namespace.close()
    assert identity.closed


def test_a_host_name_without_an_identity_is_refused():
    with pytest.raises(ValueError, match="credential"):
        connect_namespace(namespace="house.servicebus.windows.net")
