"""What a follower should hold of one copy, worked out from the brokers' ledgers and the published rules alone.

It shares nothing with the machine but the copy's own frozen facts (its symbol, side and what its broker filled).
"""

from decimal import Decimal
from fractions import Fraction

from kopitra.domain.rules import CopyRules, Remainder
from kopitra.domain.symbols import SymbolSpec
from tests.oracle import copied_volume
from tests.simulation.stage.facts import CopyFacts, LeaderTrade

ZERO = Decimal(0)


def share_of(
    filled: Decimal, trade: LeaderTrade, spec: SymbolSpec, remainder: Remainder, missed: Decimal = ZERO
) -> Decimal:
    """Lots that remain of a copy once its leader has what it has left; `missed`: what was closed before it began."""
    opened = trade.opened - missed
    if trade.left <= ZERO:
        return ZERO
    if trade.left >= opened:
        return filled
    exact = Fraction(filled) * Fraction(trade.left) / Fraction(opened)
    target = spec.volume_step * int(exact // Fraction(spec.volume_step))
    if target < spec.volume_min:
        return min(filled, spec.volume_min) if remainder is Remainder.KEEP else ZERO
    return target


def bounds(
    copy: CopyFacts,
    trade: LeaderTrade,
    spec: SymbolSpec,
    remainder: Remainder,
    *,
    flattened: bool,
    lowered: Decimal | None = None,
) -> tuple[Decimal, Decimal]:
    """The least and the most that may be left: they differ only where the follower took something away itself, or where
    its broker lets no smaller part be closed. `lowered`: what an operator's partial close let remain."""
    most = share_of(copy.filled, trade, spec, remainder, copy.missed)
    most = most if lowered is None else min(most, lowered)
    if flattened or copy.own >= copy.filled:
        return ZERO, ZERO
    least = max(ZERO, most - copy.own)
    if spec.volume_min > spec.volume_step and ZERO < most < copy.filled:
        return (ZERO if remainder is Remainder.CLOSE_ALL else least), min(copy.filled, most + spec.volume_min)
    return least, most


def planned_volume(
    volume: Decimal, leader: SymbolSpec, follower: SymbolSpec, rules: CopyRules
) -> tuple[Decimal | None, str]:
    """The size of a copy under rules that need no account's figures; None and why where there is none."""
    symbol = {
        "leader_contract_size": leader.contract_size,
        "contract_size": follower.contract_size,
        "step": follower.volume_step,
        "min": follower.volume_min,
        "max": follower.volume_max,
    }
    sizing = rules.sizing
    wanted = {
        "mode": sizing.__struct_config__.tag,
        "volume": getattr(sizing, "volume", None),
        "multiplier": rules.multiplier,
        "min_volume": rules.min_volume,
        "max_volume": rules.max_volume,
        "force_min_volume": rules.force_min_volume,
        "ignore_contract_size": rules.ignore_contract_size,
    }
    return copied_volume(volume, symbol, wanted, None)


PLAIN_MODES = frozenset({"same_volume", "multiplier", "fixed_volume"})
"""Sizes that follow from the leader's volume and the rules alone."""
