"""`make bench`: what the platform does under load on this machine, and what bare programs do in its place.

Or `python tests/load/run.py [--only SECTION]… [--keep]`. Writes `build/bench.json` and shows a table. Nothing passes or
fails by time: targets are marked in the table, and the exit code is 0 whenever everything could be measured.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import FrameType

from rich.console import Console

from scripts.tooling.steps import ROOT
from tests.load.processes import BenchFailed
from tests.load.report import Figure, show, write
from tests.load.sections import idle, latency, management, planning, recovery, throughput

Section = Callable[[Path], list[Figure]]

SECTIONS: dict[str, Section] = {
    "planning": planning.run,
    "latency": latency.run,
    "signals": throughput.run,
    "idle": idle.run,
    "recovery": recovery.run,
    "management": management.run,
}
RESULT = ROOT / "build" / "bench.json"
LOG_COLUMNS = 120


def measure(names: list[str], folder: Path, console: Console) -> list[Figure]:
    figures: list[Figure] = []
    for number, name in enumerate(names, 1):
        console.print(f"[{number}/{len(names)}] {name} …", highlight=False)
        began = perf_counter()
        figures.extend(SECTIONS[name](folder))
        console.print(f"      {perf_counter() - began:.0f} s", highlight=False)
    return figures


def _leave(number: int, frame: FrameType | None) -> None:
    """A bench that is told to end takes its processes and files with it."""
    raise SystemExit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=SECTIONS, help="measure this section (repeatable)")
    parser.add_argument("--keep", action="store_true", help="keep journals and logs of the run")
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    console = Console(width=None if sys.stdout.isatty() else LOG_COLUMNS)
    RESULT.parent.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=RESULT.parent))
    try:
        figures = measure(wanted.only or list(SECTIONS), folder, console)
    except BenchFailed as failure:
        console.print(str(failure), style="red", markup=False)
        return 1
    finally:
        if not wanted.keep:
            shutil.rmtree(folder, ignore_errors=True)
    write(figures, RESULT)
    show(figures, console)
    console.print(f"Written to {RESULT.relative_to(ROOT)}.", highlight=False)
    return 0
