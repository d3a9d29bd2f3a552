"""Bare programs that do nothing but what any service here must: what the machine, Quart and hypercorn allow.

`python -m tests.load.ceilings quart|wake`, served by hypercorn with the counterparty's own settings.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from hypercorn.asyncio import serve  # pyright: ignore[reportUnknownVariableType]
from quart import Quart, Response, request

from kopitra.protocol.limits import BASE_PATH
from kopitra_counterparty.server import listening_socket, server_config

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

ACCEPTED = b'{"status":"accepted","sequence":1,"runId":"r-abcdefghijklmnop","planned":1,"skipped":0}'
A_PAGE = msgspec.json.encode(
    {
        "journalId": "j" * 32,
        "cursor": 0,
        "urgent": [],
        "events": [{"eventId": "main-1", "eventType": "trade.started", "payload": {"comment": "x" * 480}}],
    }
)
"""As long as an answer that carries one command."""


def empty_quart() -> Quart:
    """A handler that reads its body and answers."""
    app = Quart("ceiling")

    async def answer() -> Response:
        await request.get_data()
        return Response(ACCEPTED, 202, content_type="application/json")

    app.add_url_rule(BASE_PATH + "/signals", view_func=answer, methods=["POST"])
    return app


def park_and_wake() -> Asgi:
    """Every GET waits for the next POST. No framework: nothing in Python under this server does it with less."""
    parked: list[asyncio.Future[None]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        if scope["method"] == "GET":
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            parked.append(future)
            await future
            await _answer(send, 200, A_PAGE)
            return
        while (await receive()).get("more_body", False):
            pass
        woken = parked.copy()
        parked.clear()
        for future in woken:
            future.set_result(None)
        await _answer(send, 202, ACCEPTED)

    return app


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _main(app: Any) -> None:
    listener = listening_socket("127.0.0.1", 0)
    line = {"event": "listening", "port": listener.getsockname()[1]}
    listener.listen()
    print(msgspec.json.encode(line).decode(), flush=True)
    await serve(app, server_config(listener))


if __name__ == "__main__":
    asyncio.run(_main({"quart": empty_quart, "wake": park_and_wake}[sys.argv[1]]()))
