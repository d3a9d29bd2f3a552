"""`make simulate SEEDS=n START=m` runs each simulated story with every one of those seeds."""

import pytest

from tests.seeds import seeds_asked


def test_a_plain_run_takes_one_fixed_seed():
    assert list(seeds_asked({})) == [7]


def test_seeds_count_from_the_start():
    assert list(seeds_asked({"SEEDS": "3", "START": "100"})) == [100, 101, 102]


@pytest.mark.parametrize("variables", [{"SEEDS": "0"}, {"SEEDS": "many"}, {"START": "x"}])
def test_what_asks_for_no_seed_is_refused(variables: dict[str, str]):
    with pytest.raises(ValueError, match=r"seed|invalid literal"):
        seeds_asked(variables)


def test_a_test_that_takes_a_seed_runs_once_for_each(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
):
    pytester.makepyfile("def test_story(seed): assert seed in (4, 5)\ndef test_other(): ...")
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    monkeypatch.setenv("SEEDS", "2")
    monkeypatch.setenv("START", "4")
    pytester.runpytest_inprocess("-p", "tests.seeds").assert_outcomes(passed=3)
