"""What becomes of open copies when their subscription ends: kept, closed as their leader closes, or closed now."""

from collections.abc import Callable

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import DealEntry, DealReason
from kopitra.domain.rules import Unsubscribe
from kopitra.domain.settings import CopySettings
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import AckStatus, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.state import CopyStatus
from tests.unit.copying.net_desk import Desk
from tests.unit.copying.world import GROUP, LEADER, TENANT, World, lots

OTHER = AccountId("other-leader")


@pytest.fixture
def world() -> World:
    world = World()
    world.account(OTHER)
    return world


def settings(policy: Unsubscribe) -> CopySettings:
    return CopySettings(sizing=SameVolume(), unsubscribe=policy)


def subscription(world: World, policy: Unsubscribe, enabled: bool = False) -> commands.PublishSubscription:
    [held] = world.state.subscriptions.values()
    return commands.PublishSubscription(
        subscription=held.subscription,
        tenant=TENANT,
        revision=held.revision + 1,
        group=held.group,
        follower=held.follower,
        rules=settings(policy),
        enabled=enabled,
    )


def group(world: World, *leaders: AccountId, enabled: bool = True) -> commands.PublishGroup:
    revision = world.state.groups[GROUP].revision + 1
    return commands.PublishGroup(
        group=GROUP, tenant=TENANT, revision=revision, leaders=leaders, enabled=enabled
    )


def account(world: World, follower: AccountId, enabled: bool = False) -> commands.PublishAccount:
    revision = world.state.accounts[follower].revision + 1
    return commands.PublishAccount(account=follower, tenant=TENANT, revision=revision, enabled=enabled)


ENDINGS: dict[str, Callable[[World, Unsubscribe], commands.Command]] = {
    "subscription": subscription,
    "group": lambda world, policy: group(world, LEADER, enabled=False),
    "leader": lambda world, policy: group(world, OTHER),
    "follower": lambda world, policy: account(world, AccountId("follower")),
}
ending = pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)


def status(world: World, follower: AccountId) -> CopyStatus:
    [copy] = world.state.accounts[follower].following.copies.values()
    return copy.status


@ending
def test_close_now_closes_every_copy_with_the_publication(
    world: World, ending: Callable[[World, Unsubscribe], commands.Command]
) -> None:
    follower = world.follower("follower", settings(Unsubscribe.CLOSE_NOW))
    world.opened("p1", position=1)
    world.opened("p2", position=2)
    world.do(ending(world, Unsubscribe.CLOSE_NOW))
    orders = world.outbox(follower)
    assert [(o.action, o.position_id) for o in orders] == [(OrderAction.CLOSE, 1), (OrderAction.CLOSE, 2)]
    assert len({o.command_id for o in orders}) == 2
    world.do(ending(world, Unsubscribe.CLOSE_NOW))
    assert len(world.outbox(follower)) == 2, "once is enough"


@ending
def test_close_gracefully_goes_on_following_and_opens_nothing(
    world: World, ending: Callable[[World, Unsubscribe], commands.Command]
) -> None:
    follower = world.follower("follower", settings(Unsubscribe.CLOSE_GRACEFULLY))
    world.opened("p1")
    world.do(ending(world, Unsubscribe.CLOSE_GRACEFULLY))
    assert world.outbox(follower) == []
    world.send(SignalAction.OPEN, "p2")
    assert world.outbox(follower) == []
    world.send(SignalAction.PARTIAL_CLOSE, "p1", volume=lots("0.5"), volume_after=lots("0.5"))
    world.send(SignalAction.CLOSE, "p1")
    assert [order.action for order in world.outbox(follower)] == [
        OrderAction.PARTIAL_CLOSE,
        OrderAction.CLOSE,
    ]


@ending
def test_keep_leaves_the_position_to_the_follower_for_good(
    world: World, ending: Callable[[World, Unsubscribe], commands.Command]
) -> None:
    follower = world.follower("follower", settings(Unsubscribe.KEEP))
    copy = world.opened("p1")
    world.do(ending(world, Unsubscribe.KEEP))
    assert status(world, follower) is CopyStatus.RELEASED
    world.send(SignalAction.MODIFY, "p1", stop_loss=lots("1.05"))
    world.send(SignalAction.CLOSE, "p1")
    assert copy.copy_id not in world.state.accounts[follower].following.copies, "its leader's trade is over"
    for _ in range(3):
        world.later(6)
        world.snapshot(follower, world.held(501, magic=copy.magic))
    assert world.outbox(follower) == [], "nobody closes it, not as an orphan either"


@ending
@pytest.mark.parametrize("policy", Unsubscribe)
def test_an_open_that_nobody_has_fetched_is_withdrawn_whatever_the_policy(
    world: World, policy: Unsubscribe, ending: Callable[[World, Unsubscribe], commands.Command]
) -> None:
    follower = world.follower("follower", settings(policy))
    world.send(SignalAction.OPEN)
    world.do(ending(world, policy))
    assert world.outbox(follower) == []
    assert status(world, follower) is CopyStatus.DROPPED


def test_an_open_that_was_kept_on_its_way_is_the_followers_when_it_fills(world: World) -> None:
    follower = world.follower("follower", settings(Unsubscribe.KEEP))
    [decision] = world.send(SignalAction.OPEN)
    [order] = world.fetch(follower)
    world.do(subscription(world, Unsubscribe.KEEP))
    world.fill(follower, order)
    world.ack(follower, order)
    assert status(world, follower) is CopyStatus.RELEASED
    world.send(SignalAction.CLOSE)
    for _ in range(3):
        world.later(6)
        world.snapshot(follower, world.held(501, magic=order.magic))
    assert world.outbox(follower) == []
    assert decision.order == order


def test_an_open_on_its_way_is_closed_when_it_fills_after_close_now(world: World) -> None:
    follower = world.follower("follower", settings(Unsubscribe.CLOSE_NOW))
    world.send(SignalAction.OPEN)
    [order] = world.fetch(follower)
    world.do(subscription(world, Unsubscribe.CLOSE_NOW))
    [close] = [o for o in world.outbox(follower) if o.action is OrderAction.CLOSE]
    assert close.copy_id == order.copy_id


def test_enabling_again_continues_the_copies_that_live(world: World) -> None:
    follower = world.follower("follower", settings(Unsubscribe.CLOSE_GRACEFULLY))
    copy = world.opened("p1")
    world.do(subscription(world, Unsubscribe.CLOSE_GRACEFULLY))
    world.do(subscription(world, Unsubscribe.CLOSE_GRACEFULLY, enabled=True))
    assert status(world, follower) is CopyStatus.OPEN
    world.send(SignalAction.CLOSE, "p1")
    [order] = world.outbox(follower)
    assert (order.action, order.copy_id) == (OrderAction.CLOSE, copy.copy_id)


def test_what_was_released_stays_released_when_the_subscription_comes_back(world: World) -> None:
    follower = world.follower("follower", settings(Unsubscribe.KEEP))
    world.opened("p1")
    world.do(subscription(world, Unsubscribe.KEEP))
    world.do(subscription(world, Unsubscribe.KEEP, enabled=True))
    world.send(SignalAction.CLOSE, "p1")
    assert world.outbox(follower) == []


def test_a_policy_that_is_changed_afterwards_can_still_be_applied(world: World) -> None:
    follower = world.follower("follower", settings(Unsubscribe.CLOSE_GRACEFULLY))
    world.opened("p1")
    world.do(subscription(world, Unsubscribe.CLOSE_GRACEFULLY))
    world.do(subscription(world, Unsubscribe.CLOSE_NOW))
    assert [order.action for order in world.outbox(follower)] == [OrderAction.CLOSE]


def test_a_copy_that_is_being_closed_already_is_not_released(world: World) -> None:
    follower = world.follower("follower", settings(Unsubscribe.KEEP))
    world.opened("p1")
    world.send(SignalAction.CLOSE, "p1")
    world.do(subscription(world, Unsubscribe.KEEP))
    [close] = world.fetch(follower)
    world.ack(follower, close, AckStatus.REJECTED)
    world.later(2)
    world.tick()
    assert [order.action for order in world.outbox(follower)] == [OrderAction.CLOSE], "driven again"


def test_copies_of_leaders_who_stay_are_left_alone(world: World) -> None:
    world.do(group(world, LEADER, OTHER))
    follower = world.follower("follower", settings(Unsubscribe.CLOSE_NOW))
    world.opened("p1")
    world.do(group(world, LEADER))
    assert world.outbox(follower) == []


def test_a_released_position_that_ends_frees_its_magic_number(world: World) -> None:
    follower = world.follower("follower", settings(Unsubscribe.KEEP))
    copy = world.opened("p1")
    world.do(subscription(world, Unsubscribe.KEEP))
    book = world.state.accounts[follower].following
    assert list(book.released) == [copy.magic]
    world.deal(follower, None, DealEntry.OUT, lots(1), reason=DealReason.CLIENT)
    assert not book.released


def test_an_open_of_unknown_fate_is_not_issued_again_once_unsubscribed(world: World) -> None:
    follower = world.follower("follower", settings(Unsubscribe.CLOSE_GRACEFULLY))
    world.send(SignalAction.OPEN)
    [order] = world.fetch(follower)
    world.ack(follower, order, AckStatus.UNKNOWN, reason="not_found")
    world.do(subscription(world, Unsubscribe.CLOSE_GRACEFULLY))
    for _ in range(3):
        world.later(6)
        world.snapshot(follower)
    assert world.outbox(follower) == []


@pytest.mark.parametrize("policy", [Unsubscribe.CLOSE_NOW, Unsubscribe.KEEP])
def test_on_a_netting_account_each_copy_is_taken_off_or_left_as_manual_volume(
    world: World, policy: Unsubscribe
) -> None:
    follower = world.follower("follower", settings(policy))
    desk = Desk(world, follower, netting=True)
    for ref, volume in (("p1", "1"), ("p2", "0.5")):
        world.send(SignalAction.OPEN, ref, volume=lots(volume), volume_after=lots(volume))
        desk.work()
    world.do(subscription(world, policy))
    orders = desk.work()
    taken_off = policy is Unsubscribe.CLOSE_NOW
    assert [order.action for order in orders] == [OrderAction.OFFSET] * (2 if taken_off else 0)
    assert desk.refused == []
    assert desk.exposure == (lots(0) if taken_off else lots("1.5"))
    assert desk.manual() == (lots(0) if taken_off else lots("1.5"))


def test_a_kept_copy_is_reduced_no_further_by_what_its_broker_refused_before(world: World) -> None:
    follower = world.follower()
    copy = world.opened()
    world.send(SignalAction.PARTIAL_CLOSE, volume=lots("0.6"), volume_after=lots("0.4"))
    [part] = world.fetch(follower)
    world.ack(follower, part, AckStatus.REJECTED)
    world.do(subscription(world, Unsubscribe.KEEP))
    world.later(120)
    world.tick()
    assert (copy.status, world.outbox(follower)) == (CopyStatus.RELEASED, [])
