"""Work that only the shard's writer may do: it begins when this instance serves, and ends when it ceases to."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from kopitra.application.engine import Engine
from kopitra.application.ports.timing import Sleeper
from kopitra.application.submission import Phase

LOOK_EVERY_SECONDS = 0.25
"""A standby that takes over starts its work this soon; looking costs nothing."""

Work = Callable[[], Awaitable[None]]


async def while_serving(engine: Engine, sleeper: Sleeper, works: Sequence[Work]) -> None:
    """Until cancelled. A piece of work that ends by an error is begun again with the next term."""
    while True:
        while engine.phase is not Phase.SERVING:
            await sleeper.sleep(LOOK_EVERY_SECONDS)
        running = [asyncio.ensure_future(work()) for work in works]
        try:
            while engine.phase is Phase.SERVING:
                await sleeper.sleep(LOOK_EVERY_SECONDS)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
