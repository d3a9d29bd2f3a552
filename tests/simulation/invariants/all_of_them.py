"""Importing this enters every invariant into the registry."""

from typing import TYPE_CHECKING

from tests.simulation.invariants import (
    chaining,
    execution,
    guard_figures,
    guarding,
    health,
    journal,
    netting,
    operators,
    relaying,
    rest,
    sizes,
)
from tests.simulation.invariants.registry import REGISTRY, Invariant

if TYPE_CHECKING:
    from tests.simulation.stage.world import World

MODULES = (
    chaining,
    execution,
    guard_figures,
    guarding,
    health,
    journal,
    netting,
    operators,
    relaying,
    rest,
    sizes,
)


def every_invariant(world: "World") -> list[Invariant]:
    """One of each, for one run."""
    return [kind(world) for kind in REGISTRY.values()]
