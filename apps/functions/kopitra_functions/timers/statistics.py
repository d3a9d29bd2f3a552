"""Roll single samples up into hours: small enough to keep for years, and exact enough to add up."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select

from kopitra.application.ports.timing import Clock
from kopitra_functions.series.sources import (
    HOUR,
    LATENCY,
    SLIPPAGE,
    TooMany,
    Wanted,
    hour_of,
    rolled_until,
    samples_by_subject,
)
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.tables import account_states, executions, latency_samples, rollups, tenants

LATE = timedelta(hours=26)
"""Hours within this are made anew each time: history may wait a day for SQL, and then some."""
SPAN = timedelta(days=1)
"""Rolled up in one transaction."""
SPANS_A_ROUND = 31
"""Of a tenant and series; after a long pause the rest waits for the next round."""


class Statistics:
    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> int:
        """One round; how many hours were made."""
        known = await self._database.read(_tenants)
        made = 0
        for tenant in known:
            for series in (LATENCY, SLIPPAGE):
                made += await self._catch_up(tenant, series)
        return made

    async def _catch_up(self, tenant: str, series: str) -> int:
        end = hour_of(self._clock.now())
        begin = await self._database.read(lambda c: _begin(c, tenant, series))
        made = 0
        for _ in range(SPANS_A_ROUND):
            if begin is None or begin >= end:
                break
            made += await self._roll(tenant, series, begin, min(begin + SPAN, end))
            begin += SPAN
        return made

    async def _roll(self, tenant: str, series: str, begin: datetime, end: datetime) -> int:
        """By halves where there are too many samples for one reading."""
        wanted = Wanted(tenant=tenant, series=series, subject=None, since=begin, until=end)
        try:
            return await self._database.write(lambda c: roll(c, wanted))
        except TooMany:
            if end - begin <= HOUR:
                raise
            middle = hour_of(begin + (end - begin) / 2)
            return await self._roll(tenant, series, begin, middle) + await self._roll(
                tenant, series, middle, end
            )


def roll(connection: Connection, wanted: Wanted) -> int:
    """Make the whole hours of a period anew from their samples; how many there are. Raises TooMany."""
    found = samples_by_subject(connection, wanted)
    connection.execute(
        delete(rollups).where(
            rollups.c.tenant == wanted.tenant,
            rollups.c.series == wanted.series,
            rollups.c.begins_at >= wanted.since,
            rollups.c.begins_at < wanted.until,
        )
    )
    rows = [
        {
            "tenant": wanted.tenant,
            "series": wanted.series,
            "subject": subject,
            "begins_at": hour,
            "number": counts.total(),
            "counts": {str(value): times for value, times in sorted(counts.items())},
        }
        for (subject, hour), counts in sorted(found.items())
    ]
    if rows:
        connection.execute(rollups.insert(), rows)
    return len(rows)


def _tenants(connection: Connection) -> list[str]:
    """Those configured here, and those whose accounts a counterparty has told of."""
    seen = select(account_states.c.tenant).distinct()
    found = connection.execute(select(tenants.c.tenant).union(seen)).scalars()
    return sorted(found)


def _begin(connection: Connection, tenant: str, series: str) -> datetime | None:
    """Where rolling up goes on: a while before where it stopped, or at the first sample."""
    rolled = rolled_until(connection, tenant, series)
    if rolled is not None:
        return rolled - LATE
    table = latency_samples if series == LATENCY else executions
    first: datetime | None = connection.execute(
        select(func.min(table.c.occurred_at)).where(table.c.tenant == tenant)
    ).scalar_one()
    return None if first is None else hour_of(first)
