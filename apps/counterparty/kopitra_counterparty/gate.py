"""What every request passes before its route sees it: one order of checks, one place for refusals.

Serving → credentials → key → body → rate → (secret) → first answer to the key → the route. Every policy comes from the
endpoint's entry in `kopitra.protocol.endpoints`.
"""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Protocol

import msgspec
import structlog

from kopitra.application.engine import Engine
from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.journal import JournalError
from kopitra.application.submission import Unavailable
from kopitra.domain.identifiers import AccountId, RequestId
from kopitra.machine.state import Account, AnsweredKey
from kopitra.protocol.endpoints import Access, Endpoint, Rate
from kopitra.protocol.problems import Code, Rejected, rejected
from kopitra_counterparty.credentials import Tokens, account_of
from kopitra_counterparty.exchange import (
    Call,
    Reply,
    Request,
    of_unavailable,
    problem_reply,
)
from kopitra_counterparty.idempotency import Idempotency, Unseal
from kopitra_counterparty.rate_limit import RateLimiter
from kopitra_counterparty.watch import RequestWatch

REQUEST_ID_PREFIX = 16
"""Random characters that are new with every start; a counter follows. Asking for randomness per request costs more
than looking its session up."""

log = structlog.get_logger("kopitra.http")


class Read(msgspec.Struct, frozen=True):
    """A body: its message, and the normal form that tells two bodies apart."""

    message: Any
    normal: bytes


def nothing_to_read(call: Call) -> Read:
    return Read(None, b"")


def never_exempt(message: Any) -> bool:
    return False


def as_kept(call: Call, kept: AnsweredKey) -> bytes | None:
    return kept.body


Owner = Callable[[Call, Any], Awaitable[Account]]
"""Finds the account of a caller without a token and verifies it. Raises Rejected."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint and what it does; `exempt` says which messages no rate limit stops."""

    endpoint: Endpoint
    handle: Callable[[Call, Any], Awaitable[Reply]]
    read: Callable[[Call], Read] = nothing_to_read
    exempt: Callable[[Any], bool] = never_exempt
    owner: Owner | None = None
    unseal: Unseal = as_kept
    replays_after_end: bool = False
    """A token whose session has ended may still fetch the first answer to a key."""
    hot: bool = False
    """Worth the short way around Quart."""


class Operators(Protocol):
    """Admits operators to the endpoints of the management plane."""

    async def admit(self, call: Call) -> None:
        """Establish who calls. Raises Rejected."""
        ...


class NoOperators:
    """Where no issuer is configured."""

    async def admit(self, call: Call) -> None:
        raise rejected(Code.OPERATORS_ONLY, "no operators are configured")


class Gate:
    def __init__(
        self,
        *,
        engine: Engine,
        tokens: Tokens,
        idempotency: Idempotency,
        limiter: RateLimiter,
        ids: IdSource,
        operators: Operators,
        watch: RequestWatch,
    ) -> None:
        self._engine = engine
        self._tokens = tokens
        self._idempotency = idempotency
        self._limiter = limiter
        self._operators = operators
        self.watch = watch
        prefix = ids.new()[:REQUEST_ID_PREFIX]
        self._minted = (f"{prefix}-{number:x}" for number in count(1))

    async def handle(self, route: Route, request: Request) -> tuple[Reply, RequestId]:
        """Any request gets a reply; nothing is raised but cancellation."""
        request_id = self.request_id(request)
        asked = self.watch.asked(route.endpoint, request, request_id)
        reply = await self._reply(route, request, request_id)
        self.watch.answered(route.endpoint, reply.status, asked)
        return reply, request_id

    async def _reply(self, route: Route, request: Request, request_id: RequestId) -> Reply:
        try:
            return await self._pass(Call(route.endpoint, request, request_id), route)
        except Rejected as problem:
            return problem_reply(problem, request_id)
        except Unavailable as error:
            return problem_reply(of_unavailable(error), request_id)
        except JournalError as error:
            log.warning(
                "journal_unavailable", route=route.endpoint.scope, error=str(error), request_id=request_id
            )
            return problem_reply(rejected(Code.JOURNAL_UNAVAILABLE, retry_after=1), request_id)
        except Exception:
            log.exception("request_defect", route=route.endpoint.scope, request_id=request_id)
            return problem_reply(rejected(Code.INTERNAL_ERROR), request_id)

    def request_id(self, request: Request) -> RequestId:
        """The caller's, or a new one."""
        return request.request_id() or RequestId(next(self._minted))

    async def _pass(self, call: Call, route: Route) -> Reply:
        endpoint = call.endpoint
        if endpoint.access is Access.OPEN and not endpoint.keyed:
            return await route.handle(call, None)
        self._engine.require_serving()
        if endpoint.access is Access.OPERATOR:
            await self._operators.admit(call)
        else:
            self._admit(call, route)
        if endpoint.keyed:
            call.key = call.request.idempotency_key()
        read = route.read(call)
        self._limit(call, route, read.message)
        if route.owner is not None:
            call.owner = await self._owner(route.owner, call, read.message)
            call.account = call.owner.account
        self._engine.require_serving()  # again: what was awaited took its time, and a commit may have failed meanwhile
        if not endpoint.keyed or call.owner is None:
            return await route.handle(call, read.message)
        return await self._idempotency.answer(
            call, call.owner, read.normal, route.unseal, lambda: route.handle(call, read.message)
        )

    async def _owner(self, find: Owner, call: Call, message: Any) -> Account:
        """Raises Rejected, once that rests on what is durable."""
        try:
            return await find(call, message)
        except Rejected:
            self._engine.require_serving()
            await self._engine.settled()
            raise

    def _admit(self, call: Call, route: Route) -> None:
        access = call.endpoint.access
        if access is Access.SECRET:
            call.account = account_of(call.request)
        elif access is not Access.OPEN:
            self._admit_session(call, route)

    def _admit_session(self, call: Call, route: Route) -> None:
        try:
            call.owner, call.session = self._tokens.authenticate(call.request)
        except Rejected as problem:
            if problem.code != Code.TOKEN_INVALID.code or not route.replays_after_end:
                raise
            call.owner = self._tokens.ended(call.request)
            if call.owner is None:
                raise
        call.account = call.owner.account
        if call.endpoint.access is Access.APPROVED and call.session is not None and not call.session.approved:
            raise rejected(Code.SESSION_PENDING)

    def _limit(self, call: Call, route: Route, message: Any) -> None:
        rate = call.endpoint.rate
        if rate in (Rate.NONE, Rate.EXEMPT):
            return
        if rate is Rate.BY_CONTENT and route.exempt(message):
            return
        pause = self._limiter.take(_bucket(call))
        if pause:
            raise rejected(Code.RATE_LIMITED, retry_after=pause)


def _bucket(call: Call) -> str:
    """Whose tokens a call takes. One that has not shown who it is never takes an account's own."""
    if call.session is not None or call.owner is not None:
        return call.known_account
    account: AccountId | None = call.account
    return f"{call.endpoint.scope} {account or ''}"
