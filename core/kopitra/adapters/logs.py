"""Structured logs: one JSON object a line, which says who writes it, with the request id where there is one. Secrets
never enter them."""

import asyncio
import atexit
import logging
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import msgspec
import structlog

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
GATHER_SECONDS = 0.05
"""Lines of a busy moment leave in one write; a crash loses so much of the log, and nothing of the journal."""
GATHER_LINES = 500

_encoder = msgspec.json.Encoder(enc_hook=str)

log = structlog.get_logger("kopitra.libraries")


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


class FromLibraries(logging.Handler):
    """What libraries say by the standard library's logging, as lines like ours; from warnings on, as they chatter."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        say = log.error if record.levelno >= logging.ERROR else log.warning
        say("library", logger=record.name, detail=record.getMessage(), exc_info=record.exc_info or None)


def saying_who(about: Mapping[str, str]) -> structlog.types.Processor:
    """A processor that puts these fields on every line."""

    def add(logger: Any, method: str, event: Any) -> Any:
        return {**event, **{name: value for name, value in about.items() if name not in event}}

    return add


def configure_logs(level: str, stream: TextIO | None = None, about: Mapping[str, str] | None = None) -> None:
    """`level` is a key of `LEVELS`; `about`: fields of every line. Raises KeyError for another level."""
    gathered = GatheredLines(stream or sys.stdout)
    atexit.register(gathered.drain)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            saying_who(about or {}),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            _json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(gathered),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[FromLibraries()], force=True)


def _json(logger: Any, method: str, event: Any) -> str:
    return _encoder.encode(event).decode()
