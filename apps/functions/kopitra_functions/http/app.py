"""The Quart application: every route of the table through the gate, and problems for all that has no route."""

from collections.abc import Awaitable, Callable, Sequence

from quart import Quart, Response, request
from werkzeug.exceptions import HTTPException

from kopitra.adapters.operator_tokens import OperatorTokens
from kopitra.domain.identifiers import RequestId
from kopitra.protocol.exchange import Reply, Request, problem_reply
from kopitra.protocol.limits import MAX_BODY_BYTES
from kopitra.protocol.problems import Code, Rejected, rejected
from kopitra_functions.http.desk import Desk
from kopitra_functions.http.endpoint import Endpoint, Route
from kopitra_functions.http.gate import Gate
from kopitra_functions.http.openapi import ADMIN_PATH
from kopitra_functions.http.routes.table import all_routes

View = Callable[..., Awaitable[Response]]

CODES_BY_STATUS = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.BODY_TOO_LARGE}
"""What Quart itself refuses, in our words; anything else it refuses was not a valid request."""


def create_app(
    *,
    desk: Desk,
    operators: OperatorTokens | None,
    routes: Sequence[Route] | None = None,
    build: str = "development",
) -> Quart:
    """`routes`: those of the whole table where none are given. `build`: what the instance says it is."""
    table = all_routes(build) if routes is None else routes
    gate = Gate(desk=desk, operators=operators)
    app = Quart("kopitra_functions")
    app.config["MAX_CONTENT_LENGTH"] = max(_body_bytes(route.endpoint) for route in table)
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    for route in table:
        app.add_url_rule(
            ADMIN_PATH + route.endpoint.path.replace("{", "<").replace("}", ">"),
            endpoint=route.endpoint.scope,
            view_func=_view(gate, route),
            methods=[route.endpoint.method],
            provide_automatic_options=False,
        )

    async def refuse(error: HTTPException) -> Response:
        request_id = gate.request_id(Request(dict(request.scope["headers"])))
        response = _response(problem_reply(_problem(error), request_id), request_id)
        gate.counts.answered(response.status_code)
        if error.code == Code.METHOD_NOT_ALLOWED.status:
            response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return response

    app.register_error_handler(HTTPException, refuse)
    return app


def _view(gate: Gate, route: Route) -> View:
    limit = _body_bytes(route.endpoint)
    takes_body = route.endpoint.method != "GET"

    async def view(**params: str) -> Response:
        scope = request.scope
        if (request.content_length or 0) > limit:
            raise_too_large()
        body = await request.get_data(False, False, False) if takes_body else b""
        if len(body) > limit:
            raise_too_large()
        asked = Request(dict(scope["headers"]), body, scope["query_string"], params)
        reply, request_id = await gate.handle(route, asked)
        return _response(reply, request_id)

    return view


def raise_too_large() -> None:
    """Quart's own way to refuse a body, for the handler of refusals."""
    error = HTTPException()
    error.code = Code.BODY_TOO_LARGE.status
    raise error


def _body_bytes(endpoint: Endpoint) -> int:
    return endpoint.upload_bytes or MAX_BODY_BYTES


def _response(reply: Reply, request_id: RequestId) -> Response:
    response = Response(reply.body, reply.status, content_type=reply.content_type.decode())
    for name, value in reply.wire_headers(request_id)[1:]:
        response.headers[name.decode()] = value.decode("latin-1")
    return response


def _problem(error: HTTPException) -> Rejected:
    code = CODES_BY_STATUS.get(error.code or 500)
    if code is not None:
        return rejected(code)
    status = error.code or 500
    return (
        rejected(Code.INTERNAL_ERROR)
        if status >= 500
        else rejected(Code.REQUEST_MALFORMED, error.description or "")
    )
