"""A leader's pending order and its copies are filled by two markets: what happens when only one of them was."""

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import OrderType
from kopitra.domain.rules import CopyRules, PendingPolicy
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import AckStatus, Order, OrderAction, SignalAction
from kopitra.machine.events import CopyDecision, Outcome
from kopitra.machine.state import Copy, CopyStatus
from tests.unit.copying.world import World, lots

WAIT = CopyRules(sizing=SameVolume())
CANCEL = CopyRules(sizing=SameVolume(), pending_policy=PendingPolicy.CANCEL)


@pytest.fixture
def world() -> World:
    return World()


def placed(world: World, rules: CopyRules, fetched: bool = True) -> AccountId:
    """A follower whose limit order rests at its broker, or still waits in its outbox."""
    follower = world.follower("follower", rules)
    world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    if fetched:
        [order] = world.fetch(follower)
        world.ack(follower, order)
    return follower


def fill(world: World, **changes: object) -> CopyDecision:
    [decision] = world.send(
        SignalAction.PENDING_FILLED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"), **changes
    )  # type: ignore[arg-type]
    return decision


def copies(world: World, follower: AccountId) -> list[Copy]:
    return list(world.state.accounts[follower].following.copies.values())


def only(orders: list[Order], action: OrderAction) -> Order:
    [order] = orders
    assert order.action is action
    return order


def test_by_default_a_copy_waits_for_its_own_fill(world: World) -> None:
    follower = placed(world, WAIT)
    decision = fill(world)
    assert (decision.outcome, decision.reason) == (Outcome.UNCHANGED, "waits_for_own_fill")
    assert world.outbox(follower) == []


def test_a_copy_gives_way_by_a_cancel(world: World) -> None:
    follower = placed(world, CANCEL)
    decision = fill(world)
    assert (decision.outcome, decision.reason) == (Outcome.PLANNED, "leader_filled_first")
    order = only(world.fetch(follower), OrderAction.CANCEL)
    world.ack(follower, order)
    [copy] = copies(world, follower)
    assert (copy.status, copy.cause) == (CopyStatus.DROPPED, "leader_filled_first")
    [later] = world.send(SignalAction.CLOSE, "o1")
    assert (later.outcome, later.reason) == (Outcome.SKIPPED, "not_open")
    assert world.outbox(follower) == []


def test_a_cancel_that_comes_too_late_leaves_the_copy_to_follow_its_leader(world: World) -> None:
    follower = placed(world, CANCEL)
    fill(world)
    order = only(world.fetch(follower), OrderAction.CANCEL)
    world.ack(follower, order, AckStatus.FAILED, reason="already_filled")
    assert world.outbox(follower) == []
    [copy] = copies(world, follower)
    opening = world_order(copy)
    world.fill(follower, opening)
    assert (copy.status, copy.live_volume, copy.closing) == (CopyStatus.OPEN, lots(1), False)
    world.send(SignalAction.CLOSE, "o1")
    only(world.outbox(follower), OrderAction.CLOSE)


def test_a_fill_told_before_the_cancel_is_the_copy(world: World) -> None:
    follower = placed(world, CANCEL)
    fill(world)
    order = only(world.fetch(follower), OrderAction.CANCEL)
    [copy] = copies(world, follower)
    world.fill(follower, world_order(copy))
    world.ack(follower, order, AckStatus.FAILED, reason="already_filled")
    assert world.outbox(follower) == []
    assert copy.live_volume == lots(1)


def test_a_refused_cancel_is_driven_again_and_still_is_no_close(world: World) -> None:
    follower = placed(world, CANCEL)
    fill(world)
    order = only(world.fetch(follower), OrderAction.CANCEL)
    world.ack(follower, order, AckStatus.REJECTED)
    world.later(5)
    world.tick()
    again = only(world.fetch(follower), OrderAction.CANCEL)
    world.ack(follower, again, AckStatus.FAILED, reason="already_filled")
    assert world.outbox(follower) == []
    [copy] = copies(world, follower)
    assert not copy.closing


def test_a_leader_that_closes_meanwhile_ends_the_copy_whatever_became_of_the_cancel(world: World) -> None:
    follower = placed(world, CANCEL)
    fill(world)
    first = only(world.fetch(follower), OrderAction.CANCEL)
    world.send(SignalAction.CLOSE, "o1")
    world.fetch(follower)
    world.ack(follower, first, AckStatus.FAILED, reason="already_filled")
    [copy] = copies(world, follower)
    assert copy.closing
    assert OrderAction.CLOSE in [order.action for order in world.outbox(follower)]


def test_an_order_that_was_never_fetched_is_withdrawn(world: World) -> None:
    follower = placed(world, CANCEL, fetched=False)
    decision = fill(world)
    assert (decision.outcome, decision.reason) == (Outcome.SUPERSEDED, "leader_filled_first")
    assert world.outbox(follower) == []
    assert [copy.live for copy in copies(world, follower)] == [False]


def test_an_order_that_was_filled_before_the_leaders_stays(world: World) -> None:
    follower = placed(world, CANCEL)
    [copy] = copies(world, follower)
    world.fill(follower, world_order(copy))
    assert fill(world).outcome is Outcome.UNCHANGED
    assert world.outbox(follower) == []


def test_a_leader_that_cancels_closes_a_copy_that_was_filled(world: World) -> None:
    follower = placed(world, WAIT)
    [copy] = copies(world, follower)
    world.fill(follower, world_order(copy))
    [decision] = world.send(SignalAction.PENDING_CANCELLED, "o1", order_type=OrderType.LIMIT)
    assert decision.outcome is Outcome.PLANNED
    order = only(world.fetch(follower), OrderAction.CLOSE)
    assert order.volume == lots(1)


def test_a_leader_that_cancels_while_the_copy_is_being_filled_closes_it_too(world: World) -> None:
    follower = placed(world, WAIT)
    world.send(SignalAction.PENDING_CANCELLED, "o1", order_type=OrderType.LIMIT)
    order = only(world.fetch(follower), OrderAction.CANCEL)
    world.ack(follower, order, AckStatus.FAILED, reason="already_filled")
    only(world.fetch(follower), OrderAction.CLOSE)


def world_order(copy: Copy) -> Order:
    """The order that opened the copy, as far as a report of its fill names it."""
    return Order(
        command_id=copy.opens,
        copy_id=copy.copy_id,
        action=OrderAction.OPEN,
        symbol=copy.symbol,
        side=copy.side,
        order_type=copy.order_type,
        volume=copy.planned_volume,
        magic=copy.magic,
    )
