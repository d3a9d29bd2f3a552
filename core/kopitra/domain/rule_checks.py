"""What is wrong with a subscription's settings, said so that its owner can repair them."""

from decimal import Decimal

import msgspec

from kopitra.domain.expressions import Mistake, parse
from kopitra.domain.quantities import ONE, ZERO
from kopitra.domain.rules import CopyRules
from kopitra.domain.schedules import schedule_problem
from kopitra.domain.sizing_modes import MODES, ByExpression, FixedLeverage, FixedRisk, FixedVolume

MAX_OPEN_TTL_SECONDS = 24 * 60 * 60
"""Replaying older intents needs an operator's approval, not a setting."""
MIN_SILENCE_SECONDS = 30
"""A poll may be parked for 25 s: less would take a quiet leader for a silent one."""
MAX_SILENCE_SECONDS = 7 * 24 * 60 * 60
MOST_WINDOWS = 50
"""Seven days with several sessions each; all are looked at for every open."""
MOST_MAGICS = 1_000


class Problem(msgspec.Struct, frozen=True):
    """`path` is the setting's, in the wire's spelling ("sizing.volume")."""

    path: str
    message: str


def read_rules(raw: object) -> CopyRules | list[Problem]:
    """Settings as decoded JSON or YAML, checked: the rules, or every problem (only the first if a type is wrong)."""
    try:
        rules = msgspec.convert(raw, CopyRules, strict=True)
    except msgspec.ValidationError as refusal:
        return [as_problem(str(refusal))]
    return validate(rules) or rules


def validate(rules: CopyRules) -> list[Problem]:
    """Every problem with the values; none: the rules can be used."""
    return [
        *_volume_problems(rules),
        *_symbol_problems(rules),
        *_filter_problems(rules),
        *_freshness_problems(rules),
        *_silence_problems(rules),
    ]


def _volume_problems(rules: CopyRules) -> list[Problem]:
    problems = [*_must_be("multiplier", rules.multiplier, above_zero=True)]
    problems += _sizing_problems(rules)
    problems += _must_be("minVolume", rules.min_volume, above_zero=False)
    if rules.max_volume is not None:
        problems += _must_be("maxVolume", rules.max_volume, above_zero=True)
        if not problems and rules.max_volume < rules.min_volume:
            problems.append(Problem("maxVolume", f"must not be below minVolume ({rules.min_volume})"))
    most = rules.max_risk_multiple
    if most is not None and (not most.is_finite() or most < ONE):
        problems.append(Problem("maxRiskMultiple", "must be a number from 1"))
    return problems


def _sizing_problems(rules: CopyRules) -> list[Problem]:
    sizing = rules.sizing
    match sizing:
        case FixedVolume():
            return _must_be("sizing.volume", sizing.volume, above_zero=True)
        case FixedLeverage():
            return _must_be("sizing.leverage", sizing.leverage, above_zero=True)
        case FixedRisk():
            problems = _must_be("sizing.fraction", sizing.fraction, above_zero=True)
            if not problems and sizing.fraction > ONE:
                problems = [Problem("sizing.fraction", "must not be above 1, which is everything")]
            if not rules.copy_stop_loss:
                problems.append(Problem("copyStopLoss", "fixed_risk needs the copy's own stop loss"))
            return problems
        case ByExpression():
            read = parse(sizing.expression)
            return [Problem("sizing.expression", str(read))] if isinstance(read, Mistake) else []
        case _:
            return []


def _symbol_problems(rules: CopyRules) -> list[Problem]:
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for ours, theirs in rules.symbols.items():
        path = f"symbols.{ours}"
        if not ours.strip() or not theirs.strip():
            problems.append(Problem(path, "a symbol's name must not be empty"))
        other = seen.setdefault(ours.casefold(), ours)
        if other != ours:
            problems.append(Problem(path, f"differs from {other} only by case"))
    included = {name.casefold() for name in rules.include_symbols}
    for index, name in enumerate(rules.exclude_symbols):
        if name.casefold() in included:
            problems.append(Problem(f"excludeSymbols[{index}]", f"{name} is also included"))
    return problems


def _filter_problems(rules: CopyRules) -> list[Problem]:
    problems: list[Problem] = []
    for path, magics in (("includeMagics", rules.include_magics), ("excludeMagics", rules.exclude_magics)):
        if len(magics) > MOST_MAGICS:
            problems.append(Problem(path, f"must not name more than {MOST_MAGICS}"))
    included = frozenset(rules.include_magics)
    for index, magic in enumerate(rules.exclude_magics):
        if magic in included:
            problems.append(Problem(f"excludeMagics[{index}]", f"{magic} is also included"))
    if rules.max_stop_distance is not None:
        problems += _must_be("maxStopDistance", rules.max_stop_distance, above_zero=True)
    if len(rules.schedule) > MOST_WINDOWS:
        problems.append(Problem("schedule", f"must not have more than {MOST_WINDOWS} windows"))
    for index, window in enumerate(rules.schedule[:MOST_WINDOWS]):
        wrong = schedule_problem(window)
        if wrong is not None:
            problems.append(Problem(f"schedule[{index}].{wrong[0]}", wrong[1]))
    return problems


def _freshness_problems(rules: CopyRules) -> list[Problem]:
    problems: list[Problem] = []
    if not 0 < rules.open_ttl_seconds <= MAX_OPEN_TTL_SECONDS:
        problems.append(Problem("openTtlSeconds", f"must be from 1 to {MAX_OPEN_TTL_SECONDS}"))
    for path, value in (("maxDrift", rules.max_drift), ("maxDeviation", rules.max_deviation)):
        if value is not None:
            problems += _must_be(path, value, above_zero=False)
    if not 0 <= rules.delay_seconds < max(rules.open_ttl_seconds, 1):
        limit = f"from 0 to less than openTtlSeconds ({rules.open_ttl_seconds})"
        problems.append(Problem("delaySeconds", f"must be {limit}: a delayed open ages on"))
    return problems


def _silence_problems(rules: CopyRules) -> list[Problem]:
    problems: list[Problem] = []
    halts, closes = rules.leader_silence_seconds, rules.leader_silence_close_seconds
    if not MIN_SILENCE_SECONDS <= halts <= MAX_SILENCE_SECONDS:
        limits = f"must be from {MIN_SILENCE_SECONDS} to {MAX_SILENCE_SECONDS}"
        problems.append(Problem("leaderSilenceSeconds", limits))
    if closes is not None and not halts < closes <= MAX_SILENCE_SECONDS:
        limits = f"must be above leaderSilenceSeconds ({halts}) and at most {MAX_SILENCE_SECONDS}"
        problems.append(Problem("leaderSilenceCloseSeconds", limits))
    return problems


def _must_be(path: str, value: Decimal, *, above_zero: bool) -> list[Problem]:
    if not value.is_finite():
        return [Problem(path, "must be a number")]
    if value < ZERO or (above_zero and value == ZERO):
        return [Problem(path, "must be above zero" if above_zero else "must not be negative")]
    return []


def as_problem(refusal: str) -> Problem:
    message, _, where = refusal.partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    if path == "sizing.mode":
        message = f"{message}; known are {', '.join(sorted(MODES.values()))}"
    return Problem(path, message)
