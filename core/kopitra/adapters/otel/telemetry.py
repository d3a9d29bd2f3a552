"""Instruments and spans over the SDK.

What the hot path does is add to plain numbers, which the SDK's own thread asks for once a minute: telling the SDK every
step costs a hundred times as much (docs/decisions/0186).
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import TypeVar

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


Series = TypeVar("Series", _Count, _Value)


def _of(series: Sequence[Series], dimensions: dict[str, str]) -> Series | None:
    return next((one for one in series if one.dimensions == dimensions), None)


def _added(series: list[Series], one: Series) -> Series:
    series.append(one)
    return one


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
        checked = bound(instrument, Kind.COUNTER, dimensions)
        if instrument.name not in self._counts:
            told = self._counts[instrument.name] = []

            def totals(options: CallbackOptions) -> Iterator[Observation]:
                for one in told:
                    yield Observation(one.total, one.dimensions)

            self._meter.create_observable_counter(
                instrument.name, [totals], instrument.unit, instrument.description
            )
        return _of(self._counts[instrument.name], checked) or _added(
            self._counts[instrument.name], _Count(checked)
        )

    def gauge(self, instrument: Instrument, **dimensions: str) -> Gauge:
        checked = bound(instrument, Kind.GAUGE, dimensions)
        if instrument.name not in self._values:
            told = self._values[instrument.name] = []

            def values(options: CallbackOptions) -> Iterator[Observation]:
                for one in told:
                    if (known := one.value) is not None:
                        yield Observation(known, one.dimensions)

            self._meter.create_observable_gauge(
                instrument.name, [values], instrument.unit, instrument.description
            )
        return _of(self._values[instrument.name], checked) or _added(
            self._values[instrument.name], _Value(checked)
        )

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
