"""How far the history is complete: never beyond the first event that is missing (docs/decisions/0170).

Messages may be late, repeated, or lie among dead letters. Each names the end of the message before it in its journal,
so the stored events form a chain, and the checkpoint is the end of its unbroken beginning.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, select, update

from kopitra_functions.history.projecting.facts import EVERYBODY
from kopitra_functions.sql.tables import checkpoints, events
from kopitra_functions.sql.upsert import insert_absent

CONSUMER = "history"
"""As the counterparty knows it."""
WRITER = "history-writer"
"""The row that whoever writes history holds while it does: projections read before they write."""
CHAIN_AT_ONCE = 1000
"""Links looked at in one statement. A gap is seen at the first of them."""


class Shard(NamedTuple):
    journal_id: str
    shard: str


def lock(connection: Connection, now: datetime) -> None:
    """Until the transaction ends, nobody else writes history."""
    row = {
        "consumer": WRITER,
        "journal_id": EVERYBODY,
        "shard": EVERYBODY,
        "sequence": 0,
        "tenant": EVERYBODY,
        "updated_at": now,
    }
    insert_absent(connection, checkpoints, [row])
    connection.execute(update(checkpoints).where(checkpoints.c.consumer == WRITER).values(updated_at=now))


def advance(connection: Connection, shards: Iterable[Shard], now: datetime) -> dict[Shard, int]:
    """Move each shard's checkpoint along its chain, in the caller's transaction; where it then stands."""
    return {shard: _store(connection, shard, _chained(connection, shard), now) for shard in shards}


def completed(connection: Connection, shard: Shard, sequence: int, now: datetime) -> int:
    """A rebuild has stored everything up to `sequence`: from there on the chain goes on."""
    _store(connection, shard, max(sequence, current(connection, shard)), now)
    return advance(connection, [shard], now)[shard]


def current(connection: Connection, shard: Shard) -> int:
    column = checkpoints.c
    return connection.scalar(select(column.sequence).where(*_row(shard))) or 0


def _chained(connection: Connection, shard: Shard) -> int:
    """A link may begin before the end so far, never behind it: in between an event might be missing."""
    end = current(connection, shard)
    column = events.c
    while True:
        links = connection.execute(
            select(column.previous_sequence, column.last_sequence)
            .where(column.journal_id == shard.journal_id, column.shard == shard.shard, column.sequence > end)
            .order_by(column.sequence)
            .limit(CHAIN_AT_ONCE)
        ).all()
        for previous, last in links:
            if previous is None or previous > end:
                return end
            end = last
        if len(links) < CHAIN_AT_ONCE:
            return end


def _store(connection: Connection, shard: Shard, sequence: int, now: datetime) -> int:
    known = current(connection, shard)
    if sequence > known:
        insert_absent(connection, checkpoints, [_values(shard, 0, now)])
        connection.execute(update(checkpoints).where(*_row(shard)).values(sequence=sequence, updated_at=now))
        return sequence
    return known


def _row(shard: Shard) -> tuple[ColumnElement[bool], ...]:
    column = checkpoints.c
    return (
        column.consumer == CONSUMER,
        column.journal_id == shard.journal_id,
        column.shard == shard.shard,
    )


def _values(shard: Shard, sequence: int, now: datetime) -> dict[str, object]:
    return {
        "consumer": CONSUMER,
        "journal_id": shard.journal_id,
        "shard": shard.shard,
        "sequence": sequence,
        "tenant": EVERYBODY,
        "updated_at": now,
    }
