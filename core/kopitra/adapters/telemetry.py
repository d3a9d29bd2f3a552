"""Where telemetry goes, from the settings. OpenTelemetry is imported only where it goes anywhere: it takes a second."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from kopitra.application.ports.telemetry import UNTOLD, Service, Telemetry

EXPORT_SECONDS = 60.0
"""Figures are told this often: the grain of every alert."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Who tells: on every line of the log and with everything that is exported. `instance` tells processes of one
    service apart."""

    service: Service
    build: str
    shard: str
    instance: str

    def fields(self) -> Mapping[str, str]:
        """Of a log line."""
        return {"service": str(self.service), "build": self.build, "shard": self.shard}


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """`connection_string`: of Application Insights; `authentication` as App Service writes it, `Authorization=AAD` for
    the managed identity (`;ClientId=…` for one of several). `file`: a JSON line for each figure and span.
    `trace_ratio`: the share of traces that is told, from 0 to 1."""

    connection_string: str | None = None
    authentication: str | None = None
    file: Path | None = None
    trace_ratio: float = 0.0
    every_seconds: float = EXPORT_SECONDS

    @property
    def anywhere(self) -> bool:
        return self.connection_string is not None or self.file is not None


class DestinationUnusable(Exception):
    """The text is one sentence that names what is wrong; never the connection string, which is a secret."""


def open_telemetry(about: About, destination: Destination) -> Telemetry:
    """Reaches nothing yet. Raises DestinationUnusable."""
    if not destination.anywhere:
        return UNTOLD
    from kopitra.adapters.otel.opening import opened  # noqa: PLC0415  # half a second of imports

    return opened(about, destination)
