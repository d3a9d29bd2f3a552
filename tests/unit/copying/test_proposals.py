"""Corrections that wait for an operator: made once, decided once, withdrawn when their ground is gone."""

from typing import Any

import pytest

from kopitra.domain.identifiers import AccountId, ProposalId
from kopitra.domain.rules import CopyRules, Corrections, ManualClose, OnDrift
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine.commands import DecideProposal
from kopitra.machine.events import CorrectionDecided, CorrectionWithdrawn, Proposal, ProposalKind
from kopitra.machine.outcome import Decision, Refusal
from kopitra.machine.state import Copy
from tests.unit.copying.follower_terminal import Terminal, proposals, proposed, sign_in
from tests.unit.copying.world import LEADER, World, lots


@pytest.fixture
def world() -> World:
    return World()


def scene(world: World, trades: int = 3, **changes: Any) -> tuple[Terminal, list[Copy]]:
    fields: dict[str, Any] = {"corrections": Corrections.APPROVE} | changes
    follower = world.follower("follower", CopyRules(sizing=SameVolume(), **fields))
    for account in (LEADER, follower):
        sign_in(world, account)
    terminal = Terminal(world, follower)
    for number in range(trades):
        world.send(SignalAction.OPEN, f"Broker:77:{501 + number}", stop_loss=lots("1.05"))
        terminal.obey()
    return terminal, list(world.state.accounts[follower].following.copies.values())


def decide(
    world: World, proposal: Proposal | ProposalId, approve: bool = True, account: AccountId | None = None
) -> Decision | Refusal:
    identifier = proposal.proposal if isinstance(proposal, Proposal) else proposal
    owner = account or (proposal.account if isinstance(proposal, Proposal) else AccountId("follower"))
    return world.ask(DecideProposal(account=owner, proposal=identifier, approve=approve, subject="olga"))


def drifted(world: World, **changes: Any) -> tuple[Terminal, Copy, Proposal]:
    terminal, [copy, *_] = scene(world, **changes)
    terminal.change(copy, stop_loss=None)
    terminal.show_twice()
    [proposal] = proposals(world, terminal.account)
    return terminal, copy, proposal


def test_a_proposal_says_what_it_would_do_and_does_nothing_yet(world: World) -> None:
    terminal, copy, proposal = drifted(world)
    assert world.outbox(terminal.account) == []
    assert (proposal.kind, proposal.copy_id) == (ProposalKind.STOPS, copy.copy_id)
    assert proposal.order is not None
    assert (proposal.order.action, proposal.order.stop_loss) == (OrderAction.MODIFY, lots("1.05"))


def test_the_same_ground_is_proposed_once(world: World) -> None:
    terminal, _, _ = drifted(world)
    for _ in range(5):
        world.later(6)
        terminal.show()
    assert len(proposed(world)) == 1


def test_an_approved_proposal_is_done_once_in_the_operators_name(world: World) -> None:
    terminal, copy, proposal = drifted(world)
    answer = decide(world, proposal)
    assert isinstance(answer, Decision)
    assert answer.answer["status"] == "approved"
    decided = answer.events[0]
    assert isinstance(decided, CorrectionDecided)
    assert (decided.subject, decided.approved) == ("olga", True)
    [order] = terminal.obey()
    assert (order.copy_id, order.stop_loss) == (copy.copy_id, lots("1.05"))
    again = decide(world, proposal)
    assert isinstance(again, Refusal)
    assert (again.status, again.code) == (404, "proposal_unknown")


def test_a_rejected_proposal_is_not_made_again_while_its_ground_stays(world: World) -> None:
    terminal, copy, proposal = drifted(world)
    answer = decide(world, proposal, approve=False)
    assert isinstance(answer, Decision)
    assert answer.answer["status"] == "rejected"
    for _ in range(3):
        world.later(6)
        terminal.show()
    assert proposals(world, terminal.account) == []
    terminal.change(copy, stop_loss=lots("1.05"))
    terminal.show()
    terminal.change(copy, stop_loss=None)
    world.later(6)
    terminal.show_twice()
    assert len(proposals(world, terminal.account)) == 1
    assert len({p.proposal for p in proposed(world)}) == 2


def test_a_proposal_whose_ground_has_gone_is_withdrawn_by_itself(world: World) -> None:
    terminal, copy, _ = drifted(world)
    terminal.change(copy, stop_loss=lots("1.05"))
    terminal.show()
    assert proposals(world, terminal.account) == []
    assert any(isinstance(event, CorrectionWithdrawn) for event in world.history)


def test_a_proposal_about_a_copy_that_its_leader_closes_is_withdrawn_as_time_passes(world: World) -> None:
    terminal, copy, proposal = drifted(world)
    world.send(SignalAction.CLOSE, copy.position_ref)
    answer = decide(world, proposal)
    assert isinstance(answer, Decision)
    assert answer.answer["status"] == "withdrawn"
    assert [order.action for order in terminal.obey()] == [OrderAction.CLOSE]


def test_a_tick_withdraws_what_lost_its_ground(world: World) -> None:
    terminal, copy, _ = drifted(world)
    world.send(SignalAction.CLOSE, copy.position_ref)
    world.tick()
    assert proposals(world, terminal.account) == []


def test_closes_that_the_leader_asked_for_never_wait(world: World) -> None:
    terminal, [copy, *_] = scene(world)
    del world.state.accounts[LEADER].leading.positions[copy.position_ref]
    terminal.show_twice()
    assert [order.action for order in terminal.obey()] == [OrderAction.CLOSE]


def test_each_kind_of_correction_waits_where_approval_is_asked_for(world: World) -> None:
    terminal, copies = scene(world, trades=9, manual_close=ManualClose.REOPEN)
    terminal.change(copies[0], volume=lots(2))
    terminal.change(copies[1], volume=lots("0.5"))
    terminal.change(copies[2], take_profit=lots("1.5"))
    terminal.close_by_hand(copies[3])
    terminal.silent_deals = True
    terminal.close_by_hand(copies[4])
    terminal.show_twice()
    assert world.outbox(terminal.account) == []
    waiting = {p.kind: p for p in proposals(world, terminal.account)}
    assert set(waiting) == {
        ProposalKind.LARGER,
        ProposalKind.SMALLER,
        ProposalKind.STOPS,
        ProposalKind.REOPEN,
        ProposalKind.GONE,
    }
    assert waiting[ProposalKind.GONE].settlement is not None
    assert waiting[ProposalKind.SMALLER].settlement is not None
    assert waiting[ProposalKind.REOPEN].order is not None
    terminal.silent_deals = False
    for proposal in waiting.values():
        assert isinstance(decide(world, proposal), Decision)
        terminal.obey()
    volumes = sorted(held.volume for held in terminal.positions.values())
    assert volumes == [lots("0.5"), *[lots(1)] * 7]
    world.later(6)
    terminal.show_twice()
    assert proposals(world, terminal.account) == []


def test_alerting_wins_over_asking(world: World) -> None:
    terminal, [copy, *_] = scene(world, on_drift=OnDrift.ALERT)
    terminal.change(copy, stop_loss=None)
    terminal.show_twice()
    assert proposals(world, terminal.account) == []


# -- too much at once --------------------------------------------------------------------------------------------------


def open_incidents(world: World, account: AccountId) -> list[str]:
    return [incident.kind for incident in world.state.accounts[account].incidents.values()]


def test_an_empty_book_becomes_one_proposal_for_each_copy(world: World) -> None:
    terminal, copies = scene(world, corrections=Corrections.AUTO)
    kept = dict(terminal.positions)
    terminal.positions.clear()
    terminal.show_twice()
    assert open_incidents(world, terminal.account) == ["reconciliation_stopped"]
    assert {p.copy_id for p in proposals(world, terminal.account)} == {copy.copy_id for copy in copies}
    terminal.positions.update(kept)  # the terminal had only been loading
    terminal.show()
    assert proposals(world, terminal.account) == []
    assert open_incidents(world, terminal.account) == []
    assert all(copy.live for copy in copies)


def test_approving_what_an_empty_book_says_settles_the_copies(world: World) -> None:
    terminal, copies = scene(world, corrections=Corrections.AUTO)
    terminal.positions.clear()
    terminal.show_twice()
    for proposal in proposals(world, terminal.account):
        decide(world, proposal)
    assert not any(copy.live for copy in copies)
    world.later(6)
    terminal.show()
    assert open_incidents(world, terminal.account) == []


def test_an_empty_leaders_book_closes_what_an_operator_lets_it_close(world: World) -> None:
    terminal, _ = scene(world, corrections=Corrections.AUTO)
    for _ in range(2):
        world.snapshot(LEADER)
        world.later(6)
    assert world.outbox(terminal.account) == []
    waiting = proposals(world, LEADER)
    assert [p.kind for p in waiting] == [ProposalKind.HEAL] * 3
    assert isinstance(decide(world, waiting[0]), Decision)
    assert [order.action for order in terminal.obey()] == [OrderAction.CLOSE]
    held = [world.held(502, stop_loss=lots("1.05")), world.held(503, stop_loss=lots("1.05"))]
    world.snapshot(LEADER, *held)
    assert proposals(world, LEADER) == []
    assert open_incidents(world, LEADER) == []
    assert len(terminal.positions) == 2


def test_more_than_five_corrections_at_once_ask_first(world: World) -> None:
    terminal, copies = scene(world, trades=6, corrections=Corrections.AUTO)
    for copy in copies:
        terminal.change(copy, stop_loss=None)
    terminal.show_twice()
    assert world.outbox(terminal.account) == []
    assert len(proposals(world, terminal.account)) == 6


def test_a_proposal_of_another_account_is_unknown(world: World) -> None:
    _, _, proposal = drifted(world)
    answer = decide(world, proposal, account=LEADER)
    assert isinstance(answer, Refusal)
    assert answer.status == 404
