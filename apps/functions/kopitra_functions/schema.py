"""Brings SQLite's tables up to date before they are used. Azure SQL's are migrated by whoever deploys: a start must
not wake a database that is paused."""

import structlog

from kopitra.application.ports.timing import Sleeper
from kopitra_functions.settings import PREFIX, Settings, StartRefused
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.errors import DatabaseResuming, DatabaseUnavailable
from kopitra_functions.sql.migrations import SchemaTooNew, migrate
from kopitra_functions.sql.patience import NO_PATIENCE

RETRY_SECONDS = 2.0

log = structlog.get_logger("kopitra.management")


async def migrated(settings: Settings, database: Database) -> bool:
    """False where another process holds the database: what needs no SQL need not wait for it. Raises StartRefused."""
    try:
        await database.write(migrate, patience=NO_PATIENCE)
    except DatabaseResuming as error:
        log.warning("tables_not_migrated_yet", error=str(error))
        return False
    except (SchemaTooNew, DatabaseUnavailable) as error:
        raise StartRefused(f"{PREFIX}DATABASE_FILE {settings.sqlite_file}: {error}") from error
    return True


async def until_migrated(settings: Settings, database: Database, sleeper: Sleeper) -> None:
    """Raises StartRefused."""
    while not await migrated(settings, database):
        await sleeper.sleep(RETRY_SECONDS)
