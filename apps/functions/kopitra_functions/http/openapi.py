"""The OpenAPI 3.1 document of `/api/admin`, made from the table of endpoints."""

from collections.abc import Sequence
from typing import Any

from kopitra.protocol.messages import Problem
from kopitra.protocol.openapi import (
    JSON,
    KEY_PARAMETER,
    REQUEST_ID_PARAMETER,
    Known,
    one_of,
    operation_id,
    path_parameters,
    response,
)
from kopitra.protocol.problems import CONTENT_TYPE
from kopitra.protocol.schemas import Schema, schemas
from kopitra_functions.http.endpoint import MAX_CURSOR_LENGTH, Endpoint, Kind, Query

VERSION = "1"
ADMIN_PATH = "/api/admin"
TYPES: dict[Kind, Schema] = {
    Kind.TEXT: {"type": "string", "minLength": 1, "maxLength": 128},
    Kind.CURSOR: {"type": "string", "minLength": 1, "maxLength": MAX_CURSOR_LENGTH},
    Kind.WHOLE: {"type": "integer"},
    Kind.FLAG: {"type": "boolean"},
    Kind.TIME: {"type": "string", "format": "date-time"},
}
IF_MATCH_PARAMETER: Schema = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag that the last reading gave.",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,18}"$'},
}


def admin_document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document for these endpoints."""
    kinds = [kind for e in endpoints for kinds in (e.body, *e.answers.values()) for kind in kinds]
    types: list[type[Any]] = list(dict.fromkeys((Problem, *kinds)))
    shown, components = schemas(types)
    known = dict(zip(types, shown, strict=True))
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, known)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kopitra management", "version": VERSION},
        "servers": [{"url": ADMIN_PATH}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"operator": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(endpoint: Endpoint, known: Known) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id(endpoint.method, endpoint.path),
        "summary": endpoint.summary,
        "tags": [endpoint.path.strip("/").split("/")[0]],
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, known),
    }
    if endpoint.upload_bytes:
        content: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string"}}}
        operation["requestBody"] = {"required": True, "content": content}
    elif endpoint.body:
        operation["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": one_of(endpoint.body, known)}},
        }
    if not endpoint.public:
        operation["security"] = [{"operator": []}]
        operation["x-role"] = str(endpoint.role)
        operation["x-needsDatabase"] = endpoint.sql
    return operation


def _parameters(endpoint: Endpoint) -> list[Schema]:
    parameters = [REQUEST_ID_PARAMETER]
    if endpoint.keyed:
        parameters.append(KEY_PARAMETER)
    if endpoint.edits:
        parameters.append(IF_MATCH_PARAMETER)
    parameters.extend(path_parameters(endpoint.path))
    return [*parameters, *(_query(query) for query in endpoint.parameters)]


def _query(query: Query) -> Schema:
    schema = dict(TYPES[query.kind])
    named = (("default", query.default), ("minimum", query.minimum), ("maximum", query.maximum))
    schema.update({name: value for name, value in named if value is not None})
    if query.choices:
        schema["enum"] = list(query.choices)
    return {
        "name": query.name,
        "in": "query",
        "description": query.description,
        "required": query.required,
        "schema": schema,
    }


def _responses(endpoint: Endpoint, known: Known) -> dict[str, Any]:
    responses: dict[str, Any] = {
        str(status): _answer(endpoint, status, kinds, known) for status, kinds in endpoint.answers.items()
    }
    for status in sorted(refusals(endpoint) - set(endpoint.answers)):
        responses[str(status)] = response(status, known[Problem], CONTENT_TYPE)
    return responses


def _answer(endpoint: Endpoint, status: int, kinds: tuple[type[Any], ...], known: Known) -> Schema:
    if kinds:
        return response(status, one_of(kinds, known))
    if endpoint.file:
        return {"description": "The file.", "content": {"*/*": {"schema": {"type": "string"}}}}
    return {"description": "Done; there is nothing to say."}


def refusals(endpoint: Endpoint) -> set[int]:
    """Every status of a problem that this endpoint may give."""
    found = {400, *endpoint.refusals}
    if not endpoint.public:
        found |= {401, 403, 503}
    if "{" in endpoint.path:
        found.add(404)
    if endpoint.keyed:
        found |= {400, 409, 422}
    if endpoint.edits:
        found |= {400, 409, 412, 428}
    if endpoint.body or endpoint.upload_bytes:
        found |= {400, 413, 415, 422}
    return found
