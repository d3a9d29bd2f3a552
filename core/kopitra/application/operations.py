"""Take operators' commands from the queue: each is done once, dead-lettered with a reason, or tried again."""

from collections.abc import Sequence
from typing import Protocol

import structlog

from kopitra.application.engine import Outcome, Unavailable
from kopitra.application.ports.queue import MessageLockLost, Queue, QueueUnavailable, ReceivedMessage
from kopitra.application.ports.timing import Sleeper
from kopitra.domain.identifiers import RequestId
from kopitra.machine.commands import Command
from kopitra.machine.outcome import Refusal
from kopitra.protocol.operations import OperationMalformed, OperationType, parse_operation, to_command

RECEIVE_AT_ONCE = 10
WAIT_SECONDS = 20.0
"""How long one receive waits; an idle queue costs one call for that long."""
RETRY_SECONDS = 1.0
MAY_BECOME_TRUE = frozenset({404})
"""What a command refers to may still be on its way in the queue: it is delivered again before it is given up."""

log = structlog.get_logger("kopitra.operations")


class Submitting(Protocol):
    async def submit(
        self, commands: Sequence[Command], *, request_id: RequestId | None = None, actor: str | None = None
    ) -> tuple[Outcome, ...]: ...


class OperationsConsumer:
    """The counterparty's side of `trade-agent-commands`. Commands apply once by revision, however often they come."""

    def __init__(self, *, queue: Queue, engine: Submitting, sleeper: Sleeper) -> None:
        self._queue = queue
        self._engine = engine
        self._sleeper = sleeper

    async def run(self) -> None:
        """Consume until cancelled."""
        while True:
            try:
                received = await self._queue.receive(RECEIVE_AT_ONCE, max_wait_time=WAIT_SECONDS)
                for message in received:
                    await self.take(message)
            except QueueUnavailable as error:
                log.warning("operations_wait", error=str(error))
                await self._sleeper.sleep(RETRY_SECONDS)
            except MessageLockLost:
                continue

    async def take(self, received: ReceivedMessage) -> None:
        """Do what one message asks and settle it."""
        try:
            operation = parse_operation(received.message.body)
            command = to_command(operation)
        except OperationMalformed as error:
            await self._dead_letter(received, "malformed", str(error))
            return
        request_id = RequestId(received.message.correlation_id or received.message.message_id)
        received, outcome = await self._submit(received, command, request_id, operation.issued_by)
        if not isinstance(outcome, Refusal):
            await self._queue.complete(received)
        elif outcome.status in MAY_BECOME_TRUE and operation.command_type is OperationType.CONFIG_PUBLISH:
            await self._queue.abandon(received)
        else:
            await self._dead_letter(received, outcome.code, outcome.detail)

    async def _submit(
        self, received: ReceivedMessage, command: Command, request_id: RequestId, subject: str
    ) -> tuple[ReceivedMessage, Outcome]:
        """A counterparty that is not serving keeps the message locked and waits: that is no failed delivery."""
        while True:
            try:
                [outcome] = await self._engine.submit([command], request_id=request_id, actor=subject)
            except Unavailable:
                await self._sleeper.sleep(RETRY_SECONDS)
                received = await self._queue.renew_lock(received)
            else:
                return received, outcome

    async def _dead_letter(self, received: ReceivedMessage, reason: str, detail: str) -> None:
        log.error(
            "operation_dead_lettered", message_id=received.message.message_id, reason=reason, detail=detail
        )
        await self._queue.dead_letter(received, reason=reason, error_description=detail)
