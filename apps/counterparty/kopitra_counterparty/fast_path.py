"""The short way for the routes that carry the load: ASGI in, gate, ASGI out, with no framework between.

Quart spends two tasks, three sends and a request context on every request (docs/decisions/0062 has the figures). The
gate, the routes and all their policies are the same ones; whatever is not hot goes on to Quart.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from kopitra.domain.identifiers import RequestId
from kopitra.protocol.limits import BASE_PATH, MAX_BODY_BYTES
from kopitra.protocol.problems import Code, rejected
from kopitra_counterparty.exchange import Reply, Request, problem_reply
from kopitra_counterparty.gate import Gate, Route

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Asgi = Callable[[Any, Any, Any], Awaitable[None]]

DRAINED_BYTES = 4 * MAX_BODY_BYTES
"""So much of a body that is too large is still read, so that its sender gets to see the answer."""


class FastPath:
    def __init__(self, gate: Gate, routes: Sequence[Route], otherwise: Asgi) -> None:
        self._gate = gate
        self._otherwise = otherwise
        self._hot = {
            (route.endpoint.method, BASE_PATH + route.endpoint.path): route for route in routes if route.hot
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._hot.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._otherwise(scope, receive, send)
            return
        request = Request(dict(scope["headers"]), query=scope["query_string"])
        if route.endpoint.keyed:
            body = await _body(receive)
            if body is None:
                request_id = self._gate.request_id(request)
                refusal = problem_reply(rejected(Code.BODY_TOO_LARGE), request_id)
                self._gate.watch.refused(refusal.status)
                await _send(send, refusal, request_id)
                return
            request.body = body
        reply, request_id = await self._gate.handle(route, request)
        await _send(send, reply, request_id)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where it is too large, or its sender went away."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        piece = message.get("body", b"")
        size += len(piece)
        if size <= MAX_BODY_BYTES:
            pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces) if size <= MAX_BODY_BYTES else None
        if size > DRAINED_BYTES:
            return None


async def _send(send: Send, reply: Reply, request_id: RequestId) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": reply.wire_headers(request_id),
        }
    )
    await send({"type": "http.response.body", "body": reply.body})
