"""Keeping messages locked while a function works on them."""

from collections.abc import Sequence

import structlog

from kopitra.application.ports.queue import (
    LOCK_DURATION,
    MessageLockLost,
    Queue,
    QueueUnavailable,
    ReceivedMessage,
)
from kopitra.application.ports.timing import Clock, Sleeper

SHARE = 0.5
"""Of the time that is left, before a lock is renewed: a renewal that fails can be tried again."""
AT_LEAST_SECONDS = 0.25

log = structlog.get_logger("kopitra.functions")


async def keep_locked(
    queue: Queue, received: Sequence[ReceivedMessage], clock: Clock, sleeper: Sleeper, *, seconds: float
) -> None:
    """Renew until cancelled, for so many seconds at most. A lock that was lost is told and given up."""
    held = {each.message.message_id: each for each in received}
    until = clock.monotonic() + seconds
    while held and clock.monotonic() < until:
        left = min(_left(each, clock) for each in held.values())
        await sleeper.sleep(max(SHARE * left, AT_LEAST_SECONDS))
        for name, each in list(held.items()):
            try:
                held[name] = await queue.renew_lock(each)
            except MessageLockLost:
                log.warning("lock_lost", message=name)
                del held[name]
            except QueueUnavailable as error:
                log.warning("lock_not_renewed", message=name, error=str(error))
                break
    if held:
        log.warning("locks_left_to_run_out", messages=len(held))


def _left(received: ReceivedMessage, clock: Clock) -> float:
    """Seconds until the lock runs out."""
    if received.locked_until_utc is None:
        return LOCK_DURATION.total_seconds()
    return (received.locked_until_utc - clock.now()).total_seconds()
