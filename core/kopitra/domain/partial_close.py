"""How much of a follower's position must remain after the leader closed a part.

Targets are cumulative: each derives from the leader's volume after the close and from what the follower was filled
at the open, never from the previous target, so that rounding cannot add up and a repeat changes nothing.
"""

from decimal import Decimal

from kopitra.domain.arithmetic import EXACT, floored, least_volume
from kopitra.domain.quantities import ZERO
from kopitra.domain.rules import Remainder
from kopitra.domain.symbols import SymbolSpec


class NothingOpened(ValueError):
    """A leader's position was opened with a volume that is not above zero; no proportion can be taken of it."""


def remaining_target(
    filled: Decimal, leader_opened: Decimal, leader_after: Decimal, spec: SymbolSpec, remainder: Remainder
) -> Decimal:
    """Lots that must remain: filled * leader_after / leader_opened, down to the lot step; from 0 to `filled`.

    A target between 0 and the symbol's minimum becomes 0 (close_all), or stays at the minimum until the leader is
    out (keep: exposure may then exceed proportion by up to the minimum). Raises NothingOpened if leader_opened ≤ 0.
    """
    if leader_opened <= ZERO:
        raise NothingOpened(leader_opened)
    if leader_after <= ZERO:
        return ZERO
    if leader_after >= leader_opened:
        return filled
    target = floored(EXACT.multiply(filled, leader_after), leader_opened, spec.volume_step)
    if target >= spec.volume_min and target > ZERO:
        return target
    if remainder is Remainder.CLOSE_ALL:
        return ZERO
    return min(filled, least_volume(spec.volume_min, spec.volume_step))


def reachable_target(live: Decimal, target: Decimal, spec: SymbolSpec, remainder: Remainder) -> Decimal:
    """The target, or the nearest one below it, to which a broker lets a position of `live` lots be reduced.

    A partial close, too, must be at least the symbol's minimum volume. Where the lot step is finer than that, a
    smaller close is enlarged; if less than the minimum would be left, all is closed or all is kept (`remainder`).
    """
    least = least_volume(spec.volume_min, spec.volume_step)
    if target <= ZERO:
        return ZERO
    if target >= live or live - target >= least:
        return min(target, live)
    if live - least >= least:
        return live - least
    return live if remainder is Remainder.KEEP else ZERO
