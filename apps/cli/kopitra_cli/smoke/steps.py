"""The steps in their order. Nothing is ever traded: the signal is one on paper, and the book that is told of counts as
not synchronised, which is recorded and never compared."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.timing import Clock
from kopitra.domain.instants import rfc3339
from kopitra.protocol import headers
from kopitra.protocol.limits import CLOCK_SKEW_INCIDENT_SECONDS
from kopitra.protocol.messages import (
    EnrolmentAnswer,
    HealthAnswer,
    InboxAnswer,
    OutboxAnswer,
    ReleaseAnswer,
    SessionAnswer,
    SignalAnswer,
)
from kopitra_agent.ports.transport import Response
from kopitra_cli.smoke.visitor import StepFailed, Visitor, expect, told

SERVING = "serving"
SYMBOL = "EURUSD"
SERVER = "kopitra-smoke"
LOGIN = 1
UNAUTHENTICATED = 401
ROUTES = ("/sessions", "/signals", "/executions", "/sessions/current/outbox", "/sessions/current/inbox")


@dataclass(frozen=True)
class Credentials:
    """Who the visitor is: with a `code` it enrols first, else with the `secret` of a device that is enrolled."""

    account: str
    device: str
    code: str | None = None
    secret: str | None = None


class Visit:
    """What is learnt on the way from step to step. `keep_secret` gets what an enrolment gave."""

    def __init__(
        self,
        visitor: Visitor,
        clock: Clock,
        ids: IdSource,
        *,
        credentials: Credentials | None,
        build: str | None = None,
        keep_secret: Callable[[str], None] = lambda secret: None,
    ) -> None:
        self._visitor = visitor
        self._clock = clock
        self._ids = ids
        self._credentials = credentials
        self._build = build
        self._keep_secret = keep_secret
        self._secret = credentials.secret if credentials is not None else None
        self._session: SessionAnswer | None = None
        self._signal: tuple[str, dict[str, Any], Response] | None = None

    def steps(self) -> Mapping[str, Callable[[], Awaitable[str]]]:
        """Name → the step, which tells what it saw. Raises StepFailed."""
        steps: dict[str, Callable[[], Awaitable[str]]] = {"health": self.health, "openapi": self.openapi}
        if self._credentials is None:
            return steps
        if self._credentials.code is not None:
            steps["enrolment"] = self.enrolment
        return {
            **steps,
            "session": self.session,
            "inbox": self.inbox,
            "signal on paper": self.signal,
            "replay": self.replay,
            "outbox": self.outbox,
            "release": self.release,
        }

    async def health(self) -> str:
        response = await self._visitor.call("GET", "/health")
        health: HealthAnswer = expect(response, 200, HealthAnswer)
        if health.status != SERVING:
            raise StepFailed(f"it is {health.status}, not {SERVING}")
        if self._build is not None and health.build != self._build:
            raise StepFailed(f"the build {health.build} serves, and {self._build} was expected")
        return f"build {health.build}{self._skew(health.server_time)}"

    async def openapi(self) -> str:
        document: dict[str, Any] = expect(await self._visitor.call("GET", "/openapi.json"), 200, dict)
        missing = [route for route in ROUTES if not any(path.endswith(route) for path in document["paths"])]
        if missing:
            raise StepFailed(f"the document knows no {', '.join(missing)}")
        return f"OpenAPI {document['openapi']}, {len(document['paths'])} routes"

    async def enrolment(self) -> str:
        assert self._credentials is not None
        body = {"code": self._credentials.code, "deviceId": self._credentials.device, "platform": SERVER}
        response = await self._visitor.call("POST", "/enrolments", body, key=self._ids.new())
        answer: EnrolmentAnswer = expect(response, 201, EnrolmentAnswer)
        if answer.account != self._credentials.account:
            raise StepFailed(f"the code is of the account {answer.account}, not {self._credentials.account}")
        self._secret = answer.secret
        self._keep_secret(answer.secret)
        return f"device {self._credentials.device}"

    async def session(self) -> str:
        assert self._credentials is not None
        body = {"secret": self._secret, "deviceId": self._credentials.device, "clientVersion": SERVER}
        response = await self._visitor.call("POST", "/sessions", body, key=self._ids.new())
        answer: SessionAnswer = expect(response, 201, SessionAnswer)
        self._session, self._visitor.token = answer, answer.session_token
        if answer.status != "authenticated":
            raise StepFailed(f"the session is {answer.status}: an operator must approve the account first")
        return f"lease of {answer.lease_ttl_seconds} s"

    async def inbox(self) -> str:
        events = [
            {"eventType": "ea.heartbeat", "payload": {"terminal": SERVER, "connected": False}},
            {"eventType": "ea.symbol_catalog", "payload": {"symbols": [_symbol()], "catalogId": SERVER}},
            {"eventType": "ea.position_snapshot", "payload": self._empty_book()},
        ]
        path = "/sessions/current/inbox"
        response = await self._visitor.call("POST", path, {"events": events}, key=self._ids.new())
        answer: InboxAnswer = expect(response, 202, InboxAnswer)
        if answer.accepted != len(events):
            raise StepFailed(f"{answer.accepted} of {len(events)} events were taken")
        return "heartbeat, catalogue and snapshot"

    async def signal(self) -> str:
        key, body = self._ids.new(), self._intent()
        response = await self._visitor.call("POST", "/signals", body, key=key, sandbox=True)
        answer: SignalAnswer = expect(response, 202, SignalAnswer)
        if answer.status != "accepted":
            raise StepFailed(f"a new intent was {answer.status}, not accepted")
        self._signal = key, body, response
        return f"sequence {answer.sequence}"

    async def replay(self) -> str:
        assert self._signal is not None
        key, body, first = self._signal
        again = await self._visitor.call("POST", "/signals", body, key=key, sandbox=True)
        if (again.status, again.body) != (first.status, first.body):
            raise StepFailed(f"the same request was answered otherwise the second time: {told(again)}")
        if again.headers.get(headers.REPLAYED.lower()) != "true":
            raise StepFailed(f"the second answer does not say {headers.REPLAYED}: the intent was taken twice")
        return "the first answer again"

    async def outbox(self) -> str:
        assert self._session is not None
        cursor = self._session.resume_cursor
        response = await self._visitor.call(
            "GET", f"/sessions/current/outbox?cursor={cursor}&journalId={self._session.journal_id}"
        )
        answer: OutboxAnswer = expect(response, 200, OutboxAnswer)
        if answer.journal_id != self._session.journal_id:
            raise StepFailed(f"the journal is {answer.journal_id}, and was {self._session.journal_id}")
        return f"{len(answer.events)} events pending"

    async def release(self) -> str:
        answer = await self._visitor.call("POST", "/sessions/current/release", {}, key=self._ids.new())
        expect(answer, 200, ReleaseAnswer)
        self._session = None
        after = await self._visitor.call("GET", "/sessions/current/outbox")
        if after.status != UNAUTHENTICATED:
            raise StepFailed(f"the token still works after the release: {told(after)}")
        return "the token is dead"

    async def leave(self) -> None:
        """Give the lease back, wherever the visit ended."""
        if self._session is not None:
            try:
                await self._visitor.call("POST", "/sessions/current/release", {}, key=self._ids.new())
            except StepFailed:
                return  # the lease expires by itself

    def _skew(self, server_time: str) -> str:
        try:
            told_time = msgspec.convert(server_time, type=type(self._clock.now()))
        except msgspec.ValidationError:
            raise StepFailed(f"serverTime is no time: {server_time}") from None
        skew = abs((self._clock.now() - told_time).total_seconds())
        return f"; clocks differ by {skew:.1f} s" if skew > CLOCK_SKEW_INCIDENT_SECONDS else ""

    def _empty_book(self) -> dict[str, Any]:
        return {
            "login": LOGIN,
            "server": SERVER,
            "connected": False,
            "synchronised": False,
            "snapshotId": self._ids.new(),
            "positions": [],
        }

    def _intent(self) -> dict[str, Any]:
        name = f"smoke-{self._ids.new()}"
        return {
            "signalId": name,
            "action": "open",
            "positionRef": name,
            "symbol": SYMBOL,
            "side": "buy",
            "volume": "0.01",
            "volumeAfter": "0.01",
            "price": "1.1",
            "account": {"balance": "1000", "equity": "1000", "freeMargin": "1000", "currency": "USD"},
            "occurredAt": rfc3339(self._clock.now()),
            "streamId": name,
            "ordinal": 1,
        }


def _symbol() -> dict[str, Any]:
    return {
        "symbol": SYMBOL,
        "digits": 5,
        "contractSize": "100000",
        "volumeMin": "0.01",
        "volumeMax": "1",
        "volumeStep": "0.01",
        "baseCurrency": "EUR",
        "profitCurrency": "USD",
    }
