"""A wrapping key that never leaves Azure Key Vault: RSA-OAEP-256 by a version of the key."""

from collections.abc import Callable

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.keyvault.keys.crypto import KeyWrapAlgorithm
from azure.keyvault.keys.crypto.aio import CryptographyClient

from kopitra_functions.credentials.wrapping import Wrapped, WrappingKeyUnavailable, WrappingKeyUnknown

ALGORITHM = KeyWrapAlgorithm.rsa_oaep_256
PROBE = bytes(32)
"""Wrapped to learn which version wraps now; it is nobody's key."""
GONE = (400, 404)
"""Key Vault's answers for a wrapped key that is not this key's, and for a key or version that is deleted."""

ClientFor = Callable[[str], CryptographyClient]
"""A client for a key's identifier, with its version or without."""


class KeyVaultKey:
    """`kopitra_functions.credentials.wrapping.WrappingKey`. `key_id` without a version wraps by the version that is the
    latest at the first use; what earlier ones wrapped is unwrapped by them. Connects to nothing before."""

    def __init__(self, key_id: str, client_for: ClientFor) -> None:
        self._key_id = key_id
        self._client_for = client_for
        self._clients: dict[str, CryptographyClient] = {}
        self._current: str | None = None

    async def current(self) -> str:
        if self._current is None:
            self._current = (await self.wrap(PROBE)).key_id
        return self._current

    async def wrap(self, data_key: bytes) -> Wrapped:
        try:
            result = await self._client(self._key_id).wrap_key(ALGORITHM, data_key)
        except AzureError as error:
            raise WrappingKeyUnavailable(_sentence(error)) from error
        key_id = result.key_id or ""
        if not _has_version(key_id):
            raise WrappingKeyUnavailable(
                f"the version of {self._key_id} is not known: grant keys/get, or name a version"
            )
        return Wrapped(key_id, result.encrypted_key)

    async def unwrap(self, wrapped: Wrapped) -> bytes:
        if _key_of(wrapped.key_id) != _key_of(self._key_id):
            raise WrappingKeyUnknown(f"wrapped by {wrapped.key_id}, which is no version of {self._key_id}")
        try:
            result = await self._client(wrapped.key_id).unwrap_key(ALGORITHM, wrapped.data_key)
        except HttpResponseError as error:
            if error.status_code in GONE:
                raise WrappingKeyUnknown(_sentence(error)) from error
            raise WrappingKeyUnavailable(_sentence(error)) from error
        except AzureError as error:
            raise WrappingKeyUnavailable(_sentence(error)) from error
        return result.key

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
        self._clients.clear()

    def _client(self, key_id: str) -> CryptographyClient:
        client = self._clients.get(key_id)
        if client is None:
            client = self._clients[key_id] = self._client_for(key_id)
        return client


def connect_key(key_id: str, credential: AsyncTokenCredential) -> KeyVaultKey:
    """`key_id`: https://VAULT/keys/NAME, with or without a version. The caller closes the credential."""
    return KeyVaultKey(key_id, lambda version: CryptographyClient(version, credential))


def _key_of(key_id: str) -> str:
    """Vault and name, without the version."""
    return "/".join(key_id.rstrip("/").split("/")[:5]).lower()


def _has_version(key_id: str) -> bool:
    return len(key_id.rstrip("/").split("/")) > 5


def _sentence(error: AzureError) -> str:
    first_line, _, _ = str(error).partition("\n")
    return first_line or type(error).__name__
