"""The simulation can fail: each planted defect is caught within fifty seeds, and each invariant is needed for one."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.simulation.invariants.all_of_them import REGISTRY
from tests.simulation.planted.all_of_them import BUGS
from tests.simulation.planted.hunting import WITHIN, Catch, hunt, recorded, violated_with
from tests.simulation.planted.registry import Layer
from tests.simulation.running import quieten
from tests.simulation.shrinking import shrunk

EXPECTED = {
    "an empty snapshot": "empty_snapshot_believed",
    "a stale snapshot": "stale_snapshot_believed",
    "a clock ten minutes wrong": "clock_of_the_leader_trusted",
    "a withdrawal read as a loss": "withdrawal_read_as_loss",
    "JPY to USD unconverted": "yen_taken_for_dollars",
    "one follower in two groups": "magic_shared",
    "two leaders on one netting symbol": "one_close_takes_the_whole_net",
    "a symbol remapped with an open copy": "symbol_follows_the_mapping",
    "a close refused over a weekend": "refused_close_dropped",
    "a silent leader": "silence_never_ends",
    "a deal event that comes twice": "doubled_deal_counted_twice",
}
"""The stories that such platforms are known for, and the defect that would be each."""
LEAST = 30
"""So many planted defects, over all layers."""
SHRINK_SECONDS = 10.0


def look(name: str) -> tuple[str, Catch]:
    """Where the record says; where it is no longer so (a scenario changed), wherever else it is caught."""
    known = recorded().get(name, Catch(0))
    found = violated_with(name, known.seed) if known.seed else ()
    alone = found
    if known.alone and known.alone_seed != known.seed:
        alone = violated_with(name, known.alone_seed)
    if found and (not known.alone or alone == (known.alone,)):
        return name, Catch(known.seed, found, known.alone_seed, known.alone)
    return hunt(name)


@pytest.fixture(scope="module")
def catches() -> Iterator[dict[str, Catch]]:
    with ProcessPoolExecutor(os.cpu_count() or 1, get_context("spawn"), quieten) as pool:
        yield dict(pool.map(look, BUGS))


@pytest.mark.timeout(600)
def test_every_planted_defect_is_caught_within_fifty_seeds(catches: dict[str, Catch]) -> None:
    assert len(catches) >= LEAST
    assert [name for name, catch in catches.items() if not 1 <= catch.seed <= WITHIN] == []


@pytest.mark.timeout(600)
def test_every_invariant_is_the_only_one_to_catch_some_defect(catches: dict[str, Catch]) -> None:
    assert sorted(set(REGISTRY) - {catch.alone for catch in catches.values()}) == []


def test_what_such_platforms_are_known_for_is_among_the_defects() -> None:
    assert set(EXPECTED.values()) <= set(BUGS)


def test_defects_are_planted_in_every_layer() -> None:
    assert {bug.layer for bug in BUGS.values()} == set(Layer)


@pytest.mark.timeout(120)
def test_a_failing_seed_is_shrunk_to_fewer_steps_that_fail_alike() -> None:
    name = "volume_halved"
    with BUGS[name].planted():
        outcome, steps, tries = shrunk(recorded()[name].seed, SHRINK_SECONDS)
    assert outcome.failed
    assert len(steps) < 20
    assert tries > 1
    assert any("VIOLATED" in line for line in outcome.trace or ())
