"""`python -m kopitra_functions.sql.migrations`: brings a SQL server's tables up to date as somebody who brings a token.

Takes `{"server": …, "database": …, "token": …}` on standard input, where nobody else sees it.
"""

import struct
import sys

import msgspec
from sqlalchemy import URL, Engine, NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from kopitra_functions.sql.engines import CONNECT_SECONDS, MSSQL
from kopitra_functions.sql.errors import DatabaseUnavailable
from kopitra_functions.sql.migrations import head_revision, migrate

ACCESS_TOKEN = 1256
"""The driver's SQL_COPT_SS_ACCESS_TOKEN."""
FAILED = 1


class Given(msgspec.Struct, frozen=True):
    server: str
    database: str
    token: str


def engine_by_token(given: Given) -> Engine:
    """Connects to nothing yet."""
    text = given.token.encode("utf-16-le")
    url = URL.create(
        MSSQL,
        host=given.server,
        database=given.database,
        query={"Encrypt": "yes", "TrustServerCertificate": "no"},
    )
    arguments = {
        "attrs_before": {ACCESS_TOKEN: struct.pack("<i", len(text)) + text},
        "timeout": CONNECT_SECONDS,
    }
    return create_engine(url, poolclass=NullPool, connect_args=arguments)


def main(text: str) -> int:
    """The exit code; what went wrong is on standard error."""
    try:
        engine = engine_by_token(msgspec.json.decode(text, type=Given))
        with engine.begin() as connection:
            migrate(connection)
    except (msgspec.MsgspecError, SQLAlchemyError, DatabaseUnavailable) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return FAILED
    print(f"at revision {head_revision()}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.read()))
