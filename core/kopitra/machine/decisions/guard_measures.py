"""How far an account, or several together, have used a standing guard's limit."""

from decimal import Decimal

import msgspec

from kopitra.domain.guard_marks import Mark, allowance, fallen, floor_used, is_hit, new_mark, raised, used
from kopitra.domain.guards import Guard, GuardKind
from kopitra.domain.identifiers import AccountId
from kopitra.domain.quantities import ZERO
from kopitra.machine.decisions.guard_values import Sum, Unknown, added_up, limit_in, value_of
from kopitra.machine.guards_in_force import Placed, leavers, members
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, State


class Measured(msgspec.Struct, frozen=True):
    """How far a guard's limit is used: `amount` of `limit`, in `currency`; `doubt` of it may not be a loss."""

    amount: Decimal
    limit: Decimal
    currency: str
    doubt: Decimal = ZERO
    floor: bool = False
    """The amount is what is left, and the limit what must be left."""

    @property
    def is_hit(self) -> bool:
        """Beyond doubt."""
        if self.floor:
            return self.amount + self.doubt <= self.limit
        return is_hit(self.amount - self.doubt, self.limit)

    @property
    def used(self) -> Decimal:
        """The part of the limit that is used up: 1 is all of it."""
        return floor_used(self.amount, self.limit) if self.floor else used(self.amount, self.limit)

    @property
    def may_be_hit(self) -> bool:
        return self.amount <= self.limit if self.floor else is_hit(self.amount, self.limit)


def measure(account: Account, placed: Placed, mark: Mark | None, context: Context) -> Measured | None:
    """One account against its own guard; None where figures, a fresh rate or the period's beginning are not known.
    The age of the figures is for the caller to judge."""
    guard = placed.guard
    value = value_of(account, guard.basis, context)
    if isinstance(value, Unknown):
        return None
    limit = limit_in(guard, value.currency, account, context)
    if isinstance(limit, Unknown):
        return None
    if guard.kind is GuardKind.EQUITY_FLOOR:
        return Measured(value.amount, limit, value.currency, value.doubt, floor=True)
    if mark is None or not mark.holds(guard, value.currency, context.now):
        return None
    fall = fallen(guard, mark, value.amount)
    return Measured(fall, allowance(guard, mark, limit), value.currency, value.doubt)


def measure_sum(
    state: State, placed: Placed, context: Context
) -> tuple[Measured | None, Mark | None, Unknown | None]:
    """All accounts of a guard over a sum: how much is used, the mark of their result as it is now, and what of it is
    not known or old. What is known counts as it is; while something is missing, what the sum had gained may be there,
    and is no loss of the others."""
    guard = placed.guard
    assert guard.currency is not None, "validated: a sum has one"
    accounts = members(state, placed.scope, placed.target)
    found = added_up(state, accounts, placed.key, guard, guard.currency, context)
    doubtful = found.missing or found.stale
    if guard.kind is GuardKind.EQUITY_FLOOR:
        known = found.missing is None
        floor = Measured(found.total, guard.limit, guard.currency, found.doubt, floor=True)
        return floor if known else None, None, doubtful
    partial = _with_leavers(found, state, placed, accounts, guard.currency, context)
    mark = _raised(state.guard_marks.get(placed.key), guard, guard.currency, found, partial, context)
    fall = fallen(guard, mark, found.result)
    allowed = allowance(guard, mark, guard.limit, found.capital)
    elsewhere = max(mark.high, ZERO) if partial else ZERO
    return Measured(fall, allowed, guard.currency, found.doubt + elsewhere), mark, doubtful


def _with_leavers(
    found: Sum, state: State, placed: Placed, accounts: list[AccountId], currency: str, context: Context
) -> bool:
    """Count what others gained who have just left, for the highest result has it in it; their losses they take along.
    Whether anything is missing."""
    partial = found.missing is not None
    for name in leavers(state, placed, accounts):
        left = added_up(state, [name], placed.key, placed.guard, currency, context)
        partial = partial or left.missing is not None
        if left.result > ZERO:
            found.result += left.result
            found.doubt += left.doubt
            found.surplus += left.surplus
    return partial


def _raised(
    mark: Mark | None, guard: Guard, currency: str, found: Sum, partial: bool, context: Context
) -> Mark:
    """The mark of a sum's result; a loss that is missing is no reason to raise it."""
    if mark is None or not mark.holds(guard, currency, context.now):
        result = ZERO if partial else max(found.result, ZERO)  # each began at nothing
        mark = msgspec.structs.replace(new_mark(guard, result, currency, context.now), start=ZERO)
    return mark if partial else raised(mark, found.result - found.surplus)
