"""What the platform decided and heard, gathered from its journal as it grows: who got what for which leader event,
what is still on its way, and which figures a size was made of."""

from collections import Counter, defaultdict
from datetime import datetime

import msgspec

from kopitra.domain.identifiers import AccountId, CommandId, CopyId, PositionRef
from kopitra.domain.orders import DealReason
from kopitra.domain.trading import AckStatus, Order, OrderAction, Signal, SignalAction
from kopitra.machine.events import (
    AccountConfigured,
    AnyEvent,
    CatalogKept,
    CommandAcknowledged,
    CommandExpired,
    CommandRedriven,
    CopyCorrected,
    CopyDecision,
    CopyPlanned,
    CopySettled,
    Enrolled,
    ExecutionRecorded,
    IncidentOpened,
    OrphanClosed,
    Outcome,
    Recorded,
    SessionOpened,
    SignalDeferred,
    SignalIgnored,
    SubscriptionConfigured,
    TradingHalted,
    TradingResumed,
)
from kopitra.protocol.event_messages import is_published

OPENING = frozenset({SignalAction.OPEN, SignalAction.PENDING_PLACED})
ENDING = frozenset({OrderAction.CLOSE, OrderAction.CANCEL})
BY_ITSELF = frozenset({DealReason.STOP_LOSS, DealReason.TAKE_PROFIT, DealReason.STOP_OUT})
DONE = frozenset({AckStatus.EXECUTED, AckStatus.ALREADY_CLOSED})


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What one follower got for one leader position that began."""

    decision: CopyDecision
    signal: Signal
    sequence: int
    at: datetime
    reported_deal: int | None = None
    """The follower's last deal that the journal knew by then."""
    leader_deal: int | None = None
    """The leader's last deal that the journal knew, with this signal."""


class PlatformRecord:
    """`take` every event of the journal once, in order."""

    def __init__(self) -> None:
        self.sequence = 0
        self.published = 0
        """The end of the last event that others are told of."""
        self.halted = False
        self.runs: Counter[PositionRef] = Counter()
        """Leader events that were planned (or rightly ignored), by position or order."""
        self.openings: dict[AccountId, dict[PositionRef, Opening]] = defaultdict(dict)
        self.magics: dict[AccountId, dict[int, PositionRef]] = defaultdict(dict)
        self.recorded_deals: dict[AccountId, set[int]] = defaultdict(set)
        self.fates: dict[AccountId, dict[PositionRef, str]] = defaultdict(dict)
        """Why an open that was planned came to nothing, where it did."""
        self.skips: dict[AccountId, Counter[str]] = defaultdict(Counter)
        self.live: dict[AccountId, set[PositionRef]] = defaultdict(set)
        """Copies that are open or wait at the broker, as far as the platform heard."""
        self.incidents: list[str] = []
        self.latencies: dict[AccountId, list[float]] = defaultdict(list)
        """Milliseconds from the leader's deal to the follower's, for the view; the verdict measures by itself."""
        self.catalogues: set[AccountId] = set()
        self.enrolled: set[AccountId] = set()
        self.sessions: Counter[AccountId] = Counter()
        self.configured: set[str] = set()
        self._pending: dict[CommandId, PositionRef] = {}
        self._pending_of: Counter[PositionRef] = Counter()
        self._owners: dict[CopyId, PositionRef] = {}
        self._aliases: dict[PositionRef, PositionRef] = {}
        self._opens: dict[CommandId, tuple[AccountId, PositionRef]] = {}
        self._began: dict[CommandId, datetime] = {}
        self._ends: dict[CommandId, tuple[AccountId, PositionRef]] = {}
        self._uncertain: dict[CopyId, CommandId] = {}
        self._leader_deal: int | None = None
        self._last_deals: dict[AccountId, int] = {}

    def take(self, recorded: Recorded) -> None:
        self.sequence = recorded.last
        if is_published(recorded.event):
            self.published = recorded.last
        match recorded.event:
            case CopyPlanned():
                self._plan(recorded, recorded.event)
            case SignalIgnored() | SignalDeferred():
                self._count(recorded.event.signal)
            case CommandAcknowledged():
                self._acknowledge(recorded.event)
            case ExecutionRecorded():
                self._execute(recorded.event)
            case _:
                self._note(recorded.event)

    def outstanding(self, ref: PositionRef) -> int:
        """Commands for copies of this leader position that are not carried out yet."""
        return self._pending_of[self._aliases.get(ref, ref)]

    def events_of(self, ref: PositionRef) -> int:
        """How many of the leader's events of a position have been dealt with."""
        return self.runs[self._aliases.get(ref, ref)]

    def on_its_way(self) -> int:
        return len(self._pending)

    def _plan(self, recorded: Recorded, event: CopyPlanned) -> None:
        signal = event.signal
        ref = self._count(signal)
        for decision in event.decisions:
            if signal.action in OPENING:
                self._open(recorded, signal, ref, decision)
            order = decision.order
            if order is not None and decision.outcome is Outcome.PLANNED:
                self._order(decision.follower, ref, order)
                self._began[order.command_id] = signal.occurred_at
            if decision.withdrawn is not None:
                self._settle(decision.withdrawn)
                self.fates[decision.follower][ref] = "superseded"

    def _open(self, recorded: Recorded, signal: Signal, ref: PositionRef, decision: CopyDecision) -> None:
        follower = decision.follower
        self.openings[follower][ref] = Opening(
            decision=decision,
            signal=signal,
            sequence=recorded.sequence,
            at=recorded.at,
            reported_deal=self._last_deals.get(follower),
            leader_deal=self._leader_deal,
        )
        if decision.outcome is Outcome.SKIPPED:
            self.skips[follower][decision.reason or "unknown"] += 1
            self.fates[follower][ref] = decision.reason or "unknown"
        elif decision.order is not None and decision.copy_id is not None:
            self.magics[follower][decision.order.magic] = ref
            self._owners[decision.copy_id] = ref

    def _count(self, signal: Signal) -> PositionRef:
        """A filled order's position goes on under the order's ref: the first one that was known."""
        ref = self._aliases.get(signal.position_ref, signal.position_ref)
        if signal.order_ref is not None and signal.order_ref != signal.position_ref:
            ref = self._aliases.setdefault(signal.position_ref, signal.order_ref)
        self.runs[ref] += 1
        if isinstance(signal.deal_id, int):
            self._leader_deal = max(signal.deal_id, self._leader_deal or 0)
        return ref

    def _acknowledge(self, event: CommandAcknowledged) -> None:
        command, status = event.command, event.status
        if not event.retires:
            return
        opened, ended = self._opens.get(command), self._ends.get(command)
        if status in DONE and opened is not None:
            self.live[opened[0]].add(opened[1])
        if status in DONE and ended is not None:
            self.live[ended[0]].discard(ended[1])
        if opened is not None and status not in DONE:
            why = status.value if status is AckStatus.EXPIRED else event.reason or status.value
            self.fates[opened[0]][opened[1]] = why  # of the last open, where one was issued again
        if event.redrive_at is not None:
            return  # driven again: still on its way
        if status is AckStatus.UNKNOWN and opened is not None:
            copy = self.openings[opened[0]][opened[1]].decision.copy_id
            if copy is not None:
                self._uncertain[copy] = command
                return
        self._settle(command)

    def _execute(self, event: ExecutionRecorded) -> None:
        execution = event.execution
        if isinstance(execution.deal_id, int):
            self.recorded_deals[event.account].add(execution.deal_id)
            last = self._last_deals.get(event.account, 0)
            self._last_deals[event.account] = max(execution.deal_id, last)
        began = self._began.get(execution.command_id) if execution.command_id is not None else None
        if began is not None:
            self.latencies[event.account].append((execution.executed_at - began).total_seconds() * 1000)
        if event.copy_id is not None:
            self._clear_up(event.copy_id)
            owner = self._owners.get(event.copy_id)
            if execution.reason in BY_ITSELF and owner is not None:
                self.live[event.account].discard(owner)

    def _note(self, event: AnyEvent) -> None:
        match event:
            case CommandExpired():
                self._settle(event.command)
                opened = self._opens.get(event.command)
                if opened is not None:
                    self.fates[opened[0]][opened[1]] = "expired"
            case CommandRedriven():
                ref = self._pending.get(event.replaces)
                self._settle(event.replaces)
                if ref is not None:
                    self._order(event.account, ref, event.order)
            case CopyCorrected():
                ref = self._owners.get(event.copy_id)
                if ref is not None:
                    self._clear_up(event.copy_id)
                    self._order(event.account, ref, event.order)
            case CopySettled():
                self._settle_copy(event)
            case TradingHalted():
                self.halted = True
                for withdrawal in event.withdrawn:
                    self._settle(withdrawal.command)
            case IncidentOpened():
                self.incidents.append(f"{event.account}: {event.kind}: {event.detail}")
            case OrphanClosed():
                self.incidents.append(f"{event.account}: orphan closed, magic {event.order.magic}")
            case _:
                self._note_settings(event)

    def _settle_copy(self, event: CopySettled) -> None:
        ref = self._owners.get(event.copy_id)
        if ref is not None and event.status == "closed":
            self.live[event.account].discard(ref)
            self.fates[event.account][ref] = event.cause
        self._clear_up(event.copy_id)

    def _note_settings(self, event: AnyEvent) -> None:
        match event:
            case AccountConfigured():
                self.configured.add(event.account)
            case SubscriptionConfigured():
                self.configured.add(event.subscription)
            case Enrolled():
                self.enrolled.add(event.account)
            case SessionOpened():
                self.sessions[event.account] += 1
            case TradingResumed():
                self.halted = False
            case CatalogKept():
                self.catalogues.add(event.account)
            case _:
                pass

    def _order(self, follower: AccountId, ref: PositionRef, order: Order) -> None:
        """A command is on its way."""
        self._await(order.command_id, ref)
        if order.action is OrderAction.OPEN:
            self._opens[order.command_id] = (follower, ref)
        elif order.action in ENDING:
            self._ends[order.command_id] = (follower, ref)

    def _await(self, command: CommandId, ref: PositionRef) -> None:
        if command not in self._pending:
            self._pending[command] = ref
            self._pending_of[ref] += 1

    def _settle(self, command: CommandId) -> None:
        ref = self._pending.pop(command, None)
        if ref is not None:
            self._pending_of[ref] -= 1

    def _clear_up(self, copy: CopyId) -> None:
        command = self._uncertain.pop(copy, None)
        if command is not None:
            self._settle(command)
