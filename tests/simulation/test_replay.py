"""A seed is one execution: byte for byte the same trace and the same state, whatever hashes the process draws."""

import os
import subprocess
import sys

import pytest

from tests.simulation.running import run_seed

SEEDS = (3, 4)
DRAWN = 100
ENTRIES = ("running", "batch", "planted.hunting")
"""Where a seed is played from; each imports the ingredients in an order of its own."""
CHILD = (
    "from tests.simulation.running import quieten, run_seed\n"
    "quieten()\n"
    "for seed in {seeds}:\n"
    "    outcome = run_seed(seed)\n"
    "    print(seed, outcome.trace_hash, outcome.state_hash)\n"
)
DRAWING = (
    "import tests.simulation.{entry}\n"
    "from tests.simulation.scenario.drawing import drawn_scenario\n"
    "for seed in range({seeds}):\n"
    "    print(drawn_scenario(seed))\n"
)


def hashes_of(hash_seed: str) -> str:
    """Traces and states as another process with this PYTHONHASHSEED makes them."""
    return told_by(CHILD.format(seeds=SEEDS), hash_seed)


def told_by(program: str, hash_seed: str) -> str:
    child = [sys.executable, "-c", program]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(child, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.timeout(200)
def test_traces_and_states_do_not_depend_on_the_processs_hashes() -> None:
    first, second = hashes_of("1"), hashes_of("2")
    assert first == second
    assert len(first.splitlines()) == len(SEEDS)


@pytest.mark.timeout(200)
def test_a_seed_is_the_same_wherever_it_is_played_from() -> None:
    first, *others = (told_by(DRAWING.format(entry=entry, seeds=DRAWN), "1") for entry in ENTRIES)
    assert len(first.splitlines()) == DRAWN
    assert others == [first] * len(others)


def test_a_seed_played_twice_in_one_process_is_the_same_to_the_byte() -> None:
    first, second = (run_seed(SEEDS[0], keep_trace=True) for _ in range(2))
    assert first.trace == second.trace
    assert first.state_hash == second.state_hash


def test_another_seed_is_another_execution() -> None:
    assert run_seed(SEEDS[0]).trace_hash != run_seed(SEEDS[1]).trace_hash
