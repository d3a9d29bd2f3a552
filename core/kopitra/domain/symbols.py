"""What a broker says about a symbol, in the terminal's own terms."""

from decimal import Decimal
from enum import StrEnum

import msgspec


class TradeMode(StrEnum):
    FULL = "full"
    LONG_ONLY = "long_only"
    SHORT_ONLY = "short_only"
    CLOSE_ONLY = "close_only"
    DISABLED = "disabled"


class SymbolSpec(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True, gc=False):
    """One symbol of one broker. Volumes in lots; levels in points (10**-digits); contract size in units of base."""

    symbol: str
    digits: int
    contract_size: Decimal
    volume_min: Decimal
    volume_max: Decimal
    volume_step: Decimal
    base_currency: str
    profit_currency: str
    stops_level: int = 0
    freeze_level: int = 0
    filling_modes: tuple[str, ...] = ("fok", "ioc")
    trade_mode: TradeMode = TradeMode.FULL
    tick_value: Decimal | None = None

    @property
    def point(self) -> Decimal:
        return Decimal(1).scaleb(-self.digits)
