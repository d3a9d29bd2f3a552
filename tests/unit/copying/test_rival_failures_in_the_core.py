"""What other copiers are known to get wrong, where the core alone decides; the rest is in tests/simulation."""

import msgspec
import pytest

from kopitra.domain.identifiers import AccountId, GroupId, SubscriptionId
from kopitra.domain.orders import DealReason
from kopitra.domain.rules import CopyRules, ManualClose
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import AckStatus, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.state import CopyStatus
from tests.unit.copying.follower_terminal import Terminal, in_touch, sign_in
from tests.unit.copying.world import LEADER, TENANT, World, layer_of, lots

THREE_DAYS = 3 * 24 * 3600


@pytest.fixture
def world() -> World:
    return World()


def test_a_duplicate_open_that_is_re_sent_opens_nothing_again(world: World) -> None:
    follower = world.follower()
    first = world.signal(SignalAction.OPEN, "p1")
    again = world.signal(SignalAction.OPEN, "p1")
    later = msgspec.structs.replace(again, signal_id="another", stream_id="after-restart")  # type: ignore[arg-type]
    statuses = [
        world.do(commands.TakeSignal(account=LEADER, signal=signal)).answer["status"]
        for signal in (first, first, again, later)
    ]
    assert statuses == ["accepted", "duplicate", "duplicate", "duplicate"]
    assert len(world.outbox(follower)) == 1
    world.send(SignalAction.CLOSE, "p1")
    assert world.do(commands.TakeSignal(account=LEADER, signal=first)).answer["status"] == "duplicate"


def test_a_close_that_comes_before_its_open_keeps_it_from_ever_opening(world: World) -> None:
    follower = world.follower()
    opened, closed = world.signal(SignalAction.OPEN, "p1"), world.signal(SignalAction.CLOSE, "p1")
    assert world.do(commands.TakeSignal(account=LEADER, signal=closed)).answer["status"] == "deferred"
    world.do(commands.TakeSignal(account=LEADER, signal=opened))
    assert world.outbox(follower) == []
    for _ in range(2):
        world.snapshot(LEADER)
        world.later(6)
    assert world.outbox(follower) == []


def away(world: World) -> tuple[Terminal, AccountId]:
    follower = world.follower()
    for account in (LEADER, follower):
        sign_in(world, account)
    return Terminal(world, follower), follower


def days_pass(world: World) -> None:
    for _ in range(THREE_DAYS // 3600):
        world.later(3600)
        in_touch(world, LEADER)
        world.tick()


def test_an_open_issued_while_the_follower_is_offline_for_three_days_is_never_sent(world: World) -> None:
    terminal, follower = away(world)
    world.send(SignalAction.OPEN, "p1")
    days_pass(world)
    sign_in(world, follower)
    assert terminal.obey() == []
    terminal.show_twice()
    world.tick()
    assert world.outbox(follower) == []


def test_a_close_issued_while_the_follower_is_offline_for_three_days_still_comes(world: World) -> None:
    terminal, follower = away(world)
    world.send(SignalAction.OPEN, "p1")
    terminal.obey()
    world.send(SignalAction.CLOSE, "p1")
    days_pass(world)
    sign_in(world, follower)
    assert [order.action for order in terminal.obey()] == [OrderAction.CLOSE]
    assert terminal.positions == {}


def test_two_leaders_with_the_same_ticket_number_are_two_trades(world: World) -> None:
    follower = world.follower()
    other = world.account("other-leader")
    group = GroupId("other-group")
    world.do(commands.PublishGroup(group=group, tenant=TENANT, revision=1, leaders=(other,)))
    world.do(
        commands.PublishSubscription(
            subscription=SubscriptionId("sub-other"),
            tenant=TENANT,
            revision=1,
            group=group,
            follower=follower,
            rules=layer_of(CopyRules(sizing=SameVolume())),
        )
    )
    terminal = Terminal(world, follower)
    world.send(SignalAction.OPEN, "Broker:77:501")
    theirs = world.signal(SignalAction.OPEN, "Broker:77:501", volume=lots(2), volume_after=lots(2))
    world.do(commands.TakeSignal(account=other, signal=theirs))
    terminal.obey()
    assert sorted(held.volume for held in terminal.positions.values()) == [lots(1), lots(2)]
    closed = world.signal(SignalAction.CLOSE, "Broker:77:501", volume=lots(2))
    world.do(commands.TakeSignal(account=other, signal=closed))
    terminal.obey()
    assert [held.volume for held in terminal.positions.values()] == [lots(1)]
    terminal.show_twice()
    assert world.outbox(follower) == []


def test_a_position_closed_by_the_followers_own_stop_is_no_drift(world: World) -> None:
    follower = world.follower("follower", CopyRules(sizing=SameVolume(), manual_close=ManualClose.REOPEN))
    for account in (LEADER, follower):
        sign_in(world, account)
    terminal = Terminal(world, follower)
    world.send(SignalAction.OPEN, "p1", stop_loss=lots("1.05"))
    terminal.obey()
    [copy] = world.state.accounts[follower].following.copies.values()
    terminal.close_by_hand(copy, DealReason.STOP_LOSS)
    for _ in range(3):
        terminal.show_twice()
        world.tick()
    assert world.outbox(follower) == []
    assert world.state.accounts[follower].following.doubts == {}


def test_twin_copies_of_unknown_fate_are_told_apart_by_their_magic_numbers(world: World) -> None:
    follower = world.follower()
    orders = [world.send(SignalAction.OPEN, ref)[0].order for ref in ("p1", "p2")]
    world.fetch(follower)
    for order in orders:
        assert order is not None
        world.ack(follower, order, AckStatus.UNKNOWN, reason="not_found")
    second = orders[1]
    assert second is not None
    world.snapshot(follower, world.held(700, magic=second.magic))
    copies = {copy.position_ref: copy for copy in world.state.accounts[follower].following.copies.values()}
    assert [(ref, copy.status) for ref, copy in copies.items()] == [("p1", "unknown"), ("p2", "open")]


def test_an_unknown_open_is_not_issued_again_while_a_position_without_magic_may_be_it(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.OPEN)
    assert decision.order is not None
    world.fetch(follower)
    world.ack(follower, decision.order, AckStatus.UNKNOWN, reason="not_found")
    for _ in range(3):
        world.snapshot(follower, world.held(700, "1"))
        world.later(6)
    assert world.outbox(follower) == []
    for _ in range(2):
        world.snapshot(follower)
        world.later(6)
    assert [order.action for order in world.outbox(follower)] == [OrderAction.OPEN]


def test_what_was_opened_by_hand_days_after_an_open_went_stale_is_not_taken_for_it(world: World) -> None:
    follower = world.follower()
    [decision] = world.send(SignalAction.OPEN)
    assert decision.order is not None
    world.fetch(follower)
    world.later(3 * 86_400)
    world.ack(follower, decision.order, AckStatus.UNKNOWN, reason="not_found")
    [copy] = world.state.accounts[follower].following.copies.values()
    for _ in range(2):
        world.snapshot(follower, world.held(700, "1", open_time=world.now))
        world.later(6)
    assert (copy.status, copy.cause) == (CopyStatus.DROPPED, "expired")
