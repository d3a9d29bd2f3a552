"""A circuit breaker as a pure state machine: after failures in a row nobody calls, then one call probes."""

from enum import StrEnum

FAILURES_TO_OPEN = 5
"""A single lost packet or a slot swap's blink must not stop the line."""
COOL_DOWN_SECONDS = 2.0
"""Back-offs already spread the load; the breaker only keeps many tasks from knocking at a dead server."""


class CircuitState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Circuit:
    """closed --5 failures--> open --2 s--> half-open --success--> closed, --failure--> open again."""

    def __init__(
        self, failures_to_open: int = FAILURES_TO_OPEN, cool_down: float = COOL_DOWN_SECONDS
    ) -> None:
        self._failures_to_open = failures_to_open
        self._cool_down = cool_down
        self._state = CircuitState.CLOSED
        self._failures = 0
        self._opened_at = 0.0
        self._probing = False

    @property
    def state(self) -> CircuitState:
        return self._state

    @property
    def failing(self) -> bool:
        """Whether the last call failed."""
        return self._failures > 0

    def permit(self, now: float) -> float:
        """0.0: call now. Otherwise ask again after so many seconds. A permitted call must end in `succeeded`,
        `failed` or `abandoned`."""
        if self._state is CircuitState.CLOSED:
            return 0.0
        wait = self._opened_at + self._cool_down - now
        if self._state is CircuitState.OPEN and wait > 0:
            return wait
        self._state = CircuitState.HALF_OPEN
        if self._probing:
            return self._cool_down
        self._probing = True
        return 0.0

    def succeeded(self) -> bool:
        """True when this call ended a series of failures."""
        recovered = self._failures > 0
        self._state = CircuitState.CLOSED
        self._failures = 0
        self._probing = False
        return recovered

    def failed(self, now: float) -> None:
        self._failures += 1
        self._probing = False
        if self._state is CircuitState.HALF_OPEN or self._failures >= self._failures_to_open:
            self._state = CircuitState.OPEN
            self._opened_at = now

    def abandoned(self) -> None:
        """The caller gave up before there was an answer: it proved nothing."""
        self._probing = False
