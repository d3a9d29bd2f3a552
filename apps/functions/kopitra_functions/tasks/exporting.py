"""Rows of a period as a file, page by page: each page is a blob, and the file is the pages one after the other."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, RowMapping, Table, select

from kopitra.application.ports.blobs import Blobs
from kopitra.domain.identifiers import TenantId
from kopitra.domain.instants import rfc3339
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.paging import MAX_PAGE, page
from kopitra_functions.sql.tables import decisions, executions, trades
from kopitra_functions.tasks.parameters import Export
from kopitra_functions.tasks.run import ResultFile, Step, TaskRefused, TaskRun
from kopitra_functions.tasks.work import PATIENCE, Tell

PARTS_AT_MOST = 20_000
"""Ten million rows. More than anybody opens; a period can be cut in two."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so for a formula."""
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


class Source(msgspec.Struct, frozen=True):
    """`order`: by time, then by identity, as an index has it; `account`: whose rows they are."""

    table: Table
    order: tuple[Column[Any], ...]
    account: Column[Any]


SOURCES = {
    "executions": Source(
        executions,
        (executions.c.occurred_at, executions.c.journal_id, executions.c.shard, executions.c.sequence),
        executions.c.account,
    ),
    "trades": Source(trades, (trades.c.planned_at, trades.c.copy_id), trades.c.follower),
    "decisions": Source(
        decisions,
        (
            decisions.c.occurred_at,
            decisions.c.journal_id,
            decisions.c.shard,
            decisions.c.sequence,
            decisions.c.ordinal,
        ),
        decisions.c.follower,
    ),
}


class Reached(msgspec.Struct, frozen=True, rename="camel"):
    """How far an export is: the last row's place in the order, and what has been written."""

    parts: int = 0
    rows: int = 0
    size: int = 0
    after: tuple[Any, ...] | None = None


class Exporting:
    def __init__(self, *, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    async def step(self, run: TaskRun, tell: Tell) -> Step:
        wanted = msgspec.convert(run.parameters, Export, strict=False)
        reached = msgspec.convert(run.position or {}, Reached)
        source = SOURCES[wanted.what]
        after = _place(source, reached.after)
        rows = await self._database.read(
            lambda c: _rows(c, source, wanted, run.tenant, after), patience=PATIENCE
        )
        last_page = len(rows) <= MAX_PAGE
        rows = rows[:MAX_PAGE]
        content = _written(wanted, source, rows, first=reached.parts == 0, last=last_page)
        if reached.parts >= PARTS_AT_MOST:
            raise TaskRefused(
                f"there are more than {PARTS_AT_MOST * MAX_PAGE:,} rows: export a shorter period"
            )
        await self._blobs.put(
            part_name(run.folder, reached.parts + 1), content, content_type=CONTENT_TYPES[wanted.format]
        )
        reached = Reached(
            parts=reached.parts + 1,
            rows=reached.rows + len(rows),
            size=reached.size + len(content),
            after=tuple(rows[-1][column.name] for column in source.order) if rows else reached.after,
        )
        return Step(
            position=msgspec.to_builtins(reached),
            done=reached.rows,
            finished=last_page,
            result=_result(wanted, reached) if last_page else None,
            report=run.folder if last_page else None,
        )


def part_name(folder: str, part: int) -> str:
    return f"{folder}/part-{part:06}"


def _result(wanted: Export, reached: Reached) -> dict[str, Any]:
    name = f"{wanted.what}-{wanted.since:%Y%m%d}-{wanted.until:%Y%m%d}.{wanted.format}"
    file = ResultFile(name, CONTENT_TYPES[wanted.format], reached.parts, reached.size)
    return {"files": [msgspec.to_builtins(file)], "rows": reached.rows}


def _place(source: Source, after: Sequence[Any] | None) -> Sequence[Any] | None:
    """A position as it was read back from JSON, its time a time again."""
    if after is None:
        return None
    first, *rest = after
    return (datetime.fromisoformat(first) if isinstance(first, str) else first, *rest)


def _rows(
    connection: Connection, source: Source, wanted: Export, tenant: TenantId, after: Sequence[Any] | None
) -> list[RowMapping]:
    time, table = source.order[0], source.table
    statement = select(table).where(table.c.tenant == tenant, time >= wanted.since, time < wanted.until)
    if wanted.account is not None:
        statement = statement.where(source.account == wanted.account)
    statement = page(statement, source.order, limit=MAX_PAGE, after=after, descending=False)
    return list(connection.execute(statement).mappings())


def _written(wanted: Export, source: Source, rows: Sequence[RowMapping], *, first: bool, last: bool) -> bytes:
    columns = [column.name for column in source.table.columns if column.name != "tenant"]
    if wanted.format == "csv":
        return _csv(columns, rows, heading=first)
    return _json(columns, rows, first=first, last=last)


def _csv(columns: Sequence[str], rows: Iterable[RowMapping], *, heading: bool) -> bytes:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    if heading:
        writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return rfc3339(value)
        case Decimal():
            return format(value, "f")
        case str():
            return f"'{value}" if value.startswith(FORMULA) else value
        case int():
            return str(value)
        case _:
            return msgspec.json.encode(value).decode()


def _json(columns: Sequence[str], rows: Iterable[RowMapping], *, first: bool, last: bool) -> bytes:
    """One array over all parts."""
    lines = [msgspec.json.encode({_camel(name): _value(row[name]) for name in columns}) for row in rows]
    between = b"" if first or not lines else b",\n"
    return (b"[\n" if first else b"") + between + b",\n".join(lines) + (b"\n]\n" if last else b"")


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return format(value, "f") if isinstance(value, Decimal) else value


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
