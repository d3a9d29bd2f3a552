"""The queue `trade-agent-commands` in a file, as whoever publishes configuration sees it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.application.ports.queue import Message
from kopitra_cli.configuration.operations import Issue

COMMANDS_QUEUE = "trade-agent-commands"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class QueueFileSender:
    """Opens the queue's file for one send."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, messages: Sequence[Message]) -> None:
        """All or none. Raises QueueUnavailable, MessageTooLarge."""
        queue = await SqliteQueue.open(self._path, COMMANDS_QUEUE, clock=SystemClock(), ids=SystemIds())
        try:
            await queue.send(messages)
        finally:
            await queue.close()


def commands_queue(path: Path) -> QueueFileSender:
    return QueueFileSender(path)


def issue_of(issued_by: str, revision: int | None) -> Issue:
    """Published now; without a revision of its own, as the present millisecond, which only grows."""
    now = SystemClock().now()
    return Issue(by=issued_by, at=now, revision=revision or int((now - EPOCH).total_seconds() * 1000))
