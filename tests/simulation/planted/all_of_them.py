"""Importing this enters every planted defect into the registry."""

from tests.simulation.planted import (
    agents,
    deciding,
    evolving,
    guarding,
    journalling,
    operating,
    relaying,
    serving,
)
from tests.simulation.planted.registry import BUGS

MODULES = (agents, deciding, evolving, guarding, journalling, operating, relaying, serving)

__all__ = ["BUGS", "MODULES"]
