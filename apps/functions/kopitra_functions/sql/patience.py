"""How long to wait for a database that is resuming: a value, and the retry that it makes."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential

from kopitra.application.ports.timing import Clock, Sleeper
from kopitra_functions.sql.errors import DatabaseResuming

T = TypeVar("T")

RETRY_AFTER_SECONDS = 15
"""What a client is told: a serverless database takes 30 to 60 seconds to resume."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """`seconds` in all, from the first try to the start of the last; pauses double from `first_pause` to
    `longest_pause`."""

    seconds: float
    first_pause: float = 0.2
    longest_pause: float = 5.0


INTERACTIVE = Patience(seconds=5.0, longest_pause=1.0)
"""An operator waits: within the time that a page may take, else an answer that says when to come again."""
BATCH = Patience(seconds=90.0, first_pause=0.5, longest_pause=10.0)
"""Longer than a serverless database takes to resume, shorter than a message's lock can be kept."""
NO_PATIENCE = Patience(seconds=0.0)


async def with_patience(
    patience: Patience, attempt: Callable[[], Awaitable[T]], *, clock: Clock, sleeper: Sleeper
) -> T:
    """Raises `DatabaseResuming` when it took too long or when a commit's fate is unknown, and at once whatever else
    `attempt` raises."""
    began = clock.monotonic()

    def over(state: RetryCallState) -> bool:
        return clock.monotonic() - began + state.upcoming_sleep > patience.seconds

    retrying = AsyncRetrying(
        sleep=sleeper.sleep,
        stop=over,
        wait=wait_exponential(multiplier=patience.first_pause, max=patience.longest_pause),
        retry=retry_if_exception(_may_try_again),
        reraise=True,
    )
    return await retrying(attempt)


def _may_try_again(error: BaseException) -> bool:
    """A commit of unknown fate is for the caller to repeat: his edit would find the version that it made itself."""
    return isinstance(error, DatabaseResuming) and not error.commit_unknown
