"""The read models once more from the journal: the history's own projections, slice by slice."""

from typing import Any, Protocol

import msgspec

from kopitra_functions.tasks.run import Step, TaskRun
from kopitra_functions.tasks.work import Tell


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """`position`: where the next slice goes on, JSON; None when all is rebuilt. `done` of `total`: sequences."""

    position: Any
    done: int
    total: int | None = None


class Rebuild(Protocol):
    """What the history gives (`kopitra_functions.history`)."""

    async def slice(self, position: Any) -> Rebuilt:
        """A second's worth from there on; from the beginning at None. Doing one twice changes nothing."""
        ...


class Rebuilding:
    def __init__(self, rebuild: Rebuild) -> None:
        self._rebuild = rebuild

    async def step(self, run: TaskRun, tell: Tell) -> Step:
        rebuilt = await self._rebuild.slice(run.position)
        finished = rebuilt.position is None
        return Step(
            position=rebuilt.position,
            done=rebuilt.done,
            total=rebuilt.total,
            finished=finished,
            result={"sequences": rebuilt.done} if finished else None,
        )
