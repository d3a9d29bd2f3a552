"""Commands of unknown fate in a net position, and which of them would explain what it differs by."""

from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from itertools import combinations

import msgspec

from kopitra.domain.identifiers import CommandId
from kopitra.domain.quantities import ZERO
from kopitra.machine.decisions.netting import signed
from kopitra.machine.state import Account, Copy, CopyStatus

MOST_DOUBTS = 12
"""Commands of unknown fate in one symbol of which every combination is tried: 4,096 sums. Of more, the oldest count."""


class Doubt(msgspec.Struct, frozen=True):
    """A command of unknown fate: `effect` on the net position, had it been carried out in full; `command`: the offset,
    None for an open."""

    copy: Copy
    effect: Decimal
    command: CommandId | None = None


def doubts_of(account: Account, copies: Iterable[Copy], gone: Collection[int]) -> Iterator[Doubt]:
    """The oldest first; `gone`: magic numbers of pending orders that are not there any more."""
    for copy in sorted(copies, key=lambda c: c.command_sequence):
        if copy.status is CopyStatus.UNKNOWN or copy.magic in gone:
            yield Doubt(copy, signed(copy.side, copy.planned_volume - copy.filled))
        for command, held in account.held_back.items():
            if held.unsettled and held.order.copy_id == copy.copy_id:
                yield Doubt(copy, signed(copy.side.opposite, held.unsettled), command)


def summing_to(difference: Decimal, doubts: list[Doubt]) -> tuple[Doubt, ...] | None:
    """The first combination of effects that gives the difference, the fewest and oldest commands first."""
    for size in range(len(doubts) + 1):
        for chosen in combinations(doubts, size):
            if sum((doubt.effect for doubt in chosen), ZERO) == difference:
                return chosen
    return None
