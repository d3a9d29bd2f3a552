"""Sessions that wait for an operator's word: asked for, given after a while, and always given in the end."""

from typing import TYPE_CHECKING

from kopitra.application.management import ManagementPlane
from kopitra.domain.identifiers import AccountId
from kopitra.machine.state import Account
from kopitra.simulation.draws import SeededDraws
from tests.simulation.scenario.ingredients import Kind, Step, ingredient
from tests.simulation.scenario.managing import OPERATOR, managed

if TYPE_CHECKING:
    from tests.simulation.stage.world import World

PENDING_MS = (200, 12_000)
AGAIN_SECONDS = 2.0


@ingredient(Kind.OPERATOR, "approval_asked", 8)
async def approval_asked(world: "World", step: Step, draws: SeededDraws) -> None:
    """An account's device loses its approval; its next session gets no trades before an operator approves it."""
    await world.publish_account(step.who, requiresApproval=True)
    await world.commands.send([world.operation("session.forceRelease", {}, step.who)])
    for _ in range(draws.between(1, 3)):
        await world.time.sleep(draws.between(*PENDING_MS) / 1000)
        await _approve(world, step.who, by_queue=draws.chance(500))
    await world.publish_account(step.who)
    while world.commands.waiting or _waits(_account(world, step.who)):
        await world.time.sleep(AGAIN_SECONDS)
        if not world.commands.waiting and _account(world, step.who).requires_approval:
            await world.publish_account(step.who)  # the one before is a dead letter
        await _approve(world, step.who, by_queue=True)


def _account(world: "World", name: str) -> Account:
    return world.watch.facts.shadow.accounts[AccountId(name)]


def _waits(account: Account) -> bool:
    """Or may begin to wait, as long as approval is required."""
    return account.requires_approval or (account.session is not None and not account.session.approved)


async def _approve(world: "World", name: str, *, by_queue: bool) -> None:
    session = _account(world, name).session
    if session is None or session.approved:
        return
    if by_queue:
        await world.commands.send([world.operation("session.approve", {}, name)])
        return

    async def ask(plane: ManagementPlane) -> object:
        return await plane.approve(OPERATOR, session.session)

    await managed(world, ask)
