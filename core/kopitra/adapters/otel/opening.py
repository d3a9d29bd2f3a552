"""The SDK put together: what is exported to where."""

import os

from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExporter

from kopitra.adapters.otel.file import JsonLines, MetricLines, SpanLines
from kopitra.adapters.otel.telemetry import OpenTelemetry
from kopitra.adapters.telemetry import About, Destination, DestinationUnusable
from kopitra.application.ports.telemetry import Telemetry

NO_TALK_OF_ITS_OWN = (
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
)
"""Azure's exporter otherwise tells of itself, asks the machine where it runs, and lets itself be configured from
afar: rows that somebody pays for, threads, and connections that nobody has asked for."""


def opened(about: About, destination: Destination) -> Telemetry:
    """Raises DestinationUnusable."""
    metrics: list[MetricExporter] = []
    spans: list[SpanExporter] = []
    if destination.file is not None:
        try:
            lines = JsonLines(destination.file, str(about.service))
        except OSError as error:
            raise DestinationUnusable(f"{destination.file}: {error.strerror or error}") from error
        metrics.append(MetricLines(lines))
        spans.append(SpanLines(lines))
    if destination.connection_string is not None:
        for name in NO_TALK_OF_ITS_OWN:
            os.environ.setdefault(name, "true")
        from kopitra.adapters.azure.telemetry import azure_exporters  # noqa: PLC0415  # as long again

        to_metrics, to_spans = azure_exporters(destination.connection_string, destination.authentication)
        metrics.append(to_metrics)
        spans.append(to_spans)
    resource = Resource(
        {
            "service.name": str(about.service),
            "service.version": about.build,
            "service.instance.id": about.instance,
            "kopitra.shard": about.shard,
        }
    )
    return OpenTelemetry(
        resource,
        metrics=metrics,
        spans=spans if destination.trace_ratio > 0 else [],
        ratio=destination.trace_ratio,
        every_seconds=destination.every_seconds,
    )
