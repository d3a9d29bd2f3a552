"""What a database's failure means: it is resuming or busy and worth another try, it is away, or the work is wrong."""

import re
from enum import StrEnum

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class DatabaseResuming(Exception):
    """The database wakes up, moves or is busy: the same call will do in a while. Nothing was changed, or a commit's
    fate is unknown (`commit_unknown`); work that is repeated by identity or key may be repeated either way."""

    code = "database_resuming"

    def __init__(self, reason: str, *, retry_after_seconds: float, commit_unknown: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds
        self.commit_unknown = commit_unknown


class DatabaseUnavailable(Exception):
    """The database cannot be used, and waiting does not help: no rights, no such database, a damaged file."""

    code = "database_unavailable"


class Failure(StrEnum):
    TRANSIENT = "transient"
    FATAL = "fatal"
    OURS = "ours"
    """A constraint, or a statement that is wrong: for the caller."""


TRANSIENT_NUMBERS = frozenset(
    {
        40613,  # the database is not currently available: paused, resuming or moving
        40197,  # an error while processing; the connection was reset by a failover
        40501,  # the service is busy
        49918,  # not enough resources to process the request
        49919,  # too many create or update operations in progress
        49920,  # too many operations in progress for the subscription
        4221,  # a read replica waits for a long transaction
        10928,  # the limit of workers or sessions is reached
        10929,  # the same, below the guaranteed minimum
        10053,  # the connection was broken off
        10054,
        10060,
        1205,  # this transaction was chosen as the victim of a deadlock
        1222,  # a lock was waited for too long
        64,  # the connection died after it was made
        233,
        926,  # the database is being recovered
        4060,  # cannot open the database: also the first answer of one that is paused
    }
)
"""Error numbers of SQL Server and Azure SQL that pass by themselves (Microsoft, "Troubleshoot transient connection
errors")."""
TRANSIENT_PHRASES = (
    "is not currently available",
    "the service is currently busy",
    "the service has encountered an error processing your request",
    "not enough resources to process",
    "too many operations in progress",
    "was deadlocked on lock",
    "lock request time out",
    "login timeout expired",
    "query timeout expired",
    "connection timeout",
    "communication link failure",
    "connection failure during transaction",
    "client unable to establish connection",
    "server rejected the connection",
    "unable to complete login process",
    "tcp provider",
    "requested by the login",
    "database is locked",
    "database table is locked",
    "database schema is locked",
)
"""The driver passes on the server's sentence without its number; these are the sentences of the same errors, and of
connections that end or never begin. The last ones are SQLite's."""
_marked_number = re.compile(
    r"(?:error|msg|code|number)\W{0,3}(\d{2,5})\b|\((\d{2,5})\)|^(\d{2,5})\b", re.IGNORECASE
)


def failure_of(error: Exception) -> Failure:
    """What to do about an exception that came out of the engine."""
    if isinstance(error, PoolTimeout):
        return Failure.TRANSIENT
    if not isinstance(error, DBAPIError):
        return Failure.OURS
    if is_transient(error):
        return Failure.TRANSIENT
    wrong_work = IntegrityError | DataError | ProgrammingError | NotSupportedError
    return Failure.OURS if isinstance(error, wrong_work) else Failure.FATAL


def is_transient(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    said = str(error.orig)
    lowered = said.lower()
    if any(phrase in lowered for phrase in TRANSIENT_PHRASES):
        return True
    return any(number in TRANSIENT_NUMBERS for number in _numbers(said))


def _numbers(said: str) -> list[int]:
    """Error numbers that a message names as such; a number in passing is none."""
    return [int(next(filter(None, found.groups()))) for found in _marked_number.finditer(said)]
