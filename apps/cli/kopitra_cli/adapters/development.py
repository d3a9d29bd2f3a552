"""`kopitra dev` on this machine: its clock, its folders, its signals."""

import asyncio
import importlib.util
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from rich.console import Console

from kopitra.adapters.embedded.holder_lock import HolderLock
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from kopitra_cli.adapters.source_changes import source_changes
from kopitra_cli.dev.company import Company
from kopitra_cli.dev.identity import issuer_in
from kopitra_cli.dev.merged_log import MergedLog
from kopitra_cli.dev.run import Development
from kopitra_cli.dev.services import LOGS, Services
from kopitra_functions.local_issuer import LocalKeyUnusable

CANNOT_START = 3
WATCHED = ("kopitra", "kopitra_counterparty", "kopitra_functions")
"""The packages that the services are made of."""
LOCK = "dev.lock"
NAME_WIDTH = len("counterparty")
TERMINALS_WIDTH = len("terminal of leader")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    data: Path
    counterparty_port: int
    functions_port: int
    watched: tuple[Path, ...]
    """Folders whose Python files cause a reload; where there are none, those of the services' packages."""
    terminals: bool


class FolderInUse(Exception):
    """Another `kopitra dev` runs on this data folder."""


def run_development(plan: Plan, console: Console) -> int:
    """Until SIGINT or SIGTERM; the exit code."""
    try:
        asyncio.run(_until_told(plan, console))
    except (FolderInUse, LocalKeyUnusable, OSError) as error:
        console.print(str(error), markup=False, highlight=False)
        return CANNOT_START
    return 0


async def _until_told(plan: Plan, console: Console) -> None:
    task = asyncio.ensure_future(_develop(plan, console))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


async def _develop(plan: Plan, console: Console) -> None:
    clock, ids, data = SystemClock(), SystemIds(), plan.data.absolute()
    lock = await asyncio.to_thread(_prepared, data)
    issuer_in(data, clock)
    services = Services(
        data, ids, counterparty_port=plan.counterparty_port, functions_port=plan.functions_port
    )
    width = TERMINALS_WIDTH if plan.terminals else NAME_WIDTH
    sleeper = SystemSleeper()
    development = Development(services, MergedLog(console, width), sleeper)
    if plan.terminals:
        development.company = Company(services, ids, sleeper, development.follow).run
    development.say(f"data folder: {data}")
    development.say(f"an operator's token: kopitra token --role admin --tenant '*' --data {plan.data}")
    try:
        await development.run(source_changes(plan.watched or watched_packages()))
    finally:
        lock.drop()


def _prepared(data: Path) -> HolderLock:
    (data / LOGS).mkdir(parents=True, exist_ok=True)
    lock = HolderLock(data / LOCK)
    if not lock.take():
        raise FolderInUse(f"another kopitra dev, process {lock.last_taker()}, runs on {data}")
    return lock


def watched_packages() -> Sequence[Path]:
    specs = [importlib.util.find_spec(name) for name in WATCHED]
    return [Path(spec.origin).parent for spec in specs if spec is not None and spec.origin is not None]
