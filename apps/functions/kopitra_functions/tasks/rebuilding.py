"""The read models once more from the journal: the history's own projections, slice by slice."""

from typing import Any, Protocol

import msgspec

from kopitra_functions.sql.database import Database
from kopitra_functions.sql.tables import rollups
from kopitra_functions.tasks.run import Step, TaskRun
from kopitra_functions.tasks.work import PATIENCE, Tell


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
    """At the end the hours of the series are forgotten: the next round of statistics makes them of the new samples."""

    def __init__(self, rebuild: Rebuild, database: Database) -> None:
        self._rebuild = rebuild
        self._database = database

    async def step(self, run: TaskRun, tell: Tell) -> Step:
        rebuilt = await self._rebuild.slice(run.position)
        finished = rebuilt.position is None
        if finished:
            await self._database.write(lambda c: c.execute(rollups.delete()).rowcount, patience=PATIENCE)
        return Step(
            position=rebuilt.position,
            done=rebuilt.done,
            total=rebuilt.total,
            finished=finished,
            result={"sequences": rebuilt.done} if finished else None,
        )
