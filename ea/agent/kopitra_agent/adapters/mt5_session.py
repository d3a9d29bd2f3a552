"""One worker thread's blocking conversation with a MetaTrader 5 terminal through PyPI `MetaTrader5`.

The package answers None on every kind of failure and says why in `last_error()`. A terminal that is logged in to
another account is no terminal of ours: everything is refused until it is back.
"""

from collections.abc import Sequence
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from kopitra.domain.orders import MarginMode
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra_agent.adapters import mt5_records as records
from kopitra_agent.adapters import mt5_requests as requests
from kopitra_agent.adapters.mt5_history import Mt5History, Settling
from kopitra_agent.ports.terminal import (
    Deal,
    PendingOrder,
    Position,
    TerminalAccount,
    TerminalUnavailable,
    TradeRequest,
    TradeResult,
)
from kopitra_agent.ports.timing import Clock

NOT_SENT = {-2: 10013, -8: 10027}
"""last_error codes after which order_send has certainly sent nothing: invalid parameters, autotrading disabled."""
NO_CONNECTION, NO_QUOTES, POSITION_CLOSED, INVALID_FILL = 10031, 10021, 10036, 10030
EXECUTED = (10008, 10009, 10010)
RETAIL_HEDGING = 2


class Mt5Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Without a password the terminal must be logged in already."""

    login: int
    password: str | None = None
    server: str | None = None
    path: str | None = None
    server_zone: str = "UTC"
    """The IANA zone of the trade server's clock (many brokers: Europe/Athens); a wrong one shifts every time."""
    settle_seconds: float = 3.0
    """How long the book must stand still after connecting before its absences mean anything."""
    poll_seconds: float = 0.1

    def __post_init__(self) -> None:
        if self.login <= 0:
            raise ValueError("login must be above 0")
        try:
            ZoneInfo(self.server_zone)
        except (ZoneInfoNotFoundError, ValueError) as unknown:
            raise ValueError(f"server_zone: {self.server_zone} is no IANA time zone") from unknown


class Mt5Session:
    """Not for several threads: `Mt5Terminal` gives it one."""

    def __init__(self, api: Any, settings: Mt5Settings, clock: Clock) -> None:
        self._api = api
        self._settings = settings
        self._clock = clock
        self._zone = ZoneInfo(settings.server_zone)
        self._open = False
        self._settling = Settling(settings.settle_seconds)
        self._history = Mt5History(api, self._told, self._zone, clock)

    def account(self) -> TerminalAccount:
        info = self._ready()
        terminal = self._told(self._api.terminal_info())
        deals = self._history.deals()
        counts = (self._api.positions_total(), self._api.orders_total(), len(deals))
        settled = self._settling.observe(terminal.connected, counts, self._clock.monotonic())
        return TerminalAccount(
            login=info.login,
            server=info.server,
            currency=info.currency,
            balance=records.number(info.balance),
            equity=records.number(info.equity),
            margin=records.number(info.margin),
            free_margin=records.number(info.margin_free),
            leverage=info.leverage,
            mode=MarginMode.HEDGING if info.margin_mode == RETAIL_HEDGING else MarginMode.NETTING,
            connected=terminal.connected,
            synchronised=settled,
            trade_allowed=bool(terminal.trade_allowed and info.trade_allowed and info.trade_expert),
            ledger=deals[-1].ordinal if deals else 0,
        )

    def symbols(self) -> Sequence[SymbolSpec]:
        self._ready()
        return [records.symbol_of(row) for row in self._told(self._api.symbols_get())]

    def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        self._ready()
        found: list[Quote] = []
        for symbol in symbols:
            tick = self._tick(symbol)
            if tick is not None:
                at = records.utc(tick.time_msc, self._zone)
                found.append(Quote(symbol, records.price(tick.bid), records.price(tick.ask), at))
        return found

    def positions(self) -> Sequence[Position]:
        self._ready()
        return [records.position_of(row, self._zone) for row in self._told(self._api.positions_get())]

    def orders(self) -> Sequence[PendingOrder]:
        self._ready()
        rows = self._told(self._api.orders_get())
        return [records.order_of(row, self._zone) for row in rows if row.type in records.ORDER_TYPES]

    def deals(self, after: int) -> Sequence[Deal]:
        self._ready()
        return self._history.deals_after(after)

    def order_history(self, magic: int) -> Sequence[PendingOrder]:
        self._ready()
        return self._history.finished_orders(magic)

    def fingerprint(self) -> object:
        """Differs whenever a position, a pending order or the ledger does."""
        account = self.account()
        positions = self._told(self._api.positions_get())
        orders = self._told(self._api.orders_get())
        return (
            account.synchronised,
            account.ledger,
            [(row.ticket, row.type, row.volume, row.sl, row.tp) for row in positions],
            [(row.ticket, row.price_open, row.sl, row.tp, row.time_expiration) for row in orders],
        )

    def send(self, request: TradeRequest) -> TradeResult:
        self._ready()
        if not self._told(self._api.terminal_info()).connected:
            return TradeResult(retcode=NO_CONNECTION, message="no connection with the trade server")
        symbol = self._api.symbol_info(request.symbol)
        if symbol is None:
            return requests.invalid(f"unknown symbol {request.symbol}")
        tick = self._tick(request.symbol)
        if tick is None:
            return TradeResult(retcode=NO_QUOTES, message="no quotes")
        position = self._position(request.position)
        if request.position is not None and position is None:
            return TradeResult(retcode=POSITION_CLOSED, message="no such position")
        try:
            fields = requests.request_fields(request, symbol, tick, position, self._zone)
        except requests.RequestInvalid as wrong:
            return requests.invalid(str(wrong))
        result = self._order_send(request, fields, symbol)
        return self._with_position(request, result, position)

    def close(self) -> None:
        self._open = False
        self._api.shutdown()

    def _order_send(self, request: TradeRequest, fields: dict[str, Any], symbol: Any) -> TradeResult:
        """A broker that refuses a filling mode has executed nothing: only then the next one is tried."""
        fillable = request.action in ("deal", "pending")
        modes = requests.filling_modes(symbol, request.action == "pending") if fillable else [None]
        result = requests.invalid("no filling mode")
        for mode in modes:
            filling = {} if mode is None else {"type_filling": mode}
            answer = self._api.order_send(fields | filling)
            if answer is None:
                return self._unanswered()
            result = requests.result_of(answer)
            if result.retcode != INVALID_FILL:
                break
        return result

    def _unanswered(self) -> TradeResult:
        code, words = self._api.last_error()
        if code not in NOT_SENT:
            self._lost()
        return TradeResult(retcode=NOT_SENT[code], message=words)

    def _with_position(self, request: TradeRequest, result: TradeResult, position: Any) -> TradeResult:
        """Name the position that a deal met, which order_send does not."""
        if result.retcode not in EXECUTED or request.action not in ("deal", "close_by"):
            return result
        if position is not None:
            return msgspec.structs.replace(
                result, position_id=position.identifier, position_ticket=position.ticket
            )
        rows = self._api.history_deals_get(ticket=result.deal_id) if result.deal_id else None
        if not rows:
            return result  # not in the terminal's history yet: the ledger will tell
        found = [
            row
            for row in self._api.positions_get(symbol=request.symbol) or ()
            if row.identifier == rows[0].position_id
        ]
        return msgspec.structs.replace(
            result,
            position_id=rows[0].position_id,
            position_ticket=found[0].ticket if found else None,
        )

    def _position(self, ticket: int | None) -> Any:
        if ticket is None:
            return None
        rows = self._told(self._api.positions_get(ticket=ticket))
        return rows[0] if rows else None

    def _tick(self, symbol: str) -> Any:
        """The last tick; a symbol that the terminal does not watch is watched from now on."""
        tick = self._api.symbol_info_tick(symbol)
        if tick is None and self._api.symbol_select(symbol, True):
            tick = self._api.symbol_info_tick(symbol)
        return tick if tick is not None and tick.bid > 0 and tick.ask > 0 else None

    def _ready(self) -> Any:
        """The account's info row, of the right account; connects where it has to."""
        if not self._open:
            self._initialise()
        info = self._told(self._api.account_info())
        if info.login != self._settings.login:
            self._settling.restart()
            raise TerminalUnavailable(f"the terminal is logged in to {info.login}")
        return info

    def _initialise(self) -> None:
        chosen = self._settings
        options: dict[str, Any] = {}
        if chosen.password is not None:
            options = {"login": chosen.login, "password": chosen.password, "server": chosen.server or ""}
        place = () if chosen.path is None else (chosen.path,)
        if not self._api.initialize(*place, **options):
            self._lost()
        self._open = True
        self._settling.restart()
        self._history.forget()

    def _told(self, answer: Any) -> Any:
        """What the package answered; None means that it could not ask."""
        if answer is None:
            self._lost()
        return answer

    def _lost(self) -> NoReturn:
        self._open = False
        code, words = self._api.last_error()
        raise TerminalUnavailable(f"MetaTrader 5: {code} {words}")
