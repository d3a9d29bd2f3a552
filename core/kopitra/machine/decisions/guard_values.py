"""An account's balance or equity as guards read it: how old it is, and how much of a change is not explained yet."""

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.guard_marks import Mark
from kopitra.domain.guards import Guard, GuardBasis, GuardUnit
from kopitra.domain.identifiers import AccountId
from kopitra.domain.quantities import ZERO
from kopitra.domain.rates import Rate, find_rate
from kopitra.domain.readings import BALANCE_MAX_AGE, EQUITY_MAX_AGE
from kopitra.machine.outcome import Context
from kopitra.machine.readings import SETTLING
from kopitra.machine.state import Account, State

MAX_AGE = {GuardBasis.BALANCE: BALANCE_MAX_AGE, GuardBasis.EQUITY: EQUITY_MAX_AGE}


class Value(msgspec.Struct, frozen=True, gc=False):
    """`amount` in `currency`, received at `at`. `doubt`: how much of a fall (and `surplus`: of a rise) may be money
    paid out (or in) that has been seen in only one of figures and balance operations so far."""

    amount: Decimal
    currency: str
    at: datetime
    doubt: Decimal = ZERO
    surplus: Decimal = ZERO


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """A guard cannot be judged; `why` is half a sentence."""

    why: str


def value_of(account: Account, basis: GuardBasis, context: Context) -> Value | Unknown:
    """The last figure, whatever its age."""
    figures = context.readings.figures.get(account.account)
    if figures is None:
        return Unknown(f"{account.account} has not reported its figures yet")
    amount = figures.balance if basis is GuardBasis.BALANCE else figures.equity
    if amount is None:
        return Unknown(f"{account.account} does not report its equity")
    paid = paid_since(account, context)
    return Value(amount, figures.currency, figures.at, paid + figures.fallen, paid + figures.risen)


def staleness(value: Value, basis: GuardBasis, now: datetime) -> Unknown | None:
    """Why a value is too old to open anything on; None where it is not."""
    if now - value.at <= MAX_AGE[basis]:
        return None
    return Unknown(f"the last {basis} is of {value.at.isoformat()}")


def paid_since(account: Account, context: Context) -> Decimal:
    """What was paid in or out so lately that the figures may not show it yet, added up without signs."""
    figures = context.readings.figures.get(account.account)
    if account.flow_at is None or (figures is not None and figures.at - account.flow_at >= SETTLING):
        return ZERO
    return account.flow


def highest(account: Account, mark: Mark, value: Value, context: Context) -> Decimal:
    """The highest since the mark was last journaled, of what is beyond doubt."""
    high = max(mark.high, value.amount - value.surplus)
    peak = context.readings.peaks.get(account.account)
    if peak is None or account.marked_at is None or peak.since < account.marked_at:
        return high
    found = peak.balance if mark.basis is GuardBasis.BALANCE else peak.equity
    return high if found is None else max(high, found)


def limit_in(guard: Guard, currency: str, account: Account, context: Context) -> Decimal | Unknown:
    """The guard's limit, money in this currency."""
    if guard.unit is not GuardUnit.MONEY or guard.currency is None:
        return guard.limit
    return exchanged(guard.limit, guard.currency, currency, account.account, context)


def exchanged(
    amount: Decimal, source: str, target: str, account: AccountId, context: Context
) -> Decimal | Unknown:
    """An amount in another currency, by the account's own quotes."""
    if source == target:
        return amount
    rate = rate_between(source, target, account, context)
    return rate if isinstance(rate, Unknown) else amount * rate.numerator / rate.denominator


def rate_between(source: str, target: str, account: AccountId, context: Context) -> Rate | Unknown:
    rate = find_rate(source, target, context.readings.rates.get(account, {}), context.now)
    if isinstance(rate, Rate):
        return rate
    return Unknown(f"{account} has no fresh quotes that lead from {source} to {target}")


class Sum(msgspec.Struct, gc=False):
    """Several accounts together, in one currency: `result` since the period began, `capital` that it began with, and
    the `total` of their values. `missing`: why some of it is not known."""

    result: Decimal = ZERO
    capital: Decimal = ZERO
    total: Decimal = ZERO
    doubt: Decimal = ZERO
    surplus: Decimal = ZERO
    missing: Unknown | None = None
    stale: Unknown | None = None


def added_up(
    state: State, accounts: list[AccountId], key: str, guard: Guard, currency: str, context: Context
) -> Sum:
    """What is known of them. An account without figures adds nothing; one whose period has not begun has no result."""
    found = Sum()
    for name in accounts:
        _add(found, state.accounts[name], key, guard, currency, context)
    return found


def _add(found: Sum, account: Account, key: str, guard: Guard, currency: str, context: Context) -> None:
    value = value_of(account, guard.basis, context)
    if isinstance(value, Unknown):
        found.missing = found.missing or value
        return
    found.stale = found.stale or staleness(value, guard.basis, context.now)
    rate = rate_between(value.currency, currency, account.account, context)
    if isinstance(rate, Unknown):
        found.missing = found.missing or rate
        return
    mark = account.guard_marks.get(key)
    begun = mark is not None and guard.period is not None and mark.holds(guard, value.currency, context.now)
    start = mark.start if mark is not None and begun else value.amount

    def money(amount: Decimal) -> Decimal:
        return amount * rate.numerator / rate.denominator

    found.result += money(value.amount - start)
    found.capital += money(start)
    found.total += money(value.amount)
    found.doubt += money(value.doubt)
    found.surplus += money(value.surplus)
