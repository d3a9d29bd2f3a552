"""What the random walk found, each as a short story."""

import msgspec

from kopitra.domain.orders import DealEntry, DealReason, OrderType, Side
from kopitra.domain.rules import CopyRules, ManualClose, PendingPolicy
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import AckStatus, OrderAction, SignalAction
from kopitra.machine.commands import PlaceOperatorOrder, TakeSignal
from kopitra.machine.events import Outcome
from tests.unit.copying.follower_terminal import Terminal, in_touch, sign_in
from tests.unit.copying.world import LEADER, World, lots, spec


def test_a_copy_is_reduced_even_when_its_symbol_has_left_the_catalogue():
    world = World()
    follower = world.follower()
    world.opened()
    world.catalog(follower, spec("GBPUSD"))
    [decision] = world.send(SignalAction.PARTIAL_CLOSE, volume=lots("0.4"), volume_after=lots("0.6"))
    assert decision.order is not None
    assert decision.order.target_volume == lots("0.6")
    assert list(world.state.accounts[follower].delisted) == ["EURUSD"]


def test_a_copy_on_paper_is_reduced_even_when_its_symbol_has_left_the_catalogue():
    world = World()
    follower = world.follower("paper", CopyRules(sizing=SameVolume(), sandbox=True))
    world.send(SignalAction.OPEN)
    world.catalog(follower, spec("GBPUSD"))
    [decision] = world.send(SignalAction.PARTIAL_CLOSE, volume=lots("0.4"), volume_after=lots("0.6"))
    assert decision.order is not None
    assert decision.order.target_volume == lots("0.6")


def test_a_symbol_that_no_copy_uses_any_more_is_forgotten_with_the_next_catalogue():
    world = World()
    follower = world.follower()
    world.opened()
    world.catalog(follower, spec("GBPUSD"))
    world.send(SignalAction.CLOSE)
    world.ack(follower, world.outbox(follower)[0])
    world.catalog(follower, spec("USDJPY"))
    assert world.state.accounts[follower].delisted == {}


def test_an_orphan_that_is_still_there_is_closed_under_a_new_id_and_never_twice_at_once():
    world = World()
    follower = world.follower()
    copy = world.opened()
    world.send(SignalAction.CLOSE)
    world.ack(follower, world.outbox(follower)[0])
    seen: list[str] = []
    for _ in range(2):
        for _ in range(3):  # suspected, agreed, and agreed again while the close is pending
            world.later(6)
            world.snapshot(follower, world.held(999, magic=copy.magic))
        [order] = world.outbox(follower)
        assert (order.action, order.ticket) == (OrderAction.CLOSE, 999)
        seen.append(order.command_id)
        world.ack(follower, order)
    assert len(set(seen)) == 2


def test_an_operators_open_never_ends_a_copy_whatever_ticket_comes_with_it():
    world = World()
    follower = world.follower()
    copy = world.opened(position=501)
    world.do(
        PlaceOperatorOrder(
            account=follower,
            subject="operator",
            action=OrderAction.OPEN,
            symbol="EURUSD",
            side=Side.BUY,
            volume=lots("0.1"),
            ticket=501,
        )
    )
    world.later(120)
    world.tick()
    assert copy.live
    assert world.outbox(follower) == []


def test_an_old_intent_that_comes_back_after_its_stream_has_changed_plans_nothing():
    world = World()
    follower = world.follower()
    world.opened()
    old = world.signal(SignalAction.MODIFY, stop_loss=lots("1.08"))
    world.do(TakeSignal(account=LEADER, signal=old))
    new = world.signal(SignalAction.MODIFY, stop_loss=lots("1.09"))
    world.do(TakeSignal(account=LEADER, signal=msgspec.structs.replace(new, stream_id="after-restart")))
    assert world.do(TakeSignal(account=LEADER, signal=old)).answer["status"] == "duplicate"
    assert [order.stop_loss for order in world.outbox(follower)] == [lots("1.08"), lots("1.09")]


def test_a_cancel_that_is_done_and_too_late_at_once_counts_as_done():
    world = World()
    follower = world.follower()
    [decision] = world.send(SignalAction.PENDING_PLACED, price=lots("1.05000"))
    assert decision.outcome is Outcome.PLANNED
    assert decision.order is not None
    world.fetch(follower)
    world.ack(follower, decision.order)
    world.send(SignalAction.PENDING_CANCELLED)
    [cancel] = world.outbox(follower)
    world.ack(follower, cancel, AckStatus.EXECUTED, reason="already_filled")
    assert world.outbox(follower) == []


def test_what_another_copy_has_taken_the_place_of_is_not_opened_again():
    world = World()
    rules = CopyRules(
        sizing=SameVolume(), pending_policy=PendingPolicy.MARKET, manual_close=ManualClose.REOPEN
    )
    follower = world.follower("follower", rules)
    for account in (LEADER, follower):
        sign_in(world, account)
    resting = OrderType.LIMIT
    [placed] = world.send(SignalAction.PENDING_PLACED, "o1", order_type=resting, price=lots("1.05000"))
    world.send(SignalAction.PENDING_FILLED, "o1", order_type=resting)
    assert placed.order is not None
    terminal = Terminal(world, follower)
    terminal.obey()
    world.fill(follower, placed.order, position=601)  # what was withdrawn before anybody fetched it
    world.deal(follower, None, DealEntry.OUT, lots(1), 601, DealReason.CLIENT)
    [close] = world.fetch(follower)
    world.ack(follower, close, AckStatus.ALREADY_CLOSED)
    terminal.show_twice()
    for _ in range(3):
        world.later(1)
        in_touch(world, LEADER, follower)
        world.tick()
    copies = world.state.accounts[follower].following.copies.values()
    assert [copy.generation for copy in copies if copy.live] == [1]
    assert world.outbox(follower) == []
