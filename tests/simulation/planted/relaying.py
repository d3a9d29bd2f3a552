"""Defects of the relay to the management side."""

# What is put in place of something is as untyped as a replacement by name is.
# pyright: basic

from typing import Any

from tests.simulation.planted.registry import Layer, Patches, planted

R = "kopitra.application.relay"


@planted(Layer.RELAY)
def checkpoint_before_publishing(patches: Patches) -> None:
    """What is published is noted first: a crash or a refusal between the two loses it."""

    def eager(original: Any) -> Any:
        async def send(self: Any, batch: Any, last: int) -> None:
            if last != self.sequence:
                self.sequence = last
                await original(self, batch, last + 0)

        return send

    patches.replace(f"{R}:Relay._send", eager)


@planted(Layer.RELAY)
def relay_starts_at_the_head(patches: Patches) -> None:
    """After a restart only what happens from then on is published."""

    def at_the_head(original: Any) -> Any:
        async def through(blobs: Any, journal: Any) -> int:
            return await journal.head()

        return through

    patches.replace(f"{R}:published_through", at_the_head)


@planted(Layer.RELAY)
def silent_events_dropped(patches: Patches) -> None:
    """Events of one kind never reach the management side."""
    patches.replace(
        f"{R}:is_published",
        lambda original: lambda event: original(event) and type(event).__name__ != "SessionEnded",
    )
