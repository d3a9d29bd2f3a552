"""What every queue promises; the names and the behaviour are Service Bus's."""

import asyncio
import os
from collections.abc import Sequence
from datetime import timedelta
from types import NoneType

import pytest

from kopitra.application.ports.queue import (
    LOCK_DURATION,
    MAX_DELIVERY_COUNT,
    MESSAGE_BYTES,
    Message,
    MessageLockLost,
    MessageTooLarge,
    Queue,
    QueueUnavailable,
    ReceivedMessage,
)
from tests.conformance.queue_stores import QueueStore

LOCK_SECONDS = LOCK_DURATION.total_seconds()
SOON = 5.0
"""Seconds of patience where a message is sure to come."""


def message(name: str, body: bytes = b"{}") -> Message:
    return Message(body=body, message_id=name)


def names(received: Sequence[ReceivedMessage]) -> list[str]:
    return [one.message.message_id for one in received]


async def one(queue: Queue, *, dead_letter: bool = False) -> ReceivedMessage:
    (received,) = await queue.receive(1, dead_letter=dead_letter)
    return received


async def test_messages_arrive_in_order_and_whole(queues: QueueStore):
    queue = await queues.open()
    whole = Message(
        body=bytes(range(256)) + "ключ 鍵".encode(),
        message_id="journal:main:7",
        correlation_id="request-1",
        session_id="account-1",
        subject="trade.started",
        content_type="application/octet-stream",
        application_properties={"tenant": "t", "schéma": "1"},
        time_to_live=timedelta(days=14),
    )
    await queue.send([whole, message("second")])
    await queue.send([message("third")])
    received = await queue.receive(10)
    assert received[0].message == whole
    assert names(received) == ["journal:main:7", "second", "third"]
    assert [one.delivery_count for one in received] == [1, 1, 1]
    assert received[0].sequence_number < received[1].sequence_number < received[2].sequence_number
    assert received[0].enqueued_time_utc == queues.clock.now()
    assert received[0].locked_until_utc == queues.clock.now() + LOCK_DURATION


async def test_an_empty_queue_gives_nothing_at_once(queues: QueueStore):
    queue = await queues.open()
    assert await queue.receive(10) == []
    assert await queue.peek(10) == []
    await queue.send([])
    assert (await queue.counts()).active == 0


async def test_a_locked_message_is_nobody_elses(queues: QueueStore):
    first, second = await queues.open(), await queues.open()
    await first.send([message("a"), message("b")])
    assert names(await first.receive(1)) == ["a"]
    assert names(await second.receive(10)) == ["b"]
    assert await first.receive(10) == []


async def test_a_completed_message_is_gone_for_good(queues: QueueStore):
    queue = await queues.open()
    await queue.send([message("a")])
    await queue.complete(await one(queue))
    queues.clock.advance(LOCK_SECONDS + 1)
    assert await queue.receive(1) == []
    counts = await queue.counts()
    assert (counts.active, counts.locked, counts.scheduled, counts.dead_letter) == (0, 0, 0, 0)


async def test_messages_completed_together_are_gone_but_for_those_whose_lock_ran_out(queues: QueueStore):
    queue = await queues.open()
    await queue.send([message(name) for name in "abcde"])
    lost = await queue.receive(2)
    queues.clock.advance(LOCK_SECONDS + 1)
    again = await queue.receive(5)
    assert names(again) == list("abcde")
    together = [*lost, *again[1:]]
    results = await asyncio.gather(*map(queue.complete, together), return_exceptions=True)
    assert [type(result) for result in results] == [MessageLockLost] * 2 + [NoneType] * 4
    queues.clock.advance(LOCK_SECONDS + 1)
    assert names(await queue.receive(5)) == ["a"]


async def test_an_abandoned_message_comes_again_before_later_ones_and_is_counted(queues: QueueStore):
    queue = await queues.open()
    await queue.send([message("a"), message("b")])
    await queue.abandon(await one(queue))
    again = await one(queue)
    assert (again.message.message_id, again.delivery_count) == ("a", 2)


async def test_a_lock_that_ran_out_frees_the_message_and_binds_the_first_receiver_no_more(queues: QueueStore):
    queue, other = await queues.open(), await queues.open()
    await queue.send([message("a")])
    late = await one(queue)
    queues.clock.advance(LOCK_SECONDS - 1)
    assert await other.receive(1) == []
    queues.clock.advance(1)
    with pytest.raises(MessageLockLost):
        await queue.complete(late)
    again = await one(other)
    assert again.delivery_count == 2
    for attempt in (queue.complete(late), queue.abandon(late), queue.dead_letter(late, reason="late")):
        with pytest.raises(MessageLockLost):
            await attempt
    with pytest.raises(MessageLockLost):
        await queue.renew_lock(late)
    await other.complete(again)


async def test_a_renewed_lock_lasts_a_full_duration_from_then(queues: QueueStore):
    queue, other = await queues.open(), await queues.open()
    await queue.send([message("a")])
    held = await one(queue)
    for _ in range(5):
        queues.clock.advance(LOCK_SECONDS - 1)
        held = await queue.renew_lock(held)
        assert held.locked_until_utc == queues.clock.now() + LOCK_DURATION
        assert await other.receive(1) == []
    await queue.complete(held)


async def test_the_third_failed_delivery_is_the_last(queues: QueueStore):
    queue = await queues.open()
    await queue.send([message("poison"), message("fine")])
    for delivery in range(1, MAX_DELIVERY_COUNT + 1):
        received = await one(queue)
        assert (received.message.message_id, received.delivery_count) == ("poison", delivery)
        await queue.abandon(received)
    assert names(await queue.receive(10)) == ["fine"]
    dead = await one(queue, dead_letter=True)
    assert dead.message.message_id == "poison"
    assert dead.dead_letter_reason == "MaxDeliveryCountExceeded"


async def test_locks_that_ran_out_three_times_lead_to_the_dead_letter_too(queues: QueueStore):
    queue = await queues.open()
    await queue.send([message("poison")])
    for _ in range(MAX_DELIVERY_COUNT):
        await one(queue)
        queues.clock.advance(LOCK_SECONDS)
    assert await queue.receive(1) == []
    assert (await queue.counts()).dead_letter == 1


async def test_a_malformed_message_is_set_aside_at_once_with_its_reason(queues: QueueStore):
    queue = await queues.open()
    await queue.send([message("bad", b"not json")])
    await queue.dead_letter(await one(queue), reason="malformed", error_description="line 1: expected {")
    assert await queue.receive(1) == []
    dead = await one(queue, dead_letter=True)
    assert dead.message == message("bad", b"not json")
    assert (dead.dead_letter_reason, dead.dead_letter_error_description) == (
        "malformed",
        "line 1: expected {",
    )
    await queue.complete(dead)
    assert (await queue.counts()).dead_letter == 0


async def test_a_dead_letter_is_never_lost_however_often_it_is_looked_at(queues: QueueStore):
    queue = await queues.open()
    await queue.send([message("bad")])
    await queue.dead_letter(await one(queue), reason="malformed")
    for delivery in range(2 * MAX_DELIVERY_COUNT):
        dead = await one(queue, dead_letter=True)
        assert dead.delivery_count == delivery + 2
        await queue.abandon(dead)
    assert (await queue.counts()).dead_letter == 1


async def test_a_replayed_dead_letter_starts_anew_at_the_end(queues: QueueStore):
    queue = await queues.open()
    await queue.send([message("first"), message("second")])
    await queue.dead_letter(await one(queue), reason="malformed")
    await queue.replay(await one(queue, dead_letter=True))
    received = await queue.receive(10)
    assert names(received) == ["second", "first"]
    assert [one.delivery_count for one in received] == [1, 1]
    assert received[1].dead_letter_reason is None
    assert (await queue.counts()).dead_letter == 0


async def test_replaying_needs_the_lock(queues: QueueStore):
    queue = await queues.open()
    await queue.send([message("a")])
    await queue.dead_letter(await one(queue), reason="malformed")
    dead = await one(queue, dead_letter=True)
    queues.clock.advance(LOCK_SECONDS)
    with pytest.raises(MessageLockLost):
        await queue.replay(dead)
    assert (await queue.counts()).dead_letter == 1


async def test_a_message_whose_time_ran_out_is_set_aside_not_dropped(queues: QueueStore):
    queue = await queues.open()
    await queue.send(
        [Message(body=b"{}", message_id="brief", time_to_live=timedelta(seconds=10)), message("lasting")]
    )
    queues.clock.advance(10)
    assert names(await queue.receive(10)) == ["lasting"]
    dead = await one(queue, dead_letter=True)
    assert (dead.message.message_id, dead.dead_letter_reason) == ("brief", "TTLExpiredException")


async def test_a_scheduled_message_waits_for_its_time(queues: QueueStore):
    queue = await queues.open()
    at = queues.clock.now() + timedelta(seconds=30)
    await queue.send([Message(body=b"{}", message_id="later", scheduled_enqueue_time_utc=at), message("now")])
    assert names(await queue.receive(10)) == ["now"]
    assert (await queue.counts()).scheduled == 1
    queues.clock.advance(30)
    assert names(await queue.receive(10)) == ["later"]


async def test_looking_takes_nothing(queues: QueueStore):
    queue = await queues.open()
    await queue.send([message(name) for name in "abc"])
    locked = await one(queue)
    seen = await queue.peek(10)
    assert names(seen) == ["a", "b", "c"]
    assert [one.lock_token for one in seen] == ["", "", ""]
    assert [one.locked_until_utc for one in seen] == [locked.locked_until_utc, None, None]
    assert names(await queue.peek(1, from_sequence_number=seen[1].sequence_number)) == ["b"]
    assert names(await queue.receive(10)) == ["b", "c"]
    with pytest.raises(MessageLockLost):
        await queue.complete(seen[0])


async def test_counts_tell_where_messages_are(queues: QueueStore):
    queue = await queues.open()
    at = queues.clock.now() + timedelta(seconds=30)
    await queue.send([message(name) for name in "abcde"])
    await queue.send([Message(body=b"{}", message_id="later", scheduled_enqueue_time_utc=at)])
    locked = await queue.receive(3)
    await queue.dead_letter(locked[0], reason="malformed")
    counts = await queue.counts()
    assert (counts.active, counts.locked, counts.scheduled, counts.dead_letter) == (2, 2, 1, 1)


async def test_a_message_above_the_limit_is_refused_with_its_whole_batch(queues: QueueStore):
    queue = await queues.open()
    with pytest.raises(MessageTooLarge):
        await queue.send([message("fits"), message("large", os.urandom(MESSAGE_BYTES + 1))])
    assert (await queue.counts()).active == 0
    await queue.send([message("largest", os.urandom(MESSAGE_BYTES))])
    assert names(await queue.receive(1)) == ["largest"]


async def test_messages_survive_a_restart_and_keep_their_locks(queues: QueueStore):
    before = await queues.open()
    await before.send([message("a"), message("b")])
    held = await one(before)
    await before.close()
    after = await queues.open()
    assert names(await after.receive(10)) == ["b"]
    await after.complete(held)
    queues.clock.advance(LOCK_SECONDS)
    assert names(await after.receive(10)) == ["b"]


async def test_queues_do_not_see_each_others_messages(queues: QueueStore):
    events, commands = await queues.open("events"), await queues.open("commands")
    await events.send([message("e")])
    await commands.send([message("c")])
    assert names(await commands.receive(10)) == ["c"]
    assert names(await events.receive(10)) == ["e"]


async def test_a_waiting_receiver_gets_what_arrives_meanwhile(queues: QueueStore):
    queue = await queues.open()
    waiting = asyncio.create_task(queue.receive(10, max_wait_time=SOON))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await queue.send([message("a")])
    assert names(await waiting) == ["a"]


async def test_a_waiting_receiver_gets_what_another_instance_sends(queues: QueueStore):
    queue, sender = await queues.open(), await queues.open()
    waiting = asyncio.create_task(queue.receive(10, max_wait_time=SOON))
    await asyncio.sleep(0.02)
    await sender.send([message("a")])
    assert names(await waiting) == ["a"]


async def test_a_waiting_receiver_gets_what_becomes_due_abandoned_or_replayed(queues: QueueStore):
    queue, other = await queues.open(), await queues.open()
    at = queues.clock.now() + timedelta(seconds=30)
    await queue.send([Message(body=b"{}", message_id="a", scheduled_enqueue_time_utc=at)])
    waiting = asyncio.create_task(queue.receive(1, max_wait_time=SOON))
    await asyncio.sleep(0.02)
    queues.clock.advance(30)
    (received,) = await waiting
    for change in (other.abandon, queue.abandon):
        waiting = asyncio.create_task(other.receive(1, max_wait_time=SOON))
        await asyncio.sleep(0.02)
        await change(received)
        (received,) = await waiting
    await other.dead_letter(received, reason="malformed")
    dead = await one(queue, dead_letter=True)
    waiting = asyncio.create_task(other.receive(1, max_wait_time=SOON))
    await asyncio.sleep(0.02)
    await queue.replay(dead)
    assert names(await waiting) == ["a"]


async def test_waiting_ends_with_nothing_when_nothing_comes(queues: QueueStore):
    queue = await queues.open()
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert await queue.receive(1, max_wait_time=0.12) == []
    assert 0.1 <= loop.time() - started < 1


async def test_each_message_goes_to_one_of_several_receivers(queues: QueueStore):
    instances = [await queues.open() for _ in range(3)]
    await instances[0].send([message(f"{n:03d}") for n in range(90)])

    async def drain(queue: Queue) -> list[str]:
        got: list[str] = []
        while received := await queue.receive(4):
            for one in received:
                await queue.complete(one)
            got += names(received)
        return got

    drained = await asyncio.gather(*map(drain, instances))
    assert sorted(name for got in drained for name in got) == [f"{n:03d}" for n in range(90)]


async def test_a_receiver_that_is_cancelled_leaves_its_messages_uncounted(queues: QueueStore):
    queue = await queues.open()
    await queue.send([message("a")])
    for _ in range(2 * MAX_DELIVERY_COUNT):
        receiving = asyncio.create_task(queue.receive(1))
        await asyncio.sleep(0)
        receiving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await receiving
    (received,) = await queue.receive(1, max_wait_time=SOON)
    assert received.delivery_count == 1


async def test_a_closed_queue_says_so_also_to_those_who_wait(queues: QueueStore):
    queue = await queues.open()
    waiting = asyncio.create_task(queue.receive(1, max_wait_time=SOON))
    await asyncio.sleep(0.02)
    await queue.close()
    await queue.close()
    with pytest.raises(QueueUnavailable):
        await waiting
    with pytest.raises(QueueUnavailable):
        await queue.send([message("a")])
