"""The management side in this process: its function app, the local host around it, and a server before it."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from kopitra.adapters.embedded.holder_lock import HolderLock
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.adapters.embedded.timing import SystemClock, SystemSleeper
from kopitra.adapters.logs import configure_logs
from kopitra.application.ports.blobs import BlobError
from kopitra.application.ports.queue import QueueError
from kopitra_cli.adapters.http_server import CannotListen, HttpServer
from kopitra_cli.adapters.timer_files import TimerFiles
from kopitra_cli.functions_host.host import FunctionsHost
from kopitra_cli.functions_host.refusals import HostRefused
from kopitra_cli.functions_host.schedules import schedules_of
from kopitra_functions import queue_names
from kopitra_functions.bootstrap import Management, QueueSource, instance_name, queue_source
from kopitra_functions.local_issuer import LocalKeyUnusable
from kopitra_functions.settings import PREFIX, Settings, SettingsInvalid, StartRefused, load_settings

WRONG_SETTINGS = 2
CANNOT_START = 3
FOLDER = "functions-host"
OURS = (queue_names.EVENTS, queue_names.HISTORY, queue_names.TASKS)
"""Queues that the management side alone receives from."""

log = structlog.get_logger("kopitra.functions")


class HostInUse(Exception):
    """Another local host runs the timers of this data folder."""


class HostBroke(Exception):
    """A trigger's loop ended by an error."""


def run_functions(host: str, port: int, schedules: Sequence[str] = ()) -> int:
    """The exit code: 0 after an orderly stop by SIGTERM or SIGINT, 2 for wrong settings, 3 where it cannot start.
    `schedules`: TIMER=NCRONTAB for those that run at other times here."""
    try:
        settings = load_settings()
    except SettingsInvalid as error:
        print(error, file=sys.stderr)
        return WRONG_SETTINGS
    configure_logs(settings.log_level, about=settings.about(instance_name()).fields())
    try:
        asyncio.run(serve_functions(settings, host, port, schedules))
    except (StartRefused, HostInUse, HostBroke, HostRefused, CannotListen, LocalKeyUnusable) as error:
        print(error, file=sys.stderr)
        return CANNOT_START
    except (QueueError, BlobError, OSError) as error:
        print(f"{PREFIX}DATA_FOLDER {settings.data_folder}: {error}", file=sys.stderr)
        return CANNOT_START
    return 0


async def serve_functions(settings: Settings, host: str, port: int, schedules: Sequence[str] = ()) -> None:
    """Return after SIGTERM or SIGINT. Raises StartRefused, HostInUse, HostBroke, HostRefused, CannotListen,
    LocalKeyUnusable, QueueError, BlobError, OSError."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    folder = settings.data_folder / FOLDER
    lock = await asyncio.to_thread(_locked, folder)
    server = HttpServer(host, port)
    management, queues = Management(settings), queue_source(settings)
    functions = FunctionsHost(
        management.app,
        queues.open,
        TimerFiles(folder / "timers"),
        clock=SystemClock(),
        sleeper=SystemSleeper(),
        ids=SystemIds(),
        schedules=schedules_of(schedules),
    )
    if settings.storage == "embedded":
        await _unlock(queues)
    await management.open()
    await functions.start()
    assert functions.http is not None
    server.start(functions.http)
    print(f"listening on {server.url}", flush=True)
    broken, told = asyncio.ensure_future(functions.failed()), asyncio.ensure_future(stopping.wait())
    await asyncio.wait({broken, told}, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    await server.stop()
    await functions.stop()
    await queues.close()
    await management.close()
    lock.drop()
    told.cancel()
    if broken.done():
        raise HostBroke(f"a trigger broke: {broken.result()}")
    broken.cancel()
    log.info("stopped")


async def _unlock(queues: QueueSource) -> None:
    """What a host before this one had locked when it was killed comes at once, not after its lock's minute: nobody else
    receives from these queues."""
    for name in OURS:
        queue = await queues.open(name)
        if isinstance(queue, SqliteQueue) and (unlocked := await queue.unlock_all()):
            log.info("unlocked", queue=name, messages=unlocked)
        await queue.close()


def _locked(folder: Path) -> HolderLock:
    """Timers run once: a second host of one folder would run them twice."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = HolderLock(folder / "lock")
    if not lock.take():
        raise HostInUse(f"another host, process {lock.last_taker()}, runs on {folder}")
    return lock
