"""Defects of the relay to the management side."""

# What is put in place of something is as untyped as a replacement by name is.
# pyright: basic

from typing import Any

import msgspec

from kopitra.application.relay import BATCH_MESSAGES, CHECKPOINT, Position
from tests.simulation.planted.registry import Layer, Patches, planted

R = "kopitra.application.relay"


@planted(Layer.RELAY)
def checkpoint_before_publishing(patches: Patches) -> None:
    """What is published is noted first: a crash or a refusal between the two loses it."""

    def eager(original: Any) -> Any:
        async def send(self: Any, batch: Any, last: int, told: int) -> None:
            if last == self.sequence:
                return
            self.sequence, self._told = last, told
            noted = msgspec.json.encode(Position(self._journal.journal_id, last, told))
            await self._blobs.put(f"{self._journal.shard}/{CHECKPOINT}", noted)
            for at in range(0, len(batch), BATCH_MESSAGES):
                await self._queue.send(batch[at : at + BATCH_MESSAGES])

        return send

    patches.replace(f"{R}:Relay._send", eager)


@planted(Layer.RELAY)
def relay_starts_at_the_head(patches: Patches) -> None:
    """After a restart only what happens from then on is published."""

    def at_the_head(original: Any) -> Any:
        async def position(blobs: Any, journal: Any) -> Any:
            head = await journal.head()
            return Position(journal.journal_id, head, head)

        return position

    patches.replace(f"{R}:_position", at_the_head)


@planted(Layer.RELAY)
def silent_events_dropped(patches: Patches) -> None:
    """Events of one kind never reach the management side."""
    patches.replace(
        "kopitra.application.event_publishing:is_published",
        lambda original: lambda event: original(event) and type(event).__name__ != "SessionEnded",
    )
