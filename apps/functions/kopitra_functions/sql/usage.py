"""Whether an operator uses SQL just now: then the database is awake anyway, and what waits for it may be drained."""

from datetime import datetime, timedelta

import msgspec

from kopitra.application.ports.blobs import BlobError, BlobNotFound, Blobs
from kopitra.application.ports.timing import Clock

MARK_BLOB = "management/sql-used.json"
MARK_AT_MOST_EVERY = timedelta(minutes=1)
"""Another instance drains at most a minute later for it; a write to the blob store for every click would cost more."""


class _Mark(msgspec.Struct, frozen=True, rename="camel"):
    used_at: datetime


class SqlUse:
    """Knows of this process's use from memory, and of others' from a blob."""

    def __init__(self, blobs: Blobs, clock: Clock) -> None:
        self._blobs = blobs
        self._clock = clock
        self._used_at: datetime | None = None
        self._told_at: datetime | None = None

    async def mark(self) -> None:
        """An operator has just used SQL. A blob store that is away only keeps others from knowing."""
        now = self._used_at = self._clock.now()
        if self._told_at is not None and now - self._told_at < MARK_AT_MOST_EVERY:
            return
        self._told_at = now
        try:
            await self._blobs.put(MARK_BLOB, msgspec.json.encode(_Mark(now)), content_type="application/json")
        except BlobError:
            self._told_at = None

    async def used_within(self, span: timedelta) -> bool:
        """Whether any instance served an operator from SQL in the last `span`; touches no SQL."""
        since = self._clock.now() - span
        if self._used_at is not None and self._used_at >= since:
            return True
        told = await self._told()
        return told is not None and told >= since

    async def _told(self) -> datetime | None:
        try:
            return msgspec.json.decode(await self._blobs.get(MARK_BLOB), type=_Mark).used_at
        except (BlobNotFound, BlobError, msgspec.MsgspecError):
            return None
