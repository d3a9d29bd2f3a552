"""Instruments and spans over the SDK.

What the hot path does is add to plain numbers, which the SDK's own thread asks for once a minute: telling the SDK every
step costs a hundred times as much (docs/decisions/0186).
"""

import asyncio
from collections.abc import Iterator, Sequence

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExporter

from kopitra.adapters.otel.completing import Completing
from kopitra.adapters.otel.distributions import Distribution
from kopitra.adapters.otel.spans import Traces
from kopitra.application.ports.telemetry import (
    Counter,
    Gauge,
    Histogram,
    Instrument,
    Kind,
    Span,
    SpanKind,
    bound,
)
from kopitra.domain.identifiers import RequestId

METER = "kopitra"
CLOSE_MILLISECONDS = 3_000
"""A stop must not wait for a place that does not answer: it is part of the gap of a redeploy."""
MILLISECONDS = 1000.0


class _Count:
    """Added to by the event loop, read by the thread that exports."""

    __slots__ = ("dimensions", "total")

    def __init__(self, dimensions: dict[str, str]) -> None:
        self.dimensions = dimensions
        self.total = 0

    def add(self, amount: int = 1) -> None:
        self.total += amount


class _Value:
    __slots__ = ("dimensions", "value")

    def __init__(self, dimensions: dict[str, str]) -> None:
        self.dimensions = dimensions
        self.value: float | None = None

    def set(self, value: float | None) -> None:
        self.value = value


class OpenTelemetry:
    """`kopitra.application.ports.telemetry.Telemetry`. `ratio`: the share of traces that is told; without `spans` no
    span is ever begun."""

    told = True

    def __init__(
        self,
        resource: Resource,
        *,
        metrics: Sequence[MetricExporter],
        spans: Sequence[SpanExporter],
        ratio: float,
        every_seconds: float,
    ) -> None:
        self._distributions: list[Distribution] = []
        self._exporters = len(metrics)
        readers = [
            PeriodicExportingMetricReader(
                Completing(exporter, number, self._distributions),
                export_interval_millis=every_seconds * MILLISECONDS,
            )
            for number, exporter in enumerate(metrics)
        ]
        self._provider = MeterProvider(
            readers, resource, exemplar_filter=AlwaysOffExemplarFilter(), shutdown_on_exit=False
        )
        self._meter = self._provider.get_meter(METER)
        self._traces = Traces(resource, spans, ratio) if spans else None
        self._counts: dict[str, list[_Count]] = {}
        self._values: dict[str, list[_Value]] = {}

    def counter(self, instrument: Instrument, **dimensions: str) -> Counter:
        count = _Count(bound(instrument, Kind.COUNTER, dimensions))
        series = self._counts.get(instrument.name)
        if series is not None:
            series.append(count)
            return count
        told = self._counts[instrument.name] = [count]

        def totals(options: CallbackOptions) -> Iterator[Observation]:
            for one in told:
                yield Observation(one.total, one.dimensions)

        self._meter.create_observable_counter(
            instrument.name, [totals], instrument.unit, instrument.description
        )
        return count

    def gauge(self, instrument: Instrument, **dimensions: str) -> Gauge:
        value = _Value(bound(instrument, Kind.GAUGE, dimensions))
        series = self._values.get(instrument.name)
        if series is not None:
            series.append(value)
            return value
        told = self._values[instrument.name] = [value]

        def values(options: CallbackOptions) -> Iterator[Observation]:
            for one in told:
                if (known := one.value) is not None:
                    yield Observation(known, one.dimensions)

        self._meter.create_observable_gauge(
            instrument.name, [values], instrument.unit, instrument.description
        )
        return value

    def histogram(self, instrument: Instrument, **dimensions: str) -> Histogram:
        checked = bound(instrument, Kind.HISTOGRAM, dimensions)
        distribution = Distribution(instrument, checked, self._exporters)
        self._distributions.append(distribution)
        return distribution

    def begin(
        self,
        name: str,
        kind: SpanKind,
        *,
        request_id: RequestId | None = None,
        traceparent: str | None = None,
        of_requests: Sequence[RequestId] = (),
    ) -> Span | None:
        if self._traces is None:
            return None
        return self._traces.begin(
            name, kind, request_id=request_id, traceparent=traceparent, of_requests=of_requests
        )

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        if self._traces is not None:
            self._traces.close(CLOSE_MILLISECONDS)
        self._provider.shutdown(CLOSE_MILLISECONDS)
