"""The read models once more from the journal: its sealed segments, then what is not sealed yet, in slices.

Rows that have an event's identity are replaced range by range, so that what a checkpoint says is there at any time;
rows that grow from several events are removed at the beginning and grow again. A drain may go on meanwhile: both apply
the same facts, in any order. What no journal holds (samples, notifications) is left alone.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, select

from kopitra.application.event_publishing import Place, outgoing
from kopitra.application.ports.blobs import Blobs
from kopitra.application.ports.journal import Frame, Journal
from kopitra.application.ports.segments import Segments
from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import AccountId, TenantId
from kopitra.machine.codec import EVENTS
from kopitra.machine.events import AccountConfigured
from kopitra_functions.history import checkpoints
from kopitra_functions.history.checkpoints import Shard
from kopitra_functions.history.other_journals import Mark, mark_of, rows_behind
from kopitra_functions.history.told import Told, body_of, decode, is_known, payload
from kopitra_functions.history.writing import Prepared, prepare, write_batch
from kopitra_functions.ports import Close
from kopitra_functions.sql import tables
from kopitra_functions.sql.database import Database
from kopitra_functions.tasks.rebuilding import Rebuilt

SLICE_EVENTS = 500
"""A second or two of SQL."""
BY_PLACE = (
    tables.events,
    tables.executions,
    tables.decisions,
    tables.balance_operations,
    tables.latency_samples,
    tables.audit,
)
"""Rows that carry an event's identity, and come back when it is read."""
GROWN = (
    tables.orders,
    tables.trades,
    tables.runs,
    tables.incidents,
    tables.sessions_log,
    tables.account_states,
    tables.symbol_specs,
    tables.account_samples,
)
"""Rows that several events make together."""


class JournalReader(msgspec.Struct, frozen=True):
    """A journal to read, beside whoever writes it."""

    journal: Journal
    segments: Segments
    close: Close


class Position(msgspec.Struct, frozen=True, rename="camel"):
    """Where the next slice goes on: `cleared` grown tables, `others` through which event of other journals (None: all),
    events `after` a sequence; `told`: the end of the published event before it."""

    cleared: int = 0
    others: Mark | None = ("", "", 0)
    after: int = 0
    told: int = 0


class JournalRebuild:
    """`kopitra_functions.tasks.rebuilding.Rebuild`. What journals told that are not there any more, from before the
    platform was set up anew, is taken from `events`."""

    def __init__(
        self,
        *,
        open_journal: Callable[[], Awaitable[JournalReader]],
        database: Database,
        blobs: Blobs,
        clock: Clock,
        slice_events: int = SLICE_EVENTS,
    ) -> None:
        self._open_journal = open_journal
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._slice_events = slice_events
        self._stream: _Stream | None = None

    async def slice(self, position: Any) -> Rebuilt:
        """The next second's worth. Raises SegmentDamaged, JournalUnavailable, BlobsUnavailable, DatabaseResuming."""
        at = msgspec.convert(position, Position) if position is not None else Position()
        stream = await self._at(at)
        if at.cleared < len(GROWN):
            table = GROWN[at.cleared]
            await self._database.write(lambda connection: _clear(connection, table))
            return self._report(msgspec.structs.replace(at, cleared=at.cleared + 1), stream)
        if at.others is not None:
            return self._report(await self._others(stream, at, at.others), stream)
        frames = await stream.take(self._slice_events)
        if not frames:
            return await self._finish(stream, at)
        batch, told = await self._prepared(frames, stream, at.told)
        start, end, now = at.after, frames[-1].last, self._clock.now()

        def write(connection: Connection) -> None:
            _remove(connection, stream.shard, start, end)
            write_batch(connection, batch, now)

        try:
            await self._database.write(write)
        except BaseException:
            await self._forget()
            raise
        stream.position = msgspec.structs.replace(at, after=end, told=told)
        return self._report(stream.position, stream)

    async def close(self) -> None:
        await self._forget()

    async def _at(self, position: Position) -> "_Stream":
        """The journal's events behind the position: the stream of the slice before, or a new one."""
        stream = self._stream
        if stream is not None and (stream.position.after, stream.position.told) == (
            position.after,
            position.told,
        ):
            return stream
        await self._forget()
        reader = await self._open_journal()
        tenants = await self._database.read(_tenants)
        head = await reader.journal.head()
        self._stream = _Stream(reader, position, tenants, head)
        return self._stream

    async def _forget(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    async def _prepared(
        self, frames: list[Frame], stream: "_Stream", previous: int
    ) -> tuple[list[Prepared], int]:
        batch: list[Prepared] = []
        for frame in frames:
            recorded = EVENTS.decode(frame.data)
            if isinstance(recorded.event, AccountConfigured):
                stream.tenants[recorded.event.account] = recorded.event.tenant
            message = outgoing(recorded, stream.place, stream.tenants, previous)
            if message is None:
                continue
            told = decode(message.message)
            large = message.large
            if large is not None and await self._blobs.find(large.name) is None:
                await self._blobs.put(large.name, large.content, content_type="application/json")
            content = large.content if large is not None else bytes(told.payload)
            batch.append(prepare(told, _body(told, content)))
            previous = frame.last
        return batch, previous

    async def _others(self, stream: "_Stream", at: Position, mark: Mark) -> Position:
        """What other journals told, as far as `events` has kept it."""
        found = await self._database.read(lambda c: rows_behind(c, mark, stream.shard, self._slice_events))
        if not found:
            return msgspec.structs.replace(at, others=None)
        bodies = [await body_of(told, self._blobs) if is_known(told) else None for told in found]
        batch = [prepare(told, body) for told, body in zip(found, bodies, strict=True)]
        now = self._clock.now()
        await self._database.write(lambda c: write_batch(c, batch, now))
        return msgspec.structs.replace(at, others=mark_of(found[-1]))

    async def _finish(self, stream: "_Stream", at: Position) -> Rebuilt:
        now = self._clock.now()
        await self._database.write(lambda c: checkpoints.completed(c, stream.shard, at.told, now))
        await self._forget()
        return Rebuilt(position=None, done=at.after, total=at.after)

    @staticmethod
    def _report(position: Position, stream: "_Stream") -> Rebuilt:
        return Rebuilt(
            position=msgspec.to_builtins(position),
            done=position.after,
            total=max(stream.head, position.after),
        )


class _Stream:
    """Frames behind a position, each segment checked before it is believed."""

    def __init__(
        self, reader: JournalReader, position: Position, tenants: dict[AccountId, TenantId], head: int
    ) -> None:
        self._reader = reader
        self.position = position
        self.tenants = tenants
        self.head = head
        journal = reader.journal
        self.place = Place(journal.journal_id, journal.shard)
        self.shard = Shard(journal.journal_id, journal.shard)
        self._frames = _frames(reader, position.after)

    async def take(self, number: int) -> list[Frame]:
        frames: list[Frame] = []
        async for frame in self._frames:
            frames.append(frame)
            if len(frames) == number:
                break
        return frames

    async def close(self) -> None:
        await self._frames.aclose()
        await self._reader.close()


async def _frames(reader: JournalReader, after: int) -> AsyncGenerator[Frame, None]:
    for segment in await reader.segments.sealed():
        if segment.last <= after:
            continue
        async for commit in reader.segments.read(segment):
            for frame in commit:
                if frame.last > after:
                    after = frame.last
                    yield frame
    async with aclosing(reader.journal.read(after)) as commits:
        async for commit in commits:
            for frame in commit:
                yield frame


def _body(told: Told, content: bytes) -> Any:
    return payload(told.message_type, content) if is_known(told) else None


def _clear(connection: Connection, table: Table) -> None:
    """Rows that events made; what no journal holds stays."""
    statement = delete(table)
    if table is tables.account_samples:
        statement = statement.where(tables.account_samples.c.sequence.is_not(None))
    connection.execute(statement)


def _remove(connection: Connection, shard: Shard, after: int, through: int) -> None:
    for table in BY_PLACE:
        column = table.c
        connection.execute(
            delete(table).where(
                column.journal_id == shard.journal_id,
                column.shard == shard.shard,
                column.sequence > after,
                column.sequence <= through,
            )
        )


def _tenants(connection: Connection) -> dict[AccountId, TenantId]:
    """Of accounts whose events are read already; an account never changes its tenant."""
    column = tables.events.c
    statement = select(column.account, column.tenant).where(column.message_type == "account.configured")
    return {AccountId(account): TenantId(tenant) for account, tenant in connection.execute(statement)}
