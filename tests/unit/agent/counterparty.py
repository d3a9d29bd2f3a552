"""A counterparty that speaks protocol.md to one account and remembers all it was told.

Every body is read by the product's own parsers, so each test also proves that what the agent says is well-formed.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from kopitra.domain.telemetry import BalanceOperation, ExecutionNotice, OutboxAck
from kopitra.domain.trading import TERMINAL_ACKS, AckStatus, Execution, Order, Signal
from kopitra.protocol import headers
from kopitra.protocol.events import TRADE_TYPE_OF, InboxType
from kopitra.protocol.inbox import read_inbox
from kopitra.protocol.limits import BASE_PATH, REDELIVER_AFTER_SECONDS
from kopitra.protocol.parsing import Body
from kopitra.protocol.problems import Rejected
from kopitra.protocol.signals import read_signals
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.ports.transport import Request, Response, TransportError

ACCOUNT = "follower-1"
SECRET = "correct horse"
CODE = "one-time-code"
JOURNAL = "j-1"

Fault = Literal["refused", "lost_request", "lost_answer"] | int
"""No connection, no answer before or after the deed, or a status instead of the deed."""


class Item(msgspec.Struct):
    sequence: int
    event_type: str
    payload: Any
    retired: bool = False
    sent_at: float | None = None

    @property
    def event_id(self) -> str:
        return f"{JOURNAL}-0-{self.sequence}"


class Counterparty:
    def __init__(self, world: VirtualTime) -> None:
        self.world = world
        self.outbox: list[Item] = []
        self.acks: list[OutboxAck] = []
        self.executions: dict[str, Execution] = {}
        self.signals: dict[str, Signal] = {}
        self.signal_bodies: list[list[Signal]] = []
        self.balances: dict[str, BalanceOperation] = {}
        self.told: list[tuple[str, Any]] = []
        self.calls: list[tuple[float, Request]] = []
        self.batches: list[list[str]] = []
        self._faults: deque[tuple[str, Fault]] = deque()
        self.down = False
        self.retry_after: int | None = None
        """What answers with a faulty status ask for."""
        self.session_status = "authenticated"
        self.session_refusals: deque[Response] = deque()
        self.refuses: Callable[[str, Any], bool] = lambda kind, payload: False
        self.defers: Callable[[Signal], bool] = lambda signal: False
        self.refuses_alone: Callable[[Signal], bool] = lambda signal: False
        """Signals that are refused in the answer to their batch, not with it."""
        self.ttl_ms: int | None = 30_000
        self.answers: dict[tuple[str, str], tuple[bytes, Response]] = {}
        self.token: str | None = None
        self.sessions = 0
        self.released = False
        self.code_spent = False
        self.limit_seen: list[int] = []
        self._news = asyncio.Event()

    # -- what a test does ----------------------------------------------------------------------------------------

    def command(self, order: Order) -> Item:
        return self.post(TRADE_TYPE_OF[order.action], order)

    def post(self, event_type: str, payload: Any) -> Item:
        item = Item(len(self.outbox) + 1, event_type, payload)
        self.outbox.append(item)
        self._news.set()
        self._news = asyncio.Event()
        return item

    def fail(self, path: str, *faults: Fault, times: int = 1) -> None:
        """Let the next calls of a path go wrong, one after the other."""
        for fault in faults * times:
            self._faults.append((path, fault))

    def stop(self) -> None:
        self.down = True

    def status_of(self, item: Item) -> AckStatus | None:
        """The last terminal word (or unknown, deferred) on a command."""
        said = [a for a in self.acks if a.event_id == item.event_id and a.status is not AckStatus.RECEIVED]
        return said[-1].status if said else None

    def ack_of(self, item: Item) -> OutboxAck:
        return next(a for a in reversed(self.acks) if a.event_id == item.event_id)

    def said(self, kind: InboxType) -> list[Any]:
        return [payload for name, payload in self.told if name == kind]

    def posts(self, path: str) -> list[Request]:
        return [r for _, r in self.calls if r.method == "POST" and r.path.endswith(path)]

    # -- the transport's other end -------------------------------------------------------------------------------

    async def exchange(self, request: Request) -> Response:
        await self.world.sleep(0.001)
        fault = self._fault(request)
        if self.down or fault == "refused":
            raise TransportError("connection refused", reached=False)
        self.calls.append((self.world.monotonic(), request))
        if fault == "lost_request":
            raise TransportError("time-out")
        if isinstance(fault, int):
            return problem(fault, "trouble", retry_after=self.retry_after)
        response = await self._answer(request)
        if fault == "lost_answer":
            raise TransportError("connection reset")
        return response

    def _fault(self, request: Request) -> Fault | None:
        if self._faults and self._faults[0][0] in request.path:
            return self._faults.popleft()[1]
        return None

    async def _answer(self, request: Request) -> Response:
        path = urlsplit(request.path.removeprefix(BASE_PATH)).path
        if path == "/enrolments":
            return self._once(request, self._enrol)
        assert request.headers[headers.ACCOUNT] == ACCOUNT
        if path == "/sessions":
            return self._once(request, self._open)
        if self.token is None or request.headers.get("Authorization") != f"Bearer {self.token}":
            return problem(401, "token_invalid")
        if path.endswith("/outbox"):
            return await self._poll(parse_qs(urlsplit(request.path).query))
        routes = {
            "/sessions/current/inbox": self._inbox,
            "/signals": self._signals,
            "/sessions/current/release": self._release,
        }
        return self._once(request, routes[path])

    def _once(self, request: Request, route: Callable[[bytes], Response]) -> Response:
        """Same key and body → the first answer."""
        assert request.body is not None
        key = (request.path, request.headers[headers.IDEMPOTENCY_KEY])
        if key in self.answers:
            body, first = self.answers[key]
            return first if body == request.body else problem(422, "idempotency_key_reused")
        try:
            response = route(request.body)
        except Rejected as rejected:
            response = problem(rejected.status, rejected.code)
        if response.status < 500 and response.status != 429:
            self.answers[key] = (request.body, response)
        return response

    def _enrol(self, body: bytes) -> Response:
        if msgspec.json.decode(body)["code"] != CODE or self.code_spent:
            return problem(401, "enrolment_refused")
        self.code_spent = True
        return reply(201, {"account": ACCOUNT, "secret": SECRET})

    def _open(self, body: bytes) -> Response:
        if self.session_refusals:
            return self.session_refusals.popleft()
        if msgspec.json.decode(body)["secret"] != SECRET:
            return problem(401, "credentials_invalid")
        self.sessions += 1
        self.token = f"token-{self.sessions}"
        waiting = [i.sequence for i in self.outbox if not i.retired]
        return reply(
            201,
            {
                "sessionId": f"s-{self.sessions}",
                "sessionToken": self.token,
                "status": self.session_status,
                "leaseTtlSeconds": 180,
                "leaseExpiresAt": "2026-01-05T00:03:00.000Z",
                "heartbeatSeconds": 120,
                "resumeCursor": min(waiting, default=len(self.outbox) + 1) - 1,
                "journalId": JOURNAL,
                "serverTime": "2026-01-05T00:00:00.000Z",
            },
        )

    def _release(self, body: bytes) -> Response:
        self.token = None
        self.released = True
        return reply(200, {"status": "released"})

    async def _poll(self, query: dict[str, list[str]]) -> Response:
        cursor, limit, wait = (int(query[name][0]) for name in ("cursor", "limit", "wait"))
        until = self.world.monotonic() + wait
        while not (due := self._due(cursor)) and self.world.monotonic() < until and not self.down:
            news = self._news
            timer = asyncio.ensure_future(self.world.sleep(min(1.0, until - self.world.monotonic())))
            waiting = asyncio.ensure_future(news.wait())
            await asyncio.wait((timer, waiting), return_when=asyncio.FIRST_COMPLETED)
            timer.cancel()
            waiting.cancel()
        if self.down:
            raise TransportError("connection reset")
        page = due[:limit]
        urgent = [i for i in due if self._is_urgent(i)] if len(due) > limit else []
        for item in {i.sequence: i for i in (*page, *urgent)}.values():
            item.sent_at = self.world.monotonic()
        return reply(
            200,
            {
                "journalId": JOURNAL,
                "cursor": max([cursor, *(i.sequence for i in page)]),
                "urgent": [self._event(i) for i in urgent],
                "events": [self._event(i) for i in page],
                "retryAfterMs": 0,
                "retryAfter": 0,
                "serverTime": "2026-01-05T00:00:00.000Z",
            },
        )

    def _due(self, cursor: int) -> list[Item]:
        old = self.world.monotonic() - REDELIVER_AFTER_SECONDS
        return [
            i
            for i in self.outbox
            if not i.retired and (i.sequence > cursor or (i.sent_at is not None and i.sent_at <= old))
        ]

    def _is_urgent(self, item: Item) -> bool:
        return item.event_type in ("trade.closed", "trade.partial_close", "trade.cancelled", "trading.halted")

    def _event(self, item: Item) -> dict[str, Any]:
        payload = msgspec.to_builtins(item.payload, str_keys=True)
        if isinstance(item.payload, Order) and self.ttl_ms is not None:
            payload["ttlMs"] = item.payload.ttl_ms or self.ttl_ms
        return {
            "eventId": item.event_id,
            "sequence": item.sequence,
            "eventType": item.event_type,
            "occurredAt": "2026-01-05T00:00:00.000Z",
            "payload": payload,
        }

    def _inbox(self, body: bytes) -> Response:
        items = read_inbox(Body(body))
        if any(self.refuses(item.event.event_type, item.payload) for item in items):
            return problem(422, "validation_failed")
        self.batches.append([item.event.event_type for item in items])
        for item in items:
            self.told.append((item.event.event_type, item.payload))
            match item.payload:
                case OutboxAck():
                    self._ack(item.payload)
                case ExecutionNotice():
                    for execution in item.payload.executions:
                        self._execution(execution)
                case BalanceOperation():
                    self.balances[str(item.payload.deal_id)] = item.payload
                case _:
                    pass
        return reply(202, {"accepted": len(items), "sequence": len(self.told), "durable": True})

    def _ack(self, ack: OutboxAck) -> None:
        self.acks.append(ack)
        sequence = int(ack.event_id.rpartition("-")[2])
        if ack.status in TERMINAL_ACKS or ack.status is AckStatus.UNKNOWN:
            self.outbox[sequence - 1].retired = True

    def _execution(self, execution: Execution) -> None:
        key = f"d{execution.deal_id}" if execution.deal_id is not None else f"t{execution.order_ticket}"
        self.executions.setdefault(key, execution)

    def _signals(self, body: bytes) -> Response:
        signals, _ = read_signals(Body(body))
        if any(self.refuses("signal", signal) for signal in signals):
            return problem(422, "validation_failed")
        self.signal_bodies.append([signal for signal in signals if not self.refuses_alone(signal)])
        return reply(202, {"results": [self._signal(signal) for signal in signals]})

    def _signal(self, signal: Signal) -> dict[str, Any]:
        if self.refuses_alone(signal):
            return {"status": "refused", "code": "plan_too_large", "detail": "too many followers"}
        key = f"d{signal.deal_id}" if signal.deal_id is not None else signal.signal_id
        status = "duplicate" if key in self.signals else "accepted"
        self.signals.setdefault(key, signal)
        if self.defers(signal):
            status = "deferred"
        return {"status": status, "sequence": 1, "runId": "r-1", "planned": 0, "skipped": 0}

    async def close(self) -> None:
        pass


def reply(status: int, body: dict[str, Any], **more: str) -> Response:
    return Response(status=status, headers=more, body=msgspec.json.encode(body))


def problem(status: int, code: str, retry_after: int | None = None, **members: Any) -> Response:
    body = {"type": "about:blank", "title": code, "status": status, "code": code, **members}
    sent = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Response(status=status, headers=sent, body=msgspec.json.encode(body))


def counts(acks: list[OutboxAck]) -> Counter[str]:
    """How often each event got a terminal word."""
    return Counter(a.event_id for a in acks if a.status is not AckStatus.RECEIVED)
