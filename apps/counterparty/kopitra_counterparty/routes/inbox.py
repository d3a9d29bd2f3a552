"""Events from the EA."""

from collections.abc import Sequence

import msgspec

from kopitra.application.engine import Engine
from kopitra.application.inbox import Inbox
from kopitra.application.measuring import EventCounts
from kopitra.application.ports.timing import Clock
from kopitra.application.submission import Outcome, Taken
from kopitra.domain.telemetry import ExecutionNotice, OutboxAck
from kopitra.machine.commands import TakeFigures
from kopitra.machine.outcome import Refusal
from kopitra.protocol.inbox import InboxItem, read_inbox
from kopitra.protocol.messages import InboxAnswer
from kopitra_counterparty.desk import Desk
from kopitra_counterparty.exchange import Call, Reply
from kopitra_counterparty.gate import Read

EXEMPT = (OutboxAck, ExecutionNotice)

_encoder = msgspec.json.Encoder()


class InboxRoute:
    def __init__(
        self, *, desk: Desk, engine: Engine, inbox: Inbox, clock: Clock, counts: EventCounts
    ) -> None:
        self._desk = desk
        self._counts = counts
        self._engine = engine
        self._inbox = inbox
        self._clock = clock

    def read(self, call: Call) -> Read:
        body = call.json()
        return Read(read_inbox(body), body.normal())

    @staticmethod
    def exempt(items: list[InboxItem]) -> bool:
        return bool(items) and all(isinstance(item.payload, EXEMPT) for item in items)

    async def take(self, call: Call, items: list[InboxItem]) -> Reply:
        wanted = self._inbox.take(
            call.known_account, items, self._engine.state, self._engine.readings, self._clock.now()
        )

        unknown = 0

        def compose(outcomes: Sequence[Outcome]) -> Reply:
            nonlocal unknown
            unknown = sum(isinstance(o, Taken) and o.answer.get("known") is False for o in outcomes)
            for outcome in outcomes:
                if isinstance(outcome, Refusal):
                    return self._desk.refused(call, outcome)
            changed = [o.last for o in outcomes if isinstance(o, Taken) and o.changed]
            self._counts.compared(wanted, outcomes)
            durable = any(not isinstance(command, TakeFigures) for command in wanted)
            return self._reply(len(items), changed[-1] if changed else self._engine.committed, durable)

        if not wanted:
            return self._reply(len(items), self._engine.committed, durable=False)
        reply = await self._desk.submit(call, wanted, compose)
        if unknown:
            counted = self._engine.readings.unknown_acks
            counted[call.known_account] = counted.get(call.known_account, 0) + unknown
        return reply

    @staticmethod
    def _reply(accepted: int, sequence: int, durable: bool) -> Reply:
        answer = InboxAnswer(accepted=accepted, sequence=sequence, durable=durable)
        return Reply(202, _encoder.encode(answer))
