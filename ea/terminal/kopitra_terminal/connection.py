"""A client's connection to a terminal process: many calls at once, reconnecting at the next call.

No call is ever repeated here: whether a trade that lost its connection was executed is for the caller to find out.
"""

import asyncio
from typing import TypeVar

import msgspec

from kopitra_agent.ports.terminal import TerminalUnavailable
from kopitra_terminal import wire
from kopitra_terminal.address import Address
from kopitra_terminal.frames import FrameBuffer, framed

T = TypeVar("T")

READ_BYTES = 256 * 1024
CONNECT_SECONDS = 2.0
"""Loopback: who does not answer within this is not there."""
ANSWER_SECONDS = 30.0
"""A terminal that hangs for longer counts as gone; longer than any delay that a fault plan should draw."""


class CallRefused(Exception):
    """The process answered that the call makes no sense there (unknown account …)."""


class Connection:
    """One socket, opened when first needed. For one event loop."""

    def __init__(self, address: Address, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._address = address
        self._answer_seconds = answer_seconds
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._waiting: dict[int, asyncio.Future[wire.Answer]] = {}
        self._number = 0

    async def call(self, login: int, body: wire.Body, kind: type[T], extra_seconds: float = 0.0) -> T:
        """The answer, decoded as `kind`. Raises TerminalUnavailable and CallRefused."""
        writer = await self._connected()
        self._number += 1
        number = self._number
        future: asyncio.Future[wire.Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            writer.write(framed(wire.encode_call(wire.Call(number, login, body))))
            await writer.drain()
            async with asyncio.timeout(self._answer_seconds + extra_seconds):
                answer = await future
        except (ConnectionError, TimeoutError) as lost:
            raise TerminalUnavailable(f"{self._address}: no answer ({lost!r})") from lost
        finally:
            self._waiting.pop(number, None)
        if answer.error == "unavailable":
            raise TerminalUnavailable(answer.message)
        if answer.error is not None:
            raise CallRefused(answer.message)
        return msgspec.msgpack.decode(answer.value, type=kind)

    async def close(self) -> None:
        """End the connection; calls that wait fail with TerminalUnavailable."""
        reading = self._reading
        self._lose("closed")
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._opening:
            if self._writer is not None and not self._writer.is_closing():
                return self._writer
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    reader, writer = await self._address.connect()
            except (OSError, TimeoutError) as error:
                raise TerminalUnavailable(f"{self._address}: {error!r}") from error
            self._writer = writer
            self._reading = asyncio.ensure_future(self._read(reader, writer))
            return writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = FrameBuffer()
        try:
            while data := await reader.read(READ_BYTES):
                for message in buffer.feed(data):
                    answer = wire.decode_answer(message)
                    future = self._waiting.get(answer.number)
                    if future is not None and not future.done():
                        future.set_result(answer)
        except OSError:
            pass  # as good as the end of the stream
        finally:
            if self._writer is writer:
                self._lose("the connection ended")

    def _lose(self, why: str) -> None:
        writer, self._writer, self._reading = self._writer, None, None
        if writer is not None:
            writer.close()
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(TerminalUnavailable(f"{self._address}: {why}"))
