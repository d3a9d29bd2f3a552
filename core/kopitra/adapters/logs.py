"""Structured logs: one JSON object a line, with the request id where there is one. Secrets never enter them."""

import asyncio
import atexit
import sys
from typing import Any, TextIO

import msgspec
import structlog

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
GATHER_SECONDS = 0.05
"""Lines of a busy moment leave in one write; a crash loses so much of the log, and nothing of the journal."""
GATHER_LINES = 500

_encoder = msgspec.json.Encoder(enc_hook=str)


class GatheredLines:
    """A stream whose `flush` may wait a moment, so that the event loop makes no system call per line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._scheduled = False

    def write(self, text: str) -> int:
        self._lines.append(text)
        return len(text)

    def flush(self) -> None:
        if self._scheduled and len(self._lines) < GATHER_LINES:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # outside of the event loop nobody would come back to it
            self.drain()
            return
        if not self._scheduled:
            self._scheduled = True
            loop.call_later(GATHER_SECONDS, self.drain)
        else:
            self.drain()

    def drain(self) -> None:
        """Write what has gathered."""
        self._scheduled = False
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write("".join(lines))
            self._stream.flush()


def configure_logs(level: str, stream: TextIO | None = None) -> None:
    """`level` is a key of `LEVELS`. Raises KeyError for another."""
    gathered = GatheredLines(stream or sys.stdout)
    atexit.register(gathered.drain)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            _json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(gathered),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )


def _json(logger: Any, method: str, event: Any) -> str:
    return _encoder.encode(event).decode()
