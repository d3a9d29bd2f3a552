"""Several copies of one trade after each other: none of their ids is given twice, and nothing of the former stays."""

from typing import Any

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.rules import CopyRules, LateJoin, ManualClose, PendingPolicy, UnknownPosition, Unsubscribe
from kopitra.domain.settings import layer_of
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import AckStatus, Order, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import CopyAdded, CopyAdopted
from kopitra.machine.state import Copy
from tests.unit.copying.follower_terminal import Terminal, in_touch, sign_in
from tests.unit.copying.net_desk import Desk
from tests.unit.copying.world import GROUP, LEADER, TENANT, World, lots


@pytest.fixture
def world() -> World:
    return World()


def rules(**changes: Any) -> CopyRules:
    return CopyRules(sizing=SameVolume(), **changes)


def pass_time(world: World, terminal: Terminal, rounds: int = 3) -> list[Order]:
    done: list[Order] = []
    for _ in range(rounds):
        terminal.show_twice()
        in_touch(world, LEADER, terminal.account)
        world.account(LEADER)
        world.account(terminal.account)
        world.tick()
        done += terminal.obey()
    return done


def known_from_a_snapshot(world: World) -> None:
    """A trade that the leader's snapshots show before its signal comes."""
    sign_in(world, LEADER)
    world.follower("earlier")
    for _ in range(2):
        world.later(6)
        world.snapshot(LEADER, world.held(601))
    world.later(1)


def joiner(world: World, wanted: CopyRules) -> Terminal:
    follower = world.follower("follower", wanted)
    sign_in(world, follower)
    return Terminal(world, follower)


def live(world: World, account: AccountId) -> list[Copy]:
    return [copy for copy in world.state.accounts[account].following.copies.values() if copy.live]


def test_a_trade_that_its_signal_announces_after_all_gives_no_id_twice(world: World) -> None:
    known_from_a_snapshot(world)
    terminal = joiner(world, rules(late_join=LateJoin.SYNC_NOW, manual_close=ManualClose.REOPEN))
    done = pass_time(world, terminal)
    world.send(SignalAction.OPEN, "Broker:77:601")
    [copy] = live(world, terminal.account)
    terminal.close_by_hand(copy)
    done += pass_time(world, terminal)
    assert [order.action for order in done] == [OrderAction.OPEN, OrderAction.OPEN]
    assert len({order.command_id for order in done}) == 2
    assert len({order.copy_id for order in done}) == 2


def test_a_copy_on_paper_of_a_trade_that_is_announced_after_all_follows_it_and_stays_the_only_one(
    world: World,
) -> None:
    known_from_a_snapshot(world)
    terminal = joiner(world, rules(late_join=LateJoin.SYNC_NOW, sandbox=True))
    pass_time(world, terminal)
    paper = world.state.accounts[terminal.account].following.paper
    [copy] = paper.values()
    decisions = world.send(SignalAction.OPEN, "Broker:77:601")
    assert [d.reason for d in decisions if d.follower == terminal.account] == ["already_copied"]
    world.send(SignalAction.PARTIAL_CLOSE, "Broker:77:601", volume=lots("0.6"), volume_after=lots("0.4"))
    assert copy.live_volume == lots("0.4")
    world.send(SignalAction.CLOSE, "Broker:77:601")
    assert paper == {}


def giving_way(world: World) -> tuple[Terminal, Order]:
    """A resting order that is being cancelled, so that one at market takes its place."""
    terminal = joiner(world, rules(pending_policy=PendingPolicy.MARKET))
    world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    terminal.obey()
    world.send(SignalAction.PENDING_FILLED, "o1", order_type=OrderType.LIMIT)
    [cancel] = world.fetch(terminal.account)
    return terminal, cancel


def republish(world: World, **changes: Any) -> None:
    fields: dict[str, Any] = {"enabled": True} | changes
    enabled = fields.pop("enabled")
    wanted = rules(pending_policy=PendingPolicy.MARKET, **fields)
    [subscription] = world.state.subscriptions.values()
    world.do(
        commands.PublishSubscription(
            subscription=subscription.subscription,
            tenant=TENANT,
            revision=subscription.revision + 1,
            group=GROUP,
            follower=subscription.follower,
            rules=layer_of(wanted),
            enabled=enabled,
        )
    )


def test_nothing_takes_a_cancelled_orders_place_once_its_subscription_has_ended(world: World) -> None:
    terminal, cancel = giving_way(world)
    republish(world, enabled=False, unsubscribe=Unsubscribe.CLOSE_GRACEFULLY)
    world.ack(terminal.account, cancel)
    assert world.outbox(terminal.account) == []


def test_nothing_takes_a_cancelled_orders_place_once_its_subscription_is_on_paper(world: World) -> None:
    terminal, cancel = giving_way(world)
    republish(world, sandbox=True)
    world.ack(terminal.account, cancel)
    assert world.outbox(terminal.account) == []


def test_nothing_takes_a_cancelled_orders_place_while_the_leader_is_silent(world: World) -> None:
    terminal, cancel = giving_way(world)
    in_touch(world, LEADER)
    republish(world, leader_silence_seconds=30)
    world.later(31)
    world.tick()
    assert world.state.accounts[LEADER].silences
    world.ack(terminal.account, cancel)
    assert [o for o in world.outbox(terminal.account) if o.action is OrderAction.OPEN] == []


def disable_leader(world: World) -> None:
    known = world.state.accounts[LEADER]
    world.do(
        commands.PublishAccount(account=LEADER, tenant=TENANT, revision=known.revision + 1, enabled=False)
    )


def test_what_a_disabled_leader_adds_is_copied_by_nobody(world: World) -> None:
    world.follower()
    world.opened(deal_id=1)
    disable_leader(world)
    decisions = world.send(SignalAction.INCREASE, volume_after=lots(2), deal_id=2)
    assert [(d.reason, d.order) for d in decisions] == [("unsubscribed", None)]
    decisions = world.send(SignalAction.PARTIAL_CLOSE, volume=lots(1), volume_after=lots(1), deal_id=3)
    assert [d.order.action for d in decisions if d.order is not None] == [OrderAction.CLOSE]


def test_nobody_joins_a_disabled_leaders_trades_late(world: World) -> None:
    known_from_a_snapshot(world)
    disable_leader(world)
    terminal = joiner(world, rules(late_join=LateJoin.SYNC_NOW))
    assert pass_time(world, terminal) == []


# -- several corrections of one snapshot -------------------------------------------------------------------------------


def test_a_trade_that_is_wanted_back_and_found_at_once_gets_one_copy(world: World) -> None:
    sign_in(world, LEADER)
    wanted = rules(manual_close=ManualClose.REOPEN, unknown_position=UnknownPosition.ADOPT)
    terminal = joiner(world, wanted)
    for ref in ("p1", "p2", "p3"):
        world.send(SignalAction.OPEN, ref, volume=lots(ref[1]), volume_after=lots(ref[1]))
        terminal.obey()
    terminal.show()
    copy = live(world, terminal.account)[0]
    terminal.close_by_hand(copy)
    terminal.open_by_hand("1")
    terminal.show_twice()
    terminal.obey()
    assert [c.position_ref for c in live(world, terminal.account)].count(copy.position_ref) == 1
    assert sum(isinstance(event, CopyAdded | CopyAdopted) for event in world.history) == 1


def test_two_parts_of_one_position_are_adopted_one_after_the_other(world: World) -> None:
    sign_in(world, LEADER)
    world.send(SignalAction.OPEN, "p1", deal_id=1)
    world.send(SignalAction.INCREASE, "p1", volume=lots(2), volume_after=lots(3), deal_id=2)
    world.later(1)
    terminal = joiner(world, rules(unknown_position=UnknownPosition.ADOPT))
    terminal.open_by_hand("1")
    terminal.open_by_hand("2")
    for _ in range(3):
        terminal.show_twice()
    assert sorted(copy.leg for copy in live(world, terminal.account)) == [0, 1]
    assert sum(isinstance(event, CopyAdopted) for event in world.history) == 2
    world.send(SignalAction.CLOSE, "p1", volume=lots(3))
    terminal.obey()
    assert terminal.positions == {}


def test_a_subscription_on_paper_adopts_no_real_position(world: World) -> None:
    sign_in(world, LEADER)
    world.send(SignalAction.OPEN, "p1")
    world.later(1)
    terminal = joiner(world, rules(unknown_position=UnknownPosition.ADOPT, sandbox=True))
    terminal.open_by_hand("1")
    terminal.show_twice()
    assert live(world, terminal.account) == []


def test_what_is_opened_again_on_a_net_position_gets_one_command_though_the_owner_trades_there(
    world: World,
) -> None:
    desk = Desk(world, world.follower(), netting=True)
    [decision] = world.send(SignalAction.OPEN, stop_loss=lots("1.05"))
    assert decision.order is not None
    world.fetch(desk.account)
    world.ack(desk.account, decision.order, AckStatus.UNKNOWN, reason="not_found")
    desk.by_hand(Side.SELL, "0.3")
    desk.agree()
    [again] = world.outbox(desk.account)
    assert (again.action, again.stop_loss) == (OrderAction.OPEN, None)


def test_an_announcement_that_comes_after_the_trade_has_turned_changes_nothing(world: World) -> None:
    known_from_a_snapshot(world)
    follower = AccountId("earlier")
    turned: dict[str, Any] = {"side": Side.SELL, "volume": lots(2), "volume_after": lots(2), "deal_id": 7}
    world.send(SignalAction.REVERSE, "Broker:77:601", **turned)
    [copy] = live(world, follower)
    answer = world.do(
        commands.TakeSignal(account=LEADER, signal=world.signal(SignalAction.OPEN, "Broker:77:601"))
    ).answer
    assert answer["status"] == "duplicate"
    assert live(world, follower) == [copy]
    assert world.state.is_wanted(copy)
