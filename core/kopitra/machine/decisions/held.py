"""The positions and resting orders of one snapshot, found by whatever the broker left of a copy's identity."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from kopitra.domain.telemetry import HeldPosition, PositionSnapshot
from kopitra.machine.state import Copy

CLOCKS_MAY_DIFFER = timedelta(hours=4)
"""A broker's time may be taken for another zone's; servers keep UTC+3 at most. What was opened later than this after an
open went stale is not its trade."""


class HeldBook:
    def __init__(self, snapshot: PositionSnapshot) -> None:
        self._all = (*snapshot.positions, *snapshot.orders)
        self._by_ticket = {held.ticket: held for held in self._all}
        self._by_position = {held.position_id: held for held in self._all}
        self._by_magic: defaultdict[int, list[HeldPosition]] = defaultdict(list)
        for held in self._all:
            if held.magic:
                self._by_magic[held.magic].append(held)

    def __iter__(self) -> Iterator[HeldPosition]:
        return iter(self._all)

    def of(self, copy: Copy) -> HeldPosition | None:
        """By ticket, by position id (the ticket may have changed), else by magic number: of several the first one that
        the broker opened, since no more than one is wanted."""
        found = self._by_ticket.get(copy.ticket) if copy.ticket is not None else None
        if found is None and copy.position_id is not None:
            found = self._by_position.get(copy.position_id)
        return found or min(self._marked(copy), key=lambda held: held.position_id, default=None)

    def look_alikes(self, copy: Copy) -> list[HeldPosition]:
        """Positions without any magic number that a copy whose broker drops it could be."""
        wanted = (0, copy.symbol, copy.side, copy.planned_volume, copy.order_type)
        latest = copy.sent_until + CLOCKS_MAY_DIFFER if copy.sent_until is not None else None
        return [
            held
            for held in self._all
            if (held.magic, held.symbol, held.side, held.volume, held.order_type) == wanted
            and (latest is None or held.open_time <= latest)
        ]

    def _marked(self, copy: Copy) -> list[HeldPosition]:
        """Another EA may use the same number by chance, but hardly on the same symbol and side."""
        marked = self._by_magic.get(copy.magic, [])
        return [held for held in marked if (held.symbol, held.side) == (copy.symbol, copy.side)]
