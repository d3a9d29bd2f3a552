"""The kill switch: nothing new is opened, and, when flattening, everything that is open is closed."""

from collections.abc import Iterator

from kopitra.domain.identifiers import AccountId, GroupId
from kopitra.machine.commands import Halt, Resume
from kopitra.machine.decisions.halting import EVERYWHERE, halted_beside
from kopitra.machine.decisions.standing_still import Sweep
from kopitra.machine.events import (
    AnyEvent,
    HaltMode,
    HaltScope,
    StaleIgnored,
    TradingHalted,
    TradingResumed,
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
    sweep = Sweep(state, context)
    copies = covered(state, command.scope, target)
    stopped = sweep.stop(copies, positions=command.mode is HaltMode.FLATTEN)
    event: AnyEvent = TradingHalted(
        scope=command.scope,
        target=target,
        mode=command.mode,
        subject=command.subject,
        notified=_notified(state, command.scope, target),
        withdrawn=stopped.withdrawn,
        orders=stopped.orders,
        recalled=stopped.recalled,
        reason=command.reason,
        revision=command.revision,
    )
    answer = {
        "withdrawn": len(stopped.withdrawn),
        "closing": len(stopped.orders),
        "remaining": sweep.remaining,
    }
    return Decision((event,), answer)


def resume(state: State, command: Resume, context: Context) -> Result:
    """Lifts this halt only. EAs that another halt or a guard still stops are not told that they may open again."""
    target = halt_target(command)
    refused = _unknown(state, command, target) or _stale(state, command, target)
    if refused is not None:
        return refused
    key = halt_key(command.scope, target)
    if key not in state.halts:
        return Decision((), {"resumed": False})
    event: AnyEvent = TradingResumed(
        scope=command.scope,
        target=target,
        subject=command.subject,
        notified=tuple(
            account
            for account in _notified(state, command.scope, target)
            if not halted_beside(state, account, key)
        ),
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


def covered(state: State, scope: HaltScope, target: str) -> Iterator[Copy]:
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


def _notified(state: State, scope: HaltScope, target: str) -> tuple[AccountId, ...]:
    if scope not in WHOLE_ACCOUNT:
        return ()
    if scope is HaltScope.FOLLOWER:
        return (AccountId(target),)
    followers = {s.follower for s in state.subscriptions.values() if target in (EVERYWHERE, s.tenant)}
    return tuple(sorted(followers))
