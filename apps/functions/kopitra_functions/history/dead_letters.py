"""Messages that were set aside, and their way back."""

from kopitra.application.ports.queue import MessageLockLost, Queue, ReceivedMessage

AT_ONCE = 50
AT_MOST = 10_000
"""Looked at in one call, which would else never end beside somebody who goes on setting messages aside."""
DELIVERED_TOO_OFTEN = "MaxDeliveryCountExceeded"
"""Service Bus's reason (and the embedded queue's): whoever held it died or could not go on; the message is sound."""


async def replay_dead_letters(
    queue: Queue, *, message_ids: frozenset[str] | None = None, reason: str | None = None
) -> int:
    """Put dead letters back at the queue's end, each once: those with these ids, or of this reason, or all. How many.
    A repeat is harmless: whoever reads the queue knows messages by their ids. Raises QueueUnavailable."""
    seen, replayed = 0, 0
    kept: list[ReceivedMessage] = []
    while seen < AT_MOST and (received := await queue.receive(AT_ONCE, dead_letter=True)):
        seen += len(received)
        for one in received:
            if _is_wanted(one, message_ids, reason):
                replayed += await _replayed(queue, one)
            else:
                kept.append(one)
    for one in kept:
        await _given_back(queue, one)
    return replayed


def _is_wanted(one: ReceivedMessage, message_ids: frozenset[str] | None, reason: str | None) -> bool:
    if message_ids is not None and one.message.message_id not in message_ids:
        return False
    return reason is None or one.dead_letter_reason == reason


async def _replayed(queue: Queue, one: ReceivedMessage) -> bool:
    try:
        await queue.replay(one)
    except MessageLockLost:
        return False
    return True


async def _given_back(queue: Queue, one: ReceivedMessage) -> None:
    try:
        await queue.abandon(one)
    except MessageLockLost:
        return
