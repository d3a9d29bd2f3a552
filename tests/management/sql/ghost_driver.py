"""A driver like SQL Server's that answers what a test wants: what it says fails, as often as it says."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool


class Error(Exception):
    """DB-API's base; made as `mssql_python` makes its errors."""

    def __init__(self, driver_error: str, ddbc_error: str = "") -> None:
        super().__init__(f"Driver Error: {driver_error}; DDBC Error: {ddbc_error}")
        self.driver_error = driver_error
        self.ddbc_error = ddbc_error


class InterfaceError(Error): ...


class DatabaseError(Error): ...


class OperationalError(DatabaseError): ...


class ProgrammingError(DatabaseError): ...


class IntegrityError(DatabaseError): ...


class DataError(DatabaseError): ...


class InternalError(DatabaseError): ...


class NotSupportedError(DatabaseError): ...


class Script:
    """`connecting`, `executing` and `committing` are called at that point and may raise."""

    def __init__(self) -> None:
        self.connecting: Callable[[], None] = lambda: None
        self.executing: Callable[[], None] = lambda: None
        self.committing: Callable[[], None] = lambda: None
        self.opened = 0
        self.closed = 0
        self.committed = 0
        self.rolled_back = 0


class Failing:
    """Raises the error the first `times`, then does nothing."""

    def __init__(self, times: int, error: Exception) -> None:
        self.left = times
        self._error = error

    def __call__(self) -> None:
        if self.left > 0:
            self.left -= 1
            raise self._error


class GhostDriver:
    """The module, as SQLAlchemy sees it."""

    paramstyle = "qmark"
    threadsafety = 1
    apilevel = "2.0"
    __version__ = "1.16.0"
    version = "1.16.0"
    Error = Error
    InterfaceError = InterfaceError
    DatabaseError = DatabaseError
    OperationalError = OperationalError
    ProgrammingError = ProgrammingError
    IntegrityError = IntegrityError
    DataError = DataError
    InternalError = InternalError
    NotSupportedError = NotSupportedError
    Binary = bytes

    def __init__(self, script: Script) -> None:
        self.script = script

    def pooling(self, **_: Any) -> None:
        """The driver's own pool is off."""

    def connect(self, *_: Any, **__: Any) -> Any:
        self.script.connecting()
        self.script.opened += 1
        return _Connection(self.script)


class _Connection:
    autocommit = False

    def __init__(self, script: Script) -> None:
        self._script = script

    def cursor(self) -> Any:
        return _Cursor(self._script)

    def commit(self) -> None:
        self._script.committing()
        self._script.committed += 1

    def rollback(self) -> None:
        self._script.rolled_back += 1

    def close(self) -> None:
        self._script.closed += 1


class _Cursor:
    description = (("n", int, None, None, None, None, False),)
    rowcount = 1
    arraysize = 1

    def __init__(self, script: Script) -> None:
        self._script = script

    def execute(self, *_: Any) -> None:
        self._script.executing()

    def fetchone(self) -> Any:
        return (1,)

    def fetchall(self) -> list[Any]:
        return [(1,)]

    def close(self) -> None: ...


def ghost_engine(script: Script) -> Engine:
    """SQL Server's dialect, pool and all, over the ghost."""
    engine = create_engine(
        "mssql+mssqlpython://ghost/kopitra", module=GhostDriver(script), poolclass=NullPool
    )
    # What SQLAlchemy asks a server about itself at the first connection is not part of the play.
    engine.dialect.initialize = lambda connection: None
    return engine
