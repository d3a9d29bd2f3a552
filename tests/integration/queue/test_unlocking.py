"""Whoever knows that a queue's receivers are gone ends their locks: nobody waits for what a dead process holds."""

from pathlib import Path

import pytest

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.application.ports.queue import Message, MessageLockLost
from tests.fixtures.clocks import clock_at_the_present

NAMES = ("one", "two", "three")


async def test_what_was_locked_is_delivered_at_once_and_counted_and_other_queues_are_left_alone(
    tmp_path: Path,
):
    clock, ids = clock_at_the_present(), SystemIds()
    file = tmp_path / "queues.sqlite"
    gone = await SqliteQueue.open(file, "work", clock=clock, ids=ids)
    other = await SqliteQueue.open(file, "other", clock=clock, ids=ids)
    await gone.send([Message(body=b"{}", message_id=name) for name in NAMES])
    await other.send([Message(body=b"{}", message_id="theirs")])
    [held, _] = await gone.receive(2)
    assert len(await other.receive(1)) == 1

    queue = await SqliteQueue.open(file, "work", clock=clock, ids=ids)
    assert await queue.unlock_all() == 2
    received = await queue.receive(10)
    assert [one.message.message_id for one in received] == list(NAMES)
    assert [one.delivery_count for one in received] == [2, 2, 1]
    assert await other.receive(1) == []

    with pytest.raises(MessageLockLost):
        await gone.complete(held)
    await queue.complete(received[0])
    for each in (gone, other, queue):
        await each.close()
