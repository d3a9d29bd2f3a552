"""What the journal and the counterparty's answers must hold to."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from kopitra.application.fencing import FenceRow
from kopitra.domain.telemetry import OutboxAck
from kopitra.domain.trading import TERMINAL_ACKS, Execution
from kopitra.machine.events import Recorded
from kopitra.machine.state import State
from kopitra.machine.state_codec import state_hash
from kopitra_agent.ports.transport import Request, Response
from tests.simulation.invariants.registry import Invariant, invariant

if TYPE_CHECKING:
    from tests.simulation.stage.counterparties import Instance

_hash = state_hash
KEPT = timedelta(hours=24)
"""How long the first answer to a key is kept."""
FENCE_SKEW_SECONDS = 2.0
FENCE_MEMORY_SECONDS = 15.0
"""A clock that was set leaves leases with a wrong end for about as long as one lasts."""


@invariant("sequences_grow")
class SequencesGrow(Invariant):
    """Every frame begins where the one before ended, and nothing beyond the durable head is ever told of."""

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self._last = 0

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        self.times += 1
        if recorded.sequence != self._last + 1 or recorded.last < recorded.sequence:
            self.violated(f"a frame covers {recorded.sequence} to {recorded.last} after {self._last}")
        self._last = recorded.last

    def answered(self, instance: "Instance", account: str, request: Request, response: Response) -> None:
        if request.method != "POST" or response.status >= 300:
            return
        answer = self.facts.told(response)
        for told in answer.get("results", [answer]):
            sequence = told.get("sequence")
            if sequence is not None:
                self.times += 1
                if sequence > self._last:
                    self.violated(
                        f"{account} is told of sequence {sequence}, the journal ends at {self._last}"
                    )

    def delivering(self, instance: "Instance", account: str, answer: dict[str, Any]) -> None:
        for events in (answer["events"], answer["urgent"]):
            sequences = [event["sequence"] for event in events]
            self.times += len(sequences)
            if sequences != sorted(set(sequences)):
                self.violated(f"{account} is given {sequences}, not in order")
            if sequences and sequences[-1] > self._last:
                self.violated(f"{account} is given {sequences[-1]}, the journal ends at {self._last}")


@invariant("acknowledged_is_durable")
class AcknowledgedIsDurable(Invariant):
    """What was said to be taken is in the journal: signals by their run, deals by their key, ends of commands."""

    def answered(self, instance: "Instance", account: str, request: Request, response: Response) -> None:
        if request.method != "POST" or response.status != 202 or request.body is None:
            return
        if request.path.endswith("/signals"):
            self._signals(account, response)
        elif request.path.endswith("/inbox"):
            self._inbox(account, msgspec.json.decode(request.body), self.facts.told(response))

    def _signals(self, account: str, response: Response) -> None:
        for result in self.facts.told(response)["results"]:
            self.times += 1
            if result["status"] != "duplicate" and result["runId"] not in self.facts.runs:
                self.violated(
                    f"{account}'s signal is {result['status']}, but no record has {result['runId']}"
                )

    def _inbox(self, account: str, request: dict[str, Any], answer: dict[str, Any]) -> None:
        if not answer["durable"]:
            return
        known = self.facts.shadow.accounts[account]  # type: ignore[index]
        for event in request["events"]:
            match event["eventType"]:
                case "ea.execution_notice":
                    for plain in event["payload"]["executions"]:
                        execution = msgspec.convert(plain, Execution, strict=False)
                        if execution.deal_id is not None:
                            self.times += 1
                            if f"d{execution.deal_id}" not in known.following.deals:
                                self.violated(f"{account}'s deal {execution.deal_id} was taken, not recorded")
                case "OutboxAck":
                    ack = msgspec.convert(event["payload"], OutboxAck, strict=False)
                    if ack.status in TERMINAL_ACKS and ack.sequence is not None:
                        self.times += 1
                        if ack.sequence in known.outbox:
                            self.violated(f"{account} ended {ack.sequence}, but it is still pending")
                case _:
                    pass


@invariant("one_writer")
class OneWriter(Invariant):
    """Nobody reads out a shard that another has taken. (Of writes the journal itself says whose they are.)"""

    def composed(self, instance: "Instance", account: str, request: Request) -> None:
        if request.method != "GET" or self._clock_was_set():
            return
        self.times += 1
        fence = self.world.journal.fence
        if fence.epoch != instance.epoch:
            self.violated(
                f"{instance.process.name} of epoch {instance.epoch} answers {request.method} {request.path}; "
                f"epoch {fence.epoch} is {fence.owner}'s"
            )

    def _clock_was_set(self) -> bool:
        """Leases are judged by clocks; two of them may be wrong by two seconds, not by minutes."""
        since = self.world.time.monotonic() - FENCE_MEMORY_SECONDS
        steps = self.world.clock_steps
        return any(at >= since and abs(by.total_seconds()) > FENCE_SKEW_SECONDS for at, by in steps)


@invariant("recovery_is_replay")
class RecoveryIsReplay(Invariant):
    """Whoever begins to serve has the very state that all durable events make; and so has the writer in the end."""

    def serving(self, instance: "Instance", state: State) -> None:
        self._compare(instance.process.name, state)

    def finish(self) -> None:
        writer = self.world.counterparties.writer
        if writer is not None and writer.service.core.engine.state.sequence == self.facts.shadow.sequence:
            self._compare("the writer", writer.service.core.engine.state)

    def _compare(self, who: str, state: State) -> None:
        self.times += 1
        shadow = self.facts.shadow
        if state.sequence != shadow.sequence:
            self.violated(f"{who} is at {state.sequence}, the journal at {shadow.sequence}")
        elif _hash(state) != _hash(shadow):
            self.violated(f"{who}'s state at {state.sequence} is not what replay makes")


ON_ITS_WAY_SECONDS = 120.0


@invariant("first_answer_repeats")
class FirstAnswerRepeats(Invariant):
    """One key and body get one answer, for as long as answers are kept."""

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self._first: dict[tuple[str, str], tuple[Any, bytes]] = {}

    def answered(self, instance: "Instance", account: str, request: Request, response: Response) -> None:
        key = request.headers.get("Idempotency-Key")
        if key is None or response.status >= 300 or not _changed(request, response):
            return
        now = self.world.time.now()
        first = self._first.setdefault((account, key), (now, response.body))
        if first[1] is response.body or now - first[0] > KEPT:
            return
        if self.world.has_slept(KEPT.total_seconds(), within=ON_ITS_WAY_SECONDS):
            return  # the first answer was on its way all the time that it was kept
        self.times += 1
        if first[1] != response.body:
            self.violated(f"{account}'s {request.path} was first {first[1]!r}, then {response.body!r}")


def _changed(request: Request, response: Response) -> bool:
    """Whether this answer was worth keeping: of a call that changes nothing none is kept."""
    if request.path.endswith("/inbox"):
        return False  # its sequence is the head's where nothing changed
    return not request.path.endswith("/signals") or b'"duplicate"' not in response.body
