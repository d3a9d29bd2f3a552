"""The processes of a bench: the counterparty, the bare programs it is compared with, and the load generator."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from scripts.tooling.steps import ROOT
from tests.load.cast import KEY_ID, TOKEN_KEYS
from tests.load.jobs import Job

START_SECONDS = 180.0
"""For the recovery of a million events on a busy machine."""
JOB_SECONDS = 300.0
LOOK_SECONDS = 0.01
STOP_SECONDS = 20.0

Result = TypeVar("Result")
Found = TypeVar("Found")


class BenchFailed(Exception):
    """A process of the bench did not do its part; the text says which and what it said last."""


class Running:
    """A started process whose output goes to a file, so that it never waits for a reader."""

    def __init__(self, command: list[str], folder: Path, variables: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / f"{time.monotonic_ns()}.log"
        self.began = time.monotonic()
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | variables, stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self, event: str) -> dict[str, Any]:
        """The first log line of this event, waited for. Raises BenchFailed."""
        mark = f'"{event}"'.encode()

        def look(log: bytes) -> dict[str, Any] | None:
            for line in log.splitlines():
                if mark in line and (found := json.loads(line)).get("event") == event:
                    return found
            return None

        return self._wait(look, event)

    def wrote(self, pattern: str) -> str:
        """The first group of the pattern where the log first has it, waited for. Raises BenchFailed."""
        compiled = re.compile(pattern.encode())

        def look(log: bytes) -> str | None:
            found = compiled.search(log)
            return found[1].decode() if found is not None else None

        return self._wait(look, pattern)

    def _wait(self, look: Callable[[bytes], Found | None], wanted: str) -> Found:
        while time.monotonic() - self.began < START_SECONDS:
            if (found := look(self._log.read_bytes())) is not None:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(LOOK_SECONDS)
        raise BenchFailed(f"{self.process.args} never said {wanted!r}:\n{self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """At once: nothing is kept that an orderly stop would keep."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_SECONDS)


@contextmanager
def started(command: list[str], folder: Path, variables: dict[str, str]) -> Generator[Running]:
    running = Running(command, folder, variables)
    try:
        yield running
    finally:
        running.kill()


@contextmanager
def counterparty(folder: Path) -> Generator[Running]:
    """On the journal in `folder`, journal at synchronous=FULL, logging as in production."""
    variables = {
        "KOPITRA_PORT": "0",
        "KOPITRA_DATA_FOLDER": str(folder),
        "KOPITRA_TOKEN_KEYS": json.dumps(TOKEN_KEYS),
        "KOPITRA_TOKEN_KEY_ID": KEY_ID,
        # A bench asks what the service can do, not what one account may ask of it.
        "KOPITRA_RATE_LIMIT_PER_SECOND": "1000000",
        "KOPITRA_RATE_LIMIT_BURST": "1000000",
    }
    with started([sys.executable, "-m", "kopitra_counterparty"], folder, variables) as running:
        yield running


@contextmanager
def serving(folder: Path) -> Generator[tuple[Running, int]]:
    """The counterparty once it serves, and its port."""
    with counterparty(folder) as running:
        running.said("serving")
        yield running, int(running.said("listening")["port"])


@contextmanager
def bare(name: str, folder: Path) -> Generator[tuple[Running, int]]:
    """One of the programs of `tests.load.ceilings`, and its port."""
    with started([sys.executable, "-m", "tests.load.ceilings", name], folder, {}) as running:
        yield running, int(running.said("listening")["port"])


def generate(job: Job, result: type[Result], folder: Path) -> Result:
    """Run one job in a generator of its own. Raises BenchFailed."""
    source, target = folder / "job.json", folder / "result.json"
    source.write_bytes(msgspec.json.encode(job))
    command = [sys.executable, "-m", "tests.load.generator", str(source), str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=JOB_SECONDS, check=False)
    if done.returncode:
        raise BenchFailed(f"the load generator failed:\n{done.stderr[-2000:]}")
    return msgspec.json.decode(target.read_bytes(), type=result)
