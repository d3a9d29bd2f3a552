"""The demonstration's own operator: its issuer's key set, its tokens, and what it asks the management plane."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from kopitra.application.ports.timing import Clock
from kopitra_agent.adapters.http import HttpTransport
from kopitra_agent.ports.transport import Request, TransportError

ISSUER = "https://issuer.demo.invalid"
AUDIENCE = "kopitra-demo"
SUBJECT = "demonstration"
TOKEN_SECONDS = 3600
TIMEOUT_SECONDS = 5.0
OK = 200


class SessionGlance(msgspec.Struct, frozen=True, rename="camel"):
    """What the demonstration wants to know of a session."""

    account: str
    balance_at: datetime | None = None
    quotes_at: datetime | None = None


class _Sessions(msgspec.Struct, frozen=True):
    sessions: list[SessionGlance]


class OperatorDesk:
    """Signs its own tokens with a key that never leaves this process; `folder` gets the public half."""

    def __init__(self, folder: Path, clock: Clock, tenant: str) -> None:
        self._key = ECKey.generate_key("P-256", {"kid": "demo", "use": "sig"})
        self._clock = clock
        self._tenant = tenant
        self._transport: HttpTransport | None = None
        self.key_set = folder / "operators.jwks"

    def settings(self) -> Mapping[str, str]:
        """What the counterparty must be told to admit this operator; writes the key set."""
        public = KeySet([self._key]).as_dict(private=False)
        self.key_set.write_bytes(msgspec.json.encode(public))
        return {
            "KOPITRA_OPERATOR_ISSUER": ISSUER,
            "KOPITRA_OPERATOR_AUDIENCE": AUDIENCE,
            "KOPITRA_OPERATOR_JWKS": str(self.key_set),
        }

    def visit(self, base_url: str) -> None:
        """From now on, ask the counterparty there."""
        self._transport = HttpTransport(base_url)

    async def sessions(self) -> list[SessionGlance]:
        """Live sessions; none while the counterparty does not serve."""
        if self._transport is None:
            return []
        headers = {"Authorization": f"Bearer {self._token()}"}
        request = Request(
            method="GET", path="/trade-agent/v1/sessions", headers=headers, timeout=TIMEOUT_SECONDS
        )
        try:
            response = await self._transport.exchange(request)
        except TransportError:
            return []
        if response.status != OK:
            return []
        return msgspec.json.decode(response.body, type=_Sessions).sessions

    async def leave(self) -> None:
        if self._transport is not None:
            await self._transport.close()

    def _token(self) -> str:
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": SUBJECT,
            "exp": int(self._clock.now().timestamp()) + TOKEN_SECONDS,
            "tenant": self._tenant,
            "roles": ["operator"],
        }
        return jwt.encode({"alg": "ES256", "kid": self._key.kid}, claims, self._key)
