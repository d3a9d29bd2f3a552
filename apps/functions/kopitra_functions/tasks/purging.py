"""Deleting what is old on an operator's word, a small transaction at a time."""

from datetime import timedelta

import msgspec

from kopitra_functions.sql.database import Database
from kopitra_functions.sql.tables import account_samples, events, latency_samples, notifications
from kopitra_functions.tasks.parameters import Purge
from kopitra_functions.tasks.run import Step, TaskRun
from kopitra_functions.tasks.work import PATIENCE, Tell
from kopitra_functions.timers.deleting import delete_some

ROWS_A_STEP = 1_000
TABLES = {
    "events": ((events, events.c.occurred_at),),
    "samples": (
        (account_samples, account_samples.c.sampled_at),
        (latency_samples, latency_samples.c.occurred_at),
    ),
    "notifications": ((notifications, notifications.c.occurred_at),),
}


class Purging:
    """What counts is the age when the run was asked for: a run that takes long deletes no more for it."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def step(self, run: TaskRun, tell: Tell) -> Step:
        wanted = msgspec.convert(run.parameters, Purge)
        before = run.requested_at - timedelta(days=wanted.older_than_days)
        deleted = 0
        for table, time in TABLES[wanted.what]:
            deleted += await self._database.write(
                lambda c, table=table, time=time: delete_some(
                    c, table, (table.c.tenant == run.tenant) & (time < before), time, ROWS_A_STEP
                ),
                patience=PATIENCE,
            )
        done = run.done + deleted
        finished = deleted == 0
        return Step(
            position=None, done=done, finished=finished, result={"deleted": done} if finished else None
        )
