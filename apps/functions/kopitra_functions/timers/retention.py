"""What is deleted when it is old enough: rows in small transactions, and blobs that belonged to them."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Column, ColumnElement, Table

from kopitra.application.ports.blobs import BlobImmutable, Blobs
from kopitra.application.ports.timing import Clock
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.tables import (
    account_samples,
    events,
    idempotency_keys,
    latency_samples,
    notifications,
    pending_commands,
    rollups,
    task_runs,
)
from kopitra_functions.timers.deleting import delete_some

ROWS_A_BATCH = 1_000
"""A tenth of a second of SQL."""
BATCHES_A_ROUND = 50
"""What is left after so many waits for the next round: a backlog of years must not keep SQL busy for an hour."""
BLOBS_A_ROUND = 2_000


class Kept(msgspec.Struct, frozen=True):
    """Rows of `table` for which `when` holds are deleted `days` after the time in `by`."""

    table: Table
    by: Column[datetime]
    days: int
    when: ColumnElement[bool] | None = None


RULES = (
    Kept(idempotency_keys, idempotency_keys.c.expires_at, 0),
    Kept(events, events.c.occurred_at, 400),
    Kept(latency_samples, latency_samples.c.occurred_at, 90),
    Kept(account_samples, account_samples.c.sampled_at, 400),
    Kept(rollups, rollups.c.begins_at, 1_830),
    Kept(notifications, notifications.c.occurred_at, 90),
    Kept(pending_commands, pending_commands.c.sent_at, 7),
    Kept(task_runs, task_runs.c.finished_at, 90),
)
"""Events: a year and a month, so that a year can be compared with the one before; they are in the journal for ever.
Samples: as long as their series shows single ones; after that their rollups do, for five years. Orders, executions,
trades, decisions and the audit are what must be accounted for: only an operator's purge or the law deletes them."""
BLOBS = {
    "management/statements/": timedelta(days=7),
    "management/task-runs/": timedelta(days=90),
    "management/notified/": timedelta(days=30),
}
"""By the beginning of their names: how long after they were written."""


class Retention:
    def __init__(self, *, database: Database, blobs: Blobs, clock: Clock) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock

    async def run(self) -> int:
        """One round; how many rows and blobs are gone."""
        now = self._clock.now()
        rows = sum([await self._rows(rule, now) for rule in RULES])
        return rows + await self._old_blobs(now)

    async def _rows(self, rule: Kept, now: datetime) -> int:
        wanted = rule.by < now - timedelta(days=rule.days)
        if rule.when is not None:
            wanted = wanted & rule.when
        gone = 0
        for _ in range(BATCHES_A_ROUND):
            deleted = await self._database.write(
                lambda c: delete_some(c, rule.table, wanted, rule.by, ROWS_A_BATCH)
            )
            gone += deleted
            if deleted < ROWS_A_BATCH:
                break
        return gone

    async def _old_blobs(self, now: datetime) -> int:
        old: list[str] = []
        for prefix, kept in BLOBS.items():
            async for info in self._blobs.under(prefix):
                if info.modified_at < now - kept:
                    old.append(info.name)
                if len(old) == BLOBS_A_ROUND:
                    break
        gone = 0
        for name in old:
            try:
                gone += await self._blobs.delete(name)
            except BlobImmutable:
                continue
        return gone
