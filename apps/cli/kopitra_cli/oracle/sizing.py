"""The volume of a copy, in exact fractions: one rounding, down to the lot step, at the very end."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

BELOW_MINIMUM = "below_minimum"


def floor_to_step(volume: Fraction, step: Decimal) -> Decimal:
    """The largest multiple of the step that is not above the volume."""
    return step * int(volume // Fraction(step))


def copied_volume(
    leader_volume: Decimal,
    symbol: Mapping[str, Any],
    rules: Mapping[str, Any],
    balance: Mapping[str, Any] | None,
) -> tuple[Decimal | None, str]:
    """The follower's volume, or None and the reason why there is none.

    `symbol`: leader_contract_size, contract_size, step, min, max. `rules`: mode (same_volume, multiplier,
    fixed_volume, balance_ratio), multiplier, volume (fixed_volume's), min_volume, max_volume,
    force_min_volume, ignore_contract_size. `balance` (balance_ratio): leader, follower, rate (leader's
    currency per follower's).
    """
    volume = Fraction(leader_volume)
    if rules["mode"] == "fixed_volume":
        volume = Fraction(rules["volume"])
    if rules["mode"] == "balance_ratio":
        if balance is None:
            return None, "balance_missing"
        volume *= Fraction(balance["follower"]) * Fraction(balance["rate"]) / Fraction(balance["leader"])
    if not rules.get("ignore_contract_size"):
        volume *= Fraction(symbol["leader_contract_size"]) / Fraction(symbol["contract_size"])
    volume *= Fraction(rules.get("multiplier", 1))
    largest = [Fraction(limit) for limit in (rules.get("max_volume"), symbol["max"]) if limit is not None]
    rounded = floor_to_step(min([volume, *largest]), symbol["step"])
    smallest = max(Decimal(rules.get("min_volume", 0)), symbol["min"])
    if rounded >= smallest:
        return rounded, ""
    return (smallest, "") if rules.get("force_min_volume") else (None, BELOW_MINIMUM)
