"""The counterparty's management plane as a client sees it, over real HTTP."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from kopitra_functions import counterparty_client
from kopitra_functions.counterparty_client import ATTEMPTS, CounterpartyClient
from kopitra_functions.ports import CounterpartyUnreachable

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Tokens:
    async def token(self) -> str:
        return "own"


class Pauses:
    """A sleeper that waits for nothing."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)


@asynccontextmanager
async def client_of(handle: Handler, pauses: Pauses | None = None) -> AsyncGenerator[CounterpartyClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(app) as server:
        client = CounterpartyClient(str(server.make_url("")).rstrip("/"), Tokens(), pauses or Pauses())
        yield client
        await client.close()


async def hang_up(request: web.Request) -> web.StreamResponse:
    """The connection ends without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_a_question_goes_out_whole_and_the_answer_comes_back_whole():
    seen: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request)
        assert await request.read() == b'{"a":1}'
        headers = {"Retry-After": "3"}
        return web.Response(
            status=409, body=b'{"code":"x"}', content_type="application/problem+json", headers=headers
        )

    async with client_of(handle) as client:
        answer = await client.ask(
            "POST",
            "/sessions/s%201/orders",
            token="operator's",
            body=b'{"a":1}',
            query={"q": "1 & 2"},
            idempotency_key="k",
            request_id="r",
        )
    [request] = seen
    assert request.raw_path == "/trade-agent/v1/sessions/s%201/orders?q=1+%26+2"
    assert request.headers["Authorization"] == "Bearer operator's"
    assert (request.headers["Idempotency-Key"], request.headers["X-TradeAgent-Request-ID"]) == ("k", "r")
    assert request.headers["Content-Type"] == "application/json"
    assert (answer.status, answer.body) == (409, b'{"code":"x"}')
    assert (answer.content_type, answer.headers["retry-after"]) == ("application/problem+json", "3")


async def test_without_an_operator_the_service_asks_as_itself():
    async def handle(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["Authorization"])

    async with client_of(handle) as client:
        assert (await client.ask("GET", "/sessions")).body == b"Bearer own"


@pytest.mark.parametrize(("method", "key"), [("GET", None), ("POST", "k")])
async def test_what_may_be_repeated_is_tried_three_times(method: str, key: str | None):
    pauses = Pauses()
    async with client_of(hang_up, pauses) as client:
        with pytest.raises(CounterpartyUnreachable):
            await client.ask(method, "/x", idempotency_key=key)
    assert len(pauses.taken) == ATTEMPTS - 1


async def test_an_answer_ends_the_tries():
    calls = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal calls
        calls += 1
        return await hang_up(request) if calls == 1 else web.Response(text="at last")

    async with client_of(handle) as client:
        assert (await client.ask("POST", "/x", idempotency_key="k")).body == b"at last"
    assert calls == 2


async def test_what_may_not_be_repeated_is_tried_once():
    calls = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal calls
        calls += 1
        return await hang_up(request)

    async with client_of(handle) as client:
        with pytest.raises(CounterpartyUnreachable):
            await client.ask("POST", "/x")
    assert calls == 1


async def test_a_refusal_is_an_answer_and_not_repeated():
    calls = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        return web.Response(status=503)

    async with client_of(handle) as client:
        assert (await client.ask("GET", "/x")).status == 503
    assert calls == 1


async def test_nobody_listening_is_told_with_the_path_and_without_the_token():
    client = CounterpartyClient("http://127.0.0.1:1", Tokens(), Pauses())
    with pytest.raises(CounterpartyUnreachable, match="GET /sessions") as refused:
        await client.ask("GET", "/sessions", token="hush")
    await client.close()
    assert "hush" not in str(refused.value)


async def test_an_answer_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counterparty_client, "TOTAL_SECONDS", 0.05)
    released = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async with client_of(handle) as client:
        with pytest.raises(CounterpartyUnreachable):
            await client.ask("POST", "/x")
        released.set()


async def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counterparty_client, "ANSWER_BYTES", 1000)

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=bytes(1001))

    async with client_of(handle) as client:
        with pytest.raises(CounterpartyUnreachable, match="no end"):
            await client.ask("POST", "/x")


async def test_a_redirect_is_not_followed_with_the_operator_s_token():
    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://elsewhere.invalid/"})

    async with client_of(handle) as client:
        assert (await client.ask("GET", "/x")).status == 302
