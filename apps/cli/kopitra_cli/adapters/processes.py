"""Child processes that never outlive the command: each leads a process group of its own, and dies with its parent."""

import asyncio
import ctypes
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

LOOK_SECONDS = 0.02
START_SECONDS = 30.0
"""Importing takes about a second; thirteen processes at once on two loaded cores take longer."""
STOP_SECONDS = 10.0
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class StartFailed(Exception):
    """The process ended, or did not say that it was ready, in time; the message ends with its last words."""


class ChildProcess:
    """One command that can be started, killed and started again. Its output goes to `log`, every life appended.

    `ready`: what it prints once it can be used; the first group is kept in `said` (an address or a port).
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        ready: str | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.environment = dict(environment)
        self.said = ""
        self.log = log
        self._ready = re.compile(ready) if ready is not None else None
        self._process: asyncio.subprocess.Process | None = None
        self._asked_to_end = False

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def failed(self) -> int | None:
        """The exit code of a process that ended though nobody asked it to."""
        if self._process is None or self._asked_to_end:
            return None
        return self._process.returncode

    async def start(self) -> None:
        """Return once it is ready. Raises StartFailed."""
        self._asked_to_end = False
        begun = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                env=_inherited() | self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        if self._ready is not None:
            await self._until_ready(self._ready, begun)

    async def kill(self) -> None:
        """kill -9 of the whole group: no chance to write or say anything more."""
        self._asked_to_end = True
        await self._signal(signal.SIGKILL)
        if self._process is not None:
            await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM and time to end well, then kill -9."""
        self._asked_to_end = True
        await self._signal(signal.SIGTERM)
        if self._process is not None:
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                await self.kill()

    def last_words(self, lines: int = 8) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    async def _signal(self, number: signal.Signals) -> None:
        pid = self.pid
        if pid is not None:
            try:
                os.killpg(pid, number)
            except ProcessLookupError:
                return  # it ended by itself meanwhile

    async def _until_ready(self, ready: re.Pattern[str], begun: int) -> None:
        assert self._process is not None
        loop = asyncio.get_running_loop()
        ends = loop.time() + START_SECONDS
        while True:
            with self.log.open("rb") as log:
                log.seek(begun)
                found = ready.search(log.read().decode(errors="replace"))
            if found is not None:
                self.said = found[1] if found.groups() else found[0]
                return
            if self._process.returncode is not None or loop.time() > ends:
                await self.kill()
                raise StartFailed(f"{self.name} did not start:\n{self.last_words()}")
            await asyncio.sleep(LOOK_SECONDS)


def python_module(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _inherited() -> dict[str, str]:
    """The environment without settings of ours that were meant for something else."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KOPITRA_")}


def _die_with_parent() -> None:
    """Runs in the child before the command: if this process is killed, the kernel kills the child (Linux)."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
