"""One execution before it is booked."""

from dataclasses import dataclass
from decimal import Decimal

import msgspec

from kopitra.domain.orders import DealReason, Side


class Exact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Figures of a replayed history that take the place of the broker's own; None: the broker's own."""

    price: Decimal | None = None
    profit: Decimal | None = None
    commission: Decimal | None = None
    swap: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Fill:
    """A volume traded at a price; the order's ticket names a position that it opens."""

    order_ticket: int
    symbol: str
    side: Side
    volume: Decimal
    price: Decimal
    reason: DealReason
    magic: int = 0
    comment: str = ""
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    exact: Exact | None = None
