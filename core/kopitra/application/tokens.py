"""Service keys, and what is derived from them: session tokens, enrolment secrets, digests of bodies.

The journal keeps nonces, key ids and hashes; with the key, an authenticated replay gets the very same token or secret
again.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b, sha256
from hmac import compare_digest
from hmac import digest as hmac_digest

import msgspec

from kopitra.domain.identifiers import DeviceId, SessionId

KEY_BYTES = 32
"""As many as SHA-256 gives: a shorter key would be the weakest part."""
KEY_MARK_BYTES = 4
"""Tells which key made a body's digest, so that digests outlive a rotation."""
BODY_DIGEST_BYTES = 16


class ServiceKeyUnusable(ValueError):
    """A service key is shorter than `KEY_BYTES`, or the key in use is not among the keys."""


class MintedToken(msgspec.Struct, frozen=True):
    token: str
    token_hash: str
    key_id: str


class KeyRing:
    """`current` makes new tokens; the others only recognise and re-derive what they made."""

    def __init__(self, current: str, keys: Mapping[str, bytes]) -> None:
        if current not in keys:
            raise ServiceKeyUnusable(f"the service key {current!r} is not among the keys given")
        for name, key in keys.items():
            if len(key) < KEY_BYTES:
                raise ServiceKeyUnusable(f"the service key {name!r} has fewer than {KEY_BYTES} bytes")
        self.current = current
        self._keys = dict(keys)
        self._body_keys = {_mark(name): blake2b(b"body", key=key[:64]).digest() for name, key in keys.items()}

    def mint(self, session: SessionId, nonce: str) -> MintedToken:
        token = self._token(self._keys[self.current], session, nonce)
        return MintedToken(token, token_hash(token), self.current)

    def token_again(self, session: SessionId, nonce: str, key_id: str) -> str | None:
        """The token that was minted; None when its key has been taken out."""
        key = self._keys.get(key_id)
        return self._token(key, session, nonce) if key is not None else None

    def enrolment_secret(self, code_hash: str, device: DeviceId, request_key: str, key_id: str) -> str | None:
        """A device's secret (256 bits), the same for the same enrolment request."""
        key = self._keys.get(key_id)
        if key is None:
            return None
        message = f"enrolment\x1f{code_hash}\x1f{device}\x1f{request_key}".encode()
        return urlsafe_b64encode(hmac_digest(key, message, sha256)).rstrip(b"=").decode()

    def body_digest(self, normal: bytes) -> bytes:
        """A keyed digest of a body's normal form."""
        mark = _mark(self.current)
        return mark + self._digest(self._body_keys[mark], normal)

    def same_body(self, digest: bytes, normal: bytes) -> bool:
        """Whether `digest` is of this body. One made by a key that is gone counts as the same: the business identity of
        the request still guards against doing it twice."""
        key = self._body_keys.get(digest[:KEY_MARK_BYTES])
        return key is None or compare_digest(self._digest(key, normal), digest[KEY_MARK_BYTES:])

    @staticmethod
    def _token(key: bytes, session: SessionId, nonce: str) -> str:
        mac = hmac_digest(key, f"{session}\x1f{nonce}".encode(), sha256)
        return f"{session}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    @staticmethod
    def _digest(key: bytes, normal: bytes) -> bytes:
        return blake2b(normal, key=key, digest_size=BODY_DIGEST_BYTES).digest()


def token_hash(token: str) -> str:
    """What the journal keeps of a token. A token has 256 random bits, so a fast hash is enough."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def code_hash(code: str) -> str:
    """What the journal keeps of an enrolment code (at least 128 random bits): SHA-256, hex."""
    return sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


def _mark(key_id: str) -> bytes:
    return blake2b(key_id.encode(), digest_size=KEY_MARK_BYTES).digest()
