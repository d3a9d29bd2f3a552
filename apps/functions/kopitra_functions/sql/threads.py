"""Where blocking work runs, so that the event loop does not: a port; `adapters.worker_threads` is the real one."""

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Threads(Protocol):
    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises. Work that has begun is not broken off: a cancelled caller leaves it to end."""
        ...

    async def close(self) -> None:
        """After work that has begun has ended."""
        ...
