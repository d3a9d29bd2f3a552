"""More copies than one event has room for: what is left of an unsubscription goes on with the ticks, and survives."""

from collections.abc import Callable

import pytest

from kopitra.domain.identifiers import AccountId, SubscriptionId
from kopitra.domain.rules import Unsubscribe
from kopitra.domain.settings import CopySettings
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.decisions import standing_still
from kopitra.machine.events import CopiesUnsubscribed, HaltMode, HaltScope
from kopitra.machine.leases import readings_after_recovery
from kopitra.machine.state import Copy, CopyStatus
from kopitra.machine.state_codec import decode_state, encode_state, state_hash
from tests.unit.copying.net_desk import Desk
from tests.unit.copying.world import GROUP, LEADER, TENANT, World, lots

OTHER = AccountId("other-leader")


@pytest.fixture
def world() -> World:
    world = World()
    world.account(OTHER)
    return world


@pytest.fixture
def room_for_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing_still, "MOST_ORDERS", 3)
    monkeypatch.setattr(standing_still, "MOST_WITHDRAWALS", 3)


few_at_once = pytest.mark.usefixtures("room_for_three")


def rules(policy: Unsubscribe) -> CopySettings:
    return CopySettings(sizing=SameVolume(), unsubscribe=policy)


def subscription(world: World, policy: Unsubscribe, enabled: bool = False) -> commands.PublishSubscription:
    held = world.state.subscriptions[SubscriptionId("sub-follower")]
    return commands.PublishSubscription(
        subscription=held.subscription,
        tenant=TENANT,
        revision=held.revision + 1,
        group=held.group,
        follower=held.follower,
        rules=rules(policy),
        enabled=enabled,
    )


def group(world: World, *leaders: AccountId, enabled: bool) -> commands.PublishGroup:
    revision = world.state.groups[GROUP].revision + 1
    return commands.PublishGroup(
        group=GROUP, tenant=TENANT, revision=revision, leaders=leaders, enabled=enabled
    )


def account(world: World, enabled: bool) -> commands.PublishAccount:
    follower = AccountId("follower")
    revision = world.state.accounts[follower].revision + 1
    return commands.PublishAccount(account=follower, tenant=TENANT, revision=revision, enabled=enabled)


Publish = Callable[[World, bool], commands.Command]
SCOPES: dict[str, Publish] = {
    "subscription": lambda world, enabled: subscription(world, Unsubscribe.CLOSE_NOW, enabled),
    "group": lambda world, enabled: group(world, LEADER, enabled=enabled),
    "leader": lambda world, enabled: group(world, LEADER if enabled else OTHER, enabled=True),
    "follower": account,
}
scopes = pytest.mark.parametrize("publish", SCOPES.values(), ids=SCOPES)


def restart(world: World) -> None:
    known = state_hash(world.state)
    world.state = decode_state(encode_state(world.state))
    world.readings = readings_after_recovery(world.state, world.now)
    assert state_hash(world.state) == known


def tick(world: World, times: int = 1) -> None:
    for _ in range(times):
        world.later(1)
        world.tick()


def copies(world: World) -> list[Copy]:
    return list(world.state.accounts[AccountId("follower")].following.copies.values())


def closing(world: World) -> int:
    return sum(copy.closing for copy in copies(world))


def events(world: World) -> list[CopiesUnsubscribed]:
    return [event for event in world.history if isinstance(event, CopiesUnsubscribed)]


def open_many(world: World, count: int) -> None:
    for number in range(count):
        world.opened(f"p{number}", position=1000 + number)


def test_more_than_four_thousand_copies_are_all_closed_over_a_restart(world: World) -> None:
    followers = [world.follower(f"f{number}", rules(Unsubscribe.CLOSE_NOW)) for number in range(85)]
    open_many(world, 50)
    world.do(group(world, LEADER, enabled=False))

    def ordered() -> int:
        books = (world.state.accounts[follower].following for follower in followers)
        return sum(copy.closing for book in books for copy in book.copies.values())

    assert ordered() == standing_still.MOST_ORDERS
    restart(world)
    tick(world)
    assert ordered() == 85 * 50
    orders = [order for follower in followers for order in world.outbox(follower)]
    assert {order.action for order in orders} == {OrderAction.CLOSE}
    assert len({order.command_id for order in orders}) == 85 * 50
    assert world.state.leaving == {}
    before = world.state.sequence
    tick(world)
    assert world.state.sequence == before, "nothing is left to do"


@scopes
@few_at_once
def test_each_scope_goes_on_until_nothing_is_left(world: World, publish: Publish) -> None:
    world.follower("follower", rules(Unsubscribe.CLOSE_NOW))
    open_many(world, 8)
    world.do(publish(world, False))
    assert closing(world) == 3
    tick(world, 2)
    assert closing(world) == 8
    assert [event.remaining for event in events(world)] == [True, True, False]
    assert world.state.leaving == {}


@scopes
@few_at_once
def test_enabling_it_again_ends_it(world: World, publish: Publish) -> None:
    world.follower("follower", rules(Unsubscribe.CLOSE_NOW))
    open_many(world, 8)
    world.do(publish(world, False))
    world.do(publish(world, True))
    assert world.state.leaving == {}
    tick(world, 3)
    assert closing(world) == 3
    left = [copy for copy in copies(world) if not copy.closing]
    for copy in left:
        world.send(SignalAction.CLOSE, copy.position_ref)
    assert closing(world) == 8, "they follow their leader again"


@few_at_once
def test_publishing_the_same_again_half_way_orders_nothing_twice(world: World) -> None:
    follower = world.follower("follower", rules(Unsubscribe.CLOSE_NOW))
    open_many(world, 8)
    for _ in range(2):
        world.do(subscription(world, Unsubscribe.CLOSE_NOW))
    tick(world, 3)
    ordered = [order.copy_id for order in world.outbox(follower)]
    assert len(ordered) == 8
    assert set(ordered) == {copy.copy_id for copy in copies(world)}


@few_at_once
def test_releasing_many_goes_on_too(world: World) -> None:
    world.follower("follower", rules(Unsubscribe.KEEP))
    open_many(world, 8)
    world.do(subscription(world, Unsubscribe.KEEP))
    restart(world)
    tick(world, 2)
    assert {copy.status for copy in copies(world)} == {CopyStatus.RELEASED}
    assert [len(event.released) for event in events(world)] == [3, 3, 2]
    assert world.state.leaving == {}


@few_at_once
@pytest.mark.parametrize("policy", Unsubscribe)
def test_withdrawing_many_goes_on_too(world: World, policy: Unsubscribe) -> None:
    follower = world.follower("follower", rules(policy))
    for number in range(8):
        world.send(SignalAction.OPEN, f"p{number}")
    world.do(subscription(world, policy))
    tick(world, 2)
    assert world.outbox(follower) == []
    assert {copy.status for copy in copies(world)} == {CopyStatus.DROPPED}
    assert world.state.leaving == {}


@few_at_once
def test_a_policy_that_changes_half_way_counts_for_the_rest(world: World) -> None:
    world.follower("follower", rules(Unsubscribe.CLOSE_NOW))
    open_many(world, 5)
    world.do(subscription(world, Unsubscribe.CLOSE_NOW))
    world.do(subscription(world, Unsubscribe.CLOSE_GRACEFULLY))
    tick(world, 2)
    assert (closing(world), world.state.leaving) == (3, {})


@few_at_once
def test_what_a_tick_does_otherwise_to_a_copy_goes_first(world: World) -> None:
    """A halt that flattens has the same copies, and a stale open expires in the same tick."""
    follower = world.follower("follower", rules(Unsubscribe.KEEP))
    open_many(world, 4)
    world.send(SignalAction.OPEN, "never fetched")
    world.do(subscription(world, Unsubscribe.KEEP))
    world.do(commands.Halt(scope=HaltScope.GROUP, target=GROUP, mode=HaltMode.FLATTEN, subject="op"))
    world.later(61)
    tick(world, 3)
    assert [copy.status for copy in copies(world)] == [
        *[CopyStatus.RELEASED] * 3,
        CopyStatus.OPEN,
        CopyStatus.DROPPED,
    ]
    assert [order.copy_id for order in world.outbox(follower)] == [copies(world)[3].copy_id]
    assert world.state.leaving == {}


@few_at_once
def test_what_ended_meanwhile_is_left_alone(world: World) -> None:
    follower = world.follower("follower", rules(Unsubscribe.CLOSE_NOW))
    open_many(world, 4)
    world.do(subscription(world, Unsubscribe.CLOSE_NOW))
    world.send(SignalAction.CLOSE, copies(world)[3].position_ref)
    tick(world, 2)
    assert len(world.outbox(follower)) == 4
    assert (events(world)[-1].remaining, world.state.leaving) == (False, {})


@few_at_once
def test_on_a_netting_account_every_copy_is_taken_off(world: World) -> None:
    follower = world.follower("follower", rules(Unsubscribe.CLOSE_NOW))
    desk = Desk(world, follower, netting=True)
    for number in range(8):
        world.send(SignalAction.OPEN, f"p{number}", volume=lots("0.1"), volume_after=lots("0.1"))
        desk.work()
    world.do(subscription(world, Unsubscribe.CLOSE_NOW))
    for _ in range(3):
        desk.work()
        tick(world)
    assert (desk.exposure, desk.refused) == (lots(0), [])


def test_what_one_event_has_room_for_leaves_nothing_behind(world: World) -> None:
    world.follower("follower", rules(Unsubscribe.CLOSE_NOW))
    open_many(world, 2)
    world.do(subscription(world, Unsubscribe.CLOSE_NOW))
    assert ([event.remaining for event in events(world)], world.state.leaving) == ([False], {})
