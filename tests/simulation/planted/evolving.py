"""Defects of `evolve`: the live state is no longer what replay makes of the journal."""

# What is put in place of something is as untyped as a replacement by name is.
# pyright: basic

from collections.abc import Callable
from typing import Any

import msgspec

from kopitra.application.machine import Machine
from kopitra.machine import events
from kopitra.machine.evolve import evolve
from tests.simulation.planted.registry import Layer, Patches, planted


def _machine(patches: Patches, wrong: Callable[[Any, Any], None]) -> None:
    """Live instances evolve by `wrong`; what witnesses replay stays as it was."""
    patches.replace("kopitra_counterparty.service:Machine", lambda original: lambda: Machine(evolve=wrong))


@planted(Layer.EVOLVE)
def incident_not_kept(patches: Patches) -> None:
    """An incident is journaled, but the live state forgets it."""

    def wrong(state: Any, recorded: Any) -> None:
        evolve(state, recorded)
        if isinstance(recorded.event, events.IncidentOpened):
            state.accounts[recorded.event.account].incidents.pop(recorded.event.incident, None)

    _machine(patches, wrong)


@planted(Layer.EVOLVE)
def evolves_by_the_process(patches: Patches) -> None:
    """What an event leaves in the state depends on when this process met it."""
    met: list[int] = []

    def wrong(state: Any, recorded: Any) -> None:
        evolve(state, recorded)
        met.append(1)
        event = recorded.event
        if isinstance(event, events.SessionOpened):
            session = state.accounts[event.account].session
            session.client_version = f"{len(met)}"

    _machine(patches, wrong)


@planted(Layer.EVOLVE)
def fill_forgotten_live(patches: Patches) -> None:
    """The live state misses every fill of a part, until a restart replays it."""

    def wrong(state: Any, recorded: Any) -> None:
        event = recorded.event
        if isinstance(event, events.ExecutionRecorded) and event.execution.status == "partially_filled":
            less = msgspec.structs.replace(event.execution, status="rejected")
            recorded = msgspec.structs.replace(recorded, event=msgspec.structs.replace(event, execution=less))
        evolve(state, recorded)

    _machine(patches, wrong)


@planted(Layer.EVOLVE)
def position_end_forgotten(patches: Patches) -> None:
    """A leader's position that ended is kept as if it were open."""
    patches.replace(
        "kopitra.machine.evolutions.copies:finish", lambda original: lambda book, position, last: None
    )


@planted(Layer.EVOLVE)
def closed_by_hand_counts_as_filled(patches: Patches) -> None:
    """What an owner closed by hand is added to what was filled, too."""

    def both(original: Any) -> Any:
        def reduce(state: Any, book: Any, copy: Any, execution: Any) -> None:
            original(state, book, copy, execution)
            if copy.live and str(execution.reason) in ("client", "mobile", "web"):
                copy.filled += execution.fill_volume
                copy.closed += execution.fill_volume

        return reduce

    patches.replace("kopitra.machine.evolutions.executions:_reduce", both)
