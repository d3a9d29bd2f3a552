"""Every request passes here: who calls, may they, about whose things, is what they say well-formed; then the route.

Nothing of this needs the database: who an operator is comes from the token.
"""

from itertools import count
from typing import Any

import msgspec
import structlog
from sqlalchemy.exc import IntegrityError

from kopitra.adapters.operator_tokens import ALL_TENANTS, Operator, OperatorRefused, OperatorTokens
from kopitra.application.ports.blobs import BlobsUnavailable
from kopitra.application.ports.queue import QueueUnavailable
from kopitra.application.ports.telemetry import SpanKind
from kopitra.domain.identifiers import RequestId, TenantId
from kopitra.protocol.exchange import AUTHORIZATION, Reply, Request, problem_reply
from kopitra.protocol.limits import MAX_ID_LENGTH
from kopitra.protocol.parsing import Body, read_message
from kopitra.protocol.problems import Code, Rejected, rejected
from kopitra_functions.credentials.wrapping import WrappingKeyUnavailable
from kopitra_functions.http.call import COUNTERPARTY_PAUSE_SECONDS, Call
from kopitra_functions.http.desk import Desk
from kopitra_functions.http.endpoint import TENANT, Endpoint, Route
from kopitra_functions.http.etags import expected_version
from kopitra_functions.http.problems import Trouble, refused
from kopitra_functions.http.queries import read_query
from kopitra_functions.measuring import RequestCounts
from kopitra_functions.ports import CounterpartyUnreachable
from kopitra_functions.sql.database import DatabaseResuming, DatabaseUnavailable
from kopitra_functions.sql.types import TENANT_LENGTH
from kopitra_functions.tracing import current_trace, in_trace

DOTS_OF_A_JWT = 2
"""An EA's session token has one."""
REQUEST_ID_PREFIX = 16
UNAVAILABLE_PAUSE_SECONDS = 5
"""What is not merely resuming needs longer than a breath."""

log = structlog.get_logger("kopitra.http")


class Gate:
    def __init__(self, *, desk: Desk, operators: OperatorTokens | None) -> None:
        """Without `operators` nobody gets in: no issuer is configured."""
        self._desk = desk
        self._operators = operators
        self._telemetry = desk.world.telemetry
        self.counts = RequestCounts(self._telemetry)
        prefix = desk.world.ids.new()[:REQUEST_ID_PREFIX]
        self._minted = (f"{prefix}-{number:x}" for number in count(1))
        self._decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {}

    def request_id(self, request: Request) -> RequestId:
        """The caller's, or a new one."""
        return request.request_id() or RequestId(next(self._minted))

    async def handle(self, route: Route, request: Request) -> tuple[Reply, RequestId]:
        """Any request gets a reply; nothing is raised but cancellation."""
        request_id, endpoint = self.request_id(request), route.endpoint
        span = None
        if not endpoint.public:
            span = self._telemetry.begin(
                endpoint.scope, SpanKind.REQUEST, request_id=request_id, traceparent=current_trace()
            )
        with in_trace(span.traceparent if span is not None else current_trace()):
            reply = await self._reply(route, request, request_id)
        self.counts.answered(reply.status)
        if span is not None:
            span.end(status=reply.status, failed=reply.status >= Code.INTERNAL_ERROR.status)
        return reply, request_id

    async def _reply(self, route: Route, request: Request, request_id: RequestId) -> Reply:
        try:
            return await self._pass(route, request, request_id)
        except Exception as error:
            problem = _problem_of(error)
            if problem.status == Code.INTERNAL_ERROR.status:
                log.exception("request_defect", route=route.endpoint.scope, request_id=request_id)
            elif problem.status >= Code.INTERNAL_ERROR.status:
                log.warning(problem.code, route=route.endpoint.scope, request_id=request_id, error=str(error))
            return problem_reply(problem, request_id)

    async def _pass(self, route: Route, request: Request, request_id: RequestId) -> Reply:
        endpoint = route.endpoint
        call = Call(endpoint, request, request_id, self._desk)
        if not endpoint.public:
            await self._admit(call)
            if any(not _is_id(value) for value in request.params.values()):
                raise rejected(Code.NOT_FOUND)
        call.query = read_query(endpoint.parameters, request.parameters())
        if not endpoint.public:
            call.tenant = _tenant(call.operator, call.query.get(TENANT.name))
        if endpoint.keyed:
            call.key = request.idempotency_key()
        if endpoint.edits:
            call.expected = expected_version(request)
        self._read(call)
        return await route.handle(call)

    async def _admit(self, call: Call) -> None:
        scheme, _, token = call.request.headers.get(AUTHORIZATION, b"").partition(b" ")
        if scheme.lower() != b"bearer" or not token:
            raise rejected(Code.TOKEN_MISSING, "an operator's access token is needed")
        if token.count(b".") != DOTS_OF_A_JWT:
            raise rejected(Code.OPERATORS_ONLY, "an EA's token opens nothing here")
        if self._operators is None:
            raise rejected(Code.OPERATORS_ONLY, "no operators are configured")
        try:
            call.token = token.decode("ascii")
            call.operator = await self._operators.check(call.token)
        except (OperatorRefused, UnicodeDecodeError) as error:
            raise rejected(Code.TOKEN_INVALID, str(error)) from None
        if not call.operator.may(call.endpoint.role):
            raise rejected(Code.OPERATORS_ONLY, f"this needs the role {call.endpoint.role}")
        if call.endpoint.platform and call.operator.tenant != ALL_TENANTS:
            raise rejected(Code.OPERATORS_ONLY, "this is for operators of all tenants")

    def _read(self, call: Call) -> None:
        endpoint, request = call.endpoint, call.request
        if endpoint.upload_bytes:
            if len(request.body) > endpoint.upload_bytes:
                raise rejected(Code.BODY_TOO_LARGE, f"a file has at most {endpoint.upload_bytes} bytes")
            call.normal = request.body
        elif endpoint.body:
            body = request.json()
            call.message = self._message(body, endpoint)
            call.normal = body.normal()

    def _message(self, body: Body, endpoint: Endpoint) -> Any:
        """As the first alternative that it is one of; if it is none, what is wrong with it as the last."""
        refusal: Rejected | None = None
        for kind in endpoint.body:
            decoder = self._decoders.setdefault(kind, msgspec.json.Decoder(kind))
            try:
                return read_message(body.raw, decoder)
            except Rejected as error:
                refusal = error
        assert refusal is not None
        raise refusal


def _tenant(operator: Operator, given: str | None) -> TenantId | None:
    """Raises Rejected."""
    if given is not None and (len(given) > TENANT_LENGTH or given == ALL_TENANTS):
        raise rejected(Code.QUERY_INVALID, "tenant must name one tenant")
    if operator.tenant == ALL_TENANTS:
        return TenantId(given) if given is not None else None
    if given is not None and given != operator.tenant:
        raise refused(Trouble.TENANT_FORBIDDEN, "only operators of all tenants may name another tenant")
    return operator.tenant


def _is_id(text: str) -> bool:
    """A segment of a path that names something; dots alone would climb in a path that it is passed on in."""
    return 0 < len(text) <= MAX_ID_LENGTH and text.isprintable() and text.strip(".") != ""


def _problem_of(error: Exception) -> Rejected:
    match error:
        case Rejected():
            return error
        case DatabaseResuming():
            pause = max(1, round(error.retry_after_seconds))
            return refused(Trouble.DATABASE_RESUMING, retry_after=pause)
        case DatabaseUnavailable():
            return refused(Trouble.DATABASE_UNAVAILABLE, retry_after=UNAVAILABLE_PAUSE_SECONDS)
        case QueueUnavailable() | BlobsUnavailable() | WrappingKeyUnavailable():
            return refused(Trouble.STORAGE_UNAVAILABLE, retry_after=UNAVAILABLE_PAUSE_SECONDS)
        case CounterpartyUnreachable():
            return refused(
                Trouble.COUNTERPARTY_UNREACHABLE,
                "whether it was carried out is unknown: ask again with the same Idempotency-Key",
                retry_after=COUNTERPARTY_PAUSE_SECONDS,
            )
        case IntegrityError():
            return refused(Trouble.NOT_POSSIBLE, "something that it depends on has changed meanwhile")
        case _:
            return rejected(Code.INTERNAL_ERROR)
