"""Rows that may be there already, in plain SQL that SQLite and SQL Server both take: no ON CONFLICT, no MERGE.

Each function takes a batch and sends it as one prepared statement. All rows of a batch have the same columns. Within
a batch the later row counts as the newer one. SQL Server lets two transactions insert the same key at once: one gets
an IntegrityError, and its transaction is to be run again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Table,
    Update,
    and_,
    bindparam,
    cast,
    exists,
    insert,
    select,
    update,
)

Row = Mapping[str, Any]

KEYS_AT_ONCE = 500
"""SQL Server takes 2,100 parameters in a statement, older SQLite 999."""
_KEY = "key_"
_SET = "set_"
"""Parameters may not be named like the columns that an UPDATE sets."""


def insert_absent(
    connection: Connection, table: Table, rows: Sequence[Row], *, keys: Sequence[str] | None = None
) -> None:
    """Rows whose key is there stay as they are. `keys`: the primary key, unless said otherwise."""
    if rows:
        connection.execute(_insert_absent(table, list(rows[0]), _keys(table, keys)), list(rows))


def upsert(
    connection: Connection, table: Table, rows: Sequence[Row], *, keys: Sequence[str] | None = None
) -> None:
    """Afterwards every row is there with these values; other columns keep theirs."""
    if not rows:
        return
    named = _keys(table, keys)
    insert_absent(connection, table, rows, keys=named)
    if set(rows[0]) - set(named):
        connection.execute(_update(table, list(rows[0]), named, None), _prefixed(rows, named))


def update_newer(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    *,
    sequence: str,
    keys: Sequence[str] | None = None,
) -> None:
    """Sets the rows' columns where the stored `sequence` is lower than the row's; a key that is not there is no error.
    So a group of columns ends as the latest event says, in whatever order events come."""
    if rows:
        named = _keys(table, keys)
        connection.execute(_update(table, list(rows[0]), named, sequence), _prefixed(rows, named))


def upsert_newer(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    *,
    sequence: str,
    keys: Sequence[str] | None = None,
) -> None:
    """As `update_newer`, and a key that is not there is inserted."""
    insert_absent(connection, table, rows, keys=keys)
    update_newer(connection, table, rows, sequence=sequence, keys=keys)


def existing_keys(
    connection: Connection,
    table: Table,
    wanted: Iterable[tuple[Any, ...]],
    *,
    keys: Sequence[str] | None = None,
) -> set[tuple[Any, ...]]:
    """Which of these keys are there. Keys that differ in their last part only are asked for together."""
    columns = [table.c[key] for key in _keys(table, keys)]
    *firsts, last = columns
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for key in dict.fromkeys(wanted):
        groups[key[:-1]].append(key[-1])
    found: set[tuple[Any, ...]] = set()
    for start, ends in groups.items():
        here = [column == value for column, value in zip(firsts, start, strict=True)]
        for at in range(0, len(ends), KEYS_AT_ONCE):
            statement = select(last).where(*here, last.in_(ends[at : at + KEYS_AT_ONCE]))
            found.update((*start, end) for end in connection.execute(statement).scalars())
    return found


def _keys(table: Table, keys: Sequence[str] | None) -> Sequence[str]:
    return keys if keys is not None else [column.name for column in table.primary_key]


def _insert_absent(table: Table, names: list[str], keys: Sequence[str]) -> Insert:
    there = exists().where(*(table.c[key] == bindparam(key, type_=table.c[key].type) for key in keys))
    # SQL Server must be told the types of parameters that stand in a SELECT by themselves.
    values: list[ColumnElement[Any]] = [
        cast(bindparam(name, type_=table.c[name].type), table.c[name].type).label(name) for name in names
    ]
    return insert(table).from_select(names, select(*values).where(~there), include_defaults=False)


def _update(table: Table, names: list[str], keys: Sequence[str], sequence: str | None) -> Update:
    here = [table.c[key] == bindparam(_KEY + key, type_=table.c[key].type) for key in keys]
    if sequence is not None:
        new = bindparam(_SET + sequence, type_=table.c[sequence].type)
        here.append(table.c[sequence] < new)
    values = {name: bindparam(_SET + name, type_=table.c[name].type) for name in names if name not in keys}
    return update(table).where(and_(*here)).values(values)


def _prefixed(rows: Sequence[Row], keys: Sequence[str]) -> list[dict[str, Any]]:
    named = frozenset(keys)
    return [{(_KEY if name in named else _SET) + name: value for name, value in row.items()} for row in rows]
