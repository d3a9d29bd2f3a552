"""A poll costs what it returns, waits without cost, and nothing that is pending is lost or kept back."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from kopitra.application.handed_out import HandedOut
from kopitra.application.outbox_pages import Ask, Page
from kopitra.domain.identifiers import AccountId, JournalId
from kopitra.domain.trading import AckStatus, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import HaltMode, HaltScope
from kopitra.machine.state import OutboxItem
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.unit.engine.shard import FOLLOWER, Instance, Shard, taken
from tests.unit.machine.driven import NOW


def sequences(page: Page) -> list[int]:
    return [item.sequence for item in page.events]


async def opened(time: VirtualTime, count: int, followers: int = 1) -> tuple[Instance, list[int]]:
    """An instance, and the sequences of `count` opens that wait for each follower."""
    instance = await Shard(time).instance().configured(followers)
    firsts = [
        taken(outcome).first
        for outcome in await instance.engine.submit([instance.take(ref=f"p{n}") for n in range(count)])
    ]
    return instance, firsts


def test_pages_are_ascending_and_the_cursor_leads_through_them() -> None:
    async def main(time: VirtualTime) -> None:
        instance, firsts = await opened(time, 7)
        first = instance.page(0, limit=3)
        second = instance.page(first.cursor, limit=3)
        third = instance.page(second.cursor, limit=3)
        assert [*sequences(first), *sequences(second), *sequences(third)] == firsts
        assert (first.more, second.more, third.more) == (True, True, False)
        assert instance.page(third.cursor).events == []

    run_virtual(1, main)


def test_who_has_everything_is_told_so_by_the_cursor() -> None:
    """Else snapshots of a quiet account would never say that they contain what was acknowledged long ago."""

    async def main(time: VirtualTime) -> None:
        instance, firsts = await opened(time, 3)
        assert instance.page(0, limit=2).cursor == firsts[1]
        await instance.ack(firsts[0])
        assert instance.page(firsts[1]).cursor == instance.engine.committed
        assert instance.engine.committed > firsts[-1]
        unapproved = instance.delivery.page(Ask(account=FOLLOWER, cursor=0, limit=9, approved=False))
        assert unapproved.cursor == 0

    run_virtual(1, main)


def test_a_parked_poll_returns_as_soon_as_there_is_something_and_nobody_else_wakes() -> None:
    async def main(time: VirtualTime) -> None:
        instance, _ = await opened(time, 0, followers=2)
        cursor = instance.engine.committed
        follower = asyncio.create_task(instance.poll(cursor))
        leader = asyncio.create_task(instance.poll(cursor, AccountId("leader")))
        await time.sleep(5)
        assert instance.delivery.parked == 2
        at = time.monotonic()
        answer = await instance.send()
        page = await follower
        assert sequences(page) == [answer.first]
        assert time.monotonic() - at < 0.05
        assert not leader.done()
        assert not (await leader).has_news

    run_virtual(1, main)


def test_a_poll_ends_empty_when_its_time_is_over() -> None:
    async def main(time: VirtualTime) -> None:
        instance, _ = await opened(time, 0)
        at = time.monotonic()
        assert not (await instance.poll(instance.engine.committed, wait=10)).has_news
        assert 10 <= time.monotonic() - at <= 10.5

    run_virtual(1, main)


def test_more_than_a_page_lists_every_close_as_urgent() -> None:
    async def main(time: VirtualTime) -> None:
        instance, firsts = await opened(time, 5)
        for item in instance.page(0).events:
            assert item.order is not None
        closes = [
            taken(o).first
            for o in await instance.engine.submit(
                [instance.take(SignalAction.CLOSE, ref=f"p{n}") for n in range(3)]
            )
        ]
        page = instance.page(0, limit=2)
        assert sequences(page) == firsts[:2]
        assert [item.sequence for item in page.urgent] == closes
        assert instance.page(0, limit=100).urgent == []

    run_virtual(1, main)


def test_what_is_unretired_for_thirty_seconds_is_sent_again_whatever_the_cursor() -> None:
    async def main(time: VirtualTime) -> None:
        instance, firsts = await opened(time, 3)
        page = instance.page(0)
        await instance.ack(firsts[0])
        await instance.ack(firsts[1], status=AckStatus.RECEIVED)
        assert instance.page(page.cursor).events == []
        at = time.monotonic()
        again = await instance.poll(page.cursor, wait=25)
        again = again if again.has_news else await instance.poll(page.cursor, wait=25)
        assert 30 <= time.monotonic() - at <= 31
        assert sequences(again) == firsts[1:]
        assert again.cursor >= page.cursor
        assert instance.page(again.cursor).events == []

    run_virtual(1, main)


def test_everything_outstanding_is_sent_again_after_a_restart() -> None:
    async def main(time: VirtualTime) -> None:
        instance, firsts = await opened(time, 3)
        page = instance.page(0)
        await instance.ack(firsts[0])
        instance.crash()
        second = await instance.shard.instance("b").serving()
        assert sequences(second.page(page.cursor)) == firsts[1:]

    run_virtual(1, main)


@pytest.mark.parametrize("option", ["journal", "cursor"])
def test_a_foreign_cursor_starts_over_with_a_resync(option: str) -> None:
    async def main(time: VirtualTime) -> None:
        instance, firsts = await opened(time, 2)
        head = instance.engine.committed
        journal = JournalId("of another life")
        page = instance.page(head, journal_id=journal) if option == "journal" else instance.page(head + 1000)
        assert page.resync is not None
        assert sequences(page) == firsts

    run_virtual(1, main)


def test_an_undelivered_open_that_has_gone_stale_is_not_sent_and_a_delivered_one_is() -> None:
    async def main(time: VirtualTime) -> None:
        instance, firsts = await opened(time, 1)
        assert sequences(instance.page(0)) == firsts
        await instance.send(ref="never fetched")
        await time.sleep(65)
        assert sequences(instance.page(0)) == firsts, "the EA has it and must say what became of it"

    run_virtual(1, main)


def test_a_stale_open_is_kept_back_before_the_tick_has_expired_it() -> None:
    async def main(time: VirtualTime) -> None:
        instance, firsts = await opened(time, 1)
        item = instance.engine.state.accounts[FOLLOWER].outbox[firsts[0]]
        item.expires_at = time.now()
        assert instance.page(0).events == []
        await instance.do(commands.Tick())
        assert not instance.engine.state.accounts[FOLLOWER].outbox

    run_virtual(1, main)


def test_a_delivered_open_is_not_withdrawn_and_an_undelivered_one_is() -> None:
    async def main(time: VirtualTime) -> None:
        instance, firsts = await opened(time, 2)
        instance.page(0, limit=1)
        await instance.do(
            commands.Halt(scope=HaltScope.PLATFORM, target="", mode=HaltMode.CLOSE_ONLY, subject="operator")
        )
        page = instance.page(firsts[0])
        assert firsts[1] not in sequences(page)
        assert [item.event_type for item in page.events] == ["trading.halted"]
        assert firsts[0] in instance.engine.state.accounts[FOLLOWER].outbox

    run_virtual(1, main)


def test_a_session_that_waits_for_approval_gets_no_trades_and_all_of_them_afterwards() -> None:
    async def main(time: VirtualTime) -> None:
        instance, firsts = await opened(time, 2)
        head = instance.engine.committed
        assert instance.page(0, approved=False).events == []
        assert instance.page(head, approved=False).events == []
        assert sequences(instance.page(head)) == firsts

    run_virtual(1, main)


def test_at_most_a_few_polls_of_one_account_stay_parked() -> None:
    async def main(time: VirtualTime) -> None:
        instance, _ = await opened(time, 0)
        polls = [asyncio.create_task(instance.poll(instance.engine.committed)) for _ in range(6)]
        await time.sleep(1)
        assert [poll.done() for poll in polls] == [True, True, False, False, False, False]
        await asyncio.gather(*polls)

    run_virtual(1, main)


class CountingDict(dict[int, Any]):
    """Counts look-ups, so that work shows."""

    looked_up = 0

    def __getitem__(self, key: int) -> Any:
        self.looked_up += 1
        return super().__getitem__(key)

    def get(self, key: int, default: Any = None) -> Any:
        self.looked_up += 1
        return super().get(key, default)

    def values(self) -> Any:
        raise AssertionError("a poll must not walk all that is pending")

    def __iter__(self) -> Iterator[int]:
        raise AssertionError("a poll must not walk all that is pending")


def test_the_work_of_a_poll_is_what_it_returns() -> None:
    async def main(time: VirtualTime) -> None:
        instance, firsts = await opened(time, 400)
        account = instance.engine.state.accounts[FOLLOWER]
        counting = CountingDict(account.outbox)
        account.outbox = counting
        assert len(instance.page(firsts[300], limit=5).events) == 5
        assert counting.looked_up <= 10
        for returned in (5, 20):
            counting.looked_up = 0
            ask = Ask(account=FOLLOWER, cursor=firsts[-1] - returned, limit=100)
            assert len(instance.delivery.page(ask).events) == returned
            assert counting.looked_up <= 3 * returned

    run_virtual(1, main)


def test_finding_what_is_due_again_looks_only_at_what_is_due() -> None:
    class Pending:
        def __init__(self, count: int) -> None:
            items = {n: OutboxItem(sequence=n, event_type="config.changed", at=NOW) for n in range(count)}
            self.outbox = CountingDict(items)
            self.queue = list(range(count))

    account: Any = Pending(10_000)
    handed = HandedOut()
    handed.skip_to(account, 9_999, now=0.0)
    assert account.outbox.looked_up == 0
    assert handed.due(account, before=-1.0, limit=100, now=NOW) == []
    assert account.outbox.looked_up == 0
    assert len(handed.due(account, before=1.0, limit=100, now=NOW)) == 100
    assert account.outbox.looked_up == 100
