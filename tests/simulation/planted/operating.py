"""Defects of what operators order and approve."""

# What is put in place of something is as untyped as a replacement by name is.
# pyright: basic

from collections.abc import Callable
from typing import Any

import msgspec

from tests.simulation.planted.registry import Layer, Patches, planted

OPERATORS = "o-"
"""Begins the name of an operator's command; a copy's begins otherwise."""


@planted(Layer.COUNTERPARTY)
def approval_not_awaited(patches: Patches) -> None:
    """A session that waits for an operator's approval is handed trades all the same."""

    def handing(original: Callable[..., bool]) -> Any:
        def is_deliverable(self: Any, ask: Any, item: Any, now: Any) -> bool:
            return original(self, msgspec.structs.replace(ask, approved=True), item, now)

        return is_deliverable

    patches.replace("kopitra.application.outbox_pages:Pages._is_deliverable", handing)


@planted(Layer.DECIDE)
def operators_open_is_an_orphan(patches: Patches) -> None:
    """The number of what an operator opens is forgotten while it is open: two snapshots later it is closed."""

    def forgetting(original: Callable[..., tuple[int, ...]]) -> Any:
        def ended(account: Any, *about: Any) -> tuple[int, ...]:
            released = account.following.released.items()
            opened = [magic for magic, left in released if left.whose.startswith(OPERATORS)]
            return tuple(dict.fromkeys((*original(account, *about), *opened)))

        return ended

    patches.replace("kopitra.machine.decisions.snapshots:ended_releases", forgetting)
