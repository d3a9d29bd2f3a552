"""The kill switch: nothing new is opened, and, when flattening, everything that is open is closed."""

from collections.abc import Iterator

from kopitra.domain.identifiers import AccountId, GroupId
from kopitra.machine.commands import Halt, Resume
from kopitra.machine.decisions.acks import corrective
from kopitra.machine.decisions.continuing import closing_action
from kopitra.machine.decisions.halting import EVERYWHERE
from kopitra.machine.decisions.netting import NetOrders
from kopitra.machine.events import (
    AnyEvent,
    FlattenOrder,
    HaltMode,
    HaltScope,
    StaleIgnored,
    TradingHalted,
    TradingResumed,
    Withdrawal,
)
from kopitra.machine.evolutions.control import halt_key
from kopitra.machine.outcome import Context, Decision, Refusal, Result
from kopitra.machine.state import Copy, State

WHOLE_ACCOUNT = frozenset({HaltScope.PLATFORM, HaltScope.FOLLOWER})
"""Halts that EAs are told of: they stop an account from opening anything. Others concern some of its copies only."""


def halt(state: State, command: Halt, context: Context) -> Result:
    target = halt_target(command)
    refused = _unknown(state, command, target) or _stale(state, command, target)
    if refused is not None:
        return refused
    copies = list(_covered(state, command.scope, target))
    withheld = [c for c in copies if unsent(state, c, context)]
    gone = {c.copy_id for c in withheld}
    net = NetOrders(state)
    orders = tuple(
        FlattenOrder(c.follower, corrective(state, c, closing_action(c), net=net))
        for c in copies
        if command.mode is HaltMode.FLATTEN and c.live and not c.closing and c.copy_id not in gone
    )
    event: AnyEvent = TradingHalted(
        scope=command.scope,
        target=target,
        mode=command.mode,
        subject=command.subject,
        notified=_notified(state, command.scope, target),
        withdrawn=tuple(Withdrawal(c.follower, c.opens, c.copy_id) for c in withheld),
        orders=orders,
        reason=command.reason,
        revision=command.revision,
    )
    return Decision((event,), {"withdrawn": len(withheld), "closing": len(orders)})


def resume(state: State, command: Resume, context: Context) -> Result:
    target = halt_target(command)
    refused = _unknown(state, command, target) or _stale(state, command, target)
    if refused is not None:
        return refused
    if halt_key(command.scope, target) not in state.halts:
        return Decision((), {"resumed": False})
    event: AnyEvent = TradingResumed(
        scope=command.scope,
        target=target,
        subject=command.subject,
        notified=_notified(state, command.scope, target),
        revision=command.revision,
    )
    return Decision((event,), {"resumed": True})


def halt_target(command: Halt | Resume) -> str:
    """A tenant's operator who halts the platform halts that tenant's part of it."""
    if command.scope is HaltScope.PLATFORM:
        return command.tenant or EVERYWHERE
    return command.target


def _unknown(state: State, command: Halt | Resume, target: str) -> Refusal | None:
    if command.scope is HaltScope.PLATFORM:
        return None
    found = state.groups.get(GroupId(target)) if command.scope is HaltScope.GROUP else None
    owner = found or (state.accounts.get(AccountId(target)) if command.scope is not HaltScope.GROUP else None)
    if owner is None or command.tenant not in (None, owner.tenant):
        return Refusal(
            status=404, code="halt_target_unknown", detail=f"there is no {command.scope} {target!r}"
        )
    return None


def _stale(state: State, command: Halt | Resume, target: str) -> Decision | None:
    """The queue's second copy of a halt must not undo a later resume. Revision 0 comes from the management plane."""
    current = state.halt_revisions.get(halt_key(command.scope, target), 0)
    if command.revision == 0 or command.revision > current:
        return None
    event = StaleIgnored(scope=halt_key(command.scope, target), revision=command.revision, current=current)
    return Decision((event,), {"stale": True})


def _covered(state: State, scope: HaltScope, target: str) -> Iterator[Copy]:
    for account in state.accounts.values():
        if scope is HaltScope.FOLLOWER and account.account != target:
            continue
        if scope is HaltScope.PLATFORM and target not in (EVERYWHERE, account.tenant):
            continue
        for copy in account.following.copies.values():
            if scope is HaltScope.LEADER and copy.leader != target:
                continue
            subscription = state.subscriptions.get(copy.subscription)
            if scope is HaltScope.GROUP and (subscription is None or subscription.group != target):
                continue
            yield copy


def unsent(state: State, copy: Copy, context: Context) -> bool:
    """Whether the copy's open is still here: no EA can have it."""
    sequence = state.accounts[copy.follower].commands.get(copy.opens)
    return sequence is not None and not context.readings.may_have_left(copy.follower, copy.opens, sequence)


def _notified(state: State, scope: HaltScope, target: str) -> tuple[AccountId, ...]:
    if scope not in WHOLE_ACCOUNT:
        return ()
    if scope is HaltScope.FOLLOWER:
        return (AccountId(target),)
    followers = {s.follower for s in state.subscriptions.values() if target in (EVERYWHERE, s.tenant)}
    return tuple(sorted(followers))
