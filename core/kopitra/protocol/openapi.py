"""The OpenAPI 3.1 document, made from the table of endpoints."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from kopitra.domain.trading import Order
from kopitra.protocol import headers
from kopitra.protocol.endpoints import Access, Endpoint, Query, Rate
from kopitra.protocol.events import TRADE_TYPE_OF, OutboxType
from kopitra.protocol.inbox import PAYLOADS
from kopitra.protocol.limits import BASE_PATH, MAX_ACCOUNT_LENGTH, MAX_IDEMPOTENCY_KEY_LENGTH
from kopitra.protocol.messages import Problem
from kopitra.protocol.problems import CONTENT_TYPE
from kopitra.protocol.schemas import Schema, schemas

VERSION = "1"
JSON = "application/json"

Known = dict[type[Any], Schema]

ORDER_TYPES = {*TRADE_TYPE_OF.values(), OutboxType.ORDER_COMMAND}
"""Outbox events whose payload is an order; those of the others are small objects of texts."""

REFUSED_BY_ACCESS = {
    Access.OPEN: (),
    Access.SECRET: (400, 401, 429),
    Access.SESSION: (400, 401, 403),
    Access.APPROVED: (400, 401, 403),
    Access.OPERATOR: (400, 401, 403),
}
ACCOUNT_PARAMETER: Schema = {
    "name": headers.ACCOUNT,
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": f"^[A-Za-z0-9][A-Za-z0-9._:@-]{{0,{MAX_ACCOUNT_LENGTH - 1}}}$"},
}
KEY_PARAMETER: Schema = {
    "name": headers.IDEMPOTENCY_KEY,
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": f"^[!-~]{{1,{MAX_IDEMPOTENCY_KEY_LENGTH}}}$"},
}
REQUEST_ID_PARAMETER: Schema = {
    "name": headers.REQUEST_ID,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
}
SANDBOX_PARAMETER: Schema = {
    "name": headers.SANDBOX,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "enum": ["true", "false"]},
}


def openapi(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """A document for these endpoints."""
    types: list[type[Any]] = [Problem, Order, *PAYLOADS.values()]
    for endpoint in endpoints:
        for kinds in (endpoint.request, *endpoint.answers.values()):
            types.extend(kinds)
    shown, components = schemas(types)
    known = dict(zip(types, shown, strict=True))
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, known)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kopitra counterparty", "version": VERSION},
        "servers": [{"url": BASE_PATH}],
        "paths": paths,
        "x-inboxPayloads": {str(name): known[kind] for name, kind in PAYLOADS.items()},
        "x-outboxPayloads": {str(name): known[Order] for name in sorted(ORDER_TYPES)},
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "http", "scheme": "bearer", "description": "A session token."},
                "operator": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _operation(endpoint: Endpoint, known: Known) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id(endpoint.method, endpoint.path),
        "summary": endpoint.summary,
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, known),
    }
    if endpoint.request:
        content = {JSON: {"schema": one_of(endpoint.request, known)}}
        operation["requestBody"] = {"required": True, "content": content}
    if endpoint.access in (Access.SESSION, Access.APPROVED):
        operation["security"] = [{"session": []}]
    elif endpoint.access is Access.OPERATOR:
        operation["security"] = [{"operator": []}]
    return operation


def operation_id(method: str, path: str) -> str:
    """`GET /runs/{runId}` → `getRunsRunId`."""
    words = path.replace("{", "").replace("}", "").replace(".", "/").replace("-", "/").strip("/").split("/")
    return method.lower() + "".join(word[:1].upper() + word[1:] for word in words)


def _parameters(endpoint: Endpoint) -> list[Schema]:
    parameters = [REQUEST_ID_PARAMETER]
    if endpoint.access in (Access.SECRET, Access.SESSION, Access.APPROVED):
        parameters.append(ACCOUNT_PARAMETER)
    if endpoint.keyed:
        parameters.append(KEY_PARAMETER)
    if endpoint.access is Access.APPROVED:
        parameters.append(SANDBOX_PARAMETER)
    parameters.extend(path_parameters(endpoint.path))
    return [*parameters, *(_query(query) for query in endpoint.query)]


def path_parameters(path: str) -> list[Schema]:
    """Of the names in braces."""
    return [
        {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
        for part in path.split("/")
        if part.startswith("{")
    ]


def _query(query: Query) -> Schema:
    schema: Schema = {"type": query.kind}
    for name, value in (
        ("default", query.default),
        ("minimum", query.minimum),
        ("maximum", query.maximum),
    ):
        if value is not None:
            schema[name] = value
    return {"name": query.name, "in": "query", "description": query.description, "schema": schema}


def _responses(endpoint: Endpoint, known: Known) -> dict[str, Any]:
    responses: dict[str, Any] = {
        str(status): response(status, one_of(kinds, known)) for status, kinds in endpoint.answers.items()
    }
    for status in sorted(_refusals(endpoint) - set(endpoint.answers)):
        content_type = JSON if endpoint.path == "/health" else CONTENT_TYPE
        responses[str(status)] = response(status, known[Problem], content_type)
    return responses


def response(status: int, schema: Schema, content_type: str = JSON) -> Schema:
    return {"description": HTTPStatus(status).phrase, "content": {content_type: {"schema": schema}}}


def one_of(kinds: tuple[type[Any], ...], known: Known) -> Schema:
    return known[kinds[0]] if len(kinds) == 1 else {"anyOf": [known[kind] for kind in kinds]}


def _refusals(endpoint: Endpoint) -> set[int]:
    found = {*endpoint.refusals, *REFUSED_BY_ACCESS[endpoint.access]}
    if endpoint.access is not Access.OPEN or endpoint.keyed:
        found.add(503)
    if endpoint.keyed:
        found |= {400, 422}
    if endpoint.request:
        found |= {400, 413, 415, 422}
    if endpoint.query:
        found.add(400)
    if endpoint.rate in (Rate.LIMITED, Rate.BY_CONTENT):
        found.add(429)
    return found
