"""Looks at SQLite's tables at the start, which brings them up to date. Azure SQL's are looked at by whoever first needs
them: a start must not wake a database that is paused."""

import structlog

from kopitra_functions.settings import PREFIX, Settings, StartRefused
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.errors import DatabaseResuming, DatabaseUnavailable
from kopitra_functions.sql.patience import NO_PATIENCE

log = structlog.get_logger("kopitra.management")


async def check_tables(settings: Settings, database: Database) -> None:
    """A database that another process holds is left for later: what needs no SQL need not wait. Raises StartRefused."""
    try:
        await database.read(lambda connection: None, patience=NO_PATIENCE)
    except DatabaseResuming as error:
        log.warning("tables_not_looked_at_yet", error=str(error))
    except DatabaseUnavailable as error:
        raise StartRefused(f"{PREFIX}DATABASE_FILE {settings.sqlite_file}: {error}") from error
