"""The fewest steps of a failing scenario that still violate one of the same invariants: greedy, within a time."""

import time
from collections.abc import Sequence

from tests.simulation.running import Outcome, run
from tests.simulation.scenario.drawing import drawn_scenario
from tests.simulation.scenario.ingredients import Step


def shrunk(seed: int, seconds: float) -> tuple[Outcome, tuple[Step, ...], int]:
    """The last failing run with its trace, its steps, and how many runs were tried. Raises ValueError for a seed that
    does not fail."""
    scenario = drawn_scenario(seed)
    first = run(scenario)
    if not first.failed:
        raise ValueError(f"seed {seed} violates nothing")
    wanted = {name for name, _ in first.violations}
    ends = time.monotonic() + seconds
    steps, tries = tuple(scenario.steps), 1

    def fails(fewer: Sequence[Step]) -> bool:
        nonlocal tries
        tries += 1
        try:
            outcome = run(scenario, steps=fewer)
        except Exception:  # noqa: BLE001  # a scenario that lost its footing is no smaller example
            return False
        return bool(wanted & {name for name, _ in outcome.violations})

    size = len(steps) // 2
    while size >= 1 and time.monotonic() < ends:
        at, shorter = 0, False
        while at < len(steps) and time.monotonic() < ends:
            fewer = steps[:at] + steps[at + size :]
            if fewer and fails(fewer):
                steps, shorter = fewer, True
            else:
                at += size
        if not shorter or size > 1:
            size //= 2
    return run(scenario, keep_trace=True, steps=steps), steps, tries
