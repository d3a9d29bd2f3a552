"""A queue in memory with peek-lock, delivery count and dead letter; it outlives a simulated crash."""

import asyncio
from collections.abc import Sequence

import msgspec

from kopitra.application.ports.identity import IdSource
from kopitra.application.ports.queue import (
    LOCK_DURATION,
    MAX_DELIVERY_COUNT,
    MESSAGE_BYTES,
    Message,
    MessageLockLost,
    MessageTooLarge,
    QueueCounts,
    ReceivedMessage,
)
from kopitra.application.ports.timing import Clock


class MemoryQueue:
    """Implements the Queue port, in order of arrival; lapsed locks give a message back. A receiver that waits costs
    nothing: it is woken by a message, or by the loop's own timer when a lock lapses or its time is up."""

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids
        self._next = 1
        self.waiting: dict[int, ReceivedMessage] = {}
        self.dead: dict[int, ReceivedMessage] = {}
        self._parked: list[asyncio.Future[None]] = []

    async def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if len(message.body) > MESSAGE_BYTES:
                raise MessageTooLarge(f"a body has at most {MESSAGE_BYTES} bytes")
        for message in messages:
            self.waiting[self._next] = ReceivedMessage(
                message=message,
                sequence_number=self._next,
                delivery_count=0,
                enqueued_time_utc=self._clock.now(),
                lock_token="",
            )
            self._next += 1
        self._wake()

    async def receive(
        self, max_message_count: int = 1, *, max_wait_time: float = 0.0, dead_letter: bool = False
    ) -> Sequence[ReceivedMessage]:
        ends = self._clock.monotonic() + max_wait_time
        while True:
            received = self._lock(max_message_count, dead_letter)
            left = ends - self._clock.monotonic()
            if received or left <= 0:
                return received
            await self._park(min(left, self._until_a_lock_lapses(dead_letter)))

    async def _park(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._parked.append(future)
        timer = loop.call_later(seconds, _release, future)
        try:
            await future
        finally:
            timer.cancel()
            self._parked.remove(future)

    def _wake(self) -> None:
        for future in self._parked:
            _release(future)

    def _until_a_lock_lapses(self, dead_letter: bool) -> float:
        place, now = self.dead if dead_letter else self.waiting, self._clock.now()
        locks = (m.locked_until_utc for m in place.values() if m.locked_until_utc is not None)
        return min(((until - now).total_seconds() for until in locks if until > now), default=float(2**31))

    def _lock(self, most: int, dead_letter: bool) -> list[ReceivedMessage]:
        place = self.dead if dead_letter else self.waiting
        received: list[ReceivedMessage] = []
        for number, message in list(place.items()):
            if len(received) == most:
                break
            if message.locked_until_utc is not None and message.locked_until_utc > self._clock.now():
                continue
            if not dead_letter and message.delivery_count >= MAX_DELIVERY_COUNT:
                self._bury(number, "MaxDeliveryCountExceeded", "")
                continue
            place[number] = msgspec.structs.replace(
                message,
                delivery_count=message.delivery_count + 1,
                lock_token=self._ids.new(),
                locked_until_utc=self._clock.now() + LOCK_DURATION,
            )
            received.append(place[number])
        return received

    async def complete(self, received: ReceivedMessage) -> None:
        self._held(received)
        self.waiting.pop(received.sequence_number, None)
        self.dead.pop(received.sequence_number, None)

    async def abandon(self, received: ReceivedMessage) -> None:
        held = self._held(received)
        if received.sequence_number in self.dead:
            self.dead[received.sequence_number] = msgspec.structs.replace(
                held, lock_token="", locked_until_utc=None
            )
        elif held.delivery_count >= MAX_DELIVERY_COUNT:
            self._bury(received.sequence_number, "MaxDeliveryCountExceeded", "")
        else:
            self.waiting[received.sequence_number] = msgspec.structs.replace(
                held, lock_token="", locked_until_utc=None
            )
            self._wake()

    async def dead_letter(
        self, received: ReceivedMessage, *, reason: str, error_description: str = ""
    ) -> None:
        self._held(received)
        self._bury(received.sequence_number, reason, error_description)

    async def renew_lock(self, received: ReceivedMessage) -> ReceivedMessage:
        held = self._held(received)
        renewed = msgspec.structs.replace(held, locked_until_utc=self._clock.now() + LOCK_DURATION)
        self.waiting[received.sequence_number] = renewed
        return renewed

    async def replay(self, received: ReceivedMessage) -> None:
        self._held(received)
        del self.dead[received.sequence_number]
        await self.send([received.message])

    async def peek(
        self, max_message_count: int = 1, *, from_sequence_number: int = 0, dead_letter: bool = False
    ) -> Sequence[ReceivedMessage]:
        place = self.dead if dead_letter else self.waiting
        seen = [m for n, m in sorted(place.items()) if n >= from_sequence_number]
        return [
            msgspec.structs.replace(m, lock_token="", locked_until_utc=None) for m in seen[:max_message_count]
        ]

    async def counts(self) -> QueueCounts:
        now = self._clock.now()
        locked = sum(
            m.locked_until_utc is not None and m.locked_until_utc > now for m in self.waiting.values()
        )
        return QueueCounts(
            active=len(self.waiting) - locked, locked=locked, scheduled=0, dead_letter=len(self.dead)
        )

    async def close(self) -> None:
        """Nothing to let go of."""

    def _held(self, received: ReceivedMessage) -> ReceivedMessage:
        held = self.waiting.get(received.sequence_number) or self.dead.get(received.sequence_number)
        lapsed = held is None or held.locked_until_utc is None or held.locked_until_utc <= self._clock.now()
        if held is None or lapsed or held.lock_token != received.lock_token:
            raise MessageLockLost(f"message {received.sequence_number} is not locked by this receiver")
        return held

    def _bury(self, number: int, reason: str, description: str) -> None:
        message = self.waiting.pop(number)
        self.dead[number] = msgspec.structs.replace(
            message,
            lock_token="",
            locked_until_utc=None,
            dead_letter_reason=reason,
            dead_letter_error_description=description,
        )


def _release(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
