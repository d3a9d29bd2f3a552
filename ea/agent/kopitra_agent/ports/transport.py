"""One HTTP exchange with the counterparty."""

from collections.abc import Mapping
from typing import Protocol

import msgspec


class TransportError(Exception):
    """No answer. `reached` is False only where the request certainly was not received (the connection was refused)."""

    def __init__(self, message: str, *, reached: bool = True) -> None:
        super().__init__(message)
        self.reached = reached


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """`path` holds the query too; the transport gives up after `timeout` seconds without an answer."""

    method: str
    path: str
    headers: Mapping[str, str]
    timeout: float
    body: bytes | None = None


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """`headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    async def exchange(self, request: Request) -> Response:
        """Raises TransportError; any status is an answer."""
        ...

    async def close(self) -> None: ...
