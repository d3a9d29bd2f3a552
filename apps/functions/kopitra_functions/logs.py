"""Logs where Azure's worker runs us: as JSON through the standard library's logging, which the worker collects."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from kopitra.adapters.logs import LEVELS, saying_who

LOGGER = "kopitra"

_encoder = msgspec.json.Encoder(enc_hook=str)


def configure_worker_logs(level: str, about: Mapping[str, str] | None = None) -> None:
    """`level` is a key of `LEVELS`; `about`: fields of every line. The worker adds time and severity. Raises KeyError
    for another level."""
    logging.getLogger(LOGGER).setLevel(LEVELS[level])
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            saying_who(about or {}),
            structlog.processors.format_exc_info,
            _json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _json(logger: Any, method: str, event: Any) -> str:
    return _encoder.encode(event).decode()
