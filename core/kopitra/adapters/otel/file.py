"""Telemetry as JSON lines: for tests, for the demonstration, and for whoever wants to see what would be told."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    ObservableCounter,
    ObservableGauge,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    MetricExporter,
    MetricExportResult,
    MetricsData,
)
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

TEMPORALITY = {
    Counter: AggregationTemporality.DELTA,
    Histogram: AggregationTemporality.DELTA,
    ObservableCounter: AggregationTemporality.DELTA,
    ObservableGauge: AggregationTemporality.CUMULATIVE,
}
"""As Application Insights wants it, so that the file shows what it would get."""
NANOSECONDS = 1_000_000_000
NANOSECONDS_PER_MILLISECOND = 1_000_000

_encoder = msgspec.json.Encoder(enc_hook=str)


class JsonLines:
    """A file that both exporters' threads append to. Raises OSError where it cannot be written."""

    def __init__(self, path: Path, service: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self._path = path
        self._service = service
        self._lock = Lock()

    def add(self, lines: Sequence[Mapping[str, Any]]) -> None:
        if lines:
            text = b"".join(_encoder.encode({"service": self._service, **line}) + b"\n" for line in lines)
            with self._lock, self._path.open("ab") as file:
                file.write(text)


class MetricLines(MetricExporter):
    """`{"service", "at", "metric", "unit", "dimensions"}` with `value`, or of a histogram with `count`, `sum`, `min`
    and `max`."""

    def __init__(self, lines: JsonLines) -> None:
        super().__init__(preferred_temporality=TEMPORALITY)  # type: ignore[arg-type]
        self._lines = lines

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        try:
            self._lines.add(list(_metric_lines(metrics_data)))
        except OSError:
            return MetricExportResult.FAILURE
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        return None


class SpanLines(SpanExporter):
    """`{"service", "at", "span", "kind", "traceId", "spanId", "parentId", "links", "ms", "failed", "attributes"}`."""

    def __init__(self, lines: JsonLines) -> None:
        self._lines = lines

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            self._lines.add([_span_line(span) for span in spans])
        except OSError:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS


def _metric_lines(data: MetricsData) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "at": _at(point.time_unix_nano),
            "metric": metric.name,
            "unit": metric.unit,
            "dimensions": dict(point.attributes or {}),
            **_figures(point),
        }
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]


def _figures(point: Any) -> dict[str, Any]:
    if isinstance(point, HistogramDataPoint):
        return {"count": point.count, "sum": point.sum, "min": point.min, "max": point.max}
    return {"value": point.value}


def _span_line(span: ReadableSpan) -> Mapping[str, Any]:
    context, began, ended = span.get_span_context(), span.start_time or 0, span.end_time or 0
    assert context is not None
    return {
        "at": _at(began),
        "span": span.name,
        "kind": span.kind.name.lower(),
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "parentId": f"{span.parent.span_id:016x}" if span.parent is not None else None,
        "links": [f"{link.context.trace_id:032x}" for link in span.links],
        "ms": (ended - began) / NANOSECONDS_PER_MILLISECOND,
        "failed": span.status.status_code is StatusCode.ERROR,
        "attributes": dict(span.attributes or {}),
    }


def _at(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / NANOSECONDS, UTC)
