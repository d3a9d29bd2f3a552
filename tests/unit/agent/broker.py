"""A broker that does what its script says: a ledger, a book, and answers that can be late, lost or refused."""

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from kopitra.domain.orders import DealEntry, DealReason, MarginMode, OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.ports.terminal import (
    Deal,
    PendingOrder,
    Position,
    TerminalAccount,
    TradeRequest,
)

FIRST_TICKET = 1000


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one `send`: `seconds` until it reaches the broker, then a refusal by `retcode` or the trade
    (of at most `fill` lots); `then` instead of an answer: lost, or a time-out."""

    seconds: float = 0.0
    retcode: int | None = None
    fill: Decimal | None = None
    then: Literal["answer", "lost", "timeout"] = "answer"
    before: Callable[[], None] | None = None
    """Something that happens at the broker just before."""


class Broker:
    """State that outlives agents. Balance moves by 1 a closing deal, so that figures can be told apart."""

    def __init__(self, world: VirtualTime, login: int = 7, server: str = "Demo-1") -> None:
        self.world = world
        self.login, self.server = login, server
        self.positions: dict[int, Position] = {}
        self.orders: dict[int, PendingOrder] = {}
        self.history: list[PendingOrder] = []
        self.deals: list[Deal] = []
        self.quotes: dict[str, Quote] = {"EURUSD": Quote("EURUSD", Decimal("1.10000"), Decimal("1.10010"))}
        self.symbols: list[SymbolSpec] = [symbol("EURUSD"), symbol("USDJPY")]
        self.balance = Decimal(10_000)
        self.connected = self.synchronised = self.trade_allowed = True
        self.up = True
        self.scripts: deque[Script] = deque()
        self.keeps_magic = self.keeps_comment = True
        self.new_ticket_at_partial_close = False
        self.sent: list[TradeRequest] = []
        self.version = 0
        self._ticket = FIRST_TICKET

    # -- what people and markets do ------------------------------------------------------------------------------

    def ticket(self) -> int:
        self._ticket += 1
        return self._ticket

    def open(
        self,
        side: Side = Side.BUY,
        volume: str = "1.00",
        *,
        name: str = "EURUSD",
        magic: int = 0,
        reason: DealReason = DealReason.CLIENT,
        order: PendingOrder | None = None,
        stop_loss: Decimal | None = None,
        comment: str = "",
    ) -> Position:
        """A new position, from a market order or a filled pending one."""
        ticket = order.ticket if order is not None else self.ticket()
        position = Position(
            ticket=ticket,
            position_id=ticket,
            symbol=name,
            side=side,
            volume=Decimal(volume),
            open_price=self.price(name, side),
            opened_at=self.world.now(),
            stop_loss=stop_loss,
            magic=magic if self.keeps_magic else 0,
            comment=comment if self.keeps_comment else "",
        )
        self.positions[ticket] = position
        self.write(position, DealEntry.IN, reason, position.volume, ticket, position.magic)
        return position

    def close(
        self,
        ticket: int,
        volume: str | Decimal | None = None,
        reason: DealReason = DealReason.CLIENT,
        magic: int = 0,
    ) -> Deal:
        position = self.positions.pop(ticket)
        closing = position.volume if volume is None else Decimal(volume)
        left = position.volume - closing
        remainder = None
        if left > 0:
            remainder = self.ticket() if self.new_ticket_at_partial_close else None
            kept = remainder or ticket
            self.positions[kept] = msgspec.structs.replace(position, ticket=kept, volume=left)
        self.balance += 1
        return self.write(position, DealEntry.OUT, reason, closing, self.ticket(), magic, remainder)

    def write(
        self,
        position: Position,
        entry: DealEntry,
        reason: DealReason,
        volume: Decimal,
        order_ticket: int,
        magic: int,
        remainder: int | None = None,
    ) -> Deal:
        side = position.side if entry is DealEntry.IN else position.side.opposite
        deal = Deal(
            ordinal=len(self.deals) + 1,
            deal_id=50_000 + len(self.deals) + 1,
            order_ticket=order_ticket,
            position_id=position.position_id,
            position_ticket=position.ticket,
            symbol=position.symbol,
            side=side,
            entry=entry,
            reason=reason,
            volume=volume,
            price=self.price(position.symbol, side),
            executed_at=self.world.now(),
            magic=magic,
            remainder_ticket=remainder,
            profit=Decimal(0) if entry is DealEntry.IN else Decimal(1),
        )
        self.deals.append(deal)
        self.version += 1
        return deal

    def deposit(self, amount: str) -> None:
        self.balance += Decimal(amount)
        self.deals.append(
            Deal(
                ordinal=len(self.deals) + 1,
                deal_id=50_000 + len(self.deals) + 1,
                order_ticket=0,
                position_id=0,
                position_ticket=0,
                symbol="",
                side=None,
                entry=None,
                reason=None,
                volume=Decimal(0),
                price=Decimal(0),
                executed_at=self.world.now(),
                profit=Decimal(amount),
                kind="deposit",
            )
        )
        self.version += 1

    def place(self, order: PendingOrder) -> None:
        self.orders[order.ticket] = order
        self.version += 1

    def fill(self, ticket: int, reason: DealReason = DealReason.EXPERT) -> Position:
        order = self.finish(ticket, "filled")
        return self.open(
            order.side, str(order.volume), name=order.symbol, magic=order.magic, reason=reason, order=order
        )

    def finish(self, ticket: int, state: Literal["filled", "cancelled", "expired"]) -> PendingOrder:
        order = self.orders.pop(ticket)
        self.history.append(msgspec.structs.replace(order, state=state, finished_at=self.world.now()))
        self.version += 1
        return order

    def set_stops(self, ticket: int, stop_loss: str | None, take_profit: str | None = None) -> None:
        self.positions[ticket] = msgspec.structs.replace(
            self.positions[ticket],
            stop_loss=None if stop_loss is None else Decimal(stop_loss),
            take_profit=None if take_profit is None else Decimal(take_profit),
        )
        self.version += 1

    def price(self, name: str, side: Side) -> Decimal:
        quote = self.quotes.get(name, Quote(name, Decimal(1), Decimal(1)))
        return quote.ask if side is Side.BUY else quote.bid

    def account(self) -> TerminalAccount:
        return TerminalAccount(
            login=self.login,
            server=self.server,
            currency="USD",
            balance=self.balance,
            equity=self.balance,
            margin=Decimal(0),
            free_margin=self.balance,
            leverage=100,
            mode=MarginMode.HEDGING,
            connected=self.connected,
            synchronised=self.synchronised,
            trade_allowed=self.trade_allowed,
            ledger=len(self.deals),
        )

    def finished(self, magic: int) -> Sequence[PendingOrder]:
        return [order for order in self.history if order.magic == magic]


def symbol(name: str) -> SymbolSpec:
    return SymbolSpec(
        symbol=name,
        digits=5,
        contract_size=Decimal(100_000),
        volume_min=Decimal("0.01"),
        volume_max=Decimal(100),
        volume_step=Decimal("0.01"),
        base_currency=name[:3],
        profit_currency=name[3:],
    )


def limit_order(broker: Broker, volume: str = "1.00", price: str = "1.05000", magic: int = 0) -> PendingOrder:
    """A resting buy limit order, not placed yet."""
    return PendingOrder(
        ticket=broker.ticket(),
        symbol="EURUSD",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        volume=Decimal(volume),
        price=Decimal(price),
        placed_at=broker.world.now(),
        magic=magic,
    )
