"""What a snapshot showed before any deal told of it counts once, and hides no deal of what was ordered since."""

import pytest

from kopitra.domain.orders import DealEntry, DealReason
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import AckStatus, Order, OrderAction, SignalAction
from kopitra.machine.state import Copy
from tests.unit.copying.follower_terminal import Terminal, sign_in
from tests.unit.copying.world import LEADER, World, lots


@pytest.fixture
def world() -> World:
    return World()


def scene(world: World) -> tuple[Terminal, list[Copy]]:
    """A follower that is here with open copies of three trades; deals of their ends are not told."""
    follower = world.follower("follower", CopyRules(sizing=SameVolume()))
    for account in (LEADER, follower):
        sign_in(world, account)
    terminal = Terminal(world, follower)
    for ref in ("p1", "p2", "p3"):
        world.send(SignalAction.OPEN, ref)
        terminal.obey()
    terminal.silent_deals = True
    return terminal, list(world.state.accounts[follower].following.copies.values())


def reduce_to(world: World, terminal: Terminal, volume: str) -> Order:
    """The leader closes a part; the broker does the same."""
    world.send(SignalAction.PARTIAL_CLOSE, "p1", volume=lots("0.1"), volume_after=lots(volume))
    [order] = terminal.obey()
    return order


def of_unknown_fate(world: World, terminal: Terminal, copy: Copy) -> Order:
    """A part that its EA cannot tell of was closed all the same, as two snapshots show."""
    world.send(SignalAction.PARTIAL_CLOSE, "p1", volume=lots("0.4"), volume_after=lots("0.6"))
    [order] = world.fetch(terminal.account)
    terminal.change(copy, volume=lots("0.6"))
    world.ack(terminal.account, order, AckStatus.UNKNOWN)
    terminal.show_twice()
    assert copy.live_volume == lots("0.6")
    return order


def tell(world: World, terminal: Terminal, order: Order | None, copy: Copy, volume: str) -> None:
    reason = DealReason.CLIENT if order is None else DealReason.EXPERT
    world.deal(terminal.account, order, DealEntry.OUT, lots(volume), copy.position_id or 0, reason)


def test_a_deal_of_a_later_command_is_not_swallowed(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    of_unknown_fate(world, terminal, copy)
    later = reduce_to(world, terminal, "0.5")
    tell(world, terminal, later, copy, "0.1")
    assert copy.live_volume == lots("0.5")


def test_a_deal_of_the_command_itself_counts_once_however_late(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    first = of_unknown_fate(world, terminal, copy)
    later = reduce_to(world, terminal, "0.5")
    tell(world, terminal, later, copy, "0.1")
    tell(world, terminal, first, copy, "0.4")
    assert copy.live_volume == lots("0.5")


def test_what_was_closed_by_hand_and_told_late_counts_once_beside_later_commands(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    terminal.close_by_hand(copy, volume="0.2")
    terminal.show_twice()
    assert copy.live_volume == lots("0.8")
    later = reduce_to(world, terminal, "0.5")
    tell(world, terminal, later, copy, "0.3")
    assert copy.live_volume == lots("0.5")
    tell(world, terminal, None, copy, "0.2")
    assert copy.live_volume == lots("0.5")


def test_the_end_of_a_copy_whose_open_its_ea_lost_is_told_in_full(world: World) -> None:
    """Its open was lost, a snapshot found it, another saw half of it gone; then it is closed."""
    terminal, _ = scene(world)
    terminal.silent_deals = False
    [decision] = world.send(SignalAction.OPEN, "p4")
    assert decision.order is not None
    world.fetch(terminal.account)
    world.ack(terminal.account, decision.order, AckStatus.UNKNOWN, reason="not_found")
    held = terminal.open_by_hand("1", magic=decision.order.magic)
    terminal.show_twice()
    copy = world.state.accounts[terminal.account].following.copies[decision.order.copy_id or ""]  # type: ignore[index]
    terminal.change(copy, volume=lots("0.5"))
    terminal.show_twice()
    assert (copy.live_volume, copy.position_id) == (lots("0.5"), held.position_id)
    world.send(SignalAction.CLOSE, "p4")
    [close] = world.fetch(terminal.account)
    assert (close.action, close.volume) == (OrderAction.CLOSE, lots("0.5"))
    tell(world, terminal, close, copy, "0.5")
    assert not copy.live
