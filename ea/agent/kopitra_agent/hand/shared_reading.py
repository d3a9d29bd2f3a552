"""One read for everybody who asked before it began: fifty closes in a burst need one look at the positions."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedReading(Generic[T]):
    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._turn = asyncio.Lock()
        self._begun = 0
        self._latest: tuple[int, T] | None = None

    async def fresh(self) -> T:
        """What a read that began after this call found. Raises what the read raises."""
        asked = self._begun
        async with self._turn:
            if self._latest is not None and self._latest[0] > asked:
                return self._latest[1]
            self._begun += 1
            number = self._begun
            value = await self._read()
            self._latest = (number, value)
            return value
