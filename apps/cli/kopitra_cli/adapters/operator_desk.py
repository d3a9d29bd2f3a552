"""The demonstration's operator: signs in as the local issuer lets him, configures and stops by the management side, and
looks at sessions in the counterparty itself."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.protocol.headers import IDEMPOTENCY_KEY
from kopitra.protocol.management import Role
from kopitra_agent.adapters.http import HttpTransport
from kopitra_agent.ports.transport import Request, Response, TransportError
from kopitra_cli.dev.identity import issuer_in, operator_settings

SUBJECT = "demonstration"
EVERY_TENANT = "*"
TOKEN_SECONDS = 3600
TIMEOUT_SECONDS = 15.0
"""A management side that has just been started opens everything for its first request."""
AWAY_SECONDS = 60.0
"""A part that is killed comes back within a few seconds."""
PAUSE_SECONDS = 0.1
OK, CREATED, UNAVAILABLE = 200, 201, 503


class SessionGlance(msgspec.Struct, frozen=True, rename="camel"):
    """What the demonstration wants to know of a session."""

    account: str
    balance_at: datetime | None = None
    quotes_at: datetime | None = None


class _Sessions(msgspec.Struct, frozen=True):
    sessions: list[SessionGlance]


class OperatorRefused(Exception):
    """The management side did not do what it was asked; the text holds its answer."""


class OperatorDesk:
    """`folder`: where the issuer's key is, and the key set that services read. `tenant` is the operator's own."""

    def __init__(self, folder: Path, tenant: str, clock: Clock, sleeper: Sleeper, ids: IdSource) -> None:
        self._folder = folder
        self._tenant = tenant
        self._clock = clock
        self._sleeper = sleeper
        self._ids = ids
        self._counterparty: HttpTransport | None = None
        self._management: HttpTransport | None = None
        self._tokens: dict[str, str] = {}

    def settings(self, prefix: str) -> Mapping[str, str]:
        """What a service must be told to admit this operator; `prefix` is that of its settings."""
        self._folder.mkdir(parents=True, exist_ok=True)
        issuer = issuer_in(self._folder, self._clock)
        for tenant in (self._tenant, EVERY_TENANT):
            self._tokens[tenant] = issuer.token(
                SUBJECT, tenant=tenant, roles=[Role.ADMIN], seconds=TOKEN_SECONDS
            )
        return operator_settings(self._folder, prefix)

    def visit(self, counterparty: str, management: str) -> None:
        """From now on, ask the services there."""
        self._counterparty, self._management = HttpTransport(counterparty), HttpTransport(management)

    async def sessions(self) -> list[SessionGlance]:
        """Live sessions; none while the counterparty does not serve."""
        if self._counterparty is None:
            return []
        request = Request(
            method="GET",
            path="/trade-agent/v1/sessions",
            headers=self._headers(self._tenant),
            timeout=TIMEOUT_SECONDS,
        )
        try:
            response = await self._counterparty.exchange(request)
        except TransportError:
            return []
        if response.status != OK:
            return []
        return msgspec.json.decode(response.body, type=_Sessions).sessions

    async def post(self, path: str, body: object, *, every_tenant: bool = False) -> Any:
        """The management side's answer to a POST below `/api/admin`, sent again under its key while it is away. Raises
        OperatorRefused."""
        tenant = EVERY_TENANT if every_tenant else self._tenant
        request = Request(
            method="POST",
            path=f"/api/admin{path}",
            headers=self._headers(tenant)
            | {"Content-Type": "application/json", IDEMPOTENCY_KEY: self._ids.new()},
            body=msgspec.json.encode(body),
            timeout=TIMEOUT_SECONDS,
        )
        response = await self._patiently(request)
        if response.status not in (OK, CREATED):
            raise OperatorRefused(f"POST {path}: {response.status} {response.body.decode(errors='replace')}")
        return msgspec.json.decode(response.body)

    async def leave(self) -> None:
        for transport in (self._counterparty, self._management):
            if transport is not None:
                await transport.close()

    async def _patiently(self, request: Request) -> Response:
        assert self._management is not None, "nobody is visited yet"
        ends = self._clock.monotonic() + AWAY_SECONDS
        while True:
            try:
                response = await self._management.exchange(request)
                if response.status != UNAVAILABLE or self._clock.monotonic() > ends:
                    return response
            except TransportError as error:
                if self._clock.monotonic() > ends:
                    raise OperatorRefused(f"{request.method} {request.path}: {error}") from error
            await self._sleeper.sleep(PAUSE_SECONDS)

    def _headers(self, tenant: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[tenant]}"}
