"""What is sent to SQL Server is T-SQL: the tables, the migrations, and what tests saw being executed."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Executable,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    exists,
    func,
    insert,
    select,
    tuple_,
)
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.compiler import SQLCompiler

from kopitra_functions.sql.engines import azure_url, engine_for
from kopitra_functions.sql.migrations import migration_sql, revisions
from kopitra_functions.sql.migrations.exclusive import MSSQL_LOCK
from kopitra_functions.sql.tables import accounts, brokers, metadata, orders
from kopitra_functions.sql.upsert import insert_absent, upsert_newer
from tests.management.statements import recorded_statements
from tests.management.tsql import DIALECT_NAME, batches, faults, faults_of, mssql_dialect

own = MetaData()
notes = Table("notes", own, Column("id", Integer, primary_key=True), Column("name", String(5)))


def compiled(statement: Executable) -> SQLCompiler:
    found = statement.compile(dialect=create_engine("sqlite://").dialect)  # type: ignore[attr-defined]
    assert isinstance(found, SQLCompiler)
    return found


@pytest.mark.parametrize("name", sorted(metadata.tables))
def test_every_table_and_index_is_made_in_t_sql(name: str):
    table = metadata.tables[name]
    statements = [CreateTable(table), *(CreateIndex(index) for index in table.indexes)]
    for statement in statements:
        assert faults_of(str(statement.compile(dialect=mssql_dialect()))) == []


@pytest.mark.parametrize(("start", "to"), list(zip((None, *revisions()), revisions(), strict=False)))
def test_every_migration_is_t_sql(start: str | None, to: str):
    script = batches(migration_sql(DIALECT_NAME, start=start, to=to))
    assert len(script) > 2
    for batch in script:
        assert faults_of(batch) == []


def test_migrations_make_what_the_metadata_says_on_sql_server_too():
    """As long as no revision alters a table, both are the same statements."""
    script = migration_sql(DIALECT_NAME)
    if "ALTER TABLE" in script:
        return
    made = {_plain(batch) for batch in batches(script) if "CREATE " in batch}
    for table in metadata.sorted_tables:
        wanted = [CreateTable(table), *(CreateIndex(index) for index in table.indexes)]
        for statement in wanted:
            assert _plain(str(statement.compile(dialect=mssql_dialect()))) in made


def _plain(statement: str) -> str:
    """Without comments, white space and the order of constraints."""
    lines = [line.strip().strip(",;") for line in statement.splitlines() if not line.startswith("--")]
    return "\n".join(sorted(line for line in lines if line not in ("", ");", ")")))


def test_the_lock_of_a_migration_is_t_sql():
    assert faults_of(MSSQL_LOCK) == []


def test_no_identifier_ignores_case_and_no_time_loses_milliseconds():
    script = migration_sql(DIALECT_NAME)
    assert "account NVARCHAR(64) COLLATE Latin1_General_100_BIN2 NOT NULL" in script
    assert "occurred_at DATETIME2(3) NOT NULL" in script
    assert "profit NUMERIC(28, 10) NULL" in script
    assert "payload NVARCHAR(max) NOT NULL" in script
    assert "PRIMARY KEY NONCLUSTERED (tenant, subject, idempotency_key)" in script


FOREIGN_STATEMENTS: list[tuple[Callable[[], Executable], str]] = [
    (lambda: sqlite_insert(notes).values(id=1).on_conflict_do_nothing(), "cannot be written"),
    (lambda: select(func.ifnull(notes.c.name, 1)), "function that SQL Server lacks"),
    (lambda: select(func.strftime("%Y", notes.c.name)), "function that SQL Server lacks"),
    (lambda: select(notes).where(tuple_(notes.c.id, notes.c.name).in_([(1, "a")])), "tuple in IN"),
    (lambda: select(exists().where(notes.c.id == 1)), "EXISTS as a value"),
    (lambda: select(orders).where(orders.c.retired.is_(True)), "unparsable"),
    (lambda: select(notes).order_by(notes.c.name.nulls_last()), "NULLS"),
    (lambda: select(notes).order_by(notes.c.id).where(notes.c.id.in_(range(2101))), "parameters"),
]


@pytest.mark.parametrize(("make", "why"), FOREIGN_STATEMENTS)
def test_what_only_sqlite_understands_is_found(make: Callable[[], Executable], why: str):
    assert any(why in fault for fault in faults(compiled(make())))


@pytest.mark.parametrize("text", ["SELECT a FROM b LIMIT 5", "SELECT a || b FROM c", "SELECT a FROM (b"])
def test_text_that_is_no_t_sql_is_found(text: str):
    assert faults_of(text)


def test_pages_and_comparisons_are_fine():
    statement = (
        select(orders)
        .join(accounts, accounts.c.account == orders.c.account)
        .where(orders.c.tenant == "t", orders.c.retired, accounts.c.label.like("a%"))
        .where(~exists().where(brokers.c.broker == accounts.c.broker))
        .order_by(orders.c.created_at.desc())
        .limit(5)
    )
    assert faults(compiled(statement)) == []


def test_statements_are_recorded_once_and_only_ours():
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    own.create_all(engine)
    with recorded_statements() as statements, engine.begin() as connection:
        for size in (1, 2, 3):
            connection.execute(select(orders.c.status).where(orders.c.command_id.in_(["x"] * size)))
        connection.execute(insert(notes).values(id=1))
        row: dict[str, Any] = {"broker": "b", "tenant": "t", "name": "n"}
        connection.execute(select(brokers).where(brokers.c.broker == row["broker"]))
        assert len(statements.seen) == 2
    assert statements.faults() == []


def test_upserts_are_t_sql():
    engine = create_engine("sqlite://")
    own.create_all(engine)
    other = Table("orders", MetaData(), *(Column(n, String(9), primary_key=n == "a") for n in "abc"))
    other.create(engine)
    with recorded_statements() as statements, engine.begin() as connection:
        insert_absent(connection, other, [{"a": "1", "b": "2", "c": None}])
        upsert_newer(connection, other, [{"a": "1", "b": "2", "c": "3"}], sequence="c")
        assert len(statements.seen) == 2
    assert statements.faults() == []


def test_what_would_not_fit_into_sql_servers_columns_is_refused_while_it_is_stored():
    engine = create_engine("sqlite://")
    other = Table("orders", MetaData(), Column("id", Integer, primary_key=True), Column("name", String(5)))
    other.create(engine)
    with recorded_statements(), engine.begin() as connection:
        connection.execute(insert(other), [{"id": 1, "name": "12345"}])
        with pytest.raises(AssertionError, match="5 characters"):
            connection.execute(insert(other), [{"id": 2, "name": "123456"}])
        with pytest.raises(AssertionError, match="32 bits"):
            connection.execute(insert(other).values(id=2**31, name="x"))


def test_neither_an_import_nor_a_start_loads_the_driver_of_sql_server():
    code = """
import sys
import kopitra_functions.sql.database, kopitra_functions.sql.migrations, kopitra_functions.sql.tables
assert "mssql_python" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_sql_server_is_spoken_to_as_the_services_identity_and_left_alone_between_uses():
    engine = engine_for(azure_url("quiet.database.example", "kopitra"))
    (connect,), _ = engine.dialect.create_connect_args(engine.url)
    assert connect.split(";")[:3] == [
        "Server=quiet.database.example",
        "Database=kopitra",
        "Authentication=ActiveDirectoryMSI",
    ]
    assert "TrustServerCertificate=no" in connect
    assert engine.pool.status() == "NullPool"


def test_other_databases_are_refused():
    with pytest.raises(ValueError, match="postgresql"):
        engine_for("postgresql://somewhere/kopitra")
