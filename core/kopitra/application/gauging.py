"""How things stand: looked at every half minute for as long as the shard is served."""

from collections import deque
from math import ceil

from kopitra.application import measured
from kopitra.application.engine import Engine
from kopitra.application.ports.telemetry import Telemetry
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.application.submission import Unavailable
from kopitra.machine.state import Account

LOOK_SECONDS = 30.0
"""Twice in the minute after which figures are told."""
RECENT_SECONDS = 300.0
"""What an alert looks at: in less, a quiet shop has no signal at all."""
MOST_RECENT = 10_000
"""At more than 33 signals a second only the last of them count; sorting them takes two milliseconds."""
PERCENTILE = 0.95
MILLISECONDS = 1000.0


class Ingestion:
    """How long leaders' signals take."""

    def __init__(self, telemetry: Telemetry, clock: Clock) -> None:
        self._clock = clock
        self._told = telemetry.histogram(measured.SIGNAL_INGESTION)
        self._percentile = telemetry.gauge(measured.SIGNAL_INGESTION_P95)
        self._recent: deque[tuple[float, float]] = deque(maxlen=MOST_RECENT)

    def took(self, seconds: float) -> None:
        value = seconds * MILLISECONDS
        self._told.record(value)
        self._recent.append((self._clock.monotonic(), value))

    def look(self) -> None:
        oldest = self._clock.monotonic() - RECENT_SECONDS
        while self._recent and self._recent[0][0] < oldest:
            self._recent.popleft()
        values = sorted(value for _, value in self._recent)
        self._percentile.set(values[ceil(PERCENTILE * len(values)) - 1] if values else None)


class Looking:
    """How things stand, told for as long as the shard is served."""

    def __init__(self, telemetry: Telemetry, engine: Engine, ingestion: Ingestion, sleeper: Sleeper) -> None:
        self._engine = engine
        self._ingestion = ingestion
        self._sleeper = sleeper
        self._sessions = {
            status: telemetry.gauge(measured.EA_SESSIONS, status=status)
            for status in measured.SESSION_STATUSES
        }
        self._pending = telemetry.gauge(measured.OUTBOX_PENDING)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self.look()
                await self._sleeper.sleep(LOOK_SECONDS)
        finally:
            for gauge in (*self._sessions.values(), self._pending):
                gauge.set(None)

    def look(self) -> None:
        self._ingestion.look()
        try:
            accounts = self._engine.state.accounts.values()
        except Unavailable:
            return
        counts: dict[str, int] = dict.fromkeys(measured.SESSION_STATUSES, 0)
        for account in accounts:
            status = status_of(account)
            if status is not None:
                counts[status] += 1
        for status, number in counts.items():
            self._sessions[status].set(number)
        self._pending.set(sum(len(account.outbox) for account in accounts))


def status_of(account: Account) -> str | None:
    """None for an account that no EA is expected to speak for."""
    if not account.enabled or not account.devices:
        return None
    if account.session is None:
        return "absent"
    return "silent" if account.silent else "live"
