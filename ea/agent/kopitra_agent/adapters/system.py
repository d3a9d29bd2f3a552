"""The machine's own clock, sleep and ids."""

import asyncio
import secrets
import time
import uuid
from datetime import UTC, datetime

MICROSECONDS_PER_MILLISECOND = 1000


class SystemClock:
    def now(self) -> datetime:
        now = datetime.now(UTC)
        return now.replace(
            microsecond=now.microsecond // MICROSECONDS_PER_MILLISECOND * MICROSECONDS_PER_MILLISECOND
        )

    def monotonic(self) -> float:
        return time.monotonic()


class SystemSleeper:
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemIds:
    def new(self) -> str:
        return uuid.uuid4().hex

    def token_bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)
