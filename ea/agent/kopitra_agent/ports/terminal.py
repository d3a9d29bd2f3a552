"""What an agent needs of a MetaTrader terminal; the words and retcodes are MetaTrader 5's.

Every call may raise `TerminalUnavailable` (terminal or its connection down; whether a `send` reached the broker is
then unknown). Volumes in lots, prices in the symbol's profit currency, tickets are integers scoped by server + login.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from kopitra.domain.orders import DealEntry, DealReason, MarginMode, OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec


class TerminalUnavailable(Exception):
    """The terminal cannot be reached; a trade that was being sent may or may not have reached the broker."""


class TerminalAccount(msgspec.Struct, frozen=True, kw_only=True):
    login: int
    server: str
    currency: str
    balance: Decimal
    equity: Decimal
    margin: Decimal
    free_margin: Decimal
    leverage: int
    mode: MarginMode
    connected: bool
    synchronised: bool
    """History and positions are complete: only then may absence mean anything."""
    trade_allowed: bool
    ledger: int
    """Ordinal of the last deal this view includes (the broker's own ledger order)."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    ticket: int
    position_id: int
    """Stays the same over a ticket change (MT4's partial close, a netting reversal)."""
    symbol: str
    side: Side
    volume: Decimal
    open_price: Decimal
    opened_at: datetime
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    magic: int = 0
    comment: str = ""


class PendingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A pending order; once finished it lives on in the order history with its `state` and what became of it."""

    ticket: int
    symbol: str
    side: Side
    order_type: OrderType
    volume: Decimal
    price: Decimal
    placed_at: datetime
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    expires_at: datetime | None = None
    magic: int = 0
    comment: str = ""
    state: Literal["placed", "filled", "cancelled", "expired"] = "placed"
    finished_at: datetime | None = None
    position_id: int | None = None
    """The position that a filled order opened or changed."""


class Deal(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the broker's ledger. A balance operation has no position: `kind` is then deposit,
    withdrawal or credit.

    As in MetaTrader, `side` is the deal's own (what closes a buy is a sell), `volume` is this deal's alone, and a close
    by hand carries magic 0: what a position was is known from its `in` deal, by `position_id`. `position_ticket` is the
    ticket that the deal met (an `in` deal: the one it made).
    """

    ordinal: int
    deal_id: int
    order_ticket: int
    position_id: int
    position_ticket: int
    symbol: str
    side: Side | None
    entry: DealEntry | None
    reason: DealReason | None
    volume: Decimal
    price: Decimal
    executed_at: datetime
    magic: int = 0
    comment: str = ""
    profit: Decimal = Decimal(0)
    commission: Decimal = Decimal(0)
    swap: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    remainder_ticket: int | None = None
    """The new ticket of what is left: MT4's partial close, a netting reversal."""
    kind: Literal["trade", "deposit", "withdrawal", "credit"] = "trade"


class TradeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`deal`: market order (with `position`: close that ticket, all of it where `volume` is None); `pending`: place;
    `sltp`: change stops of `position`; `modify`: change pending `order`; `remove`: cancel pending `order`; `close_by`:
    close `position` against the opposite `position_by`.

    `sltp` and `modify` state the whole wanted order: a stop that is None is taken away. `deviation` is in price units
    around `price`; without both, any market price will do.
    """

    action: Literal["deal", "pending", "sltp", "modify", "remove", "close_by"]
    symbol: str
    side: Side | None = None
    order_type: OrderType = OrderType.MARKET
    volume: Decimal | None = None
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    deviation: Decimal | None = None
    expires_at: datetime | None = None
    magic: int = 0
    comment: str = ""
    position: int | None = None
    position_by: int | None = None
    order: int | None = None


class TradeResult(msgspec.Struct, frozen=True, kw_only=True):
    """`retcode` is MetaTrader's (10009 done, 10010 done partially, 10008 placed, 10004 requote, 10018 market
    closed …)."""

    retcode: int
    message: str = ""
    deal_id: int | None = None
    order_ticket: int | None = None
    position_id: int | None = None
    position_ticket: int | None = None
    remainder_ticket: int | None = None
    volume: Decimal | None = None
    price: Decimal | None = None


class Terminal(Protocol):
    async def account(self) -> TerminalAccount: ...

    async def symbols(self) -> Sequence[SymbolSpec]: ...

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]: ...

    async def positions(self) -> Sequence[Position]: ...

    async def orders(self) -> Sequence[PendingOrder]: ...

    async def deals(self, after: int) -> Sequence[Deal]:
        """Ledger lines whose ordinal is above `after`, ascending."""
        ...

    async def order_history(self, magic: int) -> Sequence[PendingOrder]:
        """Finished pending orders (filled, cancelled, expired) that carried this magic number."""
        ...

    async def send(self, request: TradeRequest) -> TradeResult: ...

    async def changed(self, seconds: float) -> None:
        """Return as soon as a deal, position or order changed since this method's last call, or after `seconds`."""
        ...
