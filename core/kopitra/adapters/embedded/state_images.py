"""Images of the state: by a forked child, which sees memory as it was, or in place.

The child encodes and writes to a pipe; it runs no event loop, takes no lock and leaves by `os._exit`, so threads that
did not survive the fork cannot hold it up.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor

from kopitra.application.ports.state_images import ImageFailed, StateImages

READ_BYTES = 1024 * 1024
SUCCESS = b"\x01"
"""Written last: a pipe that ends without it is a child that died."""


class InlineImages:
    """Encodes at once, on the event loop: for platforms without fork, for tests and for virtual time."""

    def take(self, encode: Callable[[], bytes]) -> Awaitable[bytes]:
        image: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        image.set_result(encode())
        return image


class ForkedImages:
    """`executor` waits for the pipe and the child, off the event loop. `take` itself may raise ImageFailed."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def take(self, encode: Callable[[], bytes]) -> Awaitable[bytes]:
        reading, writing = os.pipe()
        try:
            child = os.fork()
        except OSError as error:
            os.close(reading)
            os.close(writing)
            raise ImageFailed(f"no process to encode the state: {error}") from error
        if child == 0:
            os.close(reading)
            _encode_and_leave(encode, writing)
        os.close(writing)
        return self._collected(reading, child)

    async def _collected(self, reading: int, child: int) -> bytes:
        image = await asyncio.get_running_loop().run_in_executor(self._executor, _collect, reading, child)
        if image is None:
            raise ImageFailed("the process that encodes the state died")
        return image


def images_for_this_platform(executor: Executor) -> StateImages:
    return ForkedImages(executor) if sys.platform.startswith("linux") else InlineImages()


def _encode_and_leave(encode: Callable[[], bytes], writing: int) -> None:
    status = 1
    try:
        gc.disable()  # a collection would touch, and so copy, every page
        view = memoryview(encode() + SUCCESS)
        while view:
            view = view[os.write(writing, view) :]
        status = 0
    finally:
        os._exit(status)


def _collect(reading: int, child: int) -> bytes | None:
    """The image; None where the child did not finish."""
    pieces: list[bytes] = []
    try:
        while piece := os.read(reading, READ_BYTES):
            pieces.append(piece)
    finally:
        os.close(reading)
        os.waitpid(child, 0)
    image = b"".join(pieces)
    return image[:-1] if image.endswith(SUCCESS) else None
