"""Opens that were missed: kept for a day, proposed in order, made up for only on an operator's word."""

from typing import Any

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import AckStatus, OrderAction, SignalAction
from kopitra.machine.commands import DecideProposal
from kopitra.machine.events import Proposal, ProposalKind
from kopitra.machine.outcome import Decision, Refusal
from tests.unit.copying.follower_terminal import Terminal, in_touch, proposals, sign_in
from tests.unit.copying.world import LEADER, World, lots


@pytest.fixture
def world() -> World:
    return World()


def scene(world: World, **changes: Any) -> Terminal:
    fields: dict[str, Any] = {"deferred_replay": True} | changes
    follower = world.follower("follower", CopyRules(sizing=SameVolume(), **fields))
    for account in (LEADER, follower):
        sign_in(world, account)
    terminal = Terminal(world, follower)
    terminal.show()
    return terminal


def pass_time(world: World, seconds: float) -> None:
    world.later(seconds)
    in_touch(world, LEADER, AccountId("follower"))
    world.account(LEADER)
    world.account("follower")
    world.tick()


def miss(world: World, *refs: str) -> None:
    """The follower's EA fetches nothing for longer than an open lives."""
    for ref in refs:
        world.send(SignalAction.OPEN, ref)
        world.later(1)
    pass_time(world, 61)
    world.tick()


def approve(world: World, proposal: Proposal, approve: bool = True) -> Decision | Refusal:
    return world.ask(
        DecideProposal(account=proposal.account, proposal=proposal.proposal, approve=approve, subject="olga")
    )


def test_a_missed_open_is_made_up_for_when_an_operator_says_so(world: World) -> None:
    terminal = scene(world)
    miss(world, "p1")
    assert world.outbox(terminal.account) == []
    [proposal] = proposals(world, terminal.account)
    assert (proposal.kind, proposal.position_ref) == (ProposalKind.REPLAY, "p1")
    assert isinstance(approve(world, proposal), Decision)
    [order] = terminal.obey()
    assert (order.action, order.volume, order.ttl_ms) == (OrderAction.OPEN, lots(1), 60_000)
    world.send(SignalAction.CLOSE, "p1")
    terminal.obey()
    assert terminal.positions == {}


def test_it_is_off_by_default(world: World) -> None:
    terminal = scene(world, deferred_replay=False)
    miss(world, "p1")
    assert proposals(world, terminal.account) == []


def test_an_open_that_its_ea_refused_as_too_old_is_missed_too(world: World) -> None:
    terminal = scene(world)
    [decision] = world.send(SignalAction.OPEN)
    assert decision.order is not None
    world.fetch(terminal.account)
    world.ack(terminal.account, decision.order, AckStatus.EXPIRED, reason="ttl")
    pass_time(world, 1)
    assert [p.kind for p in proposals(world, terminal.account)] == [ProposalKind.REPLAY]


def test_an_open_that_its_leader_sent_too_late_is_missed_too(world: World) -> None:
    terminal = scene(world)
    [decision] = world.send(SignalAction.OPEN, age_ms=3_600_000)
    assert decision.reason == "expired"
    pass_time(world, 1)
    assert [p.position_ref for p in proposals(world, terminal.account)] == ["p1"]


def test_an_open_that_nobody_announced_is_missed_too(world: World) -> None:
    terminal = scene(world)
    for _ in range(2):
        world.snapshot(LEADER, world.held(601))
        world.later(6)
    pass_time(world, 1)
    [proposal] = proposals(world, terminal.account)
    assert isinstance(approve(world, proposal), Decision)
    assert [order.volume for order in terminal.obey()] == [lots(1)]


def test_missed_opens_are_made_up_for_in_order(world: World) -> None:
    terminal = scene(world)
    miss(world, "p1", "p2")
    first, second = proposals(world, terminal.account)
    refused = approve(world, second)
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.code) == (409, "replay_out_of_order")
    assert isinstance(approve(world, first), Decision)
    assert isinstance(approve(world, second), Decision)
    terminal.obey()
    assert len(terminal.positions) == 2


def test_a_rejected_replay_is_given_up_for_good(world: World) -> None:
    terminal = scene(world)
    miss(world, "p1", "p2")
    first, second = proposals(world, terminal.account)
    assert isinstance(approve(world, first, approve=False), Decision)
    pass_time(world, 30)
    assert [p.proposal for p in proposals(world, terminal.account)] == [second.proposal]


def test_a_replay_is_withdrawn_when_the_leaders_trade_ends(world: World) -> None:
    terminal = scene(world)
    miss(world, "p1")
    world.send(SignalAction.CLOSE, "p1")
    pass_time(world, 1)
    assert proposals(world, terminal.account) == []


def test_a_missed_open_is_kept_for_a_day(world: World) -> None:
    terminal = scene(world)
    miss(world, "p1")
    for _ in range(1438):
        pass_time(world, 60)
    assert len(proposals(world, terminal.account)) == 1
    for _ in range(3):
        pass_time(world, 60)
    assert proposals(world, terminal.account) == []


def test_a_replay_opens_what_is_left_of_the_trade(world: World) -> None:
    terminal = scene(world)
    miss(world, "p1")
    world.send(SignalAction.PARTIAL_CLOSE, "p1", volume=lots("0.75"), volume_after=lots("0.25"))
    [proposal] = proposals(world, terminal.account)
    assert isinstance(approve(world, proposal), Decision)
    assert [order.volume for order in terminal.obey()] == [lots("0.25")]


def test_a_replay_keeps_to_the_leaders_price_range(world: World) -> None:
    terminal = scene(world, max_drift=lots("0.0010"))
    miss(world, "p1")
    world.quote(terminal.account, "EURUSD", "1.20000", "1.20010")
    [proposal] = proposals(world, terminal.account)
    refused = approve(world, proposal)
    assert isinstance(refused, Refusal)
    assert refused.code == "proposal_not_ready"
    world.quote(terminal.account, "EURUSD", "1.10000", "1.10010")
    assert isinstance(approve(world, proposal), Decision)


def test_a_follower_that_is_away_gets_no_replay(world: World) -> None:
    terminal = scene(world)
    miss(world, "p1")
    world.later(400)
    in_touch(world, LEADER)
    world.tick()
    [proposal] = proposals(world, terminal.account)
    refused = approve(world, proposal)
    assert isinstance(refused, Refusal)
    assert refused.code == "proposal_not_ready"


def test_an_approved_open_that_is_missed_again_is_proposed_again(world: World) -> None:
    terminal = scene(world)
    miss(world, "p1")
    [proposal] = proposals(world, terminal.account)
    approve(world, proposal)
    pass_time(world, 61)
    pass_time(world, 1)
    assert len(proposals(world, terminal.account)) == 1
    approve(world, proposals(world, terminal.account)[0])
    terminal.obey()
    assert len(terminal.positions) == 1
