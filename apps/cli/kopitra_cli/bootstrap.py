"""Wires the commands to the machine: its clock, its folders, its signals."""

import asyncio
import shutil
import signal
import tempfile
from pathlib import Path

from rich.console import Console

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from kopitra.simulation.timeline import Timeline
from kopitra_cli.adapters.operator_desk import OperatorRefused
from kopitra_cli.adapters.processes import StartFailed
from kopitra_cli.demo.configuring import NotInForce
from kopitra_cli.demo.run import DemoFailed, DemoRun, RunPlan
from kopitra_cli.demo.theatre import EXIT_FAILED, Programme, Theatre
from kopitra_cli.demo.view import View

SEED_BYTES = 2
INTERRUPTED = 130


class TemporaryFolders:
    """One folder a run, below the system's own for temporary files."""

    def new(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="kopitra-demo-"))

    def done(self, folder: Path, *, keep: bool) -> None:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def run_demo(timeline: Timeline, programme: Programme, console: Console) -> int:
    """Give the demonstration; the exit code. SIGINT and SIGTERM end it early, and everything that it started."""
    ids = SystemIds()
    theatre = Theatre(
        console, TemporaryFolders(), demo_run, seed=int.from_bytes(ids.token_bytes(SEED_BYTES), "big")
    )

    async def give() -> int:
        task = asyncio.ensure_future(theatre.give(timeline, programme))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            return INTERRUPTED
        except (DemoFailed, StartFailed, OperatorRefused, NotInForce) as failure:
            console.print(f"The demonstration failed: {failure}", markup=False, highlight=False)
            return EXIT_FAILED

    return asyncio.run(give())


def demo_run(timeline: Timeline, plan: RunPlan, folder: Path, view: View) -> DemoRun:
    return DemoRun(timeline, plan, folder, view, SystemClock(), SystemSleeper(), SystemIds())
