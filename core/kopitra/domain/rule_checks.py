"""What is wrong with a subscription's settings, said so that its owner can repair them."""

from decimal import Decimal

import msgspec

from kopitra.domain.quantities import ZERO
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_modes import MODES, FixedVolume

MAX_OPEN_TTL_SECONDS = 24 * 60 * 60
"""Replaying older intents needs an operator's approval, not a setting."""


class Problem(msgspec.Struct, frozen=True):
    """`path` is the setting's, in the wire's spelling ("sizing.volume")."""

    path: str
    message: str


def read_rules(raw: object) -> CopyRules | list[Problem]:
    """Settings as decoded JSON or YAML, checked: the rules, or every problem (only the first if a type is wrong)."""
    try:
        rules = msgspec.convert(raw, CopyRules, strict=True)
    except msgspec.ValidationError as refusal:
        return [_as_problem(str(refusal))]
    return validate(rules) or rules


def validate(rules: CopyRules) -> list[Problem]:
    """Every problem with the values; none: the rules can be used."""
    return [*_volume_problems(rules), *_symbol_problems(rules), *_freshness_problems(rules)]


def _volume_problems(rules: CopyRules) -> list[Problem]:
    problems = [*_must_be("multiplier", rules.multiplier, above_zero=True)]
    if isinstance(rules.sizing, FixedVolume):
        problems += _must_be("sizing.volume", rules.sizing.volume, above_zero=True)
    problems += _must_be("minVolume", rules.min_volume, above_zero=False)
    if rules.max_volume is not None:
        problems += _must_be("maxVolume", rules.max_volume, above_zero=True)
        if not problems and rules.max_volume < rules.min_volume:
            problems.append(Problem("maxVolume", f"must not be below minVolume ({rules.min_volume})"))
    return problems


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


def _freshness_problems(rules: CopyRules) -> list[Problem]:
    problems: list[Problem] = []
    if not 0 < rules.open_ttl_seconds <= MAX_OPEN_TTL_SECONDS:
        problems.append(Problem("openTtlSeconds", f"must be from 1 to {MAX_OPEN_TTL_SECONDS}"))
    for path, value in (("maxDrift", rules.max_drift), ("maxDeviation", rules.max_deviation)):
        if value is not None:
            problems += _must_be(path, value, above_zero=False)
    return problems


def _must_be(path: str, value: Decimal, *, above_zero: bool) -> list[Problem]:
    if not value.is_finite():
        return [Problem(path, "must be a number")]
    if value < ZERO or (above_zero and value == ZERO):
        return [Problem(path, "must be above zero" if above_zero else "must not be negative")]
    return []


def _as_problem(refusal: str) -> Problem:
    message, _, where = refusal.partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    if path == "sizing.mode":
        message = f"{message}; known are {', '.join(sorted(MODES.values()))}"
    return Problem(path, message)
