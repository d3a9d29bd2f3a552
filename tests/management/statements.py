"""Remembers every statement that a test of the management side lets SQLAlchemy execute, each once, so that all can be
checked for SQL Server; and looks at once whether what is stored would fit into SQL Server's columns."""

import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, Integer, String, event
from sqlalchemy.sql.compiler import SQLCompiler

from kopitra_functions.sql.metadata import metadata
from tests.management.tsql import faults

ROWS_LOOKED_AT = 200
"""Of one batch: a test fills tables with alike rows."""
INT_LIMIT = 2**31
_many = re.compile(r"\?(, \?)+")


class Statements:
    """By SQLite's text, in which lists of any length are alike; and the test's word for where it was first seen."""

    def __init__(self) -> None:
        self.seen: dict[str, SQLCompiler] = {}

    def record(self, _c: Any, _cursor: Any, statement: str, _p: Any, context: Any, _many_rows: bool) -> None:
        """SQLAlchemy's `before_cursor_execute`."""
        compiled = getattr(context, "compiled", None)
        if not isinstance(compiled, SQLCompiler) or not _is_ours(compiled):
            return
        assert context is not None
        self.seen.setdefault(_many.sub("?", statement), compiled)
        if compiled.isinsert or compiled.isupdate:
            misfits = list(_misfits(compiled, context.compiled_parameters[:ROWS_LOOKED_AT]))
            assert not misfits, misfits

    def faults(self) -> list[str]:
        """Of all that were recorded."""
        return [fault for compiled in self.seen.values() for fault in faults(compiled)]


@contextmanager
def recorded_statements() -> Generator[Statements]:
    """Of every engine of this process."""
    statements = Statements()
    event.listen(Engine, "before_cursor_execute", statements.record)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", statements.record)


def _is_ours(compiled: SQLCompiler) -> bool:
    """It touches tables of the management side, and is no explanation of a plan."""
    if str(compiled).startswith("EXPLAIN"):
        return False
    return any(name in str(compiled) for name in metadata.tables)


def _misfits(compiled: SQLCompiler, rows: Iterable[Mapping[str, Any]]) -> Generator[str]:
    kinds = {name: bind.type for name, bind in compiled.binds.items()}
    for row in rows:
        for name, value in row.items():
            kind = kinds.get(name)
            if isinstance(value, str) and type(kind) is String and kind.length:
                if len(value.encode("utf-16-le")) // 2 > kind.length:
                    yield f"{name} takes {kind.length} characters, not {value!r}"
            elif isinstance(value, int) and type(kind) is Integer and not -INT_LIMIT <= value < INT_LIMIT:
                yield f"{name} takes 32 bits, not {value}"
