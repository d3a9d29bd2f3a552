"""Rows of one transaction: read by key, merged in memory, written back at once."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from sqlalchemy import Column, Connection, String, Table, select
from sqlalchemy.types import Text

from kopitra_functions.history.projecting.facts import EVERYBODY, Merge, Once, Row
from kopitra_functions.sql import tables
from kopitra_functions.sql.types import DECIMAL_LIMIT, DECIMAL_PLACES, ExactDecimal, canonical
from kopitra_functions.sql.upsert import KEYS_AT_ONCE, insert_absent, upsert

PLACES = Decimal(1).scaleb(-DECIMAL_PLACES)
DEFAULTS: dict[str, Row] = {
    "orders": {"status": "queued", "status_sequence": 0, "acked_sequence": 0},
    "trades": {
        "status": "planned",
        "planned_sequence": 0,
        "deals_sequence": 0,
        "status_sequence": 0,
        "settled_sequence": 0,
    },
    "incidents": {"status": "open", "opened_sequence": 0, "closed_sequence": 0},
    "sessions_log": {
        "status": "unknown",
        "opened_sequence": 0,
        "approved_sequence": 0,
        "ended_sequence": 0,
    },
    "account_states": {
        "owner_sequence": 0,
        "mode_sequence": 0,
        "silence_sequence": 0,
        "enrolled_sequence": 0,
        "symbols_sequence": 0,
    },
}
"""Rows of which nothing is known but their key."""


def insert_once(connection: Connection, facts: Iterable[Once]) -> None:
    """Rows that are not there yet; of two for one place, the first."""
    by_table: dict[str, dict[tuple[Any, ...], Row]] = defaultdict(dict)
    for fact in facts:
        row = fitted(fact.table, _empty(fact.table) | fact.row)
        by_table[fact.table.name].setdefault(_key_of(fact.table, row), row)
    for name, rows in by_table.items():
        insert_absent(connection, tables.metadata.tables[name], list(rows.values()))


def merge(connection: Connection, merges: Iterable[Merge]) -> None:
    by_table: dict[str, list[Merge]] = defaultdict(list)
    for one in merges:
        by_table[one.table.name].append(one)
    for name, ones in by_table.items():
        table = tables.metadata.tables[name]
        before = load(connection, table, {one.key for one in ones})
        after = {key: dict(row) for key, row in before.items()}
        for one in ones:
            row = after.setdefault(one.key, blank(table, one.key))
            if row["tenant"] in (None, EVERYBODY):
                row["tenant"] = one.tenant
            one.rule(row)
        write(connection, table, [row for key, row in after.items() if row != before.get(key)])


def blank(table: Table, key: tuple[Any, ...]) -> Row:
    names = [column.name for column in table.primary_key]
    return _empty(table) | DEFAULTS.get(table.name, {}) | dict(zip(names, key, strict=True))


def load(connection: Connection, table: Table, keys: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], Row]:
    """Rows by their keys, those that are there."""
    *firsts, last = list(table.primary_key)
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for key in keys:
        groups[key[:-1]].append(key[-1])
    found: dict[tuple[Any, ...], Row] = {}
    for start, ends in groups.items():
        here = [column == value for column, value in zip(firsts, start, strict=True)]
        for some in portions(ends):
            for row in rows_where(connection, table, *here, last.in_(some)):
                found[_key_of(table, row)] = row
    return found


def rows_where(connection: Connection, table: Table, *conditions: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(select(table).where(*conditions)).mappings()]


def write(connection: Connection, table: Table, rows: list[Row]) -> None:
    upsert(connection, table, [fitted(table, row) for row in rows])


def portions(values: Iterable[Any]) -> Iterable[list[Any]]:
    """As many as a statement takes, in a fixed order."""
    ordered = sorted(values)
    for at in range(0, len(ordered), KEYS_AT_ONCE):
        yield ordered[at : at + KEYS_AT_ONCE]


def fitted(table: Table, row: Row) -> Row:
    """What a person reads is cut to its column's length, and what was calculated to ten decimal places: it is shown,
    and nothing is decided by it. Keys are never cut. Raises ValueError for an amount that has no place at all."""
    return {name: _fitted(table.c[name], value) for name, value in row.items()}


def _fitted(column: Column[Any], value: Any) -> Any:
    if isinstance(value, Decimal) and isinstance(column.type, ExactDecimal):
        if not value.is_finite() or abs(value) >= DECIMAL_LIMIT:
            raise ValueError(f"{value} has no place in {column.table.name}.{column.name}")
        return canonical(value.quantize(PLACES, rounding=ROUND_HALF_EVEN))
    if isinstance(value, str) and isinstance(column.type, String) and not isinstance(column.type, Text):
        length = column.type.length
        if length is not None and len(value) > length and not column.primary_key:
            return value[:length]
    return value


def _empty(table: Table) -> Row:
    return {column.name: None for column in table.columns}


def _key_of(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key)
