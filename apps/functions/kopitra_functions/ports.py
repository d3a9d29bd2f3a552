"""What the management side stands on: everything that differs between a laptop, Azure and a test."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from kopitra.application.ports.blobs import Blobs
from kopitra.application.ports.feature_flags import AS_DECLARED, FeatureFlags
from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.queue import Queue
from kopitra.application.ports.telemetry import UNTOLD, Telemetry
from kopitra.application.ports.timing import Clock, Sleeper


class CounterpartyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a counterparty's management plane said, body and all."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


class CounterpartyUnreachable(Exception):
    """No answer within the time allowed; whether the request was carried out is unknown."""


class NoServiceToken(CounterpartyUnreachable):
    """This service was given no token for the counterparty; nothing was asked."""


class Counterparty(Protocol):
    """The management plane of the tenant's counterparty (docs/management-control.md)."""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        request_id: str | None = None,
    ) -> CounterpartyAnswer:
        """`path` below the protocol's base path; `token`: the operator's own, or the service's identity without one.
        Raises CounterpartyUnreachable."""
        ...


class Queues(msgspec.Struct, frozen=True, kw_only=True):
    """`events`: what counterparties tell; `history`: the same, waiting for SQL; `commands`: to counterparties;
    `tasks`: runs of our own tasks, a slice of work each."""

    events: Queue
    history: Queue
    commands: Queue
    tasks: Queue


class ServiceTokens(Protocol):
    """Who this service is, where no operator asks: an access token for the counterparty's management plane."""

    async def token(self) -> str: ...


class CredentialCipher(Protocol):
    """Envelope encryption of brokers' credentials: a data key for each, wrapped by a key that stays in its vault."""

    async def seal(self, plain: bytes, *, context: str) -> bytes:
        """`context` (tenant and account) is authenticated: what was sealed for one account opens for no other."""
        ...

    async def open(self, sealed: bytes, *, context: str) -> bytes:
        """Raises CredentialUnreadable."""
        ...


class CredentialUnreadable(Exception):
    """Sealed by another key, for another account, or damaged."""


Close = Callable[[], Awaitable[None]]


class World(msgspec.Struct, frozen=True, kw_only=True):
    """All but the database (`sql.database.Database`), which has a type of its own."""

    clock: Clock
    sleeper: Sleeper
    ids: IdSource
    blobs: Blobs
    queues: Queues
    counterparty: Counterparty
    tokens: ServiceTokens
    cipher: CredentialCipher
    telemetry: Telemetry = UNTOLD
    features: FeatureFlags = AS_DECLARED
    close: Close
