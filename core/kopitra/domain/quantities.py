"""Prices, volumes and money as exact decimals; floats never enter the domain."""

from decimal import ROUND_DOWN, Decimal
from typing import NewType

Price = NewType("Price", Decimal)
Volume = NewType("Volume", Decimal)
"""Lots."""
Money = NewType("Money", Decimal)
"""An amount in some account's currency."""

ZERO = Decimal(0)


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of step that is not above value (value ≥ 0, step > 0)."""
    return (value / step).to_integral_value(rounding=ROUND_DOWN) * step
