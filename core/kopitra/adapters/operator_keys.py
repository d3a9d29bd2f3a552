"""Where an issuer's public keys are read from: an https address, or a file."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout
from msgspec import json

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
