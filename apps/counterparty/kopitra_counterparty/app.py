"""The Quart application: every route of the table, each through the gate, and problems for all that has no route."""

from collections.abc import Awaitable, Callable, Sequence

from quart import Quart, Response, request
from werkzeug.exceptions import HTTPException

from kopitra.domain.identifiers import RequestId
from kopitra.protocol.limits import BASE_PATH, MAX_BODY_BYTES
from kopitra.protocol.problems import Code, Rejected, rejected
from kopitra_counterparty.exchange import Reply, Request, problem_reply
from kopitra_counterparty.gate import Gate, Route

View = Callable[..., Awaitable[Response]]

CODES_BY_STATUS = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.BODY_TOO_LARGE}
"""What Quart itself refuses, in our words; anything else it refuses was not a valid request."""


def create_app(gate: Gate, routes: Sequence[Route]) -> Quart:
    app = Quart("kopitra_counterparty")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    for route in routes:
        app.add_url_rule(
            BASE_PATH + route.endpoint.path.replace("{", "<").replace("}", ">"),
            endpoint=route.endpoint.scope,
            view_func=_view(gate, route),
            methods=[route.endpoint.method],
            provide_automatic_options=False,
        )

    async def refuse(error: HTTPException) -> Response:
        request_id = gate.request_id(Request(dict(request.scope["headers"])))
        response = _response(problem_reply(_problem(error), request_id), request_id)
        gate.watch.refused(response.status_code)
        if error.code == Code.METHOD_NOT_ALLOWED.status:
            response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return response

    app.register_error_handler(HTTPException, refuse)
    return app


def _view(gate: Gate, route: Route) -> View:
    async def view(**params: str) -> Response:
        scope = request.scope
        body = await request.get_data(False, False, False) if route.endpoint.keyed else b""
        asked = Request(dict(scope["headers"]), body, scope["query_string"], params)
        reply, request_id = await gate.handle(route, asked)
        return _response(reply, request_id)

    return view


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
