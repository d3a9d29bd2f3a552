"""What the gate of features keeps from the engine, and that it keeps nothing else."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from kopitra.application.feature_gate import FeatureGate
from kopitra.application.features import DEFERRED_REPLAY
from kopitra.application.ports.feature_flags import AsDeclared, Flag
from kopitra.application.submission import Outcome, Taken
from kopitra.domain.identifiers import AccountId, JournalId, ProposalId, TenantId
from kopitra.machine.commands import Command, DecideProposal, Tick
from kopitra.machine.events import Proposal, ProposalKind
from kopitra.machine.outcome import Refusal
from kopitra.machine.state import Account, State

ACCOUNT = AccountId("follower-0")
MISSED, GONE = ProposalId("p-missed"), ProposalId("p-gone")


class Off(AsDeclared):
    def enabled(self, flag: Flag) -> bool:
        return flag is not DEFERRED_REPLAY


class Engine:
    """Takes everything, and notes what it was given and what it was asked to remember."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.taken: list[Command] = []
        self.remembered: list[Sequence[Outcome]] = []

    async def submit(self, commands: Iterable[Command], **options: Any) -> tuple[Outcome, ...]:
        wanted = list(commands)
        self.taken += wanted
        outcomes = tuple(Taken(1, 1, True, {}) for _ in wanted)
        if options["remember"] is not None:
            options["remember"](outcomes)
        return outcomes


@pytest.fixture
def engine() -> Engine:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    account = Account(account=ACCOUNT, tenant=TenantId("acme"), revision=1)
    for name, kind in ((MISSED, ProposalKind.REPLAY), (GONE, ProposalKind.GONE)):
        account.proposals[name] = Proposal(
            proposal=name, account=ACCOUNT, kind=kind, ground="g", cause="c", at=at
        )
    state = State(journal_id=JournalId("j"), shard="main")
    state.accounts[ACCOUNT] = account
    return Engine(state)


def decide(proposal: ProposalId, *, approve: bool) -> DecideProposal:
    return DecideProposal(account=ACCOUNT, proposal=proposal, approve=approve, subject="olga")


async def test_only_the_approval_of_a_replay_is_refused_and_every_answer_is_in_its_place(engine: Engine):
    gate: Any = FeatureGate(engine, Off())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    wanted = [
        decide(GONE, approve=True),
        decide(MISSED, approve=True),
        decide(MISSED, approve=False),
        decide(ProposalId("p-unknown"), approve=True),
        Tick(),
    ]
    outcomes = await gate.submit(wanted, remember=engine.remembered.append)
    assert [isinstance(outcome, Refusal) for outcome in outcomes] == [False, True, False, False, False]
    assert outcomes[1].code == "feature_disabled"
    assert engine.taken == [command for number, command in enumerate(wanted) if number != 1]
    assert engine.remembered == [outcomes]


async def test_what_is_on_passes_whole(engine: Engine):
    gate: Any = FeatureGate(engine, AsDeclared())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    [outcome] = await gate.submit([decide(MISSED, approve=True)])
    assert isinstance(outcome, Taken)
