"""What the `MetaTrader5` package returns, as the port's records.

The package gives doubles, and times as the trade server's wall clock counted in seconds as if it were UTC. Doubles
become the shortest decimal that reads the same; times become UTC through the server's own zone. Zero means "none" for
stops and expiry. Names and numbers: MQL5 Reference, "MetaTrader for Python" and "Constants, Enumerations and
Structures".
"""

from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, Literal

from kopitra.domain.orders import DealEntry, DealReason, OrderType, Side
from kopitra.domain.symbols import SymbolSpec, TradeMode
from kopitra_agent.ports.terminal import Deal, PendingOrder, Position

DECIMALS = 8
"""Digits behind the point that MetaTrader keeps of volumes and money; prices of any symbol have fewer."""
PRICE_DECIMALS = 10
MILLISECONDS = 1000

DEAL_SIDES = {0: Side.BUY, 1: Side.SELL}
BALANCE, CREDIT, BONUS = 2, 3, 6
CREDITS = (CREDIT, BONUS)
ENTRIES = {0: DealEntry.IN, 1: DealEntry.OUT, 2: DealEntry.INOUT, 3: DealEntry.OUT}
OUT_BY = 3
DEAL_REASONS = {
    0: DealReason.CLIENT,
    1: DealReason.MOBILE,
    2: DealReason.WEB,
    3: DealReason.EXPERT,
    4: DealReason.STOP_LOSS,
    5: DealReason.TAKE_PROFIT,
    6: DealReason.STOP_OUT,
    7: DealReason.ROLLOVER,
}
"""Everything above (variation margin, splits, corporate actions) is the broker's own doing."""
ORDER_TYPES = {
    2: (Side.BUY, OrderType.LIMIT),
    3: (Side.SELL, OrderType.LIMIT),
    4: (Side.BUY, OrderType.STOP),
    5: (Side.SELL, OrderType.STOP),
    6: (Side.BUY, OrderType.STOP_LIMIT),
    7: (Side.SELL, OrderType.STOP_LIMIT),
}
"""Pending ones; 0 and 1 are market orders, 8 is a close by."""
OrderEnd = Literal["filled", "cancelled", "expired"]
ORDER_ENDS: dict[int, OrderEnd] = {2: "cancelled", 3: "filled", 4: "filled", 5: "cancelled", 6: "expired"}
"""By ORDER_STATE: a partly filled order in the history has filled what it ever will."""
TRADE_MODES = {
    0: TradeMode.DISABLED,
    1: TradeMode.LONG_ONLY,
    2: TradeMode.SHORT_ONLY,
    3: TradeMode.CLOSE_ONLY,
    4: TradeMode.FULL,
}
FILLING_FLAGS = ((1, "fok"), (2, "ioc"), (4, "boc"))


def number(value: float, decimals: int = DECIMALS) -> Decimal:
    """The decimal that the double was meant to be."""
    return Decimal(repr(round(float(value), decimals))).normalize() + Decimal(0)


def price(value: float) -> Decimal:
    return number(value, PRICE_DECIMALS)


def level(value: float) -> Decimal | None:
    """A stop or target; 0 is none."""
    return price(value) if value else None


def utc(milliseconds: float, zone: tzinfo) -> datetime:
    """The server's wall clock, as the package counts it, in UTC."""
    wall = datetime.fromtimestamp(milliseconds / MILLISECONDS, UTC).replace(tzinfo=zone)
    return wall.astimezone(UTC)


def server_seconds(at: datetime, zone: tzinfo) -> int:
    """UTC as the package wants it back: the server's wall clock counted as if it were UTC."""
    return int(at.astimezone(zone).replace(tzinfo=UTC).timestamp())


def position_of(row: Any, zone: tzinfo) -> Position:
    return Position(
        ticket=row.ticket,
        position_id=row.identifier,
        symbol=row.symbol,
        side=DEAL_SIDES[row.type],
        volume=number(row.volume),
        open_price=price(row.price_open),
        opened_at=utc(row.time_msc, zone),
        stop_loss=level(row.sl),
        take_profit=level(row.tp),
        magic=row.magic,
        comment=row.comment,
    )


def order_of(row: Any, zone: tzinfo, end: OrderEnd | None = None) -> PendingOrder:
    """A pending order, live or (with its `end`) from the history."""
    side, order_type = ORDER_TYPES[row.type]
    return PendingOrder(
        ticket=row.ticket,
        symbol=row.symbol,
        side=side,
        order_type=order_type,
        volume=number(row.volume_initial if end else row.volume_current),
        price=price(row.price_open),
        placed_at=utc(row.time_setup_msc, zone),
        stop_loss=level(row.sl),
        take_profit=level(row.tp),
        expires_at=utc(row.time_expiration * MILLISECONDS, zone) if row.time_expiration else None,
        magic=row.magic,
        comment=row.comment,
        state=end or "placed",
        finished_at=utc(row.time_done_msc, zone) if end else None,
        position_id=row.position_id or None,
    )


def deal_of(row: Any, zone: tzinfo) -> Deal:
    """A ledger line; its ordinal is the deal's ticket, which a server counts upwards."""
    traded = row.type in DEAL_SIDES
    entry = ENTRIES.get(row.entry) if traded else None
    return Deal(
        ordinal=row.ticket,
        deal_id=row.ticket,
        order_ticket=row.order,
        position_id=row.position_id,
        position_ticket=row.position_id,
        symbol=row.symbol,
        side=DEAL_SIDES.get(row.type),
        entry=entry,
        reason=_reason(row) if traded else None,
        volume=number(row.volume),
        price=price(row.price),
        executed_at=utc(row.time_msc, zone),
        magic=row.magic,
        comment=row.comment,
        profit=number(row.profit),
        commission=number(row.commission),
        swap=number(row.swap),
        fee=number(row.fee),
        remainder_ticket=row.order if entry is DealEntry.INOUT else None,
        kind="trade" if traded else _kind(row),
    )


def symbol_of(row: Any) -> SymbolSpec:
    return SymbolSpec(
        symbol=row.name,
        digits=row.digits,
        contract_size=number(row.trade_contract_size),
        volume_min=number(row.volume_min),
        volume_max=number(row.volume_max),
        volume_step=number(row.volume_step),
        base_currency=row.currency_base,
        profit_currency=row.currency_profit,
        stops_level=row.trade_stops_level,
        freeze_level=row.trade_freeze_level,
        filling_modes=tuple(name for flag, name in FILLING_FLAGS if row.filling_mode & flag),
        trade_mode=TRADE_MODES.get(row.trade_mode, TradeMode.DISABLED),
        tick_value=number(row.trade_tick_value, PRICE_DECIMALS) if row.trade_tick_value else None,
    )


def _reason(row: Any) -> DealReason:
    if row.entry == OUT_BY:
        return DealReason.CLOSE_BY
    return DEAL_REASONS.get(row.reason, DealReason.BROKER)


def _kind(row: Any) -> Literal["deposit", "withdrawal", "credit"]:
    """Charges, interest, taxes and corrections move the balance without a trade: money in or out."""
    if row.type in CREDITS:
        return "credit"
    return "withdrawal" if row.profit < 0 else "deposit"
