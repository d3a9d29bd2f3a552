"""Engines for both databases. None connects before it is used, and SQL Server's keeps no connection afterwards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url

BUSY_SECONDS = 2.0
"""How long a statement waits for another process's transaction; ours take milliseconds, a batch up to a second."""
CONNECT_SECONDS = 30
"""A serverless database that is paused refuses sooner; one that is away should not hold a worker for longer."""
WRITING = "kopitra_writing"
"""Execution option of a connection whose transaction writes."""
MSSQL = "mssql+mssqlpython"


def engine_for(url: str | URL, *, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """`sqlite:///PATH` or `mssql+mssqlpython://SERVER/DATABASE?authentication=…`. Raises ValueError for others."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, busy_seconds)
    if parsed.drivername == MSSQL:
        return create_engine(parsed, poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
    raise ValueError(f"the database is SQLite or {MSSQL}, not {parsed.drivername}")


def azure_url(server: str, database: str) -> URL:
    """Azure SQL as the managed identity of this service; the server's certificate is checked."""
    return URL.create(
        MSSQL,
        host=server,
        database=database,
        query={
            "authentication": "ActiveDirectoryMSI",
            "Encrypt": "yes",
            "TrustServerCertificate": "no",
        },
    )


def _sqlite(url: URL, busy_seconds: float) -> Engine:
    engine = create_engine(
        url,
        # The driver's own transactions begin too late and deferred.
        connect_args={"timeout": busy_seconds, "isolation_level": None, "check_same_thread": False},
    )
    if url.database and url.database != ":memory:":
        event.listen(engine, "do_connect", _folder_of(Path(url.database)))
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _folder_of(path: Path) -> Callable[..., None]:
    def make(*_: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)

    return make


def _prepare_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
