"""What the management side must get to know."""

from collections.abc import Iterator
from typing import Any

from kopitra.application.fencing import FenceRow
from kopitra.machine.events import Recorded
from kopitra.protocol.event_messages import is_published
from tests.simulation.invariants.registry import Invariant, invariant


@invariant("everything_is_published")
class EverythingIsPublished(Invariant):
    """Each event that concerns the management side is in its queue at least once, first appearances in order."""

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self._wanted: list[int] = []

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        if is_published(recorded.event):
            self._wanted.append(recorded.sequence)

    def unsettled(self) -> Iterator[str]:
        prefix = f"{self.world.journal.fence.journal_id}:{self.world.journal.shard}:"
        messages = (m.message.message_id for m in self.world.events.waiting.values())
        told = list(
            dict.fromkeys(int(name.removeprefix(prefix)) for name in messages if name.startswith(prefix))
        )
        self.times += len(told)
        if told != self._wanted:
            missing = sorted(set(self._wanted) - set(told))
            yield f"of {len(self._wanted)} events {len(told)} were published, in order or not; missing {missing[:5]}"
