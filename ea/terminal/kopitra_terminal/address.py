"""Where a terminal process listens: `127.0.0.1:PORT` or `unix:/path`.

Nothing here has a password, so nothing leaves the machine.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

UNIX = "unix:"
UNIX_PATH_BYTES = 107
"""What a socket address holds."""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class AddressInvalid(ValueError):
    """The message says what is wrong with the address."""


@dataclass(frozen=True)
class Address:
    host: str = ""
    port: int = 0
    path: str = ""

    @staticmethod
    def parse(text: str) -> "Address":
        """Raises AddressInvalid, also where the host is not this machine."""
        if text.startswith(UNIX):
            path = text.removeprefix(UNIX)
            if not 0 < len(path.encode()) <= UNIX_PATH_BYTES:
                raise AddressInvalid(f"{text}: a socket's path has 1 to {UNIX_PATH_BYTES} bytes")
            return Address(path=path)
        host, separator, port = text.rpartition(":")
        if not separator or not port.isdecimal() or int(port) > 0xFFFF:
            raise AddressInvalid(f"{text}: expected 127.0.0.1:PORT or unix:/path")
        if not _is_loopback(host):
            raise AddressInvalid(f"{text}: only loopback addresses are allowed")
        return Address(host=host, port=int(port))

    def __str__(self) -> str:
        return f"{UNIX}{self.path}" if self.path else f"{self.host}:{self.port}"

    async def listen(self, serve: Serve) -> tuple[asyncio.Server, "Address"]:
        """The server, and the address it got (port 0 asks for any free one)."""
        if self.path:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            return await asyncio.start_unix_server(serve, self.path), self
        server = await asyncio.start_server(serve, self.host, self.port)
        return server, Address(host=self.host, port=server.sockets[0].getsockname()[1])

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.path:
            return await asyncio.open_unix_connection(self.path)
        return await asyncio.open_connection(self.host, self.port)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
