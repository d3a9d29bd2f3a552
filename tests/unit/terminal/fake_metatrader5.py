"""A stand-in for PyPI `MetaTrader5` with its names, tuples, doubles and habits, over a simulated broker.

As the real package it answers None on failure and explains itself in `last_error()`, gives an empty tuple where nothing
matches, knows no time zones (times are the server's wall clock), and has no tick for a symbol that is not selected.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from kopitra.domain.orders import DealEntry, DealReason, MarginMode, OrderType, Side
from kopitra.domain.symbols import SymbolSpec, TradeMode
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.records import (
    Deal,
    DealKind,
    OrderState,
    PendingOrder,
    Position,
    TradeRequest,
)
from kopitra.simulation.virtual_time import VirtualTime


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
ACTIONS: dict[int, Any] = {1: "deal", 5: "pending", 6: "sltp", 7: "modify", 8: "remove", 10: "close_by"}
NO_IPC = (-10004, "No IPC connection")
SUCCESS = (1, "Success")


class FakeMetaTrader5:
    """The module. `down`, `connected`, `login` and `refused_fillings` are a test's to set."""

    def __init__(self, broker: SimulatedBroker, world: VirtualTime, zone: str = "UTC") -> None:
        self.broker = broker
        self.world = world
        self.zone = ZoneInfo(zone)
        self.login = broker.state.terms.login
        self.down = False
        self.connected = True
        self.initialised: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.selected: set[str] = set()
        self.sent: list[dict[str, Any]] = []
        self.refused_fillings: set[int] = set()
        self.exemode = 2
        self.filling_mode = 3
        self.unanswered: tuple[int, str] | None = None
        self.executes_unanswered = False
        self.history_lags = False
        self._error = SUCCESS

    def initialize(self, *place: str, **options: Any) -> bool:
        self.initialised.append((place, options))
        self._error = NO_IPC if self.down else SUCCESS
        return not self.down

    def shutdown(self) -> None:
        self.down = True

    def last_error(self) -> tuple[int, str]:
        return self._error

    def terminal_info(self) -> TerminalInfo | None:
        return self._unless_down(TerminalInfo(self.connected, True))

    def account_info(self) -> AccountInfo | None:
        view = self.broker.account_view()
        return self._unless_down(
            AccountInfo(
                login=self.login,
                leverage=view.leverage,
                margin_mode=2 if view.mode is MarginMode.HEDGING else 0,
                trade_allowed=True,
                trade_expert=view.trade_allowed,
                balance=float(view.balance),
                equity=float(view.equity),
                margin=float(view.margin),
                margin_free=float(view.free_margin),
                currency=view.currency,
                server=view.server,
            )
        )

    def symbols_get(self) -> tuple[SymbolInfo, ...] | None:
        return self._unless_down(tuple(self._symbol(spec) for spec in self.broker.state.symbols.values()))

    def symbol_info(self, symbol: str) -> SymbolInfo | None:
        spec = self.broker.state.symbols.get(symbol)
        return self._symbol(spec) if spec else None

    def symbol_select(self, symbol: str, enable: bool) -> bool:
        if symbol in self.broker.state.symbols and enable:
            self.selected.add(symbol)
            return True
        return False

    def symbol_info_tick(self, symbol: str) -> Tick | None:
        quote = self.broker.state.quotes.get(symbol)
        if symbol not in self.selected:
            return None
        if quote is None:
            return Tick(0, 0.0, 0.0, 0.0, 0, 0, 0, 0.0)
        stamp = self._wall(quote.at or self.world.now())
        return Tick(int(stamp // 1000), float(quote.bid), float(quote.ask), 0.0, 0, stamp, 6, 0.0)

    def positions_total(self) -> int:
        return len(self.broker.state.positions)

    def orders_total(self) -> int:
        return len(self.broker.state.orders)

    def positions_get(
        self, symbol: str | None = None, ticket: int | None = None
    ) -> tuple[TradePosition, ...] | None:
        found = [
            self._position(position)
            for position in self.broker.state.positions.values()
            if symbol in (None, position.symbol) and ticket in (None, position.ticket)
        ]
        return self._unless_down(tuple(found))

    def orders_get(self) -> tuple[TradeOrder, ...] | None:
        return self._unless_down(tuple(self._order(order) for order in self.broker.state.orders.values()))

    def history_deals_get(
        self, start: datetime | None = None, end: datetime | None = None, *, ticket: int | None = None
    ) -> tuple[TradeDeal, ...] | None:
        rows = [self._deal(deal) for deal in self.broker.state.deals]
        if ticket is not None:
            return tuple(row for row in rows if row.ticket == ticket and not self.history_lags)
        assert start is not None
        assert end is not None
        within = (row for row in rows if start.timestamp() <= row.time <= end.timestamp())
        return self._unless_down(tuple(within))

    def history_orders_get(self, start: datetime, end: datetime) -> tuple[TradeOrder, ...] | None:
        assert start < end
        return self._unless_down(tuple(self._order(order) for order in self.broker.state.finished))

    def order_send(self, fields: dict[str, Any]) -> OrderSendResult | None:
        for key in ("volume", "price", "sl", "tp"):
            if not isinstance(fields.get(key, 0.0), float):
                self._error = (-2, f'Invalid "{key}" argument')
                return None
        self.sent.append(fields)
        if self.unanswered is not None:
            self._error = self.unanswered
            if self.executes_unanswered:
                self._execute(fields)
            return None
        if fields.get("type_filling", 0) in self.refused_fillings:
            return OrderSendResult(10030, 0, 0, 0.0, 0.0, "Unsupported filling mode", fields)
        return self._execute(fields)

    def _execute(self, fields: dict[str, Any]) -> OrderSendResult:
        result = self.broker.send(self._request(fields), self.world.now())
        return OrderSendResult(
            result.retcode,
            result.deal_id or 0,
            result.order_ticket or 0,
            float(result.volume or 0),
            float(result.price or 0),
            result.message,
            fields,
        )

    def _request(self, fields: dict[str, Any]) -> TradeRequest:
        action = ACTIONS[fields["action"]]
        market = action == "deal"
        side: Side | None = None
        order_type = OrderType.MARKET
        if market:
            side = Side.BUY if fields["type"] == 0 else Side.SELL
        elif action == "pending":
            side, order_type = next(kind for kind, number in ORDER_KINDS.items() if number == fields["type"])
        seconds = fields.get("expiration")
        return TradeRequest(
            action=action,
            symbol=fields["symbol"],
            side=side,
            order_type=order_type,
            volume=_exact(fields.get("volume")),
            price=_exact(fields.get("price")),
            stop_loss=_exact(fields.get("sl")) or None,
            take_profit=_exact(fields.get("tp")) or None,
            deviation=Decimal(fields["deviation"]) / 100_000 if market else None,
            expires_at=self._utc(seconds) if seconds else None,
            magic=fields["magic"],
            comment=fields["comment"],
            position=fields.get("position"),
            position_by=fields.get("position_by"),
            order=fields.get("order"),
        )

    def _symbol(self, spec: SymbolSpec) -> SymbolInfo:
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
            filling_mode=self.filling_mode,
            trade_mode=MODES[spec.trade_mode],
            trade_exemode=self.exemode,
            trade_tick_value=1.0,
        )

    def _position(self, position: Position) -> TradePosition:
        stamp = self._wall(position.opened_at)
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

    def _order(self, order: PendingOrder) -> TradeOrder:
        return TradeOrder(
            ticket=order.ticket,
            time_setup_msc=self._wall(order.placed_at),
            time_done_msc=self._wall(order.finished_at) if order.finished_at else 0,
            time_expiration=self._wall(order.expires_at) // 1000 if order.expires_at else 0,
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

    def _deal(self, deal: Deal) -> TradeDeal:
        stamp = self._wall(deal.executed_at)
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

    def _wall(self, at: datetime) -> int:
        """Milliseconds of the server's wall clock, counted as if it were UTC."""
        return int(at.astimezone(self.zone).replace(tzinfo=UTC).timestamp() * 1000)

    def _utc(self, seconds: int) -> datetime:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=self.zone).astimezone(UTC)

    def _unless_down(self, answer: Any) -> Any:
        self._error = NO_IPC if self.down else SUCCESS
        return None if self.down else answer


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))
