"""Which command goes first, what waits for what, and what never happens at all."""

from kopitra.domain.orders import DealEntry
from kopitra.domain.trading import AckStatus, OrderAction
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.settings import Role
from tests.unit.agent.broker import Script
from tests.unit.agent.scene import Scene, magic_of, order, play
from tests.unit.agent.test_closing import done, opened

CLOSE, MODIFY, OPEN = OrderAction.CLOSE, OrderAction.MODIFY, OrderAction.OPEN


def test_a_close_is_not_held_up_by_another_copys_open_that_hangs_for_five_seconds():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world, concurrent_opens=1)
        async with scene.running():
            await opened(scene, copy=1)
            scene.broker.scripts.append(Script(seconds=5.0))
            hanging = scene.server.command(order(2))
            await scene.until(lambda: scene.terminal.busy == 1)
            began = world.monotonic()
            close = scene.server.command(order(3, CLOSE, copy=1))
            assert await done(scene, close) is AckStatus.EXECUTED
            assert world.monotonic() - began < 0.5
            assert not hanging.retired
            await scene.until(lambda: hanging.retired)

    play(main)


def test_a_close_of_an_open_that_is_being_sent_waits_for_it_and_then_closes_it():
    """OrderSend of the open blocks for five seconds; nothing is orphaned and nothing is done twice."""

    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            scene.broker.scripts.append(Script(seconds=5.0))
            opening = scene.server.command(order(1))
            await scene.until(lambda: scene.terminal.busy == 1)
            closing = scene.server.command(order(2, CLOSE, copy=1))
            assert await done(scene, opening) is AckStatus.EXECUTED
            assert await done(scene, closing) is AckStatus.EXECUTED
        assert [d.entry for d in scene.broker.deals] == [DealEntry.IN, DealEntry.OUT]
        assert scene.broker.positions == {}

    play(main)


def test_a_close_takes_an_open_back_that_was_not_sent_yet():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world, concurrent_opens=1)
        async with scene.running():
            scene.broker.scripts.append(Script(seconds=3.0))
            scene.server.command(order(1))
            await scene.until(lambda: scene.terminal.busy == 1)
            waiting = scene.server.command(order(2))
            await world.sleep(0.5)
            closing = scene.server.command(order(3, CLOSE, copy=2))
            assert await done(scene, closing) is AckStatus.ALREADY_CLOSED
            assert scene.server.status_of(waiting) is AckStatus.SUPERSEDED
        assert [r.magic for r in scene.broker.sent] == [magic_of(1)]

    play(main)


def test_a_close_that_comes_before_its_open_leaves_a_tombstone_that_survives_a_restart():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            closing = scene.server.command(order(2, CLOSE, copy=1))
            assert await done(scene, closing) is AckStatus.ALREADY_CLOSED
        async with scene.running():
            late = scene.server.command(order(1))
            assert await done(scene, late) is AckStatus.SUPERSEDED
        assert scene.broker.sent == []

    play(main)


def test_all_pages_are_fetched_before_the_first_open_starts():
    """250 opens and, behind them, the close of the very first copy: nothing is opened only to be closed."""

    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        opens = [scene.server.command(order(n)) for n in range(1, 251)]
        close = scene.server.command(order(900, CLOSE, copy=1))
        async with scene.running():
            await scene.until(lambda: close.retired and all(i.retired for i in opens))
        assert scene.server.status_of(opens[0]) is AckStatus.SUPERSEDED
        assert scene.server.status_of(close) is AckStatus.ALREADY_CLOSED
        assert magic_of(1) not in {r.magic for r in scene.broker.sent}
        assert len(scene.broker.deals) == 249

    play(main)


def test_urgent_closes_are_done_once_though_their_page_brings_them_again():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.open(magic=magic_of(1))
        for number in range(2, 152):
            scene.server.command(order(number))
        close = scene.server.command(order(900, CLOSE, copy=1))
        async with scene.running():
            assert await done(scene, close) is AckStatus.EXECUTED
            await scene.until(lambda: all(i.retired for i in scene.server.outbox))
        assert [r.magic for r in scene.broker.sent].count(magic_of(1)) == 1
        assert scene.broker.sent[0].magic == magic_of(1)

    play(main)


def test_later_modifies_replace_earlier_ones_that_wait():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await opened(scene)
            scene.broker.scripts.append(Script(seconds=2.0))
            items = [
                scene.server.command(order(n, MODIFY, copy=1, stop_loss=f"1.0{n}")) for n in (2, 3, 4, 5)
            ]
            await scene.until(lambda: all(i.retired for i in items))
        statuses = [scene.server.status_of(i) for i in items]
        assert statuses[-1] is AckStatus.EXECUTED
        assert statuses.count(AckStatus.SUPERSEDED) >= 2
        assert str(scene.broker.positions.popitem()[1].stop_loss) == "1.05"

    play(main)


def test_one_command_of_a_copy_at_a_time_in_the_order_they_came():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.scripts.extend([Script(seconds=0.5)] * 4)
        async with scene.running():
            scene.server.command(order(1))
            await scene.until(lambda: scene.terminal.busy == 1)
            scene.server.command(order(2, MODIFY, copy=1, stop_loss="1.01"))
            scene.server.command(order(3, OrderAction.PARTIAL_CLOSE, copy=1, target="0.5"))
            scene.server.command(order(4, OrderAction.PARTIAL_CLOSE, copy=1, target="0.2"))
            await scene.until(lambda: all(i.retired for i in scene.server.outbox))
        assert scene.terminal.most_busy == 1
        assert [r.action for r in scene.broker.sent] == ["deal", "sltp", "deal", "deal"]

    play(main)


def test_a_halt_refuses_what_waits_and_what_comes_and_lets_closes_through():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world, concurrent_opens=1)
        async with scene.running():
            await opened(scene, copy=1)
            scene.broker.scripts.append(Script(seconds=2.0))
            sending = scene.server.command(order(2))
            await scene.until(lambda: scene.terminal.busy == 1)
            waiting = scene.server.command(order(3))
            await world.sleep(0.2)
            halt = scene.server.post("trading.halted", {"scope": "platform"})
            coming = scene.server.command(order(4))
            close = scene.server.command(order(5, CLOSE, copy=1))
            await scene.until(lambda: all(i.retired for i in scene.server.outbox))
        assert scene.server.status_of(sending) is AckStatus.EXECUTED  # it was beyond recall
        assert scene.server.status_of(halt) is AckStatus.EXECUTED
        assert [scene.server.ack_of(i).reason for i in (waiting, coming)] == ["halted", "halted"]
        assert scene.server.status_of(close) is AckStatus.EXECUTED

    play(main)


def test_a_halt_behind_five_hundred_opens_opens_nothing():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        opens = [scene.server.command(order(n)) for n in range(1, 501)]
        scene.server.post("trading.halted", {"scope": "follower"})
        async with scene.running():
            await scene.until(lambda: all(i.retired for i in opens))
        assert scene.broker.sent == []
        assert {scene.server.ack_of(i).reason for i in opens} == {"halted"}

    play(main)


def test_a_halt_survives_a_restart_until_trading_is_resumed():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            halt = scene.server.post("trading.halted", {})
            await scene.until(lambda: halt.retired)
        async with scene.running():
            refused = scene.server.command(order(1))
            assert await done(scene, refused) is AckStatus.REJECTED
            resumed = scene.server.post("trading.resumed", {})
            await scene.until(lambda: resumed.retired)
            halt.retired = False  # the old halt is delivered once more
            halt.sent_at = -100.0
            again = scene.server.command(order(2))
            assert await done(scene, again) is AckStatus.EXECUTED

    play(main)


def test_a_leaders_agent_executes_nothing():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world, Role.LEADER)
        item = scene.server.command(order(1))
        async with scene.running():
            await scene.until(lambda: item.retired)
        assert scene.server.ack_of(item).reason == "not_a_follower"
        assert scene.broker.sent == []

    play(main)
