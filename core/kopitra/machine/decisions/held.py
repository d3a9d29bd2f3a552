"""The positions and resting orders of one snapshot, found by whatever the broker left of a copy's identity."""

from collections.abc import Iterator

from kopitra.domain.telemetry import HeldPosition, PositionSnapshot
from kopitra.machine.state import Copy


class HeldBook:
    def __init__(self, snapshot: PositionSnapshot) -> None:
        self._all = (*snapshot.positions, *snapshot.orders)
        self._by_ticket = {held.ticket: held for held in self._all}
        self._by_position = {held.position_id: held for held in self._all}
        self._by_magic = {held.magic: held for held in self._all if held.magic}

    def __iter__(self) -> Iterator[HeldPosition]:
        return iter(self._all)

    def of(self, copy: Copy) -> HeldPosition | None:
        """By ticket, by position id (the ticket may have changed), else by magic number."""
        found = self._by_ticket.get(copy.ticket) if copy.ticket is not None else None
        if found is None and copy.position_id is not None:
            found = self._by_position.get(copy.position_id)
        return found or self._by_magic.get(copy.magic)
