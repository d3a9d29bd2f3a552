"""Lists go on where they stopped, and find that place by an index."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Select, Table, create_engine, insert, select

from kopitra_functions.sql.paging import MAX_PAGE, page
from kopitra_functions.sql.tables import audit, executions, metadata, orders, trades
from kopitra_functions.sql.tables.journal import IN_ORDER
from tests.management.plans import assert_uses_index, plan_of

AT = datetime(2026, 1, 5, tzinfo=UTC)
ROWS = 40


def entry(n: int, tenant: str = "t") -> dict[str, Any]:
    """Four in each millisecond."""
    at = AT + timedelta(milliseconds=n // 4)
    key = f"{tenant}{n:03}"
    return {
        "entry_id": key,
        "tenant": tenant,
        "source": "management",
        "occurred_at": at,
        "actor": "x",
        "action": "y",
    }


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(audit), [entry(n, tenant) for n in range(ROWS) for tenant in "tu"])
        yield connection
    engine.dispose()


def walk(connection: Connection, *, limit: int, descending: bool) -> list[str]:
    order = (audit.c.occurred_at, audit.c.entry_id)
    statement = select(audit.c.occurred_at, audit.c.entry_id).where(audit.c.tenant == "t")
    seen: list[str] = []
    after: tuple[Any, ...] | None = None
    while True:
        rows = connection.execute(
            page(statement, order, limit=limit, after=after, descending=descending)
        ).all()
        seen += [row.entry_id for row in rows[:limit]]
        if len(rows) <= limit:
            return seen
        after = tuple(rows[limit - 1])


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("limit", [1, 3, 4, 39, 40, 500])
def test_pages_together_are_the_whole_list_once(connection: Connection, limit: int, descending: bool):
    whole = [f"t{n:03}" for n in range(ROWS)]
    expected = list(reversed(whole)) if descending else whole
    assert walk(connection, limit=limit, descending=descending) == expected


@pytest.mark.parametrize("limit", [0, -1, MAX_PAGE + 1])
def test_a_page_has_a_size(limit: int):
    with pytest.raises(ValueError, match="a page has"):
        page(select(audit), [audit.c.entry_id], limit=limit)


def test_a_place_that_is_of_another_list_is_refused():
    with pytest.raises(ValueError, match="2 parts"):
        page(select(audit), [audit.c.occurred_at, audit.c.entry_id], limit=5, after=["x"])


LISTS: list[tuple[Table, tuple[str, ...], tuple[str, ...]]] = [
    (executions, (), IN_ORDER),
    (executions, ("account",), IN_ORDER),
    (executions, ("symbol",), IN_ORDER),
    (orders, (), ("created_at", "command_id")),
    (orders, ("account",), ("created_at", "command_id")),
    (orders, ("status",), ("created_at", "command_id")),
    (trades, ("follower",), ("planned_at", "copy_id")),
    (audit, (), ("occurred_at", "entry_id")),
]


def listing(
    table: Table, filters: tuple[str, ...], order: tuple[str, ...], *, deep: bool
) -> Select[*tuple[Any, ...]]:
    values: dict[str, Any] = {"occurred_at": AT, "created_at": AT, "planned_at": AT, "sequence": 7}
    statement = select(table).where(table.c.tenant == "t", *(table.c[name] == "x" for name in filters))
    after = [values.get(name, "k") for name in order] if deep else None
    return page(statement, [table.c[name] for name in order], limit=100, after=after)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(("table", "filters", "order"), LISTS)
def test_long_lists_are_read_by_an_index_in_order(
    connection: Connection, table: Table, filters: tuple[str, ...], order: tuple[str, ...], deep: bool
):
    statement = listing(table, filters, order, deep=deep)
    assert_uses_index(connection, statement)
    if deep:
        assert f"{order[0]}<?" in " ".join(plan_of(connection, statement)), "the index finds the place, too"


def test_a_list_that_reads_everything_is_found_out(connection: Connection):
    with pytest.raises(AssertionError, match="SCAN"):
        assert_uses_index(connection, select(executions).where(executions.c.message == "x"))
    unsorted = select(executions).where(executions.c.tenant == "t").order_by(executions.c.profit)
    with pytest.raises(AssertionError, match="TEMP B-TREE"):
        assert_uses_index(connection, unsorted)
