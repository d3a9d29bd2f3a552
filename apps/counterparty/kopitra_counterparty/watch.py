"""What is told of requests: how many, how long a leader's signals take, and spans of those that do something."""

import msgspec

from kopitra.application import measured
from kopitra.application.gauging import Ingestion
from kopitra.application.ports.telemetry import Counter, Span, SpanKind, Telemetry
from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import RequestId
from kopitra.protocol.endpoints import Access, Endpoint
from kopitra_counterparty.exchange import Request

SIGNALS = "POST /signals"
TRACEPARENT = b"traceparent"
FIRST_REFUSAL = 300
FIRST_FAILURE = 500


class Asked(msgspec.Struct, frozen=True):
    """A request on its way."""

    at: float
    span: Span | None


class RequestWatch:
    def __init__(self, telemetry: Telemetry, clock: Clock, ingestion: Ingestion) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._ingestion = ingestion
        self._counts: dict[int, Counter] = {
            number: telemetry.counter(measured.REQUESTS, status=name)
            for number, name in enumerate(measured.STATUS_CLASSES, 1)
        }

    def asked(self, endpoint: Endpoint, request: Request, request_id: RequestId) -> Asked | None:
        """None where nothing but its status is told of such a request, or of any."""
        if not self._telemetry.told or not is_traced(endpoint):
            return None
        given = request.headers.get(TRACEPARENT)
        span = self._telemetry.begin(
            endpoint.scope,
            SpanKind.REQUEST,
            request_id=request_id,
            traceparent=given.decode("latin-1") if given is not None else None,
        )
        return Asked(self._clock.monotonic(), span)

    def answered(self, endpoint: Endpoint, status: int, asked: Asked | None) -> None:
        self.refused(status)
        if asked is None:
            return
        if asked.span is not None:
            asked.span.end(status=status, failed=status >= FIRST_FAILURE)
        if status < FIRST_REFUSAL and endpoint.scope == SIGNALS:
            self._ingestion.took(self._clock.monotonic() - asked.at)

    def refused(self, status: int) -> None:
        """What no route saw."""
        self._counts[status // 100].add()


def is_traced(endpoint: Endpoint) -> bool:
    """Polls and health reports say nothing and are most of all requests."""
    return endpoint.keyed or endpoint.access is Access.OPERATOR
