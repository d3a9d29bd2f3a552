"""How often each value came: what adds up over hours and days, and gives percentiles that are percentiles."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import ceil

import msgspec

DIGITS = 3
"""Values keep so many significant digits: off by at most half a percent, and a few thousand different ones at most."""

Counts = Mapping[int, int]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Percentiles by nearest rank: each is a value that came, and that share of all values is at most so large."""

    number: int
    mean: int
    least: int
    p50: int
    p90: int
    p95: int
    p99: int
    most: int


def rounded(value: int) -> int:
    """To `DIGITS` significant digits, halves away from zero."""
    size = abs(value)
    unit: int = 10 ** max(0, len(str(size)) - DIGITS)
    near = (size + unit // 2) // unit * unit
    return near if value >= 0 else -near


def counted(values: Iterable[tuple[int, int]]) -> Counter[int]:
    """Values and how often each came, rounded."""
    found: Counter[int] = Counter()
    for value, number in values:
        found[rounded(value)] += number
    return found


def summary(counts: Counts) -> Summary:
    """Raises ValueError for nothing."""
    number = sum(counts.values())
    if not number:
        raise ValueError("nothing has no percentiles")
    ordered = sorted(counts.items())
    total = sum(value * times for value, times in ordered)
    return Summary(
        number=number,
        mean=round(total / number),
        least=ordered[0][0],
        p50=percentile(ordered, number, 50),
        p90=percentile(ordered, number, 90),
        p95=percentile(ordered, number, 95),
        p99=percentile(ordered, number, 99),
        most=ordered[-1][0],
    )


def percentile(ordered: Iterable[tuple[int, int]], number: int, percent: int) -> int:
    """The smallest value that `percent` of the `number` values do not exceed; `ordered`: values ascending, with how
    often each came. Raises ValueError where fewer came."""
    rank = max(1, ceil(number * percent / 100))
    passed = 0
    for value, times in ordered:
        passed += times
        if passed >= rank:
            return value
    raise ValueError(f"there are not {number} values")
