"""What was changed reaches the queue: at once where it can, later where it could not, and never twice to any effect."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from kopitra.application.ports.queue import Message, QueueUnavailable
from kopitra_functions.publishing.publisher import Publisher
from kopitra_functions.publishing.revisions import next_revision
from kopitra_functions.sql.database import DatabaseResuming
from tests.management.http.configured import account, shop
from tests.management.world import Managed, managed


class Stubborn:
    """A queue that refuses, or that takes everything and then fails to say so."""

    def __init__(self, house: Managed) -> None:
        self._queue = house.world.queues.commands
        self.refuses = False
        self.loses_its_word = False

    async def send(self, messages: Sequence[Message]) -> None:
        if self.refuses:
            raise QueueUnavailable("away")
        await self._queue.send(messages)
        if self.loses_its_word:
            raise QueueUnavailable("the connection ended")


@pytest.fixture
def queue(house: Managed, monkeypatch: pytest.MonkeyPatch) -> Stubborn:
    stubborn = Stubborn(house)
    monkeypatch.setattr(house.desk.publisher, "_queue", stubborn)
    return stubborn


async def test_a_queue_that_is_away_leaves_the_change_done_and_its_publication_waiting(
    house: Managed, queue: Stubborn
):
    queue.refuses = True
    await account(house, "a")
    assert (await house.pending(), await house.published()) == (1, [])
    with pytest.raises(QueueUnavailable):
        await house.desk.publisher.publish_pending()
    queue.refuses = False
    assert await house.desk.publisher.publish_pending() == 1
    assert (await house.pending(), len(await house.published())) == (0, 1)
    assert await house.desk.publisher.publish_pending() == 0


async def test_what_waited_goes_before_what_comes_later(house: Managed, queue: Stubborn):
    queue.refuses = True
    await account(house, "a")
    await account(house, "b")
    queue.refuses = False
    await account(house, "c")
    assert [each["account"] for each in await house.published()] == ["a", "b", "c"]


async def test_a_send_whose_outcome_is_unknown_is_repeated_as_the_same_message(
    house: Managed, queue: Stubborn
):
    queue.loses_its_word = True
    await account(house, "a")
    assert await house.pending() == 1
    queue.loses_its_word = False
    await house.desk.publisher.publish_pending()
    sent = await house.world.queues.commands.peek(10)
    assert {each.message.message_id for each in sent} == {sent[0].message.message_id}
    assert {each["revision"] for each in await house.published()} == {
        (await house.published())[0]["revision"]
    }


async def test_a_process_that_dies_before_it_sends_leaves_it_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def dead(_: Publisher) -> bool:
        return False

    async with managed(tmp_path) as house:
        with monkeypatch.context() as patch:
            patch.setattr(Publisher, "try_to_publish", dead)
            await account(house, "a")
        assert (await house.pending(), await house.published()) == (1, [])
    async with managed(tmp_path) as house:
        assert await house.desk.publisher.publish_pending() == 1
        assert [each["account"] for each in await house.published()] == ["a"]


async def test_a_database_that_pauses_between_send_and_mark_costs_a_repeat_only(
    house: Managed, monkeypatch: pytest.MonkeyPatch
):
    write = house.database.write
    calls = 0

    async def pauses_at_the_mark(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise DatabaseResuming("paused", retry_after_seconds=15)
        return await write(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(house.database, "write", pauses_at_the_mark)
    await account(house, "a")
    monkeypatch.undo()
    assert (await house.pending(), len(await house.published())) == (1, 1)
    await house.desk.publisher.publish_pending()
    assert (await house.pending(), len(await house.published())) == (0, 2)


async def test_many_changes_at_once_are_all_published_in_the_order_of_their_commits(house: Managed):
    await shop(house)
    await asyncio.gather(*(account(house, f"x{number}") for number in range(12)))
    assert await house.pending() == 0
    published = [
        each["account"] for each in await house.published() if each.get("account", "").startswith("x")
    ]
    assert sorted(published) == sorted(f"x{number}" for number in range(12))
    rows = (await house.rows())["pending_commands"]
    ordered = [row[2] for row in sorted(rows)]
    assert ordered == [each.message.message_id for each in await house.world.queues.commands.peek(100)]


async def test_a_refused_change_publishes_nothing(house: Managed):
    await shop(house)
    before = len(await house.published())
    assert (await house.call("PUT", "/subscriptions/s-1", {"rules": {}}, version=1)).status == 422
    assert (await house.call("PUT", "/subscriptions/s-1", {"rules": {}}, version=7)).status == 412
    assert (await house.pending(), len(await house.published())) == (0, before)


def test_a_revision_grows_even_where_the_clock_does_not(house: Managed) -> None:
    now = house.world.clock.now()
    assert next_revision(0, now) == int(now.timestamp() * 1000)
    ahead = next_revision(0, now) + 5_000
    assert next_revision(ahead, now) == ahead + 1
