"""Publish journal events to the management side: after the commit, in order, at least once.

The relay reads the journal behind its checkpoint whenever something was committed, and is idle otherwise. A crash
between publishing and the checkpoint publishes again, under the same message ids.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing

import msgspec
import structlog

from kopitra.application.ports.blobs import BlobNotFound, Blobs, BlobsUnavailable
from kopitra.application.ports.journal import Frame, Journal, JournalUnavailable
from kopitra.application.ports.queue import MESSAGE_BYTES, Message, Queue, QueueUnavailable
from kopitra.application.ports.timing import Sleeper
from kopitra.domain.identifiers import AccountId, TenantId
from kopitra.machine.events import Recorded
from kopitra.protocol.event_messages import is_published, message_id, message_of, payload_of

BATCH_MESSAGES = 200
"""Sent in one call; at 64 KB each still below what a durable queue takes in one transaction."""
GATHER_SECONDS = 0.2
"""How long the relay lets events gather: one send for a burst, and nobody waits for history."""
RETRY_SECONDS = 2.0
"""Pause after a refusal of the queue, the blobs or the journal."""
CHECKPOINT = "relay/checkpoint.json"

log = structlog.get_logger("kopitra.relay")


class Position(msgspec.Struct, frozen=True, rename="camel"):
    """The last sequence that was published, of which journal."""

    journal_id: str
    sequence: int


async def published_through(blobs: Blobs, journal: Journal) -> int:
    """The sequence that the relay's checkpoint knows, 0 without one for this journal."""
    try:
        position = msgspec.json.decode(await blobs.get(_checkpoint_name(journal)), type=Position)
    except BlobNotFound:
        return 0
    return position.sequence if position.journal_id == journal.journal_id else 0


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

    def wake(self) -> None:
        """Something was committed."""
        self._news.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        self.sequence = await published_through(self._blobs, self._journal)
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

    async def publish(self) -> None:
        """Publish what the journal holds behind the checkpoint."""
        tenants = self._tenants()
        batch: list[Message] = []
        last = self.sequence
        async with aclosing(self._journal.read(self.sequence)) as commits:
            async for commit in commits:
                for frame in commit:
                    message = await self._message(frame, tenants)
                    if message is not None:
                        batch.append(message)
                    last = frame.last
                if len(batch) >= BATCH_MESSAGES:
                    await self._send(batch, last)
                    batch = []
        await self._send(batch, last)

    async def _send(self, batch: list[Message], last: int) -> None:
        if last == self.sequence:
            return
        for at in range(0, len(batch), BATCH_MESSAGES):
            await self._queue.send(batch[at : at + BATCH_MESSAGES])
        if batch:
            position = Position(self._journal.journal_id, last)
            content = msgspec.json.encode(position)
            await self._blobs.put(_checkpoint_name(self._journal), content, content_type="application/json")
        self.sequence = last

    async def _message(self, frame: Frame, tenants: Mapping[AccountId, TenantId]) -> Message | None:
        recorded = self._decode(frame.data)
        if not is_published(recorded.event):
            return None
        payload = payload_of(recorded.event)
        body = msgspec.json.encode(message_of(recorded, tenants, payload))
        if len(body) > MESSAGE_BYTES:
            name = f"{self._journal.shard}/events/{self._journal.journal_id}/{recorded.sequence:012}.json"
            await self._blobs.put(name, msgspec.json.encode(payload), content_type="application/json")
            body = msgspec.json.encode(message_of(recorded, tenants, {"blob": name}))
        return Message(
            body=body,
            message_id=message_id(self._journal.journal_id, self._journal.shard, recorded.sequence),
            correlation_id=recorded.request_id,
            session_id=getattr(recorded.event, "account", None),
            subject=str(recorded.event.__struct_config__.tag),
        )
