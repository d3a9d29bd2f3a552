"""How stops and pending orders are changed."""

from decimal import Decimal

import pytest

from kopitra.domain.orders import OrderType
from kopitra.domain.trading import AckStatus, OrderAction
from kopitra.simulation.virtual_time import VirtualTime
from tests.unit.agent.broker import Script
from tests.unit.agent.scene import Scene, order, play
from tests.unit.agent.test_closing import done, opened

MODIFY = OrderAction.MODIFY


def test_a_modify_states_the_whole_wanted_stops():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            ticket = await opened(scene)
            scene.broker.set_stops(ticket, "1.00", "1.30")
            item = scene.server.command(order(2, MODIFY, copy=1, stop_loss="1.05"))
            assert await done(scene, item) is AckStatus.EXECUTED
        position = scene.broker.positions[ticket]
        assert (position.stop_loss, position.take_profit) == (Decimal("1.05"), None)

    play(main)


@pytest.mark.parametrize("retcode", [None, 10025])
def test_stops_that_are_so_already_are_done(retcode: int | None):
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            ticket = await opened(scene)
            if retcode is None:
                scene.broker.set_stops(ticket, "1.05")
            else:
                scene.broker.scripts.append(Script(retcode=retcode))
            item = scene.server.command(order(2, MODIFY, copy=1, stop_loss="1.05"))
            assert await done(scene, item) is AckStatus.EXECUTED
        assert len(scene.broker.sent) == (1 if retcode is None else 2)

    play(main)


def test_modifying_what_is_closed_is_already_closed():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            scene.broker.close(await opened(scene))
            item = scene.server.command(order(2, MODIFY, copy=1, stop_loss="1.05"))
            assert await done(scene, item) is AckStatus.ALREADY_CLOSED

    play(main)


def test_a_resting_order_gets_a_new_price_and_stops():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            placed = scene.server.command(order(1, order_type=OrderType.LIMIT, price="1.05"))
            await done(scene, placed)
            change = order(2, MODIFY, copy=1, order_type=OrderType.LIMIT, price="1.04", stop_loss="1.01")
            assert await done(scene, scene.server.command(change)) is AckStatus.EXECUTED
        [resting] = scene.broker.orders.values()
        assert (resting.price, resting.stop_loss) == (Decimal("1.04"), Decimal("1.01"))

    play(main)


def test_invalid_stops_are_rejected_once():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await opened(scene)
            scene.broker.scripts.append(Script(retcode=10016))
            item = scene.server.command(order(2, MODIFY, copy=1, stop_loss="1.05"))
            assert await done(scene, item) is AckStatus.REJECTED
        assert len(scene.broker.sent) == 2

    play(main)


def test_an_older_modify_that_comes_after_a_newer_one_changes_nothing():
    """The older was put off by a closed market and comes again when the newer is done."""

    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            ticket = await opened(scene)
            scene.broker.scripts.append(Script(retcode=10018))
            older = scene.server.command(order(2, MODIFY, copy=1, stop_loss="1.01"))
            assert await done(scene, older) is AckStatus.DEFERRED
            newer = scene.server.command(order(3, MODIFY, copy=1, stop_loss="1.02"))
            assert await done(scene, newer) is AckStatus.EXECUTED
            await scene.until(lambda: older.retired)
        assert scene.server.status_of(older) is AckStatus.SUPERSEDED
        assert scene.broker.positions[ticket].stop_loss == Decimal("1.02")

    play(main)
