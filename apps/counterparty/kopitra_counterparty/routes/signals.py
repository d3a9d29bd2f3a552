"""A leader's trade intents."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kopitra.application.submission import Outcome
from kopitra.application.warming import Warming
from kopitra.domain.identifiers import AccountId
from kopitra.domain.trading import Signal
from kopitra.machine.commands import TakeSignal
from kopitra.machine.evolutions.leading import OPENING
from kopitra.machine.outcome import Refusal
from kopitra.protocol.messages import SignalAnswer, SignalBatchAnswer
from kopitra.protocol.signals import REDUCING_SIGNALS, read_signals
from kopitra_counterparty.desk import Desk
from kopitra_counterparty.exchange import Call, Reply
from kopitra_counterparty.gate import Read

MILLISECONDS = 1000

_encoder = msgspec.json.Encoder()


class Intents(msgspec.Struct, frozen=True):
    signals: tuple[Signal, ...]
    batch: bool


class Signals:
    def __init__(self, *, desk: Desk, warming: Warming) -> None:
        self._desk = desk
        self._warming = warming

    def read(self, call: Call) -> Read:
        body = call.json()
        return Read(Intents(*read_signals(body)), body.normal())

    @staticmethod
    def exempt(intents: Intents) -> bool:
        return all(signal.action in REDUCING_SIGNALS for signal in intents.signals)

    async def take(self, call: Call, intents: Intents) -> Reply:
        account, sandbox = call.known_account, call.sandbox
        signals = await self._warmed(account, intents.signals)

        def compose(outcomes: Sequence[Outcome]) -> Reply:
            answers: list[SignalAnswer] = []
            for outcome in outcomes:
                if isinstance(outcome, Refusal):
                    return self._desk.refused(call, outcome)
                answers.append(signal_answer(outcome.answer, outcome.first))
            body = SignalBatchAnswer(results=answers) if intents.batch else answers[0]
            return Reply(202, _encoder.encode(body))

        wanted = [TakeSignal(account=account, signal=signal, sandbox=sandbox) for signal in signals]
        return await self._desk.submit(call, wanted, compose)

    async def _warmed(self, account: AccountId, signals: tuple[Signal, ...]) -> tuple[Signal, ...]:
        """The signals, older by what an open had to wait for its followers' figures."""
        if not any(signal.action in OPENING for signal in signals):
            return signals
        waited_ms = int(await self._warming.for_followers_of(account) * MILLISECONDS)
        if not waited_ms:
            return signals
        return tuple(msgspec.structs.replace(s, age_ms=s.age_ms + waited_ms) for s in signals)


def signal_answer(figures: Mapping[str, Any], first: int) -> SignalAnswer:
    """What the machine says of one intent; `first` is its event's sequence where it made one."""
    return SignalAnswer(
        status=figures["status"],
        sequence=figures.get("sequence", first),
        run_id=figures["run_id"],
        planned=figures["planned"],
        skipped=figures["skipped"],
    )
