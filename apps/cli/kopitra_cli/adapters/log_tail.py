"""Follows a file that other processes write lines to."""

import asyncio
from collections.abc import Callable
from pathlib import Path

LOOK_SECONDS = 0.05
"""What a developer takes for at once."""


class LogTail:
    """Tells every whole line that is written from now on; the file need not be there yet."""

    def __init__(self, file: Path, tell: Callable[[str], None]) -> None:
        self._file = file
        self._tell = tell
        self._at = file.stat().st_size if file.exists() else 0
        self._rest = b""

    async def follow(self) -> None:
        """Until cancelled."""
        while True:
            if not self.look():
                await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> bool:
        """Tell what has been written meanwhile; whether there was any."""
        content = self._content()
        self._at += len(content)
        *lines, self._rest = (self._rest + content).split(b"\n")
        for line in lines:
            self._tell(line.decode(errors="replace"))
        return bool(content)

    def _content(self) -> bytes:
        try:
            with self._file.open("rb") as file:
                file.seek(self._at)
                return file.read()
        except FileNotFoundError:
            return b""
