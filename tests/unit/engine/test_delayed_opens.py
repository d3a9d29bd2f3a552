"""A delayed open is planned at once and handed out when its time has come: not earlier, not later, by no extra work."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec

from kopitra.application.outbox_pages import Ask
from kopitra.domain.settings import CopySettings
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.state import OutboxItem
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.unit.copying.world import lots
from tests.unit.engine.shard import FOLLOWER, Instance, Shard, taken
from tests.unit.machine.driven import SAME

DELAYED: CopySettings = msgspec.structs.replace(SAME, delay_seconds=10)


def actions(items: list[OutboxItem]) -> list[OrderAction]:
    return [item.order.action for item in items if item.order is not None]


async def started(time: VirtualTime) -> Instance:
    return await Shard(time).instance().configured(rules=DELAYED)


def test_a_parked_poll_gets_a_delayed_open_when_its_time_comes() -> None:
    async def main(time: VirtualTime) -> None:
        instance = await started(time)
        parked = asyncio.create_task(instance.poll(instance.engine.committed))
        await time.sleep(1)
        at = time.monotonic()
        answer = await instance.send()
        page = await parked
        assert [item.sequence for item in page.events] == [answer.first]
        assert 10 <= time.monotonic() - at < 10.5

    run_virtual(1, main)


def test_a_poll_before_its_time_gets_nothing_and_one_after_gets_it_whatever_the_cursor() -> None:
    async def main(time: VirtualTime) -> None:
        instance = await started(time)
        answer = await instance.send()
        early = instance.page(0)
        assert early.events == []
        await time.sleep(9)
        assert instance.page(early.cursor).events == []
        await time.sleep(1.1)
        for cursor in (early.cursor, 0):
            await time.sleep(31)  # what was sent is due again by then
            assert [item.sequence for item in instance.page(cursor).events] == [answer.first]

    run_virtual(1, main)


def test_what_is_not_delayed_overtakes_what_is() -> None:
    async def main(time: VirtualTime) -> None:
        instance = await started(time)
        opened = await instance.send()
        halt = commands.RequestResync(account=FOLLOWER, reason="test")
        asked = taken(await instance.do(halt))
        page = instance.page(0)
        assert [item.sequence for item in page.events] == [asked.first]
        await time.sleep(10.1)
        later = instance.page(page.cursor)
        assert [item.sequence for item in later.events] == [opened.first]
        assert later.cursor == page.cursor

    run_virtual(1, main)


def test_a_close_meanwhile_withdraws_it() -> None:
    async def main(time: VirtualTime) -> None:
        instance = await started(time)
        first = instance.page((await instance.send()).last)
        await time.sleep(5)
        await instance.send(SignalAction.CLOSE)
        await time.sleep(20)
        assert instance.page(first.cursor).events == []
        assert not instance.engine.state.accounts[FOLLOWER].outbox

    run_virtual(1, main)


def test_what_changes_a_delayed_copy_comes_after_its_open() -> None:
    async def main(time: VirtualTime) -> None:
        instance = await started(time)
        await instance.send(volume=lots(2), volume_after=lots(2))
        await time.sleep(2)
        await instance.send(SignalAction.PARTIAL_CLOSE, volume=lots(1), volume_after=lots(1))
        await instance.send(SignalAction.MODIFY, stop_loss=lots(1))
        early = instance.page(0)
        assert early.events == []
        await time.sleep(8.1)
        page = instance.page(early.cursor)
        assert actions(page.events) == [OrderAction.OPEN, OrderAction.PARTIAL_CLOSE, OrderAction.MODIFY]

    run_virtual(1, main)


def test_the_time_to_live_counts_on_during_a_delay() -> None:
    async def main(time: VirtualTime) -> None:
        instance = await started(time)
        await instance.send(age_ms=40_000)
        await time.sleep(10.1)
        [item] = instance.page(0).events
        assert item.expires_at is not None
        assert 9 < (item.expires_at - time.now()).total_seconds() < 10

    run_virtual(1, main)


def test_a_delay_goes_on_over_a_restart() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        first = await shard.instance("a").configured(rules=DELAYED)
        opened = await first.send()
        assert first.page(0).events == []
        first.crash()
        second = shard.instance("b")
        await second.serving()
        parked = asyncio.create_task(second.poll(opened.last))
        page = await parked
        assert [item.sequence for item in page.events] == [opened.first]
        item = page.events[0]
        assert item.not_before is not None
        assert 0 <= (time.now() - item.not_before).total_seconds() < 30

    run_virtual(1, main)


class CountingOutbox(dict[int, Any]):
    looked_up = 0

    def __getitem__(self, key: int) -> Any:
        self.looked_up += 1
        return super().__getitem__(key)

    def get(self, key: int, default: Any = None) -> Any:
        self.looked_up += 1
        return super().get(key, default)

    def values(self) -> Iterator[Any]:  # type: ignore[override]
        self.looked_up += len(self)
        return iter(super().values())


def test_a_poll_does_not_look_at_what_is_delayed_a_second_time() -> None:
    async def main(time: VirtualTime) -> None:
        instance = await started(time)
        await instance.engine.submit([instance.take(ref=f"p{n}") for n in range(300)])
        page = instance.page(0)
        account = instance.engine.state.accounts[FOLLOWER]
        counting = account.outbox = CountingOutbox(account.outbox)
        for _ in range(10):
            page = instance.delivery.page(Ask(account=FOLLOWER, cursor=page.cursor, limit=100))
            assert page.events == []
        assert counting.looked_up <= 10
        await time.sleep(10.1)
        counting.looked_up = 0
        page = instance.page(page.cursor, limit=100)
        assert len(page.events) == 100
        assert counting.looked_up <= 3 * 300, "each is looked at once when its time comes"

    run_virtual(1, main)
