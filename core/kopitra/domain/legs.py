"""What a leader added to one position bit by bit: each addition is a leg, and what is taken off is taken first in first
out, exactly. Each leg is copied by itself, so a copy's share always derives from one volume that was opened at once."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import PositionRef
from kopitra.domain.quantities import ZERO


class Leg(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Lots that were added at once, and how many of them are left; when they were received (aware UTC), at what price
    they were made; `order_ref`: the pending order that added them; `age_ms`: how old they were when received."""

    opened: Decimal
    left: Decimal
    at: datetime
    price: Decimal | None = None
    order_ref: PositionRef | None = None
    age_ms: int = 0

    @property
    def made_at(self) -> datetime:
        return self.at - timedelta(milliseconds=self.age_ms)


Legs = Mapping[int, Leg]
"""Live legs by their number, in the order in which they were added: a number that is missing has ended."""


def reduced(legs: Legs, after: Decimal) -> dict[int, Leg]:
    """The legs once `after` lots are left of them all: the oldest give first, and what has given everything is gone."""
    excess = sum((leg.left for leg in legs.values()), ZERO) - max(after, ZERO)
    kept: dict[int, Leg] = {}
    for number, leg in legs.items():
        taken = min(max(excess, ZERO), leg.left)
        excess -= taken
        if leg.left > taken:
            kept[number] = msgspec.structs.replace(leg, left=leg.left - taken) if taken else leg
    return kept


def touched(before: Legs, after: Legs) -> frozenset[int]:
    """The numbers of legs that gave something."""
    return frozenset(number for number, leg in before.items() if after.get(number) != leg)


def leg_of_order(legs: Legs, order_ref: PositionRef | None) -> int | None:
    """The leg to which this pending order adds, if it has added before."""
    if order_ref is None:
        return None
    return next((number for number, leg in legs.items() if leg.order_ref == order_ref), None)
