"""What an earlier process may have handed out cannot be withdrawn; nobody need hand it out again, either."""

from collections.abc import Callable

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import DealEntry
from kopitra.domain.rules import Unsubscribe
from kopitra.domain.settings import CopySettings
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import AckStatus, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import HaltMode, HaltScope
from kopitra.machine.leases import readings_after_recovery
from kopitra.machine.state import Copy, CopyStatus, OutboxItem
from kopitra.machine.state_codec import decode_state, encode_state
from tests.unit.copying.world import GROUP, LEADER, TENANT, World, lots


@pytest.fixture
def world() -> World:
    return World()


def restart(world: World) -> None:
    world.state = decode_state(encode_state(world.state))
    world.readings = readings_after_recovery(world.state, world.now)


def halt(scope: HaltScope, target: str, mode: HaltMode = HaltMode.CLOSE_ONLY) -> Callable[[World], None]:
    def stop(world: World) -> None:
        world.do(commands.Halt(scope=scope, target=target, mode=mode, subject="op"))

    return stop


def fall_silent(world: World) -> None:
    world.later(-61)
    world.readings.contacts[LEADER] = world.now
    world.later(61)
    world.tick()


def unsubscribe(world: World) -> None:
    [held] = world.state.subscriptions.values()
    world.do(
        commands.PublishSubscription(
            subscription=held.subscription,
            tenant=TENANT,
            revision=held.revision + 1,
            group=held.group,
            follower=held.follower,
            rules=held.settings,
            enabled=False,
        )
    )


STOPS = {
    "group": halt(HaltScope.GROUP, GROUP),
    "leader": halt(HaltScope.LEADER, LEADER),
    "follower": halt(HaltScope.FOLLOWER, "follower"),
    "platform": halt(HaltScope.PLATFORM, ""),
    "silence": fall_silent,
    "unsubscribed": unsubscribe,
}
stopped = pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)


def rules(policy: Unsubscribe = Unsubscribe.CLOSE_GRACEFULLY) -> CopySettings:
    return CopySettings(sizing=SameVolume(), unsubscribe=policy)


def only_copy(world: World, follower: AccountId) -> Copy:
    [copy] = world.state.accounts[follower].following.copies.values()
    return copy


def the_open(world: World, follower: AccountId) -> OutboxItem:
    items = world.state.accounts[follower].outbox.values()
    [item] = [i for i in items if i.order is not None and i.order.action is OrderAction.OPEN]
    return item


@stopped
def test_it_is_recalled_once_and_its_copy_is_watched_on(world: World, stop: Callable[[World], None]) -> None:
    follower = world.follower("follower", rules())
    world.send(SignalAction.OPEN)
    restart(world)
    stop(world)
    item = the_open(world, follower)
    assert (item.recalled, item.due_from) == (True, item.expires_at)
    assert only_copy(world, follower).status is CopyStatus.PLANNED
    before = world.state.sequence
    world.tick()
    assert world.state.sequence == before


@stopped
def test_an_ea_that_had_it_reports_as_ever(world: World, stop: Callable[[World], None]) -> None:
    follower = world.follower("follower", rules())
    world.send(SignalAction.OPEN)
    [order] = world.fetch(follower)
    restart(world)
    stop(world)
    world.fill(follower, order)
    world.ack(follower, order)
    copy = only_copy(world, follower)
    assert (copy.status, copy.live_volume, world.outbox(follower)) == (CopyStatus.OPEN, lots(1), [])


@stopped
def test_an_ea_that_never_had_it_cannot_open_it_any_more(world: World, stop: Callable[[World], None]) -> None:
    follower = world.follower("follower", rules())
    world.send(SignalAction.OPEN)
    restart(world)
    stop(world)
    world.later(60)
    item = the_open(world, follower)
    assert item.expires_at is not None
    assert item.expires_at <= world.now, "it is handed out again now, and no time is left"
    [order] = world.fetch(follower)
    world.ack(follower, order, AckStatus.EXPIRED)
    assert only_copy(world, follower).status is CopyStatus.DROPPED


@stopped
def test_a_close_that_comes_meanwhile_is_ordered(world: World, stop: Callable[[World], None]) -> None:
    """Its fill may have been told without its acknowledgement: there is a position to close."""
    follower = world.follower("follower", rules())
    world.send(SignalAction.OPEN)
    [order] = world.fetch(follower)
    restart(world)
    stop(world)
    world.fill(follower, order)
    world.send(SignalAction.CLOSE)
    [_, close] = world.outbox(follower)
    assert (close.action, close.position_id) == (OrderAction.CLOSE, 501)
    world.deal(follower, close, DealEntry.OUT, lots(1))
    world.ack(follower, close)
    world.ack(follower, order, AckStatus.EXECUTED)
    assert world.state.accounts[follower].following.copies == {}


def test_what_changes_its_copy_does_not_wait_for_it(world: World) -> None:
    follower = world.follower()
    world.send(SignalAction.OPEN)
    restart(world)
    STOPS["leader"](world)
    world.send(SignalAction.MODIFY, stop_loss=lots("1.05"))
    [_, modify] = world.state.accounts[follower].outbox.values()
    assert modify.due_from is None


def test_a_flatten_closes_what_it_may_have_opened(world: World) -> None:
    follower = world.follower()
    world.send(SignalAction.OPEN)
    restart(world)
    halt(HaltScope.LEADER, LEADER, HaltMode.FLATTEN)(world)
    assert [order.action for order in world.outbox(follower)] == [OrderAction.OPEN, OrderAction.CLOSE]
    assert not the_open(world, follower).recalled, "its EA gets both, and the close comes first"


def test_one_that_is_kept_is_the_followers_if_it_was_opened(world: World) -> None:
    follower = world.follower("follower", rules(Unsubscribe.KEEP))
    world.send(SignalAction.OPEN)
    restart(world)
    unsubscribe(world)
    assert (the_open(world, follower).recalled, only_copy(world, follower).status) == (
        True,
        CopyStatus.RELEASED,
    )


def test_one_that_has_gone_stale_is_its_eas_to_refuse(world: World) -> None:
    follower = world.follower()
    world.send(SignalAction.OPEN)
    restart(world)
    world.later(60)
    STOPS["leader"](world)
    assert not the_open(world, follower).recalled
