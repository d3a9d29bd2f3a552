"""Ties sort by time, then closes, modifications, opens, then ticket; one position's own events never swap."""

from collections.abc import Iterable, Mapping
from typing import Any

Event = Mapping[str, Any]

CLOSES = ("close", "partial_close", "pending_cancelled")
MODIFICATIONS = ("modify", "pending_modified")
OPENS = ("open", "pending_placed", "pending_filled")
CLASSES = (("quote",), ("balance",), CLOSES, MODIFICATIONS, OPENS)


def rank(event: Event) -> int:
    return next(place for place, actions in enumerate(CLASSES) if event["action"] in actions)


def in_order(events: Iterable[Event]) -> list[Event]:
    """Events in the order in which they are to be copied; those of one position must be given as they
    happened."""
    by_time: dict[Any, list[Event]] = {}
    for event in events:
        by_time.setdefault(event["at"], []).append(event)
    return [event for at in sorted(by_time) for event in _moment(by_time[at])]


def _moment(events: list[Event]) -> list[Event]:
    """Of the events that nothing of their own position must precede, the one of lowest rank and ticket is
    next."""
    left = list(events)
    done: list[Event] = []
    while left:
        ready = [at for at, event in enumerate(left) if not any(_same_position(event, e) for e in left[:at])]
        done.append(left.pop(min(ready, key=lambda at: (rank(left[at]), left[at]["ticket"]))))
    return done


def _same_position(one: Event, other: Event) -> bool:
    return bool(one["position_ref"]) and one["position_ref"] == other["position_ref"]
