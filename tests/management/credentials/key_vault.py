"""A vault with one key in several versions; its clients wrap as Key Vault's do, by real RSA."""

from typing import Any

from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.keyvault.keys.crypto import UnwrapResult, WrapResult
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

KEY = "https://house.vault.example/keys/credentials"
OAEP = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)


class Answer:
    """As much of a response as the SDK's errors read."""

    def __init__(self, status: int) -> None:
        self.status_code = status
        self.reason = "refused"
        self.headers: dict[str, str] = {}
        self.content_type = "application/json"

    def text(self, _encoding: str | None = None) -> str:
        return "{}"

    def body(self) -> bytes:
        return b"{}"


class FakeVault:
    """`reachable` = False: nobody answers. `tells_versions` = False: keys/get is not granted."""

    def __init__(self) -> None:
        self.versions: dict[str, rsa.RSAPrivateKey] = {}
        self.reachable = True
        self.tells_versions = True
        self.calls: list[str] = []
        self.closed = 0
        self.rotate()

    def rotate(self) -> None:
        self.versions[f"{KEY}/v{len(self.versions) + 1}"] = rsa.generate_private_key(65537, 2048)

    def client_for(self, key_id: str) -> Any:
        return _Client(self, key_id)

    def version(self, key_id: str) -> str:
        return list(self.versions)[-1] if key_id == KEY else key_id

    def answer(self, what: str) -> None:
        self.calls.append(what)
        if not self.reachable:
            raise ServiceRequestError("nobody answers")


class _Client:
    def __init__(self, vault: FakeVault, key_id: str) -> None:
        self._vault = vault
        self._asked_for = key_id
        self._version = vault.version(key_id)

    async def wrap_key(self, algorithm: Any, key: bytes) -> WrapResult:
        self._vault.answer("wrap")
        told = self._version if self._vault.tells_versions else self._asked_for
        wrapped = self._vault.versions[self._version].public_key().encrypt(key, OAEP)
        return WrapResult(key_id=told, algorithm=algorithm, encrypted_key=wrapped)

    async def unwrap_key(self, algorithm: Any, encrypted_key: bytes) -> UnwrapResult:
        self._vault.answer("unwrap")
        private = self._vault.versions.get(self._version)
        if private is None:
            raise HttpResponseError("no such version", response=Answer(404))  # type: ignore[arg-type]
        try:
            key = private.decrypt(encrypted_key, OAEP)
        except ValueError as error:
            raise HttpResponseError("bad parameter", response=Answer(400)) from error  # type: ignore[arg-type]
        return UnwrapResult(key_id=self._version, algorithm=algorithm, key=key)

    async def close(self) -> None:
        self._vault.closed += 1
