"""Tokens: of this service, and of the local issuer."""

import asyncio
import stat
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from azure.core.exceptions import ClientAuthenticationError

from kopitra.adapters.operator_keys import key_set_from
from kopitra.adapters.operator_tokens import OperatorRefused, OperatorTokens
from kopitra.protocol.management import Role
from kopitra_functions.glances import glance
from kopitra_functions.local_issuer import AUDIENCE, ISSUER, LocalIssuer, LocalKeyUnusable, key_in
from kopitra_functions.ports import CounterpartyAnswer, NoServiceToken
from kopitra_functions.service_tokens import (
    RENEW_BEFORE_SECONDS,
    SUBJECT,
    local_tokens,
    managed_identity_tokens,
)
from tests.fixtures.clocks import ManualClock

START = datetime(2026, 1, 5, tzinfo=UTC)


class Access(msgspec.Struct):
    token: str
    expires_on: int


class Entra:
    """Gives tokens of an hour, a new one each time."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.scopes: list[str] = []
        self.broken = False

    async def get_token(self, scope: str) -> Access:
        if self.broken:
            raise ClientAuthenticationError("the identity has no role there")
        self.scopes.append(scope)
        await asyncio.sleep(0)
        return Access(f"token {len(self.scopes)}", int(self.clock.now().timestamp()) + 3600)


class Unasked:
    """A counterparty that nobody may ask."""

    async def ask(self, *_: object, **__: object) -> CounterpartyAnswer:
        raise AssertionError("asked without a token")


def operators(
    folder: Path, issuer: LocalIssuer, clock: ManualClock, audience: str = AUDIENCE
) -> OperatorTokens:
    file = folder / "operators.jwks"
    file.write_bytes(msgspec.json.encode(issuer.key_set()))
    return OperatorTokens(load_keys=key_set_from(str(file)), issuer=ISSUER, audience=audience, clock=clock)


async def test_a_managed_identity_s_token_is_used_until_five_minutes_before_its_end():
    clock = ManualClock(START)
    entra = Entra(clock)
    tokens = managed_identity_tokens(entra.get_token, "api://kopitra/.default", clock)
    assert [await tokens.token(), await tokens.token()] == ["token 1", "token 1"]
    clock.advance(3600 - RENEW_BEFORE_SECONDS - 1)
    assert await tokens.token() == "token 1"
    clock.advance(1)
    assert await tokens.token() == "token 2"
    assert entra.scopes == ["api://kopitra/.default"] * 2


async def test_many_who_need_a_token_at_once_cause_one_request():
    clock = ManualClock(START)
    entra = Entra(clock)
    tokens = managed_identity_tokens(entra.get_token, "s", clock)
    assert set(await asyncio.gather(*(tokens.token() for _ in range(20)))) == {"token 1"}
    assert len(entra.scopes) == 1


async def test_an_identity_that_fails_is_told_and_asked_again():
    clock = ManualClock(START)
    entra = Entra(clock)
    entra.broken = True
    tokens = managed_identity_tokens(entra.get_token, "s", clock)
    with pytest.raises(NoServiceToken, match="no token for s: the identity has no role there"):
        await tokens.token()
    seen = await glance(Unasked(), tokens)
    assert seen.trouble == "no answer: no token for s: the identity has no role there"
    entra.broken = False
    assert await tokens.token() == "token 1"


async def test_the_service_s_local_token_admits_it_to_every_tenant(tmp_path: Path):
    clock = ManualClock(START)
    issuer = LocalIssuer(key_in(tmp_path / "issuer.key"), clock)
    operator = await operators(tmp_path, issuer, clock).check(await local_tokens(issuer, clock).token())
    assert (operator.subject, operator.tenant, operator.roles) == (SUBJECT, "*", {Role.ADMIN})


async def test_a_local_token_is_for_its_tenant_roles_audience_and_time(tmp_path: Path):
    clock = ManualClock(START)
    issuer = LocalIssuer(key_in(tmp_path / "issuer.key"), clock)
    token = issuer.token("olga", tenant="acme", roles=[Role.OPERATOR, Role.VIEWER], seconds=60)
    operator = await operators(tmp_path, issuer, clock).check(token)
    assert (operator.subject, operator.tenant) == ("olga", "acme")
    assert operator.roles == {Role.OPERATOR, Role.VIEWER}
    with pytest.raises(OperatorRefused):
        await operators(tmp_path, issuer, clock, audience="another").check(token)
    clock.advance(120)
    with pytest.raises(OperatorRefused):
        await operators(tmp_path, issuer, clock).check(token)


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path):
    file = tmp_path / "keys" / "issuer.key"
    first, second = key_in(file), key_in(file)
    assert first.as_dict(private=True) == second.as_dict(private=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["issuer.key"]


async def test_two_that_make_it_at_once_get_the_same(tmp_path: Path):
    file = tmp_path / "issuer.key"
    keys = await asyncio.gather(*(asyncio.to_thread(key_in, file) for _ in range(8)))
    assert len({key.kid for key in keys}) == 1


def test_the_public_half_says_nothing_of_the_private_one(tmp_path: Path):
    issuer = LocalIssuer(key_in(tmp_path / "issuer.key"), ManualClock(START))
    [public] = issuer.key_set()["keys"]
    assert "d" not in public
    assert public["kid"]


@pytest.mark.parametrize("content", [b"", b"not json", b"{}", b'{"kty":"oct","k":"c2VjcmV0"}'])
def test_a_file_that_holds_no_key_is_refused_by_name(tmp_path: Path, content: bytes):
    file = tmp_path / "issuer.key"
    file.write_bytes(content)
    with pytest.raises(LocalKeyUnusable, match=r"issuer\.key holds no private P-256 key"):
        key_in(file)


def test_a_public_key_is_not_taken_for_a_private_one(tmp_path: Path):
    public = key_in(tmp_path / "issuer.key").as_dict(private=False)
    file = tmp_path / "public.key"
    file.write_bytes(msgspec.json.encode(public))
    with pytest.raises(LocalKeyUnusable):
        key_in(file)
