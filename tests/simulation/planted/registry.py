"""Planted defects: each puts something wrong in place of a piece of the platform while one run lasts."""

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from importlib import import_module
from typing import Any
from unittest.mock import patch

import msgspec


class Layer(StrEnum):
    DECIDE = "decide"
    EVOLVE = "evolve"
    JOURNAL = "journal"
    COUNTERPARTY = "counterparty"
    AGENT = "agent"
    RELAY = "relay"


class Patches:
    """What one defect replaces. Raises AttributeError where a target is no longer there: then the defect needs a new
    place."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def replace(self, target: str, make: Callable[[Any], Any]) -> None:
        """`target`: module:attribute, or module:Class.attribute. `make` gets what is there and gives what is wrong."""
        module, _, path = target.partition(":")
        owner: Any = import_module(module)
        *parents, name = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        original = owner.__dict__[name] if isinstance(owner, type) else getattr(owner, name)
        self._stack.enter_context(patch.object(owner, name, make(original)))


Plant = Callable[[Patches], None]


class Bug(msgspec.Struct, frozen=True):
    name: str
    layer: Layer
    story: str
    """What an operator would have to live with."""
    plant: Plant

    @contextmanager
    def planted(self) -> Generator[None]:
        with ExitStack() as stack:
            self.plant(Patches(stack))
            yield


BUGS: dict[str, Bug] = {}


def planted(layer: Layer) -> Callable[[Plant], Plant]:
    """Enter a defect under its function's name; its docstring is its story."""

    def enter(plant: Plant) -> Plant:
        name = plant.__name__
        assert name not in BUGS, name
        BUGS[name] = Bug(name, layer, (plant.__doc__ or "").strip(), plant)
        return plant

    return enter
