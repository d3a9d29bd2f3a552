"""Sends the signals, oldest first, up to a hundred in one request, and forgets them when they are answered."""

from collections.abc import Callable

import msgspec

from kopitra.domain.trading import Signal
from kopitra.protocol.limits import MAX_BATCH_SIGNALS
from kopitra.protocol.messages import SignalBatch, SignalBatchAnswer
from kopitra_agent.link.dead_letters import DeadLetters
from kopitra_agent.link.line import Line, Refused, Unanswered
from kopitra_agent.pacing import Bell
from kopitra_agent.ports.timing import Clock, Sleeper
from kopitra_agent.sensor.memory import SensorMemory
from kopitra_agent.sensor.records import Answered, HeldSignal

SIGNALS_PATH = "/signals"
PATIENCE_SECONDS = 5.0
"""How long one body is repeated under its key. After that the signals are said anew with their true age: they are
recognised by deal and signal id, while an old body would understate how stale an open has become."""
APPROVAL_PAUSE_SECONDS = 1.0
MILLISECONDS = 1000


class SignalSender:
    def __init__(
        self,
        memory: SensorMemory,
        line: Line,
        dead_letters: DeadLetters,
        clock: Clock,
        sleeper: Sleeper,
        on_deferred: Callable[[], None],
    ) -> None:
        self._memory = memory
        self._line = line
        self._dead_letters = dead_letters
        self._clock = clock
        self._sleeper = sleeper
        self._on_deferred = on_deferred
        self.bell = Bell(sleeper)
        self._seen: dict[int, float] = {}
        """When each waiting signal was noticed, in seconds of the monotonic clock."""
        self.noticed()

    def noticed(self) -> None:
        """There are new signals. Those of an earlier life are as old as the clocks say, at least by one of them."""
        now = self._clock.monotonic()
        for ordinal, held in self._memory.state.held.items():
            if ordinal not in self._seen:
                waited = (self._clock.now() - held.since).total_seconds()
                if held.since_monotonic is not None:
                    waited = max(waited, now - held.since_monotonic)
                self._seen[ordinal] = now - max(waited, 0.0)
        self.bell.ring()

    async def run(self) -> None:
        while True:
            await self.flush()
            await self.bell.wait()

    async def flush(self) -> None:
        """Send all that waits."""
        while self._memory.state.held:
            session = await self._line.ready()
            if not session.approved:
                await self._sleeper.sleep(APPROVAL_PAUSE_SECONDS)
                continue
            held = list(self._memory.state.held.values())[:MAX_BATCH_SIGNALS]
            await self._send(held)

    async def _send(self, held: list[HeldSignal]) -> None:
        body = msgspec.json.encode(SignalBatch(signals=[self._aged(h) for h in held]))
        try:
            response = await self._line.deliver(SIGNALS_PATH, body, patience=PATIENCE_SECONDS)
        except Unanswered:
            return
        except Refused as refused:
            await self._refused(held, body, refused)
            return
        results = msgspec.json.decode(response.body, type=SignalBatchAnswer).results
        for one, result in zip(held, results, strict=True):
            if result.status == "refused":
                refused = Refused(response.status, result.code or result.status, result.detail or "")
                self._dead_letters.put(SIGNALS_PATH, msgspec.json.encode(one.signal), refused)
        self._answered(held)
        if any(result.status == "deferred" for result in results):
            self._on_deferred()  # only a snapshot can tell the counterparty what it lacks

    async def _refused(self, held: list[HeldSignal], body: bytes, refused: Refused) -> None:
        """One bad signal must not take its neighbours with it: halve until it is alone."""
        if len(held) == 1:
            self._dead_letters.put(SIGNALS_PATH, body, refused)
            self._answered(held)
            return
        middle = len(held) // 2
        await self._send(held[:middle])
        if held[0].signal.ordinal in self._memory.state.held:
            return  # unanswered: order matters, so begin again
        await self._send(held[middle:])

    def _answered(self, held: list[HeldSignal]) -> None:
        self._memory.record(Answered(ordinals=[h.signal.ordinal for h in held]), flush=False)
        self._seen = {ordinal: self._seen[ordinal] for ordinal in self._memory.state.held}

    def _aged(self, held: HeldSignal) -> Signal:
        """With the time that it waited here."""
        waited = self._clock.monotonic() - self._seen[held.signal.ordinal]
        return msgspec.structs.replace(held.signal, age_ms=int(waited * MILLISECONDS))
