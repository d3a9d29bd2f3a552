"""A follower whose account nets: copies share its one position, and only what is ours is ever traded."""

from decimal import Decimal

import pytest

from kopitra.domain.identifiers import AccountId, GroupId, SubscriptionId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.rules import CopyRules
from kopitra.domain.settings import layer_of
from kopitra.domain.sizing_modes import ByMultiplier
from kopitra.domain.trading import AckStatus, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import (
    HaltMode,
    HaltScope,
    Outcome,
)
from tests.unit.copying.net_desk import Desk, close, opened, use_netting
from tests.unit.copying.world import GROUP, TENANT, World, lots, spec

A = SignalAction
BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world, world.follower(), netting=True)


def test_a_close_takes_the_copys_own_volume_off_the_net(desk: Desk) -> None:
    opened(desk, "a")
    opened(desk, "b", "0.4")
    order = close(desk, "a")
    assert (order.action, order.side, order.volume) == (OrderAction.OFFSET, SELL, lots(1))
    assert (order.expected_net_before, order.ticket, order.position_id) == (lots("1.4"), None, None)
    desk.work()
    assert desk.held() == [(BUY, lots("0.4"))]
    assert desk.exposure == lots("0.4")


def test_two_leaders_trades_against_each_other_are_kept_apart(desk: Desk) -> None:
    opened(desk, "long", "1")
    opened(desk, "short", "0.7", SELL)
    assert desk.exposure == lots("0.3")
    desk.world.send(A.PARTIAL_CLOSE, "short", volume=lots("0.3"), volume_after=lots("0.4"), side=SELL)
    desk.work()
    assert desk.exposure == lots("0.6")
    close(desk, "long")
    desk.work()
    assert desk.exposure == lots("-0.4")
    close(desk, "short")
    desk.work()
    assert (desk.exposure, desk.held()) == (0, [])


def test_orders_under_way_are_counted_in_their_sequence(desk: Desk) -> None:
    opened(desk, "a")
    opened(desk, "b", "0.5")
    desk.world.send(A.OPEN, "c", volume=lots("0.2"), volume_after=lots("0.2"))
    desk.world.fetch(desk.account)
    first, second = close(desk, "a"), close(desk, "b")
    assert first.expected_net_before == lots("1.7")
    assert second.expected_net_before == lots("0.7")
    desk.work()
    assert (desk.refused, desk.exposure) == ([], lots("0.2"))


def test_partial_closes_are_offsets_down_to_a_target(desk: Desk) -> None:
    opened(desk, "a")
    [decision] = desk.world.send(A.PARTIAL_CLOSE, "a", volume=lots("0.4"), volume_after=lots("0.6"))
    order = decision.order
    assert order is not None
    assert (order.action, order.volume, order.target_volume) == (OrderAction.OFFSET, lots("0.4"), lots("0.6"))
    desk.work()
    assert desk.held() == [(BUY, lots("0.6"))]


def test_a_refused_offset_is_driven_again_with_what_is_true_by_then(desk: Desk) -> None:
    opened(desk, "a")
    opened(desk, "b", "0.5")
    order = close(desk, "a")
    desk.world.fetch(desk.account)
    desk.trade(order, lots("0.3"))
    desk.world.ack(desk.account, order, AckStatus.DEFERRED, reason="unfinished")
    desk.world.later(2)
    desk.world.tick()
    [again] = desk.world.outbox(desk.account)
    assert again.command_id != order.command_id
    assert (again.volume, again.expected_net_before, again.target_volume) == (lots("0.7"), lots("1.2"), 0)
    desk.work()
    assert desk.held() == [(BUY, lots("0.5"))]


def test_an_open_that_filled_in_part_makes_a_close_wait_for_the_truth(desk: Desk) -> None:
    [decision] = desk.world.send(A.OPEN, "a")
    desk.world.fetch(desk.account)
    closing = close(desk, "a")
    assert decision.order is not None
    desk.trade(decision.order, lots("0.4"))
    desk.world.ack(desk.account, decision.order)
    desk.work()
    assert desk.refused == [closing]
    desk.settle()
    assert (desk.exposure, desk.held()) == (0, [])
    assert [volume for _, side, volume in desk.trades if side is SELL] == [lots("0.4")]


# -- stops -----------------------------------------------------------------------------------------------------------


def test_a_copy_that_is_alone_has_its_stops_at_the_broker(desk: Desk) -> None:
    opened(desk, "a", stop_loss=lots("1.05"))
    [decision] = desk.world.send(A.MODIFY, "a", stop_loss=lots("1.06"))
    assert decision.order is not None
    assert decision.order.stop_loss == lots("1.06")


def test_copies_that_share_a_symbol_have_their_stops_with_their_leader(desk: Desk) -> None:
    first = opened(desk, "a", stop_loss=lots("1.05"))
    decisions = desk.world.send(A.OPEN, "b", stop_loss=lots("1.04"))
    cleared, second = decisions
    assert cleared.order is not None
    assert second.order is not None
    assert (cleared.copy_id, cleared.order.action, cleared.order.stop_loss) == (
        first.copy_id,
        OrderAction.MODIFY,
        None,
    )
    assert second.order.stop_loss is None
    assert "stops_held_by_leader" in second.notes
    desk.work()
    [held] = desk.world.send(A.MODIFY, "b", stop_loss=lots("1.03"))
    assert (held.outcome, held.reason) == (Outcome.UNCHANGED, "stops_held_by_leader")


def test_manual_volume_shares_too(desk: Desk) -> None:
    desk.by_hand(BUY, "1")
    desk.agree()
    assert opened(desk, "a", stop_loss=lots("1.05")).stop_loss is None


def test_stops_leave_the_broker_when_the_owner_trades_there_too(desk: Desk) -> None:
    copy = opened(desk, "a", stop_loss=lots("1.05"))
    desk.by_hand(BUY, "0.5")
    desk.agree()
    [order] = desk.work()
    assert (order.action, order.stop_loss) == (OrderAction.MODIFY, None)
    assert (copy.stop_loss, desk.manual()) == (None, lots("0.5"))


def test_a_trade_that_turns_keeps_its_stops_where_it_is_alone(desk: Desk) -> None:
    opened(desk, "a", stop_loss=lots("1.05"))
    decisions = desk.world.send(
        A.REVERSE, "a", side=SELL, volume=lots(2), volume_after=lots(1), stop_loss=lots("1.2"), deal_id=4
    )
    assert [d.order.stop_loss for d in decisions if d.order] == [None, lots("1.2")]


# -- halts, operators, pending orders --------------------------------------------------------------------------------


def test_flattening_closes_every_copy_and_no_manual_volume(desk: Desk) -> None:
    desk.by_hand(SELL, "0.3")
    desk.agree()
    for ref, volume in (("a", "1"), ("b", "0.5"), ("c", "0.2")):
        opened(desk, ref, volume)
    desk.world.do(
        commands.Halt(scope=HaltScope.FOLLOWER, target=desk.account, mode=HaltMode.FLATTEN, subject="ada")
    )
    orders = desk.work()
    assert [order.action for order in orders] == [OrderAction.OFFSET] * 3
    assert (desk.refused, desk.exposure, desk.held()) == ([], lots("-0.3"), [])


def test_a_resting_order_counts_when_it_is_filled(desk: Desk) -> None:
    opened(desk, "a")
    desk.world.send(
        A.PENDING_PLACED,
        "o",
        order_type=OrderType.LIMIT,
        price=lots("1.05"),
        volume=lots("0.5"),
        volume_after=lots("0.5"),
    )
    desk.world.fetch(desk.account)
    [placed] = desk.world.outbox(desk.account)
    desk.world.ack(desk.account, placed)
    assert close(desk, "a").expected_net_before == lots(1)
    desk.work()
    desk.trade(placed, lots("0.5"))
    assert desk.held() == [(BUY, lots("0.5"))]
    close(desk, "o")
    desk.work()
    assert desk.exposure == 0


def test_a_leader_with_two_follows_of_one_account_is_closed_right(world: World) -> None:
    """The account follows the same leader by two subscriptions: two copies, one net position."""
    account = world.follower()
    desk = Desk(world, account, netting=True)
    world.do(
        commands.PublishSubscription(
            subscription=SubscriptionId("second"),
            tenant=TENANT,
            revision=99,
            group=GROUP,
            follower=account,
            rules=layer_of(CopyRules(sizing=ByMultiplier(), multiplier=lots("0.5"))),
        )
    )
    world.send(A.OPEN, "a", stop_loss=lots("1.05"))
    desk.work()
    assert desk.exposure == lots("1.5")
    assert {copy.stop_loss for copy in desk.copies()} == {None}
    world.send(A.CLOSE, "a")
    desk.work()
    assert (desk.refused, desk.exposure) == ([], Decimal(0))


def test_an_account_that_turns_out_to_net_has_its_refused_closes_as_offsets(world: World) -> None:
    """Its mode was not known yet when the close was planned: its EA refuses that, and the core knows better by then."""
    account: AccountId = world.follower()
    desk = Desk(world, account, netting=False)
    world.send(A.OPEN, "a")
    desk.netting = True
    desk.work()
    order = close(desk, "a")
    assert order.action is OrderAction.CLOSE
    use_netting(world, account)
    world.fetch(account)
    world.ack(account, order, AckStatus.DEFERRED, reason="netting_account")
    world.later(5)
    world.tick()
    assert [o.action for o in desk.work()] == [OrderAction.OFFSET]
    assert desk.exposure == 0


def test_an_open_that_is_delayed_is_not_counted_on(world: World) -> None:
    rules = CopyRules(sizing=ByMultiplier(), delay_seconds=5)
    desk = Desk(world, world.follower("patient", rules), netting=True)
    world.send(A.OPEN, "a")
    world.later(6)
    desk.work()
    world.send(A.OPEN, "b", volume=lots("0.5"), volume_after=lots("0.5"))
    assert close(desk, "a").expected_net_before == lots(1)


def test_an_account_that_nets_and_leads_opens_no_copies(world: World) -> None:
    account = world.follower("both")
    Desk(world, account, netting=True)
    world.do(commands.PublishGroup(group=GroupId("led"), tenant=TENANT, revision=50, leaders=(account,)))
    follower = world.account("third")
    world.do(
        commands.PublishSubscription(
            subscription=SubscriptionId("third"),
            tenant=TENANT,
            revision=51,
            group=GroupId("led"),
            follower=follower,
            rules=layer_of(CopyRules(sizing=ByMultiplier())),
        )
    )
    [decision] = world.send(A.OPEN, "a")
    assert (decision.outcome, decision.reason) == (Outcome.SKIPPED, "netting_leader")


def test_a_refused_open_leaves_the_stops_of_others_alone(world: World) -> None:
    coarse = spec(volume_min=lots(1))
    desk = Desk(world, world.follower("coarse", None, coarse), netting=True)
    opened(desk, "a", stop_loss=lots("1.05"))
    [decision] = world.send(A.OPEN, "b", volume=lots("0.5"), volume_after=lots("0.5"))
    assert decision.outcome is Outcome.SKIPPED
    assert [copy.stop_loss for copy in desk.copies()] == [lots("1.05")]


def test_what_an_offset_leaves_because_an_earlier_one_was_put_off_is_taken_off_too(desk: Desk) -> None:
    opened(desk, "a")
    [part] = desk.world.send(A.PARTIAL_CLOSE, "a", volume=lots("0.4"), volume_after=lots("0.6"))
    closing = close(desk, "a")
    desk.world.fetch(desk.account)
    assert part.order is not None
    desk.world.ack(desk.account, part.order, AckStatus.DEFERRED, reason="net_mismatch")
    desk.trade(closing, closing.volume)
    desk.world.ack(desk.account, closing)
    assert desk.held() == [(BUY, lots("0.4"))]
    desk.settle()
    assert (desk.exposure, desk.held()) == (0, [])


def test_the_owners_deal_is_no_copys_whatever_was_known_of_its_position_before(world: World) -> None:
    desk = Desk(world, world.follower(), netting=False)
    desk.netting = True
    opened(desk, "a")
    use_netting(world, desk.account)
    desk.by_hand(SELL, "0.4")
    assert desk.held() == [(BUY, lots(1))]
    desk.agree()
    assert desk.held() == [(BUY, lots("0.6"))]
