"""Many seeds in parallel processes: what they exercised, how fast, and of what failed the smallest trace.

`make simulate SEEDS=500 START=1`; WORKERS says how many processes (default: one per core). The counts are kept while it
runs; after an interrupt CONTINUE=1 plays the rest of the same seeds.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context

from tests.seeds import seeds_asked
from tests.simulation.requirements import REQUIRED
from tests.simulation.running import Outcome, quieten, run_seed
from tests.simulation.shrinking import shrunk
from tests.simulation.tally import Report, Tally, keep, kept

MOST_FAILED = 10
"""So many failing seeds end a run: more of them say nothing new."""
SHRUNK_AT_MOST = 2
SHRINK_SECONDS = 60.0
TRACE_LINES = 60
PROGRESS_SECONDS = 15.0
SENTENCE_CHARACTERS = 300


def simulate(
    seeds: range, workers: int, progress: Callable[[Report], None], before: Report | None = None
) -> Report:
    """Play until all are played, `MOST_FAILED` have failed, or somebody interrupts; `progress` gets what there is now
    and then. Violations are printed as they come."""
    tally, told = Tally(seeds, workers, before), time.monotonic()
    try:
        with closing(outcomes(tally.left, workers)) as played:
            for outcome in played:
                tally.add(outcome)
                if outcome.failed:
                    tell_violations(outcome)
                    if len(tally.failed) >= MOST_FAILED:
                        print(f"{MOST_FAILED} seeds failed: no more are played", flush=True)
                        break
                if time.monotonic() - told > PROGRESS_SECONDS:
                    told = time.monotonic()
                    report = tally.report()
                    progress(report)
                    rate, failed = report.seeds_per_second, len(tally.failed)
                    print(
                        f"{tally.seeds} of {len(seeds)} seeds, {rate} a second, {failed} failed", flush=True
                    )
    except KeyboardInterrupt:
        print(f"interrupted after {tally.seeds} of {len(seeds)} seeds; CONTINUE=1 plays the rest", flush=True)
    report = tally.report()
    progress(report)
    return report


def outcomes(seeds: Sequence[int], workers: int) -> Generator[Outcome]:
    """In the order of their seeds. Closing it gives up what is not played yet."""
    if workers == 1:
        quieten()
        yield from map(run_seed, seeds)
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _settle)
    try:
        yield from pool.map(run_seed, seeds, chunksize=4)
    finally:
        pool.shutdown(cancel_futures=True)


def _settle() -> None:
    """An interrupt of the whole group is for whoever keeps the counts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    quieten()


def tell_violations(outcome: Outcome) -> None:
    print(f"✗ seed {outcome.seed}: make simulate SEEDS=1 START={outcome.seed}")
    for name, sentence in outcome.violations:
        print(f"    {name}: {sentence[:SENTENCE_CHARACTERS]}", flush=True)


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
    if not report.whole:
        print(f"✗ {report.asked - report.seeds} of {report.asked} seeds were not played")
    print("✓ no violation" if not report.failed else f"✗ {len(report.failed)} seeds violate invariants")


def main() -> int:
    variables = os.environ
    seeds = seeds_asked(variables)
    workers = min(int(variables.get("WORKERS") or os.cpu_count() or 1), len(seeds))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    report = simulate(seeds, workers, keep, kept(seeds) if variables.get("CONTINUE") else None)
    tell(report)
    quieten()
    for seed in list(report.failed)[:SHRUNK_AT_MOST]:
        explain(seed)
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
