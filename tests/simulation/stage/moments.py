"""Something that happens again and again, and faults that wait for its next time: to strike just then."""

import asyncio

PATIENCE_SECONDS = 20.0


class Moment:
    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def happened(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def comes(self) -> bool:
        """Return a turn of the loop after its next time; False where it does not come soon."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await future
        except TimeoutError:
            return False
        return True
