"""Many seeds in parallel processes: what they exercised, how fast, and of what failed the smallest trace.

`make simulate SEEDS=500 START=1`; WORKERS says how many processes (default: one per core).
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec

from tests.seeds import seeds_asked
from tests.simulation.requirements import REQUIRED, never_exercised
from tests.simulation.running import Outcome, quieten, run_seed
from tests.simulation.shrinking import shrunk
from tests.simulation.stage.coverage import Coverage

REPORT = Path("build/simulate.json")
SEEDS_AT_LEAST = 100
"""Fewer seeds than this need not exercise everything."""
LEAST_ACCOUNTS, LEAST_LEADER_EVENTS, LEAST_FAULTS = 4, 100, 10
"""What each seed must have, so that none passes for want of trouble."""
SHRUNK_AT_MOST = 2
SHRINK_SECONDS = 60.0
TRACE_LINES = 60
PROGRESS_SECONDS = 15.0


class Report(msgspec.Struct, kw_only=True):
    """What `build/simulate.json` holds."""

    seeds: int
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
        return not (self.failed or self.thin or self.never_exercised)


def simulate(seeds: Sequence[int], workers: int) -> Report:
    began = time.monotonic()
    coverage, cpu = Coverage(), 0.0
    failed: dict[int, list[tuple[str, str]]] = {}
    thin: dict[int, str] = {}
    told = began
    for done, outcome in enumerate(outcomes(seeds, workers), 1):
        coverage.add(outcome.coverage)
        cpu += outcome.cpu_seconds
        if outcome.failed:
            failed[outcome.seed] = outcome.violations
            print(f"seed {outcome.seed} violates {', '.join(sorted({n for n, _ in outcome.violations}))}")
        elif lack := lacking(outcome):
            thin[outcome.seed] = lack
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            print(f"{done} of {len(seeds)} seeds, {done / (told - began):.2f} a second", flush=True)
    seconds = time.monotonic() - began
    plain = coverage.plain()
    return Report(
        seeds=len(seeds),
        start=seeds[0],
        workers=workers,
        seconds=round(seconds, 1),
        seeds_per_second=round(len(seeds) / seconds, 2),
        cpu_seconds_per_seed=round(cpu / len(seeds), 3),
        failed=dict(sorted(failed.items())),
        thin=dict(sorted(thin.items())),
        never_exercised=never_exercised(plain, len(seeds)) if len(seeds) >= SEEDS_AT_LEAST else [],
        coverage=plain,
    )


def outcomes(seeds: Sequence[int], workers: int) -> Iterator[Outcome]:
    if workers == 1:
        quieten()
        yield from map(run_seed, seeds)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), quieten) as pool:
        yield from pool.map(run_seed, seeds, chunksize=4)


def lacking(outcome: Outcome) -> str:
    """What a seed has too little of; empty where it has enough."""
    wanted = (
        ("accounts", outcome.accounts, LEAST_ACCOUNTS),
        ("leader events", outcome.leader_events, LEAST_LEADER_EVENTS),
        ("faults", outcome.faults, LEAST_FAULTS),
    )
    return ", ".join(f"{count} {what}, at least {least}" for what, count, least in wanted if count < least)


def explain(seed: int) -> None:
    """Print the violations of one seed and the fewest steps that still bring them about."""
    outcome, steps, tries = shrunk(seed, SHRINK_SECONDS)
    print(
        f"\nseed {seed}: {len(steps)} steps are enough ({tries} tries); again: make simulate SEEDS=1 START={seed}"
    )
    for name, sentence in outcome.violations:
        print(f"  {name}: {sentence}")
    print("  steps:")
    for step in steps:
        print(f"    {step}")
    lines = outcome.trace or []
    at = next((n for n, line in enumerate(lines) if "VIOLATED" in line), len(lines))
    print("  trace before the first violation:")
    for line in lines[max(0, at - TRACE_LINES) : at + 1]:
        print(f"    {line[:400]}")


def tell(report: Report) -> None:
    for kind, counted in report.coverage.items():
        print(f"\n{kind} ({len(REQUIRED[kind])} must be exercised)")
        for name, count in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
            print(f"  {count:>10}  {name}")
    print(
        f"\n{report.seeds} seeds from {report.start} in {report.seconds} s with {report.workers} processes: "
        f"{report.seeds_per_second} a second, {report.cpu_seconds_per_seed} s of work each"
    )
    for seed, lack in report.thin.items():
        print(f"✗ seed {seed} has {lack}")
    for name in report.never_exercised:
        print(f"✗ never exercised: {name}")
    print("✓ no violation" if not report.failed else f"✗ {len(report.failed)} seeds violate invariants")


def main() -> int:
    variables = os.environ
    seeds = seeds_asked(variables)
    workers = min(int(variables.get("WORKERS") or os.cpu_count() or 1), len(seeds))
    report = simulate(seeds, workers)
    tell(report)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    quieten()
    for seed in list(report.failed)[:SHRUNK_AT_MOST]:
        explain(seed)
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
