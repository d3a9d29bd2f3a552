"""From many measurements to the few figures that are reported."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil


def quantile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least `share` of all samples do not exceed. Raises ValueError without samples."""
    if not samples:
        raise ValueError("there is no quantile of nothing")
    return sorted(samples)[max(0, ceil(share * len(samples)) - 1)]


def median(samples: Sequence[float]) -> float:
    return quantile(samples, 0.5)


def blocks(samples: Sequence[float], count: int) -> list[Sequence[float]]:
    """Consecutive parts of nearly equal size, none of them empty."""
    count = max(1, min(count, len(samples)))
    edges = [len(samples) * number // count for number in range(count + 1)]
    return [samples[start:end] for start, end in pairwise(edges)]
