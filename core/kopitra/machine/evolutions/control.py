"""Halts, operators' orders and incidents."""

from collections import Counter
from collections.abc import Iterable, Mapping

from kopitra.domain.identifiers import AccountId
from kopitra.domain.outbox_types import OutboxType
from kopitra.domain.trading import OrderAction
from kopitra.machine.events import (
    FlattenOrder,
    HaltScope,
    IncidentClosed,
    IncidentOpened,
    OperatorOrdered,
    Recall,
    Recorded,
    SilenceChanged,
    TradingHalted,
    TradingResumed,
    Withdrawal,
)
from kopitra.machine.evolutions.copies import after_magic, fresh_until, send, withdraw
from kopitra.machine.evolutions.outbox import Times, add_note, add_order
from kopitra.machine.state import Incident, Released, State

NO_PAYLOAD: Mapping[str, str] = {}


def halt_key(scope: HaltScope, target: str) -> str:
    return f"{scope}:{target}"


def halted(state: State, event: TradingHalted, recorded: Recorded) -> None:
    key = halt_key(event.scope, event.target)
    state.halts[key] = event.mode
    state.halt_revisions[key] = event.revision
    payload = {
        "scope": str(event.scope),
        "target": event.target,
        "mode": str(event.mode),
        "reason": event.reason,
    }
    recall(state, event.recalled)
    stand_still(state, recorded, "halted", event.withdrawn, event.orders, event.notified, payload)


def stand_still(
    state: State,
    recorded: Recorded,
    cause: str,
    withdrawn: Iterable[Withdrawal],
    orders: Iterable[FlattenOrder],
    notified: Iterable[AccountId] = (),
    payload: Mapping[str, str] = NO_PAYLOAD,
) -> None:
    """Take opens back, tell EAs, and queue the closes, in this order in each outbox."""
    offsets: Counter[AccountId] = Counter()
    for withdrawal in withdrawn:
        copy = state.accounts[withdrawal.account].following.copies[withdrawal.copy_id]
        withdraw(state, copy, withdrawal.command)
        copy.cause = cause
    for account in notified:
        told = dict(payload)
        add_note(state, account, OutboxType.TRADING_HALTED, told, recorded, offsets[account], reduces=True)
        offsets[account] += 1
    for flatten in orders:
        send(state, flatten.account, flatten.order, recorded, offsets[flatten.account], None)
        offsets[flatten.account] += 1


def recall(state: State, recalled: Iterable[Recall]) -> None:
    """From now on nothing hands these opens out as long as they could be executed; their copies are what they were."""
    for each in recalled:
        account = state.accounts[each.account]
        account.outbox[account.commands[each.command]].recalled = True


def resumed(state: State, event: TradingResumed, recorded: Recorded) -> None:
    key = halt_key(event.scope, event.target)
    state.halts.pop(key, None)
    state.halt_revisions[key] = event.revision
    for account in event.notified:
        payload = {"scope": str(event.scope), "target": event.target}
        add_note(state, account, OutboxType.TRADING_RESUMED, payload, recorded, 0)


def operator_ordered(state: State, event: OperatorOrdered, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    account.operator_orders += 1
    order = event.order
    if order.copy_id is None and order.magic >= account.following.next_magic:
        account.following.next_magic = after_magic(order.magic)
    if order.copy_id is not None:
        send(state, event.account, order, recorded, 0, None)
    else:
        if order.action is OrderAction.OPEN:
            account.following.released[order.magic] = Released(order.command_id, recorded.sequence)
        times = Times(expires_at=fresh_until(order, recorded))
        add_order(state, event.account, order, recorded, 0, OutboxType.ORDER_COMMAND, times=times)


def silence_changed(state: State, event: SilenceChanged, recorded: Recorded) -> None:
    state.accounts[event.account].silent = event.silent


def incident_opened(state: State, event: IncidentOpened, recorded: Recorded) -> None:
    state.accounts[event.account].incidents[event.incident] = Incident(
        incident=event.incident, kind=event.kind, detail=event.detail, at=recorded.at, copy_id=event.copy_id
    )


def incident_closed(state: State, event: IncidentClosed, recorded: Recorded) -> None:
    state.accounts[event.account].incidents.pop(event.incident, None)
