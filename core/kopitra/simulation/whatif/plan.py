"""What a what-if run is asked for: followers with their accounts, brokers and rules, and how the world between them is.

Names are those of settings files. Money in the account's currency, volumes in lots, spreads and slippage in points of
the symbol (10**-digits), latency in milliseconds. An unknown setting is refused, as in rules.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from kopitra.domain.guards import Guard, guard_problems, name_problems
from kopitra.domain.orders import MarginMode
from kopitra.domain.quantities import ZERO
from kopitra.domain.settings import NOTHING_SET, CopySettings, Effective, Layer, effective

DEFAULT_LATENCY_MS = 20
"""From the leader's deal to the follower's fill: the median that the platform shows between terminals of one city."""
DEFAULT_SPREAD_POINTS = 10
"""One pip of a five-digit pair: a usual spread."""
LONGEST_LATENCY_MS = 3_600_000
"""An hour; opens have gone stale long before."""
MOST_FOLLOWERS = 50
"""More than a report can show side by side."""
LARGEST_POINTS = 100_000
"""Of a spread, a slippage or a stops level: beyond every market."""
LARGEST_LEVERAGE = 10_000
CURRENCY_LETTERS = 3
LONGEST_NAME = 64
NO_SUMS = (
    "must be true: followers of a what-if run are compared side by side, so a limit on their sum means nothing; "
    "give each its own part of it"
)
RESERVED = frozenset({"leader", "followers", "all"})
"""Names that mean something else than a follower where quotes are given."""
PERCENT = 100
PER_MILLE = 1000


class _Setting(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    pass


class BrokerPlan(_Setting, frozen=True, kw_only=True):
    """One follower's broker. Symbols are named by the leader's names.

    `lot_step`, `min_volume`, `max_volume`: None means as at the leader's broker. `commission_per_lot` is charged on
    every deal, so twice for a round turn. `slippage_points`: how much worse than the quote a market order is filled,
    drawn evenly from [least, most]. `partial_fills_per_mille`: how many market orders in a thousand are filled in part.
    """

    platform: Literal["mt4", "mt5"] = "mt5"
    suffix: str = ""
    lot_step: Decimal | None = None
    min_volume: Decimal | None = None
    max_volume: Decimal | None = None
    spread_points: int | None = None
    """None: as quoted."""
    spreads: dict[str, int] = {}
    """Of single symbols, in points."""
    slippage_points: tuple[int, int] = (0, 0)
    partial_fills_per_mille: int = 0
    commission_per_lot: Decimal = ZERO
    swap_long_per_lot: Decimal = ZERO
    swap_short_per_lot: Decimal = ZERO
    mode: MarginMode = MarginMode.HEDGING
    leverage: int = 100
    stop_out_percent: Decimal | None = Decimal(50)
    """Margin level below which positions are closed; null: never."""
    stops_level: int = 0
    contract_sizes: dict[str, Decimal] = {}


class FollowerPlan(_Setting, frozen=True, kw_only=True):
    """`rules` win over the plan's. `latency_ms`: its own, where it differs from the others'. `drawdown_limit_percent`:
    a drawdown whose distance is shown over time, though no guard acts on it."""

    currency: str
    deposit: Decimal
    rules: CopySettings = NOTHING_SET
    guards: tuple[Guard, ...] = ()
    broker: BrokerPlan = BrokerPlan()
    latency_ms: int | None = None
    drawdown_limit_percent: Decimal | None = None


class LeaderPlan(_Setting, frozen=True, kw_only=True):
    """What the statement does not say about the leader's account, or says wrongly. `deposit`: money on it before the
    first event that the statement does not list."""

    currency: str | None = None
    deposit: Decimal = ZERO
    leverage: int | None = None
    contract_sizes: dict[str, Decimal] = {}


class WhatIfPlan(_Setting, frozen=True, kw_only=True):
    """`rules` and `guards` are every follower's. `spread_points`: between the bid and ask that are made of the
    statement's prices. `rates`: what one unit of a currency costs in another ("USDJPY": 108.5), where neither statement
    nor ticks tell."""

    followers: dict[str, FollowerPlan]
    rules: CopySettings = NOTHING_SET
    guards: tuple[Guard, ...] = ()
    leader: LeaderPlan = LeaderPlan()
    latency_ms: int = DEFAULT_LATENCY_MS
    spread_points: int = DEFAULT_SPREAD_POINTS
    rates: dict[str, Decimal] = {}


class PlanProblem(msgspec.Struct, frozen=True):
    """`path` is the setting's, in the file's spelling ("followers.small.deposit")."""

    path: str
    message: str


def rules_in_force(plan: WhatIfPlan, follower: FollowerPlan) -> Effective:
    """What applies to a follower, and which of the two layers each value comes from."""
    return effective(((Layer.PLATFORM, plan.rules), (Layer.SUBSCRIPTION, follower.rules)))


def problems_of(plan: WhatIfPlan) -> list[PlanProblem]:
    """Every problem with the values; none: the plan can be run."""
    problems = [
        *_within("latencyMs", plan.latency_ms, 0, LONGEST_LATENCY_MS),
        *_within("spreadPoints", plan.spread_points, 0, LARGEST_POINTS),
        *_positive("leader.contractSizes", plan.leader.contract_sizes),
        *_positive("rates", plan.rates),
        *(_currency("leader.currency", plan.leader.currency) if plan.leader.currency is not None else ()),
        *(() if plan.leader.deposit == ZERO else _above_zero("leader.deposit", plan.leader.deposit)),
        *_within("leader.leverage", plan.leader.leverage, 1, LARGEST_LEVERAGE),
    ]
    problems += _guards("guards", plan.guards, own=False)
    problems += [
        PlanProblem(f"rates.{pair}", "must name two currencies, like USDJPY")
        for pair in plan.rates
        if len(pair) != 2 * CURRENCY_LETTERS or not (pair.isalpha() and pair.isupper())
    ]
    if not 1 <= len(plan.followers) <= MOST_FOLLOWERS:
        problems.append(PlanProblem("followers", f"must be from 1 to {MOST_FOLLOWERS}"))
    for name, follower in plan.followers.items():
        problems += _of_follower(f"followers.{name}", follower)
        problems += _of_rules(f"followers.{name}", rules_in_force(plan, follower))
    return list(dict.fromkeys(problems))


def _of_follower(path: str, follower: FollowerPlan) -> list[PlanProblem]:
    problems = [
        *_name(path),
        *_currency(f"{path}.currency", follower.currency),
        *_above_zero(f"{path}.deposit", follower.deposit),
        *_within(f"{path}.latencyMs", follower.latency_ms, 0, LONGEST_LATENCY_MS),
        *_of_broker(f"{path}.broker", follower.broker),
        *_guards(f"{path}.guards", follower.guards, own=True),
    ]
    limit = follower.drawdown_limit_percent
    if limit is not None and not (limit.is_finite() and ZERO < limit <= PERCENT):
        problems.append(PlanProblem(f"{path}.drawdownLimitPercent", f"must be above 0 and at most {PERCENT}"))
    return problems


def _of_rules(path: str, rules: Effective) -> list[PlanProblem]:
    """Told where the value stands: with the follower, or with what is everybody's."""
    problems: list[PlanProblem] = []
    for problem in rules.problems:
        shared = rules.origin(problem.path) is Layer.PLATFORM
        message = (
            "is set neither here nor in the rules of all" if problem.path == "sizing" else problem.message
        )
        problems.append(PlanProblem(f"{'' if shared else f'{path}.'}rules.{problem.path}", message))
    return problems


def _guards(path: str, guards: tuple[Guard, ...], *, own: bool) -> list[PlanProblem]:
    problems: list[PlanProblem] = []
    for index, guard in enumerate(guards):
        problems += [
            PlanProblem(f"{path}[{index}].{problem.path}", problem.message)
            for problem in guard_problems(guard, own=own)
        ]
        if not own and not guard.each:
            problems.append(PlanProblem(f"{path}[{index}].each", NO_SUMS))
    return [*problems, *(PlanProblem(path, problem.message) for problem in name_problems(guards))]


def _name(path: str) -> list[PlanProblem]:
    name = path.partition(".")[2]
    if name in RESERVED:
        return [PlanProblem(path, f"a follower cannot be called {name}")]
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable() or "=" in name:
        return [PlanProblem(path, f"a name has 1 to {LONGEST_NAME} printable characters, without =")]
    return []


def _of_broker(path: str, broker: BrokerPlan) -> list[PlanProblem]:
    least, most = broker.slippage_points
    problems = [
        *_within(f"{path}.spreadPoints", broker.spread_points, 0, LARGEST_POINTS),
        *_within(f"{path}.stopsLevel", broker.stops_level, 0, LARGEST_POINTS),
        *_within(f"{path}.partialFillsPerMille", broker.partial_fills_per_mille, 0, PER_MILLE),
        *_within(f"{path}.leverage", broker.leverage, 1, LARGEST_LEVERAGE),
        *_positive(f"{path}.contractSizes", broker.contract_sizes),
    ]
    for name, points in broker.spreads.items():
        problems += _within(f"{path}.spreads.{name}", points, 0, LARGEST_POINTS)
    if not 0 <= least <= most <= LARGEST_POINTS:
        problems.append(PlanProblem(f"{path}.slippagePoints", "must be [least, most], neither negative"))
    for name, value in (
        ("lotStep", broker.lot_step),
        ("minVolume", broker.min_volume),
        ("maxVolume", broker.max_volume),
        ("stopOutPercent", broker.stop_out_percent),
    ):
        problems += _above_zero(f"{path}.{name}", value)
    for name, value in (
        ("commissionPerLot", broker.commission_per_lot),
        ("swapLongPerLot", broker.swap_long_per_lot),
        ("swapShortPerLot", broker.swap_short_per_lot),
    ):
        if not value.is_finite():
            problems.append(PlanProblem(f"{path}.{name}", "must be a number"))
    if broker.commission_per_lot.is_finite() and broker.commission_per_lot < ZERO:
        problems.append(
            PlanProblem(f"{path}.commissionPerLot", "is what is charged: it must not be negative")
        )
    return problems


def _within(path: str, value: int | None, least: int, most: int) -> list[PlanProblem]:
    if value is None or least <= value <= most:
        return []
    return [PlanProblem(path, f"must be from {least} to {most}")]


def _above_zero(path: str, value: Decimal | None) -> list[PlanProblem]:
    if value is None or (value.is_finite() and value > ZERO):
        return []
    return [PlanProblem(path, "must be above zero")]


def _positive(path: str, values: dict[str, Decimal]) -> list[PlanProblem]:
    return [problem for name, value in values.items() for problem in _above_zero(f"{path}.{name}", value)]


def _currency(path: str, value: str) -> list[PlanProblem]:
    if len(value) == CURRENCY_LETTERS and value.isalpha() and value.isupper():
        return []
    return [PlanProblem(path, "must be a currency's three capital letters, like USD")]
