"""A leader whose account nets: it adds to one position, takes parts off again, and turns to the other side."""

from decimal import Decimal
from typing import Any

import pytest

from kopitra.domain.identifiers import PositionRef
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.rules import CopyRules, Remainder
from kopitra.domain.sizing_modes import ByMultiplier, SameVolume
from kopitra.domain.skips import SkipReason
from kopitra.domain.trading import AckStatus, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.decisions import growing
from kopitra.machine.events import CopyDecision, Outcome
from tests.unit.copying.net_desk import Desk
from tests.unit.copying.world import LEADER, World, lots, spec

A = SignalAction
BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world, world.follower(), netting=False)


def buy(world: World, volume: str = "1", ref: str = "p1", **more: Any) -> tuple[CopyDecision, ...]:
    return world.send(A.OPEN, ref, volume=lots(volume), volume_after=lots(volume), **more)


def grow(world: World, by: str, after: str, ref: str = "p1", **more: Any) -> tuple[CopyDecision, ...]:
    fields: dict[str, Any] = {"deal_id": 100 + world.ordinal} | more
    return world.send(A.INCREASE, ref, volume=lots(by), volume_after=lots(after), **fields)


def take_off(world: World, by: str, after: str, ref: str = "p1", **more: Any) -> tuple[CopyDecision, ...]:
    fields: dict[str, Any] = {"deal_id": 100 + world.ordinal} | more
    return world.send(A.PARTIAL_CLOSE, ref, volume=lots(by), volume_after=lots(after), **fields)


def turn(world: World, side: Side, by: str, after: str, **more: Any) -> tuple[CopyDecision, ...]:
    fields: dict[str, Any] = {"deal_id": 100 + world.ordinal} | more
    return world.send(A.REVERSE, volume=lots(by), volume_after=lots(after), side=side, **fields)


def test_what_is_added_is_copied_like_any_open(world: World, desk: Desk) -> None:
    buy(world)
    desk.work()
    grow(world, "0.5", "1.5")
    desk.work()
    assert desk.held() == [(BUY, lots(1)), (BUY, lots("0.5"))]
    assert [copy.leg for copy in desk.copies()] == [0, 1]
    assert len({copy.copy_id for copy in desk.copies()}) == 2


def test_an_addition_is_sized_filtered_and_aged_like_any_open(world: World) -> None:
    world.follower("half", CopyRules(sizing=ByMultiplier(), multiplier=lots("0.5")))
    world.follower("coarse", None, spec(volume_min=lots(1), volume_step=lots(1)))
    buy(world, "2")
    coarse, half = grow(world, "0.5", "2.5")
    assert (coarse.outcome, coarse.reason) == (Outcome.SKIPPED, SkipReason.BELOW_MINIMUM)
    assert half.order is not None
    assert half.order.volume == lots("0.25")
    stale = grow(world, "0.5", "3", age_ms=60_000)
    assert {d.reason for d in stale} == {SkipReason.EXPIRED}


def test_a_partial_close_takes_from_the_oldest_addition_first(world: World, desk: Desk) -> None:
    buy(world, "1")
    grow(world, "0.5", "1.5")
    grow(world, "0.4", "1.9")
    desk.work()
    decisions = take_off(world, "1.2", "0.7")
    assert [(d.order.action, d.order.target_volume) for d in decisions if d.order is not None] == [
        (OrderAction.CLOSE, None),
        (OrderAction.PARTIAL_CLOSE, lots("0.3")),
    ]
    desk.work()
    assert desk.held() == [(BUY, lots("0.3")), (BUY, lots("0.4"))]


def test_each_command_of_an_event_has_an_id_of_its_own(world: World, desk: Desk) -> None:
    buy(world)
    grow(world, "0.5", "1.5")
    desk.work()
    orders = [d.order for d in turn(world, SELL, "2", "0.5") if d.order is not None]
    assert [order.action for order in orders] == [OrderAction.CLOSE, OrderAction.CLOSE, OrderAction.OPEN]
    assert len({order.command_id for order in orders}) == 3


def test_turning_closes_everything_and_opens_the_other_side(world: World, desk: Desk) -> None:
    buy(world)
    grow(world, "0.5", "1.5")
    desk.work()
    turn(world, SELL, "2.2", "0.7")
    desk.work()
    assert desk.held() == [(SELL, lots("0.7"))]
    take_off(world, "0.2", "0.5", side=SELL)
    desk.work()
    assert desk.held() == [(SELL, lots("0.5"))]
    world.send(A.CLOSE, side=SELL, volume=lots("0.5"))
    desk.work()
    assert desk.held() == []
    assert desk.exposure == 0


def test_turning_withdraws_an_open_that_nobody_fetched(world: World, desk: Desk) -> None:
    buy(world)
    closed, opened = turn(world, SELL, "1.5", "0.5")
    assert (closed.outcome, closed.order) == (Outcome.SUPERSEDED, None)
    assert opened.order is not None
    assert [order.side for order in desk.work()] == [SELL]


def test_turning_again_and_again_leaves_nothing_behind(world: World, desk: Desk) -> None:
    buy(world)
    side = BUY
    for _ in range(20):
        desk.work()
        side = side.opposite
        turn(world, side, "2", "1")
    desk.work()
    position = world.state.accounts[LEADER].leading.positions[PositionRef("p1")]
    assert desk.held() == [(side, lots(1))]
    assert len(position.legs) == 1
    assert len(world.state.accounts[desk.account].following.copies) == 1
    turn(world, side.opposite, "2", "1")
    assert len(position.copies) == 2


def test_no_generation_is_given_twice(world: World, desk: Desk) -> None:
    given: list[object] = []
    buy(world)
    for _ in range(6):
        desk.work()
        given += [copy.copy_id for copy in desk.copies() if copy.copy_id not in given[-2:]]
        grow(world, "1", "2")
        desk.work()
        given += [copy.copy_id for copy in desk.copies()][1:]
        turn(world, SELL if len(given) % 4 else BUY, "3", "1")
    assert len(given) == len(set(given))


def test_rounding_never_adds_up_over_additions(world: World) -> None:
    third = Desk(
        world,
        world.follower("third", CopyRules(sizing=ByMultiplier(), multiplier=lots("0.33"))),
        netting=False,
    )
    buy(world, "0.1")
    volume = lots("0.1")
    for by in ("0.07", "0.13", "0.29"):
        volume += lots(by)
        grow(world, by, str(volume))
    third.work()
    opened = third.exposure
    while volume > lots("0.1"):
        volume -= lots("0.03")
        take_off(world, "0.03", str(volume))
        third.work()
        share = opened * volume / lots("0.59")
        assert third.exposure <= share + lots("0.01")


def test_one_close_or_three_end_in_the_same_book(world: World) -> None:
    rules = CopyRules(sizing=ByMultiplier(), multiplier=lots("0.37"))
    at_once = Desk(world, world.follower("once", rules), netting=False)
    other = World()
    in_three = Desk(other, other.follower("once", rules), netting=False)
    for each, desk in ((world, at_once), (other, in_three)):
        buy(each, "1")
        grow(each, "0.6", "1.6")
        desk.work()
    take_off(world, "0.9", "0.7")
    at_once.work()
    for after in ("1.3", "1.0", "0.7"):
        take_off(other, "0.3", after)
        in_three.work()
    assert at_once.held() == in_three.held()


def test_stops_of_the_position_are_stops_of_every_copy_of_it(world: World, desk: Desk) -> None:
    buy(world)
    grow(world, "0.5", "1.5")
    desk.work()
    decisions = world.send(A.MODIFY, volume=lots("1.5"), volume_after=lots("1.5"), stop_loss=lots("1.05"))
    assert [(d.order.action, d.order.stop_loss) for d in decisions if d.order] == [
        (OrderAction.MODIFY, lots("1.05"))
    ] * 2


def test_who_joined_late_gets_what_is_added_and_nothing_before(world: World) -> None:
    buy(world)
    desk = Desk(world, world.follower("late"), netting=False)
    grow(world, "0.5", "1.5")
    desk.work()
    assert desk.held() == [(BUY, lots("0.5"))]
    assert take_off(world, "0.5", "1.0") == ()
    take_off(world, "0.75", "0.25")
    desk.work()
    assert desk.held() == [(BUY, lots("0.25"))]


def test_the_same_deal_twice_plans_once(world: World, desk: Desk) -> None:
    buy(world)
    signal = world.signal(A.INCREASE, volume=lots(1), volume_after=lots(2), deal_id=77)
    for _ in range(2):
        world.do(commands.TakeSignal(account=LEADER, signal=signal))
    assert len(desk.work()) == 2


def test_what_comes_late_into_a_position_that_went_on_is_stale(world: World, desk: Desk) -> None:
    buy(world)
    late = world.signal(A.PARTIAL_CLOSE, volume=lots("0.5"), volume_after=lots("0.5"), deal_id=5)
    grow(world, "1", "1.5")
    desk.work()
    world.do(commands.TakeSignal(account=LEADER, signal=late))
    assert desk.work() == []


def test_a_partial_close_before_the_fill_is_known_gets_its_target_from_its_own_addition(
    world: World, desk: Desk
) -> None:
    buy(world)
    desk.work()
    [opened] = grow(world, "1", "2")
    world.fetch(desk.account)
    take_off(world, "1.5", "0.5")
    assert opened.order is not None
    desk.trade(opened.order, lots("0.6"))
    world.ack(desk.account, opened.order)
    desk.work()
    assert desk.held() == [(BUY, lots("0.3"))]


# -- pending orders of a netting leader ------------------------------------------------------------------------------


def place(world: World, volume: str = "0.5", ref: str = "o9") -> None:
    world.send(
        A.PENDING_PLACED,
        ref,
        order_ref=PositionRef(ref),
        order_type=OrderType.LIMIT,
        price=lots("1.05"),
        volume=lots(volume),
        volume_after=lots(volume),
    )


def test_an_order_that_fills_into_a_position_is_one_more_addition_to_it(world: World, desk: Desk) -> None:
    buy(world)
    place(world)
    orders = desk.work()
    filled = world.send(
        A.PENDING_FILLED,
        order_ref=PositionRef("o9"),
        volume=lots("0.5"),
        volume_before=lots(1),
        volume_after=lots("1.5"),
        deal_id=8,
    )
    assert {d.reason for d in filled} == {"waits_for_own_fill"}
    book = world.state.accounts[LEADER].leading
    assert list(book.positions) == ["p1"]
    assert book.positions[PositionRef("p1")].volume == lots("1.5")
    assert desk.held() == [(BUY, lots(1)), (BUY, lots("0.5"))]
    take_off(world, "1.2", "0.3")
    desk.work()
    assert desk.held() == [(BUY, lots("0.3"))]
    world.send(A.CLOSE, volume=lots("0.3"))
    desk.work()
    assert desk.exposure == 0
    assert len(orders) == 2


def test_more_fills_of_one_order_open_nothing_of_their_own(world: World, desk: Desk) -> None:
    place(world, "1.0")
    desk.work()
    world.send(
        A.PENDING_FILLED, "p1", order_ref=PositionRef("o9"), volume=lots("0.4"), volume_after=lots("0.4")
    )
    [more] = grow(world, "0.6", "1.0", order_ref=PositionRef("o9"))
    assert (more.order, more.reason) == (None, "waits_for_own_fill")
    take_off(world, "0.5", "0.5")
    desk.work()
    assert desk.held() == [(BUY, lots("0.5"))]


# -- what snapshots of a netting leader heal -------------------------------------------------------------------------


def led(world: World) -> None:
    """Two positions, so that losing one is not most of the book."""
    buy(world, "1", "S:1:1")
    for number in range(2, 6):
        buy(world, "1", f"S:1:{number}", symbol="EURUSD")


def snapshots(world: World, volume: str, side: Side = BUY) -> None:
    others = [world.held(number, "1") for number in range(2, 6)]
    for _ in range(2):
        world.snapshot(LEADER, world.held(1, volume, side=side), *others, server="S", login=1)
        world.later(6)


def test_an_addition_that_nobody_announced_is_known_and_copied_by_nobody(world: World, desk: Desk) -> None:
    led(world)
    desk.work()
    snapshots(world, "1.5")
    assert desk.work() == []
    assert world.state.accounts[LEADER].leading.positions[PositionRef("S:1:1")].volume == lots("1.5")
    take_off(world, "1.2", "0.3", "S:1:1")
    desk.work()
    assert len(desk.held()) == 4


def test_a_turn_that_nobody_announced_closes_and_opens_nothing(world: World, desk: Desk) -> None:
    led(world)
    desk.work()
    snapshots(world, "0.5", SELL)
    assert [order.action for order in desk.work()] == [OrderAction.CLOSE]
    position = world.state.accounts[LEADER].leading.positions[PositionRef("S:1:1")]
    assert (position.side, position.volume) == (SELL, lots("0.5"))


def test_the_same_partial_close_can_be_healed_twice(world: World, desk: Desk) -> None:
    """With an addition between, its volumes are the same, and its commands are not."""
    led(world)
    desk.work()
    snapshots(world, "0.5")
    desk.work()
    grow(world, "0.5", "1", "S:1:1")
    desk.work()
    snapshots(world, "0.5")
    desk.work()
    assert desk.exposure == lots("4.5")


def test_beyond_so_many_copies_nothing_is_added(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "MAX_COPIES_OF_A_POSITION", 2)
    buy(world)
    grow(world, "1", "2")
    [refused] = grow(world, "1", "3")
    assert refused.reason == SkipReason.INCREASE_NOT_COPIED
    take_off(world, "2", "1")
    desk.work()
    assert desk.held() == []


def test_a_remainder_that_is_kept_stays_until_its_addition_is_gone(world: World) -> None:
    rules = CopyRules(sizing=SameVolume(), remainder=Remainder.KEEP)
    desk = Desk(world, world.follower("keeper", rules, spec(volume_min=lots("0.5"))), netting=False)
    buy(world)
    grow(world, "1", "2")
    desk.work()
    take_off(world, "0.9", "1.1")
    desk.work()
    assert desk.held() == [(BUY, lots("0.5")), (BUY, lots(1))]
    take_off(world, "0.1", "1.0")
    desk.work()
    assert desk.held() == [(BUY, lots(1))]


def test_a_refused_close_of_one_addition_does_not_hold_up_the_other_side(world: World, desk: Desk) -> None:
    buy(world)
    desk.work()
    turn(world, SELL, "1.5", "0.5")
    closing, opening = world.fetch(desk.account)
    world.ack(desk.account, closing, AckStatus.REJECTED)
    desk.carry_out(opening)
    assert desk.exposure == lots("0.5")
    world.later(60)
    world.tick()
    desk.work()
    assert desk.exposure == Decimal("-0.5")


def test_an_open_of_unknown_fate_is_issued_again_while_its_own_addition_is_fresh(
    world: World, desk: Desk
) -> None:
    buy(world)
    desk.work()
    world.later(300)
    [added] = grow(world, "0.5", "1.5", price=lots("1.20000"))
    assert added.order is not None
    world.fetch(desk.account)
    world.ack(desk.account, added.order, AckStatus.UNKNOWN, reason="not_found")
    desk.agree()
    [again] = world.outbox(desk.account)
    assert (again.action, again.volume, again.reference_price) == (
        OrderAction.OPEN,
        lots("0.5"),
        lots("1.20000"),
    )
