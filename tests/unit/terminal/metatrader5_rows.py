"""The tuples that PyPI `MetaTrader5` answers with, made of a simulated broker's records."""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from kopitra.domain.orders import DealEntry, DealReason, OrderType, Side
from kopitra.domain.symbols import SymbolSpec, TradeMode
from kopitra.simulation.broker.records import Deal, DealKind, OrderState, PendingOrder, Position


class AccountInfo(NamedTuple):
    login: int
    leverage: int
    margin_mode: int
    trade_allowed: bool
    trade_expert: bool
    balance: float
    equity: float
    margin: float
    margin_free: float
    currency: str
    server: str


class TerminalInfo(NamedTuple):
    connected: bool
    trade_allowed: bool


class SymbolInfo(NamedTuple):
    name: str
    digits: int
    point: float
    trade_contract_size: float
    volume_min: float
    volume_max: float
    volume_step: float
    currency_base: str
    currency_profit: str
    trade_stops_level: int
    trade_freeze_level: int
    filling_mode: int
    trade_mode: int
    trade_exemode: int
    trade_tick_value: float


class Tick(NamedTuple):
    time: int
    bid: float
    ask: float
    last: float
    volume: float
    time_msc: int
    flags: int
    volume_real: float


class TradePosition(NamedTuple):
    ticket: int
    time: int
    time_msc: int
    type: int
    magic: int
    identifier: int
    reason: int
    volume: float
    price_open: float
    sl: float
    tp: float
    swap: float
    symbol: str
    comment: str


class TradeOrder(NamedTuple):
    ticket: int
    time_setup_msc: int
    time_done_msc: int
    time_expiration: int
    type: int
    state: int
    magic: int
    position_id: int
    volume_initial: float
    volume_current: float
    price_open: float
    sl: float
    tp: float
    symbol: str
    comment: str


class TradeDeal(NamedTuple):
    ticket: int
    order: int
    time: int
    time_msc: int
    type: int
    entry: int
    magic: int
    position_id: int
    reason: int
    volume: float
    price: float
    commission: float
    swap: float
    profit: float
    fee: float
    symbol: str
    comment: str


class OrderSendResult(NamedTuple):
    retcode: int
    deal: int
    order: int
    volume: float
    price: float
    comment: str
    request: dict[str, Any]


ORDER_KINDS = {
    (Side.BUY, OrderType.LIMIT): 2,
    (Side.SELL, OrderType.LIMIT): 3,
    (Side.BUY, OrderType.STOP): 4,
    (Side.SELL, OrderType.STOP): 5,
}
STATES = {OrderState.PLACED: 1, OrderState.CANCELLED: 2, OrderState.FILLED: 4, OrderState.EXPIRED: 6}
REASONS = {
    DealReason.CLIENT: 0,
    DealReason.MOBILE: 1,
    DealReason.WEB: 2,
    DealReason.EXPERT: 3,
    DealReason.STOP_LOSS: 4,
    DealReason.TAKE_PROFIT: 5,
    DealReason.STOP_OUT: 6,
    DealReason.CLOSE_BY: 3,
}
KINDS = {DealKind.DEPOSIT: 2, DealKind.WITHDRAWAL: 2, DealKind.CREDIT: 3}
MODES = {
    TradeMode.DISABLED: 0,
    TradeMode.LONG_ONLY: 1,
    TradeMode.SHORT_ONLY: 2,
    TradeMode.CLOSE_ONLY: 3,
    TradeMode.FULL: 4,
}


def symbol_row(spec: SymbolSpec, filling_mode: int, exemode: int) -> SymbolInfo:
    return SymbolInfo(
        name=spec.symbol,
        digits=spec.digits,
        point=float(spec.point),
        trade_contract_size=float(spec.contract_size),
        volume_min=float(spec.volume_min),
        volume_max=float(spec.volume_max),
        volume_step=float(spec.volume_step),
        currency_base=spec.base_currency,
        currency_profit=spec.profit_currency,
        trade_stops_level=spec.stops_level,
        trade_freeze_level=spec.freeze_level,
        filling_mode=filling_mode,
        trade_mode=MODES[spec.trade_mode],
        trade_exemode=exemode,
        trade_tick_value=1.0,
    )


def position_row(position: Position, zone: ZoneInfo) -> TradePosition:
    stamp = wall(position.opened_at, zone)
    return TradePosition(
        ticket=position.ticket,
        time=stamp // 1000,
        time_msc=stamp,
        type=0 if position.side is Side.BUY else 1,
        magic=position.magic,
        identifier=position.position_id,
        reason=3,
        volume=float(position.volume),
        price_open=float(position.open_price),
        sl=float(position.stop_loss or 0),
        tp=float(position.take_profit or 0),
        swap=float(position.swap),
        symbol=position.symbol,
        comment=position.comment,
    )


def order_row(order: PendingOrder, zone: ZoneInfo) -> TradeOrder:
    return TradeOrder(
        ticket=order.ticket,
        time_setup_msc=wall(order.placed_at, zone),
        time_done_msc=wall(order.finished_at, zone) if order.finished_at else 0,
        time_expiration=wall(order.expires_at, zone) // 1000 if order.expires_at else 0,
        type=ORDER_KINDS[order.side, order.order_type],
        state=STATES[order.state],
        magic=order.magic,
        position_id=order.position_id or 0,
        volume_initial=float(order.volume),
        volume_current=float(order.volume) if order.state is OrderState.PLACED else 0.0,
        price_open=float(order.price),
        sl=float(order.stop_loss or 0),
        tp=float(order.take_profit or 0),
        symbol=order.symbol,
        comment=order.comment,
    )


def deal_row(deal: Deal, zone: ZoneInfo) -> TradeDeal:
    stamp = wall(deal.executed_at, zone)
    entries = {DealEntry.IN: 0, DealEntry.OUT: 1, DealEntry.INOUT: 2, None: 0}
    by = deal.reason is DealReason.CLOSE_BY
    return TradeDeal(
        ticket=deal.deal_id,
        order=deal.order_ticket,
        time=stamp // 1000,
        time_msc=stamp,
        type=KINDS[deal.kind] if deal.side is None else (0 if deal.side is Side.BUY else 1),
        entry=3 if by else entries[deal.entry],
        magic=deal.magic,
        position_id=deal.position_id,
        reason=REASONS[deal.reason] if deal.reason else 0,
        volume=float(deal.volume),
        price=float(deal.price),
        commission=float(deal.commission),
        swap=float(deal.swap),
        profit=float(deal.profit),
        fee=float(deal.fee),
        symbol=deal.symbol,
        comment=deal.comment,
    )


def wall(at: datetime, zone: ZoneInfo) -> int:
    """Milliseconds of the server's wall clock, counted as if it were UTC."""
    return int(at.astimezone(zone).replace(tzinfo=UTC).timestamp() * 1000)


def utc(seconds: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=zone).astimezone(UTC)
