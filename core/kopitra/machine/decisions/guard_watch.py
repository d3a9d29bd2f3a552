"""Look at an account's figures: begin its guards' periods, keep their high-water marks, and find which are hit."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from kopitra.domain.guard_marks import Mark, new_mark, raised, worth_journaling
from kopitra.domain.guards import STANDING, WITH_PERIOD, GuardKind
from kopitra.domain.quantities import ZERO
from kopitra.machine.decisions.guard_hits import hit
from kopitra.machine.decisions.guard_measures import Measured, measure, measure_sum
from kopitra.machine.decisions.guard_values import (
    Unknown,
    Value,
    highest,
    paid_since,
    rate_between,
    value_of,
)
from kopitra.machine.decisions.standing_still import Sweep
from kopitra.machine.events import AnyEvent, GuardMarked, GuardSumMarked
from kopitra.machine.guards_in_force import Placed, guards_of, is_summed
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, State
from kopitra.machine.stop_events import KeptMark


def watch(account: Account, sweep: Sweep) -> Iterator[AnyEvent]:
    """What the account's present figures change: as a rule nothing."""
    state, context = sweep.state, sweep.context
    placed = _standing(account, state)
    if not placed and not account.guard_marks:
        return
    marks = _marks(account, placed, context)
    hits = [
        (p, measured)
        for p in placed
        if p.guard.each and p.key not in account.guard_holds
        if (measured := measure(account, p, marks.get(p.key), context)) is not None and measured.is_hit
    ]
    yield from _kept(account, placed, marks, {p.key for p, _ in hits})
    yield from _left(account, sweep)
    for p, measured in hits:
        yield hit(sweep, p, measured.amount, measured.limit, measured.currency, account.account)
    for p in placed:
        if not p.guard.each and p.key not in sweep.done:
            yield from _watch_sum(account, p, marks, sweep)


def may_have_changed(account: Account, state: State, context: Context) -> bool:
    """Whether something else than figures may have changed what they mean: a period is over, or the account has left a
    sum."""
    if any(mark.ends is not None and mark.ends <= context.now for mark in account.guard_marks.values()):
        return True
    sums = account.guard_marks.keys() & state.guard_marks.keys()
    return bool(sums) and not sums <= {p.key for p in _standing(account, state)}


def _standing(account: Account, state: State) -> list[Placed]:
    """Guards that watch the account's figures; a sum that it has left does not."""
    return [
        p
        for p in guards_of(state, account)
        if p.guard.kind in STANDING and (p.guard.each or is_summed(state, p, account))
    ]


def _marks(account: Account, placed: list[Placed], context: Context) -> dict[str, Mark]:
    """The marks as they are with these figures; the high-water marks of guards over a sum are not the account's."""
    found: dict[str, Mark] = {}
    for p in placed:
        if p.guard.kind not in WITH_PERIOD:
            continue
        value = value_of(account, p.guard.basis, context)
        if isinstance(value, Unknown):
            continue
        mark = _mark(account, p, value, context)
        if mark is not None:
            found[p.key] = mark
    return found


def _mark(account: Account, placed: Placed, value: Value, context: Context) -> Mark | None:
    guard = placed.guard
    mark = account.guard_marks.get(placed.key)
    if mark is None or not mark.holds(guard, value.currency, context.now):
        if paid_since(account, context):
            return None  # the figures may not show it yet, and the deal of it will not be told again
        return new_mark(guard, value.amount, value.currency, context.now)
    if guard.kind is GuardKind.TRAILING_DRAWDOWN and guard.each:
        return raised(mark, highest(account, mark, value, context))
    return mark


def _kept(
    account: Account, placed: list[Placed], marks: dict[str, Mark], hit_keys: set[str]
) -> Iterator[GuardMarked]:
    """Journaled where a period begins, a high-water mark has risen by a step, or a hit rests on it."""
    kept = tuple(
        KeptMark(key, mark) for key, mark in marks.items() if _is_news(account, key, mark, key in hit_keys)
    )
    in_force = {p.key for p in placed if p.guard.kind in WITH_PERIOD}
    dropped = tuple(sorted(account.guard_marks.keys() - in_force))
    if kept or dropped:
        yield GuardMarked(account=account.account, marks=kept, dropped=dropped)


def _left(account: Account, sweep: Sweep) -> Iterator[GuardSumMarked]:
    """Who leaves a sum takes its gain with it, so that this is no fall of the others, and its loss, which is none of
    theirs."""
    state = sweep.state
    for placed in guards_of(state, account):
        total, mark = state.guard_marks.get(placed.key), account.guard_marks.get(placed.key)
        if total is None or mark is None or is_summed(state, placed, account):
            continue
        taken = _result(account, mark, total.currency, sweep.context)
        # Where it is not known what it takes, nothing is a fall from that.
        high = min(total.high, ZERO) if taken is None else total.high - max(taken, ZERO)
        yield GuardSumMarked(
            tenant=account.tenant, key=placed.key, mark=msgspec.structs.replace(total, high=high)
        )


def _result(account: Account, mark: Mark, currency: str, context: Context) -> Decimal | None:
    value = value_of(account, mark.basis, context)
    if isinstance(value, Unknown) or value.currency != mark.currency:
        return None
    rate = rate_between(mark.currency, currency, account.account, context)
    if isinstance(rate, Unknown):
        return None
    return (value.amount - mark.start) * rate.numerator / rate.denominator


def _is_news(account: Account, key: str, mark: Mark, is_hit: bool) -> bool:
    before = account.guard_marks.get(key)
    if before is None or before.began != mark.began or before.clock != mark.clock:
        return True
    if (before.start, before.basis, before.currency) != (mark.start, mark.basis, mark.currency):
        return True
    return worth_journaling(before.high, mark.high) or (is_hit and mark.high != before.high)


def _watch_sum(account: Account, placed: Placed, marks: dict[str, Mark], sweep: Sweep) -> Iterator[AnyEvent]:
    state = sweep.state
    if placed.key in state.guard_holds:
        return
    fresh = marks.get(placed.key)
    if fresh is not None and fresh is not account.guard_marks.get(placed.key):
        return  # its own period has just begun; the sum is looked at once that is known
    measured, mark, _ = measure_sum(state, placed, sweep.context)
    if measured is None:
        return
    sweep.done.add(placed.key)
    if mark is not None and _is_sum_news(state.guard_marks.get(placed.key), mark, measured):
        yield GuardSumMarked(tenant=account.tenant, key=placed.key, mark=mark)
    if measured.is_hit:
        yield hit(sweep, placed, measured.amount, measured.limit, measured.currency, None)


def _is_sum_news(before: Mark | None, mark: Mark, measured: Measured) -> bool:
    """A result starts at zero, so its steps are measured by what may be lost, not by what it is."""
    if before is None or before.began != mark.began or before.clock != mark.clock:
        return True
    return mark.high > before.high and (measured.is_hit or mark.high - before.high >= measured.limit / 100)
