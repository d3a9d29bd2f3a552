"""HTTP over a real socket on loopback: answers come whole, failures say whether the request can have arrived."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from kopitra_agent.adapters.http import HttpTransport
from kopitra_agent.ports.transport import Request, TransportError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler) -> AsyncGenerator[HttpTransport]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    [address] = runner.addresses
    transport = HttpTransport(f"http://127.0.0.1:{address[1]}/")
    try:
        yield transport
    finally:
        await transport.close()
        await runner.cleanup()


def get(path: str, timeout: float = 5.0) -> Request:
    return Request(method="GET", path=path, headers={"X-One": "1"}, timeout=timeout)


async def test_method_path_query_headers_and_body_arrive_and_the_answer_comes_back_whole():
    async def echo(request: web.Request) -> web.Response:
        seen = f"{request.method} {request.path_qs} {request.headers['X-One']} {await request.text()}"
        return web.Response(status=409, text=seen, headers={"Retry-After": "7"})

    async with served(echo) as transport:
        response = await transport.exchange(
            Request(method="POST", path="/a?b=1&c=2", headers={"X-One": "1"}, timeout=5.0, body=b"hello")
        )
    assert (response.status, response.body) == (409, b"POST /a?b=1&c=2 1 hello")
    assert response.headers["retry-after"] == "7"


async def test_connections_are_kept_alive():
    ports: set[object] = set()

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername"))
        return web.Response()

    async with served(note) as transport:
        for _ in range(5):
            await transport.exchange(get("/"))
    assert len(ports) == 1


async def test_a_refused_connection_certainly_did_not_arrive():
    async def never(request: web.Request) -> web.Response:
        raise AssertionError

    async with served(never) as transport:
        pass
    with pytest.raises(TransportError) as error:
        await transport.exchange(get("/"))
    await transport.close()
    assert not error.value.reached


async def test_a_late_answer_and_a_broken_connection_may_have_arrived():
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async with served(slow) as transport:
        with pytest.raises(TransportError) as error:
            await transport.exchange(get("/", timeout=0.1))
        assert error.value.reached

    async def drop(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with served(drop) as transport:
        with pytest.raises(TransportError) as error:
            await transport.exchange(get("/"))
        assert error.value.reached
