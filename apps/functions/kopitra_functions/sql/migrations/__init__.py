"""Brings a database's tables to what this version of the code wants: all of it, or nothing.

Revisions go up only. An older version of the code refuses a newer schema; to go back, restore the backup.
"""

from io import StringIO

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from kopitra_functions.sql.errors import DatabaseUnavailable
from kopitra_functions.sql.migrations.exclusive import exclude_others

HEAD = "head"


class SchemaTooNew(DatabaseUnavailable):
    """A later version of Kopitra has migrated this database: this one would misread it."""

    code = "schema_too_new"


def migrate(connection: Connection, to: str = HEAD) -> None:
    """In the connection's transaction, which must be one that writes; whoever else migrates waits. Raises
    `SchemaTooNew`, and SQLAlchemy's errors."""
    exclude_others(connection)
    now = current_revision(connection)
    if now is not None and now not in revisions():
        raise SchemaTooNew(
            f"the database is at revision {now}, this version of Kopitra knows {head_revision()}"
        )
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def is_migrated(connection: Connection) -> bool:
    """Whether `migrate` would find nothing to do; asks only."""
    return current_revision(connection) == head_revision()


def migration_sql(dialect: str, *, start: str | None = None, to: str = HEAD) -> str:
    """The statements that `migrate` would send to a database of this dialect at `start` (None: an empty one)."""
    written = StringIO()
    config = _config(written)
    config.attributes["dialect"] = dialect
    command.upgrade(config, f"{start}:{to}" if start else to, sql=True)
    return written.getvalue()


def current_revision(connection: Connection) -> str | None:
    """None before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str:
    return revisions()[-1]


def revisions() -> tuple[str, ...]:
    """Oldest first."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(reversed([script.revision for script in scripts]))


def _config(written: StringIO | None = None) -> Config:
    config = Config(output_buffer=written)
    config.set_main_option("script_location", "kopitra_functions.sql:migrations")
    config.set_main_option("path_separator", "os")
    return config
