"""What the trigger does with a batch of `trade-agent-events`, without any SQL: pass it on, look at it, tell people.

Passing on comes first and alone decides whether the batch is done; hooks can only add to it. A batch that comes again
is passed on again, under the same ids, and told of once.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from kopitra.application.ports.blobs import Blobs, BlobsUnavailable
from kopitra.application.ports.queue import Message, Queue, QueueUnavailable, ReceivedMessage
from kopitra.application.ports.timing import Sleeper
from kopitra_functions.history.notifying import Notifier, Raised
from kopitra_functions.history.recent import LOOKED_INTO, Recent
from kopitra_functions.history.told import MessageMalformed, Told, body_of, decode, referred_blob
from kopitra_functions.history.worth_telling import WORTH_TELLING, finding_of
from kopitra_functions.timers.findings import NOTIFICATION, Finding, finding_message

SENT_AT_ONCE = 200
"""As the relay sends them."""
SEND_ATTEMPTS = 4
"""With pauses of one, two and four seconds: a queue that is away for longer makes the batch come again."""

log = structlog.get_logger("kopitra.spool")


class Spool:
    def __init__(
        self, *, history: Queue, blobs: Blobs, notifier: Notifier, recent: Recent, sleeper: Sleeper
    ) -> None:
        self._history = history
        self._blobs = blobs
        self._notifier = notifier
        self._recent = recent
        self._sleeper = sleeper

    async def take(self, batch: Sequence[ReceivedMessage]) -> None:
        """Raises QueueUnavailable, after which the batch has to come again."""
        messages = [one.message for one in batch]
        await self._send(messages)
        raised = await self._look(messages)
        fresh = [one for one in raised if one.identity not in {m.message_id for m in messages}]
        await self._send([finding_message(one.tenant, one.finding, one.at) for one in fresh])
        await self._send(await self._notifier.tell(raised))

    async def _send(self, messages: Sequence[Message]) -> None:
        retrying = AsyncRetrying(
            sleep=self._sleeper.sleep,
            stop=stop_after_attempt(SEND_ATTEMPTS),
            wait=wait_exponential(multiplier=1),
            retry=retry_if_exception_type(QueueUnavailable),
            reraise=True,
        )
        for at in range(0, len(messages), SENT_AT_ONCE):
            await retrying(self._history.send, messages[at : at + SENT_AT_ONCE])

    async def _look(self, messages: Sequence[Message]) -> list[Raised]:
        raised: list[Raised] = []
        for message in messages:
            try:
                raised += await self._findings(message)
            except (MessageMalformed, BlobsUnavailable) as error:
                log.info("not_looked_at", message_id=message.message_id, error=str(error))
            except Exception:  # a hook's defect is no reason to hold history up
                log.exception("hook_failed", message_id=message.message_id)
        return raised

    async def _findings(self, message: Message) -> list[Raised]:
        """Undecodable messages are passed on too: the drain sets them aside, with a reason."""
        told = decode(message)
        body = await self._body(told)
        if told.message_type == NOTIFICATION:
            return [Raised(identity=message.message_id, tenant=told.tenant, at=told.at, finding=body)]
        found = [finding_of(told, body), *self._recent.notice(told, body)]
        return [_raised(told, finding) for finding in found if finding is not None]

    async def _body(self, told: Told) -> Any:
        """Read where a hook wants it; from a blob only for what is worth telling."""
        if told.message_type in WORTH_TELLING or told.message_type == NOTIFICATION:
            return await body_of(told, self._blobs)
        if told.message_type in LOOKED_INTO and referred_blob(told) is None:
            return await body_of(told, self._blobs)
        return None


def _raised(told: Told, finding: Finding) -> Raised:
    identity = finding_message(told.tenant, finding, told.at).message_id
    return Raised(identity=identity, tenant=told.tenant, at=told.at, finding=finding)
