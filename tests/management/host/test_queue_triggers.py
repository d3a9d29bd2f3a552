"""Queue triggers of the local host: peek-lock, renewal, redelivery, dead letter, batches, concurrency, stop."""

from collections.abc import Sequence
from datetime import timedelta

from azure.functions import ServiceBusMessage

from kopitra.application.ports.queue import (
    LOCK_DURATION,
    MAX_DELIVERY_COUNT,
    Message,
    QueueUnavailable,
    ReceivedMessage,
)
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.management.host.functions import Hosting, in_batches, one_by_one

LOCK = LOCK_DURATION.total_seconds()


def test_a_message_is_given_as_azure_gives_it_and_is_gone_when_the_function_returns():
    async def main(time: VirtualTime) -> None:
        hosting, seen = Hosting(time), list[ServiceBusMessage]()

        async def work(message: ServiceBusMessage) -> None:
            seen.append(message)

        message = Message(
            body=b"body", message_id="m", correlation_id="c", subject="s", application_properties={"a": "1"}
        )
        host = hosting.host(one_by_one(work))
        await host.start()
        await hosting.queue.send([message])
        await time.sleep(1)
        await host.stop()
        [given] = seen
        assert (given.get_body(), given.message_id, given.correlation_id) == (b"body", "m", "c")
        assert (given.subject, given.application_properties, given.delivery_count) == ("s", {"a": "1"}, 1)
        assert given.sequence_number == 1
        assert given.enqueued_time_utc is not None
        counts = await hosting.counts()
        assert (counts.active, counts.locked, counts.dead_letter) == (0, 0, 0)

    run_virtual(1, main)


def test_a_message_whose_function_fails_comes_again_and_then_is_set_aside_with_the_exception_as_reason():
    async def main(time: VirtualTime) -> None:
        hosting, deliveries = Hosting(time), list[int | None]()

        async def work(message: ServiceBusMessage) -> None:
            deliveries.append(message.delivery_count)
            raise ValueError("no such account")

        host = hosting.host(one_by_one(work))
        await host.start()
        await hosting.send("poison")
        await time.sleep(1)
        await host.stop()
        assert deliveries == list(range(1, MAX_DELIVERY_COUNT + 1))
        [dead] = await hosting.dead()
        assert (dead.dead_letter_reason, dead.dead_letter_error_description) == (
            "ValueError",
            "no such account",
        )

    run_virtual(1, main)


def test_a_failure_that_passes_leaves_nothing_behind():
    async def main(time: VirtualTime) -> None:
        hosting, done = Hosting(time), list[str]()

        async def work(message: ServiceBusMessage) -> None:
            if message.delivery_count == 1:
                raise OSError("for a moment")
            done.append(message.message_id)

        host = hosting.host(one_by_one(work))
        await host.start()
        await hosting.send("a", "b")
        await time.sleep(1)
        await host.stop()
        assert sorted(done) == ["a", "b"]
        assert await hosting.dead() == []

    run_virtual(1, main)


def test_a_lock_is_renewed_for_as_long_as_the_function_runs():
    async def main(time: VirtualTime) -> None:
        hosting, calls = Hosting(time), list[str]()

        async def work(message: ServiceBusMessage) -> None:
            calls.append(message.message_id)
            await time.sleep(4 * LOCK)

        host = hosting.host(one_by_one(work))
        await host.start()
        await hosting.send("slow")
        await time.sleep(5 * LOCK)
        await host.stop()
        assert calls == ["slow"]
        assert (await hosting.counts()).locked == 0

    run_virtual(1, main)


def test_a_function_that_hangs_loses_its_lock_to_another():
    async def main(time: VirtualTime) -> None:
        hosting, calls = Hosting(time), list[str]()

        async def work(message: ServiceBusMessage) -> None:
            calls.append(message.message_id)
            if len(calls) == 1:
                await time.sleep(20 * LOCK)

        host = hosting.host(one_by_one(work), lock_renewal=2 * LOCK)
        await host.start()
        await hosting.send("hangs")
        await time.sleep(6 * LOCK)
        await host.stop()
        assert calls == ["hangs", "hangs"]

    run_virtual(1, main)


def test_a_batch_holds_what_is_there_in_order_and_is_settled_as_one():
    async def main(time: VirtualTime) -> None:
        hosting, batches = Hosting(time), list[list[str]]()

        async def work(messages: Sequence[ServiceBusMessage]) -> None:
            batches.append([message.message_id for message in messages])
            if len(batches) == 1:
                raise OSError("for a moment")

        await hosting.send(*"abcde")
        host = hosting.host(in_batches(work), batch_messages=3)
        await host.start()
        await time.sleep(1)
        await host.stop()
        assert batches == [["a", "b", "c"], ["a", "b", "c"], ["d", "e"]]
        assert (await hosting.counts()).active == 0

    run_virtual(1, main)


def test_no_more_calls_run_at_a_time_than_the_limit_allows():
    async def main(time: VirtualTime) -> None:
        hosting, running, most, done = Hosting(time), 0, 0, 0

        async def work(message: ServiceBusMessage) -> None:
            nonlocal running, most, done
            running += 1
            most = max(most, running)
            await time.sleep(1)
            running -= 1
            done += 1

        await hosting.send(*"abcdefgh")
        host = hosting.host(one_by_one(work), concurrent_calls=3)
        await host.start()
        await time.sleep(10)
        await host.stop()
        assert (most, done) == (3, 8)

    run_virtual(1, main)


def test_a_stop_lets_running_calls_end_and_takes_nothing_more():
    async def main(time: VirtualTime) -> None:
        hosting, done = Hosting(time), list[str]()

        async def work(message: ServiceBusMessage) -> None:
            await time.sleep(5)
            done.append(message.message_id)

        await hosting.send("first", "second")
        host = hosting.host(one_by_one(work), concurrent_calls=1, grace=6.0)
        await host.start()
        await time.sleep(1)
        await host.stop()
        assert done == ["first"]
        counts = await hosting.counts()
        assert (counts.active, counts.locked) == (1, 0)

    run_virtual(1, main)


def test_what_outlives_the_grace_is_broken_off_and_given_back():
    async def main(time: VirtualTime) -> None:
        hosting, ended = Hosting(time), list[str]()

        async def work(message: ServiceBusMessage) -> None:
            await time.sleep(1000)
            ended.append(message.message_id)

        await hosting.send("endless")
        host = hosting.host(one_by_one(work), grace=3.0)
        await host.start()
        await time.sleep(1)
        before = time.monotonic()
        await host.stop()
        assert time.monotonic() - before == 3.0
        assert ended == []
        counts = await hosting.counts()
        assert (counts.active, counts.locked) == (1, 0)

    run_virtual(1, main)


def test_an_idle_host_stops_at_once():
    async def main(time: VirtualTime) -> None:
        async def work(message: ServiceBusMessage) -> None:
            raise AssertionError("there is none")

        host = Hosting(time).host(one_by_one(work))
        await host.start()
        await time.sleep(100)
        before = time.monotonic()
        await host.stop()
        assert time.monotonic() == before

    run_virtual(1, main)


def test_a_queue_that_is_away_is_waited_for():
    async def main(time: VirtualTime) -> None:
        hosting, done = Hosting(time), list[str]()
        back = time.now() + timedelta(seconds=30)
        receive = hosting.queue.receive

        async def away(count: int = 1, **options: float) -> Sequence[ReceivedMessage]:
            if time.now() < back:
                raise QueueUnavailable("away")
            return await receive(count, **options)  # type: ignore[arg-type]

        hosting.queue.receive = away  # type: ignore[method-assign,assignment]

        async def work(message: ServiceBusMessage) -> None:
            done.append(message.message_id)

        await hosting.send("a")
        host = hosting.host(one_by_one(work))
        await host.start()
        await time.sleep(40)
        await host.stop()
        assert done == ["a"]

    run_virtual(1, main)


def test_a_host_that_breaks_says_so():
    async def main(time: VirtualTime) -> None:
        hosting = Hosting(time)

        async def broken(count: int = 1, **options: float) -> Sequence[ReceivedMessage]:
            raise ZeroDivisionError

        hosting.queue.receive = broken  # type: ignore[method-assign,assignment]

        async def work(message: ServiceBusMessage) -> None:
            """Never called."""

        host = hosting.host(one_by_one(work))
        await host.start()
        assert isinstance(await host.failed(), ZeroDivisionError)
        await host.stop()

    run_virtual(1, main)
