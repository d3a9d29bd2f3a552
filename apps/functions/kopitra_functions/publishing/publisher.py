"""Sends what changes have left in `pending_commands`, in the order in which they were committed."""

import asyncio
from collections.abc import Sequence

import structlog
from sqlalchemy import Connection, select, update

from kopitra.application.ports.queue import Queue, QueueError
from kopitra.application.ports.timing import Clock
from kopitra_functions.publishing.pending import PendingRow, message_of
from kopitra_functions.sql.database import Database, DatabaseResuming, DatabaseUnavailable
from kopitra_functions.sql.patience import NO_PATIENCE, Patience
from kopitra_functions.sql.tables import pending_commands

BATCH = 50
"""Messages of one send: settings are small, and adapters split what is too much for one frame."""
ERROR_LENGTH = 512

log = structlog.get_logger("kopitra.publishing")


class Publisher:
    """A crash between the commit and the send, or between the send and the mark, leaves a row unsent: it is sent, or
    sent again, with the next change or the next drain. A repeat has the same revision, which applies once."""

    def __init__(self, *, database: Database, queue: Queue, clock: Clock) -> None:
        self._database = database
        self._queue = queue
        self._clock = clock
        self._lock = asyncio.Lock()
        """One sender in a process, so that messages keep their order."""

    async def publish_pending(self, patience: Patience | None = None) -> int:
        """Send everything that waits; gives how many. Raises QueueError, DatabaseResuming, DatabaseUnavailable: then
        what was not marked waits on."""
        sent = 0
        async with self._lock:
            while rows := await self._database.read(_waiting, patience=patience):
                await self._send(rows, patience)
                sent += len(rows)
        return sent

    async def try_to_publish(self) -> bool:
        """The same at once, right after a change; whether all went well. The change is durable either way."""
        try:
            await self.publish_pending(NO_PATIENCE)
        except (QueueError, DatabaseResuming, DatabaseUnavailable) as error:
            log.warning("publication_waits", error=str(error))
            return False
        return True

    async def _send(self, rows: Sequence[PendingRow], patience: Patience | None) -> None:
        ordinals = [row.ordinal for row in rows]
        try:
            await self._queue.send([message_of(row) for row in rows])
        except QueueError as error:
            failure = str(error)[:ERROR_LENGTH]
            await self._database.write(lambda c: _note_failure(c, ordinals, failure), patience=patience)
            raise
        now = self._clock.now()
        await self._database.write(
            lambda c: c.execute(
                update(pending_commands)
                .where(pending_commands.c.ordinal.in_(ordinals))
                .values(sent_at=now, attempts=pending_commands.c.attempts + 1, last_error=None)
            ),
            patience=patience,
        )


def _waiting(connection: Connection) -> list[PendingRow]:
    table = pending_commands.c
    query = (
        select(table.ordinal, table.message_id, table.command_type, table.body, table.request_id)
        .where(table.sent_at.is_(None))
        .order_by(table.ordinal)
        .limit(BATCH)
    )
    return [PendingRow(**row) for row in connection.execute(query).mappings()]


def _note_failure(connection: Connection, ordinals: Sequence[int], failure: str) -> None:
    connection.execute(
        update(pending_commands)
        .where(pending_commands.c.ordinal.in_(ordinals))
        .values(attempts=pending_commands.c.attempts + 1, last_error=failure)
    )
