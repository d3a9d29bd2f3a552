"""Structured logs: one JSON object a line, with the request id where there is one. Secrets never enter them."""

import sys
from typing import Any, TextIO

import msgspec
import structlog

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_encoder = msgspec.json.Encoder(enc_hook=str)


def configure_logs(level: str, stream: TextIO | None = None) -> None:
    """`level` is a key of `LEVELS`. Raises KeyError for another."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("event"),
            _json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(stream or sys.stdout),
        cache_logger_on_first_use=True,
    )


def _json(logger: Any, method: str, event: Any) -> str:
    return _encoder.encode(event).decode()
