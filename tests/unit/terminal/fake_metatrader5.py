"""A stand-in for PyPI `MetaTrader5` with its names, tuples, doubles and habits, over a simulated broker.

As the real package it answers None on failure and explains itself in `last_error()`, gives an empty tuple where nothing
matches, knows no time zones (times are the server's wall clock), and has no tick for a symbol that is not selected.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from kopitra.domain.orders import MarginMode, OrderType, Side
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.records import (
    TradeRequest,
)
from kopitra.simulation.virtual_time import VirtualTime
from tests.unit.terminal.metatrader5_rows import (
    ORDER_KINDS,
    AccountInfo,
    OrderSendResult,
    SymbolInfo,
    TerminalInfo,
    Tick,
    TradeDeal,
    TradeOrder,
    TradePosition,
    deal_row,
    order_row,
    position_row,
    symbol_row,
    utc,
    wall,
)

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
        return self._unless_down(
            tuple(
                symbol_row(spec, self.filling_mode, self.exemode)
                for spec in self.broker.state.symbols.values()
            )
        )

    def symbol_info(self, symbol: str) -> SymbolInfo | None:
        spec = self.broker.state.symbols.get(symbol)
        return symbol_row(spec, self.filling_mode, self.exemode) if spec else None

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
        stamp = wall(quote.at or self.world.now(), self.zone)
        return Tick(int(stamp // 1000), float(quote.bid), float(quote.ask), 0.0, 0, stamp, 6, 0.0)

    def positions_total(self) -> int:
        return len(self.broker.state.positions)

    def orders_total(self) -> int:
        return len(self.broker.state.orders)

    def positions_get(
        self, symbol: str | None = None, ticket: int | None = None
    ) -> tuple[TradePosition, ...] | None:
        found = [
            position_row(position, self.zone)
            for position in self.broker.state.positions.values()
            if symbol in (None, position.symbol) and ticket in (None, position.ticket)
        ]
        return self._unless_down(tuple(found))

    def orders_get(self) -> tuple[TradeOrder, ...] | None:
        return self._unless_down(
            tuple(order_row(order, self.zone) for order in self.broker.state.orders.values())
        )

    def history_deals_get(
        self, start: datetime | None = None, end: datetime | None = None, *, ticket: int | None = None
    ) -> tuple[TradeDeal, ...] | None:
        rows = [deal_row(deal, self.zone) for deal in self.broker.state.deals]
        if ticket is not None:
            return tuple(row for row in rows if row.ticket == ticket and not self.history_lags)
        assert start is not None
        assert end is not None
        within = (row for row in rows if start.timestamp() <= row.time <= end.timestamp())
        return self._unless_down(tuple(within))

    def history_orders_get(self, start: datetime, end: datetime) -> tuple[TradeOrder, ...] | None:
        assert start < end
        return self._unless_down(tuple(order_row(order, self.zone) for order in self.broker.state.finished))

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
            expires_at=utc(seconds, self.zone) if seconds else None,
            magic=fields["magic"],
            comment=fields["comment"],
            position=fields.get("position"),
            position_by=fields.get("position_by"),
            order=fields.get("order"),
        )

    def _unless_down(self, answer: Any) -> Any:
        self._error = NO_IPC if self.down else SUCCESS
        return None if self.down else answer


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))
