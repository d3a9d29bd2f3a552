"""The journal's SQLite file: its tables and its transactions. Everything here blocks; one thread at a time.

A row a commit, not a frame: at 100 frames a commit that is a third faster, and a compressed commit takes a quarter of
the bytes (`docs/decisions/0010`). Rows are keyed by their last sequence, so that "after N" and "covering N" are one
index search.
"""

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kopitra.adapters.embedded.database import ForeignDatabase, open_database
from kopitra.application.fencing import FenceRow, never_held
from kopitra.application.ports.journal import AppendUnclear, JournalUnavailable, UnavailableReason
from kopitra.domain.identifiers import JournalId

APPLICATION_ID = 0x4B4A524E
"""KJRN, so that `file` and we recognise a journal."""
VERSION = 1
SCHEMA = """
CREATE TABLE commits (last INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT;
CREATE TABLE fence (
    shard TEXT PRIMARY KEY, journal_id TEXT NOT NULL, epoch INTEGER NOT NULL, owner TEXT NOT NULL,
    holder TEXT NOT NULL, locked INTEGER NOT NULL, lease_until_ms INTEGER NOT NULL, sequence INTEGER NOT NULL
) STRICT
"""
CHUNK_BYTES = 1 << 20
CHUNK_ROWS = 512
"""One read transaction's share: long ones would keep the write-ahead log from being recycled."""

MILLISECOND = timedelta(milliseconds=1)
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PRIMARY_CODE = 0xFF
REASONS: dict[int, UnavailableReason] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
}


def unavailable(error: sqlite3.Error) -> JournalUnavailable:
    """What a SQLite error means to whoever uses the journal; anything unlisted is an input or output error."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR)
    return JournalUnavailable(REASONS.get(code & PRIMARY_CODE, "unreachable"), str(error))


@contextmanager
def reported() -> Generator[None]:
    """Turn SQLite's errors into the journal's."""
    try:
        yield
    except sqlite3.Error as error:
        raise unavailable(error) from error
    except ForeignDatabase as error:
        raise JournalUnavailable("corrupt", str(error)) from error
    except OSError as error:
        raise JournalUnavailable("unreachable", str(error)) from error


class JournalFile:
    """One connection to a journal's file, for the writer or for a reader."""

    def __init__(self, path: Path, shard: str) -> None:
        self.path = path
        self._shard = shard
        with reported():
            self.connection = open_database(
                path, application_id=APPLICATION_ID, version=VERSION, schema=SCHEMA
            )
            self._inode = os.stat(path).st_ino

    def create_fence(self, journal_id: JournalId, now: datetime) -> JournalId:
        """Mint the journal's identity unless it has one; return the one it has.

        An existing one is only read, so that opening waits for no writer. Raises `JournalUnavailable` when the file is
        another shard's.
        """
        if not self._shards():
            with self.transaction():
                if not self._shards():
                    self._insert(never_held(journal_id, now))
        shards = self._shards()
        if shards != [self._shard]:
            raise JournalUnavailable("corrupt", f"{self.path} is shard {shards[0]}, not {self._shard}")
        with reported():
            return self.fence()[0].journal_id

    def _shards(self) -> list[str]:
        with reported():
            return [shard for (shard,) in self.connection.execute("SELECT shard FROM fence")]

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing, with no other writer in between; durable once left without an exception.

        Raises `JournalUnavailable`, or `AppendUnclear` when the disk failed during COMMIT: the log may then hold it.
        """
        with reported():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._roll_back()
                raise
            try:
                self.connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                if error.sqlite_errorcode & PRIMARY_CODE == sqlite3.SQLITE_IOERR:
                    raise AppendUnclear(str(error)) from error
                raise

    def fence(self) -> tuple[FenceRow, bool]:
        """The stored fence, and whether its holder has the holder lock."""
        row = self.connection.execute(
            "SELECT journal_id, epoch, owner, holder, locked, lease_until_ms, sequence FROM fence"
        ).fetchone()
        journal_id, epoch, owner, holder, locked, lease_until_ms, sequence = row
        stored = FenceRow(
            journal_id=JournalId(journal_id),
            epoch=epoch,
            owner=owner,
            holder=holder,
            lease_until=UNIX_EPOCH + lease_until_ms * MILLISECOND,
            sequence=sequence,
        )
        return stored, bool(locked)

    def write_fence(self, row: FenceRow, *, locked: bool) -> None:
        self.connection.execute(
            "UPDATE fence SET epoch=?, owner=?, holder=?, locked=?, lease_until_ms=?, sequence=?",
            (row.epoch, row.owner, row.holder, locked, _milliseconds(row.lease_until), row.sequence),
        )

    def add_commit(self, last: int, content: bytes) -> None:
        self.connection.execute("INSERT INTO commits VALUES (?, ?)", (last, content))

    def last_commit(self) -> int:
        (last,) = self.connection.execute("SELECT coalesce(max(last), 0) FROM commits").fetchone()
        return last

    def commits_after(self, sequence: int) -> list[tuple[int, bytes]]:
        """The next stored commits, (last sequence, content), up to a chunk's size; empty at the end."""
        with reported():
            rows = self.connection.execute(
                "SELECT last, content FROM commits WHERE last > ? ORDER BY last LIMIT ?",
                (sequence, CHUNK_ROWS),
            )
            chunk: list[tuple[int, bytes]] = []
            size = 0
            for last, content in rows:
                chunk.append((last, content))
                size += len(content)
                if size >= CHUNK_BYTES:
                    break
            rows.close()
            return chunk

    def covering(self, sequence: int) -> tuple[int, bytes] | None:
        """The first stored commit that does not end before this sequence: (last sequence, content)."""
        with reported():
            return self.connection.execute(
                "SELECT last, content FROM commits WHERE last >= ? ORDER BY last LIMIT 1", (sequence,)
            ).fetchone()

    def check_in_place(self) -> None:
        """Raise `JournalUnavailable` when another file is now at our path: what we write would be lost."""
        with reported():
            if os.stat(self.path).st_ino != self._inode:
                raise JournalUnavailable("unreachable", f"{self.path} was replaced by another file")

    def bytes_used(self) -> int:
        """Of the database with everything in its log, as it will be once copied; the log itself is recycled."""
        with reported():
            (pages,) = self.connection.execute("PRAGMA page_count").fetchone()
            (page_bytes,) = self.connection.execute("PRAGMA page_size").fetchone()
            return pages * page_bytes

    def close(self) -> None:
        self.connection.close()

    def _insert(self, row: FenceRow) -> None:
        self.connection.execute(
            "INSERT INTO fence VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
            (
                self._shard,
                row.journal_id,
                row.epoch,
                row.owner,
                row.holder,
                _milliseconds(row.lease_until),
                row.sequence,
            ),
        )

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")


def _milliseconds(moment: datetime) -> int:
    return (moment - UNIX_EPOCH) // MILLISECOND
