"""Some seeds of the whole platform with everything that can go wrong: no invariant is violated, none has it easy."""

import os

import pytest

from tests.seeds import FIRST
from tests.simulation.batch import simulate

SEEDS = 60
"""As many as take about a minute on two cores; `make simulate` tries as many as one likes."""


@pytest.mark.timeout(400)
def test_no_seed_violates_an_invariant_and_each_has_enough_in_it() -> None:
    report = simulate(range(FIRST, FIRST + SEEDS), os.cpu_count() or 1, lambda so_far: None)
    assert not report.failed, f"again: make simulate SEEDS=1 START={min(report.failed)}"
    assert not report.thin
    assert report.seeds == SEEDS
