"""A connection to Azure SQL by the deployer's token."""

import struct
from typing import Any

from stack.deployment.world import DeploymentFailed, SqlRefused

ACCESS_TOKEN = 1256
"""The driver's SQL_COPT_SS_ACCESS_TOKEN: how to sign in, decided before the connection is made."""
CONNECT_SECONDS = 30
NO_DRIVER = "Failed to load the driver"


def packed(token: str) -> bytes:
    """As the driver wants it: its length in bytes, then UTF-16."""
    text = token.encode("utf-16-le")
    return struct.pack("<i", len(text)) + text


class SqlConnection:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, statement: str) -> None:
        cursor = self._connection.cursor()
        try:
            cursor.execute(statement)
        finally:
            cursor.close()

    def close(self) -> None:
        self._connection.close()


def connect(server: str, database: str, token: str) -> SqlConnection:
    """Raises SqlRefused with the server's own sentence, and DeploymentFailed where the driver itself is unusable."""
    # The driver is 20 MB of libraries, and most deployments do without.
    import mssql_python  # noqa: PLC0415

    wanted = f"Server={server},1433;Database={database};Encrypt=yes;TrustServerCertificate=no"
    given: Any = {ACCESS_TOKEN: packed(token)}
    try:
        made: Any = mssql_python.connect(wanted, autocommit=True, attrs_before=given, timeout=CONNECT_SECONDS)
    except mssql_python.Error as error:
        if NO_DRIVER in str(error):
            raise DeploymentFailed(
                "the driver of SQL Server needs libltdl: apt-get install libltdl7"
            ) from error
        raise SqlRefused(str(error)) from error
    return SqlConnection(made)
