"""The notification channels as a blob, so that telling people needs no SQL. Secrets in it are sealed."""

import asyncio
from base64 import b64encode
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, select

from kopitra.application.ports.blobs import BlobError, Blobs
from kopitra_functions.sql.database import Database, DatabaseResuming, DatabaseUnavailable
from kopitra_functions.sql.tables import notification_channels

CHANNELS_BLOB = "management/channels.json"

log = structlog.get_logger("kopitra.publishing")


class ChannelEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One channel. `sealed`: its secret in base64, for `CredentialCipher.open` with `channel_context`."""

    channel: str
    tenant: str
    name: str
    kind: str
    target: str
    topics: list[str]
    settings: dict[str, Any]
    enabled: bool
    version: int
    sealed: str | None = None


class ChannelList(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    channels: list[ChannelEntry] = []


def channel_context(tenant: str, channel: str) -> str:
    """What a channel's sealed secret is bound to."""
    return f"channel\x1f{tenant}\x1f{channel}"


class ChannelFile:
    def __init__(self, *, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs
        self._lock = asyncio.Lock()
        self._written: bytes | None = None

    async def write(self) -> None:
        """As they are in SQL now, unless this process has just written them so. Raises BlobError, DatabaseResuming,
        DatabaseUnavailable."""
        async with self._lock:
            content = msgspec.json.encode(ChannelList(channels=await self._database.read(_channels)))
            if content == self._written:
                return
            self._written = None
            await self._blobs.put(CHANNELS_BLOB, content, content_type="application/json")
            self._written = content

    async def try_to_write(self) -> None:
        """Right after a change; a failure is made good with the next change or the next drain."""
        try:
            await self.write()
        except (BlobError, DatabaseResuming, DatabaseUnavailable) as error:
            log.warning("channels_not_written", error=str(error))


def _channels(connection: Connection) -> list[ChannelEntry]:
    table = notification_channels.c
    query = select(notification_channels).order_by(table.tenant, table.channel)
    return [
        ChannelEntry(
            channel=row.channel,
            tenant=row.tenant,
            name=row.name,
            kind=row.kind,
            target=row.target or "",
            topics=row.topics,
            settings=row.settings or {},
            enabled=row.enabled,
            version=row.version,
            sealed=b64encode(row.sealed).decode() if row.sealed is not None else None,
        )
        for row in connection.execute(query)
    ]
