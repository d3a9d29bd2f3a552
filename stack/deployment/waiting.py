"""Ask again until it is so, or until it has taken too long."""

from collections.abc import Callable
from typing import TypeVar

from stack.deployment.world import DeploymentFailed, Timing

T = TypeVar("T")


class NotYet(Exception):
    """What was seen this time; the last one is told where patience ends."""


def until(look: Callable[[], T], *, what: str, patience: float, every: float, timing: Timing) -> T:
    """`patience` and `every` in seconds. Raises DeploymentFailed, and whatever `look` raises but NotYet."""
    begun = timing.now()
    while True:
        try:
            return look()
        except NotYet as seen:
            waited = timing.now() - begun
            if waited + every > patience:
                raise DeploymentFailed(f"{what} is not so after {waited:.0f} s: {seen}") from None
        timing.sleep(every)
