"""Routes that a counterparty's management plane answers: passed on as they came, without SQL on the way.

The operator's own token, idempotency key and request id go along, so the counterparty journals who asked for what.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import structlog

from kopitra.protocol import endpoints
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management_endpoints import NEEDED_ROLE
from kopitra.protocol.problems import Code, rejected
from kopitra_functions.http.call import Call
from kopitra_functions.http.endpoint import TENANT, Endpoint, Kind, Query, Route

KINDS = {"integer": Kind.WHOLE, "string": Kind.TEXT}
SERVER_TIMING = b"server-timing"
MILLISECONDS = 1000.0

log = structlog.get_logger("kopitra.passing")


def passed(known: endpoints.Endpoint, path: str | None = None) -> Route:
    """The same route here, at its own path unless another is given. Paths name their parameters alike."""

    async def handle(call: Call) -> Reply:
        return await pass_on(call, known)

    return Route(
        Endpoint(
            method=known.method,
            path=path or known.path,
            summary=known.summary,
            role=NEEDED_ROLE[known.scope],
            body=known.request,
            answers={status: tuple(kinds) for status, kinds in known.answers.items()},
            refusals=known.refusals,
            query=tuple(_query(each) for each in known.query),
            sql=False,
        ),
        handle,
    )


async def pass_on(call: Call, known: endpoints.Endpoint) -> Reply:
    """The counterparty's answer. Raises CounterpartyUnreachable; Rejected where an operator of all tenants names one:
    the counterparty goes by the token, and a halt of one tenant must not become a halt of all."""
    if call.tenant not in (None, call.operator.tenant):
        raise rejected(Code.QUERY_INVALID, "this is passed on with your token, which is for all tenants")
    return await ask(call, known)


async def ask(call: Call, known: endpoints.Endpoint) -> Reply:
    """The counterparty's answer, and how long it took. Raises CounterpartyUnreachable."""
    began = call.desk.world.clock.monotonic()
    body = call.request.body if known.request else None
    query = {name: str(value) for name, value in call.query.items() if name != TENANT.name}
    reply = await call.ask(known.method, filled(known.path, call.params), body, query)
    took = (call.desk.world.clock.monotonic() - began) * MILLISECONDS
    log.info(
        "passed_on", route=known.scope, status=reply.status, ms=round(took, 1), request_id=call.request_id
    )
    timing = (SERVER_TIMING, b"counterparty;dur=%.1f" % took)
    return Reply(reply.status, reply.body, content_type=reply.content_type, headers=(*reply.headers, timing))


def filled(template: str, params: Mapping[str, str]) -> str:
    """A path with its parameters in place, each one segment whatever characters it has."""
    return template.format_map({name: quote(value, safe="") for name, value in params.items()})


def _query(known: endpoints.Query) -> Query:
    default: Any = known.default
    return Query(
        known.name,
        KINDS[known.kind],
        known.description,
        default if isinstance(default, int) else None,
        known.minimum,
        known.maximum,
    )
