"""Every route of the service with its policies: the one table that server, OpenAPI document and tests read."""

from enum import StrEnum
from typing import Any

import msgspec

from kopitra.domain.trading import Execution, Signal
from kopitra.protocol.messages import (
    EnrolmentAnswer,
    EnrolmentRequest,
    ExecutionAnswer,
    HealthAnswer,
    InboxAnswer,
    InboxRequest,
    OutboxAnswer,
    ReleaseAnswer,
    SessionAnswer,
    SessionRequest,
    SignalAnswer,
    SignalBatch,
    SignalBatchAnswer,
)
from kopitra.protocol.stories import RunStory


class Access(StrEnum):
    """Who may call."""

    OPEN = "open"
    SECRET = "secret"
    """An account that shows its device's secret in the body."""
    SESSION = "session"
    """An account with its session token."""
    APPROVED = "approved"
    """The same, but not while the session waits for approval."""
    OPERATOR = "operator"


class Rate(StrEnum):
    """Whether the account's rate limit applies."""

    NONE = "none"
    LIMITED = "limited"
    EXEMPT = "exempt"
    BY_CONTENT = "by_content"
    """Exempt where it only acknowledges, reports executions, or lowers exposure."""


class Query(msgspec.Struct, frozen=True):
    name: str
    kind: str
    """A JSON Schema type."""
    description: str
    default: int | None = None
    minimum: int | None = None
    maximum: int | None = None


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is below the base path; `request` and `answers` (by status) name alternatives, of which a body is one;
    `refusals` are the statuses beyond those that every route of this access may give."""

    method: str
    path: str
    summary: str
    access: Access
    rate: Rate
    request: tuple[type[Any], ...] = ()
    answers: dict[int, tuple[type[Any], ...]]
    refusals: tuple[int, ...] = ()
    query: tuple[Query, ...] = ()

    @property
    def keyed(self) -> bool:
        """Whether an Idempotency-Key is required."""
        return self.method in ("POST", "DELETE")

    @property
    def scope(self) -> str:
        """The scope of its idempotency keys within an account."""
        return f"{self.method} {self.path}"


OUTBOX_QUERY = (
    Query("cursor", "integer", "Sequence up to which everything is known.", 0, 0),
    Query("limit", "integer", "Most events to return.", 100, 1, 500),
    Query("wait", "integer", "Seconds to wait when there is nothing to send.", 0, 0, 25),
    Query("journalId", "string", "The journal that the cursor belongs to."),
)

EA_ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/enrolments",
        summary="Turn an operator's one-time code into this device's secret.",
        access=Access.OPEN,
        rate=Rate.LIMITED,
        request=(EnrolmentRequest,),
        answers={201: (EnrolmentAnswer,)},
        refusals=(401, 403, 409),
    ),
    Endpoint(
        method="POST",
        path="/sessions",
        summary="Open this account's session; takes over the device's own lease.",
        access=Access.SECRET,
        rate=Rate.LIMITED,
        request=(SessionRequest,),
        answers={201: (SessionAnswer,)},
        refusals=(409,),
    ),
    Endpoint(
        method="DELETE",
        path="/sessions/current",
        summary="Release the session.",
        access=Access.SESSION,
        rate=Rate.EXEMPT,
        answers={200: (ReleaseAnswer,)},
    ),
    Endpoint(
        method="POST",
        path="/sessions/current/release",
        summary="Release the session, for clients that cannot send DELETE.",
        access=Access.SESSION,
        rate=Rate.EXEMPT,
        answers={200: (ReleaseAnswer,)},
    ),
    Endpoint(
        method="GET",
        path="/sessions/current/outbox",
        summary="Pending events above the cursor; waits for one when asked to.",
        access=Access.SESSION,
        rate=Rate.LIMITED,
        answers={200: (OutboxAnswer,)},
        query=OUTBOX_QUERY,
    ),
    Endpoint(
        method="POST",
        path="/sessions/current/inbox",
        summary="Report acknowledgements, telemetry, snapshots and catalogues.",
        access=Access.SESSION,
        rate=Rate.BY_CONTENT,
        request=(InboxRequest,),
        answers={202: (InboxAnswer,)},
    ),
    Endpoint(
        method="POST",
        path="/signals",
        summary="One trade intent, or an ordered batch; planned and durable when this returns.",
        access=Access.APPROVED,
        rate=Rate.BY_CONTENT,
        request=(Signal, SignalBatch),
        answers={202: (SignalAnswer, SignalBatchAnswer)},
    ),
    Endpoint(
        method="POST",
        path="/executions",
        summary="What the broker did.",
        access=Access.APPROVED,
        rate=Rate.EXEMPT,
        request=(Execution,),
        answers={200: (ExecutionAnswer,)},
    ),
    Endpoint(
        method="GET",
        path="/runs/{runId}",
        summary="The story of one copy, as far as this account took part.",
        access=Access.SESSION,
        rate=Rate.LIMITED,
        answers={200: (RunStory,)},
        refusals=(404,),
    ),
)

SERVICE_ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/health",
        summary="Whether this instance serves; with a probe per dependency for operators.",
        access=Access.OPEN,
        rate=Rate.NONE,
        answers={200: (HealthAnswer,)},
        refusals=(503,),
    ),
    Endpoint(
        method="GET",
        path="/health/live",
        summary="Whether this process answers at all.",
        access=Access.OPEN,
        rate=Rate.NONE,
        answers={200: (HealthAnswer,)},
    ),
    Endpoint(
        method="GET",
        path="/openapi.json",
        summary="This document.",
        access=Access.OPEN,
        rate=Rate.NONE,
        answers={200: (dict,)},
    ),
)
