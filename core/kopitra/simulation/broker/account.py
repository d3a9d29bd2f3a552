"""One account's state with the indexes that make it quick to work with; the only place that changes the books.

The indexes are derived: building an `Account` from a restored state gives them back.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from kopitra.domain.orders import Side
from kopitra.domain.quantities import ZERO
from kopitra.domain.quotes import Quote
from kopitra.simulation.broker.records import Deal, DealKind, OrderState, PendingOrder, Position
from kopitra.simulation.broker.state import BrokerState


class Exposure:
    """Sums over one symbol's positions, from which floating profit and margin follow without visiting each."""

    __slots__ = ("buy_cost", "buy_volume", "positions", "sell_cost", "sell_volume", "swap")

    def __init__(self) -> None:
        self.positions = 0
        self.buy_volume = self.buy_cost = self.sell_volume = self.sell_cost = self.swap = ZERO

    def add(self, position: Position, sign: int) -> None:
        volume = position.volume * sign
        self.positions += sign
        self.swap += position.swap * sign
        if position.side is Side.BUY:
            self.buy_volume += volume
            self.buy_cost += volume * position.open_price
        else:
            self.sell_volume += volume
            self.sell_cost += volume * position.open_price

    def floating(self, quote: Quote) -> Decimal:
        """Profit of all positions at this quote, in lots × profit currency (multiply by the contract size)."""
        bought = quote.bid * self.buy_volume - self.buy_cost
        return bought + self.sell_cost - quote.ask * self.sell_volume


class Account:
    def __init__(self, state: BrokerState) -> None:
        self.state = state
        self._positions: dict[str, dict[int, Position]] = {}
        self._orders: dict[str, dict[int, PendingOrder]] = {}
        self._finished: dict[int, list[PendingOrder]] = {}
        self._expiring: dict[int, PendingOrder] = {}
        self.exposure: dict[str, Exposure] = {}
        self.pairs = {
            (spec.base_currency, spec.profit_currency): name for name, spec in state.symbols.items()
        }
        """(base, profit) currency → symbol, for conversions."""
        for position in state.positions.values():
            self._index(position)
        for order in state.orders.values():
            self._index_order(order)
        for order in state.finished:
            self._finished.setdefault(order.magic, []).append(order)

    def positions_of(self, symbol: str) -> list[Position]:
        """In order of opening."""
        return list(self._positions.get(symbol, {}).values())

    def orders_of(self, symbol: str) -> list[PendingOrder]:
        return list(self._orders.get(symbol, {}).values())

    def finished_with(self, magic: int) -> list[PendingOrder]:
        return list(self._finished.get(magic, ()))

    def expiring(self) -> list[PendingOrder]:
        """Pending orders that have an end, oldest first."""
        return [self._expiring[ticket] for ticket in sorted(self._expiring)]

    def new_ticket(self) -> int:
        ticket = self.state.next_ticket
        self.state.next_ticket += 1
        return ticket

    def put(self, position: Position) -> None:
        """Add a position, or let it take the place of the one with the same ticket."""
        self._replace(position)
        self.state.revision += 1

    def drop(self, ticket: int) -> None:
        position = self.state.positions.pop(ticket)
        del self._positions[position.symbol][ticket]
        self._weigh(position, -1)
        self.state.revision += 1

    def put_order(self, order: PendingOrder) -> None:
        self.state.orders[order.ticket] = order
        self._index_order(order)
        self.state.revision += 1

    def finish_order(self, order: PendingOrder, outcome: OrderState, position_id: int | None = None) -> None:
        """Move a pending order to the history."""
        del self.state.orders[order.ticket]
        del self._orders[order.symbol][order.ticket]
        self._expiring.pop(order.ticket, None)
        done = msgspec.structs.replace(
            order, state=outcome, finished_at=self.state.clock, position_id=position_id
        )
        self.state.finished.append(done)
        self._finished.setdefault(done.magic, []).append(done)
        self.state.revision += 1

    def write_deal(self, **fields: Any) -> Deal:
        """Append a ledger line and book its amount."""
        state = self.state
        deal = Deal(
            ordinal=len(state.deals) + 1,
            deal_id=state.next_deal,
            executed_at=state.clock,
            **fields,
        )
        state.next_deal += 1
        state.deals.append(deal)
        if deal.kind is DealKind.CREDIT:
            state.credit += deal.amount
        else:
            state.balance += deal.amount
        state.revision += 1
        return deal

    def accrue_swaps(self, positions: Iterable[Position]) -> None:
        """Take over positions of which only the swap changed: nothing that a terminal reports as a change."""
        for position in positions:
            self._replace(position)

    def _replace(self, position: Position) -> None:
        known = self.state.positions.get(position.ticket)
        if known is not None:
            self._weigh(known, -1)
        self.state.positions[position.ticket] = position
        self._index(position)

    def _index(self, position: Position) -> None:
        self._positions.setdefault(position.symbol, {})[position.ticket] = position
        self._weigh(position, 1)

    def _index_order(self, order: PendingOrder) -> None:
        self._orders.setdefault(order.symbol, {})[order.ticket] = order
        if order.expires_at is None:
            self._expiring.pop(order.ticket, None)
        else:
            self._expiring[order.ticket] = order

    def _weigh(self, position: Position, sign: int) -> None:
        exposure = self.exposure.setdefault(position.symbol, Exposure())
        exposure.add(position, sign)
        if not exposure.positions:
            del self.exposure[position.symbol]
