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

    def rest(self, now: float) -> float:
        """Seconds after which to ask again whether a call is permitted; 0.0 if it would be now."""
        if self._state is CircuitState.CLOSED:
            return 0.0
        if self._state is CircuitState.OPEN:
            return max(self._opened_at + self._cool_down - now, 0.0)
        return self._cool_down if self._probing else 0.0

    def permit(self, now: float) -> float:
        """As `rest`, and at 0.0 the call is permitted: it must end in `succeeded`, `failed` or `abandoned`."""
        rest = self.rest(now)
        if rest == 0.0 and self._state is not CircuitState.CLOSED:
            self._state = CircuitState.HALF_OPEN
            self._probing = True
        return rest

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
