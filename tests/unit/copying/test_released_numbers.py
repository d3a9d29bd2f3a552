"""A position that was left to its follower is never closed as left over, and its number is kept no longer than it."""

import pytest

from kopitra.domain.identifiers import AccountId, SubscriptionId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.rules import Unsubscribe
from kopitra.domain.settings import CopySettings
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import AckStatus, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.state import Copy
from tests.unit.copying.net_desk import Desk
from tests.unit.copying.world import GROUP, TENANT, World, lots

KEEP = CopySettings(sizing=SameVolume(), unsubscribe=Unsubscribe.KEEP)


@pytest.fixture
def world() -> World:
    return World()


def follower(world: World) -> AccountId:
    return world.follower("follower", KEEP)


def publish(world: World, enabled: bool) -> None:
    held = world.state.subscriptions[SubscriptionId("sub-follower")]
    world.do(
        commands.PublishSubscription(
            subscription=held.subscription,
            tenant=TENANT,
            revision=held.revision + 1,
            group=GROUP,
            follower=held.follower,
            rules=KEEP,
            enabled=enabled,
        )
    )


def released(world: World, account: AccountId) -> list[int]:
    return list(world.state.accounts[account].following.released)


def left_to(world: World, account: AccountId, ref: str = "p1", position: int = 501) -> Copy:
    copy = world.opened(ref, position=position)
    publish(world, enabled=False)
    assert released(world, account) == [copy.magic]
    return copy


@pytest.mark.parametrize("leader_is_out", [False, True])
def test_a_number_is_given_up_once_two_snapshots_lack_it(world: World, leader_is_out: bool) -> None:
    account = follower(world)
    copy = left_to(world, account)
    if leader_is_out:
        world.send(SignalAction.CLOSE)
        assert copy.copy_id not in world.state.accounts[account].following.copies
    world.snapshot(account)
    assert released(world, account) == [copy.magic], "one snapshot is no proof"
    world.later(6)
    world.snapshot(account)
    assert released(world, account) == []
    before = world.state.sequence
    world.later(6)
    world.snapshot(account)
    assert world.state.sequence == before


def test_it_is_kept_as_long_as_the_position_lives(world: World) -> None:
    account = follower(world)
    copy = left_to(world, account)
    world.send(SignalAction.CLOSE)
    world.snapshot(account)
    for _ in range(3):
        world.later(6)
        world.snapshot(account, world.held(501, magic=copy.magic))
    assert (released(world, account), world.outbox(account)) == ([copy.magic], [])
    world.later(6)
    world.snapshot(account)
    assert released(world, account) == [copy.magic], "what was seen in between starts the count anew"


def test_a_resting_order_that_was_left_keeps_its_number_until_it_is_gone(world: World) -> None:
    account = follower(world)
    [decision] = world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    assert decision.order is not None
    world.fetch(account)
    world.ack(account, decision.order)
    publish(world, enabled=False)
    resting = world.held(601, magic=decision.order.magic, order_type=OrderType.LIMIT)
    for _ in range(3):
        world.snapshot(account, resting)
        world.later(6)
    assert released(world, account) == [decision.order.magic]
    for _ in range(2):
        world.snapshot(account)
        world.later(6)
    assert (released(world, account), world.outbox(account)) == ([], [])


def test_an_open_on_its_way_may_still_come_under_its_number(world: World) -> None:
    account = follower(world)
    world.send(SignalAction.OPEN)
    [order] = world.fetch(account)
    publish(world, enabled=False)
    for _ in range(3):
        world.snapshot(account)
        world.later(6)
    assert released(world, account) == [order.magic]
    world.ack(account, order, AckStatus.REJECTED)
    for _ in range(2):
        world.snapshot(account)
        world.later(6)
    assert released(world, account) == []


def test_who_subscribes_again_gets_copies_of_their_own(world: World) -> None:
    account = follower(world)
    kept = left_to(world, account)
    publish(world, enabled=True)
    again = world.opened("p2", position=502)
    assert again.magic != kept.magic
    world.send(SignalAction.CLOSE, "p1")
    world.send(SignalAction.CLOSE, "p2")
    [close] = world.fetch(account)
    assert (close.action, close.copy_id) == (OrderAction.CLOSE, again.copy_id)
    world.ack(account, close)
    for _ in range(3):
        world.snapshot(account, world.held(501, magic=kept.magic))
        world.later(6)
    assert (released(world, account), world.outbox(account)) == ([kept.magic], [])


def test_numbers_do_not_pile_up_however_often_a_follower_comes_and_goes(world: World) -> None:
    account = follower(world)
    for number in range(20):
        world.opened(f"p{number}", position=600 + number)
        publish(world, enabled=False)
        world.send(SignalAction.CLOSE, f"p{number}")
        for _ in range(2):
            world.snapshot(account)
            world.later(6)
        publish(world, enabled=True)
    assert released(world, account) == []
    assert world.state.accounts[account].following.missing == {}


def test_a_net_position_carries_nobodys_number(world: World) -> None:
    account = follower(world)
    desk = Desk(world, account, netting=True)
    world.send(SignalAction.OPEN)
    desk.work()
    publish(world, enabled=False)
    world.send(SignalAction.CLOSE)
    for _ in range(2):
        desk.snapshot()
        world.later(6)
    assert (released(world, account), desk.manual(), desk.work()) == ([], lots(1), [])


def test_the_fill_of_an_order_that_was_left_is_its_followers_volume_at_once(world: World) -> None:
    """On a netting account it would else explain whatever the next snapshots show, and be taken for another copy's."""
    desk = Desk(world, follower(world), netting=True)
    world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    [order] = world.fetch(desk.account)
    world.ack(desk.account, order)
    publish(world, enabled=False)
    world.send(SignalAction.PENDING_CANCELLED, "o1", order_type=OrderType.LIMIT)
    book = world.state.accounts[desk.account].following
    assert book.copies == {}
    world.fill(desk.account, order, "0.4")
    world.fill(desk.account, order, "0.6")
    assert (desk.manual(), book.nets["EURUSD"].foreign) == (lots(1), 0)
    for _ in range(2):
        world.snapshot(desk.account)
        world.later(6)
    assert (book.released, book.by_command) == ({}, {})


def operators_open(world: World, account: AccountId) -> int:
    world.do(
        commands.PlaceOperatorOrder(
            account=account,
            subject="op",
            action=OrderAction.OPEN,
            symbol="EURUSD",
            side=Side.SELL,
            volume=lots("0.1"),
        )
    )
    [order] = world.outbox(account)
    return order.magic


def test_what_an_operator_opened_is_no_orphan(world: World) -> None:
    account = follower(world)
    magic = operators_open(world, account)
    [order] = world.fetch(account)
    world.ack(account, order)
    for _ in range(3):
        world.later(6)
        world.snapshot(account, world.held(601, "0.1", magic=magic, side=Side.SELL))
    assert (released(world, account), world.outbox(account)) == ([magic], [])


def test_an_operators_number_is_given_up_once_two_snapshots_after_its_end_lack_it(world: World) -> None:
    account = follower(world)
    magic = operators_open(world, account)
    for _ in range(2):
        world.later(6)
        world.snapshot(account)
    assert released(world, account) == [magic], "its open is still on its way"
    [order] = world.fetch(account)
    world.later(6)
    world.snapshot(account, executing=(order.command_id,))
    world.ack(account, order)
    world.later(6)
    world.snapshot(account)
    assert released(world, account) == [magic]
    world.later(6)
    world.snapshot(account)
    assert released(world, account) == []


def test_snapshots_from_before_an_operators_open_say_nothing_of_it(world: World) -> None:
    """Its EA told of them late, one after the other, when the position was long there."""
    account = follower(world)
    before = world.state.sequence
    magic = operators_open(world, account)
    [order] = world.fetch(account)
    world.ack(account, order)
    for _ in range(3):
        world.later(6)
        world.snapshot(account, applied_through=before)
    assert released(world, account) == [magic]
    for _ in range(3):
        world.later(6)
        world.snapshot(account, world.held(601, "0.1", magic=magic, side=Side.SELL))
    assert (released(world, account), world.outbox(account)) == ([magic], [])


def test_snapshots_from_before_a_copy_that_is_left_was_opened_say_nothing_of_it(world: World) -> None:
    account = follower(world)
    before = world.state.sequence
    copy = left_to(world, account)
    world.send(SignalAction.CLOSE)
    assert copy.copy_id not in world.state.accounts[account].following.copies
    for _ in range(3):
        world.later(6)
        world.snapshot(account, applied_through=before)
    assert released(world, account) == [copy.magic]
