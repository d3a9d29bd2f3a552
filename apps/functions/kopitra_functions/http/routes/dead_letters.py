"""Messages that were set aside: a look at them, and their way back. Works without SQL.

An operator of one tenant sees that tenant's; those that belong to none, or say nothing that can be read, are for
operators of all tenants.
"""

from typing import Any, cast

import msgspec
import structlog

from kopitra.adapters.operator_tokens import ALL_TENANTS
from kopitra.application.ports.queue import Queue, ReceivedMessage
from kopitra.domain.instants import rfc3339
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra.protocol.problems import Code, rejected
from kopitra_functions.history.dead_letters import replay_dead_letters
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.endpoint import Endpoint, Kind, Query, Route
from kopitra_functions.http.messages import Asked, Shown

MOST_AT_ONCE = 100
"""Looked at in one request, and named in one."""
SCANNED_AT_MOST = 1_000
"""Messages that one request looks through for one tenant's."""
QUEUES = ("events", "history", "commands", "tasks")

log = structlog.get_logger("kopitra.http")


class DeadLetterView(Shown, frozen=True):
    """`body` as text, its first part where it is long; `deliveries`: how often it had been tried."""

    message_id: str
    sequence_number: int
    tenant: str | None
    subject: str | None
    correlation_id: str | None
    reason: str | None
    detail: str | None
    deliveries: int
    enqueued_at: str
    body: str


class DeadLetterPage(Shown, frozen=True):
    """`cursor`: goes on behind the last one that was looked at; `waiting`: dead letters of the whole queue."""

    items: list[DeadLetterView]
    cursor: int
    more: bool
    waiting: int


class ReplayRequest(Asked, frozen=True):
    message_ids: tuple[str, ...]


class Replayed(Shown, frozen=True):
    """`replayed`: how many were put back at the end of their queue."""

    replayed: int


BODY_SHOWN = 4_096


async def _peek(call: Call) -> Reply:
    queue = _queue(call)
    after, limit = call.query["cursor"], call.query["limit"]
    items: list[DeadLetterView] = []
    looked = 0
    more = True
    while more and len(items) < limit and looked < SCANNED_AT_MOST:
        found = await queue.peek(MOST_AT_ONCE, from_sequence_number=after + 1, dead_letter=True)
        for each in found:
            after, looked = each.sequence_number, looked + 1
            if _is_shown(call, each):
                items.append(_view(each))
            if len(items) == limit:
                break
        more = len(found) == MOST_AT_ONCE or len(items) == limit
    waiting = (await queue.counts()).dead_letter
    return told(DeadLetterPage(items=items, cursor=after, more=more, waiting=waiting))


async def _replay(call: Call) -> Reply:
    request: ReplayRequest = call.message
    if not 1 <= len(request.message_ids) <= MOST_AT_ONCE:
        raise rejected(Code.VALIDATION_FAILED, f"messageIds names 1 to {MOST_AT_ONCE} messages")
    queue = _queue(call)
    own = frozenset(request.message_ids) & await _own(call, queue)
    replayed = await replay_dead_letters(queue, message_ids=own) if own else 0
    log.info(
        "dead_letters_replayed", queue=call.params["queue"], number=replayed, subject=call.operator.subject
    )
    return told(Replayed(replayed=replayed))


async def _own(call: Call, queue: Queue) -> frozenset[str]:
    """Ids of the dead letters that this operator may see."""
    found: set[str] = set()
    after, page = 0, [None]
    while page:
        page = list(await queue.peek(MOST_AT_ONCE, from_sequence_number=after + 1, dead_letter=True))
        found.update(each.message.message_id for each in page if _is_shown(call, each))
        after = page[-1].sequence_number if page else after
    return frozenset(found)


def _queue(call: Call) -> Queue:
    name = call.params["queue"]
    if name not in QUEUES:
        raise rejected(Code.NOT_FOUND, f"the queues are {', '.join(QUEUES)}")
    return getattr(call.desk.world.queues, name)


def _is_shown(call: Call, received: ReceivedMessage) -> bool:
    if call.operator.tenant == ALL_TENANTS and call.tenant is None:
        return True
    return _tenant(received) == call.tenant


def _tenant(received: ReceivedMessage) -> str | None:
    try:
        body: Any = msgspec.json.decode(received.message.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    tenant = cast("dict[str, Any]", body).get("tenant") if isinstance(body, dict) else None
    return tenant if isinstance(tenant, str) else None


def _view(received: ReceivedMessage) -> DeadLetterView:
    message = received.message
    return DeadLetterView(
        message_id=message.message_id,
        sequence_number=received.sequence_number,
        tenant=_tenant(received),
        subject=message.subject,
        correlation_id=message.correlation_id,
        reason=received.dead_letter_reason,
        detail=received.dead_letter_error_description,
        deliveries=received.delivery_count,
        enqueued_at=rfc3339(received.enqueued_time_utc),
        body=message.body[:BODY_SHOWN].decode("utf-8", "replace"),
    )


ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/dead-letters/{queue}",
            summary="Messages that were set aside, oldest first; looking changes nothing.",
            role=Role.ADMIN,
            answers={200: (DeadLetterPage,)},
            query=(
                Query("cursor", Kind.WHOLE, "The last sequence number that is known.", 0, 0),
                Query("limit", Kind.WHOLE, "Most messages to return.", 50, 1, MOST_AT_ONCE),
            ),
            sql=False,
        ),
        _peek,
    ),
    Route(
        Endpoint(
            method="POST",
            path="/dead-letters/{queue}/replay",
            summary="Put dead letters back at the end of their queue; whoever reads it knows repeats by their ids.",
            role=Role.ADMIN,
            body=(ReplayRequest,),
            answers={200: (Replayed,)},
            sql=False,
        ),
        _replay,
    ),
)
