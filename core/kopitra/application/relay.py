"""Publish journal events to the management side: after the commit, in order, at least once.

The relay reads the journal behind its checkpoint whenever something was committed, and is idle otherwise. A crash
between publishing and the checkpoint publishes again, under the same message ids.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing

import msgspec
import structlog

from kopitra.application.event_publishing import Place, outgoing
from kopitra.application.ports.blobs import BlobNotFound, Blobs, BlobsUnavailable
from kopitra.application.ports.journal import Frame, Journal, JournalUnavailable
from kopitra.application.ports.queue import Message, Queue, QueueUnavailable
from kopitra.application.ports.timing import Sleeper
from kopitra.domain.identifiers import AccountId, TenantId
from kopitra.machine.events import Recorded

BATCH_MESSAGES = 200
"""Sent in one call; at 64 KB each still below what a durable queue takes in one transaction."""
GATHER_SECONDS = 0.2
"""How long the relay lets events gather: one send for a burst, and nobody waits for history."""
RETRY_SECONDS = 2.0
"""Pause after a refusal of the queue, the blobs or the journal."""
CHECKPOINT = "relay/checkpoint.json"

log = structlog.get_logger("kopitra.relay")


class Position(msgspec.Struct, frozen=True, rename="camel"):
    """The last sequence that was published or passed over, of which journal; `told`: the last message's last one."""

    journal_id: str
    sequence: int
    told: int | None = None


async def published_through(blobs: Blobs, journal: Journal) -> int:
    """The sequence that the relay's checkpoint knows, 0 without one for this journal."""
    return (await _position(blobs, journal)).sequence


async def _position(blobs: Blobs, journal: Journal) -> Position:
    try:
        position = msgspec.json.decode(await blobs.get(_checkpoint_name(journal)), type=Position)
    except BlobNotFound:
        position = None
    if position is None or position.journal_id != journal.journal_id:
        return Position(journal.journal_id, 0, 0)
    return position


def _checkpoint_name(journal: Journal) -> str:
    return f"{journal.shard}/{CHECKPOINT}"


class Relay:
    """`tenants` looks up the live accounts; `decode` is the machine's event codec."""

    def __init__(
        self,
        *,
        journal: Journal,
        queue: Queue,
        blobs: Blobs,
        sleeper: Sleeper,
        decode: Callable[[bytes], Recorded],
        tenants: Callable[[], Mapping[AccountId, TenantId]],
    ) -> None:
        self._journal = journal
        self._queue = queue
        self._blobs = blobs
        self._sleeper = sleeper
        self._decode = decode
        self._tenants = tenants
        self._news = asyncio.Event()
        self.sequence = 0
        """Everything up to here has been published."""
        self._told = 0

    def wake(self) -> None:
        """Something was committed."""
        self._news.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        position = await self._begin()
        self.sequence = position.sequence
        self._told = position.sequence if position.told is None else position.told
        self._news.set()
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.publish()
            except (JournalUnavailable, QueueUnavailable, BlobsUnavailable) as error:
                log.warning("relay_waits", error=str(error), sequence=self.sequence)
                await self._sleeper.sleep(RETRY_SECONDS)
                self._news.set()
                continue
            await self._sleeper.sleep(GATHER_SECONDS)

    async def _begin(self) -> Position:
        while True:
            try:
                return await _position(self._blobs, self._journal)
            except BlobsUnavailable as error:
                log.warning("relay_waits", error=str(error))
                await self._sleeper.sleep(RETRY_SECONDS)

    async def publish(self) -> None:
        """Publish what the journal holds behind the checkpoint."""
        tenants = self._tenants()
        batch: list[Message] = []
        last, told = self.sequence, self._told
        async with aclosing(self._journal.read(self.sequence)) as commits:
            async for commit in commits:
                for frame in commit:
                    message = await self._message(frame, tenants, told)
                    if message is not None:
                        batch.append(message)
                        told = frame.last
                    last = frame.last
                if len(batch) >= BATCH_MESSAGES:
                    await self._send(batch, last, told)
                    batch = []
        await self._send(batch, last, told)

    async def _send(self, batch: list[Message], last: int, told: int) -> None:
        if last == self.sequence:
            return
        for at in range(0, len(batch), BATCH_MESSAGES):
            await self._queue.send(batch[at : at + BATCH_MESSAGES])
        if batch:
            position = Position(self._journal.journal_id, last, told)
            content = msgspec.json.encode(position)
            await self._blobs.put(_checkpoint_name(self._journal), content, content_type="application/json")
        self.sequence, self._told = last, told

    async def _message(
        self, frame: Frame, tenants: Mapping[AccountId, TenantId], previous: int
    ) -> Message | None:
        place = Place(self._journal.journal_id, self._journal.shard)
        told = outgoing(self._decode(frame.data), place, tenants, previous)
        if told is None:
            return None
        if told.large is not None:
            await self._blobs.put(told.large.name, told.large.content, content_type="application/json")
        return told.message
