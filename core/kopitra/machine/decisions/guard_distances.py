"""How near every guard is to its limit: for operators, and for reports of replayed histories."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from kopitra.domain.guard_marks import used
from kopitra.domain.guards import STANDING, Guard, GuardBasis, GuardKind, GuardUnit
from kopitra.domain.identifiers import AccountId
from kopitra.domain.quantities import ZERO
from kopitra.machine.decisions.guard_gates import totals_of
from kopitra.machine.decisions.guard_measures import measure, measure_sum
from kopitra.machine.decisions.guard_values import Unknown, added_up, limit_in, value_of
from kopitra.machine.guards_in_force import Placed, guards_in, guards_of, members
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, GuardHold, State


class Distance(msgspec.Struct, frozen=True):
    """One guard of one account, or of the sum over its layer's (`account` None). `used`: 1 is all of it; None, with the
    reason in `unknown`, where it cannot be told."""

    placed: Placed
    account: AccountId | None
    used: Decimal | None = None
    amount: Decimal | None = None
    limit: Decimal | None = None
    currency: str | None = None
    hold: GuardHold | None = None
    unknown: str | None = None


def distances_of(state: State, account: Account, context: Context) -> Iterator[Distance]:
    """Of all guards that are this account's own; risk per trade has none, as it looks at single trades."""
    for placed in guards_of(state, account):
        if placed.guard.each and placed.guard.kind is not GuardKind.TRADE_RISK:
            yield _own(state, account, placed, context)


def distances_of_sums(state: State, context: Context) -> Iterator[Distance]:
    """Of all guards over sums, in the order of their layers."""
    for layer in state.layers.values():
        for placed in guards_in(state, layer.scope, layer.target):
            if not placed.guard.each:
                yield _sum(state, placed, context)


def _own(state: State, account: Account, placed: Placed, context: Context) -> Distance:
    hold, name = account.guard_holds.get(placed.key), account.account
    if placed.guard.kind not in STANDING:
        return _gate(state, placed, name, [name], hold, context)
    measured = measure(account, placed, account.guard_marks.get(placed.key), context)
    if measured is None:
        value = value_of(account, placed.guard.basis, context)
        why = value.why if isinstance(value, Unknown) else "its period has not begun, or a rate is missing"
        return Distance(placed, name, hold=hold, unknown=why)
    return Distance(placed, name, measured.used, measured.amount, measured.limit, measured.currency, hold)


def _sum(state: State, placed: Placed, context: Context) -> Distance:
    hold = state.guard_holds.get(placed.key)
    if placed.guard.kind not in STANDING:
        accounts = members(state, placed.scope, placed.target)
        return _gate(state, placed, None, accounts, hold, context)
    measured, _, doubtful = measure_sum(state, placed, context)
    why = doubtful.why if doubtful is not None else None
    if measured is None:
        return Distance(placed, None, hold=hold, unknown=why)
    return Distance(
        placed, None, measured.used, measured.amount, measured.limit, measured.currency, hold, why
    )


def _gate(
    state: State,
    placed: Placed,
    account: AccountId | None,
    accounts: list[AccountId],
    hold: GuardHold | None,
    context: Context,
) -> Distance:
    guard = placed.guard
    totals = totals_of(state, placed, accounts, None if guard.each else guard.currency, context)
    limit = _limit(state, placed, accounts, context)
    unknown = totals.unknown or (limit if isinstance(limit, Unknown) else None)
    if unknown is not None or isinstance(limit, Unknown):
        return Distance(placed, account, hold=hold, unknown=unknown.why if unknown else None)
    by_symbol = guard.kind is GuardKind.SYMBOL_EXPOSURE
    amount = max(totals.by_side.values(), default=ZERO) if by_symbol else totals.over_all
    return Distance(placed, account, used(amount, limit), amount, limit, guard.currency, hold)


def _limit(state: State, placed: Placed, accounts: list[AccountId], context: Context) -> Decimal | Unknown:
    guard = placed.guard
    if guard.kind is GuardKind.LEVERAGE:
        equity = _equity(state, placed, accounts, context)
        return equity if isinstance(equity, Unknown) else guard.limit * equity
    if guard.unit is not GuardUnit.MONEY or not guard.each:
        return guard.limit
    return _in_own_currency(guard, state.accounts[accounts[0]], context)


def _equity(state: State, placed: Placed, accounts: list[AccountId], context: Context) -> Decimal | Unknown:
    guard = placed.guard
    if guard.each:
        value = value_of(state.accounts[accounts[0]], GuardBasis.EQUITY, context)
        return value if isinstance(value, Unknown) else value.amount
    assert guard.currency is not None, "validated: a sum has one"
    found = added_up(state, accounts, placed.key, guard, guard.currency, context)
    return found.missing or found.total


def _in_own_currency(guard: Guard, account: Account, context: Context) -> Decimal | Unknown:
    value = value_of(account, GuardBasis.BALANCE, context)
    return value if isinstance(value, Unknown) else limit_in(guard, value.currency, account, context)
