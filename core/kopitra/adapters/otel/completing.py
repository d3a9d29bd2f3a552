"""What an exporter gets: with the distributions, which the SDK does not know, and without what has not happened; a
counter that stood still would cost a stored row a minute."""

from collections.abc import Sequence
from time import time_ns
from typing import Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)

from kopitra.adapters.otel.distributions import Distribution, metrics_of


class Completing(MetricExporter):
    """Another exporter, the `number`th of them. `series` may grow."""

    def __init__(self, exporter: MetricExporter, number: int, series: Sequence[Distribution]) -> None:
        super().__init__(
            preferred_temporality=exporter._preferred_temporality,  # noqa: SLF001  # as the SDK's reader reads it
            preferred_aggregation=exporter._preferred_aggregation,  # noqa: SLF001
        )
        self._exporter: Any = exporter
        """Its methods say nothing of what more they take."""
        self._number = number
        self._series = series
        self._told_at = time_ns()

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        since, self._told_at = self._told_at, time_ns()
        more = metrics_of(list(self._series), self._number, since, self._told_at)
        told = _completed(metrics_data, more)
        if not told.resource_metrics:
            return MetricExportResult.SUCCESS
        return self._exporter.export(told, timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self._exporter.shutdown(timeout_millis, **kwargs)


def _completed(data: MetricsData, more: list[Metric]) -> MetricsData:
    """There is one resource and one meter: ours."""
    resources: list[ResourceMetrics] = []
    for resource in data.resource_metrics:
        scopes: list[ScopeMetrics] = []
        for scope in resource.scope_metrics:
            metrics = [told for metric in scope.metrics if (told := _changed(metric)) is not None]
            metrics, more = [*metrics, *more], []
            if metrics:
                scopes.append(ScopeMetrics(scope.scope, metrics, scope.schema_url))
        if scopes:
            resources.append(ResourceMetrics(resource.resource, scopes, resource.schema_url))
    return MetricsData(resources)


def _changed(metric: Metric) -> Metric | None:
    data = metric.data
    if not isinstance(data, Sum) or data.aggregation_temporality is not AggregationTemporality.DELTA:
        return metric
    points = [point for point in data.data_points if point.value]
    if not points:
        return None
    grown = Sum(points, data.aggregation_temporality, data.is_monotonic)
    return Metric(metric.name, metric.description, metric.unit, grown)
