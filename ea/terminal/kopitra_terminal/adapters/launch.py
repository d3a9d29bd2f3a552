"""Starting, killing and restarting a terminal process from another one."""

import asyncio
import sys
from pathlib import Path

import msgspec

from kopitra_terminal.bootstrap import READY
from kopitra_terminal.settings import ProcessSettings, encode_settings

START_SECONDS = 20.0
"""Importing, replaying the log and binding takes about half a second; a loaded machine may need more."""
STOP_SECONDS = 10.0


class StartFailed(Exception):
    """The process ended, or said nothing, before it listened."""


class TerminalProcess:
    """One `python -m kopitra_terminal broker` child. A restart listens at the same address."""

    def __init__(self, settings: ProcessSettings, settings_file: Path) -> None:
        self._settings = settings
        self._file = settings_file
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return self._settings.listen

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> str:
        """The address, once the process listens. Raises StartFailed."""
        self._file.write_bytes(encode_settings(self._settings))
        command = (sys.executable, "-m", "kopitra_terminal", "broker", "--settings", str(self._file))
        self._process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await self._process.stdout.readline()
        except TimeoutError as late:
            self._process.kill()
            raise StartFailed(f"nothing heard for {START_SECONDS} s") from late
        if not line.startswith(READY.encode()):
            raise StartFailed(f"exit code {await self._process.wait()}")
        listen = line.decode().removeprefix(READY).strip()
        self._settings = msgspec.structs.replace(self._settings, listen=listen)
        return listen

    async def kill(self) -> None:
        """kill -9: no chance to write or say anything more."""
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()

    async def stop(self) -> int:
        """SIGTERM; the exit code, 0 after a clean end."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        async with asyncio.timeout(STOP_SECONDS):
            return await self._process.wait()
