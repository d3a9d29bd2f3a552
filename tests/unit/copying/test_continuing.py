"""How copies follow their leader's position: stops, partial closes, closes, pending orders."""

from datetime import timedelta

import pytest

from kopitra.domain.orders import DealEntry, DealReason, OrderType
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_modes import ByMultiplier, SameVolume
from kopitra.domain.trading import AckStatus, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import IncidentClosed, IncidentOpened, Outcome
from kopitra.machine.state import CopyStatus
from tests.unit.copying.world import World, lots, spec


@pytest.fixture
def world() -> World:
    return World()


def actions(world: World, follower: str) -> list[OrderAction]:
    return [order.action for order in world.outbox(follower)]  # type: ignore[arg-type]


def test_stops_are_passed_on_once(world: World) -> None:
    follower = world.follower()
    world.opened()
    world.send(SignalAction.MODIFY, stop_loss=lots("1.09"), take_profit=lots("1.12"))
    [order] = world.outbox(follower)
    assert (order.action, order.stop_loss, order.take_profit) == (
        OrderAction.MODIFY,
        lots("1.09"),
        lots("1.12"),
    )
    [same] = world.send(SignalAction.MODIFY, stop_loss=lots("1.09"), take_profit=lots("1.12"))
    assert same.outcome is Outcome.UNCHANGED


def test_stops_that_are_not_copied_stay_off(world: World) -> None:
    follower = world.follower("f", CopyRules(sizing=SameVolume(), copy_stop_loss=False))
    world.opened()
    world.send(SignalAction.MODIFY, stop_loss=lots("1.09"), take_profit=lots("1.12"))
    [order] = world.outbox(follower)
    assert (order.stop_loss, order.take_profit) == (None, lots("1.12"))


def test_an_overtaken_modify_changes_nothing(world: World) -> None:
    follower = world.follower()
    world.opened()
    late = world.signal(SignalAction.MODIFY, stop_loss=lots("1.08"))
    world.send(SignalAction.MODIFY, stop_loss=lots("1.09"))
    world.do(commands.TakeSignal(account="leader", signal=late))  # type: ignore[arg-type]
    assert [o.stop_loss for o in world.outbox(follower)] == [lots("1.09")]


def test_partial_closes_carry_what_must_remain_and_do_not_add_up_roundings(world: World) -> None:
    follower = world.follower("third", CopyRules(sizing=ByMultiplier(), multiplier=lots("0.33")))
    copy = world.opened(volume=lots("1"), volume_after=lots("1"))
    assert copy.filled == lots("0.33")
    targets: list[object] = []
    for after in ("0.8", "0.6", "0.4", "0.2"):
        world.send(SignalAction.PARTIAL_CLOSE, volume=lots("0.2"), volume_after=lots(after))
        targets.append(world.outbox(follower)[-1].target_volume)
    assert targets == [lots("0.26"), lots("0.19"), lots("0.13"), lots("0.06")]


def test_a_partial_close_below_one_step_changes_nothing(world: World) -> None:
    follower = world.follower("tenth", CopyRules(sizing=ByMultiplier(), multiplier=lots("0.1")))
    world.opened()
    [decision] = world.send(SignalAction.PARTIAL_CLOSE, volume=lots("0.01"), volume_after=lots("0.99"))
    assert decision.order is not None
    assert decision.order.target_volume == lots("0.09")
    [again] = world.send(SignalAction.PARTIAL_CLOSE, volume=lots("0.01"), volume_after=lots("0.98"))
    assert (again.outcome, again.reason) == (Outcome.UNCHANGED, "below_step")
    assert len(world.outbox(follower)) == 1


def test_a_remainder_below_the_minimum_closes_all(world: World) -> None:
    world.follower("coarse", None, spec(volume_step=lots("0.1"), volume_min=lots("0.1")))
    world.opened(volume=lots("0.2"), volume_after=lots("0.2"))
    [decision] = world.send(SignalAction.PARTIAL_CLOSE, volume=lots("0.11"), volume_after=lots("0.09"))
    assert decision.order is not None
    assert decision.order.action is OrderAction.CLOSE


def test_a_partially_filled_copy_is_reduced_in_proportion_to_what_was_filled(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.OPEN)
    order = decision.order
    assert order is not None
    world.fetch(follower)
    [early] = world.send(SignalAction.PARTIAL_CLOSE, volume=lots("0.5"), volume_after=lots("0.5"))
    assert early.order is not None
    assert early.order.target_volume == lots("0.5")
    world.fill(follower, order, "0.4")
    assert world.outbox(follower)[-1].target_volume == lots("0.2")


def test_a_close_withdraws_an_open_that_nobody_fetched(world: World) -> None:
    follower = world.follower()
    world.send(SignalAction.OPEN)
    [decision] = world.send(SignalAction.CLOSE)
    assert decision.outcome is Outcome.SUPERSEDED
    assert world.outbox(follower) == []
    assert world.state.accounts[follower].following.copies == {}


def test_a_close_follows_an_open_that_was_handed_out(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.OPEN)
    world.fetch(follower)
    world.send(SignalAction.CLOSE)
    opening, closing = world.outbox(follower)
    assert (opening.action, closing.action) == (OrderAction.OPEN, OrderAction.CLOSE)
    assert decision.order is not None
    assert closing.opens_command_id == decision.order.command_id


def test_after_a_take_over_every_older_open_counts_as_handed_out(world: World) -> None:
    follower = world.follower()
    world.send(SignalAction.OPEN)
    world.readings.recovered_through = world.state.sequence
    [decision] = world.send(SignalAction.CLOSE)
    assert decision.outcome is Outcome.PLANNED
    assert actions(world, follower) == [OrderAction.OPEN, OrderAction.CLOSE]


def test_a_closed_copy_is_forgotten_when_its_close_is_acknowledged(world: World) -> None:
    follower = world.follower()
    world.opened()
    world.send(SignalAction.CLOSE)
    [order] = world.fetch(follower)
    world.deal(follower, order, DealEntry.OUT, lots(1))
    world.ack(follower, order)
    book = world.state.accounts[follower].following
    assert (book.copies, book.by_command, book.by_magic, book.by_position) == ({}, {}, {}, {})
    assert world.outbox(follower) == []


def test_a_copy_that_its_own_stop_closed_is_not_closed_again(world: World) -> None:
    follower = world.follower()
    world.opened()
    world.deal(follower, None, DealEntry.OUT, lots(1), reason=DealReason.STOP_LOSS)
    [decision] = world.send(SignalAction.CLOSE)
    assert (decision.outcome, decision.reason, decision.detail) == (Outcome.SKIPPED, "not_open", "sl")
    assert world.outbox(follower) == []


def test_closing_what_is_closed_already_is_a_success(world: World) -> None:
    follower = world.follower()
    world.opened()
    world.send(SignalAction.CLOSE)
    [order] = world.fetch(follower)
    world.ack(follower, order, AckStatus.ALREADY_CLOSED)
    assert world.state.accounts[follower].following.copies == {}
    assert world.state.accounts[follower].incidents == {}


def test_an_ea_whose_clock_is_wrong_puts_a_refused_close_off_for_a_minute_at_most(world: World) -> None:
    follower = world.follower()
    world.opened()
    world.send(SignalAction.CLOSE)
    [order] = world.fetch(follower)
    world.ack(follower, order, AckStatus.DEFERRED, retry_at=world.now + timedelta(minutes=10))
    world.later(60)
    world.tick()
    assert [again.action for again in world.fetch(follower)] == [OrderAction.CLOSE]


@pytest.mark.parametrize(
    "status", [AckStatus.REJECTED, AckStatus.DEFERRED, AckStatus.FAILED, AckStatus.UNKNOWN]
)
def test_a_refused_close_is_driven_again_until_it_is_done(world: World, status: AckStatus) -> None:
    follower = world.follower()
    copy = world.opened()
    world.send(SignalAction.CLOSE)
    seen: set[str] = set()
    for _ in range(4):
        [order] = world.fetch(follower)
        assert order.command_id not in seen
        assert order.action is OrderAction.CLOSE
        seen.add(order.command_id)
        world.ack(follower, order, status, retcode=10018)
        assert world.outbox(follower) == []
        world.tick()
        assert world.outbox(follower) == []
        world.later(61)
        world.tick()
    assert len([e for e in world.history if isinstance(e, IncidentOpened)]) == 1
    assert copy.live
    [order] = world.fetch(follower)
    world.ack(follower, order)
    assert isinstance(world.history[-1], IncidentClosed)
    account = world.state.accounts[follower]
    assert (account.incidents, account.held_back, account.attempts, account.following.copies) == (
        {},
        {},
        {},
        {},
    )


def test_a_stop_that_fires_between_two_attempts_ends_the_driving(world: World) -> None:
    follower = world.follower()
    world.opened()
    world.send(SignalAction.CLOSE)
    [order] = world.fetch(follower)
    world.ack(follower, order, AckStatus.REJECTED)
    world.deal(follower, None, DealEntry.OUT, lots(1), reason=DealReason.STOP_LOSS)
    world.later(61)
    world.tick()
    assert world.outbox(follower) == []
    assert world.state.accounts[follower].incidents == {}


def test_a_refused_open_ends_the_copy_and_later_events_say_so(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.OPEN)
    world.fetch(follower)
    assert decision.order is not None
    world.ack(follower, decision.order, AckStatus.REJECTED, reason="no_money")
    [close] = world.send(SignalAction.CLOSE)
    assert (close.reason, close.detail) == ("not_open", "no_money")


def test_an_open_that_nobody_fetches_in_time_expires(world: World) -> None:
    follower = world.follower()
    world.send(SignalAction.OPEN, age_ms=10_000)
    world.later(49)
    world.tick()
    assert len(world.outbox(follower)) == 1
    world.later(1)
    world.tick()
    assert world.outbox(follower) == []
    [close] = world.send(SignalAction.CLOSE)
    assert (close.reason, close.detail) == ("not_open", "expired")


def test_an_open_that_was_fetched_is_the_eas_to_expire(world: World) -> None:
    follower = world.follower()
    world.send(SignalAction.OPEN)
    world.fetch(follower)
    world.later(3600)
    world.tick()
    assert len(world.outbox(follower)) == 1


def test_closes_wait_however_long_nobody_fetches_them(world: World) -> None:
    follower = world.follower()
    world.opened()
    world.send(SignalAction.CLOSE)
    world.later(3 * 24 * 3600)
    world.tick()
    assert actions(world, follower) == [OrderAction.CLOSE]


def test_a_fill_that_arrives_after_its_close_was_done_is_closed(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.OPEN)
    world.fetch(follower)
    order = decision.order
    assert order is not None
    world.ack(follower, order, AckStatus.UNKNOWN)
    world.send(SignalAction.CLOSE)
    [close] = world.fetch(follower)
    world.ack(follower, close, AckStatus.ALREADY_CLOSED)
    world.fill(follower, order)
    assert actions(world, follower) == []  # the copy is gone: its position is an orphan that snapshots close
    assert world.state.accounts[follower].following.copies == {}


def test_a_deal_reported_twice_counts_once(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.OPEN)
    order = decision.order
    assert order is not None
    assert decision.copy_id is not None
    world.fetch(follower)
    world.deal(follower, order, DealEntry.IN, lots(1), deal_id="77")
    first = world.state.sequence
    again = world.deal(follower, order, DealEntry.IN, lots(1), deal_id="77")
    assert again.answer["sequence"] == first
    assert world.state.accounts[follower].following.copies[decision.copy_id].filled == lots(1)


def test_a_pending_order_lives_fills_and_closes(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    order = decision.order
    assert order is not None
    assert decision.copy_id is not None
    world.fetch(follower)
    world.ack(follower, order)
    copy = world.state.accounts[follower].following.copies[decision.copy_id]
    assert copy.status is CopyStatus.PENDING
    world.send(
        SignalAction.PENDING_MODIFIED,
        "o1",
        order_type=OrderType.LIMIT,
        price=lots("1.06"),
        stop_loss=lots("1.04"),
    )
    [modify] = world.fetch(follower)
    assert (modify.action, modify.price, modify.stop_loss) == (OrderAction.MODIFY, lots("1.06"), lots("1.04"))
    world.ack(follower, modify)
    [filled] = world.send(SignalAction.PENDING_FILLED, "p9", order_ref="o1")
    assert filled.reason == "waits_for_own_fill"
    world.fill(follower, order)
    assert copy.status is CopyStatus.OPEN
    world.send(SignalAction.CLOSE, "p9")
    [close] = world.outbox(follower)
    assert close.action is OrderAction.CLOSE


def test_a_cancelled_pending_order_is_cancelled(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    world.fetch(follower)
    assert decision.order is not None
    world.ack(follower, decision.order)
    world.send(SignalAction.PENDING_CANCELLED, "o1")
    [cancel] = world.fetch(follower)
    assert cancel.action is OrderAction.CANCEL
    world.ack(follower, cancel)
    assert world.state.accounts[follower].following.copies == {}


def test_a_cancel_that_came_too_late_closes_what_was_filled(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    world.fetch(follower)
    assert decision.order is not None
    world.ack(follower, decision.order)
    world.send(SignalAction.PENDING_CANCELLED, "o1")
    [cancel] = world.fetch(follower)
    world.fill(follower, decision.order)
    world.ack(follower, cancel, AckStatus.FAILED, reason="already_filled")
    [close] = world.fetch(follower)
    assert close.action is OrderAction.CLOSE
    assert world.state.accounts[follower].incidents == {}
    world.deal(follower, close, DealEntry.OUT, close.volume)
    world.ack(follower, close)
    assert world.state.accounts[follower].following.copies == {}


def test_a_leaders_close_cancels_a_pending_order_that_was_never_filled_here(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    world.fetch(follower)
    assert decision.order is not None
    world.ack(follower, decision.order)
    world.send(SignalAction.PENDING_FILLED, "p9", order_ref="o1")
    world.send(SignalAction.CLOSE, "p9")
    [cancel] = world.outbox(follower)
    assert cancel.action is OrderAction.CANCEL


def test_a_copy_keeps_symbol_side_and_reverse_whatever_the_rules_say_later(world: World) -> None:
    follower = world.follower()
    world.opened()
    world.follow(follower, CopyRules(sizing=SameVolume(), reverse=True, symbols={"EURUSD": "GBPUSD"}))
    world.send(SignalAction.MODIFY, stop_loss=lots("1.09"), take_profit=lots("1.12"))
    world.send(SignalAction.CLOSE)
    modify, close = world.outbox(follower)
    assert (modify.symbol, modify.stop_loss, modify.take_profit) == ("EURUSD", lots("1.09"), lots("1.12"))
    assert (close.symbol, close.side) == ("EURUSD", "buy")


def test_a_late_joiner_gets_new_trades_only(world: World) -> None:
    world.follower("early")
    world.opened("p1")
    late = world.follower("late")
    decisions = world.send(SignalAction.CLOSE, "p1")
    assert {d.follower: d.reason for d in decisions} == {"early": None, "late": "not_copied"}
    world.send(SignalAction.OPEN, "p2")
    assert len(world.outbox(late)) == 1
