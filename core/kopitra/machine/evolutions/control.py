"""Halts, operators' orders and incidents."""

from collections import Counter

from kopitra.domain.identifiers import AccountId
from kopitra.domain.outbox_types import OutboxType
from kopitra.machine.events import (
    HaltScope,
    IncidentClosed,
    IncidentOpened,
    OperatorOrdered,
    Recorded,
    SilenceChanged,
    TradingHalted,
    TradingResumed,
)
from kopitra.machine.evolutions.copies import after_magic, fresh_until, send, withdraw
from kopitra.machine.evolutions.outbox import Times, add_note, add_order
from kopitra.machine.state import Incident, State


def halt_key(scope: HaltScope, target: str) -> str:
    return f"{scope}:{target}"


def halted(state: State, event: TradingHalted, recorded: Recorded) -> None:
    key = halt_key(event.scope, event.target)
    state.halts[key] = event.mode
    state.halt_revisions[key] = event.revision
    offsets: Counter[AccountId] = Counter()
    for withdrawal in event.withdrawn:
        copy = state.accounts[withdrawal.account].following.copies[withdrawal.copy_id]
        withdraw(state, copy, withdrawal.command)
        copy.cause = "halted"
    for account in event.notified:
        payload = {
            "scope": str(event.scope),
            "target": event.target,
            "mode": str(event.mode),
            "reason": event.reason,
        }
        add_note(state, account, OutboxType.TRADING_HALTED, payload, recorded, offsets[account], reduces=True)
        offsets[account] += 1
    for flatten in event.orders:
        send(state, flatten.account, flatten.order, recorded, offsets[flatten.account], None)
        offsets[flatten.account] += 1


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
