"""A long run keeps its counts, goes on after a violation, and can be cut off and continued."""

from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

import pytest

from tests.simulation import batch
from tests.simulation.batch import MOST_FAILED, simulate
from tests.simulation.requirements import FAULTS, RARE_FROM_SEEDS
from tests.simulation.running import Outcome
from tests.simulation.tally import SEEDS_AT_LEAST, Report, keep, kept

ASKED = range(1, 31)


def outcome(seed: int, *, failed: bool, leader_events: int) -> Outcome:
    return Outcome(
        seed=seed,
        violations=[("one_writer", f"of seed {seed}")] if failed else [],
        coverage={"faults": dict.fromkeys(FAULTS, 1), "moves": {"open": seed}},
        trace_hash="",
        state_hash="",
        accounts=4,
        leader_events=leader_events,
        faults=20,
        virtual_seconds=1.0,
        cpu_seconds=0.5,
    )


def plays(
    monkeypatch: pytest.MonkeyPatch,
    *,
    failing: Iterable[int] = (),
    cut_off_at: int = 0,
    leader_events: int = 120,
) -> list[int]:
    """What the next runs play comes from here; the seeds that were played."""
    played: list[int] = []

    def outcomes(seeds: Sequence[int], workers: int) -> Generator[Outcome]:
        for seed in seeds:
            if seed == cut_off_at:
                raise KeyboardInterrupt
            played.append(seed)
            yield outcome(seed, failed=seed in failing, leader_events=leader_events)

    monkeypatch.setattr(batch, "outcomes", outcomes)
    return played


def told(_: Report) -> None:
    pass


def test_a_run_that_was_cut_off_and_continued_counts_what_a_whole_one_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    plays(monkeypatch, failing=[3])
    whole = simulate(ASKED, 1, told)
    plays(monkeypatch, failing=[3], cut_off_at=20)
    half = simulate(ASKED, 1, lambda report: keep(report, file))
    assert (half.whole, half.seeds) == (False, 19)
    played = plays(monkeypatch)
    again = simulate(ASKED, 1, told, kept(ASKED, file))
    assert played == list(range(20, 31))
    assert (again.coverage, again.failed, again.seeds) == (whole.coverage, whole.failed, whole.seeds)
    assert again.cpu_seconds_per_seed == whole.cpu_seconds_per_seed


def test_what_is_kept_of_other_seeds_is_not_continued(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    plays(monkeypatch)
    simulate(ASKED, 1, lambda report: keep(report, file))
    assert kept(range(2, 32), file) is None
    assert kept(ASKED, tmp_path / "none.json") is None


def test_a_run_goes_on_after_a_violation_and_ends_after_ten_failing_seeds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    played = plays(monkeypatch, failing=range(5, 31))
    report = simulate(ASKED, 1, told)
    assert len(report.failed) == MOST_FAILED
    assert played[-1] == 5 + MOST_FAILED - 1
    assert not report.passed
    assert "make simulate SEEDS=1 START=7" in capsys.readouterr().out


def test_a_run_that_was_cut_off_never_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    plays(monkeypatch, cut_off_at=9)
    report = simulate(ASKED, 1, told)
    assert not report.failed
    assert not report.passed


def test_a_seed_with_too_little_in_it_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    plays(monkeypatch, leader_events=99)
    report = simulate(range(1, 2), 1, told)
    assert report.thin == {1: "99 leader events, at least 100"}
    assert not report.passed


@pytest.mark.parametrize("seeds", [SEEDS_AT_LEAST - 1, SEEDS_AT_LEAST, RARE_FROM_SEEDS])
def test_what_was_never_exercised_fails_a_run_of_a_hundred_seeds(
    monkeypatch: pytest.MonkeyPatch, seeds: int
) -> None:
    plays(monkeypatch)
    missing = simulate(range(1, seeds + 1), 1, told).never_exercised
    assert ("moves: close" in missing) == (seeds >= SEEDS_AT_LEAST)
    assert ("transitions: event orphan.closed" in missing) == (seeds >= RARE_FROM_SEEDS)
    assert not any(name.startswith("faults") for name in missing)
