"""A row of a table as SQLite stores it: a telling value in every column."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Table

from kopitra_functions.sql.types import ExactDecimal, Json, UtcTime


def sample_row(table: Table) -> dict[str, Any]:
    """Bytes are written as hex after `0x`."""
    return {column.name: _sample(column) for column in table.columns}


def _sample(column: Column[Any]) -> Any:
    for reference in column.foreign_keys:
        return _sample(reference.column)
    match column.type:
        case Boolean():
            return 1
        case BigInteger():
            return 2**53 + 1
        case Integer():
            return 7
        case LargeBinary():
            return "0x00ff10"
        case ExactDecimal():
            return "1234.0123456789"
        case UtcTime():
            return "2026-01-05T10:00:00.123Z"
        case Json():
            return '{"ä":[1,"2.50",null]}'
        case _:
            return "acme" if column.name == "tenant" else f"{column.name}-ä"[: _length(column)]


def _length(column: Column[Any]) -> int | None:
    return getattr(column.type, "length", None)
