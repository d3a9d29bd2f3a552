"""How the embedded adapters open a SQLite file: write-ahead log, every commit flushed to the disk."""

import sqlite3
import time
from pathlib import Path

BUSY_SECONDS = 2.0
"""How long a statement waits for another process's transaction; a transaction here takes milliseconds."""
OPEN_ATTEMPTS = 40
"""Switching a new file to WAL fails at once, without waiting, while another process is doing the same."""
OPEN_PAUSE_SECONDS = 0.05
FULL = 2
"""PRAGMA synchronous: flush the write-ahead log at every commit, so that a commit survives a power cut."""
LOG_BYTES = 8 * 1024 * 1024
"""To which the log's file shrinks once it was copied; SQLite copies it at 4 MiB, one huge commit makes it larger."""


class ForeignDatabase(Exception):
    """The file is a SQLite database of another kind or of a later version."""


def open_database(path: Path, *, application_id: int, version: int, schema: str) -> sqlite3.Connection:
    """A connection in autocommit mode, WAL and synchronous=FULL, its tables made when the file is new.

    Raises `sqlite3.Error`, `ForeignDatabase`. The connection may be used by one thread at a time, any thread.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _use_wal(connection)
        connection.execute(f"PRAGMA synchronous={FULL}")
        connection.execute(f"PRAGMA journal_size_limit={LOG_BYTES}")
        _create_or_recognise(connection, path, application_id, version, schema)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    for attempt in range(1, OPEN_ATTEMPTS + 1):
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt == OPEN_ATTEMPTS:
                raise
            time.sleep(OPEN_PAUSE_SECONDS)
            continue
        if mode != "wal":
            raise sqlite3.OperationalError(f"this file system cannot hold a write-ahead log (mode {mode})")
        return


def _create_or_recognise(
    connection: sqlite3.Connection, path: Path, application_id: int, version: int, schema: str
) -> None:
    if _identity(connection) == (application_id, version):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = _identity(connection)
        if found == (0, 0) and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            for statement in schema.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={application_id}")
            connection.execute(f"PRAGMA user_version={version}")
        elif found != (application_id, version):
            raise ForeignDatabase(f"{path} is not ours, or of another version: {found}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _identity(connection: sqlite3.Connection) -> tuple[int, int]:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application_id, version
