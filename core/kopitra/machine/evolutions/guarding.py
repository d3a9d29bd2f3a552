"""Guards' marks, what their hits stop, and leaders' silences."""

from datetime import timedelta

from kopitra.domain.outbox_types import OutboxType
from kopitra.domain.quantities import ZERO
from kopitra.machine.events import (
    BalanceChanged,
    CopiesStopped,
    GuardHit,
    GuardLifted,
    GuardMarked,
    GuardSumMarked,
    LeaderHeard,
    LeaderSilent,
    Recorded,
)
from kopitra.machine.evolutions.control import recall, stand_still
from kopitra.machine.evolutions.outbox import add_note
from kopitra.machine.guards_in_force import guard_key
from kopitra.machine.state import GuardHold, Silence, State

PAID_TOGETHER = timedelta(minutes=1)
"""Payments add up: by then figures have come that show the earlier one."""


def marked(state: State, event: GuardMarked, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    for key in event.dropped:
        account.guard_marks.pop(key, None)
    for kept in event.marks:
        account.guard_marks[kept.key] = kept.mark
    account.marked_at = recorded.at


def sum_marked(state: State, event: GuardSumMarked, recorded: Recorded) -> None:
    state.guard_marks[event.key] = event.mark


def hit(state: State, event: GuardHit, recorded: Recorded) -> None:
    guard = event.guard
    hold = GuardHold(
        scope=event.scope,
        target=event.target,
        name=guard.name,
        action=guard.action,
        at=recorded.at,
        until=event.until,
    )
    holds = state.guard_holds if event.account is None else state.accounts[event.account].guard_holds
    holds[guard_key(event.scope, event.target, guard.name)] = hold
    payload = {
        "scope": str(event.scope),
        "target": event.target,
        "mode": str(guard.action),
        "reason": f"guard {guard.name}",
    }
    recall(state, event.recalled)
    stand_still(state, recorded, "guard", event.withdrawn, event.orders, event.notified, payload)


def lifted(state: State, event: GuardLifted, recorded: Recorded) -> None:
    """Marks go with it: the guard counts anew from the next figures on."""
    key = guard_key(event.scope, event.target, event.name)
    for name in event.accounts:
        state.accounts[name].guard_holds.pop(key, None)
        state.accounts[name].guard_marks.pop(key, None)
    if event.summed:
        state.guard_holds.pop(key, None)
        state.guard_marks.pop(key, None)
        for account in state.accounts.values():
            account.guard_marks.pop(key, None)
    payload = {"scope": str(event.scope), "target": event.target, "reason": f"guard {event.name}"}
    for name in event.notified:
        add_note(state, name, OutboxType.TRADING_RESUMED, dict(payload), recorded, 0)


def stopped(state: State, event: CopiesStopped, recorded: Recorded) -> None:
    recall(state, event.recalled)
    stand_still(state, recorded, event.cause, event.withdrawn, event.orders)


def leader_silent(state: State, event: LeaderSilent, recorded: Recorded) -> None:
    silences = state.accounts[event.account].silences
    for subscription in event.subscriptions:
        silences[subscription] = Silence(since=event.since)
    for subscription in event.closing:
        silences.setdefault(subscription, Silence(since=event.since)).closed = True
    recall(state, event.recalled)
    stand_still(state, recorded, "leader_silent", event.withdrawn, event.orders)


def leader_heard(state: State, event: LeaderHeard, recorded: Recorded) -> None:
    state.accounts[event.account].silences = {}


def paid(state: State, event: BalanceChanged, recorded: Recorded) -> None:
    """Until figures have had the time to show it, guards do not know whether they do."""
    account = state.accounts[event.account]
    amount = abs(event.operation.amount)
    lately = account.flow_at is not None and recorded.at - account.flow_at < PAID_TOGETHER
    account.flow = (account.flow if lately else ZERO) + amount
    account.flow_at = recorded.at
