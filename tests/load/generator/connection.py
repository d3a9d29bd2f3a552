"""One HTTP/1.1 connection as cheap as asyncio allows: one request at a time, answers with a length only."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple, cast

HOST = "127.0.0.1"
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
STATUS = slice(9, 12)


class Reply(NamedTuple):
    """`at`: when its last byte was read."""

    status: int
    body: bytes
    at: float


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._received = b""
        self._then: Callable[[Reply], None] | None = None

    @classmethod
    async def open(cls, port: int) -> "Connection":
        _, connection = await asyncio.get_running_loop().create_connection(cls, HOST, port)
        return connection

    def send(self, request: bytes, then: Callable[[Reply], None]) -> None:
        """Write a whole request; `then` gets its reply."""
        assert self._transport is not None
        assert self._then is None, "one request at a time"
        self._then = then
        self._transport.write(request)

    async def ask(self, request: bytes) -> Reply:
        answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.send(request, answered.set_result)
        return await answered

    def close(self) -> None:
        self._then = None
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._then is not None:
            raise ConnectionError("the connection ended with a request in flight")

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        reply = whole_reply(received)
        if reply is None:
            self._received = received
            return
        self._received = b""
        then, self._then = self._then, None
        if then is not None:
            then(reply)


def whole_reply(received: bytes) -> Reply | None:
    """None until the body is complete. Raises ValueError for an answer without a length."""
    head_end = received.find(HEAD_END)
    if head_end < 0:
        return None
    head = received[:head_end].lower()
    at = head.index(LENGTH) + len(LENGTH)
    line_end = head.find(b"\r", at)
    length = int(head[at:line_end] if line_end >= 0 else head[at:])
    start = head_end + len(HEAD_END)
    if len(received) < start + length:
        return None
    return Reply(int(received[STATUS]), received[start : start + length], perf_counter())
