"""The only way to SQL: work over a connection, in a transaction, in a worker thread, with patience."""

from asyncio import Lock
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine

from kopitra.application.ports.timing import Clock, Sleeper
from kopitra_functions.sql.engines import WRITING
from kopitra_functions.sql.errors import DatabaseResuming, DatabaseUnavailable, Failure, failure_of
from kopitra_functions.sql.migrations import is_migrated, migrate
from kopitra_functions.sql.patience import BATCH, INTERACTIVE, RETRY_AFTER_SECONDS, Patience, with_patience
from kopitra_functions.sql.tables import metadata
from kopitra_functions.sql.threads import Threads
from kopitra_functions.sql.usage import SqlUse

T = TypeVar("T")

Work = Callable[[Connection], T]
"""May be run again after a transient failure, so it changes nothing but by its connection. It gives back values, not
rows that are still to be read."""


class Database:
    """Connects when it is first used. `patience` counts where neither the call nor `interactive` says otherwise.
    `migrates`: before anything else it brings the tables up to date, so a start needs no SQL."""

    def __init__(
        self,
        engine: Engine,
        *,
        threads: Threads,
        clock: Clock,
        sleeper: Sleeper,
        use: SqlUse | None = None,
        patience: Patience = BATCH,
        migrates: bool = False,
    ) -> None:
        self.engine = engine
        self._threads = threads
        self._clock = clock
        self._sleeper = sleeper
        self._use = use
        self._patience = patience
        self._ready = not migrates
        self._preparing = Lock()

    async def read(self, work: Work[T], *, interactive: bool = False, patience: Patience | None = None) -> T:
        """One consistent view (SQLite) or read-committed (SQL Server). Raises `DatabaseResuming`,
        `DatabaseUnavailable`, and what `work` raises."""
        return await self._run(work, writing=False, interactive=interactive, patience=patience)

    async def write(self, work: Work[T], *, interactive: bool = False, patience: Patience | None = None) -> T:
        """One transaction: all of `work`, or, when it raises, nothing. Raises like `read`, and SQLAlchemy's
        `IntegrityError` where a constraint speaks against it."""
        return await self._run(work, writing=True, interactive=interactive, patience=patience)

    async def create_all(self) -> None:
        """Every table as the metadata says, without migrations: for tests."""
        await self.write(metadata.create_all)

    async def migrate(self) -> None:
        """The tables as this version of the code wants them. Raises like `write`, and `SchemaTooNew`."""
        await self.write(migrate)

    async def close(self) -> None:
        await self._threads.run(self.engine.dispose)
        await self._threads.close()

    async def _run(self, work: Work[T], *, writing: bool, interactive: bool, patience: Patience | None) -> T:
        chosen = patience or (INTERACTIVE if interactive else self._patience)

        async def attempt() -> T:
            if not self._ready:
                await self._prepare()
            return await self._threads.run(lambda: self._in_transaction(work, writing=writing))

        result = await with_patience(chosen, attempt, clock=self._clock, sleeper=self._sleeper)
        if interactive and self._use is not None:
            await self._use.mark()
        return result

    async def _prepare(self) -> None:
        """One of those that come together does it for all."""
        async with self._preparing:
            if not self._ready:
                await self._threads.run(self._bring_up_to_date)
                self._ready = True

    def _bring_up_to_date(self) -> None:
        """Takes the lock of a writer only where there is something to do."""
        if not self._in_transaction(is_migrated, writing=False):
            self._in_transaction(migrate, writing=True)

    def _in_transaction(self, work: Work[T], *, writing: bool) -> T:
        finished = False
        try:
            with self.engine.connect().execution_options(**{WRITING: writing}) as connection:
                with connection.begin():
                    result = work(connection)
                    finished = True
                return result
        except Exception as error:
            raise _meaning(error, commit_unknown=finished and writing) from error


def _meaning(error: Exception, *, commit_unknown: bool) -> Exception:
    match failure_of(error):
        case Failure.TRANSIENT:
            return DatabaseResuming(
                _sentence(error), retry_after_seconds=RETRY_AFTER_SECONDS, commit_unknown=commit_unknown
            )
        case Failure.FATAL:
            return DatabaseUnavailable(_sentence(error))
        case Failure.OURS:
            return error


def _sentence(error: Exception) -> str:
    """The driver's own words, without the statement and its parameters."""
    return str(getattr(error, "orig", None) or error)
