"""A guard is hit: what its action stops, and how it is lifted again."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from kopitra.domain.guards import GuardAction, GuardKind, GuardReset
from kopitra.domain.identifiers import AccountId, GroupId, TenantId
from kopitra.domain.periods import period_end
from kopitra.domain.settings import SettingsScope
from kopitra.machine.commands import ResetGuard
from kopitra.machine.decisions.guard_measures import measure, measure_sum
from kopitra.machine.decisions.halting import halted_beside
from kopitra.machine.decisions.standing_still import Stopped, Sweep
from kopitra.machine.events import AnyEvent, GuardHit, GuardLifted
from kopitra.machine.guards_in_force import Placed, covers, guard_key, guards_in, members
from kopitra.machine.outcome import Context, Decision, Refusal, Result
from kopitra.machine.state import Account, Copy, GuardHold, State

WHOLE_ACCOUNT = frozenset({SettingsScope.PLATFORM, SettingsScope.FOLLOWER})
"""Guards that stop all that an account opens, so that its EA is told; a group's concerns its own copies only."""


def hit(
    sweep: Sweep,
    placed: Placed,
    measured: Decimal,
    limit: Decimal,
    currency: str,
    account: AccountId | None,
) -> GuardHit:
    """`account` None: by the sum over all accounts of the layer."""
    state, guard = sweep.state, placed.guard
    accounts = [account] if account is not None else members(state, placed.scope, placed.target)
    stopped = stopped_by(sweep, guard.action, held_copies(state, placed.scope, placed.target, accounts))
    return GuardHit(
        tenant=tenant_of(state, placed.scope, placed.target),
        scope=placed.scope,
        target=placed.target,
        guard=guard,
        measured=measured,
        limit=limit,
        currency=currency,
        account=account,
        until=_until(placed, sweep.context.now),
        notified=tuple(accounts) if placed.scope in WHOLE_ACCOUNT else (),
        withdrawn=stopped.withdrawn,
        orders=stopped.orders,
        recalled=stopped.recalled,
    )


def stopped_by(sweep: Sweep, action: GuardAction, copies: Iterator[Copy]) -> Stopped:
    flatten, halts_only = action is GuardAction.FLATTEN, action is GuardAction.HALT_OPENS
    return sweep.stop(copies, positions=flatten, resting=not halts_only)


def held_copies(state: State, scope: SettingsScope, target: str, accounts: list[AccountId]) -> Iterator[Copy]:
    for account in accounts:
        for copy in state.accounts[account].following.copies.values():
            if copy.live and covers(state, scope, target, copy):
                yield copy


def over_by_now(state: State, context: Context) -> Iterator[GuardLifted]:
    """Hits whose period is over."""
    for account in state.accounts.values():
        for hold in account.guard_holds.values():
            if hold.until is not None and hold.until <= context.now:
                yield _lifted(state, hold, GuardReset.PERIOD, (account.account,), False, None)
    for hold in state.guard_holds.values():
        if hold.until is not None and hold.until <= context.now:
            yield _lifted(state, hold, GuardReset.PERIOD, (), True, None)


def reset_guard(state: State, command: ResetGuard, context: Context) -> Result:
    """An operator lifts a hit. Loss and drawdown count anew from the present figures; an equity floor that equity is
    still below would be hit again at once, so that is refused."""
    key = guard_key(command.scope, command.target, command.name)
    owner = _owner(state, command)
    if owner is None or command.tenant not in (None, owner):
        detail = f"there is no {command.scope} {command.target!r}"
        return Refusal(status=404, code="guard_target_unknown", detail=detail)
    accounts = tuple(
        a.account
        for a in state.accounts.values()
        if key in a.guard_holds and command.account in (None, a.account)
    )
    summed = key in state.guard_holds and command.account is None
    holds = [state.accounts[a].guard_holds[key] for a in accounts]
    if summed:
        holds.append(state.guard_holds[key])
    if not holds:
        return Decision((), {"reset": 0})
    broken = _still_broken(state, command, key, accounts, summed, context)
    if broken is not None:
        return broken
    event: AnyEvent = _lifted(state, holds[0], GuardReset.OPERATOR, accounts, summed, command.subject)
    return Decision((event,), {"reset": len(holds)})


def tenant_of(state: State, scope: SettingsScope, target: str) -> TenantId:
    match scope:
        case SettingsScope.PLATFORM:
            return TenantId(target)
        case SettingsScope.GROUP:
            return state.groups[GroupId(target)].tenant
        case SettingsScope.FOLLOWER:
            return state.accounts[AccountId(target)].tenant


def _still_broken(
    state: State,
    command: ResetGuard,
    key: str,
    accounts: tuple[AccountId, ...],
    summed: bool,
    context: Context,
) -> Refusal | None:
    for placed in guards_in(state, command.scope, command.target):
        if placed.key != key or placed.guard.kind is not GuardKind.EQUITY_FLOOR:
            continue
        found = [measure(state.accounts[account], placed, None, context) for account in accounts]
        if summed:
            found.append(measure_sum(state, placed, context)[0])
        for measured in found:
            if measured is not None and measured.may_be_hit:
                detail = f"equity is {measured.amount} {measured.currency}, the floor {measured.limit}"
                return Refusal(status=409, code="guard_still_broken", detail=detail)
    return None


def _owner(state: State, command: ResetGuard) -> TenantId | None:
    known = {
        SettingsScope.PLATFORM: True,
        SettingsScope.GROUP: GroupId(command.target) in state.groups,
        SettingsScope.FOLLOWER: AccountId(command.target) in state.accounts,
    }
    return tenant_of(state, command.scope, command.target) if known[command.scope] else None


def _until(placed: Placed, now: datetime) -> datetime | None:
    if placed.guard.reset_by is not GuardReset.PERIOD:
        return None
    return period_end(placed.guard.clock, now)


def _lifted(
    state: State,
    hold: GuardHold,
    cause: GuardReset,
    accounts: tuple[AccountId, ...],
    summed: bool,
    subject: str | None,
) -> GuardLifted:
    """EAs are told that they may open again where nothing else stops them."""
    concerned = list(accounts)
    key = guard_key(hold.scope, hold.target, hold.name)
    if hold.scope in WHOLE_ACCOUNT and summed:
        concerned = sorted({*concerned, *_summed_accounts(state, hold)})
    told = [a for a in concerned if hold.scope in WHOLE_ACCOUNT and not halted_beside(state, a, key)]
    return GuardLifted(
        tenant=tenant_of(state, hold.scope, hold.target),
        scope=hold.scope,
        target=hold.target,
        name=hold.name,
        cause=cause,
        notified=tuple(told),
        accounts=accounts,
        summed=summed,
        subject=subject,
    )


def _summed_accounts(state: State, hold: GuardHold) -> Iterator[AccountId]:
    for account in state.accounts.values():
        if covers_account(state, hold, account):
            yield account.account


def covers_account(state: State, hold: GuardHold, account: Account) -> bool:
    """Whether a hold over a sum stops this account as a whole."""
    if hold.scope is SettingsScope.PLATFORM:
        return account.tenant == hold.target and account.account in state.of_follower
    return hold.scope is SettingsScope.FOLLOWER and account.account == hold.target
