"""One migration at a time, whichever instances start together."""

from sqlalchemy import Connection

WAIT_MS = 120_000
"""A migration of ours takes seconds; one that adds an index to millions of rows takes a minute or two."""
LOCK = "kopitra-migrations"
MSSQL_LOCK = f"""
DECLARE @taken INT;
EXEC @taken = sp_getapplock @Resource = '{LOCK}', @LockMode = 'Exclusive', @LockOwner = 'Transaction',
    @LockTimeout = {WAIT_MS};
IF @taken < 0 THROW 51000, 'another instance has been migrating this database for too long', 1;
"""
"""Held until the transaction ends, however it does."""


def exclude_others(connection: Connection) -> None:
    """Must be the transaction's first statement. On SQLite a transaction that writes excludes others by itself."""
    if connection.dialect.name == "mssql":
        connection.exec_driver_sql(MSSQL_LOCK)
