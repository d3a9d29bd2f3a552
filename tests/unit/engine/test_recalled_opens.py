"""After a restart, an open that a halt stops is handed out no more while it could be executed; then its EA must say."""

import asyncio

from kopitra.domain.trading import AckStatus, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import HaltMode, HaltScope
from kopitra.machine.state import OutboxItem
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.unit.copying.world import LEADER
from tests.unit.engine.shard import FOLLOWER, Instance, Shard


def actions(items: list[OutboxItem]) -> list[OrderAction]:
    return [item.order.action for item in items if item.order is not None]


async def restarted(time: VirtualTime) -> Instance:
    """A second instance, whose predecessor had an open in its outbox; its leader is halted."""
    first = await Shard(time).instance("a").configured()
    await first.send()
    first.crash()
    second = await first.shard.instance("b").serving()
    await halt_leader(second)
    return second


async def halt_leader(instance: Instance) -> None:
    halt = commands.Halt(scope=HaltScope.LEADER, target=LEADER, mode=HaltMode.CLOSE_ONLY, subject="op")
    await instance.do(halt)


def test_a_halt_keeps_it_from_being_handed_out_while_it_could_be_executed() -> None:
    async def main(time: VirtualTime) -> None:
        second = await restarted(time)
        [item] = second.engine.state.accounts[FOLLOWER].outbox.values()
        assert item.expires_at is not None
        parked = asyncio.create_task(second.poll(0))
        while time.now() < item.expires_at:
            assert not parked.done() or not parked.result().has_news
            if parked.done():
                parked = asyncio.create_task(second.poll(0))
            await time.sleep(1)
        page = await parked
        assert actions(page.events) == [OrderAction.OPEN], "its EA cannot execute it, and says so"
        await second.ack(page.events[0].sequence, status=AckStatus.EXPIRED)
        [copy] = second.engine.state.accounts[FOLLOWER].following.copies.values()
        assert not copy.live

    run_virtual(1, main)


def test_it_stays_recalled_over_another_restart() -> None:
    async def main(time: VirtualTime) -> None:
        second = await restarted(time)
        second.crash()
        third = await second.shard.instance("c").serving()
        assert third.page(0).events == []
        await time.sleep(61)
        assert actions(third.page(0).events) == [OrderAction.OPEN]

    run_virtual(1, main)


def test_what_stands_behind_many_recalled_opens_is_handed_out_at_once() -> None:
    async def main(time: VirtualTime) -> None:
        first = await Shard(time).instance("a").configured()
        for number in range(30):
            await first.send(ref=f"p{number}")
        page = first.page(0, limit=1)
        await first.send(SignalAction.CLOSE, ref="p0")
        first.crash()
        second = await first.shard.instance("b").serving()
        await halt_leader(second)
        assert actions(second.page(page.cursor, limit=5).events) == [OrderAction.OPEN, OrderAction.CLOSE]

    run_virtual(1, main)


def test_what_this_process_has_handed_out_is_sent_again() -> None:
    async def main(time: VirtualTime) -> None:
        first = await Shard(time).instance("a").configured()
        await first.send()
        first.crash()
        second = await first.shard.instance("b").serving()
        assert actions(second.page(0).events) == [OrderAction.OPEN]
        await halt_leader(second)
        await time.sleep(31)
        assert actions(second.page(0).events) == [OrderAction.OPEN]

    run_virtual(1, main)
