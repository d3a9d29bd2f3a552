"""What an EA's acknowledgement means: a command ends, stays, or is to be driven again."""

from datetime import datetime, timedelta
from decimal import Decimal

from kopitra.domain.identifiers import CommandId, derived_id
from kopitra.domain.quantities import ZERO
from kopitra.domain.telemetry import OutboxAck
from kopitra.domain.trading import REDUCING, TERMINAL_ACKS, AckStatus, Order, OrderAction
from kopitra.machine.commands import TakeAck
from kopitra.machine.decisions.continuing import wanted_volume
from kopitra.machine.decisions.ending import is_being_closed, is_ending
from kopitra.machine.decisions.identity import further_command
from kopitra.machine.decisions.netting import NetOrders, is_netting
from kopitra.machine.decisions.reissuing import never_was, why_never_opened
from kopitra.machine.decisions.replacing import replacement
from kopitra.machine.decisions.resync import look_at_book
from kopitra.machine.events import (
    AnyEvent,
    CommandAcknowledged,
    CopyCorrected,
    CopySettled,
    IncidentClosed,
    IncidentOpened,
    ItemAcknowledged,
)
from kopitra.machine.evolutions.acks import DONE, takes_no_volume
from kopitra.machine.outcome import Context, Decision, Result
from kopitra.machine.state import Account, Copy, OutboxItem, State

FIRST_REDRIVE_SECONDS = 1
LONGEST_REDRIVE_SECONDS = 60
"""A refused close is worth a request a minute for as long as it takes."""
LATEST_RETRY = timedelta(seconds=LONGEST_REDRIVE_SECONDS)
"""An EA may ask for a later time, but its clock may be wrong: a close waits no longer than any other refused one."""
TAKING_OFF = frozenset({OrderAction.CLOSE, OrderAction.PARTIAL_CLOSE, OrderAction.OFFSET})
REFUSED = frozenset({AckStatus.REJECTED, AckStatus.FAILED})
ALREADY_FILLED = "already_filled"
"""An EA's reason for a cancel that came too late: the order has become a position."""


def take_ack(state: State, command: TakeAck, context: Context) -> Result:
    """No event for an unknown or repeated acknowledgement: it is counted by the caller and changes nothing."""
    account = state.accounts[command.account]
    item = account.outbox.get(sequence_of(command.ack))
    if item is None:
        return Decision((), {"known": False})
    if item.order is None:
        if command.ack.status not in TERMINAL_ACKS:
            return Decision((), {"known": True})
        event = ItemAcknowledged(account=command.account, sequence=item.sequence, status=command.ack.status)
        return Decision((event,), {"known": True})
    return Decision(tuple(_of_order(state, account, item, item.order, command.ack, context)), {"known": True})


def sequence_of(ack: OutboxAck) -> int:
    """Event ids end in `-sequence`; 0, which no item has, for an id of another kind."""
    tail = ack.event_id.rpartition("-")[2]
    return int(tail) if tail.isascii() and tail.isdigit() and len(tail) <= 18 else 0


def _of_order(
    state: State, account: Account, item: OutboxItem, order: Order, ack: OutboxAck, context: Context
) -> list[AnyEvent]:
    reduces = order.action in REDUCING
    cancels = order.action is OrderAction.CANCEL
    late_cancel = cancels and ack.reason == ALREADY_FILLED and ack.status not in DONE
    refused = reduces and ack.status not in DONE and ack.status is not AckStatus.RECEIVED and not late_cancel
    short = ack.status is AckStatus.EXECUTED and _is_short(account, order)
    retires = refused or late_cancel or ack.status in TERMINAL_ACKS or ack.status is AckStatus.UNKNOWN
    attempts = account.attempts.get(order.command_id, 0)
    copy = account.following.copies.get(order.copy_id) if order.copy_id is not None else None
    events: list[AnyEvent] = []
    if copy is not None and reduces and ack.status is AckStatus.ALREADY_CLOSED and never_was(copy):
        events.append(_never_opened(state, copy, context))
    events.append(
        CommandAcknowledged(
            account=account.account,
            command=order.command_id,
            status=ack.status,
            retires=retires,
            retcode=ack.retcode,
            reason=ack.reason,
            redrive_at=redrive_time(ack.retry_at, attempts, context.now) if refused or short else None,
        )
    )
    if refused and incident_of(order) not in account.incidents:
        events.append(_refusal(account, order, ack))
    if ack.status in DONE and incident_of(order) in account.incidents:
        events.append(
            IncidentClosed(incident=incident_of(order), account=account.account, cause=str(ack.status))
        )
    if copy is not None and copy.live and (copy.closing or copy.yields != order.command_id):
        left = takes_no_volume(order) and ack.status in DONE and copy.live_volume > ZERO
        ended = is_being_closed(account, copy) if late_cancel else is_ending(account, copy, order.command_id)
        if (late_cancel or left) and not ended:
            events.append(close_filled(state, copy))
    added = replacement(state, copy, order, ack.status, context) if copy is not None and cancels else None
    if added is not None:
        events.append(added)
    if order.action is OrderAction.MODIFY and ack.status in REFUSED:
        events.extend(look_at_book(account, "modify_refused"))
    return events


def _is_short(account: Account, order: Order) -> bool:
    """An offset was carried out in full, and deals, which are told before, leave more of its copy than its target: an
    earlier one on which it counted was put off. The rest is driven again."""
    copy = account.following.copies.get(order.copy_id) if order.copy_id is not None else None
    if copy is None or not copy.live or order.action is not OrderAction.OFFSET:
        return False
    return copy.live_volume > (order.target_volume or ZERO)


def _never_opened(state: State, copy: Copy, context: Context) -> CopySettled:
    """The close of an open of unknown fate found nothing to close: nothing came of that open. It is said before the
    acknowledgement, with which the copy may be forgotten."""
    return CopySettled(
        account=copy.follower,
        copy_id=copy.copy_id,
        status="closed",
        volume=ZERO,
        cause=why_never_opened(state, copy, context),
    )


def redrive_time(retry_at: datetime | None, attempts: int, now: datetime) -> datetime:
    """When a refused close is sent again: when the EA asks for, within limits, else with growing pauses."""
    pause = timedelta(seconds=min(LONGEST_REDRIVE_SECONDS, FIRST_REDRIVE_SECONDS * 2 ** min(attempts, 10)))
    if retry_at is None:
        return now + pause
    return min(max(retry_at, now + timedelta(seconds=FIRST_REDRIVE_SECONDS)), now + LATEST_RETRY)


def incident_of(order: Order) -> str:
    """One incident per copy (or lone order), however often its close is refused."""
    return close_incident(order.copy_id or str(order.ticket or order.command_id))


def close_incident(subject: str) -> str:
    return derived_id("i-", "close_refused", subject)


def closing_incidents(account: Account, copy: Copy, cause: str) -> list[AnyEvent]:
    """The copy is gone, whoever closed it: nobody needs to look at its refused close any more."""
    incident = close_incident(copy.copy_id)
    if incident not in account.incidents:
        return []
    return [IncidentClosed(incident=incident, account=account.account, cause=cause)]


def _refusal(account: Account, order: Order, ack: OutboxAck) -> IncidentOpened:
    detail = f"{order.action} of {order.symbol} was {ack.status}"
    if ack.retcode is not None:
        detail += f", retcode {ack.retcode}"
    if ack.reason:
        detail += f": {ack.reason}"
    return IncidentOpened(
        incident=incident_of(order),
        kind="close_refused",
        account=account.account,
        detail=detail,
        copy_id=order.copy_id,
    )


def close_filled(
    state: State, copy: Copy, cause: str = ALREADY_FILLED, net: NetOrders | None = None
) -> CopyCorrected:
    """Close what turned out to be open although its leader's trade is over."""
    return CopyCorrected(
        account=copy.follower,
        copy_id=copy.copy_id,
        order=corrective(state, copy, OrderAction.CLOSE, net=net),
        cause=cause,
    )


def corrective(
    state: State,
    copy: Copy,
    action: OrderAction,
    *,
    target: Decimal = ZERO,
    net: NetOrders | None = None,
) -> Order:
    """An order that the core adds to a copy by itself; `target`: lots that must remain of it. `net` has the offsets
    that the same event gives to netting accounts before this one."""
    command: CommandId = further_command(state, copy.copy_id, len(copy.commands))
    if action in TAKING_OFF and is_netting(state.accounts[copy.follower]):
        return (net or NetOrders(state)).offset(copy, target, command)
    return Order(
        command_id=command,
        copy_id=copy.copy_id,
        opens_command_id=copy.opens,
        action=action,
        symbol=copy.symbol,
        side=copy.side,
        order_type=copy.order_type,
        volume=wanted_volume(copy) - target,
        target_volume=target if action is OrderAction.PARTIAL_CLOSE else None,
        magic=copy.magic,
        comment=copy.comment,
        ticket=copy.ticket,
        position_id=copy.position_id,
    )
