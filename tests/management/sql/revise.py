"""Writes revisions, and the data that must survive them, from the metadata.

.venv/bin/python -m tests.management.sql.revise "what changed"    the next revision
.venv/bin/python -m tests.management.sql.revise --first           all of the first ones anew, until they are released
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations.ops import CreateIndexOp, CreateTableOp, UpgradeOps
from sqlalchemy import Connection, create_engine

import kopitra_functions.sql.migrations as migrations
from kopitra_functions.sql.tables import metadata
from tests.management.sql.rendering import render_item
from tests.management.sql.sample_rows import sample_row

VERSIONS = Path(migrations.__file__).parent / "versions"
RUFF = Path(sys.executable).parent / "ruff"
FIXTURES = Path(__file__).parent / "rows"
FIRST: dict[str, tuple[str, ...]] = {
    "tenancy": ("tenants", "users", "user_roles"),
    "accounts": ("brokers", "accounts", "broker_credentials", "entitlements", "enrolment_codes"),
    "copying": (
        "copy_groups",
        "group_leaders",
        "strategies",
        "subscriptions",
        "subscription_versions",
        "settings_layers",
    ),
    "requests": ("pending_commands", "idempotency_keys", "audit"),
    "journal": ("events", "runs", "decisions", "checkpoints"),
    "trading": ("orders", "executions", "trades", "balance_operations"),
    "watching": (
        "incidents",
        "sessions_log",
        "account_states",
        "symbol_specs",
        "account_samples",
        "latency_samples",
    ),
    "notifying": ("notification_channels", "notifications"),
    "tasks": ("tasks", "task_runs"),
}
"""Revision → its tables, in an order in which references find what they refer to. A table named nowhere goes into the
last one."""

TEMPLATE = '''"""{title}."""

import sqlalchemy as sa
from alembic import op

from kopitra_functions.sql import types

revision = "{revision}"
down_revision = {down}
branch_labels = None
depends_on = None


def upgrade() -> None:
    {body}
'''


def write_first() -> None:
    for old in [*VERSIONS.glob("*.py"), *FIXTURES.glob("*.json")]:
        old.unlink()
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        operations = _difference(connection).ops
    named = {name for names in FIRST.values() for name in names}
    down: str | None = None
    for number, (area, names) in enumerate(FIRST.items(), 1):
        rest = set(metadata.tables) - named if area == "tasks" else set[str]()
        wanted = [*names, *sorted(rest)]
        ours = [op for name in wanted for op in operations if _table_of(op) == name]
        revision = f"{number:04}"
        _write(revision, down, f"The first tables: {area}", area, UpgradeOps(ours))
        _write_rows(revision, wanted)
        down = revision


def write_next(title: str) -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        migrations.migrate(connection)
        difference = _difference(connection)
    if difference.is_empty():
        sys.exit("the migrations make what the metadata says already")
    down = migrations.head_revision()
    revision = f"{int(down) + 1:04}"
    _write(revision, down, title, re.sub(r"\W+", "_", title.lower()), difference)
    _write_rows(revision, sorted({name for op in difference.ops if (name := _table_of(op))}))


def _difference(connection: Connection) -> UpgradeOps:
    context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
    made = produce_migrations(context, metadata).upgrade_ops
    assert made is not None
    return made


def _table_of(operation: Any) -> str | None:
    if isinstance(operation, CreateTableOp | CreateIndexOp):
        return operation.table_name
    return getattr(operation, "table_name", None)


def _write(revision: str, down: str | None, title: str, slug: str, operations: UpgradeOps) -> None:
    body = render_python_code(operations, render_item=render_item, migration_context=_mssql_aware())
    path = VERSIONS / f"{revision}_{slug[:40].strip('_')}.py"
    body = re.sub(r" *# ### .*\n?", "", body).strip()
    body = re.sub(r"op\.f\(('[^']+')\)", r"\1", body)
    for table in metadata.tables.values():  # Alembic forgets how keys are kept
        if table.primary_key.dialect_options["mssql"]["clustered"] is False:
            name = f"name='pk_{table.name}'"
            body = body.replace(name, f"{name}, mssql_clustered=False")
    down_text = f'"{down}"' if down else "None"
    path.write_text(TEMPLATE.format(title=title, revision=revision, down=down_text, body=body))
    text = path.read_text()
    if "types." not in text.split("def upgrade", 1)[1]:
        path.write_text(text.replace("\nfrom kopitra_functions.sql import types\n", ""))
    for task in (["format"], ["check", "--fix"], ["format"]):
        subprocess.run([RUFF, *task, "-q", path], check=True)


def _mssql_aware() -> MigrationContext:
    return MigrationContext.configure(dialect_name="sqlite", opts={"render_item": render_item})


def _write_rows(revision: str, tables: list[str]) -> None:
    rows = {name: [sample_row(metadata.tables[name])] for name in tables}
    FIXTURES.mkdir(exist_ok=True)
    (FIXTURES / f"{revision}.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--first"]:
        write_first()
    elif len(sys.argv) == 2 and not sys.argv[1].startswith("-"):
        write_next(sys.argv[1])
    else:
        sys.exit(__doc__)
