"""What many seeds came to, kept on disk while they are played: a run that is cut off loses a few seconds of it."""

import time
from pathlib import Path

import msgspec

from tests.simulation.requirements import never_exercised
from tests.simulation.running import Outcome
from tests.simulation.stage.coverage import Coverage

REPORT = Path("build/simulate.json")
SEEDS_AT_LEAST = 100
"""Fewer seeds than this need not exercise everything."""
LEAST_ACCOUNTS, LEAST_LEADER_EVENTS, LEAST_FAULTS = 4, 100, 10
"""What each seed must have, so that none passes for want of trouble."""


class Report(msgspec.Struct, kw_only=True):
    """What `build/simulate.json` holds."""

    asked: int = 0
    seeds: int
    """Played: those from `start` on, without a gap."""
    start: int
    workers: int
    seconds: float
    seeds_per_second: float
    cpu_seconds_per_seed: float
    failed: dict[int, list[tuple[str, str]]]
    thin: dict[int, str]
    """Seeds with too little in them, and what."""
    never_exercised: list[str]
    coverage: dict[str, dict[str, int]]

    @property
    def passed(self) -> bool:
        return self.whole and not (self.failed or self.thin or self.never_exercised)

    @property
    def whole(self) -> bool:
        return self.seeds >= self.asked


class Tally:
    """Takes outcomes in the order of their seeds; goes on where `before` was cut off."""

    def __init__(self, asked: range, workers: int, before: Report | None = None) -> None:
        self._asked = asked
        self._workers = workers
        self._coverage = Coverage()
        self._began = time.monotonic()
        self.seeds, self._cpu = 0, 0.0
        self.failed: dict[int, list[tuple[str, str]]] = {}
        self._thin: dict[int, str] = {}
        if before is not None:
            self._began -= before.seconds
            self.seeds = before.seeds
            self._cpu = before.cpu_seconds_per_seed * before.seeds
            self.failed.update(before.failed)
            self._thin.update(before.thin)
            self._coverage.add(before.coverage)

    @property
    def left(self) -> range:
        return self._asked[self.seeds :]

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self._cpu += outcome.cpu_seconds
        self._coverage.add(outcome.coverage)
        if outcome.failed:
            self.failed[outcome.seed] = outcome.violations
        elif lack := lacking(outcome):
            self._thin[outcome.seed] = lack

    def report(self) -> Report:
        seconds = max(time.monotonic() - self._began, 0.001)
        plain = self._coverage.plain()
        return Report(
            asked=len(self._asked),
            seeds=self.seeds,
            start=self._asked[0],
            workers=self._workers,
            seconds=round(seconds, 1),
            seeds_per_second=round(self.seeds / seconds, 2),
            cpu_seconds_per_seed=round(self._cpu / max(self.seeds, 1), 3),
            failed=dict(sorted(self.failed.items())),
            thin=dict(sorted(self._thin.items())),
            never_exercised=never_exercised(plain, self.seeds) if self.seeds >= SEEDS_AT_LEAST else [],
            coverage=plain,
        )


def lacking(outcome: Outcome) -> str:
    """What a seed has too little of; empty where it has enough."""
    wanted = (
        ("accounts", outcome.accounts, LEAST_ACCOUNTS),
        ("leader events", outcome.leader_events, LEAST_LEADER_EVENTS),
        ("faults", outcome.faults, LEAST_FAULTS),
    )
    return ", ".join(f"{count} {what}, at least {least}" for what, count, least in wanted if count < least)


def keep(report: Report, path: Path = REPORT) -> None:
    """Whoever reads meanwhile finds this one or the one before."""
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    draft.replace(path)


def kept(asked: range, path: Path = REPORT) -> Report | None:
    """The report of a run of the same seeds that was cut off; None where there is none."""
    if not path.exists():
        return None
    report = msgspec.json.decode(path.read_bytes(), type=Report)
    return report if (report.start, report.asked) == (asked[0], len(asked)) else None
