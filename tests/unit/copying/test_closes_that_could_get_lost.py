"""Reports that cross each other: whatever comes first, what has to be closed is closed, once, and nothing lives on."""

from datetime import timedelta

import pytest

from kopitra.domain.orders import DealEntry, DealReason, OrderType, Side
from kopitra.domain.rules import CopyRules, PendingPolicy
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import AckStatus, Order, OrderAction, SignalAction
from kopitra.machine.commands import DecideProposal, Halt
from kopitra.machine.events import HaltMode, HaltScope
from kopitra.machine.leases import readings_after_recovery
from kopitra.machine.outcome import Decision
from kopitra.machine.state import Copy, CopyStatus
from tests.unit.copying.follower_terminal import Terminal, in_touch, proposals, sign_in
from tests.unit.copying.net_desk import Desk, use_netting
from tests.unit.copying.world import LEADER, World, lots


@pytest.fixture
def world() -> World:
    return World()


def only_copy(world: World) -> Copy:
    [copy] = world.state.accounts[world.account("follower")].following.copies.values()
    return copy


def place(world: World) -> Order:
    [decision] = world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    assert decision.order is not None
    return decision.order


def actions(orders: list[Order]) -> list[OrderAction]:
    return [order.action for order in orders]


def test_what_an_order_had_filled_before_it_was_cancelled_is_closed(world: World) -> None:
    follower = world.follower()
    opening = place(world)
    world.fetch(follower)
    world.ack(follower, opening)
    world.send(SignalAction.PENDING_CANCELLED, "o1", order_type=OrderType.LIMIT)
    [cancel] = world.fetch(follower)
    world.fill(follower, opening, "0.3")
    assert actions(world.fetch(follower)) == [OrderAction.CANCEL]
    world.ack(follower, cancel)
    [closing] = world.fetch(follower)
    assert (closing.action, closing.volume) == (OrderAction.CLOSE, lots("0.3"))
    world.ack(follower, closing)
    assert world.state.accounts[follower].following.copies == {}


def test_an_open_that_its_ea_cannot_tell_of_stays_closed_where_deals_told_its_end(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.OPEN)
    assert decision.order is not None
    world.fetch(follower)
    world.fill(follower, decision.order)
    copy = only_copy(world)
    world.deal(follower, None, DealEntry.OUT, lots(1), reason=DealReason.STOP_LOSS)
    world.ack(follower, decision.order, AckStatus.UNKNOWN, reason="not_found")
    assert (copy.status, copy.live) == (CopyStatus.CLOSED, False)
    world.send(SignalAction.CLOSE)
    assert world.state.accounts[follower].following.copies == {}


def test_a_refused_offset_is_driven_again_though_only_a_modification_is_under_way(world: World) -> None:
    """The deals of the open have not been told yet: that says nothing about what is left."""
    desk = Desk(world, world.follower(), netting=True)
    [decision] = world.send(SignalAction.OPEN, stop_loss=lots("1.05"))
    assert decision.order is not None
    world.fetch(desk.account)
    world.ack(desk.account, decision.order)
    world.send(SignalAction.MODIFY, stop_loss=lots("1.06"))
    world.send(SignalAction.CLOSE)
    offset = next(order for order in world.fetch(desk.account) if order.action is OrderAction.OFFSET)
    world.ack(desk.account, offset, AckStatus.REJECTED)
    world.later(5)
    world.tick()
    assert OrderAction.OFFSET in actions(world.outbox(desk.account))


def test_a_refused_offset_is_driven_again_though_its_delayed_open_was_not_told_of(world: World) -> None:
    """Nobody counts on an open that comes late; that it is under way does not mean that nothing is there."""
    rules = CopyRules(sizing=SameVolume(), delay_seconds=10)
    desk = Desk(world, world.follower("follower", rules), netting=True)
    world.send(SignalAction.OPEN)
    world.later(11)
    world.fetch(desk.account)
    world.send(SignalAction.CLOSE)
    [_, offset] = world.fetch(desk.account)
    world.ack(desk.account, offset, AckStatus.REJECTED)
    world.later(5)
    world.tick()
    assert actions(world.outbox(desk.account)) == [OrderAction.OPEN, OrderAction.OFFSET]


def test_a_refused_offset_is_driven_again_though_its_open_was_recalled(world: World) -> None:
    desk = Desk(world, world.follower(), netting=True)
    world.send(SignalAction.OPEN)
    world.fetch(desk.account)
    world.readings = readings_after_recovery(world.state, world.now)
    world.do(Halt(scope=HaltScope.LEADER, target=LEADER, mode=HaltMode.CLOSE_ONLY, subject="op"))
    world.send(SignalAction.CLOSE)
    [_, offset] = world.fetch(desk.account)
    world.ack(desk.account, offset, AckStatus.REJECTED)
    world.later(5)
    world.tick()
    assert actions(world.outbox(desk.account)) == [OrderAction.OPEN, OrderAction.OFFSET]


def test_refused_offsets_that_come_due_together_take_nothing_off_twice(world: World) -> None:
    """The later, deeper one was refused first and comes first: what the other one wants is in it."""
    desk = Desk(world, world.follower(), netting=True)
    world.send(SignalAction.OPEN)
    world.fetch(desk.account)
    world.readings = readings_after_recovery(world.state, world.now)
    world.do(Halt(scope=HaltScope.LEADER, target=LEADER, mode=HaltMode.CLOSE_ONLY, subject="op"))
    for left in ("0.2", "0.1"):
        world.send(SignalAction.PARTIAL_CLOSE, volume=lots("0.1"), volume_after=lots(left))
    [_, first, second] = world.fetch(desk.account)
    for offset in (second, first):
        world.ack(desk.account, offset, AckStatus.DEFERRED, reason="net_mismatch")
    world.later(5)
    world.tick()
    [again] = [order for order in world.outbox(desk.account) if order.action is OrderAction.OFFSET]
    assert (again.volume, again.target_volume) == (lots("0.9"), lots("0.1"))


def test_a_fill_of_what_was_given_up_is_closed_though_a_part_is_being_closed_already(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.OPEN)
    assert decision.order is not None
    world.fetch(follower)
    world.send(SignalAction.PARTIAL_CLOSE, volume=lots("0.6"), volume_after=lots("0.4"))
    world.ack(follower, decision.order, AckStatus.FAILED)
    world.send(SignalAction.CLOSE)
    world.fill(follower, decision.order)
    assert OrderAction.CLOSE in actions(world.outbox(follower))


def test_what_was_under_way_for_a_copy_that_another_replaces_is_void(world: World) -> None:
    rules = CopyRules(sizing=SameVolume(), pending_policy=PendingPolicy.CANCEL, deferred_replay=True)
    follower = world.follower("follower", rules)
    for account in (LEADER, follower):
        sign_in(world, account)
    Terminal(world, follower).show()
    opening = place(world)
    world.fetch(follower)
    world.send(SignalAction.PENDING_FILLED, "o1", order_type=OrderType.LIMIT)
    cancel = world.fetch(follower)[-1]
    world.ack(
        follower, cancel, AckStatus.DEFERRED, retry_at=world.now + timedelta(seconds=50), reason="later"
    )
    world.ack(follower, opening, AckStatus.EXPIRED, reason="ttl")
    world.tick()
    [proposal] = proposals(world, follower)
    approve = DecideProposal(account=follower, proposal=proposal.proposal, approve=True, subject="olga")
    assert isinstance(world.ask(approve), Decision)
    world.later(55)
    in_touch(world, LEADER, follower)
    world.tick()
    assert {order.copy_id for order in world.outbox(follower)} <= {only_copy(world).copy_id}


@pytest.mark.parametrize("netting", [False, True])
def test_a_fill_that_a_snapshot_told_of_brings_no_ended_copy_back(world: World, netting: bool) -> None:
    """The deal of the open comes last: after the position was seen, and after its end."""
    follower = world.follower()
    if netting:
        use_netting(world, follower)
    [decision] = world.send(SignalAction.OPEN)
    assert decision.order is not None
    world.fetch(follower)
    world.ack(follower, decision.order, AckStatus.UNKNOWN, reason="ambiguous")
    copy = only_copy(world)
    for _ in range(2):
        world.later(6)
        world.snapshot(follower, world.held(501, magic=copy.magic))
    assert copy.live_volume == lots(1)
    world.send(SignalAction.CLOSE)
    world.send(SignalAction.OPEN, "p2")
    [closing] = [order for order in world.fetch(follower) if order.copy_id == copy.copy_id]
    world.deal(follower, closing, DealEntry.OUT, lots(1), side=Side.SELL)
    assert not copy.live
    world.fill(follower, decision.order)
    assert not copy.live
    world.ack(follower, closing)
    assert copy.copy_id not in world.state.accounts[follower].following.copies
    assert [order.copy_id for order in world.outbox(follower)].count(copy.copy_id) == 0


def test_a_clock_set_back_puts_no_refused_close_off(world: World) -> None:
    follower = world.follower()
    terminal = Terminal(world, follower)
    world.send(SignalAction.OPEN)
    terminal.obey()
    world.send(SignalAction.CLOSE)
    [closing] = world.fetch(follower)
    world.ack(follower, closing, AckStatus.REJECTED)
    world.later(-600)
    world.tick()
    [again] = world.fetch(follower)
    assert (again.action, again.ticket) == (OrderAction.CLOSE, closing.ticket)
    assert again.command_id != closing.command_id
