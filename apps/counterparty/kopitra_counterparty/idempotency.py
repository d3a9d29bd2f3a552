"""Same key and body, same answer: from the journal for 24 hours, or from the request that is still in flight."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from kopitra.application.engine import Engine
from kopitra.application.ports.timing import Clock
from kopitra.application.submission import Unavailable
from kopitra.application.tokens import KeyRing
from kopitra.domain.identifiers import AccountId
from kopitra.machine.answers import recall
from kopitra.machine.commands import RememberAnswer
from kopitra.machine.state import Account, AnsweredKey
from kopitra.protocol.problems import Code, rejected
from kopitra_counterparty.exchange import REPLAYED, Call, Reply

REPLAYED_HEADER = (REPLAYED, b"true")

Unseal = Callable[[Call, AnsweredKey], bytes | None]
"""The first body from what the journal keeps of it; None where it cannot be made again."""


class _InFlight(msgspec.Struct):
    normal: bytes
    answer: asyncio.Future[Reply]


class Idempotency:
    def __init__(self, engine: Engine, keys: KeyRing, clock: Clock) -> None:
        self._engine = engine
        self._keys = keys
        self._clock = clock
        self._in_flight: dict[tuple[AccountId, str, str], _InFlight] = {}

    async def answer(
        self,
        call: Call,
        account: Account,
        normal: bytes,
        unseal: Unseal,
        work: Callable[[], Awaitable[Reply]],
    ) -> Reply:
        """The first answer to this key where there is one, else what `work` gives. `normal` is the body's normal form.
        Raises Rejected where the key belongs to another body, and Unavailable: an answer out of a state that is not
        durable acknowledges nothing, whoever asked first may have gone away before its commit."""
        assert call.key is not None
        kept = recall(account, call.endpoint.scope, call.key, self._clock.now())
        place = (account.account, call.endpoint.scope, call.key)
        running = self._in_flight.get(place)
        if running is not None:
            if running.normal != normal:
                raise rejected(Code.IDEMPOTENCY_KEY_REUSED)
            return _replayed(await asyncio.shield(running.answer))
        if kept is not None:
            replay = self._replay(call, kept, normal, unseal)
            if replay is not None:
                await self._engine.settled()
                return replay
        call.digest = self._keys.body_digest(normal)
        return await self._first(place, normal, work)

    def remember(self, call: Call, account: AccountId, reply: Reply) -> RememberAnswer | None:
        """What to keep of this reply, in the commit of what it answers."""
        if call.key is None or not reply.final:
            return None
        return RememberAnswer(
            account=account,
            scope=call.endpoint.scope,
            key=call.key,
            digest=call.digest,
            status=reply.status,
            body=reply.body if reply.kept is None else reply.kept,
        )

    def _replay(self, call: Call, kept: AnsweredKey, normal: bytes, unseal: Unseal) -> Reply | None:
        if not self._keys.same_body(kept.digest, normal):
            raise rejected(Code.IDEMPOTENCY_KEY_REUSED)
        body = unseal(call, kept)
        return Reply(kept.status, body, headers=(REPLAYED_HEADER,)) if body is not None else None

    async def _first(
        self, place: tuple[AccountId, str, str], normal: bytes, work: Callable[[], Awaitable[Reply]]
    ) -> Reply:
        running = _InFlight(normal, asyncio.get_running_loop().create_future())
        self._in_flight[place] = running
        try:
            reply = await work()
        except BaseException as error:
            gone = Unavailable("stopping", "The first request with this key was given up.")
            running.answer.set_exception(error if isinstance(error, Exception) else gone)
            running.answer.exception()  # nobody may have waited
            raise
        else:
            running.answer.set_result(reply)
            return reply
        finally:
            del self._in_flight[place]


def _replayed(reply: Reply) -> Reply:
    if not reply.final:
        return reply
    return Reply(
        reply.status, reply.body, content_type=reply.content_type, headers=(*reply.headers, REPLAYED_HEADER)
    )
