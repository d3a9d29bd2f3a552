"""Lists as routes give them: a page of rows, and a cursor to the next."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Select
from sqlalchemy.engine import RowMapping

from kopitra_functions.http.cursors import decode_cursor, encode_cursor
from kopitra_functions.sql.paging import page

T = TypeVar("T")


class Listing(msgspec.Struct, frozen=True):
    """One list's order: columns that are never NULL, unique together, and the last ones of an index whose first ones
    the list compares by `=`; the statement selects columns of their names. `name`: what its cursors are bound to."""

    name: str
    order: tuple[Column[Any], ...]
    descending: bool = False

    @property
    def kinds(self) -> list[type[Any]]:
        """What each column of the order holds."""
        return [_kind(column) for column in self.order]

    def place(self, row: RowMapping) -> tuple[Any, ...]:
        return tuple(row[column.name] for column in self.order)


class Page(msgspec.Struct, frozen=True):
    """`cursor`: where the next page begins; at the end the last row's, or the one that was asked for."""

    rows: Sequence[RowMapping]
    cursor: str
    more: bool

    def told(self, view: Callable[[RowMapping], T]) -> list[T]:
        return [view(row) for row in self.rows]


def newest_first(name: str, *order: Column[Any]) -> Listing:
    return Listing(name, order, descending=True)


def listed(
    connection: Connection,
    statements: Select[Any] | Sequence[Select[Any]],
    listing: Listing,
    query: Mapping[str, Any],
) -> Page:
    """The rows of one statement or of several together, each row once; without order and limit. `query`: a call's, with
    `cursor` and `limit`. Raises Rejected for a cursor that this list did not give."""
    given, limit = query.get("cursor"), int(query["limit"])
    after = decode_cursor(listing.name, given, listing.kinds) if given is not None else None
    some = [statements] if isinstance(statements, Select) else statements
    pages = [page(s, listing.order, limit=limit, after=after, descending=listing.descending) for s in some]
    found = [connection.execute(wanted).mappings().all() for wanted in pages]
    rows = found[0] if len(found) == 1 else _together(found, listing)
    shown = rows[:limit]
    last = listing.place(shown[-1]) if shown else None
    cursor = encode_cursor(listing.name, last) if last is not None else given or ""
    return Page(shown, cursor, len(rows) > limit)


def _together(found: Sequence[Sequence[RowMapping]], listing: Listing) -> list[RowMapping]:
    rows = {listing.place(row): row for rows in found for row in rows}
    return [rows[place] for place in sorted(rows, reverse=listing.descending)]


def only(query: Mapping[str, Any], filters: Mapping[str, Column[Any]]) -> list[ColumnElement[bool]]:
    """Equality filters that a query asks for, by the names of its parameters."""
    return [column == query[name] for name, column in filters.items() if name in query]


def _kind(column: Column[Any]) -> type[Any]:
    name = type(column.type).__name__
    if name == "UtcTime":
        return datetime
    return int if name in ("BigInteger", "Integer") else str
