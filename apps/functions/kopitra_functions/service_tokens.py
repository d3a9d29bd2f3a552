"""Who this service is to the counterparty's management plane, where no operator asks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
from azure.core.exceptions import AzureError

from kopitra.adapters.operator_tokens import ALL_TENANTS
from kopitra.application.ports.timing import Clock
from kopitra.protocol.management import Role
from kopitra_functions.local_issuer import LocalIssuer
from kopitra_functions.ports import NoServiceToken

SUBJECT = "management"
"""What the journal calls this service where it acts by itself."""
RENEW_BEFORE_SECONDS = 300.0
"""A token is not used in its last five minutes: it must outlive the slowest request, and clocks differ."""
LOCAL_TOKEN_SECONDS = 3600.0


class Issued(msgspec.Struct, frozen=True):
    """`expires_at`: seconds since 1970, as tokens tell it."""

    token: str
    expires_at: float


class AccessToken(Protocol):
    """What Azure's credentials give."""

    @property
    def token(self) -> str: ...

    @property
    def expires_on(self) -> int: ...


class CachedTokens:
    """`kopitra_functions.ports.ServiceTokens`: a token is asked for when the one at hand is about to end, by one caller
    for all. What `issue` raises goes to every caller."""

    def __init__(self, issue: Callable[[], Awaitable[Issued]], clock: Clock) -> None:
        self._issue = issue
        self._clock = clock
        self._held: Issued | None = None
        self._asking = asyncio.Lock()

    async def token(self) -> str:
        async with self._asking:
            if self._held is None or self._ends(self._held):
                self._held = await self._issue()
            return self._held.token

    def _ends(self, held: Issued) -> bool:
        return held.expires_at - self._clock.now().timestamp() <= RENEW_BEFORE_SECONDS


def managed_identity_tokens(
    get_token: Callable[[str], Awaitable[AccessToken]], scope: str, clock: Clock
) -> CachedTokens:
    """Entra ID's token for the counterparty, from a credential's `get_token`. Raises NoServiceToken, as long as the
    identity has no role there."""

    async def issue() -> Issued:
        try:
            access = await get_token(scope)
        except AzureError as error:
            raise NoServiceToken(f"no token for {scope}: {error}") from error
        return Issued(access.token, float(access.expires_on))

    return CachedTokens(issue, clock)


def local_tokens(issuer: LocalIssuer, clock: Clock) -> CachedTokens:
    """Signed here, for every tenant."""

    async def issue() -> Issued:
        token = issuer.token(SUBJECT, tenant=ALL_TENANTS, roles=[Role.ADMIN], seconds=LOCAL_TOKEN_SECONDS)
        return Issued(token, clock.now().timestamp() + LOCAL_TOKEN_SECONDS)

    return CachedTokens(issue, clock)
