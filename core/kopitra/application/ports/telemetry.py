"""What a service tells of itself: figures under the names of `kopitra.application.measured`, and spans of its work.

Instruments are bound once, to their dimensions, where a service is put together; after that a figure costs as much as
adding to a number. Telling never fails, waits or raises.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from kopitra.domain.identifiers import RequestId


class Kind(StrEnum):
    COUNTER = "counter"
    """Only ever grows; told as the growth since it was last told."""
    HISTOGRAM = "histogram"
    """Single values; told as how many, their sum, the least and the greatest."""
    GAUGE = "gauge"
    """How things stand at the moment."""


class Service(StrEnum):
    """Who tells; the role's name in Application Insights."""

    COUNTERPARTY = "kopitra-counterparty"
    FUNCTIONS = "kopitra-functions"


class Dimension(msgspec.Struct, frozen=True):
    """A property by which a figure is told apart, and every value that it may have: no value comes from outside, so
    that nobody can make a service tell more than was reckoned with."""

    name: str
    values: tuple[str, ...]


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """`name` and `unit` as they are seen outside; `told_by`: the services that tell it."""

    name: str
    kind: Kind
    unit: str
    description: str
    told_by: tuple[Service, ...]
    dimensions: tuple[Dimension, ...] = ()


class Counter(Protocol):
    def add(self, amount: int = 1) -> None: ...


class Histogram(Protocol):
    def record(self, value: float) -> None: ...


class Gauge(Protocol):
    def set(self, value: float | None) -> None:
        """Told until it is set anew; None: nothing is known, and nothing is told."""
        ...


class SpanKind(StrEnum):
    REQUEST = "request"
    """Its name is its route: `POST /signals`."""
    MESSAGE = "message"
    TIMER = "timer"


class Span(Protocol):
    @property
    def traceparent(self) -> str:
        """For whoever continues it: W3C's header."""
        ...

    def end(self, *, status: int | None = None, failed: bool = False) -> None:
        """`status`: of a request's answer."""
        ...


class Telemetry(Protocol):
    @property
    def told(self) -> bool:
        """Whether anybody hears the figures: else there is no need to look for them."""
        ...

    def counter(self, instrument: Instrument, **dimensions: str) -> Counter:
        """Raises ValueError for dimensions that the instrument does not declare; so do the other two."""
        ...

    def histogram(self, instrument: Instrument, **dimensions: str) -> Histogram: ...

    def gauge(self, instrument: Instrument, **dimensions: str) -> Gauge: ...

    def begin(
        self,
        name: str,
        kind: SpanKind,
        *,
        request_id: RequestId | None = None,
        traceparent: str | None = None,
        of_requests: Sequence[RequestId] = (),
    ) -> Span | None:
        """A span of the trace that `traceparent` names, else of the request's own (a trace's id follows from the
        request's). None where nobody hears it, or where chance left its trace out. `of_requests`: whose work is done
        together; it is linked to theirs."""
        ...

    async def close(self) -> None:
        """Tell what has not been told yet, for a few seconds at most."""
        ...


def bound(instrument: Instrument, kind: Kind, dimensions: dict[str, str]) -> dict[str, str]:
    """The dimensions, checked. Raises ValueError."""
    if instrument.kind is not kind:
        raise ValueError(f"{instrument.name} is a {instrument.kind}, not a {kind}")
    declared = {dimension.name: dimension.values for dimension in instrument.dimensions}
    if declared.keys() != dimensions.keys():
        raise ValueError(f"{instrument.name} has the dimensions {', '.join(declared) or 'none'}")
    for name, value in dimensions.items():
        if value not in declared[name]:
            raise ValueError(
                f"{instrument.name}: {name} is one of {', '.join(declared[name])}, not {value!r}"
            )
    return dimensions


class _Nothing:
    """Every instrument of a service that tells nobody."""

    def add(self, amount: int = 1) -> None:
        return None

    def record(self, value: float) -> None:
        return None

    def set(self, value: float | None) -> None:
        return None


NOTHING = _Nothing()


class Untold:
    """Where nothing is exported to."""

    @property
    def told(self) -> bool:
        return False

    def counter(self, instrument: Instrument, **dimensions: str) -> Counter:
        bound(instrument, Kind.COUNTER, dimensions)
        return NOTHING

    def histogram(self, instrument: Instrument, **dimensions: str) -> Histogram:
        bound(instrument, Kind.HISTOGRAM, dimensions)
        return NOTHING

    def gauge(self, instrument: Instrument, **dimensions: str) -> Gauge:
        bound(instrument, Kind.GAUGE, dimensions)
        return NOTHING

    def begin(
        self,
        name: str,
        kind: SpanKind,
        *,
        request_id: RequestId | None = None,
        traceparent: str | None = None,
        of_requests: Sequence[RequestId] = (),
    ) -> Span | None:
        return None

    async def close(self) -> None:
        return None


UNTOLD = Untold()
