"""What the table of endpoints says of each: who may call it, what goes in and out, and on what it stands."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role

if TYPE_CHECKING:
    from kopitra_functions.http.call import Call

MAX_PAGE = 500
DEFAULT_PAGE = 100
MAX_CURSOR_LENGTH = 1_024
"""A cursor holds the sort key of one row: three ids of 128 characters at most, in base64."""


class Kind(StrEnum):
    """How a query parameter is read, and what the route gets."""

    TEXT = "text"
    WHOLE = "whole"
    FLAG = "flag"
    """`true` or `false` → bool."""
    TIME = "time"
    """RFC 3339 with an offset → aware UTC."""
    CURSOR = "cursor"
    """What an earlier page of the same list gave."""


class Query(msgspec.Struct, frozen=True):
    """One query parameter; one that is not listed is refused, because a filter that is silently ignored misleads."""

    name: str
    kind: Kind
    description: str
    default: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    required: bool = False


TENANT = Query(
    "tenant", Kind.TEXT, "Which tenant's; only operators of all tenants may name another than theirs."
)
PAGING = (
    Query("cursor", Kind.CURSOR, "Where the last page ended."),
    Query("limit", Kind.WHOLE, "Most items to return.", DEFAULT_PAGE, 1, MAX_PAGE),
)


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is below `/api/admin`. `body` and `answers` (by status) name alternatives, of which a body is one; no
    alternative means no body. `refusals`: statuses beyond those that follow from the rest of the row."""

    method: str
    path: str
    summary: str
    role: Role
    """The least that may call it."""
    body: tuple[type[Any], ...] = ()
    answers: dict[int, tuple[type[Any], ...]]
    refusals: tuple[int, ...] = ()
    query: tuple[Query, ...] = ()
    sql: bool = True
    """Whether it needs the database; the others work while it is locked, paused or gone."""
    edits: bool = False
    """Whether it changes one thing that is there: needs `If-Match` with the entity tag it was read with."""
    upload_bytes: int = 0
    """The largest raw body, of any media type, for a route that takes a file; the handler reads `call.request.body`."""
    file: bool = False
    """Whether it answers with a file, of whatever media type that has."""
    platform: bool = False
    """Only operators of all tenants."""
    public: bool = False
    """Needs no token."""

    @property
    def keyed(self) -> bool:
        """Whether an Idempotency-Key is required."""
        return self.method == "POST"

    @property
    def scope(self) -> str:
        """Its name, and the scope of its idempotency keys."""
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> tuple[Query, ...]:
        """Everything that its query may say."""
        return self.query if self.public else (*self.query, TENANT)


class Route(msgspec.Struct, frozen=True):
    """An endpoint and what it does."""

    endpoint: Endpoint
    handle: Callable[["Call"], Awaitable[Reply]]
