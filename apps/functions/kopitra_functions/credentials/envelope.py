"""Envelope encryption: AES-256-GCM under a data key made for each secret, which the wrapping key wraps."""

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kopitra_functions.credentials.sealed import NONCE_BYTES, VERSION, Sealed, decode
from kopitra_functions.credentials.wrapping import WrappingKey, WrappingKeyUnknown
from kopitra_functions.ports import CredentialUnreadable

DATA_KEY_BYTES = 32
MAX_PLAIN_BYTES = 64 * 1024
"""A password, a token, an answer to an operator: not a file."""

Entropy = Callable[[int], bytes]
"""So many bytes that nobody can guess."""


class EnvelopeCipher:
    """`kopitra_functions.ports.CredentialCipher`. Wrapping and unwrapping may raise `WrappingKeyUnavailable`."""

    def __init__(self, key: WrappingKey, entropy: Entropy) -> None:
        self._key = key
        self._entropy = entropy

    async def seal(self, plain: bytes, *, context: str) -> bytes:
        """Raises ValueError for an empty context or too long a secret."""
        if len(plain) > MAX_PLAIN_BYTES:
            raise ValueError(f"a secret has at most {MAX_PLAIN_BYTES} bytes")
        authenticated = _authenticated(context)
        data_key = self._entropy(DATA_KEY_BYTES)
        nonce = self._entropy(NONCE_BYTES)
        wrapped = await self._key.wrap(data_key)
        return Sealed(wrapped, nonce, AESGCM(data_key).encrypt(nonce, plain, authenticated)).encode()

    async def open(self, sealed: bytes, *, context: str) -> bytes:
        parts = decode(sealed)
        data_key = await self._data_key(parts)
        try:
            return AESGCM(data_key).decrypt(parts.nonce, parts.ciphertext, _authenticated(context))
        except InvalidTag as error:
            raise CredentialUnreadable("sealed for another account, or damaged") from error

    async def reseal(self, sealed: bytes) -> bytes:
        """The same secret with its data key wrapped by the current wrapping key; the same bytes where it is already.
        The secret itself is not opened. Raises CredentialUnreadable."""
        parts = decode(sealed)
        if parts.wrapped.key_id == await self._key.current():
            return sealed
        wrapped = await self._key.wrap(await self._data_key(parts))
        return Sealed(wrapped, parts.nonce, parts.ciphertext).encode()

    async def close(self) -> None:
        await self._key.close()

    async def _data_key(self, parts: Sealed) -> bytes:
        try:
            data_key = await self._key.unwrap(parts.wrapped)
        except WrappingKeyUnknown as error:
            raise CredentialUnreadable(str(error)) from error
        if len(data_key) != DATA_KEY_BYTES:
            raise CredentialUnreadable("what was unwrapped is no data key")
        return data_key


def wrapped_by(sealed: bytes) -> str:
    """The wrapping key's id, by which a rotation finds what it has still to reseal. Raises CredentialUnreadable."""
    return decode(sealed).wrapped.key_id


def _authenticated(context: str) -> bytes:
    """Bound to the ciphertext without being in it."""
    if not context:
        raise ValueError("a secret is sealed for something: the context must not be empty")
    return bytes((VERSION,)) + context.encode()
