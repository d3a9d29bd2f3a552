"""Corrections that wait for an operator: which settings ask for them, and how they are decided."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kopitra.application.management import ManagementPlane
from kopitra.machine.events import Proposal, ProposalKind
from kopitra.protocol.management import ProposalDecision
from kopitra.simulation.draws import SeededDraws
from tests.simulation.scenario.ingredients import Kind, Step, ingredient
from tests.simulation.scenario.managing import OPERATOR, managed

if TYPE_CHECKING:
    from tests.simulation.stage.world import World

APPROVED_PER_MILLE = 200
REPLAYED_PER_MILLE = 200
MOST = 50
LATE_MS = (0, 30_000)
MAY_BE_REFUSED = frozenset({ProposalKind.REOPEN, ProposalKind.ADOPT, ProposalKind.REPLAY})
"""Copies that there are not yet. Whatever else is proposed must be done for the books to agree."""


def asking(rules: dict[str, Any], draws: SeededDraws) -> dict[str, Any]:
    """Settings under which some corrections, or opens that came too late, wait for an operator."""
    found = dict(rules)
    if draws.chance(APPROVED_PER_MILLE):
        found["corrections"] = "approve"
    if draws.chance(REPLAYED_PER_MILLE):
        found["deferredReplay"] = True
    return found


@ingredient(Kind.OPERATOR, "corrections_decided", 10)
async def corrections_decided(world: "World", step: Step, draws: SeededDraws) -> None:
    """An operator looks several times at what waits, and decides all or some of it."""
    for _ in range(draws.between(1, 4)):
        await decide(world, lambda proposal: _word(proposal, draws), together=draws.chance(500))
        await world.time.sleep(draws.between(*LATE_MS) / 1000)


def _word(proposal: Proposal, draws: SeededDraws) -> bool | None:
    if draws.chance(200):
        return None
    return not (proposal.kind in MAY_BE_REFUSED and draws.chance(400))


async def decide_what_is_left(world: "World") -> None:
    """Faults over, an operator approves whatever keeps books from agreeing."""
    if any(account.proposals for account in world.watch.facts.shadow.accounts.values()):
        await decide(world, lambda p: None if p.kind in MAY_BE_REFUSED else True, together=False)


async def decide(world: "World", word: Callable[[Proposal], bool | None], *, together: bool) -> None:
    """One after the other, or all in one request; None leaves a proposal waiting."""

    async def look(plane: ManagementPlane) -> list[Proposal]:
        return plane.reconciliation(OPERATOR, None, "", MOST).proposals

    waiting: list[Proposal] = await managed(world, look) or []
    words = [(proposal.proposal, word(proposal)) for proposal in waiting]
    decisions = [ProposalDecision(proposal_id=p, approve=said) for p, said in words if said is not None]
    if together and decisions:
        await managed(world, lambda plane: plane.decide_all(OPERATOR, decisions))
        return
    for each in decisions:
        await managed(world, lambda plane, each=each: plane.decide(OPERATOR, each.proposal_id, each.approve))
