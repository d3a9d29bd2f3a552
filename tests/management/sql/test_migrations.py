"""Migrations end where the metadata is, keep what was there, and exclude each other."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, select

from kopitra_functions.sql.engines import WRITING, engine_for
from kopitra_functions.sql.migrations import (
    SchemaTooNew,
    current_revision,
    head_revision,
    migrate,
    revisions,
)
from kopitra_functions.sql.tables import metadata

ROWS = Path(__file__).parent / "rows"
INSTANCES = 4
BYTES_CLUSTERED = 900
BYTES_INDEXED = 1700
"""What SQL Server takes as the key of a clustered and of any other index."""

Rows = Mapping[str, list[dict[str, Any]]]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = engine_for(f"sqlite:///{tmp_path}/management.db", busy_seconds=60)
    yield engine
    engine.dispose()


def writing(engine: Engine) -> Any:
    return engine.execution_options(**{WRITING: True}).begin()


def rows_of(revision: str) -> Rows:
    """Each table's rows as they were written when this revision was the latest."""
    return json.loads((ROWS / f"{revision}.json").read_text())


def stored(value: Any) -> Any:
    return bytes.fromhex(value[2:]) if isinstance(value, str) and value.startswith("0x") else value


def put(connection: Connection, rows: Rows) -> None:
    for table, many in rows.items():
        for row in many:
            names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
            connection.exec_driver_sql(
                f'INSERT INTO "{table}" ({names}) VALUES ({marks})', tuple(map(stored, row.values()))
            )


def kept(connection: Connection, table: str, row: dict[str, Any]) -> bool:
    """Columns that are no more are not asked for."""
    there = {column["name"] for column in inspect(connection).get_columns(table)}
    asked = {name: stored(value) for name, value in row.items() if name in there}
    condition = " AND ".join(f'"{name}" IS ?' for name in asked)
    found = connection.exec_driver_sql(
        f'SELECT count(*) FROM "{table}" WHERE {condition}', tuple(asked.values())
    )
    return found.scalar_one() == 1


def test_a_migrated_database_is_what_the_metadata_says(engine: Engine):
    with writing(engine) as connection:
        migrate(connection)
        difference = compare_metadata(MigrationContext.configure(connection), metadata)
        assert current_revision(connection) == head_revision()
    assert not difference, (
        'write a revision: .venv/bin/python -m tests.management.sql.revise "what changed" (or --first)'
    )


def test_a_second_migration_changes_nothing(engine: Engine):
    versions: list[int] = []
    for _ in range(2):
        with writing(engine) as connection:
            migrate(connection)
            versions.append(connection.exec_driver_sql("PRAGMA schema_version").scalar_one())
    assert versions[0] == versions[1]


def test_every_revision_has_rows_that_must_survive():
    assert sorted(path.stem for path in ROWS.glob("*.json")) == list(revisions())
    assert {table for revision in revisions() for table in rows_of(revision)} == set(metadata.tables)


@pytest.mark.parametrize("at", revisions())
def test_what_was_stored_at_any_version_is_there_after_the_upgrade(engine: Engine, at: str):
    upto = [rows_of(revision) for revision in revisions() if revision <= at]
    with writing(engine) as connection:
        migrate(connection, to=at)
        assert current_revision(connection) == at
        for rows in upto:
            put(connection, rows)
    with writing(engine) as connection:
        migrate(connection)
        for rows in upto:
            for table, many in rows.items():
                assert all(kept(connection, table, row) for row in many), table
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


def test_decisions_learn_their_leaders_symbol_from_their_runs(engine: Engine):
    with writing(engine) as connection:
        migrate(connection, to="0010")
        for revision in revisions()[:10]:
            put(connection, rows_of(revision))
        migrate(connection)
        known = connection.execute(select(metadata.tables["decisions"].c.leader_symbol)).scalars().all()
    assert known == ["symbol-ä"]


def test_a_migration_that_fails_leaves_the_version_before(engine: Engine):
    with writing(engine) as connection:
        migrate(connection, to=revisions()[1])
        connection.exec_driver_sql("CREATE TABLE audit (in_the_way TEXT)")
    with pytest.raises(Exception, match="audit"), writing(engine) as connection:
        migrate(connection)
    with engine.connect() as connection:
        assert current_revision(connection) == revisions()[1]
        assert not inspect(connection).has_table("copy_groups")


def test_a_newer_schema_is_refused(engine: Engine):
    with writing(engine) as connection:
        migrate(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew, match="9999"), writing(engine) as connection:
        migrate(connection)


MIGRATING = """
import sys
from kopitra_functions.sql.engines import WRITING, engine_for
from kopitra_functions.sql.migrations import migrate
with engine_for(sys.argv[1], busy_seconds=60).execution_options(**{WRITING: True}).begin() as connection:
    migrate(connection)
"""


def test_instances_that_start_together_migrate_once(engine: Engine, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/management.db"
    started = [
        subprocess.Popen([sys.executable, "-c", MIGRATING, url], stderr=subprocess.PIPE, text=True)
        for _ in range(INSTANCES)
    ]
    ended = [(process.communicate(timeout=100)[1], process.returncode) for process in started]
    assert [code for _, code in ended] == [0] * INSTANCES, ended
    with engine.connect() as connection:
        assert current_revision(connection) == head_revision()


def widest(column: Any) -> int:
    """Bytes of a column in a key of SQL Server's, at most."""
    length = getattr(column.type, "length", None)
    return 2 * length if length and type(column.type).__name__ == "String" else 8


@pytest.mark.parametrize("name", sorted(metadata.tables))
def test_keys_are_as_narrow_as_sql_server_wants_them(name: str):
    table = metadata.tables[name]
    clustered = table.primary_key.dialect_options["mssql"]["clustered"] is not False
    assert sum(map(widest, table.primary_key)) <= (BYTES_CLUSTERED if clustered else BYTES_INDEXED)
    for index in table.indexes:
        assert sum(map(widest, index.columns)) <= BYTES_INDEXED, index.name


@pytest.mark.parametrize("name", sorted(metadata.tables))
def test_every_table_knows_its_tenant(name: str):
    assert not metadata.tables[name].c.tenant.nullable


@pytest.mark.parametrize("name", sorted(metadata.tables))
def test_references_stay_within_the_tenant(name: str):
    for reference in metadata.tables[name].foreign_key_constraints:
        assert next(iter(reference.columns)).name == "tenant"
        assert reference.elements[0].column.name == "tenant"
