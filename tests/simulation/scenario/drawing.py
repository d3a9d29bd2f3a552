"""One seed, one scenario: the steps, when they happen, and whom they concern."""

from datetime import UTC, datetime

import msgspec

from kopitra.simulation.draws import SeededDraws
from tests.simulation.scenario import (
    approval_moves,
    correction_moves,
    faults,
    follower_moves,
    guarding_moves,
    leader_moves,
    management_moves,
    operator_moves,
)
from tests.simulation.scenario.cast import Cast, drawn_cast
from tests.simulation.scenario.ingredients import Kind, Step, drawn_from

TABLES = (
    faults,
    follower_moves,
    guarding_moves,
    leader_moves,
    operator_moves,
    management_moves,
    approval_moves,
    correction_moves,
)
"""Importing them fills the tables of ingredients; `requirements` imports this to be sure that they are."""
LEADER_STEPS = (150, 190)
TRADES = {
    **dict.fromkeys(("open", "open_bare", "close", "close_part", "close_to_last_step", "close_by"), 1),
    "burst": 3,
}
"""How many deals a leader's step makes at least, most times."""
TRADES_AT_LEAST = 100
"""A seed that drew few of them gets more steps; stops and resting orders that fill come on top."""
FAULT_STEPS = (16, 36)
FOLLOWER_STEPS = (4, 10)
OPERATOR_STEPS = (2, 6)
GUARDING_STEPS = (2, 5)
GUARDING_PER_MILLE = 450
"""Of all seeds: where a guard is hit little is opened from then on, so that the others are left without."""
SCATTERED = {
    Kind.FOLLOWER: FOLLOWER_STEPS,
    Kind.OPERATOR: OPERATOR_STEPS,
    Kind.GUARDING: GUARDING_STEPS,
}
GAPS_MS = ((0, 60, 500), (60, 900, 350), (900, 4_000, 120), (4_000, 12_000, 30))
"""Between two steps of a leader: from, to, and how many in a thousand are like that."""
MOST_HOPS = 12
"""Turns of the loop within one moment: about as many as a request takes from its arrival to its append."""
NEAR_MS = (0, 45)
"""Most faults fall shortly after a leader's step, when everything is on its way."""


MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
FRIDAY_EVENING = datetime(2026, 1, 9, 21, 59, tzinfo=UTC)
"""A minute before many markets close until Sunday, 22:00."""
WEEKENDS_PER_MILLE = 120


class Scenario(msgspec.Struct, frozen=True):
    seed: int
    begins: datetime
    cast: Cast
    steps: tuple[Step, ...]


def drawn_scenario(seed: int) -> Scenario:
    draws = SeededDraws(seed, "scenario")
    cast = drawn_cast(draws.named("cast"))
    leading = _leading(cast, draws.named("leading"))
    ends = leading[-1][0]
    steps = [(at, name, who, 0) for at, name, who in leading]
    steps += _scattered(Kind.FOLLOWER, cast.followers, ends, draws.named("following"))
    steps += _scattered(Kind.OPERATOR, cast.followers, ends, draws.named("operating"))
    if cast.chain is not None:
        steps += _scattered(Kind.FOLLOWER, (cast.chain.middle,), ends, draws.named("chain"))
    steps += _faults(cast, [at for at, _, _ in leading], draws.named("faults"))
    steps.sort(key=lambda step: step[0])
    steps += _guarding(cast, ends, draws.named("guarding"))
    numbered = [
        Step(number, round(at, 6), name, who, hops) for number, (at, name, who, hops) in enumerate(steps)
    ]
    numbered.sort(key=lambda step: step.at)
    begins = FRIDAY_EVENING if draws.named("begins").chance(WEEKENDS_PER_MILLE) else MONDAY
    return Scenario(seed, begins, cast, tuple(numbered))


def _leading(cast: Cast, draws: SeededDraws) -> list[tuple[float, str, str]]:
    at, trades = 0.0, 0
    steps: list[tuple[float, str, str]] = []
    number = draws.between(*LEADER_STEPS)
    while len(steps) < number or trades < TRADES_AT_LEAST:
        at += _gap(draws)
        who = cast.leaders[draws.below(len(cast.leaders))]
        name = drawn_from(Kind.LEADER, draws)
        trades += TRADES.get(name, 0)
        steps.append((at, name, who))
    return steps


def _gap(draws: SeededDraws) -> float:
    pick = draws.below(1000)
    for low, high, weight in GAPS_MS:
        pick -= weight
        if pick < 0:
            return draws.between(low, high) / 1000
    raise AssertionError("the weights sum up to a thousand")


def _scattered(
    kind: Kind, accounts: tuple[str, ...], ends: float, draws: SeededDraws
) -> list[tuple[float, str, str, int]]:
    return [
        (
            draws.between(0, int(ends * 1000)) / 1000,
            drawn_from(kind, draws),
            accounts[draws.below(len(accounts))],
            0,
        )
        for _ in range(draws.between(*SCATTERED[kind]))
    ]


def _guarding(cast: Cast, ends: float, draws: SeededDraws) -> list[tuple[float, str, str, int]]:
    """Numbered behind all others, whose draws stay what they are."""
    return _scattered(Kind.GUARDING, cast.followers, ends, draws) if draws.chance(GUARDING_PER_MILLE) else []


def _faults(cast: Cast, moments: list[float], draws: SeededDraws) -> list[tuple[float, str, str, int]]:
    everybody = cast.everybody
    found: list[tuple[float, str, str, int]] = []
    for _ in range(draws.between(*FAULT_STEPS)):
        at = moments[draws.below(len(moments))] + draws.between(*NEAR_MS) / 1000
        name = drawn_from(Kind.FAULT, draws)
        found.append((at, name, everybody[draws.below(len(everybody))], draws.below(MOST_HOPS + 1)))
    return found
