"""Defects of guards: what they watch, what a hit stops, and for how long."""

from typing import Any

from tests.simulation.planted.registry import Layer, Patches, planted

D = "kopitra.machine.decisions"


def _nothing(original: Any) -> Any:
    def nothing(*about: Any) -> Any:
        return iter(())

    return nothing


@planted(Layer.DECIDE)
def hit_stops_once_only(patches: Patches) -> None:
    """What a hit had no room for, and what turns up under it later, stays open."""
    patches.replace(f"{D}.enforcing:_by_guards", _nothing)


@planted(Layer.DECIDE)
def figures_hit_no_guard(patches: Patches) -> None:
    """However much an account has lost, its guards are never hit."""
    for module in ("figures", "ticks"):
        patches.replace(f"{D}.{module}:watch", _nothing)


@planted(Layer.DECIDE)
def hit_forgotten_by_opens(patches: Patches) -> None:
    """A guard that was hit and has room again lets opens through, though nobody has reset it."""

    def nobody(original: Any) -> Any:
        def concerns(hold: Any, subscription: Any) -> bool:
            return False

        return concerns

    patches.replace(f"{D}.halting:_concerns", nobody)


@planted(Layer.DECIDE)
def sum_without_its_last(patches: Patches) -> None:
    """A guard over a sum leaves one of its accounts out."""

    def without(original: Any) -> Any:
        def members(*about: Any) -> Any:
            return original(*about)[:-1]

        return members

    patches.replace(f"{D}.guard_measures:members", without)
