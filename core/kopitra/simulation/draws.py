"""Random-looking choices that one seed determines, in every process and Python version alike.

Each draw hashes the seed, a path of names and a counter. Separate names never disturb one another: adding a draw for
the network leaves every broker's luck as it was, so a failing seed stays comparable after the scenario grew.
"""

from hashlib import blake2b
from typing import Protocol

WORD_BYTES = 8
"""64 bits a draw: for bounds below 2³² the bias of taking a remainder is under 2⁻³²."""
PER_MILLE = 1000


class Draws(Protocol):
    def below(self, bound: int) -> int:
        """A whole number from 0 to bound − 1 (bound ≥ 1)."""
        ...


def drawn(seed: int, path: str, counter: int) -> int:
    """The counter-th 64-bit word of the sequence that seed and path name."""
    return int.from_bytes(
        blake2b(f"{seed}/{path}/{counter}".encode(), digest_size=WORD_BYTES).digest(), "big"
    )


def drawn_between(seed: int, path: str, counter: int, bounds: tuple[int, int]) -> int:
    """A whole number within the bounds, both included."""
    low, high = bounds
    return low + drawn(seed, path, counter) % (high - low + 1)


class SeededDraws:
    """A named sequence of draws."""

    def __init__(self, seed: int, path: str = "") -> None:
        self._seed = seed
        self._path = path
        self._counter = 0

    def below(self, bound: int) -> int:
        self._counter += 1
        return drawn(self._seed, self._path, self._counter) % bound

    def chance(self, per_mille: int) -> bool:
        return self.below(PER_MILLE) < per_mille

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + self.below(high - low + 1)

    def named(self, name: str) -> "SeededDraws":
        """An independent sequence of its own."""
        return SeededDraws(self._seed, f"{self._path}/{name}")
