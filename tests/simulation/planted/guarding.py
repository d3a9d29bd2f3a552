"""Defects of guards: what they watch, what a hit stops, and for how long."""

from tests.simulation.planted.registry import Layer, Patches, planted

D = "kopitra.machine.decisions"


@planted(Layer.DECIDE)
def hit_stops_once_only(patches: Patches) -> None:
    """What a hit had no room for, and what turns up under it later, stays open."""
    patches.replace(f"{D}.enforcing:_by_guards", lambda original: lambda sweep: iter(()))


@planted(Layer.DECIDE)
def figures_hit_no_guard(patches: Patches) -> None:
    """However much an account has lost, its guards are never hit."""
    for module in ("figures", "ticks"):
        patches.replace(f"{D}.{module}:watch", lambda original: lambda account, sweep: iter(()))


@planted(Layer.DECIDE)
def hit_forgotten_by_opens(patches: Patches) -> None:
    """A guard that was hit and has room again lets opens through, though nobody has reset it."""
    patches.replace(f"{D}.halting:_concerns", lambda original: lambda hold, subscription: False)


@planted(Layer.DECIDE)
def sum_without_its_last(patches: Patches) -> None:
    """A guard over a sum leaves one of its accounts out."""
    patches.replace(f"{D}.guard_measures:members", lambda original: lambda *about: original(*about)[:-1])
