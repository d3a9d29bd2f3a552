"""Low file numbers, kept for what stands on select(): it takes none above 1,023, and a long run of tests opens more."""

import os

KEPT = 128
_kept: list[int] = []


def keep() -> None:
    """Take the lowest numbers that are free; again, as many as are missing."""
    while len(_kept) < KEPT:
        _kept.append(os.open(os.devnull, os.O_RDONLY))


def release() -> None:
    """Somebody needs them now."""
    while _kept:
        os.close(_kept.pop())
