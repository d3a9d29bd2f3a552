"""The HTTP trigger: any ASGI server's request, given to the function as Azure's host gives it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import structlog
from azure.functions import HttpRequest, HttpResponse

from kopitra.protocol.problems import CONTENT_TYPE, Code, Rejected, problem_body, rejected
from kopitra_cli.functions_host.indexing import HttpFunction
from kopitra_cli.functions_host.invoking import Invoker

BODY_BYTES = 100 * 1024 * 1024
"""Azure's host takes no longer request; the application's own limits are lower."""
COOKIE = "cookie"
HEADERS_OF_THE_SERVER = {"content-length", "connection", "transfer-encoding"}

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

log = structlog.get_logger("kopitra.functions")


class HttpFront:
    """An ASGI application before one HTTP function that takes every path."""

    def __init__(self, function: HttpFunction, invoker: Invoker) -> None:
        self._function = function
        self._invoker = invoker

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _answer(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["method"] not in self._function.methods:
            await _send(send, *_problem(rejected(Code.METHOD_NOT_ALLOWED)))
            return
        body = await _body(receive)
        if body is None:
            await _send(send, *_problem(rejected(Code.BODY_TOO_LARGE)))
            return
        request = _request(scope, body)
        told = {"method": scope["method"], "path": scope["path"]}
        try:
            response: HttpResponse = await self._invoker.invoke(
                self._function.callee, request, told, trace_parent=request.headers.get("traceparent", "")
            )
        except Exception:  # noqa: BLE001  # whatever a function raises; the invoker has logged it
            await _send(send, *_problem(rejected(Code.INTERNAL_ERROR)))
            return
        await _send(send, response.status_code, _headers(response), response.get_body())


def _request(scope: Any, body: bytes) -> Any:
    headers = _joined(scope["headers"])
    raw_path = scope.get("raw_path") or scope["path"].encode()
    query = scope["query_string"].decode("latin-1")
    url = f"{scope['scheme']}://{headers.get('host', 'localhost')}{raw_path.decode('latin-1')}"
    return HttpRequest(
        scope["method"],
        f"{url}?{query}" if query else url,
        headers=headers,
        params=dict(parse_qsl(query, keep_blank_values=True)),
        route_params={"route": scope["path"].lstrip("/")},
        body=body,
    )


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """A header that came several times as one, which is how Azure's host gives it."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        between = "; " if name == COOKIE else ","
        joined[name] = f"{joined[name]}{between}{value}" if name in joined else value
    return joined


async def _body(receive: Receive) -> bytes | None:
    """None for one that is too long."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _headers(response: HttpResponse) -> list[tuple[str, str]]:
    given = [(str(name), str(value)) for name, value in response.headers.items()]
    if not any(name.lower() == "content-type" for name, _ in given):
        given.append(("content-type", f"{response.mimetype}; charset={response.charset}"))
    return [(name, value) for name, value in given if name.lower() not in HEADERS_OF_THE_SERVER]


def _problem(problem: Rejected) -> tuple[int, list[tuple[str, str]], bytes]:
    return problem.status, [("content-type", CONTENT_TYPE)], problem_body(problem, None)


async def _send(send: Send, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
    wire = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    wire.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": wire})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    """Nothing begins or ends with the server."""
    answers: Mapping[str, str] = {
        "lifespan.startup": "lifespan.startup.complete",
        "lifespan.shutdown": "lifespan.shutdown.complete",
    }
    while True:
        kind = (await receive())["type"]
        await send({"type": answers[kind]})
        if kind == "lifespan.shutdown":
            return
