"""Leaders that follow others, groups with several leaders, and one account in several groups: every copy is its own."""

from typing import Any

import pytest

from kopitra.domain.identifiers import AccountId, GroupId, SubscriptionId
from kopitra.domain.orders import OrderType
from kopitra.domain.rules import CopyRules
from kopitra.domain.settings import layer_of
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.skips import SkipReason
from kopitra.domain.trading import Order, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import CopyDecision, CopyPlanned, Outcome, SignalDeferred, SignalIgnored
from tests.unit.copying.world import LEADER, TENANT, World, lots

B, C, D, E = (AccountId(name) for name in ("b", "c", "d", "e"))


class Chains(World):
    """Accounts by name, each with a group of its own where it leads."""

    def __init__(self) -> None:
        super().__init__()
        for name in (B, C, D, E):
            self.account(name)

    def group(self, leader: AccountId, *others: AccountId, chained: bool = True, name: str = "") -> GroupId:
        group = GroupId(name or f"of-{leader}")
        known = self.state.groups.get(group)
        self.do(
            commands.PublishGroup(
                group=group,
                tenant=TENANT,
                revision=known.revision + 1 if known is not None else 1,
                leaders=(leader, *others),
                copies_of_copies=chained,
            )
        )
        return group

    def subscribe(self, follower: AccountId, group: GroupId, **rules: Any) -> SubscriptionId:
        subscription = SubscriptionId(f"{follower}-in-{group}")
        self.do(
            commands.PublishSubscription(
                subscription=subscription,
                tenant=TENANT,
                revision=1,
                group=group,
                follower=follower,
                rules=layer_of(CopyRules(sizing=SameVolume(), **rules)),
            )
        )
        return subscription

    def tell(
        self, leader: AccountId, action: SignalAction, ref: str = "p1", **changes: Any
    ) -> tuple[CopyDecision, ...]:
        changes.setdefault("stream_id", f"stream-{leader}")
        self.do(commands.TakeSignal(account=leader, signal=self.signal(action, ref, **changes)))
        planned = self.history[-1]
        return planned.decisions if isinstance(planned, CopyPlanned) else ()

    def trade(self, account: AccountId, position: int = 501) -> Order:
        """The account's EA executes its one open and its broker's deal is reported."""
        [order] = [o for o in self.fetch(account) if o.action is OrderAction.OPEN]
        self.fill(account, order, position=position)
        self.ack(account, order)
        return order


@pytest.fixture
def chains() -> Chains:
    """leader → b → c → d, each copying the one before it."""
    world = Chains()
    for leader, follower in ((LEADER, B), (B, C), (C, D)):
        world.subscribe(follower, world.group(leader))
    return world


def test_a_trade_runs_through_a_declared_chain(chains: Chains) -> None:
    chains.tell(LEADER, SignalAction.OPEN)
    for account, follower in ((B, C), (C, D)):
        order = chains.trade(account)
        [decision] = chains.tell(account, SignalAction.OPEN, f"of-{account}", magic=order.magic)
        assert (decision.outcome, decision.follower) == (Outcome.PLANNED, follower)
    assert chains.trade(D).volume == lots(1)
    planned = [event for event in chains.history if isinstance(event, CopyPlanned)]
    assert [event.depth for event in planned] == [0, 1, 2]


def test_its_end_runs_through_the_chain_too(chains: Chains) -> None:
    chains.tell(LEADER, SignalAction.OPEN)
    magic = chains.trade(B).magic
    chains.tell(B, SignalAction.OPEN, "of-b", magic=magic)
    chains.trade(C)
    chains.tell(LEADER, SignalAction.CLOSE)
    assert [order.action for order in chains.outbox(B)] == [OrderAction.CLOSE]
    chains.tell(B, SignalAction.CLOSE, "of-b", magic=magic)
    assert [order.action for order in chains.outbox(C)] == [OrderAction.CLOSE]


def test_a_trade_is_not_copied_more_often_than_the_longest_chain(chains: Chains) -> None:
    chains.tell(LEADER, SignalAction.OPEN)
    magic = 0
    for account in (B, C, D):
        magic = chains.trade(account).magic
        if account is not D:
            chains.tell(account, SignalAction.OPEN, f"of-{account}", magic=magic)
    refusal = chains.ask(
        commands.PublishSubscription(
            subscription=SubscriptionId("too-far"),
            tenant=TENANT,
            revision=1,
            group=chains.group(D),
            follower=E,
            rules=layer_of(CopyRules(sizing=SameVolume())),
        )
    )
    assert getattr(refusal, "code", None) == "chain_too_long"
    chains.tell(D, SignalAction.OPEN, "of-d", magic=magic)
    assert isinstance(chains.history[-1], SignalIgnored)


def test_a_chain_that_nobody_declared_is_an_echo(chains: Chains) -> None:
    chains.group(B, chained=False)
    chains.tell(LEADER, SignalAction.OPEN)
    order = chains.trade(B)
    chains.tell(B, SignalAction.OPEN, "of-b", magic=order.magic)
    ignored = chains.history[-1]
    assert isinstance(ignored, SignalIgnored)
    assert ignored.reason == "echo"
    assert chains.outbox(C) == []


def test_only_the_groups_that_say_so_copy_copies(chains: Chains) -> None:
    chains.subscribe(E, chains.group(B, chained=False, name="own-trades-only"))
    chains.tell(LEADER, SignalAction.OPEN)
    order = chains.trade(B)
    decisions = chains.tell(B, SignalAction.OPEN, "of-b", magic=order.magic)
    assert {d.follower: d.reason for d in decisions} == {C: None, E: SkipReason.COPY_OF_COPY}
    own = chains.tell(B, SignalAction.OPEN, "own")
    assert {d.outcome for d in own} == {Outcome.PLANNED}


def test_what_is_copied_on_already_goes_on_after_the_chain_was_undone(chains: Chains) -> None:
    chains.tell(LEADER, SignalAction.OPEN)
    magic = chains.trade(B).magic
    chains.tell(B, SignalAction.OPEN, "of-b", magic=magic)
    chains.trade(C)
    chains.group(B, chained=False)
    chains.tell(B, SignalAction.CLOSE, "of-b", magic=magic)
    assert [order.action for order in chains.outbox(C)] == [OrderAction.CLOSE]


def test_copies_of_copies_are_as_old_as_the_first_leaders_trade(chains: Chains) -> None:
    chains.tell(LEADER, SignalAction.OPEN, age_ms=5_000)
    order = chains.trade(B)
    chains.later(20)
    [decision] = chains.tell(B, SignalAction.OPEN, "of-b", magic=order.magic, age_ms=10)
    assert decision.order is not None
    assert decision.order.ttl_ms == 35_000
    order = chains.trade(C)
    chains.later(34)
    [decision] = chains.tell(C, SignalAction.OPEN, "of-c", magic=order.magic, age_ms=10)
    assert decision.order is not None
    assert decision.order.ttl_ms == 1_000


def test_what_is_added_to_a_copy_is_as_old_as_what_it_copies(chains: Chains) -> None:
    """Its broker fills the copy's order bit by bit; the account tells each fill after the first as an increase."""
    chains.subscribe(E, chains.group(B, chained=False, name="own-trades-only"))
    chains.tell(LEADER, SignalAction.OPEN, age_ms=5_000)
    order = chains.trade(B)
    part: dict[str, Any] = {"volume": lots("0.6"), "volume_after": lots("0.6")}
    chains.tell(B, SignalAction.OPEN, "of-b", magic=order.magic, **part)
    magic = chains.trade(C).magic
    chains.tell(C, SignalAction.OPEN, "of-c", magic=magic, **part)
    chains.trade(D)
    chains.later(20)
    grown: dict[str, Any] = {"volume": lots("0.4"), "volume_after": lots(1)}
    decisions = chains.tell(B, SignalAction.INCREASE, "of-b", **grown)
    assert {d.follower: d.reason for d in decisions} == {C: None, E: SkipReason.COPY_OF_COPY}
    [ordered] = [decision.order for decision in decisions if decision.order is not None]
    assert ordered.ttl_ms == 35_000
    magic = chains.trade(C, position=502).magic
    chains.later(30)
    [further] = chains.tell(C, SignalAction.OPEN, "further-of-c", magic=magic, **part)
    assert further.order is not None
    assert further.order.ttl_ms == 5_000


def test_what_is_added_to_a_copy_whose_trade_is_over_is_not_copied_on(chains: Chains) -> None:
    chains.tell(LEADER, SignalAction.OPEN)
    order = chains.trade(B)
    part: dict[str, Any] = {"volume": lots("0.6"), "volume_after": lots("0.6")}
    chains.tell(B, SignalAction.OPEN, "of-b", magic=order.magic, **part)
    chains.trade(C)
    chains.tell(LEADER, SignalAction.CLOSE)
    [decision] = chains.tell(
        B, SignalAction.INCREASE, "of-b", volume=lots("0.4"), volume_after=lots(1), magic=order.magic
    )
    assert decision.reason == SkipReason.CLOSED_BEFORE_OPEN


def copied_on_after_a_day(chains: Chains, **fill: Any) -> Order:
    """What C's copy of B's copy is ordered with, ten seconds after the leader's order filled."""
    resting: dict[str, Any] = {"order_type": OrderType.LIMIT, "price": lots("1.09")}
    chains.tell(LEADER, SignalAction.PENDING_PLACED, **resting)
    order = chains.trade(B)
    chains.later(86_400)
    chains.tell(LEADER, SignalAction.PENDING_FILLED, **fill, **resting)
    chains.later(10)
    [decision] = chains.tell(B, SignalAction.OPEN, "of-b", magic=order.magic)
    assert decision.order is not None
    return decision.order


def test_a_pending_order_that_rested_for_days_is_as_old_as_its_fill(chains: Chains) -> None:
    assert copied_on_after_a_day(chains).ttl_ms == 50_000


def test_a_fill_that_was_told_late_is_as_old_as_it_was_then(chains: Chains) -> None:
    assert copied_on_after_a_day(chains, age_ms=40_000).ttl_ms == 10_000


def test_nothing_is_opened_for_a_fill_that_only_snapshots_tell_of(chains: Chains) -> None:
    resting: dict[str, Any] = {"order_type": OrderType.LIMIT, "price": lots("1.09")}
    chains.tell(LEADER, SignalAction.PENDING_PLACED, "Broker:77:o501", **resting)
    order = chains.trade(B)
    others = [chains.held(number) for number in range(2, 5)]
    for _ in range(3):
        chains.later(6)
        chains.snapshot(LEADER, chains.held(501), *others, stream_id=f"stream-{LEADER}", taken_at_ordinal=99)
    [decision] = chains.tell(B, SignalAction.OPEN, "of-b", magic=order.magic)
    assert decision.reason == SkipReason.EXPIRED


def test_a_trade_that_takes_too_long_through_the_chain_expires(chains: Chains) -> None:
    chains.tell(LEADER, SignalAction.OPEN)
    order = chains.trade(B)
    chains.later(61)
    [decision] = chains.tell(B, SignalAction.OPEN, "of-b", magic=order.magic)
    assert decision.reason == SkipReason.EXPIRED


def test_a_copy_is_not_copied_on_once_its_own_trade_is_over(chains: Chains) -> None:
    chains.tell(LEADER, SignalAction.OPEN)
    order = chains.trade(B)
    chains.tell(LEADER, SignalAction.CLOSE)
    [decision] = chains.tell(B, SignalAction.OPEN, "of-b", magic=order.magic)
    assert decision.reason == SkipReason.CLOSED_BEFORE_OPEN


def test_an_end_that_overtakes_its_beginning_in_a_chain_is_remembered(chains: Chains) -> None:
    chains.tell(LEADER, SignalAction.OPEN)
    order = chains.trade(B)
    chains.tell(B, SignalAction.CLOSE, "of-b", magic=order.magic)
    assert isinstance(chains.history[-1], SignalDeferred)
    [decision] = chains.tell(B, SignalAction.OPEN, "of-b", magic=order.magic)
    assert decision.reason == SkipReason.CLOSED_BEFORE_OPEN


def adopt(chains: Chains, account: AccountId, magic: int) -> None:
    """Two snapshots of a leader that has told of nothing yet show a position."""
    for _ in range(2):
        chains.later(6)
        chains.snapshot(account, chains.held(501, magic=magic), stream_id=f"stream-{account}")


def test_a_copy_that_a_snapshot_showed_first_is_as_old_as_the_first_leaders_trade(chains: Chains) -> None:
    chains.tell(LEADER, SignalAction.OPEN)
    magic = chains.trade(B).magic
    adopt(chains, B, magic)
    chains.later(20)
    [decision] = chains.tell(B, SignalAction.OPEN, "Broker:77:501", magic=magic, age_ms=10)
    assert decision.order is not None
    assert decision.order.ttl_ms == 28_000
    planned = chains.history[-1]
    assert isinstance(planned, CopyPlanned)
    assert planned.depth == 1


def test_what_is_added_to_a_copy_that_only_a_snapshot_showed_is_as_old_as_what_it_copies(
    chains: Chains,
) -> None:
    chains.tell(LEADER, SignalAction.OPEN)
    magic = chains.trade(B).magic
    adopt(chains, B, magic)
    chains.later(20)
    grown: dict[str, Any] = {"volume": lots("0.4"), "volume_after": lots("1.4"), "magic": magic}
    [decision] = chains.tell(B, SignalAction.INCREASE, "Broker:77:501", **grown)
    assert decision.order is not None
    assert decision.order.ttl_ms == 28_000


def test_an_operators_trade_is_an_echo_in_a_chain_as_well(chains: Chains) -> None:
    chains.do(
        commands.PlaceOperatorOrder(
            account=B,
            subject="op",
            action=OrderAction.OPEN,
            symbol="EURUSD",
            side=chains.signal(SignalAction.OPEN).side,
            volume=lots(1),
        )
    )
    [order] = chains.outbox(B)
    chains.tell(B, SignalAction.OPEN, "by-hand", magic=order.magic)
    assert isinstance(chains.history[-1], SignalIgnored)


def test_a_leader_that_is_not_enabled_is_not_copied(chains: Chains) -> None:
    chains.do(commands.PublishAccount(account=LEADER, tenant=TENANT, revision=99, enabled=False))
    [decision] = chains.tell(LEADER, SignalAction.OPEN)
    assert decision.reason == SkipReason.UNSUBSCRIBED
    assert chains.outbox(B) == []


# -- who is who -----------------------------------------------------------------------------------------------------


def identities(world: World, follower: AccountId) -> list[tuple[object, ...]]:
    orders = [order for order in world.outbox(follower) if order.action is OrderAction.OPEN]
    for field in ("copy_id", "command_id", "magic", "comment"):
        values = [getattr(order, field) for order in orders]
        assert len(set(values)) == len(values), field
    return [(order.copy_id, order.command_id, order.magic) for order in orders]


def test_one_follower_in_two_groups_of_one_leader_has_two_copies_that_end_apart() -> None:
    world = Chains()
    first, second = world.group(LEADER, name="first"), world.group(LEADER, name="second")
    for group in (first, second):
        world.subscribe(B, group)
    world.tell(LEADER, SignalAction.OPEN)
    assert len(identities(world, B)) == 2
    for number, order in enumerate(world.fetch(B)):
        world.fill(B, order, position=501 + number)
        world.ack(B, order)
    world.tell(LEADER, SignalAction.PARTIAL_CLOSE, volume=lots("0.5"), volume_after=lots("0.5"))
    assert [(o.position_id, o.target_volume) for o in world.outbox(B)] == [
        (501, lots("0.5")),
        (502, lots("0.5")),
    ]


def test_several_leaders_with_one_ticket_number_are_told_apart() -> None:
    world = Chains()
    group = world.group(LEADER, C)
    world.subscribe(B, group)
    for leader in (LEADER, C):
        world.tell(leader, SignalAction.OPEN, "same-ref")
    assert len(identities(world, B)) == 2
    orders = world.fetch(B)
    world.tell(C, SignalAction.CLOSE, "same-ref")
    [close] = [order for order in world.outbox(B) if order.action is OrderAction.CLOSE]
    assert close.copy_id == orders[1].copy_id


def test_an_account_in_several_groups_of_several_leaders_tells_all_its_copies_apart() -> None:
    world = Chains()
    groups = [world.group(LEADER, C, name="one"), world.group(LEADER, D, name="two"), world.group(E)]
    for group in groups:
        world.subscribe(B, group)
    for leader in (LEADER, C, D, E):
        for ref in ("p1", "p2"):
            world.tell(leader, SignalAction.OPEN, ref)
    assert len(identities(world, B)) == 2 * (2 + 1 + 1 + 1)
