"""Where an issuer's public keys are read from: an https address, or a file; and who checks tokens by them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from aiohttp import ClientSession, ClientTimeout
from msgspec import json

from kopitra.adapters.operator_tokens import OperatorTokens
from kopitra.application.ports.timing import Clock

KEY_SET_SECONDS = 5.0
"""An issuer that takes longer is away; the keys at hand go on being used."""


def key_set_from(source: str) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    """Reads a JWK set from an https address, or from a file."""

    async def from_file() -> Mapping[str, Any]:
        return json.decode(await asyncio.to_thread(Path(source).read_bytes))

    async def from_address() -> Mapping[str, Any]:
        timeout = ClientTimeout(total=KEY_SET_SECONDS)
        async with ClientSession(timeout=timeout) as client, client.get(source) as answer:
            answer.raise_for_status()
            return json.decode(await answer.read())

    return from_address if source.startswith("https://") else from_file


class OperatorSettings(Protocol):
    """What every app's settings say of operators: all of the first three, or none."""

    @property
    def operator_issuer(self) -> str | None: ...
    @property
    def operator_audience(self) -> str | None: ...
    @property
    def operator_jwks(self) -> str | None: ...
    @property
    def operator_tenant(self) -> str | None: ...


def operator_tokens(settings: OperatorSettings, clock: Clock) -> OperatorTokens | None:
    """None where no issuer is configured: then nobody is an operator."""
    source, issuer, audience = settings.operator_jwks, settings.operator_issuer, settings.operator_audience
    if source is None or issuer is None or audience is None:
        return None
    return OperatorTokens(
        load_keys=key_set_from(source),
        issuer=issuer,
        audience=audience,
        clock=clock,
        default_tenant=settings.operator_tenant,
    )
