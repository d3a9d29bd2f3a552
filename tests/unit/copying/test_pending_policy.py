"""A leader's pending order and its copies are filled by two markets: what happens when only one of them was."""

from datetime import timedelta
from typing import Any

import pytest

from kopitra.domain.identifiers import AccountId, PositionRef, SubscriptionId
from kopitra.domain.orders import OrderType
from kopitra.domain.rules import CopyRules, PendingPolicy
from kopitra.domain.settings import layer_of
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import AckStatus, Order, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import CopyDecision, HaltMode, HaltScope, Outcome
from kopitra.machine.state import Copy, CopyStatus
from tests.unit.copying.net_desk import use_netting
from tests.unit.copying.world import GROUP, LEADER, TENANT, World, lots

WAIT = CopyRules(sizing=SameVolume())
CANCEL = CopyRules(sizing=SameVolume(), pending_policy=PendingPolicy.CANCEL)
MARKET = CopyRules(
    sizing=SameVolume(),
    pending_policy=PendingPolicy.MARKET,
    max_drift=lots("0.001"),
    max_deviation=lots("0.0005"),
)


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


def fill(world: World, **changes: Any) -> CopyDecision:
    fields: dict[str, Any] = {"order_type": OrderType.LIMIT, "price": lots("1.05")}
    [decision] = world.send(SignalAction.PENDING_FILLED, "o1", **(fields | changes))
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


def test_cancels_that_come_too_late_order_one_close_of_a_netting_copy(world: World) -> None:
    follower = placed(world, CANCEL)
    use_netting(world, follower)
    fill(world)
    first = only(world.fetch(follower), OrderAction.CANCEL)
    world.send(SignalAction.CLOSE, "o1")
    second = world.fetch(follower)[-1]
    [copy] = copies(world, follower)
    world.fill(follower, world_order(copy))
    for cancel in {first.command_id: first, second.command_id: second}.values():
        if cancel.action is OrderAction.CANCEL:
            world.ack(follower, cancel, AckStatus.FAILED, reason="already_filled")
    offset = only(world.outbox(follower), OrderAction.OFFSET)
    assert (offset.volume, offset.expected_net_before) == (lots(1), lots(1))


def test_taking_away_nothing_of_a_netting_copy_does_not_close_what_was_filled_meanwhile(world: World) -> None:
    follower = placed(world, WAIT)
    use_netting(world, follower)
    [copy] = copies(world, follower)
    world.send(SignalAction.PENDING_CANCELLED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    cancel = only(world.fetch(follower), OrderAction.CANCEL)
    world.ack(follower, cancel, AckStatus.FAILED, reason="already_filled")
    nothing = only(world.fetch(follower), OrderAction.OFFSET)
    assert nothing.volume in (0, lots(1))
    world.fill(follower, world_order(copy))
    world.ack(follower, nothing, AckStatus.ALREADY_CLOSED if not nothing.volume else AckStatus.DEFERRED)
    world.later(5)
    world.tick()
    assert copy.live_volume == lots(1)
    assert only(world.outbox(follower), OrderAction.OFFSET).volume == lots(1)


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


def test_an_order_at_market_takes_the_place_of_one_that_was_cancelled(world: World) -> None:
    follower = placed(world, MARKET)
    decision = fill(world, price=lots("1.0498"))
    assert (decision.outcome, decision.reason) == (Outcome.PLANNED, "replaced_at_market")
    cancel = only(world.fetch(follower), OrderAction.CANCEL)
    world.later(2)
    world.ack(follower, cancel)
    order = only(world.fetch(follower), OrderAction.OPEN)
    assert (order.order_type, order.volume, order.price) == (OrderType.MARKET, lots(1), None)
    assert (order.reference_price, order.max_drift) == (lots("1.0498"), lots("0.001"))
    assert order.ttl_ms == 58_000
    assert order.magic != cancel.magic
    assert order.copy_id != cancel.copy_id
    world.fill(follower, order)
    world.ack(follower, order)
    [copy] = [copy for copy in copies(world, follower) if copy.live]
    assert (copy.status, copy.live_volume) == (CopyStatus.OPEN, lots(1))
    world.send(SignalAction.PARTIAL_CLOSE, "o1", volume_after=lots("0.5"))
    part = only(world.fetch(follower), OrderAction.PARTIAL_CLOSE)
    assert part.target_volume == lots("0.50")
    world.ack(follower, part)
    world.send(SignalAction.CLOSE, "o1")
    only(world.outbox(follower), OrderAction.CLOSE)


@pytest.mark.parametrize(
    ("status", "reason"), [(AckStatus.FAILED, "already_filled"), (AckStatus.ALREADY_CLOSED, None)]
)
def test_nothing_is_opened_where_there_may_have_been_a_fill(
    world: World, status: AckStatus, reason: str | None
) -> None:
    follower = placed(world, MARKET)
    fill(world)
    world.ack(follower, only(world.fetch(follower), OrderAction.CANCEL), status, reason=reason)
    assert world.outbox(follower) == []


def test_a_fill_told_before_the_cancel_is_done_is_the_only_copy(world: World) -> None:
    follower = placed(world, MARKET)
    fill(world)
    cancel = only(world.fetch(follower), OrderAction.CANCEL)
    [copy] = copies(world, follower)
    world.fill(follower, world_order(copy), "0.3")
    world.ack(follower, cancel)
    assert world.outbox(follower) == []
    assert [(c.live, c.live_volume) for c in copies(world, follower)] == [(True, lots("0.3"))]


def test_an_order_whose_cancel_was_there_first_is_replaced_too(world: World) -> None:
    """An EA that missed the first answer finds both in one page, never sends the open, and has nothing to cancel."""
    follower = placed(world, MARKET, fetched=False)
    world.fetch(follower)
    fill(world)
    opening, cancel = world.fetch(follower)
    world.ack(follower, opening, AckStatus.SUPERSEDED, reason="closed_before_open")
    world.ack(follower, cancel, AckStatus.ALREADY_CLOSED)
    assert only(world.outbox(follower), OrderAction.OPEN).order_type is OrderType.MARKET


def filled_first(world: World, **changes: Any) -> tuple[CopyDecision, ...]:
    return world.send(
        SignalAction.PENDING_FILLED,
        "o1",
        **({"order_type": OrderType.LIMIT, "price": lots("1.05")} | changes),
    )


def test_an_order_that_was_never_fetched_is_replaced_at_once(world: World) -> None:
    follower = placed(world, MARKET, fetched=False)
    withdrawn, opened = filled_first(world, price=lots("1.0498"))
    assert (withdrawn.outcome, opened.outcome) == (Outcome.SUPERSEDED, Outcome.PLANNED)
    order = only(world.fetch(follower), OrderAction.OPEN)
    assert (order.order_type, order.volume, order.ttl_ms) == (OrderType.MARKET, lots(1), 60_000)
    assert (order.reference_price, order.max_drift) == (lots("1.0498"), lots("0.001"))
    world.fill(follower, order)
    world.ack(follower, order)
    [copy] = [copy for copy in copies(world, follower) if copy.live]
    assert (copy.live_volume, copy.order_type) == (lots(1), OrderType.MARKET)
    world.send(SignalAction.PARTIAL_CLOSE, "o1", volume_after=lots("0.4"))
    assert only(world.outbox(follower), OrderAction.PARTIAL_CLOSE).target_volume == lots("0.4")
    world.ack(follower, world.fetch(follower)[0])
    world.send(SignalAction.CLOSE, "o1")
    only(world.outbox(follower), OrderAction.CLOSE)


def test_a_delayed_order_is_replaced_though_no_cancel_could_find_it(world: World) -> None:
    delayed = CopyRules(sizing=SameVolume(), pending_policy=PendingPolicy.MARKET, delay_seconds=30)
    follower = placed(world, delayed, fetched=False)
    world.later(10)
    filled_first(world)
    order = only(world.outbox(follower), OrderAction.OPEN)
    assert (order.order_type, order.ttl_ms) == (OrderType.MARKET, 60_000)
    [item] = world.state.accounts[follower].outbox.values()
    assert item.not_before == world.now + timedelta(seconds=20)


def test_two_subscriptions_of_one_follower_get_orders_of_their_own(world: World) -> None:
    follower = world.follower("follower", MARKET)
    again = commands.PublishSubscription(
        subscription=SubscriptionId("again"),
        tenant=TENANT,
        revision=1000,
        group=GROUP,
        follower=follower,
        rules=layer_of(MARKET),
    )
    world.do(again)
    world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    filled_first(world)
    orders = world.outbox(follower)
    assert [order.order_type for order in orders] == [OrderType.MARKET, OrderType.MARKET]
    assert len({order.magic for order in orders}) == len({order.command_id for order in orders}) == 2


def test_a_pending_order_that_joins_a_position_is_replaced_as_its_leg(world: World) -> None:
    follower = world.follower("follower", MARKET)
    world.opened("p1")
    world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, volume=lots("0.5"))
    world.send(
        SignalAction.PENDING_FILLED,
        "p1",
        order_ref=PositionRef("o1"),
        order_type=OrderType.LIMIT,
        volume=lots("0.5"),
        volume_after=lots("1.5"),
    )
    order = only(world.fetch(follower), OrderAction.OPEN)
    world.fill(follower, order, position=502)
    world.ack(follower, order)
    live = [copy for copy in copies(world, follower) if copy.live]
    assert [(copy.position_ref, copy.leg, copy.live_volume) for copy in live] == [
        ("p1", 0, lots(1)),
        ("p1", 1, lots("0.5")),
    ]
    world.send(SignalAction.PARTIAL_CLOSE, "p1", volume=lots("1.2"), volume_after=lots("0.3"))
    assert [(order.action, order.target_volume) for order in world.outbox(follower)] == [
        (OrderAction.CLOSE, None),
        (OrderAction.PARTIAL_CLOSE, lots("0.3")),
    ]


def test_a_cancel_that_takes_too_long_is_followed_by_nothing(world: World) -> None:
    follower = placed(world, MARKET)
    fill(world)
    cancel = only(world.fetch(follower), OrderAction.CANCEL)
    world.later(60)
    world.ack(follower, cancel)
    assert world.outbox(follower) == []


def test_a_leader_that_closes_before_the_cancel_is_done_is_followed_out(world: World) -> None:
    follower = placed(world, MARKET)
    fill(world)
    first = only(world.fetch(follower), OrderAction.CANCEL)
    world.send(SignalAction.CLOSE, "o1")
    world.ack(follower, first)
    assert OrderAction.OPEN not in [order.action for order in world.outbox(follower)]


def test_what_the_leader_has_closed_meanwhile_is_not_opened(world: World) -> None:
    follower = placed(world, MARKET)
    fill(world)
    cancel = only(world.fetch(follower), OrderAction.CANCEL)
    world.send(SignalAction.PARTIAL_CLOSE, "o1", volume_after=lots("0.25"))
    world.ack(follower, cancel)
    order = only(world.fetch(follower), OrderAction.OPEN)
    assert order.volume == lots("0.25")
    world.fill(follower, order)
    world.ack(follower, order)
    world.send(SignalAction.PARTIAL_CLOSE, "o1", volume_after=lots("0.10"))
    assert only(world.outbox(follower), OrderAction.PARTIAL_CLOSE).target_volume == lots("0.10")


def test_stops_that_the_leader_moves_meanwhile_are_the_new_orders(world: World) -> None:
    follower = placed(world, MARKET)
    fill(world)
    cancel = only(world.fetch(follower), OrderAction.CANCEL)
    world.send(SignalAction.MODIFY, "o1", stop_loss=lots("1.04"))
    world.ack(follower, cancel)
    [order] = [order for order in world.outbox(follower) if order.action is OrderAction.OPEN]
    assert order.stop_loss == lots("1.04")


def test_a_halt_lets_the_resting_order_wait_and_opens_nothing(world: World) -> None:
    follower = placed(world, MARKET)
    fill(world)
    cancel = only(world.fetch(follower), OrderAction.CANCEL)
    world.do(commands.Halt(scope=HaltScope.PLATFORM, target="", mode=HaltMode.CLOSE_ONLY, subject="op"))
    world.ack(follower, cancel)
    assert world.outbox(follower) == []


def test_a_fill_that_is_old_news_is_waited_for(world: World) -> None:
    placed(world, MARKET)
    assert fill(world, age_ms=60_000).reason == "waits_for_own_fill"


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


# -- A leader's order is in its book no more, but the position that it opened is --------------------------------------

ORDER, POSITION = "Broker:77:o500", "Broker:77:500"


def seen_filled(world: World, rules: CopyRules, left: str = "1") -> tuple[AccountId, Order, Copy]:
    """Two books of the leader agree on what its signals have not told yet; `left`: lots of the one that was filled."""
    follower = world.follower("follower", rules)
    world.send(SignalAction.PENDING_PLACED, ORDER, order_type=OrderType.LIMIT, price=lots("1.05"))
    [order] = world.fetch(follower)
    world.ack(follower, order)
    for _ in range(2):
        world.later(6)
        world.snapshot(LEADER, world.held(500, left))
    [copy] = copies(world, follower)
    return follower, order, copy


@pytest.mark.parametrize("rules", [WAIT, MARKET])
def test_an_order_that_its_leaders_book_shows_filled_is_neither_cancelled_nor_entered_late(
    world: World, rules: CopyRules
) -> None:
    follower, _, copy = seen_filled(world, rules)
    assert world.outbox(follower) == []
    assert (copy.live, copy.closing) == (True, False)
    [position] = world.state.accounts[LEADER].leading.positions.values()
    assert (position.pending, position.volume) == (False, lots(1))


def test_the_fills_own_signal_comes_late_and_changes_nothing_and_a_close_ends_the_copy(world: World) -> None:
    follower, order, copy = seen_filled(world, WAIT)
    world.fill(follower, order)
    before = world.state.sequence
    own = world.signal(SignalAction.PENDING_FILLED, POSITION, order_ref=PositionRef(ORDER))
    assert world.do(commands.TakeSignal(account=LEADER, signal=own)).events == ()
    assert world.state.sequence == before
    [decision] = world.send(SignalAction.CLOSE, POSITION)
    assert decision.order is not None
    assert decision.order.copy_id == copy.copy_id


def test_what_was_taken_off_since_is_taken_off_the_copy(world: World) -> None:
    follower, order, copy = seen_filled(world, WAIT, left="0.4")
    [position] = world.state.accounts[LEADER].leading.positions.values()
    assert (position.pending, position.volume, position.opened) == (False, lots("0.4"), lots(1))
    world.fill(follower, order)
    [part] = world.fetch(follower)
    assert (part.action, part.copy_id, part.target_volume) == (
        OrderAction.PARTIAL_CLOSE,
        copy.copy_id,
        lots("0.4"),
    )
