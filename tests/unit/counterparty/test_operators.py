"""Operators are who their issuer says, until their token runs out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from kopitra.adapters.operator_tokens import Operator, OperatorRefused, OperatorTokens
from kopitra.protocol.management import Role

ISSUER, AUDIENCE = "https://issuer.example", "kopitra"
NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


class StoppedClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.seconds


class Issuer:
    """Signs tokens and publishes its keys; counts how often they are fetched."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
        self.fetched = 0

    async def keys(self) -> Mapping[str, Any]:
        self.fetched += 1
        return KeySet([self.key]).as_dict(private=False)

    def rotate(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})

    def token(self, **changes: Any) -> str:
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "olga",
            "exp": int(NOW.timestamp()) + 600,
            "tenant": "acme",
            "roles": ["operator"],
        }
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def tokens(issuer: Issuer, clock: StoppedClock) -> OperatorTokens:
    return OperatorTokens(load_keys=issuer.keys, issuer=ISSUER, audience=AUDIENCE, clock=clock)


async def test_role_and_tenant_come_from_the_token(tokens: OperatorTokens, issuer: Issuer) -> None:
    operator = await tokens.check(issuer.token())
    assert operator == Operator("olga", "acme", frozenset({Role.OPERATOR}))  # type: ignore[arg-type]
    assert operator.may(Role.VIEWER)
    assert not operator.may(Role.ADMIN)
    assert operator.sees("acme")  # type: ignore[arg-type]
    assert not operator.sees("other")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://somebody.example"},
        {"aud": "another"},
        {"exp": int(NOW.timestamp()) - 10},
        {"exp": None},
        {"sub": None},
        {"tenant": None},
        {"tenant": 7},
        {"roles": ["owner"]},
        {"roles": None},
        {"nbf": int(NOW.timestamp()) + 60},
    ],
)
async def test_any_other_token_is_refused(
    tokens: OperatorTokens, issuer: Issuer, changes: dict[str, Any]
) -> None:
    with pytest.raises(OperatorRefused):
        await tokens.check(issuer.token(**changes))


async def test_a_foreign_signature_a_symmetric_one_and_none_are_refused(
    tokens: OperatorTokens, issuer: Issuer
) -> None:
    stranger = Issuer()
    shared = OctKey.import_key("0" * 64)
    symmetric = jwt.encode({"alg": "HS256", "kid": "one"}, {"sub": "x"}, shared)
    for token in (stranger.token(), symmetric, "", "a.b.c", issuer.token()[:-4] + "AAAA"):
        with pytest.raises(OperatorRefused):
            await tokens.check(token)


async def test_rotated_keys_are_fetched_but_not_for_every_guess(
    tokens: OperatorTokens, issuer: Issuer, clock: StoppedClock
) -> None:
    await tokens.check(issuer.token())
    issuer.rotate()
    with pytest.raises(OperatorRefused):
        await tokens.check(issuer.token())
    assert issuer.fetched == 1
    clock.seconds = 61
    await tokens.check(issuer.token())
    for _ in range(20):
        with pytest.raises(OperatorRefused):
            await tokens.check("x.y.z")
    assert issuer.fetched == 2


async def test_unreadable_keys_refuse_everybody(clock: StoppedClock, issuer: Issuer) -> None:
    async def broken() -> Mapping[str, Any]:
        raise OSError("no such file")

    tokens = OperatorTokens(load_keys=broken, issuer=ISSUER, audience=AUDIENCE, clock=clock)
    with pytest.raises(OperatorRefused, match="keys"):
        await tokens.check(issuer.token())


async def test_an_issuer_that_names_no_tenant_speaks_for_the_one_that_is_configured(issuer: Issuer):
    token = issuer.token(tenant=None)
    with pytest.raises(OperatorRefused, match="tenant"):
        await OperatorTokens(
            load_keys=issuer.keys, issuer=ISSUER, audience=AUDIENCE, clock=StoppedClock()
        ).check(token)
    tokens = OperatorTokens(
        load_keys=issuer.keys, issuer=ISSUER, audience=AUDIENCE, clock=StoppedClock(), default_tenant="acme"
    )
    assert (await tokens.check(token)).tenant == "acme"
    assert (await tokens.check(issuer.token(tenant="zenith"))).tenant == "zenith"
