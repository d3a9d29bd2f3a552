"""A SQLite database held by a second connection, so that nobody else can write into it."""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

PATIENCE_SECONDS = 20.0
"""For a transaction that is under way to end."""


@contextmanager
def database_locked(file: Path) -> Generator[None]:
    """Raises sqlite3.Error where others hold it all the time."""
    with closing(sqlite3.connect(file, timeout=PATIENCE_SECONDS, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
