"""What a scenario is made of: each ingredient a small coroutine in one of the tables, drawn by weight.

An ingredient gets the world, the step that asks for it, and draws of the step's own: leaving another step out changes
nothing about it.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from kopitra.simulation.draws import SeededDraws

if TYPE_CHECKING:
    from tests.simulation.stage.world import World


class Kind(StrEnum):
    LEADER = "leader"
    FOLLOWER = "follower"
    OPERATOR = "operator"
    GUARDING = "guarding"
    FAULT = "fault"


class Step(msgspec.Struct, frozen=True):
    """One thing that happens: `at` seconds after the curtain rises, and `hops` turns of the loop later, so that it can
    fall between two awaits that take no time. `who` is the account it concerns, empty where it concerns none."""

    number: int
    at: float
    name: str
    who: str = ""
    hops: int = 0

    def __str__(self) -> str:
        return f"#{self.number} at {self.at:.3f}+{self.hops} {self.name} {self.who}".rstrip()


Act = Callable[["World", Step, SeededDraws], Awaitable[None]]


class Ingredient(msgspec.Struct, frozen=True):
    name: str
    kind: Kind
    weight: int
    act: Act


TABLES: dict[Kind, dict[str, Ingredient]] = {kind: {} for kind in Kind}


def ingredient(kind: Kind, name: str, weight: int = 10) -> Callable[[Act], Act]:
    """Enter a coroutine into the table of its kind; `weight` says how often it is drawn among its like."""

    def enter(act: Act) -> Act:
        assert all(name not in table for table in TABLES.values()), name
        TABLES[kind][name] = Ingredient(name, kind, weight, act)
        return act

    return enter


def named(name: str) -> Ingredient:
    return next(table[name] for table in TABLES.values() if name in table)


def drawn_from(kind: Kind, draws: SeededDraws) -> str:
    """By name, so that a seed is the same whichever module entered its ingredients first."""
    table = TABLES[kind]
    pick = draws.below(sum(i.weight for i in table.values()))
    for name in sorted(table):
        found = table[name]
        pick -= found.weight
        if pick < 0:
            return found.name
    raise AssertionError("the weights sum up")
