"""The queue's SQLite file: its table and its transactions. Everything here blocks; one thread at a time.

A row a message. `due_ms` is when it may be delivered (again): its scheduled time, or the end of its lock. So a lock
that ran out needs no one to notice it, and an idle queue is never written.
"""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from kopitra.adapters.embedded.database import ForeignDatabase, open_database
from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.queue import (
    Message,
    MessageLockLost,
    QueueCounts,
    QueueUnavailable,
    ReceivedMessage,
)
from kopitra.application.ports.timing import Clock

APPLICATION_ID = 0x4B515545
"""KQUE."""
VERSION = 1
SCHEMA = """
CREATE TABLE messages (
    sequence_number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, dead INTEGER NOT NULL DEFAULT 0,
    message BLOB NOT NULL, enqueued_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, expires_ms INTEGER,
    delivery_count INTEGER NOT NULL DEFAULT 0, lock_token TEXT, reason TEXT, description TEXT
) STRICT;
CREATE INDEX in_order ON messages (queue, dead, sequence_number)
"""
COLUMNS = "sequence_number, message, enqueued_ms, due_ms, expires_ms, delivery_count, lock_token, reason, description"
MILLISECOND = timedelta(milliseconds=1)
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXPIRED = "TTLExpiredException"
DELIVERED_TOO_OFTEN = "MaxDeliveryCountExceeded"
"""Service Bus's own reasons."""


class QueueFile:
    """One process's connection to one queue in a file; a file may hold several queues."""

    def __init__(
        self,
        path: Path,
        queue: str,
        *,
        clock: Clock,
        ids: IdSource,
        lock_duration: timedelta,
        max_deliveries: int,
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._ids = ids
        self._lock_ms = lock_duration // MILLISECOND
        self._max_deliveries = max_deliveries
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Message)
        with _reported():
            self.connection = open_database(
                path, application_id=APPLICATION_ID, version=VERSION, schema=SCHEMA
            )

    def send(self, messages: Sequence[Message]) -> None:
        now = self._now()
        with self._transaction():
            self.connection.executemany(
                "INSERT INTO messages (queue, message, enqueued_ms, due_ms, expires_ms) VALUES (?, ?, ?, ?, ?)",
                [self._row(message, now) for message in messages],
            )

    def receive(self, limit: int, *, dead: bool) -> list[ReceivedMessage]:
        if not self._any_due(dead=dead):
            return []
        received: list[ReceivedMessage] = []
        with self._transaction():
            while len(received) < limit and (row := self._first_due(dead=dead)):
                if why := self._undeliverable(row, dead=dead):
                    self._bury(row[0], *why)
                else:
                    received.append(self._lock(row))
        return received

    def complete(self, received: ReceivedMessage) -> None:
        with self._holding(received):
            self._delete(received.sequence_number)

    def complete_together(self, several: Sequence[ReceivedMessage]) -> list[bool]:
        """In one transaction; for each, whether it was still ours."""
        with self._transaction():
            return [self._delete_held(received) for received in several]

    def abandon(self, received: ReceivedMessage) -> None:
        with self._holding(received):
            self._free(received.sequence_number, uncount=0)

    def give_back(self, received: Sequence[ReceivedMessage]) -> None:
        """As if they had never been delivered: their receiver went away before it got them."""
        for one in received:
            try:
                with self._holding(one):
                    self._free(one.sequence_number, uncount=1)
            except MessageLockLost:
                continue

    def unlock_all(self) -> int:
        """Make every locked message of the queue deliverable now; how many there were."""
        with self._transaction():
            return self._execute(
                "UPDATE messages SET lock_token=NULL, due_ms=? WHERE queue=? AND lock_token IS NOT NULL AND due_ms>?",
                *(self._now(), self._queue, self._now()),
            ).rowcount

    def bury(self, received: ReceivedMessage, reason: str, description: str) -> None:
        with self._holding(received):
            self._bury(received.sequence_number, reason, description)

    def renew(self, received: ReceivedMessage) -> ReceivedMessage:
        until = self._now() + self._lock_ms
        with self._holding(received):
            self._execute(
                "UPDATE messages SET due_ms=? WHERE sequence_number=?", until, received.sequence_number
            )
        return msgspec.structs.replace(received, locked_until_utc=_moment(until))

    def replay(self, received: ReceivedMessage) -> None:
        with self._holding(received):
            self._delete(received.sequence_number)
            fresh = msgspec.structs.replace(received.message, scheduled_enqueue_time_utc=None)
            self._execute(
                "INSERT INTO messages (queue, message, enqueued_ms, due_ms, expires_ms) VALUES (?, ?, ?, ?, ?)",
                *self._row(fresh, self._now()),
            )

    def peek(self, limit: int, from_sequence_number: int, *, dead: bool) -> list[ReceivedMessage]:
        with _reported():
            rows = self._execute(
                f"SELECT {COLUMNS} FROM messages WHERE queue=? AND dead=? AND sequence_number>=?"
                " ORDER BY sequence_number LIMIT ?",
                *(self._queue, dead, from_sequence_number, limit),
            ).fetchall()
        return [self._peeked(row) for row in rows]

    def counts(self) -> QueueCounts:
        now = self._now()
        with _reported():
            row = self._execute(
                "SELECT count(*) FILTER (WHERE NOT dead AND due_ms <= ?),"
                " count(*) FILTER (WHERE NOT dead AND due_ms > ? AND lock_token IS NOT NULL),"
                " count(*) FILTER (WHERE NOT dead AND due_ms > ? AND lock_token IS NULL),"
                " count(*) FILTER (WHERE dead) FROM messages WHERE queue=?",
                *(now, now, now, self._queue),
            ).fetchone()
        active, locked, scheduled, dead_letter = row
        return QueueCounts(active=active, locked=locked, scheduled=scheduled, dead_letter=dead_letter)

    def data_version(self) -> int:
        """Changes when another connection has changed the file; reading it touches no disk."""
        with _reported():
            return self._execute("PRAGMA data_version").fetchone()[0]

    def next_due(self, *, dead: bool) -> datetime | None:
        """When the earliest message that waits now can be delivered."""
        with _reported():
            (due,) = self._execute(
                "SELECT min(due_ms) FROM messages WHERE queue=? AND dead=?", self._queue, dead
            ).fetchone()
        return None if due is None else _moment(due)

    def close(self) -> None:
        self.connection.close()

    def _any_due(self, *, dead: bool) -> bool:
        with _reported():
            return self._first_due(dead=dead) is not None

    def _first_due(self, *, dead: bool) -> tuple[Any, ...] | None:
        return self._execute(
            f"SELECT {COLUMNS} FROM messages WHERE queue=? AND dead=? AND due_ms<=?"
            " ORDER BY sequence_number LIMIT 1",
            *(self._queue, dead, self._now()),
        ).fetchone()

    def _undeliverable(self, row: tuple[Any, ...], *, dead: bool) -> tuple[str, str] | None:
        """Why this message belongs to the dead letter, as reason and description."""
        expires, delivered = row[4], row[5]
        if dead:
            return None
        if expires is not None and expires <= self._now():
            return EXPIRED, "the message's time to live ran out before it was completed"
        if delivered >= self._max_deliveries:
            return DELIVERED_TOO_OFTEN, f"delivered {delivered} times and never completed"
        return None

    def _lock(self, row: tuple[Any, ...]) -> ReceivedMessage:
        token, until = self._ids.new(), self._now() + self._lock_ms
        self._execute(
            "UPDATE messages SET lock_token=?, due_ms=?, delivery_count=delivery_count+1 WHERE sequence_number=?",
            *(token, until, row[0]),
        )
        return msgspec.structs.replace(
            self._peeked(row), delivery_count=row[5] + 1, lock_token=token, locked_until_utc=_moment(until)
        )

    def _bury(self, sequence_number: int, reason: str, description: str) -> None:
        self._execute(
            "UPDATE messages SET dead=1, lock_token=NULL, due_ms=?, reason=?, description=? WHERE sequence_number=?",
            *(self._now(), reason, description, sequence_number),
        )

    def _free(self, sequence_number: int, *, uncount: int) -> None:
        self._execute(
            "UPDATE messages SET lock_token=NULL, due_ms=?, delivery_count=delivery_count-? WHERE sequence_number=?",
            *(self._now(), uncount, sequence_number),
        )

    def _delete(self, sequence_number: int) -> None:
        self._execute("DELETE FROM messages WHERE sequence_number=?", sequence_number)

    def _row(self, message: Message, now: int) -> tuple[str, bytes, int, int, int | None]:
        due = max(now, _milliseconds(message.scheduled_enqueue_time_utc or UNIX_EPOCH))
        expires = None if message.time_to_live is None else due + message.time_to_live // MILLISECOND
        return self._queue, self._encoder.encode(message), now, due, expires

    def _peeked(self, row: tuple[Any, ...]) -> ReceivedMessage:
        sequence_number, message, enqueued, due, _, delivered, token, reason, description = row
        return ReceivedMessage(
            message=self._decoder.decode(message),
            sequence_number=sequence_number,
            delivery_count=delivered,
            enqueued_time_utc=_moment(enqueued),
            lock_token="",
            locked_until_utc=_moment(due) if token is not None and due > self._now() else None,
            dead_letter_reason=reason,
            dead_letter_error_description=description,
        )

    def _delete_held(self, received: ReceivedMessage) -> bool:
        deleted = self._execute(
            "DELETE FROM messages WHERE sequence_number=? AND lock_token=? AND due_ms>?",
            *(received.sequence_number, received.lock_token, self._now()),
        )
        return deleted.rowcount == 1

    @contextmanager
    def _holding(self, received: ReceivedMessage) -> Generator[None]:
        """A transaction in which the message is certainly ours. Raises `MessageLockLost`."""
        with self._transaction():
            held = self._execute(
                "SELECT 1 FROM messages WHERE sequence_number=? AND lock_token=? AND due_ms>?",
                *(received.sequence_number, received.lock_token, self._now()),
            ).fetchone()
            if held is None:
                raise lock_lost(received)
            yield

    @contextmanager
    def _transaction(self) -> Generator[None]:
        with _reported():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def _execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self.connection.execute(statement, values)

    def _now(self) -> int:
        return _milliseconds(self._clock.now())


def lock_lost(received: ReceivedMessage) -> MessageLockLost:
    return MessageLockLost(f"message {received.message.message_id} is no longer locked by us")


@contextmanager
def _reported() -> Generator[None]:
    try:
        yield
    except (sqlite3.Error, ForeignDatabase, OSError) as error:
        raise QueueUnavailable(str(error)) from error


def _milliseconds(moment: datetime) -> int:
    return (moment - UNIX_EPOCH) // MILLISECOND


def _moment(milliseconds: int) -> datetime:
    return UNIX_EPOCH + milliseconds * MILLISECOND
