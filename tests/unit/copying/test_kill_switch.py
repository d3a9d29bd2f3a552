"""The kill switch at its four levels, in both modes: what stops, what goes on, and that it keeps stopping."""

import pytest

from kopitra.domain.identifiers import AccountId, GroupId, SubscriptionId
from kopitra.domain.orders import OrderType
from kopitra.domain.rules import CopyRules
from kopitra.domain.settings import layer_of
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import AckStatus, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.decisions import standing_still
from kopitra.machine.events import CopiesStopped, HaltMode, HaltScope, TradingHalted
from tests.unit.copying.world import GROUP, LEADER, TENANT, World

OTHER_GROUP = GroupId("other-group")
OTHER_LEADER = AccountId("other-leader")


class Floor(World):
    """Two leaders with a group each; `both` follows both, `one` the first and `other` the second."""

    def __init__(self) -> None:
        super().__init__()
        self.account(OTHER_LEADER)
        self.do(commands.PublishGroup(group=OTHER_GROUP, tenant=TENANT, revision=1, leaders=(OTHER_LEADER,)))
        self.one, self.both = self.follower("one"), self.follower("both")
        self.other = self.account("other")
        for follower in (self.both, self.other):
            self.do(
                commands.PublishSubscription(
                    subscription=SubscriptionId(f"other-{follower}"),
                    tenant=TENANT,
                    revision=1,
                    group=OTHER_GROUP,
                    follower=follower,
                    rules=layer_of(CopyRules(sizing=SameVolume())),
                )
            )

    def lead(self, leader: AccountId, ref: str) -> None:
        signal = self.signal(SignalAction.OPEN, ref)
        self.do(commands.TakeSignal(account=leader, signal=signal))

    def trade(self, leader: AccountId, ref: str, position: int) -> None:
        """An open that every follower has filled."""
        self.lead(leader, ref)
        for account in (self.one, self.both, self.other):
            for order in self.fetch(account):
                self.fill(account, order, position=position)
                self.ack(account, order)

    def halt(self, scope: HaltScope, target: str, mode: HaltMode = HaltMode.CLOSE_ONLY) -> None:
        self.do(commands.Halt(scope=scope, target=target, mode=mode, subject="op"))

    def resume(self, scope: HaltScope, target: str) -> None:
        self.do(commands.Resume(scope=scope, target=target, subject="op"))

    def waiting(self) -> dict[str, list[str]]:
        """The actions that wait for each follower."""
        return {a: [o.action for o in self.outbox(a)] for a in (self.one, self.both, self.other)}


@pytest.fixture
def floor() -> Floor:
    return Floor()


LEVELS = [
    (HaltScope.PLATFORM, "", {"one", "both", "other"}, {"one", "both", "other"}, 2),
    (HaltScope.GROUP, GROUP, {"one", "both"}, set[str](), 1),
    (HaltScope.LEADER, LEADER, {"one", "both"}, set[str](), 1),
    (HaltScope.FOLLOWER, "both", {"both"}, {"both"}, 2),
]
"""Scope, target, whom it concerns, whose EA is told, and how many of `both`'s two copies it stops."""


@pytest.mark.parametrize(("scope", "target", "concerned", "told", "of_both"), LEVELS)
def test_close_only_withdraws_and_refuses_opens_at_its_own_level(
    floor: Floor, scope: HaltScope, target: str, concerned: set[str], told: set[str], of_both: int
) -> None:
    floor.lead(LEADER, "p1")
    floor.lead(OTHER_LEADER, "p2")
    floor.halt(scope, target)
    waiting = floor.waiting()
    assert waiting["both"] == [OrderAction.OPEN] * (2 - of_both)
    assert {a for a in ("one", "other") if not waiting[a]} == concerned - {"both"}
    assert {a for a in waiting if floor.notes(AccountId(a))} == told
    floor.lead(LEADER, "p3")
    floor.lead(OTHER_LEADER, "p4")
    assert len(floor.outbox(floor.both)) == 2 * (2 - of_both)


@pytest.mark.parametrize(("scope", "target", "concerned", "told", "of_both"), LEVELS)
def test_flatten_closes_every_copy_of_its_level_also_of_accounts_that_are_away(
    floor: Floor, scope: HaltScope, target: str, concerned: set[str], told: set[str], of_both: int
) -> None:
    floor.trade(LEADER, "p1", 1)
    floor.trade(OTHER_LEADER, "p2", 2)
    floor.halt(scope, target, HaltMode.FLATTEN)
    waiting = floor.waiting()
    assert waiting["both"] == [OrderAction.CLOSE] * of_both
    assert {a for a in waiting if waiting[a]} == concerned
    floor.later(3 * 24 * 3600)
    floor.tick()
    assert floor.waiting() == waiting, "a close waits for its EA however long, and is ordered once"


@pytest.mark.parametrize(("scope", "target", "concerned", "told", "of_both"), LEVELS)
def test_resuming_lets_the_next_open_through(
    floor: Floor, scope: HaltScope, target: str, concerned: set[str], told: set[str], of_both: int
) -> None:
    floor.halt(scope, target)
    floor.resume(scope, target)
    floor.lead(LEADER, "p1")
    floor.lead(OTHER_LEADER, "p2")
    assert [len(orders) for orders in floor.waiting().values()] == [1, 2, 1]
    for account in (floor.one, floor.both, floor.other):
        expected = ["trading.halted", "trading.resumed"] if account in told else []
        assert floor.notes(account) == expected
    assert floor.state.halts == {}


@pytest.mark.parametrize(("scope", "target", "concerned", "told", "of_both"), LEVELS)
def test_halts_at_no_level_block_a_close(
    floor: Floor, scope: HaltScope, target: str, concerned: set[str], told: set[str], of_both: int
) -> None:
    floor.trade(LEADER, "p1", 1)
    floor.halt(scope, target)
    closing = floor.signal(SignalAction.CLOSE, "p1")
    floor.do(commands.TakeSignal(account=LEADER, signal=closing))
    assert floor.waiting() == {"one": [OrderAction.CLOSE], "both": [OrderAction.CLOSE], "other": []}


def test_a_resume_of_one_level_leaves_eas_halted_that_another_still_stops(floor: Floor) -> None:
    floor.halt(HaltScope.PLATFORM, "")
    floor.halt(HaltScope.FOLLOWER, "both")
    floor.resume(HaltScope.PLATFORM, "")
    assert floor.notes(floor.one) == ["trading.halted", "trading.resumed"]
    assert floor.notes(floor.both) == ["trading.halted", "trading.halted"]
    floor.resume(HaltScope.FOLLOWER, "both")
    assert floor.notes(floor.both)[-1] == "trading.resumed"


def test_close_only_takes_resting_orders_back(floor: Floor) -> None:
    signal = floor.signal(SignalAction.PENDING_PLACED, "p1", order_type=OrderType.LIMIT)
    floor.do(commands.TakeSignal(account=LEADER, signal=signal))
    for account in (floor.one, floor.both):
        [order] = floor.fetch(account)
        floor.ack(account, order)
    floor.halt(HaltScope.FOLLOWER, "both")
    assert floor.waiting() == {"one": [], "both": [OrderAction.CANCEL], "other": []}


def test_a_flatten_during_an_executing_open_closes_what_it_opens(floor: Floor) -> None:
    floor.lead(LEADER, "p1")
    [opening] = floor.fetch(floor.one)
    floor.halt(HaltScope.PLATFORM, "", HaltMode.FLATTEN)
    close = floor.outbox(floor.one)[-1]
    assert (close.action, close.opens_command_id) == (OrderAction.CLOSE, opening.command_id)
    floor.fill(floor.one, opening)
    floor.ack(floor.one, opening)
    floor.ack(floor.one, close, AckStatus.REJECTED, retcode=10018)
    floor.later(2)
    floor.tick()
    assert floor.waiting()["one"] == [OrderAction.CLOSE]


def test_a_standing_flatten_closes_what_turns_up_later(floor: Floor) -> None:
    floor.lead(LEADER, "p1")
    [opening] = floor.fetch(floor.one)
    floor.ack(floor.one, opening, AckStatus.UNKNOWN, reason="ambiguous")
    floor.halt(HaltScope.GROUP, GROUP, HaltMode.FLATTEN)
    [close] = [order for order in floor.outbox(floor.one) if order.action is OrderAction.CLOSE]
    floor.ack(floor.one, close, AckStatus.REJECTED, retcode=10018)
    floor.fill(floor.one, opening)
    floor.later(61)
    floor.tick()
    assert floor.waiting()["one"] == [OrderAction.CLOSE]


def test_more_copies_than_one_event_holds_are_stopped_by_the_next_ticks(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing_still, "MOST_ORDERS", 3)
    for number in range(5):
        floor.trade(LEADER, f"p{number}", 10 + number)
    floor.halt(HaltScope.PLATFORM, "", HaltMode.FLATTEN)
    halted = next(event for event in floor.history if isinstance(event, TradingHalted))
    assert len(halted.orders) == 3
    for _ in range(3):
        floor.later(5)
        floor.tick()
    assert [len(orders) for orders in floor.waiting().values()] == [5, 5, 0]
    assert sum(isinstance(event, CopiesStopped) for event in floor.history) == 3
    before = floor.state.sequence
    floor.later(5)
    floor.tick()
    assert floor.state.sequence == before
