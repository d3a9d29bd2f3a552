"""Where the journal suite keeps journals: each store opens the same journal again and again, as restarts do."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

from kopitra.adapters.azure.journal import TableJournal
from kopitra.adapters.azure.tables import connect_table
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.journal import SqliteJournal
from kopitra.adapters.embedded.timing import SystemSleeper
from kopitra.application.ports.journal import LEASE_SECONDS, Journal
from kopitra.simulation.journal import JournalDisk, SimulatedJournal
from tests.fixtures.azurite import Azurite
from tests.fixtures.clocks import ManualClock
from tests.fixtures.limited_table import LimitedTable, TableService
from tests.fixtures.table_wire import CheckedTransport

SHARD = "main"
SMALL_SEGMENT = 3
"""Entities; so that every test of a table journal crosses segments."""

LEASE_OVER = LEASE_SECONDS
"""Seconds after which a lease that nobody renewed is free."""


class JournalStore:
    """Opens journals over one storage and closes what it opened."""

    def __init__(self, open_one: Callable[[ManualClock], Awaitable[Journal]]) -> None:
        self.clock = ManualClock()
        self._open_one = open_one
        self._opened: list[Journal] = []

    async def open(self) -> Journal:
        """A further instance, as another process would open it."""
        journal = await self._open_one(self.clock)
        self._opened.append(journal)
        return journal

    async def close(self) -> None:
        for journal in self._opened:
            await journal.close()


def sqlite_store(folder: Path) -> JournalStore:
    return JournalStore(
        lambda clock: SqliteJournal.open(folder / "journal.db", shard=SHARD, clock=clock, ids=SystemIds())
    )


def simulated_store() -> JournalStore:
    disks: list[JournalDisk] = []

    async def open_one(clock: ManualClock) -> Journal:
        if not disks:
            disks.append(JournalDisk(clock, SystemIds(), shard=SHARD))
        return SimulatedJournal(disks[0], clock=clock, sleeper=SystemSleeper(), ids=SystemIds())

    return JournalStore(open_one)


def limited_store(service: TableService) -> JournalStore:
    return JournalStore(
        lambda clock: TableJournal.open(
            LimitedTable(service),
            LimitedTable(service),
            shard=SHARD,
            clock=clock,
            ids=SystemIds(),
            segment_entities=SMALL_SEGMENT,
        )
    )


def azurite_store(
    azurite: Azurite, transport: Callable[[], CheckedTransport] = CheckedTransport
) -> JournalStore:
    name = f"journal{uuid4().hex}"

    async def open_one(clock: ManualClock) -> Journal:
        writing, reading = (
            connect_table(name, connection_string=azurite.connection_string, transport=transport())
            for _ in range(2)
        )
        return await TableJournal.open(
            writing, reading, shard=SHARD, clock=clock, ids=SystemIds(), segment_entities=SMALL_SEGMENT
        )

    return JournalStore(open_one)
