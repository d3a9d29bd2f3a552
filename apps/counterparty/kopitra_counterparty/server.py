"""Serve on hypercorn until told to stop, and stop in order: parked polls, commits, snapshot, fence, connections."""

import asyncio
import signal
import socket

import structlog
from hypercorn.asyncio import serve  # pyright: ignore[reportUnknownVariableType]
from hypercorn.config import Config

from kopitra_counterparty.heap import calm_collector, set_aside_what_is_there
from kopitra_counterparty.service import Service
from kopitra_counterparty.settings import PREFIX

BACKLOG = 2048
"""A thousand EAs that reconnect at once wait in the kernel, not in a refusal."""
KEEP_ALIVE_SECONDS = 120.0
"""Below the 230 s at which App Service cuts idle connections, above the pauses between an EA's calls."""
REQUESTS_PER_CONNECTION = 1_000_000
"""An EA's connection lives as long as the EA."""
GRACE_SECONDS = 5.0
"""For answers that are being written when everything else has stopped."""
HEADERS_BYTES = 16 * 1024

log = structlog.get_logger("kopitra.server")


class StartRefused(Exception):
    """The shard must not be served as it is; the text says why."""


def listening_socket(host: str, port: int) -> socket.socket:
    """Raises StartRefused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise StartRefused(
            f"{PREFIX}HOST {host} and {PREFIX}PORT {port}: {error.strerror or error}"
        ) from error
    listener.setblocking(False)
    return listener


def server_config(listener: socket.socket) -> Config:
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.backlog = BACKLOG
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.keep_alive_max_requests = REQUESTS_PER_CONNECTION
    config.graceful_timeout = GRACE_SECONDS
    config.h11_max_incomplete_size = HEADERS_BYTES
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = None
    return config


async def run(service: Service) -> None:
    """Return after SIGTERM or SIGINT. Raises StartRefused."""
    listener = listening_socket(service.settings.host, service.settings.port)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    calm_collector()
    service.also(set_aside_what_is_there)
    service.start()
    fatal = service.core.tenure.fatal
    fatal.add_done_callback(lambda done: stopping.set())
    stopped = asyncio.Event()
    serving = asyncio.ensure_future(
        serve(service.asgi, server_config(listener), shutdown_trigger=stopped.wait)  # type: ignore[arg-type]
    )
    log.info("listening", host=service.settings.host, port=listener.getsockname()[1])
    waiting = asyncio.ensure_future(stopping.wait())
    await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    log.info("stopping")
    await service.stop()
    stopped.set()
    await serving
    await service.ports.close()
    if fatal.done():
        raise StartRefused(str(fatal.result()))
    log.info("stopped")
