"""What a new subscription does with trades that its leader has open."""

from typing import Any

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import MarginMode, OrderType
from kopitra.domain.rules import CopyRules, LateJoin
from kopitra.domain.sizing_modes import BalanceRatio, SameVolume, Sizing
from kopitra.domain.telemetry import AccountSnapshot
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import CopyAdded, CopyCorrected, HaltMode, HaltScope
from tests.unit.copying.follower_terminal import Terminal, in_touch, sign_in
from tests.unit.copying.world import GROUP, LEADER, TENANT, World, layer_of, lots


@pytest.fixture
def world() -> World:
    """A leader that is here and has three trades open, one of them closed in part."""
    world = World()
    sign_in(world, LEADER)
    for ref in ("p1", "p2", "p3"):
        world.send(SignalAction.OPEN, ref, stop_loss=lots("1.05"))
    world.send(SignalAction.PARTIAL_CLOSE, "p2", volume=lots("0.6"), volume_after=lots("0.4"))
    world.later(600)
    return world


def rules(late_join: LateJoin = LateJoin.SYNC_NOW, sizing: Sizing | None = None, **changes: Any) -> CopyRules:
    return CopyRules(sizing=sizing or SameVolume(), late_join=late_join, **changes)


def joiner(world: World, wanted: CopyRules | None = None) -> Terminal:
    follower = world.follower("late", wanted or rules())
    world.account(LEADER)  # its figures of today
    in_touch(world, LEADER)
    sign_in(world, follower)
    return Terminal(world, follower)


def settle(world: World, terminal: Terminal, ticks: int = 6) -> None:
    """The book is shown and time passes."""
    terminal.show()
    for _ in range(ticks):
        world.later(1)
        in_touch(world, LEADER, terminal.account)
        world.tick()
        terminal.obey()


def test_a_late_joiner_opens_what_is_left_of_every_trade_with_its_stops(world: World) -> None:
    terminal = joiner(world)
    settle(world, terminal)
    assert sorted(str(held.volume) for held in terminal.positions.values()) == ["0.40", "1.00", "1.00"]
    assert {held.stop_loss for held in terminal.positions.values()} == {lots("1.05")}


def test_its_copies_follow_the_share_of_what_was_left(world: World) -> None:
    terminal = joiner(world)
    settle(world, terminal)
    world.send(SignalAction.PARTIAL_CLOSE, "p2", volume=lots("0.2"), volume_after=lots("0.2"))
    [part] = terminal.obey()
    assert (part.action, part.target_volume) == (OrderAction.PARTIAL_CLOSE, lots("0.2"))
    world.send(SignalAction.CLOSE, "p2")
    assert len(terminal.obey()) == 1
    assert len(terminal.positions) == 2


def test_nothing_is_joined_in_the_tick_in_which_opens_expire(world: World) -> None:
    """Their stops would be taken off for the newcomer's sake, though they are not there any more."""
    terminal = joiner(world)
    netting = AccountSnapshot(
        login=77, server="Broker", balance=lots(10000), currency="USD", mode=MarginMode.NETTING
    )
    world.do(commands.TakeFigures(account=terminal.account, snapshot=netting))
    terminal.show()
    world.send(SignalAction.OPEN, "fresh", stop_loss=lots("1.05"))
    world.later(61)
    for _ in range(2):
        in_touch(world, LEADER, terminal.account)
        world.tick()
        world.later(1)
    assert [order.action for order in world.outbox(terminal.account)] == [OrderAction.OPEN]
    assert not [event for event in world.history if isinstance(event, CopyCorrected)]


def test_new_only_is_the_default(world: World) -> None:
    terminal = joiner(world, CopyRules(sizing=SameVolume()))
    settle(world, terminal)
    assert terminal.positions == {}
    assert [d.reason for d in world.send(SignalAction.CLOSE, "p1")] == ["not_copied"]
    assert len(world.send(SignalAction.OPEN, "p9")) == 1


def test_joining_sizes_like_any_open(world: World) -> None:
    terminal = joiner(world, rules(sizing=BalanceRatio()))
    world.account(terminal.account, balance="5000")
    settle(world, terminal)
    assert sorted(str(held.volume) for held in terminal.positions.values()) == ["0.20", "0.50", "0.50"]


def test_a_trade_is_joined_once_whatever_happens_to_it(world: World) -> None:
    terminal = joiner(world)
    settle(world, terminal)
    copies = world.state.accounts[terminal.account].following.copies
    terminal.close_by_hand(next(copy for copy in copies.values() if copy.position_ref == "p1"))
    settle(world, terminal)
    assert len(terminal.positions) == 2


def test_subscribing_again_joins_nothing_twice(world: World) -> None:
    terminal = joiner(world)
    settle(world, terminal)
    copies = world.state.accounts[terminal.account].following.copies
    terminal.close_by_hand(next(copy for copy in copies.values() if copy.position_ref == "p1"))
    for enabled in (False, True):
        world.later(5)
        publish(world, terminal.account, enabled)
    settle(world, terminal)
    assert len(terminal.positions) == 2


def publish(world: World, follower: AccountId, enabled: bool, wanted: CopyRules | None = None) -> None:
    [subscription] = [s for s in world.state.subscriptions.values() if s.follower == follower]
    world.do(
        commands.PublishSubscription(
            subscription=subscription.subscription,
            tenant=TENANT,
            revision=subscription.revision + 1,
            group=GROUP,
            follower=follower,
            rules=layer_of(wanted or rules()),
            enabled=enabled,
        )
    )


def test_what_was_opened_while_a_subscription_slept_is_joined_when_it_is_back(world: World) -> None:
    terminal = joiner(world)
    settle(world, terminal)
    publish(world, terminal.account, enabled=False)
    world.send(SignalAction.OPEN, "p4")
    world.later(5)
    publish(world, terminal.account, enabled=True)
    settle(world, terminal)
    assert len(terminal.positions) == 4


def test_a_trade_that_its_settings_keep_out_is_decided_about_once(world: World) -> None:
    terminal = joiner(world, rules(max_drift=lots("0.0010")))
    world.quote(terminal.account, "EURUSD", "1.20000", "1.20010")
    settle(world, terminal)
    world.quote(terminal.account, "EURUSD", "1.10000", "1.10010")
    settle(world, terminal)
    assert terminal.positions == {}
    added = [event for event in world.history if isinstance(event, CopyAdded)]
    assert [event.decision.reason for event in added] == ["price_drift"] * 3


def test_drift_cannot_be_told_without_a_fresh_quote(world: World) -> None:
    terminal = joiner(world, rules(max_drift=lots("0.0010")))
    settle(world, terminal)
    assert not any(isinstance(event, CopyAdded) for event in world.history)
    world.quote(terminal.account, "EURUSD", "1.10000", "1.10010")
    settle(world, terminal)
    assert len(terminal.positions) == 3


def test_at_loss_joins_only_at_the_leaders_price_or_better_and_keeps_trying(world: World) -> None:
    terminal = joiner(world, rules(LateJoin.SYNC_AT_LOSS))
    world.quote(terminal.account, "EURUSD", "1.10000", "1.10001")
    settle(world, terminal)
    assert terminal.positions == {}
    world.quote(terminal.account, "EURUSD", "1.09990", "1.10000")
    settle(world, terminal)
    assert len(terminal.positions) == 3


def test_at_loss_gives_up_when_the_trade_ends(world: World) -> None:
    terminal = joiner(world, rules(LateJoin.SYNC_AT_LOSS))
    world.quote(terminal.account, "EURUSD", "1.10000", "1.10001")
    settle(world, terminal)
    for ref in ("p1", "p2", "p3"):
        world.send(SignalAction.CLOSE, ref)
    world.quote(terminal.account, "EURUSD", "1.09990", "1.10000")
    settle(world, terminal)
    assert terminal.positions == {}


@pytest.mark.parametrize("lacks", ["book", "figures", "leader", "leader_figures"])
def test_joining_waits_until_everything_is_known(world: World, lacks: str) -> None:
    terminal = joiner(world)
    figures = world.readings.figures
    if lacks in ("figures", "leader_figures"):
        figures.pop(terminal.account if lacks == "figures" else LEADER)
    if lacks == "leader":
        world.later(120)
        in_touch(world, terminal.account)
        world.tick()
        assert world.state.accounts[LEADER].silent
        terminal.show()
    elif lacks != "book":
        terminal.show()
    for _ in range(3):
        in_touch(world, terminal.account)
        world.tick()
    assert world.outbox(terminal.account) == []
    world.account(LEADER)
    world.account(terminal.account)
    settle(world, terminal)
    assert len(terminal.positions) == 3


def test_nothing_is_joined_while_trading_is_halted(world: World) -> None:
    terminal = joiner(world)
    target = str(terminal.account)
    world.do(commands.Halt(scope=HaltScope.FOLLOWER, target=target, mode=HaltMode.CLOSE_ONLY, subject="o"))
    settle(world, terminal)
    assert terminal.positions == {}
    world.do(commands.Resume(scope=HaltScope.FOLLOWER, target=target, subject="o"))
    settle(world, terminal)
    assert len(terminal.positions) == 3


def test_a_late_signal_of_a_trade_that_was_joined_from_a_snapshot_opens_nothing_again() -> None:
    world = World()
    sign_in(world, LEADER)
    world.follower("there_from_the_start")
    for _ in range(2):
        world.snapshot(LEADER, world.held(601))
        world.later(6)
    terminal = joiner(world)
    settle(world, terminal)
    assert len(terminal.positions) == 1
    world.send(SignalAction.OPEN, "Broker:77:601")
    terminal.obey()
    assert len(terminal.positions) == 1
    world.send(SignalAction.CLOSE, "Broker:77:601")
    terminal.obey()
    assert terminal.positions == {}


def test_a_resting_order_is_joined_once_it_has_become_a_position() -> None:
    world = World()
    sign_in(world, LEADER)
    world.send(SignalAction.PENDING_PLACED, "o9", order_type=OrderType.LIMIT, price=lots("1.05"))
    world.later(5)
    terminal = joiner(world)
    settle(world, terminal)
    assert terminal.positions == {}
    world.send(SignalAction.PENDING_FILLED, "o9")
    settle(world, terminal)
    assert [held.order_type for held in terminal.positions.values()] == [OrderType.MARKET]


def test_a_netting_follower_takes_stops_off_before_trades_share_its_position(world: World) -> None:
    follower = world.follower("late", rules())
    snapshot = AccountSnapshot(
        login=77, server="Broker", balance=lots(10000), currency="USD", mode=MarginMode.NETTING
    )
    world.do(commands.TakeFigures(account=follower, snapshot=snapshot))
    terminal = joiner(world)
    terminal.show()
    seen: list[tuple[OrderAction, object]] = []
    for _ in range(2):
        world.later(1)
        in_touch(world, LEADER, follower)
        world.tick()
        for order in world.fetch(follower):
            seen.append((order.action, order.stop_loss))
            if order.action is OrderAction.OPEN:
                world.fill(follower, order, position=900)
            world.ack(follower, order)
    opened, modified = OrderAction.OPEN, OrderAction.MODIFY
    assert seen == [(opened, lots("1.05")), (modified, None), (opened, None)]
