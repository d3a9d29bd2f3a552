"""Histograms as number, sum, least and greatest: all that Application Insights keeps of one (docs/decisions/0185), at a
thirtieth of what the SDK's own cost for each value (docs/decisions/0186)."""

from collections.abc import Mapping, Sequence

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
)
from opentelemetry.sdk.metrics.export import Histogram as HistogramData

from kopitra.application.ports.telemetry import Instrument


class Tally:
    """Values since an exporter last asked."""

    __slots__ = ("count", "greatest", "least", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.least = float("inf")
        self.greatest = float("-inf")

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        if value < self.least:  # a third of what a call of min costs, on the hot path
            self.least = value
        if value > self.greatest:
            self.greatest = value


class Distribution:
    """One series; a tally for each exporter. Recorded by the event loop, taken by the exporters' threads: a value that
    comes at that very moment may be lost."""

    def __init__(self, instrument: Instrument, dimensions: Mapping[str, str], exporters: int) -> None:
        self.instrument = instrument
        self._dimensions = dimensions
        self._tallies = [Tally() for _ in range(exporters)]

    def record(self, value: float) -> None:
        for tally in self._tallies:
            tally.add(value)

    def take(self, exporter: int, since: int, until: int) -> HistogramDataPoint | None:
        """What the exporter of this number has not told; None where nothing happened. Nanoseconds of Unix time."""
        tally, self._tallies[exporter] = self._tallies[exporter], Tally()
        if not tally.count:
            return None
        return HistogramDataPoint(
            attributes=self._dimensions,
            start_time_unix_nano=since,
            time_unix_nano=until,
            count=tally.count,
            sum=tally.total,
            bucket_counts=[tally.count],
            explicit_bounds=[],
            min=tally.least,
            max=tally.greatest,
        )


def metrics_of(series: Sequence[Distribution], exporter: int, since: int, until: int) -> list[Metric]:
    """An exporter's metrics, an instrument each."""
    points: dict[str, list[HistogramDataPoint]] = {}
    instruments: dict[str, Instrument] = {}
    for one in series:
        point = one.take(exporter, since, until)
        if point is not None:
            points.setdefault(one.instrument.name, []).append(point)
            instruments[one.instrument.name] = one.instrument
    return [
        Metric(
            name,
            instruments[name].description,
            instruments[name].unit,
            HistogramData(found, AggregationTemporality.DELTA),
        )
        for name, found in points.items()
    ]
