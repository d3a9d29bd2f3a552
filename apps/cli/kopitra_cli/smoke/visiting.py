"""The visit from step to step: how long each took, and where it ended."""

from dataclasses import dataclass

from kopitra.application.ports.timing import Clock, Sleeper
from kopitra_cli.smoke.steps import Visit
from kopitra_cli.smoke.visitor import StepFailed

PAUSE_SECONDS = 2.0
"""Between two looks at whether it serves yet."""


@dataclass(frozen=True)
class Outcome:
    """`milliseconds`: of the last attempt; None for a step that was not reached."""

    step: str
    passed: bool
    told: str
    milliseconds: float | None = None


async def visit(plan: Visit, clock: Clock, sleeper: Sleeper, *, patience: float = 0) -> list[Outcome]:
    """The first failure ends it, and the lease is given back. `patience`: seconds within which it must serve."""
    outcomes: list[Outcome] = []
    steps = plan.steps()
    await _until_it_serves(plan, clock, sleeper, patience)
    for name, step in steps.items():
        began = clock.monotonic()
        try:
            told, passed = await step(), True
        except StepFailed as failure:
            told, passed = str(failure), False
        outcomes.append(Outcome(name, passed, told, (clock.monotonic() - began) * 1000))
        if not passed:
            break
    await plan.leave()
    outcomes += [Outcome(name, False, "not tried") for name in list(steps)[len(outcomes) :]]
    return outcomes


async def _until_it_serves(plan: Visit, clock: Clock, sleeper: Sleeper, patience: float) -> None:
    ends = clock.monotonic() + patience
    while clock.monotonic() < ends:
        try:
            await plan.health()
        except StepFailed:
            await sleeper.sleep(PAUSE_SECONDS)
        else:
            return
