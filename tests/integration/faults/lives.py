"""A counterparty process that can be killed, stopped, resumed and started again on the same journal.

Each life is forked from a server that has imported the service once: importing takes seconds on a loaded machine, and
what a restart costs beyond that is what these tests are about. `python -m kopitra_counterparty` itself is started by
`tests/integration/faults/test_orderly_ends.py`.
"""

import asyncio
import ctypes
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import msgspec

from tests.fixtures.serving import service_environment

PRELOADED = ["kopitra_counterparty.__main__", "kopitra_counterparty.azure_storage"]
START_SECONDS = 60.0
"""Two loaded cores; a start takes a tenth of a second otherwise."""
STOP_SECONDS = 30.0
LOOK_SECONDS = 0.01
PR_SET_PDEATHSIG = 1

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(PRELOADED)


class Life:
    """One counterparty; every life's log goes to the same file."""

    def __init__(self, name: str, folder: Path, **settings: object) -> None:
        self.name = name
        self.environment = service_environment(folder, **{"instance": name} | settings)
        self.log = folder / f"{name}.log"
        self.port = 0
        self.largest_file: int | None = None
        """Bytes beyond which the next life cannot write a file, as on a full disk."""
        self._begun = 0
        self._process: ForkServerProcess | None = None

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.touch()
        self._begun = self.log.stat().st_size
        self.port = 0
        self._process = FORKS.Process(
            target=_live, args=(self.environment, self.log, self.largest_file), daemon=True
        )
        self._process.start()

    @property
    def process(self) -> ForkServerProcess:
        assert self._process is not None
        return self._process

    async def listening(self) -> "Life":
        self.port = (await self.said("listening"))["port"]
        return self

    async def serving(self) -> dict[str, Any]:
        """Its word that it serves, with the last sequence of its journal."""
        await self.listening()
        return await self.said("serving")

    async def said(self, event: str, count: int = 1) -> dict[str, Any]:
        """The line of this life's log with that event, once it is there."""
        until = time.monotonic() + START_SECONDS
        while True:
            found = [line for line in self.lines() if line.get("event") == event]
            if len(found) >= count:
                return found[count - 1]
            if not self.process.is_alive() or time.monotonic() > until:
                raise AssertionError(f"{self.name} never said {event!r}: {self.log.read_text()[-3000:]}")
            await asyncio.sleep(LOOK_SECONDS)

    def lines(self) -> list[dict[str, Any]]:
        """This life's log; what is no JSON (a sentence on standard error) is `text`."""
        return self._lines_from(self._begun)

    def all_lines(self) -> list[dict[str, Any]]:
        """The logs of all lives."""
        return self._lines_from(0)

    def _lines_from(self, offset: int) -> list[dict[str, Any]]:
        with self.log.open("rb") as log:
            log.seek(offset)
            return [_line(raw) for raw in log.read().splitlines()]

    def signal(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.process.kill()
        self.process.join()

    async def ended(self) -> int | None:
        """The exit code once it has ended by itself; None when it has not in time."""
        await asyncio.to_thread(self.process.join, STOP_SECONDS)
        return self.process.exitcode

    def close(self) -> None:
        if self._process is not None:
            self.kill()
            self._process.close()


def _line(raw: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.DecodeError:
        return {"text": raw.decode(errors="replace")}


def _live(environment: Mapping[str, str], log: Path, largest_file: int | None) -> None:
    """Runs in the process of its own."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    os.environ.update(environment)
    from kopitra_counterparty.__main__ import main  # noqa: PLC0415

    raise SystemExit(main())
