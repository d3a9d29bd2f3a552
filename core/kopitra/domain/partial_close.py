"""How much of a follower's position must remain after the leader closed a part.

Targets are cumulative: each derives from the leader's volume after the close and what the follower was filled at the
open, never from the previous target, so that rounding cannot add up and a repeat changes nothing.
"""

from decimal import Decimal

from kopitra.domain.arithmetic import EXACT
from kopitra.domain.quantities import ZERO
from kopitra.domain.rules import Remainder
from kopitra.domain.symbols import SymbolSpec

_times = EXACT.multiply
_whole = EXACT.divide_int


def remaining_target(
    filled: Decimal, leader_opened: Decimal, leader_after: Decimal, spec: SymbolSpec, remainder: Remainder
) -> Decimal:
    """Lots that must remain: filled × leader_after ÷ leader_opened, down to the lot step; between 0 and `filled`.

    A target between 0 and the symbol's minimum becomes 0 (close_all), or stays at the minimum until the leader is out
    (keep: exposure may then exceed proportion by up to the minimum volume). Raises ValueError if leader_opened ≤ 0.
    """
    if leader_opened <= ZERO:
        raise ValueError(f"a leader's position was opened with {leader_opened} lots")
    if leader_after <= ZERO or filled <= ZERO:
        return ZERO
    if leader_after >= leader_opened:
        return filled
    step = spec.volume_step
    target = _times(_whole(_times(filled, leader_after), _times(leader_opened, step)), step)
    if target >= spec.volume_min and target > ZERO:
        return target
    return min(filled, least_volume(spec)) if remainder is Remainder.KEEP else ZERO


def reachable_target(live: Decimal, target: Decimal, spec: SymbolSpec, remainder: Remainder) -> Decimal:
    """The target that a broker lets a position of `live` lots be reduced to, at most `target`.

    A partial close, too, must be at least the symbol's minimum volume; where the step is finer than the minimum, a
    smaller one is enlarged, and what would be left below the minimum is closed or kept as `remainder` says.
    """
    if target <= ZERO:
        return ZERO
    least = least_volume(spec)
    if target >= live or live - target >= least:
        return min(target, live)
    if live - least >= least:
        return live - least
    return live if remainder is Remainder.KEEP else ZERO


def least_volume(spec: SymbolSpec) -> Decimal:
    """The smallest positive multiple of the lot step that is not below the symbol's minimum."""
    volume = _times(_whole(spec.volume_min, spec.volume_step), spec.volume_step)
    return volume if volume >= spec.volume_min and volume > ZERO else volume + spec.volume_step
