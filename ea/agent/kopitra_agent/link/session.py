"""The agent's session: opened when first needed, opened again when its token dies, released at the end."""

import asyncio
from collections.abc import Callable

import msgspec
import structlog

from kopitra.domain.identifiers import DeviceId
from kopitra.protocol.messages import SessionAnswer, SessionRequest
from kopitra_agent import CLIENT_VERSION
from kopitra_agent.link.backoff import Backoff
from kopitra_agent.link.exchange import Call, Exchange, asked_pause, problem_of
from kopitra_agent.ports.identity import IdSource
from kopitra_agent.ports.timing import Sleeper
from kopitra_agent.ports.transport import Response, TransportError
from kopitra_agent.settings import AgentSettings

UNSTORED = frozenset({429})
"""Refusals that are never stored under a key, like 5xx: the same attempt goes on."""
REFUSED_PAUSE_SECONDS = 15.0
"""After a wrong secret nothing but a person helps; the server lengthens this by Retry-After."""
RELEASE_TIMEOUT_SECONDS = 3.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("kopitra.agent")


class Session(msgspec.Struct):
    """`approved` turns true when an operator approves a pending session."""

    answer: SessionAnswer
    approved: bool

    @property
    def token(self) -> str:
        return self.answer.session_token


class SessionKeeper:
    """Gives everybody the one live session; whoever finds it dead says so with `lost`."""

    def __init__(self, settings: AgentSettings, exchange: Exchange, sleeper: Sleeper, ids: IdSource) -> None:
        self._settings = settings
        self._exchange = exchange
        self._sleeper = sleeper
        self._ids = ids
        self._secret: str | None = None
        self._session: Session | None = None
        self._opening = asyncio.Lock()
        self.on_open: list[Callable[[Session], None]] = []

    def use_secret(self, secret: str) -> None:
        self._secret = secret

    async def current(self) -> Session:
        """The live session, opened first if need be; waits as long as that takes."""
        if self._session is not None:
            return self._session
        async with self._opening:
            if self._session is None:
                self._session = await self._open()
                for listener in self.on_open:
                    listener(self._session)
            return self._session

    def lost(self, session: Session) -> None:
        """Its token was refused. A session opened meanwhile by another task stays."""
        if self._session is session:
            self._session = None

    def approve(self) -> None:
        if self._session is not None:
            self._session.approved = True

    async def release(self) -> None:
        """Give the lease back, so that another device need not wait for it. One attempt: a lease also expires."""
        session, self._session = self._session, None
        if session is None:
            return
        call = Call(
            method="POST",
            path="/sessions/current/release",
            key=self._ids.new(),
            token=session.token,
            body=b"{}",
            timeout=RELEASE_TIMEOUT_SECONDS,
        )
        try:
            await self._exchange.once(call)
        except TransportError as error:
            log.warning("session.release_unanswered", error=str(error))

    async def _open(self) -> Session:
        assert self._secret is not None, "use_secret comes first"
        request = SessionRequest(
            secret=self._secret,
            device_id=DeviceId(self._settings.device_id),
            client_version=CLIENT_VERSION,
            platform=self._settings.platform,
            capabilities=[self._settings.role.value],
        )
        body = msgspec.json.encode(request)
        backoff = Backoff(self._ids)
        key = self._ids.new()
        while True:
            call = Call(method="POST", path="/sessions", key=key, body=body)
            try:
                response = await self._exchange.once(call)
            except TransportError:
                await self._sleeper.sleep(backoff.next())
                continue
            if response.status in (200, 201):
                answer = msgspec.json.decode(response.body, type=SessionAnswer)
                log.info("session.open", session=answer.session_id, status=answer.status)
                return Session(answer, answer.status == "authenticated")
            if response.status < 500 and response.status not in UNSTORED:
                key = self._ids.new()  # this attempt was answered; the next is another one
            await self._sleeper.sleep(backoff.next(self._pause(response)))

    def _pause(self, response: Response) -> float:
        problem = problem_of(response)
        log.warning("session.refused", status=response.status, code=problem.code if problem else None)
        asked = asked_pause(response)
        if response.status == 409:
            return asked
        return (
            max(asked, REFUSED_PAUSE_SECONDS) if response.status < 500 and response.status != 429 else asked
        )
