"""Calls within the session: posted with one key and body until they are answered."""

import structlog

from kopitra_agent.link.backoff import Backoff
from kopitra_agent.link.exchange import Call, Exchange, asked_pause, problem_of
from kopitra_agent.link.session import Session, SessionKeeper
from kopitra_agent.ports.identity import IdSource
from kopitra_agent.ports.timing import Clock, Sleeper
from kopitra_agent.ports.transport import Response, TransportError

log: structlog.stdlib.BoundLogger = structlog.get_logger("kopitra.agent")

UNAUTHENTICATED = 401
NOT_NOW = frozenset({403, 404, 408, 409, 425, 429})
"""Refusals of the moment (a pending session, a moved service, too many calls), not of what was said."""
KEY_REUSED = "idempotency_key_reused"


class Refused(Exception):
    """The counterparty will never accept this body."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code


class Unanswered(Exception):
    """No answer within the caller's patience; whether the request arrived is unknown."""


class Line:
    def __init__(
        self, exchange: Exchange, keeper: SessionKeeper, clock: Clock, sleeper: Sleeper, ids: IdSource
    ) -> None:
        self._exchange = exchange
        self._keeper = keeper
        self._clock = clock
        self._sleeper = sleeper
        self._ids = ids

    async def ready(self) -> Session:
        """The session, once there is one and the line is thought to work."""
        await self._exchange.ready()
        return await self._keeper.current()

    async def attempt(self, path: str, body: bytes) -> bool:
        """Post once what a newer message will replace anyway; whether it was accepted. Raises Refused."""
        session = await self._keeper.current()
        try:
            response = await self._exchange.once(self._post(path, body, self._ids.new(), session))
        except TransportError:
            return False
        if response.status < 300:
            return True
        self._refuses(response, session)
        return False

    async def deliver(self, path: str, body: bytes, patience: float | None = None) -> Response:
        """Post with the same key and body until there is an answer.

        `patience`: seconds after which, or as soon as the request certainly did not arrive or was put off, the caller
        would rather say it anew. Raises Refused, and Unanswered where patience was given.
        """
        key = self._ids.new()
        backoff = Backoff(self._ids)
        began = self._clock.monotonic()
        while True:
            session = await self._keeper.current()
            if patience is not None:
                await (
                    self._exchange.ready()
                )  # however long the line was down: what is sent then must be fresh
            if patience is not None and self._clock.monotonic() - began > patience:
                raise Unanswered
            asked = 0.0
            try:
                response = await self._exchange.once(self._post(path, body, key, session))
            except TransportError as error:
                if patience is not None and not error.reached:
                    await self._sleeper.sleep(backoff.next())
                    raise Unanswered from error
            else:
                if response.status < 300:
                    return response
                if self._refuses(response, session):
                    key = self._ids.new()
                asked = asked_pause(response)
                if patience is not None:
                    await self._sleeper.sleep(backoff.next(asked))
                    raise Unanswered
            await self._sleeper.sleep(backoff.next(asked))

    def _refuses(self, response: Response, session: Session) -> bool:
        """Whether the retry needs a new key; raises Refused where no retry can help."""
        if response.status == UNAUTHENTICATED:
            self._keeper.lost(session)
            return False
        problem = problem_of(response)
        if response.status >= 500 or response.status in NOT_NOW:
            log.info("put_off", status=response.status, code=problem.code if problem is not None else None)
            return False
        code = problem.code if problem is not None else "unknown"
        if code == KEY_REUSED:
            return True
        raise Refused(response.status, code, (problem.detail or "") if problem is not None else "")

    def _post(self, path: str, body: bytes, key: str, session: Session) -> Call:
        return Call(method="POST", path=path, key=key, token=session.token, body=body)
