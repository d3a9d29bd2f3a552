"""A subscription on paper: every decision is made and recorded, its copies live in the books, and nobody is told."""

from decimal import Decimal

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import OrderType
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import CopyDecision, CopyPlanned, Outcome
from kopitra.machine.state import Copy
from kopitra.machine.state_codec import state_hash
from tests.unit.copying.world import LEADER, World, lots

PAPER = CopyRules(sizing=SameVolume(), sandbox=True)


@pytest.fixture
def world() -> World:
    return World()


def papers(world: World, account: AccountId) -> list[Copy]:
    return list(world.state.accounts[account].following.paper.values())


def told(
    decisions: tuple[CopyDecision, ...],
) -> list[tuple[Outcome, str | None, OrderAction | None, Decimal | None]]:
    return [
        (d.outcome, d.reason, d.order.action if d.order else None, d.order.volume if d.order else None)
        for d in decisions
    ]


def test_a_whole_life_is_recorded_and_nothing_is_sent(world: World) -> None:
    follower = world.follower("paper", PAPER)
    opened = world.send(SignalAction.OPEN)
    assert told(opened) == [(Outcome.SANDBOX, "sandbox", OrderAction.OPEN, lots(1))]
    assert opened[0].arithmetic is not None
    [copy] = papers(world, follower)
    assert (copy.live, copy.live_volume) == (True, lots(1))
    moved = world.send(SignalAction.MODIFY, stop_loss=lots("1.09"))
    assert told(moved) == [(Outcome.SANDBOX, "sandbox", OrderAction.MODIFY, lots(1))]
    halved = world.send(SignalAction.PARTIAL_CLOSE, volume=lots("0.4"), volume_after=lots("0.6"))
    assert told(halved) == [(Outcome.SANDBOX, "sandbox", OrderAction.PARTIAL_CLOSE, lots("0.40"))]
    assert copy.live_volume == lots("0.60")
    closed = world.send(SignalAction.CLOSE)
    assert told(closed) == [(Outcome.SANDBOX, "sandbox", OrderAction.CLOSE, lots("0.60"))]
    assert papers(world, follower) == []
    account = world.state.accounts[follower]
    assert (account.outbox, account.queue, account.following.copies) == ({}, [], {})


def test_partial_closes_on_paper_sum_to_the_whole(world: World) -> None:
    world.follower("paper", PAPER)
    world.send(SignalAction.OPEN)
    closed = Decimal(0)
    for after in ("0.77", "0.31", "0.05"):
        [decision] = world.send(SignalAction.PARTIAL_CLOSE, volume_after=lots(after))
        assert decision.order is not None
        closed += decision.order.volume
    [decision] = world.send(SignalAction.CLOSE)
    assert decision.order is not None
    assert closed + decision.order.volume == lots(1)


def test_paper_and_live_followers_of_one_leader_do_not_meet(world: World) -> None:
    live = world.follower("live")
    paper = world.follower("paper", PAPER)
    decisions = world.send(SignalAction.OPEN)
    assert [d.outcome for d in decisions] == [Outcome.PLANNED, Outcome.SANDBOX]
    assert [o.action for o in world.outbox(live)] == [OrderAction.OPEN]
    assert world.outbox(paper) == []


def test_a_snapshot_without_the_paper_position_finds_nothing_missing(world: World) -> None:
    follower = world.follower("paper", PAPER)
    world.send(SignalAction.OPEN)
    for _ in range(3):
        world.later(10)
        world.snapshot(follower)
    assert [copy.live for copy in papers(world, follower)] == [True]
    assert world.outbox(follower) == []


def test_a_pending_order_on_paper_is_filled_with_the_leaders(world: World) -> None:
    follower = world.follower("paper", PAPER)
    placed = world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    assert told(placed) == [(Outcome.SANDBOX, "sandbox", OrderAction.OPEN, lots(1))]
    [copy] = papers(world, follower)
    assert copy.live_volume == 0
    filled = world.send(SignalAction.PENDING_FILLED, "o1", order_type=OrderType.LIMIT)
    assert told(filled) == [(Outcome.SANDBOX, "sandbox", None, None)]
    assert copy.live_volume == lots(1)
    closed = world.send(SignalAction.CLOSE, "o1")
    assert told(closed) == [(Outcome.SANDBOX, "sandbox", OrderAction.CLOSE, lots(1))]


def test_a_pending_order_on_paper_is_cancelled_with_the_leaders(world: World) -> None:
    follower = world.follower("paper", PAPER)
    world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    cancelled = world.send(SignalAction.PENDING_CANCELLED, "o1", order_type=OrderType.LIMIT)
    assert told(cancelled) == [(Outcome.SANDBOX, "sandbox", OrderAction.CANCEL, lots(1))]
    assert papers(world, follower) == []


def test_a_copy_stays_what_it_was_opened_as(world: World) -> None:
    was_live, was_paper = world.follower("live"), world.follower("paper", PAPER)
    world.opened()
    world.follow(was_live, PAPER)
    world.follow(was_paper, CopyRules(sizing=SameVolume()))
    outcomes = {d.follower: d.outcome for d in world.send(SignalAction.CLOSE)}
    assert outcomes == {was_live: Outcome.PLANNED, was_paper: Outcome.SANDBOX}
    assert [o.action for o in world.outbox(was_live)] == [OrderAction.CLOSE]
    assert world.outbox(was_paper) == []


def test_a_skip_on_paper_has_its_reason(world: World) -> None:
    world.follower("paper", CopyRules(sizing=SameVolume(), sandbox=True, require_stop_loss=True))
    [decision] = world.send(SignalAction.OPEN)
    assert (decision.outcome, decision.reason) == (Outcome.SKIPPED, "stop_loss_missing")


@pytest.mark.parametrize("action", [SignalAction.OPEN, SignalAction.CLOSE, SignalAction.MODIFY])
def test_a_signal_on_paper_changes_nothing_that_is_known(world: World, action: SignalAction) -> None:
    world.follower("live")
    world.send(SignalAction.OPEN, "other")
    before = state_hash(world.state)
    sequence = world.state.sequence
    world.do(commands.TakeSignal(account=LEADER, signal=world.signal(action), sandbox=True))
    planned = world.history[-1]
    assert isinstance(planned, CopyPlanned)
    assert planned.sandbox
    world.state.sequence = sequence
    assert state_hash(world.state) == before
    world.state.sequence += 1
    [opened] = world.send(SignalAction.OPEN)
    assert opened.outcome is Outcome.PLANNED
