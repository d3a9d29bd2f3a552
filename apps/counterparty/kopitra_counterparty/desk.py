"""Where routes hand in commands: the reply is composed from their outcomes and kept in the same commit."""

from collections.abc import Callable, Iterable, Sequence

import structlog

from kopitra.application.engine import Engine
from kopitra.application.submission import Outcome, Taken
from kopitra.machine.commands import Command, RememberAnswer
from kopitra.machine.outcome import Refusal
from kopitra_counterparty.exchange import Call, Reply, of_refusal, problem_reply
from kopitra_counterparty.idempotency import Idempotency

Compose = Callable[[Sequence[Outcome]], Reply]

log = structlog.get_logger("kopitra.http")


class Desk:
    def __init__(self, engine: Engine, idempotency: Idempotency) -> None:
        self._engine = engine
        self._idempotency = idempotency

    async def submit(
        self, call: Call, commands: Iterable[Command], compose: Compose, actor: str | None = None
    ) -> Reply:
        """The reply to all commands together, once they are durable. Raises Unavailable."""
        composed: Reply | None = None

        def remember(outcomes: Sequence[Outcome]) -> RememberAnswer | None:
            nonlocal composed
            composed = compose(outcomes)
            if call.account is None:
                return None
            return self._idempotency.remember(call, call.account, composed)

        outcomes = await self._engine.submit(
            commands, request_id=call.request_id, actor=actor, remember=remember
        )
        reply = composed if composed is not None else compose(outcomes)
        changed = [outcome.last for outcome in outcomes if isinstance(outcome, Taken) and outcome.changed]
        if changed:
            log.info(
                "done",
                route=call.endpoint.scope,
                account=call.account,
                sequence=changed[-1],
                status=reply.status,
                request_id=call.request_id,
            )
        return reply

    @staticmethod
    def refused(call: Call, refusal: Refusal) -> Reply:
        return problem_reply(of_refusal(refusal), call.request_id)
