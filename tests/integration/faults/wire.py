"""HTTP/1.1 as bytes on a keep-alive connection: quick, able to send what no library would, and to hang up."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from kopitra.protocol.limits import BASE_PATH

LARGEST_HEAD = 64 * 1024
ANSWER_SECONDS = 60.0


class Dropped(Exception):
    """The connection ended without an answer: whether the request was taken is unknown."""


class Answer(msgspec.Struct, frozen=True):
    """Header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


def request_bytes(method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
    """`path` below the base path, with its query."""
    lines = [f"{method} {BASE_PATH}{path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
        if not any(name.lower() == "content-type" for name in headers):
            lines.append("Content-Type: application/json")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


class Line:
    """One connection to one address, opened when needed and again after it was lost."""

    def __init__(self, port: int, patience: float = ANSWER_SECONDS) -> None:
        self.port = port
        self._patience = patience
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, raw: bytes) -> Answer:
        """Send and read the answer. Raises Dropped."""
        try:
            async with asyncio.timeout(self._patience):
                await self.send(raw)
                return await self._read(raw.startswith(b"HEAD "))
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            self.hang_up()
            raise Dropped(str(error)) from error
        except BaseException:
            self.hang_up()
            raise

    async def send(self, raw: bytes) -> None:
        """Raises OSError."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port, limit=LARGEST_HEAD)
        self._streams[1].write(raw)
        await self._streams[1].drain()

    def hang_up(self) -> None:
        """Close without reading what may still come."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _read(self, headless: bool) -> Answer:
        assert self._streams is not None
        reader = self._streams[0]
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        if headless:
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = await _chunks(reader)
        else:
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.hang_up()
        return Answer(status, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    pieces: list[bytes] = []
    while size := int(await reader.readline(), 16):
        pieces.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(pieces)
