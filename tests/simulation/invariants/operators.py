"""What operators order at single accounts happens once, nobody else undoes it, and nobody trades without their word."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from kopitra.application.fencing import FenceRow
from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import DealEntry, OrderType
from kopitra.domain.trading import Order, OrderAction
from kopitra.machine.events import (
    CommandAcknowledged,
    CommandExpired,
    OperatorOrdered,
    Recorded,
    SessionApproved,
    SessionEnded,
    SessionOpened,
)
from kopitra.simulation.broker.records import Deal
from kopitra_agent.ports.terminal import TradeRequest
from tests.simulation.invariants.registry import Invariant, invariant
from tests.simulation.stage.facts import OUR_REASONS

if TYPE_CHECKING:
    from tests.simulation.stage.accounts import Party
    from tests.simulation.stage.counterparties import Instance
    from tests.simulation.stage.world import World

ZERO = Decimal(0)
ENDS = frozenset({"deal", "remove"})
"""Requests at a position or an order that take it away; the others change its stops or its price."""


class LoneTrade(msgspec.Struct, kw_only=True):
    """An operator's own open, and what its broker made of it."""

    account: str
    order: Order
    filled: Decimal = ZERO
    closed: Decimal = ZERO
    positions: set[int] = msgspec.field(default_factory=set[int])
    given_up: bool = False
    """Its open ended without a trade, and there is a record of that."""
    to_close: bool = False
    """An operator ordered it closed or taken away."""


@invariant("operators_orders_hold")
class OperatorsOrdersHold(Invariant):
    """An operator's open is executed once, and what it opened is closed by its owner, its broker or an operator."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self._trades: dict[tuple[str, int], LoneTrade] = {}

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        event = recorded.event
        match event:
            case OperatorOrdered() if event.order.action is OrderAction.OPEN:
                key = (str(event.account), event.order.magic)
                self._trades[key] = LoneTrade(account=key[0], order=event.order)
                if any(str(a) == key[0] and m == key[1] for a, m in self.facts.copies):
                    self.violated(f"{key[0]}'s operator gets magic number {key[1]}, which a copy has")
            case CommandAcknowledged() if event.retires and str(event.status) != "executed":
                self._given_up(event.command)
            case CommandExpired():
                self._given_up(event.command)
            case _:
                pass

    def _given_up(self, command: str) -> None:
        for trade in self._trades.values():
            if trade.order.command_id == command:
                trade.given_up = True

    def requested(self, party: "Party", request: TradeRequest) -> None:
        ticket = request.position if request.position is not None else request.order
        if ticket is None or not (request.action == "remove" or request.side is not None):
            return
        held = party.state.positions.get(ticket) or party.state.orders.get(ticket)
        trade = self._trades.get((party.name, held.magic)) if held is not None else None
        if trade is None:
            return
        self.times += 1
        orders = (ordered.order for ordered in self.facts.orders_of(party.name, request.magic))
        if any(order.copy_id is None and order.ticket == ticket for order in orders) and self._by_operator(
            party.name, request.magic
        ):
            trade.to_close = trade.to_close or request.action in ENDS
        else:
            self.violated(f"{party.name} sends {request} for an operator's trade, which no operator ordered")

    def _by_operator(self, account: str, magic: int) -> bool:
        """Orders for one ticket are an operator's or an orphan's; only an orphan's has its position's magic number."""
        return (account, magic) not in self._trades

    def dealt(self, party: "Party", deal: Deal) -> None:
        if deal.kind != "trade":
            return
        entered = self._trades.get((party.name, deal.magic)) if deal.entry is DealEntry.IN else None
        if entered is not None:
            self._entered(entered, deal)
        for trade in self._trades.values() if deal.entry is not DealEntry.IN else ():
            if trade.account == party.name and deal.position_id in trade.positions:
                self._left(trade, deal)

    def _entered(self, trade: LoneTrade, deal: Deal) -> None:
        self.times += 1
        trade.filled += deal.volume
        trade.positions.add(deal.position_id)
        if len(trade.positions) > 1 or trade.filled > trade.order.volume:
            self.violated(
                f"{trade.account}'s order {trade.order.command_id} of {trade.order.volume} has "
                f"{trade.filled} in {len(trade.positions)} positions"
            )

    def _left(self, trade: LoneTrade, deal: Deal) -> None:
        self.times += 1
        trade.closed += deal.volume
        if deal.reason in OUR_REASONS and not trade.to_close:
            self.violated(
                f"{trade.account}'s trade {trade.order.command_id} of an operator is closed by itself"
            )

    def unsettled(self) -> Iterator[str]:
        for trade in self._trades.values():
            self.times += 1
            left = trade.filled - trade.closed
            if trade.to_close and left:
                yield f"{trade.account} still holds {left} of {trade.order.command_id}, which was to be closed"
            at_market = trade.order.order_type is OrderType.MARKET
            if at_market and not trade.filled and not trade.given_up:
                yield f"{trade.account} holds nothing of {trade.order.command_id}, and no record says why"


@invariant("unapproved_get_nothing")
class UnapprovedGetNothing(Invariant):
    """A session that waits for approval is told of sessions, and of nothing else."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self._waits: dict[str, str] = {}
        """By account: its session that nobody has approved."""

    def committed(self, recorded: Recorded, row: FenceRow) -> None:
        event = recorded.event
        match event:
            case SessionOpened() if not event.approved:
                self._waits[str(event.account)] = str(event.session)
            case SessionApproved() | SessionEnded():
                self._waits.pop(str(event.account), None)
            case _:
                pass

    def delivering(self, instance: "Instance", account: str, answer: dict[str, Any]) -> None:
        session = self._waits.get(account)
        if session is None:
            return
        live = instance.service.core.engine.state.accounts[AccountId(account)].session
        if live is None or live.approved or str(live.session) != session:
            return  # an approval that is not durable yet gives away nothing that is not
        self.times += 1
        told = [e["eventType"] for e in (*answer["urgent"], *answer["events"])]
        if not all(name.startswith("session.") for name in told):
            self.violated(f"{account}'s session waits for approval and is given {told}")
