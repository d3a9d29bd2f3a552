"""What position snapshots may heal, and what they must never touch."""

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import OrderType
from kopitra.domain.trading import AckStatus, Order, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import (
    CopyPlanned,
    CopySettled,
    HaltMode,
    HaltScope,
    IncidentOpened,
    SnapshotSeen,
)
from kopitra.machine.state import CopyStatus
from tests.unit.copying.world import LEADER, World, lots


@pytest.fixture
def world() -> World:
    return World()


def open_three(world: World) -> str:
    follower = world.follower()
    for number, ref in ((501, "Broker:77:501"), (502, "Broker:77:502"), (503, "Broker:77:503")):
        world.opened(ref, position=number)
    return follower


def test_a_lost_close_is_healed_by_two_agreeing_snapshots(world: World) -> None:
    follower = open_three(world)
    world.snapshot(LEADER, world.held(501), world.held(502))
    assert world.outbox(follower) == []  # type: ignore[arg-type]
    world.later(5)
    world.snapshot(LEADER, world.held(501), world.held(502))
    [order] = world.outbox(follower)  # type: ignore[arg-type]
    assert (order.action, order.position_id) == (OrderAction.CLOSE, 503)
    healed = world.history[-1]
    assert isinstance(healed, CopyPlanned)
    assert healed.healed


def test_two_snapshots_too_close_together_heal_nothing(world: World) -> None:
    follower = open_three(world)
    for _ in range(5):
        world.snapshot(LEADER, world.held(501), world.held(502))
        world.later(0.9)
    assert world.outbox(follower) == []  # type: ignore[arg-type]


def test_a_snapshot_that_contradicts_clears_the_suspicion(world: World) -> None:
    follower = open_three(world)
    full = (world.held(501), world.held(502), world.held(503))
    world.snapshot(LEADER, *full[:2])
    world.later(5)
    world.snapshot(LEADER, *full)
    world.later(5)
    world.snapshot(LEADER, *full[:2])
    assert world.outbox(follower) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "flaw",
    [
        {"connected": False},
        {"synchronised": False},
        {"login": 78},
        {"server": "Other"},
        {"taken_at_ordinal": 1},
        {"stream_id": "another"},
    ],
)
def test_a_snapshot_that_cannot_be_believed_closes_nothing(world: World, flaw: dict[str, object]) -> None:
    follower = open_three(world)
    world.snapshot(LEADER, world.held(501), world.held(502), world.held(503))
    for _ in range(3):
        world.later(10)
        world.snapshot(LEADER, world.held(501), world.held(502), **flaw)
    assert world.outbox(follower) == []  # type: ignore[arg-type]
    seen = world.history[-1]
    assert isinstance(seen, SnapshotSeen)
    assert not seen.valid


def test_an_empty_snapshot_closes_nothing_and_asks_an_operator(world: World) -> None:
    follower = open_three(world)
    for _ in range(4):
        world.snapshot(LEADER)
        world.later(10)
    assert world.outbox(follower) == []  # type: ignore[arg-type]
    assert [i.kind for i in world.history if isinstance(i, IncidentOpened)] == ["reconciliation_stopped"]


def test_an_unchanged_snapshot_costs_no_event(world: World) -> None:
    open_three(world)
    full = (world.held(501), world.held(502), world.held(503))
    world.snapshot(LEADER, *full)
    events = len(world.history)
    for _ in range(5):
        world.later(30)
        world.snapshot(LEADER, *full)
    assert len(world.history) == events


def test_a_lost_change_of_stops_is_healed_at_once(world: World) -> None:
    follower = open_three(world)
    world.snapshot(LEADER, world.held(501, stop_loss=lots("1.09")), world.held(502), world.held(503))
    [order] = world.outbox(follower)  # type: ignore[arg-type]
    assert (order.action, order.stop_loss) == (OrderAction.MODIFY, lots("1.09"))


def test_a_lost_change_of_stops_is_healed_together_with_a_lost_partial_close(world: World) -> None:
    follower = open_three(world)
    book = (world.held(501, "0.4", stop_loss=lots("1.09")), world.held(502), world.held(503))
    world.snapshot(LEADER, *book)
    world.later(6)
    world.snapshot(LEADER, *book)
    orders = {order.action: order for order in world.outbox(follower)}  # type: ignore[arg-type]
    assert orders[OrderAction.MODIFY].stop_loss == lots("1.09")
    assert orders[OrderAction.PARTIAL_CLOSE].target_volume == lots("0.4")
    events = len(world.history)
    world.snapshot(LEADER, *book)
    assert len(world.history) == events


def test_a_lost_partial_close_is_healed_by_two_snapshots(world: World) -> None:
    follower = open_three(world)
    book = (world.held(501, "0.4"), world.held(502), world.held(503))
    world.snapshot(LEADER, *book)
    world.later(6)
    world.snapshot(LEADER, *book)
    [order] = world.outbox(follower)  # type: ignore[arg-type]
    assert (order.action, order.target_volume) == (OrderAction.PARTIAL_CLOSE, lots("0.4"))


def test_an_open_that_nobody_announced_becomes_known_and_its_late_signal_still_counts(world: World) -> None:
    follower = world.follower()
    for _ in range(2):
        world.snapshot(LEADER, world.held(601))
        world.later(6)
    adopted = world.history[-1]
    assert isinstance(adopted, CopyPlanned)
    assert [d.reason for d in adopted.decisions] == ["missed_open"]
    world.send(SignalAction.OPEN, "Broker:77:601")
    assert len(world.outbox(follower)) == 1


def test_a_follower_copy_that_two_snapshots_lack_is_closed_in_the_books(world: World) -> None:
    follower = open_three(world)
    copies = world.state.accounts[follower].following.copies  # type: ignore[index]
    books = [world.held(c.position_id or 0, magic=c.magic) for c in copies.values()][:2]
    world.snapshot(follower, *books)  # type: ignore[arg-type]
    world.later(6)
    world.snapshot(follower, *books)  # type: ignore[arg-type]
    settled = world.history[-1]
    assert isinstance(settled, CopySettled)
    assert (settled.status, settled.cause) == ("closed", "absent")
    decisions = world.send(SignalAction.CLOSE, "Broker:77:503")
    assert decisions[0].reason == "not_open"


def test_a_snapshot_taken_before_a_command_was_applied_says_nothing_of_it(world: World) -> None:
    follower = open_three(world)
    copies = list(world.state.accounts[follower].following.copies.values())  # type: ignore[index]
    books = [world.held(c.position_id or 0, magic=c.magic) for c in copies][:2]
    for _ in range(3):
        world.snapshot(follower, *books, applied_through=copies[2].command_sequence - 1)  # type: ignore[arg-type]
        world.later(6)
    assert not any(isinstance(event, CopySettled) for event in world.history)


def test_an_unknown_open_that_the_book_shows_is_open(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.OPEN)
    order = decision.order
    assert order is not None
    assert decision.copy_id is not None
    world.fetch(follower)
    world.ack(follower, order, AckStatus.UNKNOWN)
    copy = world.state.accounts[follower].following.copies[decision.copy_id]
    assert copy.status is CopyStatus.UNKNOWN
    world.snapshot(follower, world.held(700, magic=order.magic))
    assert (copy.status, copy.live_volume, copy.ticket) == (CopyStatus.OPEN, lots(1), 700)


def lost_open(world: World, reason: str = "not_found") -> tuple[AccountId, Order]:
    """An open of which its agent found no trace, or several."""
    follower = world.follower()
    [decision] = world.send(SignalAction.OPEN)
    assert decision.order is not None
    world.fetch(follower)
    world.ack(follower, decision.order, AckStatus.UNKNOWN, reason=reason)
    return follower, decision.order


def test_an_unknown_open_that_may_be_one_of_several_trades_is_never_issued_again(world: World) -> None:
    follower, _ = lost_open(world, "ambiguous")
    for _ in range(3):
        world.snapshot(follower)
        world.later(6)
    assert world.outbox(follower) == []


def test_an_unknown_open_that_two_books_lack_is_issued_again_while_it_is_fresh(world: World) -> None:
    follower, lost = lost_open(world)
    world.snapshot(follower)
    assert world.outbox(follower) == []
    world.later(6)
    world.snapshot(follower)
    [again] = world.fetch(follower)
    assert again.command_id != lost.command_id
    assert (again.action, again.copy_id, again.magic, again.volume) == (
        OrderAction.OPEN,
        lost.copy_id,
        lost.magic,
        lost.volume,
    )
    assert again.ttl_ms is not None
    assert 0 < again.ttl_ms <= 54_000
    world.ack(follower, again)
    [close] = world.send(SignalAction.CLOSE)
    assert close.order is not None


def test_what_is_issued_again_is_as_old_as_it_was_when_it_came(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.OPEN, age_ms=50_000)
    assert decision.order is not None
    world.fetch(follower)
    world.ack(follower, decision.order, AckStatus.UNKNOWN, reason="not_found")
    world.snapshot(follower)
    world.later(6)
    world.snapshot(follower)
    [again] = world.fetch(follower)
    assert again.ttl_ms == 60_000 - 50_000 - 6_000


def issued_again(world: World) -> AccountId:
    follower, _ = lost_open(world)
    for _ in range(2):
        world.snapshot(follower)
        world.later(6)
    world.snapshot(follower)
    assert [order.action for order in world.outbox(follower)] == [OrderAction.OPEN]
    return follower


def test_what_was_issued_again_and_not_fetched_is_withdrawn_by_its_leaders_close(world: World) -> None:
    follower = issued_again(world)
    [decision] = world.send(SignalAction.CLOSE)
    assert (decision.order, world.outbox(follower)) == (None, [])


def test_what_was_issued_again_and_not_fetched_is_withdrawn_by_a_halt(world: World) -> None:
    follower = issued_again(world)
    world.do(commands.Halt(scope=HaltScope.LEADER, target=LEADER, mode=HaltMode.CLOSE_ONLY, subject="op"))
    assert world.outbox(follower) == []


def test_a_close_names_the_open_that_was_issued_again(world: World) -> None:
    """An EA that meets the close first must know which open it is never to send."""
    follower = issued_again(world)
    [again] = world.fetch(follower)
    [decision] = world.send(SignalAction.CLOSE)
    assert decision.order is not None
    assert decision.order.opens_command_id == again.command_id


def test_an_open_that_is_lost_twice_needs_two_new_snapshots(world: World) -> None:
    follower, _ = lost_open(world)
    for _ in range(2):
        world.snapshot(follower)
        world.later(6)
    world.snapshot(follower)
    [again] = world.fetch(follower)
    world.ack(follower, again, AckStatus.UNKNOWN, reason="not_found")
    world.snapshot(follower)
    assert world.outbox(follower) == []
    world.later(6)
    world.snapshot(follower)
    [third] = world.outbox(follower)
    assert third.command_id not in (again.command_id, again.opens_command_id)


def test_an_unknown_open_that_is_stale_when_two_books_lack_it_never_happened(world: World) -> None:
    follower, _ = lost_open(world)
    world.later(56)
    world.snapshot(follower)
    world.later(6)
    world.snapshot(follower)
    assert world.outbox(follower) == []
    settled = world.history[-1]
    assert isinstance(settled, CopySettled)
    assert settled.cause == "expired"
    [close] = world.send(SignalAction.CLOSE)
    assert close.reason == "not_open"


def fates_of(world: World) -> list[tuple[str, str]]:
    return [(event.status, event.cause) for event in world.history if isinstance(event, CopySettled)]


def test_the_journal_says_that_a_close_overtook_an_unknown_open_of_which_nothing_came(world: World) -> None:
    follower, lost = lost_open(world)
    [close] = world.send(SignalAction.CLOSE)
    assert close.order is not None
    world.fetch(follower)
    world.ack(follower, close.order, AckStatus.ALREADY_CLOSED)
    assert fates_of(world) == [("closed", "superseded")]
    assert lost.copy_id not in world.state.accounts[follower].following.copies
    for _ in range(2):
        world.later(6)
        world.snapshot(follower)
    assert world.outbox(follower) == []
    assert len(fates_of(world)) == 1


def test_an_unknown_open_of_which_a_reduction_finds_nothing_once_it_is_stale_has_expired(
    world: World,
) -> None:
    follower, _ = lost_open(world)
    world.later(61)
    world.send(SignalAction.PARTIAL_CLOSE, volume=lots("0.5"), volume_after=lots("0.5"))
    [part] = world.fetch(follower)
    world.ack(follower, part, AckStatus.ALREADY_CLOSED)
    assert fates_of(world) == [("closed", "expired")]


def test_an_unknown_open_whose_close_is_refused_until_two_books_lack_it_was_overtaken(world: World) -> None:
    follower, _ = lost_open(world)
    world.send(SignalAction.CLOSE)
    [close] = world.fetch(follower)
    world.ack(follower, close, AckStatus.REJECTED)
    world.snapshot(follower)
    world.later(6)
    world.snapshot(follower)
    assert fates_of(world) == [("closed", "superseded")]
    world.later(60)
    world.tick()
    assert world.outbox(follower) == []


@pytest.mark.parametrize("status", [AckStatus.REJECTED, AckStatus.EXECUTED])
def test_a_close_that_found_something_or_failed_says_nothing_of_an_unknown_open(
    world: World, status: AckStatus
) -> None:
    follower, _ = lost_open(world)
    world.send(SignalAction.CLOSE)
    [close] = world.fetch(follower)
    world.ack(follower, close, status)
    assert fates_of(world) == []


def test_what_turned_out_to_be_filled_is_no_open_that_came_to_nothing(world: World) -> None:
    follower, lost = lost_open(world)
    world.fill(follower, lost)
    world.send(SignalAction.CLOSE)
    [close] = world.fetch(follower)
    world.ack(follower, close, AckStatus.ALREADY_CLOSED)
    assert fates_of(world) == []


@pytest.mark.parametrize("change", ["closed_in_part", "halted"])
def test_an_unknown_open_is_not_issued_again_when_its_leaders_trade_is_another_by_now(
    world: World, change: str
) -> None:
    follower, _ = lost_open(world)
    if change == "halted":
        world.do(
            commands.Halt(scope=HaltScope.FOLLOWER, target=follower, mode=HaltMode.CLOSE_ONLY, subject="o")
        )
    else:
        world.send(SignalAction.PARTIAL_CLOSE, volume=lots("0.5"), volume_after=lots("0.5"))
        [part] = world.fetch(follower)
        world.ack(follower, part, AckStatus.REJECTED)
    world.snapshot(follower)
    world.later(6)
    world.snapshot(follower)
    assert OrderAction.OPEN not in [order.action for order in world.outbox(follower)]


def test_a_position_with_a_copys_magic_that_no_copy_owns_is_closed_after_two_snapshots(world: World) -> None:
    follower = world.follower()
    copy = world.opened()
    magic = copy.magic
    world.send(SignalAction.CLOSE)
    [order] = world.fetch(follower)
    world.ack(follower, order)
    orphan = world.held(801, magic=magic)
    world.snapshot(follower, orphan)
    assert world.outbox(follower) == []
    world.later(6)
    world.snapshot(follower, orphan)
    [close] = world.outbox(follower)
    assert (close.action, close.ticket) == (OrderAction.CLOSE, 801)


def test_positions_of_other_origins_are_left_alone(world: World) -> None:
    follower = world.follower()
    world.opened()
    book = world.held(501, magic=world.state.accounts[follower].following.next_magic - 1)
    for _ in range(3):
        world.snapshot(follower, book, world.held(901, magic=12345), world.held(902))
        world.later(6)
    assert world.outbox(follower) == []


def test_a_resting_order_of_a_copy_is_found_among_the_orders(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    assert decision.order is not None
    world.fetch(follower)
    world.ack(follower, decision.order)
    for _ in range(3):
        world.snapshot(
            follower, world.held(910, magic=decision.order.magic, order_type=OrderType.LIMIT), world.held(1)
        )
        world.later(6)
    assert not any(isinstance(event, CopySettled) for event in world.history)
