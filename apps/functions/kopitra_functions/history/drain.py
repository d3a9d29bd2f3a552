"""From the history queue into SQL: batch by batch, a transaction each, completed after its commit.

Killed at any point it loses nothing: what was not completed comes again, and coming again changes nothing. The database
is woken before the first message is locked, for locked messages may not wait for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog
from sqlalchemy import text
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt, wait_exponential

from kopitra.application.ports.blobs import Blobs, BlobsUnavailable
from kopitra.application.ports.queue import (
    LOCK_DURATION,
    Message,
    MessageLockLost,
    Queue,
    QueueUnavailable,
    ReceivedMessage,
)
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra_functions.history.checkpoint_messages import checkpoint_message
from kopitra_functions.history.checkpoints import Shard
from kopitra_functions.history.dead_letters import DELIVERED_TOO_OFTEN, replay_dead_letters
from kopitra_functions.history.draining import DrainRules, Waiting, should_drain
from kopitra_functions.history.told import MessageMalformed, body_of, decode, is_known
from kopitra_functions.history.writing import Prepared, prepare, write_batch
from kopitra_functions.ports import Queues
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.errors import DatabaseResuming, DatabaseUnavailable
from kopitra_functions.sql.patience import Patience
from kopitra_functions.sql.usage import SqlUse

BATCH = 200
"""Written in one transaction: a second of SQL at most, and 12 MB of memory."""
DRAIN_SECONDS = 240.0
"""After this a drain leaves the rest to the next minute's: a timer's invocation may take five minutes in Azure."""
WRITE_PATIENCE = Patience(seconds=LOCK_DURATION.total_seconds() / 2)
"""A database that was awake a moment ago is back soon or not before the messages' locks run out."""
SEND_ATTEMPTS = 3

log = structlog.get_logger("kopitra.history")


class Drained(msgspec.Struct, frozen=True, kw_only=True):
    """`why`: what made it begin; `stopped`: what ended it before the queue was empty."""

    why: str
    messages: int = 0
    dead_lettered: int = 0
    replayed: int = 0
    stopped: str | None = None


class _Stopped(Exception):
    """Nothing more can be written now; what is locked was given back."""


class Drain:
    """`after` runs when a drain ends, while SQL is awake: chores that must not wake it by themselves."""

    def __init__(
        self,
        *,
        queues: Queues,
        database: Database,
        blobs: Blobs,
        use: SqlUse,
        clock: Clock,
        sleeper: Sleeper,
        rules: DrainRules,
        after: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._queues = queues
        self._queue: Queue = queues.history
        self._database = database
        self._blobs = blobs
        self._use = use
        self._clock = clock
        self._sleeper = sleeper
        self._rules = rules
        self._after = after
        self._one_at_a_time = asyncio.Lock()
        self._reached: dict[Shard, int] = {}

    async def tick(self) -> Drained | None:
        """What the timer does every minute: drain if it is time to. Raises QueueUnavailable."""
        now, waits = self._clock.now(), await self._waiting()
        in_use = bool(waits.messages) and await self._use.used_within(self._rules.awake)
        why = should_drain(now, waits, self._rules, sql_in_use=in_use)
        return await self.drain(why) if why is not None else None

    async def drain(self, why: str = "asked") -> Drained:
        """Write everything that waits, within `DRAIN_SECONDS`. Raises QueueUnavailable."""
        async with self._one_at_a_time:
            drained = await self._drain(why)
            log.info("drained", **msgspec.structs.asdict(drained))
            return drained

    async def _waiting(self) -> Waiting:
        """By two or three looks at single messages. Numbers of arrival grow by one with each message (on one machine by
        more, where queues share a file: there, writing early costs nothing), so what has the N-th number tells of N."""
        first = await self._queue.peek(1)
        if not first:
            return await self._set_aside()
        number = first[0].sequence_number + self._rules.messages - 1
        many = await self._queue.peek(1, from_sequence_number=number)
        return Waiting(messages=self._rules.messages if many else 1, oldest=first[0].enqueued_time_utc)

    async def _set_aside(self) -> Waiting:
        """Messages whose readers died, here or in the trigger, are waiting too, though among the dead letters."""
        for queue in (self._queue, self._queues.events):
            for dead in await queue.peek(1, dead_letter=True):
                if dead.dead_letter_reason == DELIVERED_TOO_OFTEN:
                    return Waiting(messages=1, oldest=dead.enqueued_time_utc)
        return Waiting(messages=0)

    async def _drain(self, why: str) -> Drained:
        began = self._clock.monotonic()
        try:
            await self._database.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
        except (DatabaseResuming, DatabaseUnavailable) as error:
            return Drained(why=why, stopped=f"{error.code}: {error}")
        replayed = await self._bring_back()
        messages = dead = 0
        stopped: str | None = None
        while self._clock.monotonic() - began < DRAIN_SECONDS:
            received = await self._queue.receive(BATCH)
            if not received:
                break
            try:
                dead += await self._take(received)
            except _Stopped as error:
                stopped = str(error)
                break
            messages += len(received)
        await self._tell_how_far()
        await self._do_chores()
        return Drained(why=why, messages=messages, dead_lettered=dead, replayed=replayed, stopped=stopped)

    async def _bring_back(self) -> int:
        """Messages whose readers died, here or in the trigger, go round again: nothing was found wrong with them."""
        replayed = 0
        for queue in (self._queues.events, self._queues.history):
            replayed += await replay_dead_letters(queue, reason=DELIVERED_TOO_OFTEN)
        return replayed

    async def _take(self, received: Sequence[ReceivedMessage]) -> int:
        """How many of them went to the dead letter. Raises _Stopped, everything given back."""
        prepared: list[tuple[ReceivedMessage, Prepared]] = []
        dead = 0
        for one in received:
            try:
                prepared.append((one, await self._prepared(one.message)))
            except MessageMalformed as error:
                await self._bury(one, error.reason, str(error))
                dead += 1
            except BlobsUnavailable as error:
                await self._give_back(received)
                raise _Stopped(f"{error.code}: {error}") from error
        return dead + await self._write(prepared)

    async def _prepared(self, message: Message) -> Prepared:
        told = decode(message)
        return prepare(told, await body_of(told, self._blobs) if is_known(told) else None)

    async def _write(self, batch: Sequence[tuple[ReceivedMessage, Prepared]]) -> int:
        """In halves where the database refuses the whole, down to the message that it does not take."""
        if not batch:
            return 0
        now = self._clock.now()
        work = [prepared for _, prepared in batch]
        try:
            reached = await self._database.write(
                lambda connection: write_batch(connection, work, now), patience=WRITE_PATIENCE
            )
        except (DatabaseResuming, DatabaseUnavailable) as error:
            await self._give_back([one for one, _ in batch])
            raise _Stopped(f"{error.code}: {error}") from error
        except Exception as error:  # noqa: BLE001 - whatever one message does, its neighbours are written
            if len(batch) == 1:
                await self._bury(batch[0][0], "not_storable", f"{type(error).__name__}: {error}")
                return 1
            half = len(batch) // 2
            return await self._write(batch[:half]) + await self._write(batch[half:])
        self._reached |= reached
        await asyncio.gather(*(self._completed(one) for one, _ in batch))
        return 0

    async def _completed(self, one: ReceivedMessage) -> None:
        try:
            await self._queue.complete(one)
        except MessageLockLost:
            log.info("stored_twice", message_id=one.message.message_id)

    async def _bury(self, one: ReceivedMessage, reason: str, detail: str) -> None:
        log.error("history_dead_lettered", message_id=one.message.message_id, reason=reason, detail=detail)
        try:
            await self._queue.dead_letter(one, reason=reason, error_description=detail[:1000])
        except MessageLockLost:
            log.info("lock_lost", message_id=one.message.message_id)

    async def _give_back(self, received: Sequence[ReceivedMessage]) -> None:
        for one in received:
            try:
                await self._queue.abandon(one)
            except MessageLockLost:
                continue

    async def _do_chores(self) -> None:
        for chore in self._after:
            try:
                await chore()
            except Exception:  # what was drained stays drained
                log.exception("chore_failed")

    async def _tell_how_far(self) -> None:
        """The checkpoints are in SQL by now: said late or twice, they are still true."""
        now = self._clock.now()
        messages = [checkpoint_message(shard, sequence, now) for shard, sequence in self._reached.items()]
        if not messages:
            return
        retrying = AsyncRetrying(
            sleep=self._sleeper.sleep,
            stop=stop_after_attempt(SEND_ATTEMPTS),
            wait=wait_exponential(multiplier=0.2),
            retry=retry_if_exception_type(QueueUnavailable),
        )
        try:
            await retrying(self._queues.commands.send, messages)
        except RetryError:
            log.warning("checkpoint_not_told", shards=len(messages))
            return
        self._reached.clear()
