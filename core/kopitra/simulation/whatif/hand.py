"""A follower's EA: takes the outbox in, carries it out lane by lane, tells the core of every deal before its ack."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from kopitra.domain.identifiers import CommandId, EventId, PositionRef
from kopitra.domain.orders import DealEntry, DealReason
from kopitra.domain.telemetry import ExecutionNotice, OutboxAck
from kopitra.domain.trading import AckStatus, Execution, ExecutionStatus, Order, OrderAction
from kopitra.machine.state import OutboxItem
from kopitra.protocol.events import InboxType
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.records import Deal, DealKind, OrderState, PendingOrder
from kopitra.simulation.whatif.orders import Outcome, carry_out

SENDS = 3
"""Attempts with a fresh price before a requote counts as a refusal."""
RETRY_PAUSE = timedelta(seconds=0.3)

Tell = Callable[[tuple[InboxType, Any]], None]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A deal with the command that made it; None where the broker did by itself."""

    deal: Deal
    command: CommandId | None


class Hand:
    """`tell` reports to the core. `on_deal` and `on_ack` hear of the same."""

    def __init__(
        self,
        broker: SimulatedBroker,
        tell: Tell,
        on_deal: Callable[[Told], None],
        on_ack: Callable[[Order, Outcome, datetime], None],
    ) -> None:
        self._broker = broker
        self._tell = tell
        self._on_deal = on_deal
        self._on_ack = on_ack
        self._lanes: dict[str, deque[OutboxItem]] = {}
        self._attempts: dict[CommandId, int] = {}
        self._opens: dict[int, CommandId] = {}
        """Magic number → the command that opened its copy."""
        self._ledger = len(broker.state.deals)
        self._finished = len(broker.state.finished)

    def take(self, items: Sequence[OutboxItem]) -> None:
        for item in items:
            self._lanes.setdefault(_lane(item), deque()).append(item)

    def work(self, at: datetime) -> datetime | None:
        """Carry out what can be carried out now, reductions first; when to come back for what cannot."""
        again = [due for lane in sorted(self._lanes.values(), key=_urgency) if (due := self._clear(lane, at))]
        self._lanes = {name: lane for name, lane in self._lanes.items() if lane}
        return min(again, default=None)

    def report(self, command: CommandId | None = None) -> bool:
        """Tell of deals and ended orders that are new; whether there were any."""
        state = self._broker.state
        if len(state.deals) == self._ledger and len(state.finished) == self._finished:
            return False
        executions = [*self._ended(), *self._dealt(command)]
        if executions:
            self._tell((InboxType.EXECUTION_NOTICE, ExecutionNotice(executions=executions)))
        return bool(executions)

    def _clear(self, lane: "deque[OutboxItem]", at: datetime) -> datetime | None:
        while lane:
            due = self._carry_out(lane[0], at)
            if due is not None:
                return due
            lane.popleft()
        return None

    def _carry_out(self, item: OutboxItem, at: datetime) -> datetime | None:
        order = item.order
        if order is None:
            self._ack(item, Outcome(status=AckStatus.EXECUTED))
            return None
        if order.action is OrderAction.OPEN:
            self._opens[order.magic] = order.command_id
        outcome = carry_out(self._broker, order, at, item.expires_at)
        attempt = self._attempts.pop(order.command_id, 0) + 1
        if outcome.again and attempt < SENDS:
            self._attempts[order.command_id] = attempt
            return at + RETRY_PAUSE * attempt
        self.report(order.command_id)
        self._ack(item, outcome)
        self._on_ack(order, outcome, at)
        return None

    def _ack(self, item: OutboxItem, outcome: Outcome) -> None:
        ack = OutboxAck(
            event_id=EventId(f"what-if-{item.sequence}"),
            sequence=item.sequence,
            status=outcome.status,
            retcode=outcome.retcode,
            retry_at=outcome.retry_at,
            reason=outcome.reason,
        )
        self._tell((InboxType.ACK, ack))

    def _dealt(self, command: CommandId | None) -> Iterator[Execution]:
        deals = self._broker.deals_after(self._ledger)
        self._ledger += len(deals)
        for deal in deals:
            if deal.kind is not DealKind.TRADE:
                continue
            told = Told(deal=deal, command=self._command_of(deal, command))
            self._on_deal(told)
            yield _execution(told)

    def _command_of(self, deal: Deal, command: CommandId | None) -> CommandId | None:
        """A resting order's fill belongs to the command that placed it; a stop's deal to none."""
        if deal.reason not in (None, DealReason.EXPERT):
            return None
        return command if command is not None else self._opens.get(deal.magic)

    def _ended(self) -> Iterator[Execution]:
        """Resting orders that ended without our doing."""
        ended = self._broker.state.finished[self._finished :]
        self._finished += len(ended)
        for order in ended:
            if order.state is OrderState.EXPIRED or (
                order.state is OrderState.CANCELLED and not self._is_being_removed(order)
            ):
                yield _ending(order, self._opens.get(order.magic))

    def _is_being_removed(self, order: PendingOrder) -> bool:
        heads = (lane[0].order for lane in self._lanes.values() if lane)
        return any(
            head is not None
            and head.magic == order.magic
            and head.action in (OrderAction.CANCEL, OrderAction.CLOSE)
            for head in heads
        )


def _lane(item: OutboxItem) -> str:
    if item.order is None:
        return f"note {item.sequence}"
    return item.order.copy_id or item.order.command_id


def _urgency(lane: "deque[OutboxItem]") -> tuple[bool, int]:
    return not lane[0].reduces, lane[0].sequence


def _execution(told: Told) -> Execution:
    deal = told.deal
    assert deal.side is not None, "a trade's deal has a side"
    entered = deal.entry is DealEntry.IN
    return Execution(
        status=ExecutionStatus.FILLED,
        symbol=deal.symbol,
        side=deal.side,
        executed_at=deal.executed_at,
        command_id=told.command,
        position_ref=PositionRef(f"p{deal.position_id}"),
        entry=deal.entry or DealEntry.IN,
        reason=deal.reason or DealReason.EXPERT,
        order_ticket=deal.order_ticket,
        deal_id=deal.deal_id,
        position_id=deal.position_id,
        position_ticket=deal.remainder_ticket or deal.position_ticket,
        remainder_ticket=deal.remainder_ticket,
        fill_volume=deal.volume,
        fill_price=deal.price,
        profit=None if entered else deal.profit,
        commission=deal.commission or None,
        swap=deal.swap or None,
    )


def _ending(order: PendingOrder, opened_by: CommandId | None) -> Execution:
    expired = order.state is OrderState.EXPIRED
    assert order.finished_at is not None, "an order that ended did so at some time"
    return Execution(
        status=ExecutionStatus.EXPIRED if expired else ExecutionStatus.CANCELLED,
        symbol=order.symbol,
        side=order.side,
        executed_at=order.finished_at,
        command_id=opened_by,
        reason=DealReason.BROKER,
        order_ticket=order.ticket,
    )
