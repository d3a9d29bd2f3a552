"""Guards that ordinary trades reach, in every layer, and what operators do about those that were hit."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kopitra.application.guard_desk import GuardDesk
from kopitra.application.management import Asking
from kopitra.application.submission import Unavailable
from kopitra.domain.identifiers import AccountId, TenantId
from kopitra.domain.settings import SettingsScope
from kopitra.machine.outcome import Refusal
from kopitra.protocol.management_guards import GuardResetRequest
from kopitra.simulation.broker.faults import Fault, FaultKind
from kopitra.simulation.broker.operations import PlanFaults
from kopitra.simulation.draws import SeededDraws
from tests.simulation.platform import TENANT
from tests.simulation.scenario.guards import guard_layer
from tests.simulation.scenario.ingredients import Kind, Step, ingredient
from tests.simulation.scenario.leader_moves import one_of

if TYPE_CHECKING:
    from tests.simulation.stage.counterparties import Instance
    from tests.simulation.stage.world import World

ACTIONS = ("halt_opens", "close_only", "flatten")
LIMITS = (10, 30, 80, 200)
"""Dollars: a lot in a market that spikes loses some two hundred."""
PERIODS = ("day", "day", "week", "lifetime")
ENDS_SOON_PER_MILLE = 600
"""Periods of a day that end, and lift what was hit, while everything is on its way."""
STANDS_MS = (5_000, 40_000)
ANSWERED = frozenset({404, 409})
"""Of nobody's guard; and of an equity floor that equity is still below."""


@ingredient(Kind.GUARDING, "tight_guard", 12)
async def tight_guard(world: "World", step: Step, draws: SeededDraws) -> None:
    """A follower's own, in dollars whatever its account is in."""
    guard = _fall(world, draws, "tight")
    await guard_layer(world, "follower", step.who, guard)


@ingredient(Kind.GUARDING, "tight_floor", 4)
async def tight_floor(world: "World", step: Step, draws: SeededDraws) -> None:
    """Close below the present equity of one follower, or of all of them together."""
    if draws.chance(500):
        await guard_layer(world, "follower", step.who, _floor(world, draws, step.who))
    else:
        everybody = [name for name, party in world.parties.items() if party.role.follows]
        await guard_layer(world, "platform", TENANT, {**_floor(world, draws, *everybody), "each": False})


@ingredient(Kind.GUARDING, "group_guard", 8)
async def group_guard(world: "World", step: Step, draws: SeededDraws) -> None:
    """For each that follows in a group, or for the sum over them."""
    guard = _fall(world, draws, "group")
    group = one_of(sorted(world.groups), draws)
    await guard_layer(world, "group", group, {**guard, "each": draws.chance(300)})


@ingredient(Kind.GUARDING, "platform_guard", 6)
async def platform_guard(world: "World", step: Step, draws: SeededDraws) -> None:
    guard = _fall(world, draws, "platform")
    await guard_layer(world, "platform", TENANT, {**guard, "each": draws.chance(300)})


@ingredient(Kind.GUARDING, "guard_lifted", 10)
async def guard_lifted(world: "World", step: Step, draws: SeededDraws) -> None:
    """An operator resets a guard that was hit, wherever it was or for one account only; else any guard, or none."""
    if not _held(world):
        await world.moment("guard hit").comes()
    writer = world.counterparties.writer
    if writer is None or writer.process.frozen:
        return
    await asyncio.wait({writer.process.spawn(_reset(writer, _which(world, draws)))})


@ingredient(Kind.GUARDING, "flattened_in_flight", 6)
async def flattened_in_flight(world: "World", step: Step, draws: SeededDraws) -> None:
    """All is to be closed while an open is at the broker, which executes it without an answer."""
    if not await world.moment(f"trade of {step.who}").comes():
        return
    party = world.parties[step.who]
    if party.terminal.up:
        party.operate(PlanFaults, scripted=(Fault(kind=FaultKind.TIMEOUT_EXECUTED, answer_delay_ms=2_000),))
        await world.moment(f"trade of {step.who}").comes()
    where = {"scope": "follower", "target": step.who}
    halt = world.operation("trading.halt", {**where, "mode": "flatten"})
    resume_revision = world.next_revision()
    await world.commands.send([halt])
    await world.time.sleep(draws.between(*STANDS_MS) / 1000)
    await world.commands.send([world.operation("trading.resume", where, revision=resume_revision)])


def _fall(world: "World", draws: SeededDraws, name: str) -> dict[str, Any]:
    """A loss or a drawdown in dollars, with any action."""
    period = one_of(PERIODS, draws)
    ends = world.time.now() + timedelta(minutes=draws.between(1, 3))
    soon = period != "lifetime" and draws.chance(ENDS_SOON_PER_MILLE)
    return {
        "name": f"{name}-{draws.below(3)}",
        "kind": one_of(("loss", "trailing_drawdown"), draws),
        "limit": str(one_of(LIMITS, draws)),
        "unit": "money",
        "currency": "USD",
        "basis": one_of(("equity", "balance"), draws),
        "period": period,
        "action": one_of(ACTIONS, draws),
        **({"resetTime": f"{ends:%H:%M}", "resetBy": "period"} if soon else {}),
    }


def _floor(world: "World", draws: SeededDraws, *followers: str) -> dict[str, Any]:
    known = [(world.parties[name].results.equity, world.parties[name].terms.currency) for name in followers]
    worth = sum(int(world.market.dollars(equity, currency)) for equity, currency in known)
    return {
        "name": "near",
        "kind": "equity_floor",
        "limit": str(worth - one_of(LIMITS, draws)),
        "unit": "money",
        "currency": "USD",
        "action": one_of(ACTIONS, draws),
    }


def _held(world: "World") -> list[tuple[str, str, str, str | None]]:
    """Scope, target and name of every hit that stands, and the account, None for a sum."""
    state = world.watch.facts.shadow
    held: list[tuple[str, str, str, str | None]] = [
        (str(hold.scope), hold.target, hold.name, None) for hold in state.guard_holds.values()
    ]
    return held + [
        (str(hold.scope), hold.target, hold.name, str(account.account))
        for account in state.accounts.values()
        for hold in account.guard_holds.values()
    ]


def _which(world: "World", draws: SeededDraws) -> GuardResetRequest:
    held = _held(world)
    if held:
        scope, target, name, account = one_of(held, draws)
        alone = account if draws.chance(300) else None
    else:
        known = [(scope, target, name) for (scope, target), guards in world.guards.items() for name in guards]
        scope, target, name = one_of([*known, ("group", "nowhere", "none")], draws)
        alone = None
    return GuardResetRequest(
        scope=SettingsScope(scope), target=target, name=name, account=AccountId(alone) if alone else None
    )


async def _reset(writer: "Instance", request: GuardResetRequest) -> None:
    desk = GuardDesk(engine=writer.service.core.engine, clock=writer.service.ports.clock)
    try:
        answer = await desk.reset(Asking("operator", TenantId(TENANT)), request)
    except Unavailable:
        return  # whether it was done nobody knows: the operator looks again
    assert not isinstance(answer, Refusal) or answer.status in ANSWERED, answer
