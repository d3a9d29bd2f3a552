"""A leader's trade intents."""

from collections.abc import Sequence
from typing import Any

import msgspec

from kopitra.application.submission import DEFECT, Outcome, Taken
from kopitra.application.warming import Warming
from kopitra.domain.identifiers import AccountId
from kopitra.domain.trading import Signal
from kopitra.machine.commands import TakeSignal
from kopitra.machine.evolutions.leading import OPENING
from kopitra.machine.outcome import Refusal
from kopitra.protocol.messages import SignalAnswer, SignalBatchAnswer, SignalResult
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
            problem = _problem_of_all(outcomes, intents.batch)
            if problem is not None:
                return self._desk.refused(call, problem)
            body = (
                SignalBatchAnswer(results=[_result(outcome) for outcome in outcomes])
                if intents.batch
                else SignalAnswer(**_members(outcomes[0]))
            )
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


def _problem_of_all(outcomes: Sequence[Outcome], batch: bool) -> Refusal | None:
    """Where the request as a whole is a problem: a single intent was refused, or one of a batch met a defect. Then
    all of it may be sent again; what was taken is a duplicate by then."""
    refusals = (outcome for outcome in outcomes if isinstance(outcome, Refusal))
    return next((refusal for refusal in refusals if refusal.status >= DEFECT.status or not batch), None)


def _result(outcome: Outcome) -> SignalResult:
    if isinstance(outcome, Refusal):
        return SignalResult(status="refused", code=outcome.code, detail=outcome.detail)
    return SignalResult(**_members(outcome))


def _members(outcome: Outcome) -> dict[str, Any]:
    """What the machine says of an intent that it took; `first` is its event's sequence where it made one."""
    assert isinstance(outcome, Taken)
    figures = outcome.answer
    return {
        "status": figures["status"],
        "sequence": figures.get("sequence", outcome.first),
        "run_id": figures["run_id"],
        "planned": figures["planned"],
        "skipped": figures["skipped"],
    }
