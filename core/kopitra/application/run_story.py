"""Tell a run's story from its events, to an operator whole and to an account as far as it took part."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.explanations import explained
from kopitra.domain.identifiers import AccountId, CommandId, CopyId, EventId, RunId
from kopitra.domain.instants import rfc3339
from kopitra.domain.orders import Side
from kopitra.domain.trading import Execution, Order, Signal
from kopitra.machine.events import (
    CommandAcknowledged,
    CommandExpired,
    CommandRedriven,
    CopyAdded,
    CopyCorrected,
    CopyDecision,
    CopyPlanned,
    ExecutionRecorded,
    Outcome,
    Recorded,
    SignalDeferred,
    SignalIgnored,
)
from kopitra.protocol.stories import (
    AckStory,
    CommandStory,
    CopyStory,
    ExecutionStory,
    IntentStory,
    RunStory,
)

MILLISECOND = timedelta(milliseconds=1)

Begun = CopyPlanned | SignalDeferred | SignalIgnored
DeliveredAt = Callable[[CommandId], datetime | None]


class _Command(msgspec.Struct):
    order: Order
    planned_at: datetime
    cause: str | None = None
    event_id: EventId | None = None
    expired: bool = False
    acks: list[Recorded] = []
    executions: list[Recorded] = []


class RunTeller:
    """`shard` is part of event ids; `delivered_at` knows when a command was first handed out, if at all."""

    def __init__(self, shard: str, delivered_at: DeliveredAt) -> None:
        self._shard = shard
        self._delivered_at = delivered_at

    def tell(
        self, run: RunId, events: Iterable[Recorded], account: AccountId | None, now: datetime
    ) -> RunStory | None:
        """`events` are the run's, ascending; None where `account` has no part in it (no account: an operator)."""
        beginning: Recorded | None = None
        commands: dict[CopyId | CommandId, list[_Command]] = {}
        later: list[CopyDecision] = []
        for recorded in events:
            if isinstance(recorded.event, Begun):
                beginning = beginning or recorded
                self._begin(recorded.event, recorded, commands)
            elif isinstance(recorded.event, CopyAdded):
                later.append(recorded.event.decision)
                _add(recorded.event, recorded, commands)
            else:
                _continue(recorded, commands)
        if beginning is None or not isinstance(beginning.event, Begun):
            return None
        return self._story(run, beginning, beginning.event, commands, later, account, now)

    def _begin(
        self, event: Begun, recorded: Recorded, commands: "dict[CopyId | CommandId, list[_Command]]"
    ) -> None:
        if not isinstance(event, CopyPlanned):
            return
        items: dict[AccountId, int] = {}
        for decision in event.decisions:
            if decision.sent is None or event.sandbox:
                continue
            offset = items.get(decision.follower, 0)
            items[decision.follower] = offset + 1
            event_id = EventId(f"{self._shard}-{recorded.sequence + offset}")
            command = _Command(decision.sent, recorded.at, event_id=event_id)
            commands.setdefault(_key(decision.sent), []).append(command)

    def _story(
        self,
        run: RunId,
        beginning: Recorded,
        event: Begun,
        commands: "dict[CopyId | CommandId, list[_Command]]",
        later: Sequence[CopyDecision],
        account: AccountId | None,
        now: datetime,
    ) -> RunStory | None:
        """`later`: decisions about the trade once it was open, for those who joined it late or opened it again."""
        decisions = (*(event.decisions if isinstance(event, CopyPlanned) else ()), *later)
        shown = [d for d in decisions if account in (None, d.follower)]
        leads = account in (None, event.account)
        if not leads and not shown:
            return None
        planned = sum(decision.outcome is Outcome.PLANNED for decision in decisions)
        return RunStory(
            run_id=run,
            sequence=beginning.sequence,
            outcome=_outcome(event),
            intent=_intent(event, beginning.at, leads),
            planned=planned if leads else sum(d.outcome is Outcome.PLANNED for d in shown),
            skipped=len(decisions) - planned if leads else sum(d.outcome is Outcome.SKIPPED for d in shown),
            server_time=rfc3339(now),
            request_id=beginning.request_id if leads else None,
            copies=tuple(self._copy(decision, commands, event.signal) for decision in shown),
        )

    def _copy(
        self, decision: CopyDecision, commands: "dict[CopyId | CommandId, list[_Command]]", signal: Signal
    ) -> CopyStory:
        key = decision.copy_id or (decision.order.command_id if decision.order is not None else None)
        found = commands.get(key, []) if key is not None else []
        return CopyStory(
            subscription=decision.subscription,
            follower=decision.follower,
            outcome=str(decision.outcome),
            copy_id=decision.copy_id,
            reason=decision.reason,
            detail=decision.detail,
            rules_revision=decision.rules_revision,
            notes=decision.notes,
            arithmetic=explained(decision.arithmetic) if decision.arithmetic is not None else None,
            commands=tuple(self._command(command, signal) for command in found),
        )

    def _command(self, command: _Command, signal: Signal) -> CommandStory:
        order = command.order
        delivered = self._delivered_at(order.command_id)
        first_ack = command.acks[0].at if command.acks else None
        first_fill = command.executions[0].at if command.executions else None
        return CommandStory(
            command_id=order.command_id,
            action=str(order.action),
            symbol=order.symbol,
            side=order.side,
            volume=order.volume,
            planned_at=rfc3339(command.planned_at),
            cause=command.cause,
            event_id=command.event_id,
            reference_price=order.reference_price,
            delivered_at=rfc3339(delivered) if delivered is not None else None,
            expired=command.expired,
            acks=tuple(_ack(recorded) for recorded in command.acks),
            executions=tuple(_execution(recorded, order, signal) for recorded in command.executions),
            plan_to_delivery_ms=_between(command.planned_at, delivered),
            delivery_to_ack_ms=_between(delivered, first_ack),
            delivery_to_execution_ms=_between(delivered, first_fill),
            intent_to_execution_ms=_between(signal.occurred_at, first_fill),
        )


def _add(event: CopyAdded, recorded: Recorded, commands: "dict[CopyId | CommandId, list[_Command]]") -> None:
    order = event.decision.sent
    if order is not None:
        commands.setdefault(_key(order), []).append(_Command(order, recorded.at, cause=event.cause))


def _continue(recorded: Recorded, commands: "dict[CopyId | CommandId, list[_Command]]") -> None:
    event = recorded.event
    if isinstance(event, CommandRedriven | CopyCorrected):
        added = _Command(event.order, recorded.at, cause=event.cause)
        commands.setdefault(_key(event.order), []).append(added)
        return
    for command in (command for several in commands.values() for command in several):
        known = command.order.command_id
        if isinstance(event, CommandAcknowledged) and event.command == known:
            command.acks.append(recorded)
        elif isinstance(event, CommandExpired) and event.command == known:
            command.expired = True
        elif isinstance(event, ExecutionRecorded) and event.execution.command_id == known:
            command.executions.append(recorded)


def _key(order: Order) -> CopyId | CommandId:
    return order.copy_id or order.command_id


def _outcome(event: Begun) -> str:
    if isinstance(event, CopyPlanned):
        return "planned"
    return "deferred" if isinstance(event, SignalDeferred) else event.reason


def _intent(event: Begun, received_at: datetime, leads: bool) -> IntentStory:
    signal = event.signal
    return IntentStory(
        action=str(signal.action),
        symbol=signal.symbol,
        side=signal.side,
        volume=signal.volume,
        volume_after=signal.volume_after,
        occurred_at=rfc3339(signal.occurred_at),
        received_at=rfc3339(received_at),
        age_ms=signal.age_ms,
        price=signal.price,
        stop_loss=signal.stop_loss,
        take_profit=signal.take_profit,
        account=event.account if leads else None,
        signal_id=signal.signal_id if leads else None,
        position_ref=signal.position_ref if leads else None,
    )


def _ack(recorded: Recorded) -> AckStory:
    event = recorded.event
    assert isinstance(event, CommandAcknowledged)
    return AckStory(
        sequence=recorded.sequence,
        at=rfc3339(recorded.at),
        status=str(event.status),
        retcode=event.retcode,
        reason=event.reason,
    )


def _execution(recorded: Recorded, order: Order, signal: Signal) -> ExecutionStory:
    event = recorded.event
    assert isinstance(event, ExecutionRecorded)
    execution = event.execution
    return ExecutionStory(
        sequence=recorded.sequence,
        at=rfc3339(recorded.at),
        executed_at=rfc3339(execution.executed_at),
        status=str(execution.status),
        entry=str(execution.entry),
        fill_volume=execution.fill_volume,
        fill_price=execution.fill_price,
        slippage=slippage(execution, order.reference_price or signal.price),
        ticket=execution.order_ticket,
        profit=execution.profit,
        retcode=execution.retcode,
        message=execution.message,
    )


def slippage(execution: Execution, reference: Decimal | None) -> Decimal | None:
    """Price units; positive is to the follower's disadvantage. `side` is the deal's: what closes a purchase sells."""
    if reference is None or execution.fill_price is None:
        return None
    difference = execution.fill_price - reference
    return difference if execution.side is Side.BUY else -difference


def _between(start: datetime | None, end: datetime | None) -> int | None:
    return (end - start) // MILLISECOND if start is not None and end is not None else None
