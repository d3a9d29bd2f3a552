"""Serve an ASGI application on hypercorn."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.asyncio import serve  # pyright: ignore[reportUnknownVariableType]
from hypercorn.config import Config

BACKLOG = 1024
KEEP_ALIVE_SECONDS = 75.0
"""A console asks again within a minute."""
GRACE_SECONDS = 5.0
"""For answers that are being written when everything else has stopped."""
HEADERS_BYTES = 16 * 1024


class CannotListen(Exception):
    """The address is taken or not ours; the text says which and why."""


class HttpServer:
    """Takes connections from now on, answers them from `start` on, until `stop`."""

    def __init__(self, host: str, port: int) -> None:
        """`port` 0 takes a free one. Raises CannotListen."""
        self._listener = _listening_socket(host, port)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        self._stopped = asyncio.Event()
        self._serving: asyncio.Future[None] | None = None

    def start(self, application: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        serving = serve(application, self._config(), shutdown_trigger=self._stopped.wait)  # type: ignore[arg-type]
        self._serving = asyncio.ensure_future(serving)

    async def stop(self) -> None:
        """Let answers that are being written end."""
        self._stopped.set()
        if self._serving is not None:
            await self._serving

    def _config(self) -> Config:
        config = Config()
        config.bind = [f"fd://{self._listener.detach()}"]  # which the server closes
        config.backlog = BACKLOG
        config.keep_alive_timeout = KEEP_ALIVE_SECONDS
        config.graceful_timeout = GRACE_SECONDS
        config.h11_max_incomplete_size = HEADERS_BYTES
        config.include_server_header = False
        config.accesslog = None
        config.errorlog = None
        return config


def _listening_socket(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)  # whoever is told the address may connect at once
    except OSError as error:
        listener.close()
        raise CannotListen(f"{host}:{port}: {error.strerror or error}") from error
    listener.setblocking(False)
    return listener
