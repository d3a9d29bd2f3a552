"""What really happened on an account, from its broker's own records: replayed operation by operation.

A ledger alone holds deals; the broker's operation log also tells stops that were changed and orders that were placed
and cancelled. Nothing here was told by the platform that is being judged.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from kopitra.domain.orders import DealEntry
from kopitra.domain.quantities import ZERO
from kopitra.domain.quotes import Quote
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.operations import HandTrade, Operation, Prices, Tick
from kopitra.simulation.broker.records import (
    Deal,
    DealKind,
    OrderState,
    PendingOrder,
    Position,
    TradeResult,
)
from kopitra.simulation.broker.state import BrokerState
from kopitra_cli.oracle import Step


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done to the account by an EA or by hand."""

    step: Step
    magic: int
    at: datetime
    """When the broker did it, by its own clock."""
    deal: Deal | None = None

    @property
    def opens(self) -> bool:
        return self.step.action in ("open", "pending")


class MarketDeed(StrEnum):
    FILLED = "filled"
    """A pending order met its price."""
    ENDED = "ended"
    """A stop closed the position, or an order's time ran out."""


class OwnEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the account's own market did."""

    kind: MarketDeed
    magic: int
    at: datetime


class LedgerLine(msgspec.Struct, frozen=True):
    """The balance after a deal, in the account's currency."""

    deal: Deal
    balance: Decimal


class BrokerStory(msgspec.Struct, kw_only=True):
    """`answers`: what operations by hand were answered, and when each was first done, by key."""

    deeds: list[Deed] = []
    own: list[OwnEvent] = []
    ledger: list[LedgerLine] = []
    quotes: list[Quote] = []
    """Every quote in order, under the broker's own names, with the broker's own time."""
    answers: dict[str, tuple[datetime, TradeResult]] = {}
    positions: list[Position] = []
    orders: list[PendingOrder] = []


def story_of(beginning: BrokerState, operations: Iterable[Operation]) -> BrokerStory:
    """Replay an account from its first state."""
    telling = _Telling(beginning)
    for operation in operations:
        telling.take(operation)
    return telling.end()


class _Telling:
    def __init__(self, beginning: BrokerState) -> None:
        self._broker = SimulatedBroker(beginning)
        self._state = self._broker.state
        self._story = BrokerStory()
        self._balance = ZERO
        self._by_itself = False
        self._positions: dict[int, Position] = {}
        self._orders: dict[int, PendingOrder] = {}
        self._told = 0
        self._remember()
        self._book(self._state.deals)

    def take(self, operation: Operation) -> None:
        revision = self._state.revision
        answer = self._broker.apply(operation)
        if isinstance(operation, HandTrade) and operation.key and isinstance(answer, TradeResult):
            self._story.answers.setdefault(operation.key, (self._state.clock, answer))
        if isinstance(operation, Prices):
            now = self._state.clock
            self._story.quotes.extend(msgspec.structs.replace(quote, at=now) for quote in operation.quotes)
        if self._state.revision != revision:
            self._by_itself = isinstance(operation, Prices | Tick)
            self._tell()

    def end(self) -> BrokerStory:
        self._story.positions = list(self._state.positions.values())
        self._story.orders = list(self._state.orders.values())
        return self._story

    def _tell(self) -> None:
        deals = self._state.deals[self._told :]
        self._book(deals)
        for deal in deals:
            if deal.kind is DealKind.TRADE:
                self._tell_deal(deal)
        self._tell_orders({deal.order_ticket for deal in deals if deal.entry is DealEntry.IN})
        self._tell_stops()
        self._remember()

    def _tell_deal(self, deal: Deal) -> None:
        if deal.entry is DealEntry.IN:
            order = self._orders.get(deal.order_ticket)
            if order is not None:
                self._own(MarketDeed.FILLED, order.magic)
                return
            position = self._state.positions[deal.position_ticket]
            self._deed("open", position, deal.volume, deal)
            return
        met = self._positions[deal.position_ticket]
        if self._by_itself:
            self._own(MarketDeed.ENDED, met.magic)
            return
        action = "close" if deal.volume == met.volume else "partial_close"
        self._story.deeds.append(
            Deed(step=_step(action, met, deal.volume), magic=met.magic, at=deal.executed_at, deal=deal)
        )

    def _tell_orders(self, filled: set[int]) -> None:
        for ticket, order in self._state.orders.items():
            known = self._orders.get(ticket)
            if known is None:
                self._deed("pending", order, order.volume)
            elif _terms(known) != _terms(order):
                self._deed("modify", order, order.volume)
        for ticket, order in self._orders.items():
            if ticket in self._state.orders or ticket in filled:
                continue
            if self._by_itself or self._how_it_ended(ticket) is OrderState.EXPIRED:
                self._own(MarketDeed.ENDED, order.magic)
            else:
                step = _step("cancel", order, order.volume)
                self._story.deeds.append(Deed(step=step, magic=order.magic, at=self._state.clock))

    def _tell_stops(self) -> None:
        before = {position.position_id: position for position in self._positions.values()}
        for position in self._state.positions.values():
            known = before.get(position.position_id)
            if known is not None and _stops(known) != _stops(position):
                self._deed("modify", position, position.volume)

    def _how_it_ended(self, ticket: int) -> OrderState:
        return next(order.state for order in reversed(self._state.finished) if order.ticket == ticket)

    def _deed(
        self, action: str, subject: Position | PendingOrder, volume: Decimal, deal: Deal | None = None
    ) -> None:
        step = _step(action, subject, volume, stops=True)
        self._story.deeds.append(Deed(step=step, magic=subject.magic, at=self._state.clock, deal=deal))

    def _own(self, kind: MarketDeed, magic: int) -> None:
        self._story.own.append(OwnEvent(kind=kind, magic=magic, at=self._state.clock))

    def _book(self, deals: Sequence[Deal]) -> None:
        for deal in deals:
            if deal.kind is not DealKind.CREDIT:
                self._balance += deal.amount
            self._story.ledger.append(LedgerLine(deal, self._balance))
        self._told = len(self._state.deals)

    def _remember(self) -> None:
        self._positions = dict(self._state.positions)
        self._orders = dict(self._state.orders)


def _step(action: str, subject: Position | PendingOrder, volume: Decimal, *, stops: bool = False) -> Step:
    levels = _stops(subject) if stops else (None, None)
    return Step(action, subject.side.value, subject.symbol, volume, *levels)


def _stops(subject: Position | PendingOrder) -> tuple[Decimal | None, Decimal | None]:
    return subject.stop_loss, subject.take_profit


def _terms(order: PendingOrder) -> tuple[Decimal | None, ...]:
    return order.price, *_stops(order)
