"""Spans of invocations, and the trace that whatever is done at the moment belongs to."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from kopitra.application.ports.telemetry import SpanKind, Telemetry
from kopitra.domain.identifiers import RequestId

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current_trace() -> str | None:
    """W3C's `traceparent` for whoever is called on behalf of this invocation."""
    return _current.get()


@contextmanager
def in_trace(traceparent: str | None) -> Generator[None]:
    """What is done inside belongs to this trace: the host's, which has a span of the invocation already."""
    token = _current.set(traceparent or None)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def spanned(
    telemetry: Telemetry,
    name: str,
    kind: SpanKind,
    *,
    request_id: str | None = None,
    of_requests: Sequence[str | None] = (),
) -> Generator[None]:
    """A span around what is done inside, in the current trace; an error that leaves it has failed it."""
    span = telemetry.begin(
        name,
        kind,
        request_id=RequestId(request_id) if request_id else None,
        traceparent=current_trace(),
        of_requests=[RequestId(each) for each in of_requests if each],
    )
    if span is None:
        yield
        return
    failed = True
    try:
        with in_trace(span.traceparent):
            yield
        failed = False
    finally:
        span.end(failed=failed)
