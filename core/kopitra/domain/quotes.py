"""A price that one broker made at one time."""

from datetime import datetime
from decimal import Decimal

import msgspec


class Quote(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Bid and ask of a symbol in the profit currency; `at` is aware UTC."""

    symbol: str
    bid: Decimal
    ask: Decimal
    at: datetime | None = None
