"""The HTTP trigger of the local host, as an ASGI application."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from azure.functions import AuthLevel, FunctionApp, HttpRequest, HttpResponse

from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_cli.functions_host.http import BODY_BYTES
from tests.management.host.functions import Hosting

Answered = tuple[int, dict[str, str], bytes]


def ask(
    handle: Callable[[HttpRequest], HttpResponse],
    *,
    method: str = "POST",
    path: bytes = b"/a%20b",
    body: tuple[bytes, ...] = (b"",),
    headers: tuple[tuple[bytes, bytes], ...] = ((b"host", b"h:1"),),
) -> Answered:
    """One request to an app with this function, as a server would bring it."""
    app = FunctionApp(http_auth_level=AuthLevel.ANONYMOUS)

    @app.function_name("http")
    @app.route(route="/{*route}", methods=["GET", "POST"])
    async def http(req: HttpRequest) -> HttpResponse:
        return handle(req)

    async def main(time: VirtualTime) -> Answered:
        host = Hosting(time).host(app)
        assert host.http is not None
        sent: list[Any] = []
        parts = [
            {"type": "http.request", "body": part, "more_body": at < len(body) - 1}
            for at, part in enumerate(body)
        ]

        async def receive() -> Any:
            return parts.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": "/a b",
            "raw_path": path,
            "query_string": b"q=1&q=2",
            "headers": headers,
        }
        await host.http(scope, receive, send)
        start, content = sent
        named = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], named, content["body"]

    return run_virtual(1, main)


def ok(request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


def test_the_function_gets_the_address_the_headers_and_the_whole_body():
    seen: list[HttpRequest] = []

    def handle(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse(b"{}", status_code=201, mimetype="application/json", headers={"ETag": '"1"'})

    headers = (
        (b"host", b"h:1"),
        (b"Accept", b"a"),
        (b"accept", b"b"),
        (b"cookie", b"c=1"),
        (b"cookie", b"d=2"),
    )
    status, named, body = ask(handle, body=(b"one ", b"two"), headers=headers)
    [request] = seen
    assert (request.method, request.url) == ("POST", "http://h:1/a%20b?q=1&q=2")
    assert request.get_body() == b"one two"
    assert (request.headers["accept"], request.headers["cookie"]) == ("a,b", "c=1; d=2")
    assert (status, body) == (201, b"{}")
    assert (named["etag"], named["content-length"]) == ('"1"', "2")
    assert named["content-type"] == "application/json; charset=utf-8"


def test_a_method_that_the_function_does_not_take_is_refused():
    status, _, body = ask(ok, method="TRACE")
    assert (status, msgspec.json.decode(body)["code"]) == (405, "method_not_allowed")


def test_a_function_that_fails_is_a_problem_without_what_it_said():
    def handle(request: HttpRequest) -> HttpResponse:
        raise ValueError("a secret")

    status, named, body = ask(handle)
    assert (status, named["content-type"]) == (500, "application/problem+json")
    assert b"secret" not in body


def test_a_body_without_end_is_refused():
    part = bytes(BODY_BYTES // 4)
    status, _, body = ask(ok, body=(part, part, part, part, b"more"))
    assert (status, msgspec.json.decode(body)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("path", [b"/%ff", b"/\xff"])
def test_a_path_in_no_encoding_still_reaches_the_function(path: bytes):
    assert ask(ok, path=path)[0] == 200
