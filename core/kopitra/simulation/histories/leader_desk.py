"""A made-up leader's terminal: it does what it is told, lets the market trigger stops and orders, and notes
every event."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quantities import ZERO
from kopitra.simulation.histories.leader_book import LOT_STEP, Holding, next_bid, reached
from kopitra.simulation.histories.market import Market
from kopitra.simulation.timeline import Action, CashKind, Reason, TimelineEvent

FIRST_TICKET = 50_000_001
COMMISSION_PER_LOT = Decimal("-7.00")
CENT = Decimal("0.01")
SECOND = timedelta(seconds=1)


class LeaderDesk:
    """Times have whole seconds, and a symbol has one quote in each, so that events of one second may be
    reordered."""

    def __init__(self, market: Market, start: datetime, *, changes_tickets: bool = True) -> None:
        self.market = market
        self.now = start
        self.events: list[TimelineEvent] = []
        self._changes_tickets = changes_tickets
        self._next_ticket = FIRST_TICKET
        self._holdings: dict[int, Holding] = {}

    def positions(self) -> list[Holding]:
        return [holding for holding in self._holdings.values() if not holding.is_waiting]

    def orders(self) -> list[Holding]:
        return [holding for holding in self._holdings.values() if holding.is_waiting]

    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    def cash(self, amount: Decimal, kind: CashKind) -> None:
        self.events.append(
            TimelineEvent(
                at=self.now,
                action=Action.BALANCE,
                ticket=self._ticket(),
                amount=amount,
                cash=kind,
                comment=kind,
            )
        )

    def show(self, symbol: str) -> None:
        """A quote of the symbol, nothing else."""
        self._note(Action.QUOTE, symbol)

    def move(self, symbol: str, bid: int) -> None:
        """The market goes there, and everything on its way happens, each price in a second of its own."""
        spread = self.market.symbol(symbol).spread
        while self.market.bid(symbol) != bid:
            mine = [holding for holding in self._holdings.values() if holding.symbol == symbol]
            self.wait(1)
            self.market.put(symbol, next_bid(mine, spread, self.market.bid(symbol), bid))
            hit = reached(mine, spread, self.market.bid(symbol))
            if not hit:
                self._note(Action.QUOTE, symbol)
            for trigger in hit:
                if trigger.reason is None:
                    self._fill(trigger.holding)
                else:
                    self._end(trigger.holding, trigger.reason)
        self.wait(1)

    def open(self, symbol: str, side: Side, steps: int, stops: tuple[int | None, int | None]) -> Holding:
        price = self.market.ask(symbol) if side is Side.BUY else self.market.bid(symbol)
        holding = self._hold(symbol, side, OrderType.MARKET, steps, price, stops)
        self._note(Action.OPEN, holding, volume_before=ZERO, volume_after=holding.volume)
        return holding

    def place(
        self,
        symbol: str,
        side: Side,
        kind: OrderType,
        steps: int,
        price: int,
        stops: tuple[int | None, int | None],
    ) -> Holding:
        holding = self._hold(symbol, side, kind, steps, price, stops)
        self._note(Action.PENDING_PLACED, holding)
        return holding

    def modify(
        self, holding: Holding, stops: tuple[int | None, int | None], price: int | None = None
    ) -> None:
        holding.stop_loss, holding.take_profit = stops
        if holding.is_waiting:
            holding.price = price or holding.price
            self._note(Action.PENDING_MODIFIED, holding)
        else:
            self._note(Action.MODIFY, holding, price=None)

    def close(self, holding: Holding) -> None:
        self._end(holding, Reason.CLIENT)

    def close_part(self, holding: Holding, steps: int) -> None:
        before, closed = holding.volume, steps * LOT_STEP
        ticket = holding.ticket
        holding.steps -= steps
        if self._changes_tickets:
            del self._holdings[ticket]
            holding.ticket = self._ticket()
            self._holdings[holding.ticket] = holding
        self._note(
            Action.PARTIAL_CLOSE,
            holding,
            ticket=ticket,
            volume=closed,
            volume_before=before,
            volume_after=holding.volume,
            remainder_ticket=holding.ticket if holding.ticket != ticket else None,
            **self._result(holding, closed, Reason.CLIENT),
        )

    def cancel(self, holding: Holding) -> None:
        del self._holdings[holding.ticket]
        self._note(Action.PENDING_CANCELLED, holding, reason=Reason.CLIENT, stop_loss=None, take_profit=None)

    def _end(self, holding: Holding, reason: Reason) -> None:
        del self._holdings[holding.ticket]
        self._note(
            Action.CLOSE,
            holding,
            volume_before=holding.volume,
            volume_after=ZERO,
            stop_loss=None,
            take_profit=None,
            **self._result(holding, holding.volume, reason),
        )

    def _fill(self, holding: Holding) -> None:
        kind = holding.order_type
        holding.order_type = OrderType.MARKET
        holding.opened_at = self.now
        self._note(
            Action.PENDING_FILLED, holding, order_type=kind, volume_before=ZERO, volume_after=holding.volume
        )

    def _result(self, holding: Holding, closed: Decimal, reason: Reason) -> dict[str, Any]:
        """Price and money of a close at the market."""
        buys = holding.side is Side.BUY
        price = self.market.bid(holding.symbol) if buys else self.market.ask(holding.symbol)
        gained = price - holding.price if buys else holding.price - price
        return {
            "price": self.market.price(holding.symbol, price),
            "reason": reason,
            "profit": self.market.value(holding.symbol, gained, closed),
            "commission": (COMMISSION_PER_LOT * closed).quantize(CENT),
            "swap": ZERO,
        }

    def _hold(
        self,
        symbol: str,
        side: Side,
        kind: OrderType,
        steps: int,
        price: int,
        stops: tuple[int | None, int | None],
    ) -> Holding:
        ticket = self._ticket()
        holding = Holding(
            ref=ticket,
            ticket=ticket,
            symbol=symbol,
            side=side,
            order_type=kind,
            steps=steps,
            price=price,
            stop_loss=stops[0],
            take_profit=stops[1],
            opened_at=self.now,
        )
        self._holdings[ticket] = holding
        return holding

    def _ticket(self) -> int:
        self._next_ticket += 1
        return self._next_ticket - 1

    def _note(self, action: Action, about: Holding | str, **other: Any) -> None:
        symbol = about if isinstance(about, str) else about.symbol
        quote = self.market.quote(symbol, self.now)
        if isinstance(about, str):
            self.events.append(TimelineEvent(at=self.now, action=action, symbol=symbol, quote=quote))
            return
        facts: dict[str, Any] = {
            "ticket": about.ticket,
            "position_ref": str(about.ref),
            "side": about.side,
            "order_type": about.order_type,
            "volume": about.volume,
            "price": self.market.price(symbol, about.price),
            "stop_loss": None if about.stop_loss is None else self.market.price(symbol, about.stop_loss),
            "take_profit": None
            if about.take_profit is None
            else self.market.price(symbol, about.take_profit),
        }
        facts |= other
        self.events.append(TimelineEvent(at=self.now, action=action, symbol=symbol, quote=quote, **facts))
