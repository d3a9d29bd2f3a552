"""A test that takes `seed` runs once for each seed asked for: SEEDS of them from START on, as `make simulate` asks."""

import os
from collections.abc import Mapping

import pytest

FIRST = 7
"""The seed of a plain test run: always the same, so that it is red or green for everyone."""


def seeds_asked(variables: Mapping[str, str]) -> range:
    """Raises ValueError where a variable is no whole number or asks for no seed at all."""
    first, count = int(variables.get("START") or FIRST), int(variables.get("SEEDS") or 1)
    if count < 1:
        raise ValueError(f"SEEDS={count} asks for no seed")
    return range(first, first + count)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        seeds = seeds_asked(os.environ)
        metafunc.parametrize("seed", seeds, ids=[f"seed-{seed}" for seed in seeds])
