"""A secret opens for what it was sealed for, by whoever has the wrapping key, and for nobody else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kopitra_functions.adapters.key_file import KeyFile, rotate
from kopitra_functions.adapters.key_vault import KeyVaultKey
from kopitra_functions.credentials.envelope import MAX_PLAIN_BYTES, EnvelopeCipher, wrapped_by
from kopitra_functions.credentials.wrapping import WrappingKeyUnavailable
from kopitra_functions.ports import CredentialCipher, CredentialUnreadable
from tests.management.credentials.key_vault import KEY, FakeVault

SECRET = "p4ssw0rd-ä".encode()
CONTEXT = "acme/alice"

Restart = Callable[[], EnvelopeCipher]
"""A cipher as a new process would have it."""


class Keeper:
    """One kind of wrapping key: start anew, and rotate."""

    def __init__(self, restart: Restart, rotate: Callable[[], object]) -> None:
        self.restart = restart
        self.rotate = rotate


@pytest.fixture(params=["key file", "key vault"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Keeper:
    if request.param == "key file":
        path = tmp_path / "keys" / "credentials.key"
        return Keeper(lambda: EnvelopeCipher(KeyFile(path), os.urandom), lambda: rotate(path))
    vault = FakeVault()
    return Keeper(lambda: EnvelopeCipher(KeyVaultKey(KEY, vault.client_for), os.urandom), vault.rotate)


@pytest.mark.parametrize("plain", [b"", SECRET, bytes(range(256)) * 4])
async def test_what_was_sealed_opens_after_a_restart(keeper: Keeper, plain: bytes):
    cipher: CredentialCipher = keeper.restart()
    sealed = await cipher.seal(plain, context=CONTEXT)
    assert await keeper.restart().open(sealed, context=CONTEXT) == plain


async def test_the_secret_is_not_in_what_is_stored(keeper: Keeper):
    sealed = await keeper.restart().seal(SECRET, context=CONTEXT)
    assert SECRET not in sealed
    assert CONTEXT.encode() not in sealed


async def test_equal_secrets_are_sealed_differently(keeper: Keeper):
    cipher = keeper.restart()
    assert await cipher.seal(SECRET, context=CONTEXT) != await cipher.seal(SECRET, context=CONTEXT)


async def test_another_account_does_not_open_it(keeper: Keeper):
    cipher = keeper.restart()
    sealed = await cipher.seal(SECRET, context=CONTEXT)
    with pytest.raises(CredentialUnreadable, match="another account"):
        await cipher.open(sealed, context="acme/bob")


async def test_a_changed_bit_anywhere_is_noticed(keeper: Keeper):
    cipher = keeper.restart()
    sealed = await cipher.seal(SECRET, context=CONTEXT)
    for at in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[at] ^= 1
        with pytest.raises(CredentialUnreadable):
            await cipher.open(bytes(damaged), context=CONTEXT)


@pytest.mark.parametrize("length", [0, 1, 4, 5, 20, -1])
async def test_cut_off_bytes_are_no_secret(keeper: Keeper, length: int):
    cipher = keeper.restart()
    sealed = await cipher.seal(SECRET, context=CONTEXT)
    with pytest.raises(CredentialUnreadable):
        await cipher.open(sealed[:length], context=CONTEXT)


async def test_a_later_format_is_refused_by_name(keeper: Keeper):
    with pytest.raises(CredentialUnreadable, match="02"):
        await keeper.restart().open(b"\x02" + bytes(200), context=CONTEXT)


async def test_a_secret_is_for_something_and_small(keeper: Keeper):
    cipher = keeper.restart()
    with pytest.raises(ValueError, match="context"):
        await cipher.seal(SECRET, context="")
    with pytest.raises(ValueError, match="at most"):
        await cipher.seal(bytes(MAX_PLAIN_BYTES + 1), context=CONTEXT)


async def test_after_a_rotation_the_old_opens_and_the_new_key_wraps(keeper: Keeper):
    old = await keeper.restart().seal(SECRET, context=CONTEXT)
    keeper.rotate()
    cipher = keeper.restart()
    new = await cipher.seal(SECRET, context=CONTEXT)
    assert wrapped_by(old) != wrapped_by(new)
    assert await cipher.open(old, context=CONTEXT) == SECRET


async def test_resealing_moves_a_secret_to_the_current_key(keeper: Keeper):
    old = await keeper.restart().seal(SECRET, context=CONTEXT)
    keeper.rotate()
    cipher = keeper.restart()
    moved = await cipher.reseal(old)
    assert wrapped_by(moved) == wrapped_by(await cipher.seal(b"", context="x"))
    assert await cipher.open(moved, context=CONTEXT) == SECRET
    assert await cipher.reseal(moved) == moved, "what is current already stays as it is"
    with pytest.raises(CredentialUnreadable):
        await cipher.open(moved, context="acme/bob")


async def test_another_installations_key_opens_nothing(keeper: Keeper, tmp_path: Path):
    sealed = await keeper.restart().seal(SECRET, context=CONTEXT)
    stranger = EnvelopeCipher(KeyFile(tmp_path / "other.key"), os.urandom)
    with pytest.raises(CredentialUnreadable):
        await stranger.open(sealed, context=CONTEXT)
    with pytest.raises(CredentialUnreadable):
        await stranger.reseal(sealed)


async def test_a_vault_that_is_away_is_not_an_unreadable_secret():
    vault = FakeVault()
    cipher = EnvelopeCipher(KeyVaultKey(KEY, vault.client_for), os.urandom)
    sealed = await cipher.seal(SECRET, context=CONTEXT)
    vault.reachable = False
    with pytest.raises(WrappingKeyUnavailable, match="nobody answers"):
        await cipher.open(sealed, context=CONTEXT)
    with pytest.raises(WrappingKeyUnavailable):
        await cipher.seal(SECRET, context=CONTEXT)
    vault.reachable = True
    assert await cipher.open(sealed, context=CONTEXT) == SECRET


async def test_a_deleted_version_makes_what_it_wrapped_unreadable():
    vault = FakeVault()
    cipher = EnvelopeCipher(KeyVaultKey(KEY, vault.client_for), os.urandom)
    sealed = await cipher.seal(SECRET, context=CONTEXT)
    vault.versions.clear()
    with pytest.raises(CredentialUnreadable, match="no such version"):
        await cipher.open(sealed, context=CONTEXT)


async def test_without_a_version_nothing_is_sealed_that_a_rotation_would_lose():
    vault = FakeVault()
    vault.tells_versions = False
    cipher = EnvelopeCipher(KeyVaultKey(KEY, vault.client_for), os.urandom)
    with pytest.raises(WrappingKeyUnavailable, match="name a version"):
        await cipher.seal(SECRET, context=CONTEXT)


async def test_nothing_is_asked_of_the_vault_before_it_is_needed_and_clients_are_closed():
    vault = FakeVault()
    cipher = EnvelopeCipher(KeyVaultKey(KEY, vault.client_for), os.urandom)
    assert vault.calls == []
    await cipher.seal(SECRET, context=CONTEXT)
    await cipher.close()
    assert vault.closed == 1
