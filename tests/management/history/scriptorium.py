"""A database of history in a file, written to without threads; and the whole way into it under virtual time."""

from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, select

from kopitra.application.ports.queue import Message
from kopitra.simulation.blobs import MemoryBlobs
from kopitra.simulation.queue import MemoryQueue
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_functions.history.checkpoints import Shard
from kopitra_functions.history.drain import Drain
from kopitra_functions.history.draining import DrainRules
from kopitra_functions.history.told import body_of, decode, is_known
from kopitra_functions.history.writing import Prepared, prepare, write_batch
from kopitra_functions.ports import Queues
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.engines import WRITING, engine_for
from kopitra_functions.sql.metadata import metadata
from kopitra_functions.sql.usage import SqlUse

T = TypeVar("T")
Rows = dict[str, list[dict[str, Any]]]
NOW = datetime(2026, 2, 1, tzinfo=UTC)
RULES = DrainRules(messages=100, age=timedelta(hours=6), awake=timedelta(minutes=5))


class Inline:
    """Blocking work in the event loop itself: under virtual time nothing else may run meanwhile anyway."""

    async def run(self, work: Callable[[], T]) -> T:
        return work()

    async def close(self) -> None:
        pass


def database_in(file: Path) -> Engine:
    engine = engine_for(f"sqlite:///{file}")
    with writing(engine) as connection:
        metadata.create_all(connection)
    return engine


@contextmanager
def writing(engine: Engine) -> Generator[Connection]:
    with engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
        yield connection


def rows_in(engine: Engine) -> Rows:
    """Every row of every table, but for when a checkpoint was moved."""
    with engine.connect() as connection:
        found = {
            table.name: [
                dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()
            ]
            for table in metadata.sorted_tables
        }
    for row in found["checkpoints"]:
        del row["updated_at"]
    return found


async def prepared(messages: Iterable[Message], blobs: MemoryBlobs) -> list[Prepared]:
    ready: list[Prepared] = []
    for message in messages:
        told = decode(message)
        ready.append(prepare(told, await body_of(told, blobs) if is_known(told) else None))
    return ready


def written(
    folder: Path, name: str, batch: Sequence[Prepared], sizes: Iterable[int]
) -> tuple[Rows, list[dict[Shard, int]]]:
    """The rows that these messages leave in a new database, in this order and in batches of these sizes, and how far
    history was complete after each batch."""
    engine = database_in(folder / f"{name}.sqlite")
    reached: list[dict[Shard, int]] = []
    at = 0
    for size in sizes:
        if at >= len(batch):
            break
        with writing(engine) as connection:
            reached.append(write_batch(connection, batch[at : at + size], NOW))
        at += size
    rows = rows_in(engine)
    engine.dispose()
    return rows, reached


class Scriptorium:
    """Queues, blobs, a database file, and the drain between them. `crash` drops what is in memory only."""

    def __init__(self, time: VirtualTime, file: Path, rules: DrainRules = RULES) -> None:
        self.time = time
        self.rules = rules
        self.blobs = MemoryBlobs(time)
        self.queues = Queues(
            events=MemoryQueue(time, time),
            history=MemoryQueue(time, time),
            commands=MemoryQueue(time, time),
            tasks=MemoryQueue(time, time),
        )
        self.engine = database_in(file)
        self.use = SqlUse(self.blobs, time)
        self.database = Database(self.engine, threads=Inline(), clock=time, sleeper=time, use=self.use)
        self.drain = self.new_drain()

    def new_drain(self, *after: Callable[[], Awaitable[None]]) -> Drain:
        return Drain(
            queues=self.queues,
            database=self.database,
            blobs=self.blobs,
            use=self.use,
            clock=self.time,
            sleeper=self.time,
            rules=self.rules,
            after=after,
        )

    def rows(self) -> Rows:
        return rows_in(self.engine)

    async def told(self) -> list[Message]:
        """What the counterparty was told."""
        return [one.message for one in await self.queues.commands.peek(1000)]

    def close(self) -> None:
        self.engine.dispose()
