"""What brokers did."""

from collections.abc import Sequence

import msgspec

from kopitra.application.submission import Outcome
from kopitra.domain.trading import Execution
from kopitra.machine.commands import TakeExecution
from kopitra.machine.outcome import Refusal
from kopitra.protocol.messages import ExecutionAnswer
from kopitra.protocol.signals import read_execution
from kopitra_counterparty.desk import Desk
from kopitra_counterparty.exchange import Call, Reply
from kopitra_counterparty.gate import Read

_encoder = msgspec.json.Encoder()


class Executions:
    def __init__(self, *, desk: Desk) -> None:
        self._desk = desk

    def read(self, call: Call) -> Read:
        body = call.json()
        return Read(read_execution(body), body.normal())

    async def take(self, call: Call, execution: Execution) -> Reply:
        def compose(outcomes: Sequence[Outcome]) -> Reply:
            (outcome,) = outcomes
            if isinstance(outcome, Refusal):
                return self._desk.refused(call, outcome)
            known = outcome.answer.get("sequence")
            sequence = known if isinstance(known, int) else outcome.first
            return Reply(200, _encoder.encode(ExecutionAnswer(sequence=sequence)))

        return await self._desk.submit(
            call, (TakeExecution(account=call.known_account, execution=execution),), compose
        )
