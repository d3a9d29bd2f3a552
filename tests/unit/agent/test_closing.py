"""How copies are closed, whole and in part: by what is live, at any price, as often as it takes and no more."""

from decimal import Decimal

import pytest

from kopitra.domain.orders import DealEntry, DealReason, OrderType
from kopitra.domain.trading import AckStatus, OrderAction
from kopitra.simulation.virtual_time import VirtualTime
from tests.unit.agent.broker import Script
from tests.unit.agent.counterparty import Item
from tests.unit.agent.scene import Scene, order, play

CLOSE, PARTIAL = OrderAction.CLOSE, OrderAction.PARTIAL_CLOSE


async def opened(scene: Scene, copy: int = 1, volume: str = "1.00") -> int:
    """Open a copy through the agent; the ticket."""
    item = scene.server.command(order(copy, volume=volume))
    await scene.until(lambda: item.retired)
    return next(reversed(scene.broker.positions))


def outs(scene: Scene) -> list[Decimal]:
    return [deal.volume for deal in scene.broker.deals if deal.entry is DealEntry.OUT]


async def done(scene: Scene, item: Item) -> AckStatus | None:
    await scene.until(lambda: scene.server.status_of(item) is not None)
    return scene.server.status_of(item)


def test_a_close_closes_the_position_and_tells_the_deal_with_its_profit():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await opened(scene)
            item = scene.server.command(order(2, CLOSE, copy=1))
            assert await done(scene, item) is AckStatus.EXECUTED
        assert scene.broker.positions == {}
        _, out = scene.server.executions.values()
        assert (out.command_id, out.entry, out.profit) == ("o-2", DealEntry.OUT, Decimal(1))
        assert scene.broker.sent[-1].price is None  # a close takes any price

    play(main)


@pytest.mark.parametrize(("live", "target", "closed"), [("1.00", "0.40", "0.60"), ("0.30", "0.40", None)])
def test_a_partial_close_leaves_its_target_whatever_is_live(live: str, target: str, closed: str | None):
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            ticket = await opened(scene)
            if live != "1.00":
                scene.broker.close(ticket, "0.70")
            before = len(scene.broker.deals)
            item = scene.server.command(order(2, PARTIAL, copy=1, target=target))
            assert await done(scene, item) is AckStatus.EXECUTED
        volumes = [deal.volume for deal in scene.broker.deals[before:]]
        assert volumes == ([] if closed is None else [Decimal(closed)])

    play(main)


def test_a_partial_close_said_twice_under_two_ids_closes_once():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await opened(scene)
            items = [scene.server.command(order(n, PARTIAL, copy=1, target="0.40")) for n in (2, 3)]
            assert [await done(scene, i) for i in items] == [AckStatus.EXECUTED] * 2
        assert outs(scene) == [Decimal("0.60")]

    play(main)


def test_partial_closes_follow_a_ticket_that_changes_each_time():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.new_ticket_at_partial_close = True
        scene.broker.keeps_comment = False
        async with scene.running():
            await opened(scene)
            for number, target in ((2, "0.70"), (3, "0.20")):
                item = scene.server.command(order(number, PARTIAL, copy=1, target=target))
                assert await done(scene, item) is AckStatus.EXECUTED
            [left] = scene.broker.positions.values()
            assert left.volume == Decimal("0.20")
            item = scene.server.command(order(4, CLOSE, copy=1))
            assert await done(scene, item) is AckStatus.EXECUTED
        executions = list(scene.server.executions.values())
        assert executions[1].remainder_ticket == executions[1].position_ticket
        assert [e.command_id for e in executions] == ["o-1", "o-2", "o-3", "o-4"]

    play(main)


@pytest.mark.parametrize("action", [CLOSE, PARTIAL])
def test_closing_what_is_closed_is_a_success_of_its_own_kind(action: OrderAction):
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            ticket = await opened(scene)
            scene.broker.close(ticket)
            item = scene.server.command(order(2, action, copy=1, target="0.40"))
            assert await done(scene, item) is AckStatus.ALREADY_CLOSED
        assert len(scene.broker.sent) == 1

    play(main)


def test_a_stop_that_fires_while_the_close_is_on_its_way_is_already_closed():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            ticket = await opened(scene)
            scene.broker.scripts.append(
                Script(before=lambda: scene.broker.close(ticket, reason=DealReason.STOP_LOSS) and None)
            )
            item = scene.server.command(order(2, CLOSE, copy=1))
            assert await done(scene, item) is AckStatus.ALREADY_CLOSED
        out = list(scene.server.executions.values())[-1]
        assert (out.reason, out.command_id) == (DealReason.STOP_LOSS, None)

    play(main)


def test_nothing_is_called_closed_while_the_terminal_is_not_synchronised():
    """After a restart an empty book is not an empty account."""

    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            ticket = await opened(scene)
            hidden = scene.broker.positions.pop(ticket)
            scene.broker.synchronised = False
            item = scene.server.command(order(2, CLOSE, copy=1))
            assert await done(scene, item) is AckStatus.DEFERRED
            scene.broker.positions[ticket] = hidden
            scene.broker.synchronised = True
            again = scene.server.command(order(3, CLOSE, copy=1))
            assert await done(scene, again) is AckStatus.EXECUTED

    play(main)


@pytest.mark.parametrize("retcode", [10018, 10027, 10031, 10017, 10029])
def test_a_close_that_cannot_be_done_now_says_when_to_drive_it_again(retcode: int):
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await opened(scene)
            scene.broker.scripts.extend([Script(retcode=retcode)] * 3)
            item = scene.server.command(order(2, CLOSE, copy=1))
            assert await done(scene, item) is AckStatus.DEFERRED
        ack = scene.server.ack_of(item)
        assert ack.retcode == retcode
        assert ack.retry_at is not None
        assert len(scene.broker.sent) == (4 if retcode == 10031 else 2)

    play(main)


def test_what_was_put_off_runs_when_it_comes_again_in_time_and_not_before():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await opened(scene)
            scene.broker.scripts.append(Script(retcode=10018))
            item = scene.server.command(order(2, CLOSE, copy=1))
            assert await done(scene, item) is AckStatus.DEFERRED
            await world.sleep(40)  # delivered again after 30 s, its time is after 60 s
            assert len(scene.broker.sent) == 2
            await scene.until(lambda: item.retired)
        assert scene.server.status_of(item) is AckStatus.EXECUTED
        assert outs(scene) == [Decimal("1.00")]

    play(main)


def test_a_refused_close_is_rejected_with_the_brokers_code():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await opened(scene)
            scene.broker.scripts.append(Script(retcode=10006))
            item = scene.server.command(order(2, CLOSE, copy=1))
            assert await done(scene, item) is AckStatus.REJECTED
        assert scene.server.ack_of(item).retcode == 10006
        assert len(scene.broker.sent) == 2

    play(main)


def test_a_close_filled_in_pieces_goes_on_until_nothing_is_left():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await opened(scene)
            scene.broker.scripts.extend([Script(fill=Decimal("0.30"))] * 2)
            item = scene.server.command(order(2, CLOSE, copy=1))
            assert await done(scene, item) is AckStatus.EXECUTED
        assert outs(scene) == [Decimal("0.30"), Decimal("0.30"), Decimal("0.40")]
        assert [e.command_id for e in scene.server.executions.values()][1:] == ["o-2"] * 3

    play(main)


@pytest.mark.parametrize("then", ["timeout", "lost"])
@pytest.mark.parametrize("action", [CLOSE, PARTIAL])
def test_a_close_whose_answer_was_lost_closes_no_more_than_it_should(action: OrderAction, then: str):
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await opened(scene)
            scene.broker.scripts.append(Script(then="timeout" if then == "timeout" else "lost"))
            item = scene.server.command(order(2, action, copy=1, target="0.40"))
            await scene.until(lambda: item.retired, seconds=300)
        assert outs(scene) == [Decimal("0.60") if action is PARTIAL else Decimal("1.00")]
        assert scene.server.status_of(item) in (AckStatus.EXECUTED, AckStatus.ALREADY_CLOSED)
        assert [e.command_id for e in scene.server.executions.values()] == ["o-1", "o-2"]

    play(main)


def test_a_close_by_hand_is_told_with_its_reason_and_no_command():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            ticket = await opened(scene)
            scene.broker.close(ticket, "0.25", DealReason.MOBILE)
            scene.broker.close(ticket, reason=DealReason.TAKE_PROFIT)
            await scene.until(lambda: len(scene.server.executions) == 3)
        _, part, rest = scene.server.executions.values()
        assert (part.reason, part.command_id, part.fill_volume) == (DealReason.MOBILE, None, Decimal("0.25"))
        assert (rest.reason, rest.command_id) == (DealReason.TAKE_PROFIT, None)
        assert rest.position_id == ticket
        assert rest.position_ref == f"Demo-1:7:{ticket}"

    play(main)


def test_trades_that_are_no_copies_are_nobodys_business():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await opened(scene)
            scene.broker.close(scene.broker.open(magic=5).ticket, magic=5)
            await world.sleep(10)
        assert len(scene.server.executions) == 1

    play(main)


def test_cancelling_takes_the_order_away():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            placed = scene.server.command(order(1, order_type=OrderType.LIMIT, price="1.05"))
            await done(scene, placed)
            item = scene.server.command(order(2, OrderAction.CANCEL, copy=1, order_type=OrderType.LIMIT))
            assert await done(scene, item) is AckStatus.EXECUTED
        assert scene.broker.orders == {}
        assert scene.server.executions == {}  # what we cancel ourselves is told by the ack

    play(main)


def test_a_cancel_that_finds_the_order_filled_says_so():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            placed = scene.server.command(order(1, order_type=OrderType.LIMIT, price="1.05"))
            await done(scene, placed)
            [ticket] = scene.broker.orders
            scene.broker.scripts.append(Script(before=lambda: scene.broker.fill(ticket) and None))
            item = scene.server.command(order(2, OrderAction.CANCEL, copy=1, order_type=OrderType.LIMIT))
            assert await done(scene, item) is AckStatus.FAILED
        assert scene.server.ack_of(item).reason == "already_filled"
        assert len(scene.broker.positions) == 1

    play(main)


def test_a_close_takes_a_resting_order_away_too():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            placed = scene.server.command(order(1, order_type=OrderType.STOP, price="1.25"))
            await done(scene, placed)
            item = scene.server.command(order(2, CLOSE, copy=1))
            assert await done(scene, item) is AckStatus.EXECUTED
        assert scene.broker.orders == {}

    play(main)
