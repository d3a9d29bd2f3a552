"""Prices, volumes and money as exact decimals; floats never enter the domain."""

from decimal import Decimal
from typing import NewType

Price = NewType("Price", Decimal)
Volume = NewType("Volume", Decimal)
"""Lots."""
Money = NewType("Money", Decimal)
"""An amount in some account's currency."""

ZERO = Decimal(0)
ONE = Decimal(1)


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of step that is not above value (value ≥ 0, step > 0)."""
    return value // step * step
