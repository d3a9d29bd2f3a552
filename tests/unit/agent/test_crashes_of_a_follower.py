"""kill -9 at every single operation on disk, terminal and line: nothing is lost, nothing is doubled."""

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import pytest

from kopitra.domain.orders import DealEntry, OrderType
from kopitra.domain.trading import AckStatus, OrderAction
from kopitra.simulation.virtual_time import VirtualTime
from tests.unit.agent.broker import Script
from tests.unit.agent.counterparty import Item
from tests.unit.agent.mortality import Mortality
from tests.unit.agent.scene import Scene, magic_of, order, play

DONE = {AckStatus.EXECUTED, AckStatus.ALREADY_CLOSED}


class Story:
    """Orders that are given one after the other, each when the one before is answered, whatever dies meanwhile."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        limit = OrderType.LIMIT
        self._orders = [
            order(1),
            order(2, OrderAction.MODIFY, copy=1, stop_loss="1.01"),
            order(3, volume="0.50"),
            order(4, OrderAction.PARTIAL_CLOSE, copy=1, target="0.70"),  # a second one would fit in
            order(5, order_type=limit, price="1.05"),
            order(6, OrderAction.CANCEL, copy=5, order_type=limit),
            order(7, OrderAction.CLOSE, copy=3),
            order(8, OrderAction.CLOSE, copy=1),
        ]
        self.items: list[Item] = []

    def is_told(self) -> bool:
        """Give the next order if it is time; whether all were given and answered."""
        if all(item.retired for item in self.items):
            if not self._orders:
                return True
            self.items.append(self.scene.server.command(self._orders.pop(0)))
        return False


def deals_of(scene: Scene) -> Counter[tuple[str, int, Decimal]]:
    """What the broker's ledger says was done, by copy."""
    magics = {d.position_id: d.magic for d in scene.broker.deals if d.entry is DealEntry.IN}
    return Counter((str(d.entry), magics[d.position_id], d.volume) for d in scene.broker.deals)


def check(scene: Scene, story: Story) -> None:
    """The two sides agree deal by deal, and each command came to one end."""
    told = {key: e for key, e in scene.server.executions.items() if e.fill_volume is not None}
    assert sorted(told) == sorted(f"d{d.deal_id}" for d in scene.broker.deals)
    for item in story.items:
        words = {a.status for a in scene.server.acks if a.event_id == item.event_id}
        words -= {AckStatus.RECEIVED, AckStatus.DEFERRED}
        assert len(words) == 1, f"{item.payload.command_id} ended as {words}"
        made = [d for d in scene.broker.deals if told[f"d{d.deal_id}"].command_id == item.payload.command_id]
        assert len(made) <= 1
        opens = item.payload.action is OrderAction.OPEN and item.payload.order_type is OrderType.MARKET
        if opens:
            assert words == {AckStatus.EXECUTED if made else AckStatus.UNKNOWN}
    lost = {i.payload.magic for i in story.items if scene.server.status_of(i) is AckStatus.UNKNOWN}
    whole = {("in", magic_of(1), Decimal("1.00")), ("out", magic_of(1), Decimal("0.30"))}
    whole |= {("out", magic_of(1), Decimal("0.70"))}
    whole |= {("in", magic_of(3), Decimal("0.50")), ("out", magic_of(3), Decimal("0.50"))}
    assert deals_of(scene) == Counter(w for w in whole if w[1] not in lost)
    assert scene.broker.positions == {}
    assert scene.broker.orders == {}


async def lived(world: VirtualTime, deaths: list[int], prepare: Callable[[Scene], None]) -> int:
    """Tell the story through these deaths; the number of points passed by the first life."""
    scene = Scene(world, settle_seconds=7.0)
    prepare(scene)
    story = Story(scene)
    passed: int | None = None
    for fatal in [*deaths, None]:
        mortality = Mortality(fatal)
        survived = await scene.live(mortality, story.is_told, seconds=240)
        passed = passed or mortality.passed
        if fatal is None:
            assert survived
            assert all(item.retired for item in story.items)
    await world.sleep(30)
    async with scene.running():
        await world.sleep(1)
    check(scene, story)
    assert passed is not None
    return passed


def plain(scene: Scene) -> None:
    pass


def slow(scene: Scene) -> None:
    """Every trade takes most of a second, so that the process dies while it is at the broker."""
    scene.broker.scripts.extend([Script(seconds=0.8)] * 30)


def without_comments(scene: Scene) -> None:
    scene.broker.keeps_comment = False
    scene.broker.new_ticket_at_partial_close = True


@pytest.mark.parametrize("prepare", [plain, slow, without_comments])
def test_dying_at_any_point_loses_nothing_and_doubles_nothing(prepare: Callable[[Scene], None]):
    points = play(lambda world: lived(world, [], prepare))
    assert points > 100
    for fatal in range(1, points + 1):
        play(lambda world, fatal=fatal: lived(world, [fatal], prepare))


def test_dying_again_while_recovering_changes_nothing_either():
    points = play(lambda world: lived(world, [], slow))
    for first in range(1, points + 1, 9):
        for second in range(2, 40, 7):
            play(lambda world, deaths=[first, second]: lived(world, deaths, slow))


def test_a_broker_that_drops_magic_numbers_is_searched_by_symbol_side_and_volume():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.keeps_magic = scene.broker.keeps_comment = False
        item = scene.server.command(order(1, volume="0.37"))
        scene.broker.scripts.append(Script(then="lost"))
        async with scene.running():
            await scene.until(lambda: item.retired)
        assert scene.server.status_of(item) is AckStatus.EXECUTED
        assert [e.command_id for e in scene.server.executions.values()] == ["o-1"]

    play(main)


def test_two_trades_that_look_alike_are_unknown_and_not_guessed():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.keeps_magic = scene.broker.keeps_comment = False
        scene.broker.scripts.extend([Script(then="lost"), Script(then="lost")])
        async with scene.running():
            items = [scene.server.command(order(n, volume="0.37")) for n in (1, 2)]
            await scene.until(lambda: all(i.retired for i in items))
        assert {scene.server.status_of(i) for i in items} == {AckStatus.UNKNOWN}
        assert {scene.server.ack_of(i).reason for i in items} == {"ambiguous"}
        assert len(scene.broker.deals) == 2

    play(main)


def test_recovery_waits_until_the_terminal_is_synchronised():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        mortality = Mortality()
        item = scene.server.command(order(1))
        scene.broker.scripts.append(Script(before=mortality.kill))
        assert not await scene.live(mortality, lambda: item.retired)
        scene.broker.synchronised = False
        hidden, scene.broker.positions = scene.broker.positions, {}
        world_time = world.monotonic()

        async def synchronise() -> None:
            await world.sleep(40)
            scene.broker.positions = hidden
            scene.broker.synchronised = True

        waiting = asyncio.ensure_future(synchronise())
        async with scene.running():
            await scene.until(lambda: item.retired)
        await waiting
        assert world.monotonic() - world_time >= 40
        assert scene.server.status_of(item) is AckStatus.EXECUTED
        assert len(scene.broker.deals) == 1

    play(main)


def test_a_lost_state_folder_does_not_open_a_living_copy_again():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        mortality = Mortality()
        item = scene.server.command(order(1))
        scene.broker.scripts.append(Script(before=mortality.kill))
        assert not await scene.live(mortality, lambda: item.retired)
        scene.disk.logs.clear()
        async with scene.running():
            await scene.until(lambda: item.retired)
            close = scene.server.command(order(2, OrderAction.CLOSE, copy=1))
            await scene.until(lambda: close.retired)
        assert scene.server.status_of(item) is AckStatus.EXECUTED
        assert [(d.entry, d.volume) for d in scene.broker.deals] == [
            (DealEntry.IN, Decimal("1.00")),
            (DealEntry.OUT, Decimal("1.00")),
        ]
        [opening, _] = scene.server.executions.values()
        assert (opening.command_id, opening.fill_volume) == ("o-1", Decimal("1.00"))

    play(main)


def test_a_full_disk_stops_opens_and_lets_closes_through():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            item = scene.server.command(order(1))
            await scene.until(lambda: item.retired)
            scene.disk.full = True
            refused = scene.server.command(order(2))
            closed = scene.server.command(order(3, OrderAction.CLOSE, copy=1))
            await scene.until(lambda: refused.retired and closed.retired)
            scene.disk.full = False
        assert scene.server.ack_of(refused).reason == "storage_failed"
        assert scene.server.status_of(closed) in DONE
        assert len(scene.broker.deals) == 2

    play(main)
