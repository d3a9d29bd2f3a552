"""Figures of the management side: requests, what drains wrote, and what was set aside."""

import structlog

from kopitra.application import measured
from kopitra.application.ports.queue import QueueUnavailable
from kopitra.application.ports.telemetry import Counter, Telemetry
from kopitra_functions import queue_names
from kopitra_functions.ports import Queues

log = structlog.get_logger("kopitra.management")


class RequestCounts:
    """By the class of the status."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._counts: dict[int, Counter] = {
            number: telemetry.counter(measured.REQUESTS, status=name)
            for number, name in enumerate(measured.STATUS_CLASSES, 1)
        }

    def answered(self, status: int) -> None:
        self._counts[status // 100].add()


class DrainCounts:
    def __init__(self, telemetry: Telemetry) -> None:
        self._written = telemetry.counter(measured.DRAIN_ROWS, outcome="written")
        self._set_aside = telemetry.counter(measured.DRAIN_ROWS, outcome="dead_lettered")

    def drained(self, messages: int, dead_lettered: int) -> None:
        self._written.add(messages - dead_lettered)
        self._set_aside.add(dead_lettered)


class DeadLetters:
    """What waits for an operator, as of the last look."""

    def __init__(self, telemetry: Telemetry, queues: Queues) -> None:
        self._told = telemetry.told
        by_name = {
            queue_names.EVENTS: queues.events,
            queue_names.HISTORY: queues.history,
            queue_names.COMMANDS: queues.commands,
            queue_names.TASKS: queues.tasks,
        }
        self._queues = [
            (queue, telemetry.gauge(measured.DEAD_LETTERS, queue=name)) for name, queue in by_name.items()
        ]

    async def look(self) -> None:
        """A queue that does not answer has an unknown number."""
        for queue, gauge in self._queues if self._told else ():
            try:
                gauge.set((await queue.counts()).dead_letter)
            except QueueUnavailable as error:
                gauge.set(None)
                log.warning("dead_letters_unknown", error=str(error))
