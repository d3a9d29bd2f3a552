"""What agreeing snapshots of a net position settle: what its owner traded, and commands of unknown fate."""

import pytest

from kopitra.domain.orders import DealEntry, DealReason, Side
from kopitra.domain.trading import AckStatus, Order, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import CorrectionProposed, IncidentOpened, NetSettled, Outcome
from kopitra.machine.state import CopyStatus
from tests.unit.copying.net_desk import Desk, close, opened
from tests.unit.copying.world import World, lots, spec

A = SignalAction
BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world, world.follower(), netting=True)


# -- what the owner does ---------------------------------------------------------------------------------------------


def test_manual_volume_is_known_after_two_snapshots_and_never_touched(desk: Desk) -> None:
    desk.by_hand(BUY, "2")
    desk.agree()
    assert desk.manual() == lots(2)
    opened(desk, "a")
    assert close(desk, "a").expected_net_before == lots(3)
    desk.work()
    assert desk.exposure == lots(2)


def test_one_snapshot_settles_nothing(desk: Desk) -> None:
    opened(desk, "a")
    desk.by_hand(SELL, "1")
    desk.snapshot()
    desk.world.later(4)
    desk.snapshot()
    assert desk.held() == [(BUY, lots(1))]


def test_what_is_closed_by_hand_stays_closed(desk: Desk) -> None:
    opened(desk, "a")
    desk.by_hand(SELL, "1")
    desk.agree()
    assert (desk.held(), desk.manual()) == ([], 0)
    [decision] = desk.world.send(A.CLOSE, "a")
    assert (decision.outcome, decision.detail) == (Outcome.SKIPPED, DealReason.CLIENT)
    assert desk.work() == []


def test_the_oldest_copies_are_closed_by_hand_first(desk: Desk) -> None:
    opened(desk, "a", "1")
    opened(desk, "b", "0.5")
    opened(desk, "c", "0.3", SELL)
    desk.by_hand(SELL, "1.1")
    desk.agree()
    assert desk.held() == [(BUY, lots("0.4")), (SELL, lots("0.3"))]
    assert desk.manual() == 0


def test_manual_volume_gives_way_before_copies_do(desk: Desk) -> None:
    opened(desk, "a", "1")
    desk.by_hand(BUY, "2")
    desk.agree()
    desk.by_hand(SELL, "2")
    desk.agree()
    assert (desk.held(), desk.manual()) == ([(BUY, lots(1))], 0)


def test_closing_everything_by_hand_and_turning_leaves_manual_volume(desk: Desk) -> None:
    opened(desk, "a", "1")
    desk.by_hand(SELL, "1.5")
    desk.agree()
    assert (desk.held(), desk.manual()) == ([], lots("-0.5"))


def test_a_stop_out_ends_copies_with_its_reason(desk: Desk) -> None:
    copy = opened(desk, "a", "1")
    desk.by_hand(SELL, "1", DealReason.STOP_OUT)
    desk.agree()
    assert (copy.status, copy.cause) == (CopyStatus.CLOSED, "stopout")


def test_a_close_that_meets_another_net_waits_until_the_books_are_settled(desk: Desk) -> None:
    opened(desk, "a", "1")
    opened(desk, "b", "0.5")
    desk.by_hand(SELL, "0.3")
    close(desk, "a")
    desk.work()
    assert len(desk.refused) == 1
    assert desk.exposure == lots("1.2")
    desk.settle()
    assert desk.exposure == lots("0.5")
    assert desk.held() == [(BUY, lots("0.5"))]


def test_a_hand_that_leaves_less_than_an_order_may_be_leaves_it_to_the_owner(world: World) -> None:
    coarse = spec(volume_min=lots("0.1"))
    desk = Desk(world, world.follower("coarse", None, coarse), netting=True)
    opened(desk, "a", "1")
    desk.by_hand(SELL, "0.95")
    desk.agree()
    assert (desk.held(), desk.manual()) == ([], lots("0.05"))


def test_too_many_changes_that_nobody_told_of_wait_for_an_operator(desk: Desk) -> None:
    for number in range(6):
        opened(desk, f"p{number}", "0.1")
    desk.by_hand(SELL, "0.6", tell=False)
    desk.agree()
    assert len(desk.held()) == 6
    assert any(isinstance(e, IncidentOpened) for e in desk.world.history)
    [proposed] = [e for e in desk.world.history if isinstance(e, CorrectionProposed)]
    desk.world.do(
        commands.DecideProposal(
            account=desk.account, proposal=proposed.proposal.proposal, approve=True, subject="ada"
        )
    )
    assert desk.held() == []
    desk.agree()
    assert desk.manual() == 0


def test_what_was_told_of_needs_no_operator(desk: Desk) -> None:
    for number in range(6):
        opened(desk, f"p{number}", "0.1")
    desk.by_hand(SELL, "0.6")
    desk.agree()
    assert desk.held() == []


def test_a_snapshot_taken_before_the_last_command_says_nothing(desk: Desk) -> None:
    opened(desk, "a")
    before = desk.world.state.accounts[desk.account].following.copies
    [copy] = before.values()
    desk.net["EURUSD"] = lots(0)
    for _ in range(3):
        desk.world.snapshot(desk.account, applied_through=copy.command_sequence - 1)
        desk.world.later(6)
    assert desk.held() == [(BUY, lots(1))]


# -- commands of unknown fate ----------------------------------------------------------------------------------------


def unknown(desk: Desk, order: Order) -> None:
    desk.world.fetch(desk.account)
    desk.world.ack(desk.account, order, AckStatus.UNKNOWN, reason="not_found")


@pytest.mark.parametrize("carried_out", [True, False])
def test_an_offset_of_unknown_fate_is_settled_by_the_net_and_done_once(desk: Desk, carried_out: bool) -> None:
    opened(desk, "a")
    opened(desk, "b", "0.5")
    order = close(desk, "a")
    desk.world.fetch(desk.account)
    if carried_out:
        desk.trade(order, order.volume, tell=False)
    unknown(desk, order)
    desk.world.later(3600)
    desk.world.tick()
    assert desk.world.outbox(desk.account) == []
    desk.settle()
    assert desk.exposure == lots("0.5")
    assert desk.held() == [(BUY, lots("0.5"))]
    assert [volume for _, side, volume in desk.trades if side is SELL] == [lots(1)]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_twin_offsets_of_one_size_are_settled_by_their_sum(desk: Desk, first: bool, second: bool) -> None:
    opened(desk, "a")
    opened(desk, "b")
    opened(desk, "c", "0.3")
    for ref, carried_out in (("a", first), ("b", second)):
        order = close(desk, ref)
        desk.world.fetch(desk.account)
        if carried_out:
            desk.trade(order, order.volume, tell=False)
        unknown(desk, order)
    desk.settle()
    assert (desk.exposure, desk.held()) == (lots("0.3"), [(BUY, lots("0.3"))])
    assert [volume for _, side, volume in desk.trades if side is SELL] == [lots(1), lots(1)]


def test_a_late_report_of_a_settled_offset_changes_nothing(desk: Desk) -> None:
    opened(desk, "a")
    [decision] = desk.world.send(A.PARTIAL_CLOSE, "a", volume=lots("0.4"), volume_after=lots("0.6"))
    order = decision.order
    assert order is not None
    desk.world.fetch(desk.account)
    desk.trade(order, order.volume, tell=False)
    unknown(desk, order)
    desk.settle()
    desk.world.deal(desk.account, order, DealEntry.OUT, lots("0.4"), side=SELL)
    assert desk.held() == [(BUY, lots("0.6"))]
    close(desk, "a")
    desk.settle()
    assert desk.exposure == 0


@pytest.mark.parametrize("carried_out", [True, False])
def test_an_open_of_unknown_fate_is_settled_by_the_net(desk: Desk, carried_out: bool) -> None:
    opened(desk, "a", "0.5")
    [decision] = desk.world.send(A.OPEN, "b")
    order = decision.order
    assert order is not None
    desk.world.fetch(desk.account)
    if carried_out:
        desk.trade(order, order.volume, tell=False)
    unknown(desk, order)
    desk.settle()
    assert desk.held() == [(BUY, lots("0.5")), (BUY, lots(1))]
    assert desk.exposure == lots("1.5")
    close(desk, "b")
    desk.settle()
    assert desk.exposure == lots("0.5")


@pytest.mark.parametrize("carried_out", [True, False])
def test_the_close_of_an_open_of_unknown_fate_trades_only_if_it_was_carried_out(
    desk: Desk, carried_out: bool
) -> None:
    opened(desk, "a", "0.5")
    [decision] = desk.world.send(A.OPEN, "b")
    order = decision.order
    assert order is not None
    desk.world.fetch(desk.account)
    if carried_out:
        desk.trade(order, order.volume, tell=False)
    unknown(desk, order)
    close(desk, "b")
    desk.settle()
    assert (desk.exposure, desk.held()) == (lots("0.5"), [(BUY, lots("0.5"))])
    sold = [volume for _, side, volume in desk.trades if side is SELL]
    assert sold == ([lots(1)] if carried_out else [])


def test_settlements_are_told_in_one_event_for_each_symbol(desk: Desk) -> None:
    opened(desk, "a")
    desk.by_hand(SELL, "0.4")
    desk.agree()
    [event] = [e for e in desk.world.history if isinstance(e, NetSettled)]
    assert (event.symbol, event.cause, event.manual) == ("EURUSD", "client", 0)
    [volumes] = event.copies
    assert (volumes.filled, volumes.closed, volumes.ended) == (lots(1), lots("0.4"), None)
