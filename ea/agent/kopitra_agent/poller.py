"""Fetches the outbox: parked while there is nothing, page after page while there is much."""

import msgspec

from kopitra.protocol.limits import DEFAULT_OUTBOX_LIMIT
from kopitra.protocol.messages import OutboxAnswer
from kopitra_agent.inbound import Inbound
from kopitra_agent.link.backoff import Backoff
from kopitra_agent.link.exchange import Call, Exchange, asked_pause
from kopitra_agent.link.session import Session, SessionKeeper
from kopitra_agent.ports.identity import IdSource
from kopitra_agent.ports.timing import Clock, Sleeper
from kopitra_agent.ports.transport import Response, TransportError

UNAUTHENTICATED = 401
LEAST_PAUSE_SECONDS = 0.05
"""Between empty answers that came without parking, so that a server that cannot park is not asked in a tight loop."""
MILLISECONDS = 1000


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. `wait`: how long a poll may be parked; `pause`: between polls that are not parked; `timeout`: beyond the
    wait."""

    wait: int
    pause: float
    timeout: float


class Poller:
    def __init__(
        self,
        exchange: Exchange,
        keeper: SessionKeeper,
        inbound: Inbound,
        clock: Clock,
        sleeper: Sleeper,
        ids: IdSource,
        pace: Pace,
    ) -> None:
        self._exchange = exchange
        self._keeper = keeper
        self._inbound = inbound
        self._clock = clock
        self._sleeper = sleeper
        self._backoff = Backoff(ids)
        self._pace = pace
        self._session: Session | None = None
        self._cursor = 0
        self._draining = False

    async def run(self) -> None:
        while True:
            await self._sleeper.sleep(await self._poll())

    async def _poll(self) -> float:
        """One poll; seconds to rest before the next."""
        session = await self._keeper.current()
        if session is not self._session:
            self._begin(session)
        wait = 0 if self._draining or self._exchange.failing else self._pace.wait
        began = self._clock.monotonic()
        try:
            response = await self._exchange.once(self._call(session, wait))
        except TransportError:
            return self._backoff.next()
        if response.status != 200:
            if response.status == UNAUTHENTICATED:
                self._keeper.lost(session)
            return self._backoff.next(asked_pause(response))
        self._backoff.reset()
        return self._take(response, self._clock.monotonic() - began)

    def _begin(self, session: Session) -> None:
        self._session = session
        self._cursor = session.answer.resume_cursor
        self._inbound.session_opened(session.answer.journal_id, self._cursor)

    def _take(self, response: Response, took: float) -> float:
        answer = msgspec.json.decode(response.body, type=OutboxAnswer)
        self._draining = len(answer.events) >= DEFAULT_OUTBOX_LIMIT
        self._inbound.take(answer, self._clock.monotonic(), more=self._draining)
        self._cursor = answer.cursor
        if answer.events:
            return 0.0
        asked = answer.retry_after_ms / MILLISECONDS
        if not self._pace.wait:
            return max(asked, self._pace.pause)
        return asked if took >= LEAST_PAUSE_SECONDS else max(asked, LEAST_PAUSE_SECONDS)

    def _call(self, session: Session, wait: int) -> Call:
        return Call(
            method="GET",
            path=f"/sessions/current/outbox?cursor={self._cursor}&limit={DEFAULT_OUTBOX_LIMIT}&wait={wait}",
            token=session.token,
            timeout=wait + self._pace.timeout,
        )
