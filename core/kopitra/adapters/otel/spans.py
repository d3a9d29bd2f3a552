"""Spans, joined by the request's id: a trace's id follows from it, so that whoever knows the request knows its trace.

A request that comes with W3C's `traceparent` belongs to that trace instead. Which traces are told follows from their
ids alone: every service tells the same ones without asking another, and a caller's wish to be told counts for nothing.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from hashlib import sha256

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags, get_current_span
from opentelemetry.trace import Span as SdkSpan
from opentelemetry.trace import SpanKind as SdkKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from kopitra.application.ports.telemetry import SpanKind
from kopitra.domain.identifiers import RequestId

TRACER = "kopitra"
METHOD, ROUTE, STATUS = "http.request.method", "http.route", "http.response.status_code"
REQUEST_ID = "kopitra.request_id"
REQUEST_IDS = "kopitra.request_ids"
MOST_LINKS = 32
"""A batch of the queue has up to 200 messages; a span with as many links is larger than all that it tells."""
TRACE_BYTES = 16
SPAN_BYTES = 8

KINDS = {
    SpanKind.REQUEST: SdkKind.SERVER,
    SpanKind.MESSAGE: SdkKind.CONSUMER,
    SpanKind.TIMER: SdkKind.INTERNAL,
}

_wanted: ContextVar[int] = ContextVar("trace_id")
_propagator = TraceContextTextMapPropagator()


def trace_of(request_id: RequestId) -> int:
    return int.from_bytes(sha256(request_id.encode()).digest()[:TRACE_BYTES])


class _Ids(RandomIdGenerator):
    """The trace id that was asked for, where one was."""

    def generate_trace_id(self) -> int:
        return _wanted.get(0) or super().generate_trace_id()


class _Begun:
    __slots__ = ("_span",)

    def __init__(self, span: SdkSpan) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        context = self._span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def end(self, *, status: int | None = None, failed: bool = False) -> None:
        if status is not None:
            self._span.set_attribute(STATUS, status)
        if failed:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class Traces:
    def __init__(self, resource: Resource, exporters: Sequence[SpanExporter], ratio: float) -> None:
        self._sampler = TraceIdRatioBased(ratio)
        self._provider = TracerProvider(self._sampler, resource, shutdown_on_exit=False, id_generator=_Ids())
        for exporter in exporters:
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(TRACER)

    def begin(
        self,
        name: str,
        kind: SpanKind,
        *,
        request_id: RequestId | None,
        traceparent: str | None,
        of_requests: Sequence[RequestId],
    ) -> _Begun | None:
        parent = _propagator.extract({"traceparent": traceparent}, Context()) if traceparent else Context()
        trace = get_current_span(parent).get_span_context().trace_id
        if not trace and request_id is not None:
            trace = trace_of(request_id)
        if trace and not self._is_told(trace):
            return None
        token = _wanted.set(trace)
        try:
            span = self._tracer.start_span(
                name,
                parent,
                KINDS[kind],
                _attributes(name, kind, request_id, of_requests),
                _links(of_requests),
            )
        finally:
            _wanted.reset(token)
        return _Begun(span) if span.is_recording() else None

    def close(self, milliseconds: int) -> None:
        self._provider.force_flush(milliseconds)
        self._provider.shutdown()

    def _is_told(self, trace: int) -> bool:
        """As the sampler will say, without asking it for what most requests get: nothing."""
        return trace & TraceIdRatioBased.TRACE_ID_LIMIT < self._sampler.bound


def _attributes(
    name: str, kind: SpanKind, request_id: RequestId | None, of_requests: Sequence[RequestId]
) -> dict[str, str | Sequence[str]]:
    found: dict[str, str | Sequence[str]] = {}
    if kind is SpanKind.REQUEST:
        found[METHOD], _, found[ROUTE] = name.partition(" ")
    if request_id is not None:
        found[REQUEST_ID] = request_id
    if of_requests:
        found[REQUEST_IDS] = [*dict.fromkeys(of_requests)][:MOST_LINKS]
    return found


def _links(of_requests: Sequence[RequestId]) -> list[Link]:
    return [Link(_somewhere_in(trace_of(each))) for each in [*dict.fromkeys(of_requests)][:MOST_LINKS]]


def _somewhere_in(trace: int) -> SpanContext:
    """Which span of that trace is not known: one that is derived stands for it."""
    span = int.from_bytes(trace.to_bytes(TRACE_BYTES)[:SPAN_BYTES]) or 1
    return SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
