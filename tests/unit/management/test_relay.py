"""Committed events reach the management side, in order, at least once, and never ahead of the journal."""

import asyncio
from typing import Any

import msgspec
import pytest

from kopitra.application.ports.blobs import BlobsUnavailable
from kopitra.application.ports.queue import MESSAGE_BYTES, QueueUnavailable
from kopitra.application.relay import Relay, published_through
from kopitra.machine.codec import EVENTS
from kopitra.machine.commands import Checkpoint
from kopitra.simulation.blobs import MemoryBlobs
from kopitra.simulation.queue import MemoryQueue
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.unit.engine.shard import Instance, Shard


class Setting:
    def __init__(self, time: VirtualTime, instance: Instance) -> None:
        self.instance = instance
        self.queue = MemoryQueue(time, time)
        self.blobs = MemoryBlobs(time)
        self.time = time

    def relay(self) -> Relay:
        instance = self.instance
        return Relay(
            journal=instance.journal,
            queue=self.queue,
            blobs=self.blobs,
            sleeper=self.time,
            decode=EVENTS.decode,
            tenants=lambda: {a.account: a.tenant for a in instance.engine.state.accounts.values()},
        )

    def sent(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(m.message.body) for _, m in sorted(self.queue.waiting.items())]


async def setting(time: VirtualTime, followers: int = 2) -> Setting:
    return Setting(time, await Shard(time).instance().configured(followers))


def test_every_published_event_is_sent_once_and_in_order() -> None:
    async def main(time: VirtualTime) -> None:
        place = await setting(time)
        relay = place.relay()
        await relay.publish()
        await place.instance.send()
        await relay.publish()
        await relay.publish()
        sequences = [m["sequence"] for m in place.sent()]
        assert sequences == sorted(set(sequences))
        assert place.sent()[-1]["messageType"] == "copy.planned"
        assert place.sent()[-1]["tenant"] == "acme"
        assert relay.sequence == place.instance.engine.committed
        assert await published_through(place.blobs, place.instance.journal) == relay.sequence

    run_virtual(1, main)


def test_a_relay_that_starts_again_goes_on_from_its_checkpoint() -> None:
    async def main(time: VirtualTime) -> None:
        place = await setting(time)
        await place.relay().publish()
        count = len(place.sent())
        place.instance.tasks.spawn(place.relay().run())
        await time.sleep(5)
        assert len(place.sent()) == count

    run_virtual(1, main)


def test_each_message_names_the_end_of_the_one_before_whatever_lies_between() -> None:
    async def main(time: VirtualTime) -> None:
        place = await setting(time)
        first = place.relay()
        await first.publish()
        restarted = place.relay()
        tasks = place.instance.tasks
        tasks.spawn(restarted.run())
        for number in range(3):
            await place.instance.engine.submit([Checkpoint(consumer="sql", sequence=number + 1)])
            await place.instance.send(ref=f"p{number}")
            restarted.wake()
            await time.sleep(1)
        chain = [(m["previousSequence"], m["sequence"], m["lastSequence"]) for m in place.sent()]
        assert [previous for previous, _, _ in chain] == [0, *(last for _, _, last in chain[:-1])]
        assert any(sequence - previous > 1 for previous, sequence, _ in chain)

    run_virtual(1, main)


def test_a_refusing_queue_is_tried_again_and_loses_nothing() -> None:
    async def main(time: VirtualTime) -> None:
        place = await setting(time)
        real, refused = place.queue.send, 0

        async def send(messages: Any) -> None:
            nonlocal refused
            if refused < 3:
                refused += 1
                raise QueueUnavailable("away")
            await real(messages)

        place.queue.send = send  # type: ignore[method-assign]
        relay = place.relay()
        place.instance.tasks.spawn(relay.run())
        await time.sleep(30)
        assert refused == 3
        assert relay.sequence == place.instance.engine.committed

    run_virtual(1, main)


def test_an_idle_relay_reads_nothing() -> None:
    async def main(time: VirtualTime) -> None:
        place = await setting(time)
        relay = place.relay()
        place.instance.tasks.spawn(relay.run())
        await time.sleep(5)
        reads = 0
        real = place.instance.journal.read

        def read(after: int = 0) -> Any:
            nonlocal reads
            reads += 1
            return real(after)

        place.instance.journal.read = read  # type: ignore[method-assign]
        await time.sleep(3600)
        assert reads == 0
        relay.wake()
        await time.sleep(1)
        assert reads == 1

    run_virtual(1, main)


@pytest.mark.parametrize("followers", [300])
def test_a_plan_too_large_for_a_message_goes_by_reference(followers: int) -> None:
    async def main(time: VirtualTime) -> None:
        place = await setting(time, followers)
        await place.instance.send()
        await place.relay().publish()
        message = place.sent()[-1]
        whole = msgspec.json.decode(place.blobs.contents[message["payload"]["blob"]])
        assert len(whole["decisions"]) == followers
        assert all(len(m.message.body) <= MESSAGE_BYTES for m in place.queue.waiting.values())

    run_virtual(1, main)


class Away(MemoryBlobs):
    """Cannot be reached for the first `times` reads."""

    times = 2

    async def get(self, name: str) -> bytes:
        if self.times:
            self.times -= 1
            raise BlobsUnavailable("away")
        return await super().get(name)


def test_a_relay_that_cannot_read_where_it_stopped_waits_and_goes_on() -> None:
    async def main(time: VirtualTime) -> None:
        place = await setting(time)
        place.blobs = Away(time)
        relay = place.relay()
        running = asyncio.ensure_future(relay.run())
        await time.sleep(30)
        assert relay.sequence == place.instance.engine.committed
        running.cancel()

    run_virtual(1, main)
