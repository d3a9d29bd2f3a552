"""Deleting old rows a small transaction at a time: nobody waits long for a lock, and a log stays small."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, delete, func, select


def delete_some(
    connection: Connection, table: Table, wanted: ColumnElement[bool], by: Column[Any], limit: int
) -> int:
    """Delete about `limit` of the wanted rows, oldest first by the column `by`; how many there were. Rows of one moment
    go together, so it may be a few more."""
    oldest = select(by).where(wanted).order_by(by).limit(limit).subquery()
    last = connection.execute(select(func.max(oldest.c[by.name]))).scalar_one()
    if last is None:
        return 0
    return connection.execute(delete(table).where(wanted, by <= last)).rowcount
