"""Reads SQLite's query plans: a list must find its rows by an index, already in order."""

from typing import Any

from sqlalchemy import ClauseElement, Connection, Executable
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler


class _Explain(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, statement: Executable) -> None:
        self.statement = statement


def _explain(element: _Explain, compiler: SQLCompiler, **options: Any) -> str:
    return "EXPLAIN QUERY PLAN " + compiler.process(element.statement, **options)  # type: ignore[arg-type]


compiles(_Explain, "sqlite")(_explain)


def plan_of(connection: Connection, statement: Executable) -> list[str]:
    """The steps of SQLite's plan, as it words them."""
    cursor: Any = connection.execute(_Explain(statement)).cursor
    # Read from the driver: SQLAlchemy would take the plan's columns for the statement's.
    return [row[3] for row in cursor.fetchall()]


def assert_uses_index(connection: Connection, statement: Executable, *, sorts: bool = False) -> None:
    """No table is read from end to end, and, unless it `sorts` a few rows, nothing is sorted afterwards."""
    plan = plan_of(connection, statement)
    told = f"\n{statement}\n" + "\n".join(plan)
    assert not [step for step in plan if step.startswith("SCAN") and " CONSTANT ROW" not in step], told
    assert sorts or not [step for step in plan if "TEMP B-TREE" in step], told
    assert [step for step in plan if step.startswith("SEARCH")], told
