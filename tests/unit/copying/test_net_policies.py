"""What a follower's settings make of what its owner does in a net position: closes by hand, stops, and strangers."""

from typing import Any

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import DealReason, OrderType, Side
from kopitra.domain.rules import CopyRules, Corrections, ManualClose, OnDrift, UnknownPosition
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import Order, OrderAction, SignalAction
from kopitra.machine.events import CopyAdded, CopyAdopted, CorrectionProposed
from kopitra.machine.state import CopyStatus
from tests.unit.copying.follower_terminal import in_touch, sign_in
from tests.unit.copying.net_desk import NET_TICKET, Desk, close, opened
from tests.unit.copying.world import LEADER, World, lots

A = SignalAction
BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def world() -> World:
    return World()


def desk_with(world: World, **changes: Any) -> Desk:
    """A netting follower that is here, as its leader is."""
    account = world.follower("follower", CopyRules(sizing=SameVolume(), **changes))
    desk = Desk(world, account, netting=True)
    for known in (LEADER, account):
        sign_in(world, known)
    return desk


def reopening(world: World, **changes: Any) -> Desk:
    return desk_with(world, manual_close=ManualClose.REOPEN, **changes)


def incidents(world: World, account: AccountId) -> list[str]:
    return [incident.kind for incident in world.state.accounts[account].incidents.values()]


def looked(desk: Desk, **stops: Any) -> None:
    """Two agreeing snapshots of the net position as it stands, with these stops."""
    net = desk.net["EURUSD"]
    side = BUY if net > 0 else SELL
    for _ in range(2):
        desk.world.snapshot(desk.account, desk.world.held(NET_TICKET, str(abs(net)), side=side, **stops))
        desk.world.later(6)


def restored(desk: Desk, rounds: int = 4) -> None:
    """Half a minute in which both EAs call, work and tell."""
    for _ in range(rounds):
        in_touch(desk.world, LEADER, desk.account)
        desk.agree()
        desk.work()
        desk.world.later(1)
        desk.world.tick()
        desk.work()
    assert desk.world.outbox(desk.account) == []


# -- who leaves nothing has closed everything --------------------------------------------------------------------------


@pytest.mark.parametrize("told", [True, False])
def test_a_position_that_was_closed_by_hand_takes_all_its_copies_along(world: World, told: bool) -> None:
    desk = desk_with(world)
    opened(desk, "long", "1")
    opened(desk, "short", "0.4", SELL)
    desk.by_hand(SELL, "0.6", tell=told)
    desk.agree()
    for proposed in [e for e in world.history if isinstance(e, CorrectionProposed)]:
        desk.approve(proposed.proposal.proposal)
    assert (desk.held(), desk.manual(), desk.exposure) == ([], 0, 0)
    for ref, side in (("long", BUY), ("short", SELL)):
        [decision] = world.send(A.CLOSE, ref, side=side)
        assert decision.order is None
    desk.settle()
    assert desk.exposure == 0


def test_manual_volume_goes_with_the_position_that_it_was_part_of(world: World) -> None:
    desk = desk_with(world)
    desk.by_hand(SELL, "0.4")
    desk.agree()
    opened(desk, "a", "1")
    desk.by_hand(SELL, "0.6")
    desk.agree()
    assert (desk.held(), desk.manual(), desk.exposure) == ([], 0, 0)
    [decision] = world.send(A.CLOSE, "a")
    assert decision.order is None


def test_what_the_owner_adds_on_either_side_closes_nothing(world: World) -> None:
    desk = desk_with(world)
    opened(desk, "long", "1")
    opened(desk, "short", "0.4", SELL)
    desk.by_hand(BUY, "0.5")
    desk.agree()
    assert desk.held() == [(BUY, lots(1)), (SELL, lots("0.4"))]
    assert desk.manual() == lots("0.5")
    for ref, volume, side in (("short", "0.4", SELL), ("long", "1", BUY)):
        world.send(A.CLOSE, ref, volume=lots(volume), side=side)
        desk.settle()
    assert (desk.held(), desk.exposure) == ([], lots("0.5"))


def test_copies_that_cancel_each_other_out_stay_when_the_owner_comes_and_goes(world: World) -> None:
    desk = desk_with(world)
    opened(desk, "long", "0.5")
    opened(desk, "short", "0.5", SELL)
    for side, manual in ((BUY, "0.3"), (SELL, "0")):
        desk.by_hand(side, "0.3")
        desk.agree()
        assert (desk.held(), desk.manual()) == ([(BUY, lots("0.5")), (SELL, lots("0.5"))], lots(manual))
    close(desk, "long", "0.5")
    desk.settle()
    assert (desk.held(), desk.exposure) == ([(SELL, lots("0.5"))], lots("-0.5"))


def test_turning_the_position_by_hand_closes_everything_and_leaves_the_rest_to_the_owner(
    world: World,
) -> None:
    desk = desk_with(world)
    opened(desk, "long", "1")
    opened(desk, "short", "0.4", SELL)
    desk.by_hand(SELL, "1")
    desk.agree()
    assert (desk.held(), desk.manual(), desk.exposure) == ([], lots("-0.4"), lots("-0.4"))


def test_a_close_under_way_when_its_owner_closes_by_hand_opens_nothing_on_the_other_side(
    world: World,
) -> None:
    desk = desk_with(world)
    opened(desk, "a", "1")
    opened(desk, "b", "0.5")
    desk.by_hand(SELL, "1.5")
    close(desk, "a")
    close(desk, "b", "0.5")
    desk.settle()
    assert (desk.exposure, desk.held()) == (0, [])
    assert [action for action, _, _ in desk.trades if action is OrderAction.OFFSET] == []


def test_a_stop_out_leaves_no_half_of_what_was_held_against_each_other(world: World) -> None:
    desk = reopening(world)
    opened(desk, "long", "1")
    opened(desk, "short", "0.4", SELL)
    desk.by_hand(SELL, "0.6", DealReason.STOP_OUT)
    desk.settle()
    assert (desk.held(), desk.exposure) == ([], 0)


# -- opened again ------------------------------------------------------------------------------------------------------


def test_what_was_closed_by_hand_is_opened_again_where_settings_say_so(world: World) -> None:
    desk = reopening(world)
    opened(desk, "a", "1")
    world.send(A.PARTIAL_CLOSE, "a", volume=lots("0.4"), volume_after=lots("0.6"))
    desk.work()
    desk.by_hand(SELL, "0.6")
    restored(desk)
    assert (desk.held(), desk.exposure) == ([(BUY, lots("0.6"))], lots("0.6"))
    [added] = [event for event in world.history if isinstance(event, CopyAdded)]
    assert added.cause == "reopened"
    close(desk, "a", "0.6")
    restored(desk)
    assert (desk.held(), desk.exposure) == ([], 0)


def test_every_copy_of_a_closed_position_comes_back_once(world: World) -> None:
    desk = reopening(world)
    opened(desk, "long", "1")
    opened(desk, "short", "0.4", SELL)
    desk.by_hand(SELL, "0.6")
    restored(desk)
    restored(desk)
    assert sorted(desk.held()) == [(BUY, lots(1)), (SELL, lots("0.4"))]
    assert desk.exposure == lots("0.6")


def test_a_part_closed_by_hand_is_respected_even_so(world: World) -> None:
    desk = reopening(world)
    opened(desk, "a", "1")
    desk.by_hand(SELL, "0.3")
    restored(desk)
    assert (desk.held(), desk.exposure) == ([(BUY, lots("0.7"))], lots("0.7"))


@pytest.mark.parametrize("reason", [DealReason.STOP_LOSS, DealReason.STOP_OUT, DealReason.EXPERT])
def test_nothing_comes_back_after_a_stop_nor_with_one_among_the_deals(
    world: World, reason: DealReason
) -> None:
    desk = reopening(world)
    opened(desk, "a", "1")
    desk.by_hand(SELL, "0.5", reason)
    desk.by_hand(SELL, "0.5", DealReason.CLIENT)
    restored(desk)
    assert (desk.held(), desk.exposure) == ([], 0)


def test_what_nobody_told_of_does_not_come_back(world: World) -> None:
    desk = reopening(world)
    opened(desk, "a", "0.1")
    opened(desk, "b", "0.1")
    desk.by_hand(SELL, "0.1", tell=False)
    restored(desk)
    assert desk.held() == [(BUY, lots("0.1"))]


def test_nothing_is_opened_again_while_its_net_position_is_in_doubt(world: World) -> None:
    desk = reopening(world)
    opened(desk, "a", "1")
    opened(desk, "b", "0.5")
    desk.by_hand(SELL, "1")
    desk.agree()
    assert desk.held() == [(BUY, lots("0.5"))]
    desk.by_hand(SELL, "0.2")
    desk.snapshot()
    world.later(6)
    world.tick()
    assert world.outbox(desk.account) == []
    restored(desk)
    assert (desk.held(), desk.exposure) == ([(BUY, lots("0.3")), (BUY, lots(1))], lots("1.3"))


def test_an_operator_may_be_asked_first(world: World) -> None:
    desk = reopening(world, corrections=Corrections.APPROVE)
    opened(desk, "a", "1")
    desk.by_hand(SELL, "1")
    restored(desk)
    [proposed] = [e.proposal for e in world.history if isinstance(e, CorrectionProposed)]
    assert (proposed.kind, desk.exposure) == ("reopen", 0)
    desk.approve(proposed.proposal)
    desk.work()
    assert desk.exposure == lots(1)


# -- stops -------------------------------------------------------------------------------------------------------------


def alone(desk: Desk) -> None:
    opened(desk, "a", "1", stop_loss=lots("1.05"))


def test_stops_of_a_copy_that_is_alone_are_put_right(world: World) -> None:
    desk = desk_with(world)
    alone(desk)
    looked(desk, stop_loss=lots("1.07"))
    [order] = world.outbox(desk.account)
    assert (order.action, order.stop_loss) == (OrderAction.MODIFY, lots("1.05"))
    desk.work()
    looked(desk, stop_loss=lots("1.05"))
    assert world.outbox(desk.account) == []


def test_stops_are_only_told_of_where_settings_say_so(world: World) -> None:
    desk = desk_with(world, on_drift=OnDrift.ALERT)
    alone(desk)
    looked(desk, stop_loss=lots("1.07"))
    assert (world.outbox(desk.account), incidents(world, desk.account)) == ([], ["copy_drift"])
    looked(desk, stop_loss=lots("1.05"))
    assert incidents(world, desk.account) == []


def test_a_stop_on_a_shared_position_is_told_of_and_left(world: World) -> None:
    desk = desk_with(world)
    alone(desk)
    opened(desk, "b", "0.5")
    desk.agree()
    looked(desk, stop_loss=lots("1.07"))
    assert (world.outbox(desk.account), incidents(world, desk.account)) == ([], ["copy_drift"])


def test_stops_where_the_owner_trades_too_are_his(world: World) -> None:
    desk = desk_with(world)
    alone(desk)
    desk.by_hand(BUY, "0.5")
    desk.settle()
    looked(desk, stop_loss=lots("1.07"))
    assert (world.outbox(desk.account), incidents(world, desk.account)) == ([], [])


def test_a_resting_orders_price_and_stops_are_put_right_as_everywhere(world: World) -> None:
    desk = desk_with(world)
    world.send(A.PENDING_PLACED, "o", order_type=OrderType.LIMIT, price=lots("1.05"), stop_loss=lots("1.04"))
    [placed] = world.fetch(desk.account)
    world.ack(desk.account, placed)
    for _ in range(2):
        world.snapshot(desk.account, resting(world, placed, price=lots("1.06")))
        world.later(6)
    [order] = world.outbox(desk.account)
    assert (order.action, order.price, order.stop_loss) == (OrderAction.MODIFY, lots("1.05"), lots("1.04"))


def resting(world: World, placed: Order, **changes: Any) -> Any:
    shown: dict[str, Any] = {
        "order_type": OrderType.LIMIT,
        "price": placed.price,
        "stop_loss": placed.stop_loss,
    } | changes
    return world.held(11, str(placed.volume), placed.magic, **shown)


# -- strangers ---------------------------------------------------------------------------------------------------------


def test_volume_of_the_owner_is_never_adopted(world: World) -> None:
    desk = desk_with(world, unknown_position=UnknownPosition.ADOPT)
    world.send(A.OPEN, "a", age_ms=60_000)
    desk.by_hand(BUY, "1")
    desk.settle()
    assert not [event for event in world.history if isinstance(event, CopyAdopted)]
    assert (desk.manual(), desk.held()) == (lots(1), [])


def test_a_copy_whose_leaders_trade_is_over_is_closed(world: World) -> None:
    desk = desk_with(world)
    copy = opened(desk, "a", "1")
    leading = world.state.accounts[LEADER].leading
    del leading.positions[copy.position_ref]
    desk.settle()
    assert (desk.exposure, copy.status) == (0, CopyStatus.CLOSED)
