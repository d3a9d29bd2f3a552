"""Give events their places: sequences that continue the state's, the time, and who asked."""

from collections.abc import Iterable

from kopitra.machine.events import AnyEvent, Recorded
from kopitra.machine.outcome import Context
from kopitra.machine.spans import span


def stamp(events: Iterable[AnyEvent], after: int, context: Context) -> tuple[Recorded, ...]:
    """The events in their order, the first one at `after` + 1. Raises ValueError for a naive time."""
    if context.now.tzinfo is None:
        raise ValueError("an event's time must be aware")
    placed: list[Recorded] = []
    for event in events:
        last = after + span(event)
        placed.append(Recorded(after + 1, last, context.now, event, context.request_id, context.actor))
        after = last
    return tuple(placed)
