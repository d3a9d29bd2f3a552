"""Rows that may be there already end as they should, in one statement a batch."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table, create_engine, select

from kopitra_functions.sql.tables import checkpoints, events, metadata, user_roles
from kopitra_functions.sql.upsert import (
    KEYS_AT_ONCE,
    existing_keys,
    insert_absent,
    update_newer,
    upsert,
    upsert_newer,
)

AT = datetime(2026, 1, 5, tzinfo=UTC)
own = MetaData()
orders = Table(
    "copied_orders",
    own,
    Column("command_id", String, primary_key=True),
    Column("status", String, nullable=False),
    Column("status_sequence", BigInteger, nullable=False),
    Column("symbol", String),
)


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    own.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def order(command: str, status: str, sequence: int, **more: Any) -> dict[str, Any]:
    return {"command_id": command, "status": status, "status_sequence": sequence, **more}


def statuses(connection: Connection) -> dict[str, tuple[str, int]]:
    rows = connection.execute(select(orders.c.command_id, orders.c.status, orders.c.status_sequence))
    return {row.command_id: (row.status, row.status_sequence) for row in rows}


def event(sequence: int, journal: str = "j") -> dict[str, Any]:
    return {
        "journal_id": journal,
        "shard": "0",
        "sequence": sequence,
        "last_sequence": sequence,
        "tenant": "t",
        "account": None,
        "message_type": "x",
        "occurred_at": AT,
        "payload": {"n": sequence},
    }


def test_what_is_there_stays_and_what_is_absent_is_inserted(connection: Connection):
    insert_absent(connection, orders, [order("o1", "queued", 1)])
    insert_absent(connection, orders, [order("o1", "filled", 9), order("o2", "queued", 2)])
    assert statuses(connection) == {"o1": ("queued", 1), "o2": ("queued", 2)}


def test_a_batch_may_name_a_key_twice(connection: Connection):
    insert_absent(connection, orders, [order("o1", "queued", 1), order("o1", "filled", 2)])
    assert statuses(connection) == {"o1": ("queued", 1)}
    upsert(connection, orders, [order("o2", "queued", 1), order("o2", "filled", 2)])
    assert statuses(connection)["o2"] == ("filled", 2)


def test_an_upsert_leaves_columns_alone_that_it_does_not_name(connection: Connection):
    insert_absent(connection, orders, [order("o1", "queued", 1, symbol="EURUSD")])
    upsert(connection, orders, [order("o1", "filled", 2), order("o2", "queued", 3)])
    assert statuses(connection) == {"o1": ("filled", 2), "o2": ("queued", 3)}
    assert connection.execute(select(orders.c.symbol).where(orders.c.command_id == "o1")).scalar() == "EURUSD"


def test_a_row_that_is_all_key_is_only_inserted(connection: Connection):
    row = {"user_id": "u", "role": "viewer", "tenant": "t", "granted_at": AT, "granted_by": "x"}
    for _ in range(2):
        upsert(connection, user_roles, [row], keys=list(row))
    assert len(connection.execute(select(user_roles)).all()) == 1


@pytest.mark.parametrize("arrival", list(itertools.permutations([1, 2, 3])))
def test_the_latest_event_wins_in_whatever_order_they_come(connection: Connection, arrival: tuple[int, ...]):
    for sequence in (*arrival, *reversed(arrival)):
        upsert_newer(connection, orders, [order("o1", f"s{sequence}", sequence)], sequence="status_sequence")
    assert statuses(connection) == {"o1": ("s3", 3)}


def test_an_update_of_nobody_changes_nothing(connection: Connection):
    update_newer(connection, orders, [order("o1", "filled", 4)], sequence="status_sequence")
    assert statuses(connection) == {}


def test_no_rows_are_no_statement(connection: Connection):
    insert_absent(connection, orders, [])
    upsert(connection, orders, [])
    update_newer(connection, orders, [], sequence="status_sequence")
    assert existing_keys(connection, orders, []) == set()


def test_keys_that_are_there_are_found_among_many(connection: Connection):
    there = [event(n) for n in range(0, 3 * KEYS_AT_ONCE, 3)] + [event(1, journal="k")]
    insert_absent(connection, events, there)
    asked = [("j", "0", n) for n in range(3 * KEYS_AT_ONCE)] + [("k", "0", 0), ("k", "0", 1)]
    found = existing_keys(connection, events, asked)
    assert found == {("j", "0", n) for n in range(0, 3 * KEYS_AT_ONCE, 3)} | {("k", "0", 1)}


def test_a_checkpoint_never_goes_back(connection: Connection):
    def at(sequence: int) -> dict[str, Any]:
        place = {"consumer": "history", "journal_id": "j", "shard": "0"}
        return {**place, "sequence": sequence, "tenant": "*", "updated_at": AT}

    for sequence in (5, 3, 8, 8):
        upsert_newer(connection, checkpoints, [at(sequence)], sequence="sequence")
    assert connection.execute(select(checkpoints.c.sequence)).scalars().all() == [8]
