"""An issuer of operators' tokens for one machine: a private key in a file, and its public half as a key set.

For development and demonstrations only. In Azure, Entra ID issues the tokens and nothing of this is used.
"""

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from kopitra.application.ports.timing import Clock
from kopitra.protocol.management import Role

ISSUER = "https://issuer.kopitra.invalid"
AUDIENCE = "kopitra"
ALGORITHM = "ES256"
OWNER_ONLY = 0o600


class LocalKeyUnusable(Exception):
    """The key file cannot be made or read, or is no private P-256 key; the text says which file and why."""


class LocalIssuer:
    """Signs with one P-256 key. Whoever checks must be given the same issuer, audience and key set."""

    def __init__(self, key: ECKey, clock: Clock, *, issuer: str = ISSUER, audience: str = AUDIENCE) -> None:
        self._key = key
        self._clock = clock
        self._issuer = issuer
        self._audience = audience

    def token(self, subject: str, *, tenant: str, roles: Collection[Role], seconds: float) -> str:
        """`tenant`: `*` for the whole platform. Valid for so many seconds from now."""
        now = self._clock.now().timestamp()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "iat": int(now),
            "exp": int(now + seconds),
            "tenant": tenant,
            "roles": sorted(roles),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key)

    def key_set(self) -> Mapping[str, Any]:
        """The public half, as a JWK set."""
        return KeySet([self._key]).as_dict(private=False)


def key_in(file: Path) -> ECKey:
    """The key in this file, made there for its owner alone where there is none. Two that make it at once get the same.
    Raises LocalKeyUnusable."""
    try:
        if not file.exists():
            _make(file)
        return _private(ECKey.import_key(msgspec.json.decode(file.read_bytes(), type=dict[str, Any])))
    except OSError as error:
        raise LocalKeyUnusable(f"{file}: {error.strerror or error}") from error
    except (JoseError, msgspec.DecodeError, ValueError, KeyError) as error:
        raise LocalKeyUnusable(f"{file} holds no private P-256 key") from error


def _private(key: ECKey) -> ECKey:
    if not key.is_private or key.curve_name != "P-256":
        raise ValueError("another kind of key")
    return key


def _make(file: Path) -> None:
    """Written whole under another name and linked: a link is refused where somebody else was first."""
    fresh = ECKey.generate_key("P-256", {"use": "sig"})
    fresh.ensure_kid()
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{fresh.kid}")
    try:
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY), "wb") as output:
            output.write(msgspec.json.encode(fresh.as_dict(private=True)))
        with suppress(FileExistsError):
            os.link(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
