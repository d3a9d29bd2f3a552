"""How long to wait before the next attempt: exponential, jittered, never above a ceiling."""

import msgspec

from kopitra_agent.ports.identity import IdSource

JITTER_BYTES = 2
LEAST_SHARE = 0.5
"""A pause is jittered between half of it and all of it: spread enough that a thousand agents do not knock together,
and never so short that a failing server is hammered."""


class BackoffPolicy(msgspec.Struct, frozen=True):
    """Seconds. The ceiling keeps a thousand agents back within ten seconds of a restart."""

    first: float = 0.2
    factor: float = 2.0
    ceiling: float = 4.0

    def pause(self, failures: int, share: float) -> float:
        """Seconds after the `failures`-th failure in a row (1 …); `share` in [0, 1) is the jitter drawn."""
        grown = self.first * self.factor ** min(failures - 1, 30)
        return min(grown, self.ceiling) * (LEAST_SHARE + (1 - LEAST_SHARE) * share)


class Backoff:
    """Counts failures in a row and draws the pauses between them."""

    def __init__(self, ids: IdSource, policy: BackoffPolicy | None = None) -> None:
        self._ids = ids
        self._policy = policy or BackoffPolicy()
        self._failures = 0

    def next(self, at_least: float = 0.0) -> float:
        """Seconds to wait now; `at_least` is what the server asked for."""
        self._failures += 1
        drawn = int.from_bytes(self._ids.token_bytes(JITTER_BYTES), "big") / 256**JITTER_BYTES
        return max(at_least, self._policy.pause(self._failures, drawn))

    def reset(self) -> None:
        self._failures = 0
