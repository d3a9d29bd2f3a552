"""Events on their way to the EA."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from kopitra.application.delivery import Delivery
from kopitra.application.engine import Engine
from kopitra.application.outbox_pages import Ask, Page, fresh_until
from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import EventId, JournalId
from kopitra.domain.instants import rfc3339
from kopitra.domain.outbox_types import OutboxType
from kopitra.domain.trading import Order
from kopitra.machine.state import OutboxItem
from kopitra.protocol.limits import DEFAULT_OUTBOX_LIMIT, MAX_OUTBOX_LIMIT, MAX_WAIT_SECONDS, MAX_WHOLE_NUMBER
from kopitra.protocol.messages import OutboxAnswer, OutboxEvent
from kopitra.protocol.problems import Code, rejected
from kopitra_counterparty.exchange import Call, Reply

RETRY_WHEN_QUIET_MS = 1000
"""For clients that do not wait: a leader that polls every second costs next to nothing."""
MILLISECOND = timedelta(milliseconds=1)
MILLISECONDS = 1000
WAIT_SHARE_OF_LEASE = 3
"""A parked poll never outlasts a third of the lease that its start renewed."""

_encoder = msgspec.json.Encoder()


class Outbox:
    def __init__(self, *, delivery: Delivery, engine: Engine, clock: Clock) -> None:
        self._delivery = delivery
        self._engine = engine
        self._clock = clock

    async def poll(self, call: Call, message: object) -> Reply:
        session = call.session
        assert session is not None
        given = call.request.parameters()
        wait = whole(given, "wait", 0, 0, MAX_WAIT_SECONDS)
        ask = Ask(
            account=call.known_account,
            cursor=whole(given, "cursor", 0, 0, MAX_WHOLE_NUMBER),
            limit=whole(given, "limit", DEFAULT_OUTBOX_LIMIT, 1, MAX_OUTBOX_LIMIT),
            approved=session.approved,
            journal_id=JournalId(given["journalId"]) if given.get("journalId") else None,
        )

        def check() -> None:
            self._engine.require_serving()
            current = self._engine.state.accounts[ask.account].session
            if current is None or current.session != session.session:
                raise rejected(Code.TOKEN_INVALID, "the session has ended")
            if current.approved != ask.approved:
                raise _ApprovalChanged

        seconds = min(wait, session.lease_seconds / WAIT_SHARE_OF_LEASE)
        try:
            page = await self._delivery.poll(ask, seconds, check)
        except _ApprovalChanged:
            page = self._delivery.page(msgspec.structs.replace(ask, approved=not ask.approved))
        return Reply(200, self._body(page, wait))

    def _body(self, page: Page, wait: int) -> bytes:
        now, state = self._clock.now(), self._engine.state

        def told(items: Sequence[OutboxItem]) -> list[OutboxEvent]:
            readings = self._engine.readings
            return [outbox_event(item, state.shard, fresh_until(item, readings), now) for item in items]

        events = told(page.events)
        if page.resync is not None:
            events.insert(0, self._resync(page, now))
        retry = 0 if page.has_news or wait else RETRY_WHEN_QUIET_MS
        return _encoder.encode(
            OutboxAnswer(
                journal_id=state.journal_id,
                cursor=page.cursor,
                urgent=told(page.urgent),
                events=events,
                retry_after_ms=retry,
                retry_after=retry // MILLISECONDS,
                server_time=rfc3339(now),
            )
        )

    def _resync(self, page: Page, now: datetime) -> OutboxEvent:
        """Said to this answer's reader only: nothing of it is kept, and nothing has to be acknowledged."""
        before = min((item.sequence for item in page.events), default=page.cursor + 1) - 1
        return OutboxEvent(
            event_id=EventId(f"{self._engine.state.shard}-resync-{before}"),
            sequence=before,
            event_type=OutboxType.RESYNC_REQUESTED,
            occurred_at=rfc3339(now),
            payload={"reason": page.resync},
        )


class _ApprovalChanged(Exception):
    """The session was approved while its poll was parked."""


def outbox_event(item: OutboxItem, shard: str, expires_at: datetime | None, now: datetime) -> OutboxEvent:
    """An item as it goes over the wire at `now`: the time that an open has left starts to count with the answer."""
    return OutboxEvent(
        event_id=EventId(f"{shard}-{item.sequence}"),
        sequence=item.sequence,
        event_type=item.event_type,
        occurred_at=rfc3339(item.at),
        payload=item.payload if item.order is None else _payload(item.order, expires_at, now),
        request_id=item.request_id,
        run_id=item.run,
    )


def _payload(order: Order, expires_at: datetime | None, now: datetime) -> object:
    if expires_at is not None:
        order = msgspec.structs.replace(order, ttl_ms=max(0, (expires_at - now) // MILLISECOND))
    if order.order_expires_at is None:
        return order
    plain = msgspec.to_builtins(order)
    plain["orderExpiresAt"] = rfc3339(order.order_expires_at)
    return plain


def whole(given: dict[str, str], name: str, default: int, least: int, most: int) -> int:
    """A whole number of the query string. Raises Rejected."""
    text = given.get(name)
    if text is None:
        return default
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not least <= value <= most:
        raise rejected(Code.QUERY_INVALID, f"{name} must be a whole number from {least} to {most}")
    return value
