"""A queue trigger: receive under a lock, keep the lock while the function runs, then complete, abandon or set aside."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from azure.functions.servicebus import ServiceBusMessage

from kopitra.application.ports.queue import (
    MAX_DELIVERY_COUNT,
    MessageLockLost,
    Queue,
    QueueUnavailable,
    ReceivedMessage,
)
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra_cli.functions_host.indexing import QueueFunction
from kopitra_cli.functions_host.invoking import Invoker
from kopitra_cli.functions_host.limits import HostLimits
from kopitra_cli.functions_host.locks import keep_locked

WAIT_SECONDS = 30.0
"""For one receive; a longer wait would find nothing out sooner."""
RETRY_SECONDS = 2.0
"""Pause after the queue refused."""
DESCRIPTION_LENGTH = 1000

Ended = Callable[["asyncio.Task[None]"], None]
"""Told of every loop that ends, be it asked to or not."""

log = structlog.get_logger("kopitra.functions")


class QueueListener:
    """`start` and `stop` belong together; a kill in between loses nothing: locks run out, and messages come again."""

    def __init__(
        self,
        function: QueueFunction,
        queue: Queue,
        invoker: Invoker,
        *,
        clock: Clock,
        sleeper: Sleeper,
        limits: HostLimits,
        on_end: Ended,
    ) -> None:
        self._on_end = on_end
        self._function = function
        self._queue = queue
        self._invoker = invoker
        self._clock = clock
        self._sleeper = sleeper
        self._limits = limits
        self._pumps: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.Task[None]] = set()
        self._stopping = False

    def start(self) -> None:
        """A function that takes many messages is called once at a time, so that they stay in order."""
        for _ in range(1 if self._function.many else self._limits.concurrent_calls):
            pump = asyncio.ensure_future(self._pump())
            pump.add_done_callback(self._on_end)
            self._pumps.add(pump)

    async def stop(self) -> None:
        """Take nothing more, let calls end within the grace, and give back what was not handled then."""
        self._stopping = True
        for pump in self._idle:
            pump.cancel()
        if self._pumps:
            _, late = await asyncio.wait(self._pumps, timeout=self._limits.grace)
            for pump in late:
                pump.cancel()
            await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _pump(self) -> None:
        count = self._limits.batch_messages if self._function.many else 1
        while not self._stopping:
            try:
                received = await self._while_idle(self._queue.receive(count, max_wait_time=WAIT_SECONDS))
                if received:
                    await self._handle(received)
            except QueueUnavailable as error:
                log.warning("queue_unavailable", queue=self._function.queue, error=str(error))
                await self._while_idle(self._sleeper.sleep(RETRY_SECONDS))

    async def _while_idle(self, waiting: Awaitable[Any]) -> Any:
        """Meanwhile a stop need not wait for us."""
        pump = asyncio.current_task()
        assert pump is not None
        self._idle.add(pump)
        try:
            return await waiting
        finally:
            self._idle.discard(pump)

    async def _handle(self, received: Sequence[ReceivedMessage]) -> None:
        keeping = asyncio.ensure_future(
            keep_locked(self._queue, received, self._clock, self._sleeper, seconds=self._limits.lock_renewal)
        )
        try:
            await self._call(received)
        except asyncio.CancelledError:
            await self._settle(received, self._queue.abandon)
            raise
        except Exception as error:  # noqa: BLE001  # whatever a function raises; the invoker has logged it
            await self._settle(received, self._refusing(error))
        else:
            await self._settle(received, self._queue.complete)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _call(self, received: Sequence[ReceivedMessage]) -> None:
        given = [trigger_message(each) for each in received]
        first = received[0]
        told: dict[str, object] = {"queue": self._function.queue, "messages": len(received)}
        if not self._function.many:
            told |= {"message": first.message.message_id, "delivery": first.delivery_count}
            told |= {"request_id": first.message.correlation_id}
        argument = given if self._function.many else given[0]
        await self._invoker.invoke(self._function.callee, argument, told)

    def _refusing(self, error: Exception) -> Callable[[ReceivedMessage], Awaitable[None]]:
        """Again, or, after the last delivery, into the dead letter with the error as its reason."""

        async def refuse(received: ReceivedMessage) -> None:
            if received.delivery_count < MAX_DELIVERY_COUNT:
                await self._queue.abandon(received)
                return
            reason, description = type(error).__name__, str(error)[:DESCRIPTION_LENGTH]
            await self._queue.dead_letter(received, reason=reason, error_description=description)
            log.error("dead_lettered", message=received.message.message_id, reason=reason)

        return refuse

    async def _settle(
        self,
        received: Sequence[ReceivedMessage],
        how: Callable[[ReceivedMessage], Awaitable[None]],
    ) -> None:
        """What cannot be settled comes again when its lock runs out: its work may be done twice."""

        async def settle(each: ReceivedMessage) -> None:
            try:
                await how(each)
            except (MessageLockLost, QueueUnavailable) as error:
                log.warning("not_settled", message=each.message.message_id, error=str(error))

        await asyncio.gather(*(settle(each) for each in received))


def trigger_message(received: ReceivedMessage) -> ServiceBusMessage:
    """As Azure's host gives it."""
    message = received.message
    properties = dict(message.application_properties)
    return ServiceBusMessage(
        body=message.body,
        application_properties=properties,
        user_properties=dict[str, object](properties),
        content_type=message.content_type,
        correlation_id=message.correlation_id,
        delivery_count=received.delivery_count,
        enqueued_time_utc=received.enqueued_time_utc,
        label=message.subject,
        subject=message.subject,
        lock_token=received.lock_token,
        locked_until=received.locked_until_utc,
        message_id=message.message_id,
        sequence_number=received.sequence_number,
        session_id=message.session_id,
        time_to_live=message.time_to_live,
    )
