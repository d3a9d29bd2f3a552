"""The management side's SQLite file, read beside it, and spoilt where a demonstration is to fail."""

import json
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

BUSY_SECONDS = 10.0
CONSUMER = "history"
PAYLOAD, REFERENCE = "payload", '{"blob":'


class HistoryPlant(StrEnum):
    """What is done to SQL before it is compared with the journal."""

    LOST = "lost"
    DOUBLED = "doubled"
    CHANGED = "changed"


SPOILING = {
    HistoryPlant.LOST: "DELETE FROM decisions WHERE rowid = (SELECT max(rowid) FROM decisions)",
    HistoryPlant.DOUBLED: """
        INSERT INTO executions ({columns})
        SELECT {values} FROM executions WHERE rowid = (SELECT max(rowid) FROM executions)""",
    HistoryPlant.CHANGED: "UPDATE trades SET profit = '1234.56' WHERE rowid = (SELECT max(rowid) FROM trades)",
}
ANOTHER_SEQUENCE = "1000000 + sequence"
"""The same deal under a sequence that no event has: no key of SQL's own forbids it."""


class HistoryRows:
    """One moment of the database, as long as it is open. Payloads that are blobs are fetched from their folder."""

    def __init__(self, connection: sqlite3.Connection, blobs: Path) -> None:
        self._connection = connection
        self._blobs = blobs

    def of(self, table: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        rows = self._connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
        return [tuple(map(self._fetched, row)) for row in rows] if PAYLOAD in columns else rows

    def _fetched(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith(REFERENCE):
            return value
        return (self._blobs / json.loads(value)["blob"]).read_text()

    def checkpoint(self) -> int:
        """Up to which sequence SQL says that it has the journal."""
        query = "SELECT max(sequence) FROM checkpoints WHERE consumer = ?"
        (sequence,) = self._connection.execute(query, (CONSUMER,)).fetchone()
        return sequence or 0


@contextmanager
def history_rows(file: Path, blobs: Path) -> Generator[HistoryRows]:
    """Raises sqlite3.Error, OSError."""
    with closing(_opened(file, "ro")) as connection:
        connection.execute("BEGIN")
        yield HistoryRows(connection, blobs)


def spoil(file: Path, plant: HistoryPlant) -> None:
    """Raises sqlite3.Error."""
    with closing(_opened(file, "rw")) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(executions)")]
        values = [ANOTHER_SEQUENCE if name == "sequence" else name for name in names]
        connection.execute(SPOILING[plant].format(columns=", ".join(names), values=", ".join(values)))


def _opened(file: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
