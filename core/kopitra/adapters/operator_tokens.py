"""Who an operator is: an OIDC access token, checked against the configured key set. No database is asked."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import TenantId
from kopitra.protocol.management import Role

ALGORITHMS = ["RS256", "PS256", "ES256"]
"""Asymmetric only: a key set is public, so a symmetric algorithm would let anybody sign."""
LEEWAY_SECONDS = 2
"""The clock skew above which the protocol speaks of an incident."""
RELOAD_AT_MOST_EVERY_SECONDS = 60.0
"""An unknown key id may mean that the issuer rotated its keys, or that somebody is guessing."""
ALL_TENANTS = TenantId("*")


RANK = {Role.VIEWER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}


class Operator(msgspec.Struct, frozen=True):
    """`tenant` is `*` for an operator of the whole platform."""

    subject: str
    tenant: TenantId
    roles: frozenset[Role]

    def may(self, role: Role) -> bool:
        return any(RANK[held] >= RANK[role] for held in self.roles)

    def sees(self, tenant: TenantId) -> bool:
        return self.tenant in (ALL_TENANTS, tenant)


class OperatorRefused(Exception):
    """The token is no valid operator token; the text says why, without quoting it."""


def _listed(roles: Any) -> list[str]:
    """Issuers give roles as a list or as words in one string."""
    if isinstance(roles, str):
        return roles.split()
    return [str(role) for role in cast("list[object]", roles)] if isinstance(roles, list) else []


class OperatorTokens:
    """Checks operators' tokens. `load_keys` returns the issuer's JWK set; it is asked again, at most once a minute,
    when a token is not valid by the keys at hand. `default_tenant`: of an issuer whose tokens name none (Entra ID's do
    not unless they are made to); without it such a token is refused."""

    def __init__(
        self,
        *,
        load_keys: Callable[[], Awaitable[Mapping[str, Any]]],
        issuer: str,
        audience: str,
        clock: Clock,
        default_tenant: str | None = None,
        tenant_claim: str = "tenant",
        roles_claim: str = "roles",
    ) -> None:
        self._load_keys = load_keys
        self._clock = clock
        self._default_tenant = default_tenant
        self._tenant_claim = tenant_claim
        self._roles_claim = roles_claim
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(clock.now().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._keys: KeySet | None = None
        self._loaded_at = float("-inf")

    async def check(self, token: str) -> Operator:
        """Raises OperatorRefused."""
        keys = await self._key_set(stale=False)
        try:
            claims = self._verified(token, keys)
        except (JoseError, ValueError) as first:
            keys = await self._key_set(stale=True)
            try:
                claims = self._verified(token, keys)
            except (JoseError, ValueError):
                raise OperatorRefused(f"the access token is not valid: {type(first).__name__}") from first
        return self._operator(claims)

    def _verified(self, token: str, keys: KeySet) -> Mapping[str, Any]:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        self._claims.validate(claims)
        return claims

    async def _key_set(self, *, stale: bool) -> KeySet:
        now = self._clock.monotonic()
        if self._keys is None or (stale and now - self._loaded_at >= RELOAD_AT_MOST_EVERY_SECONDS):
            self._loaded_at = now
            try:
                self._keys = KeySet.import_key_set(dict(await self._load_keys()))  # type: ignore[arg-type]
            except (JoseError, ValueError, OSError, KeyError) as error:
                if self._keys is None:
                    raise OperatorRefused("the issuer's keys cannot be read") from error
        return self._keys

    def _operator(self, claims: Mapping[str, Any]) -> Operator:
        tenant = claims.get(self._tenant_claim, self._default_tenant)
        roles = claims.get(self._roles_claim, [])
        if not isinstance(tenant, str) or not tenant:
            raise OperatorRefused(f"the access token has no claim {self._tenant_claim!r}")
        known = frozenset(role for role in Role if role in _listed(roles))
        if not known:
            raise OperatorRefused("the access token grants no role here")
        return Operator(str(claims["sub"]), TenantId(tenant), known)
