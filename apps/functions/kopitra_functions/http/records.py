"""Lists of what was recorded: rows as they are, by time, newest first, with filters that an index serves."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import Any

import msgspec
from sqlalchemy import Boolean, Column, ColumnElement, Integer, Select, Table, select
from sqlalchemy.engine import RowMapping

from kopitra.domain.instants import rfc3339
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.endpoint import PAGING, Endpoint, Kind, Query, Route
from kopitra_functions.http.lists import listed, newest_first, only
from kopitra_functions.http.messages import Shown
from kopitra_functions.sql.types import ExactDecimal, Json, UtcTime

PERIOD = (
    Query("since", Kind.TIME, "Only from this time on."),
    Query("until", Kind.TIME, "Only before this time."),
)

View = Callable[[RowMapping], Any]


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """One list. `order`: a time, then what makes it unique; rows without that time are parts whose beginning has not
    arrived yet, and are not shown. `filters`: by parameter, each the second column of an index that ends as the order.
    `narrowed`: parameters that are compared row by row within what the others leave; `either`: a parameter that one of
    several columns may equal, each of them in an index like a filter's. `rows`: the rows with more beside them."""

    name: str
    summary: str
    table: Table
    order: tuple[Column[Any], ...]
    kind: type[Any]
    page: type[Any]
    filters: Mapping[str, tuple[Column[Any], str]]
    narrowed: Mapping[str, tuple[Column[Any], str]] = {}
    either: Mapping[str, tuple[tuple[Column[Any], ...], str]] = {}
    choices: Mapping[str, tuple[str, ...]] = {}
    rows: Select[Any] | None = None
    view: View | None = None
    role: Role = Role.VIEWER


def list_route(records: Records) -> Route:
    listing = newest_first(records.name, *records.order)
    view = records.view or view_of(records.kind)

    async def handle(call: Call) -> Reply:
        statements = selections(records, call.own_tenant, call.query)
        found = await call.read(lambda c: listed(c, statements, listing, call.query))
        return told(records.page(items=found.told(view), cursor=found.cursor, more=found.more))

    return Route(
        Endpoint(
            method="GET",
            path=f"/{records.name}",
            summary=records.summary,
            role=records.role,
            answers={200: (records.page,)},
            query=(*PAGING, *PERIOD, *_filters(records)),
        ),
        handle,
    )


def selections(records: Records, tenant: str, query: Mapping[str, Any]) -> list[Select[Any]]:
    """What the query asks for of one tenant, without order and limit: all rows of all statements, each once."""
    statement = records.rows if records.rows is not None else select(records.table)
    columns = {name: column for name, (column, _) in {**records.filters, **records.narrowed}.items()}
    statement = statement.where(
        records.table.c.tenant == tenant,
        *only(query, columns),
        *within(query, records.order[0]),
    )
    alternatives = [
        [column == query[name] for column in columns]
        for name, (columns, _) in records.either.items()
        if name in query
    ]
    return [statement.where(*chosen) for chosen in product(*alternatives)]


def within(query: Mapping[str, Any], time: Column[Any]) -> list[ColumnElement[bool]]:
    """The period that a query asks for; without one, whenever there is a time."""
    bounds: list[ColumnElement[bool]] = []
    if "since" in query:
        bounds.append(time >= query["since"])
    if "until" in query:
        bounds.append(time < query["until"])
    if not bounds and time.nullable:
        bounds.append(time.is_not(None))
    return bounds


def _filters(records: Records) -> Sequence[Query]:
    named = {**records.filters, **records.narrowed, **records.either}
    return [
        Query(name, Kind.TEXT, text, choices=records.choices.get(name, ()))
        for name, (_, text) in named.items()
    ]


def shown_type(
    name: str, table: Table, text: str, *, without: Sequence[str] = (), more: Sequence[tuple[str, Any]] = ()
) -> type[Any]:
    """A message with the table's columns: decimals and times as the wire has them."""
    fields: list[tuple[str, Any]] = [
        (str(column.name), _type(column)) for column in table.columns if column.name not in without
    ]
    return message_type(name, (*fields, *more), text)


def page_type(name: str, item: type[Any]) -> type[Any]:
    return message_type(name, (("items", list[item]), ("cursor", str), ("more", bool)), "")


def message_type(name: str, fields: Sequence[tuple[str, Any]], text: str) -> type[Any]:
    """An answer with these members; `text` describes it."""
    return msgspec.defstruct(
        name, fields, bases=(Shown,), frozen=True, namespace={"__doc__": text}, module=__name__
    )


def view_of(kind: type[Any]) -> View:
    """Fills a message from the columns that are named like its members."""
    names: tuple[str, ...] = kind.__struct_fields__

    def view(row: RowMapping) -> Any:
        return kind(*(plain(row[name]) for name in names))

    return view


def plain(value: Any) -> Any:
    return rfc3339(value) if isinstance(value, datetime) else value


def _type(column: Column[Any]) -> Any:
    kind: Any = str
    match column.type:
        case ExactDecimal():
            kind = Decimal
        case UtcTime():
            kind = str
        case Json():
            return Any
        case Boolean():
            kind = bool
        case Integer():
            kind = int
        case _:
            pass
    return kind | None if column.nullable else kind
