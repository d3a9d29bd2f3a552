"""What a standing guard measures by: where its period began, the highest since, and how much of its limit is used.

Money that is paid in or out moves the marks with it, so that a deposit is no profit and a withdrawal no loss.
"""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.guards import Guard, GuardBasis, GuardKind, GuardUnit
from kopitra.domain.periods import ResetClock, period_end, period_start
from kopitra.domain.quantities import ONE, ZERO

HIGH_WATER_STEP = Decimal("0.0005")
"""A high-water mark is journaled when it has risen by this part of itself: five for an account of ten thousand. A rise
of ten percent then takes less than 200 events, however many ticks it takes."""
TOLD_WITHIN = timedelta(seconds=5)
"""Figures and the ledger are read and told every second: what figures contain is told of within this time."""
CLOCKS_DIFFER_BY = timedelta(hours=1)
"""No terminal's clock is so wrong; what is older is history that a reinstalled agent tells again."""
HUNDRED = Decimal(100)


class Mark(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One account's figures at the beginning of a period, in its own currency; `high` is the highest since.

    `at` is when the figures of `start` were received; `ends` is when the period does (None: never). For the sum over
    several accounts `start` is zero, and `high` is the highest that their results together have been.
    """

    at: datetime
    start: Decimal
    high: Decimal
    currency: str
    basis: GuardBasis
    clock: ResetClock
    began: datetime
    ends: datetime | None = None

    def holds(self, guard: Guard, currency: str, now: datetime) -> bool:
        """Whether it is the mark of this guard as it is set now, and of the present period."""
        return (
            self.began <= now
            and (self.ends is None or now < self.ends)
            and self.basis is guard.basis
            and self.currency == currency
            and guard.has_clock(self.clock)
        )


def new_mark(guard: Guard, value: Decimal, currency: str, now: datetime) -> Mark:
    clock = guard.clock
    return Mark(
        at=now,
        start=value,
        high=value,
        currency=currency,
        basis=guard.basis,
        clock=clock,
        began=period_start(clock, now),
        ends=period_end(clock, now),
    )


def raised(mark: Mark, value: Decimal) -> Mark:
    return msgspec.structs.replace(mark, high=value) if value > mark.high else mark


def after_flow(mark: Mark, amount: Decimal, executed_at: datetime, received_at: datetime) -> Mark:
    """The mark once money was paid in (positive) or out; unchanged by what the figures of its start contain already.

    `executed_at` is the broker's word and may be minutes off the clock that `mark.at` was read from: an operation that
    is told well after the mark was made came after it, unless it is far too old for that.
    """
    told_at_once = received_at - mark.at <= TOLD_WITHIN
    old = mark.at - executed_at > CLOCKS_DIFFER_BY
    if executed_at <= mark.at and (told_at_once or old):
        return mark
    return msgspec.structs.replace(mark, start=mark.start + amount, high=mark.high + amount)


def worth_journaling(before: Decimal, high: Decimal) -> bool:
    """Whether a high-water mark has moved so far that it must survive a restart."""
    return high > before and high >= before + abs(before) * HIGH_WATER_STEP


def fallen(guard: Guard, mark: Mark, value: Decimal) -> Decimal:
    """How far the value is below what the guard measures from; never negative."""
    return max(ZERO, _measured_from(guard, mark) - value)


def allowance(guard: Guard, mark: Mark, limit: Decimal, capital: Decimal | None = None) -> Decimal:
    """How far it may fall. `limit`: the guard's, in the mark's currency where it is one of money. `capital`: what
    a percentage is of, for a sum over accounts; an account's own mark is enough."""
    if guard.unit is not GuardUnit.PERCENT:
        return limit
    reference = _measured_from(guard, mark) + (capital or ZERO)
    return max(ZERO, reference) * limit / HUNDRED


def is_hit(fall: Decimal, allowed: Decimal) -> bool:
    """A limit that is reached is hit; where nothing is allowed (an account without money), any loss is too much."""
    return fall > ZERO and fall >= allowed


def used(amount: Decimal, limit: Decimal) -> Decimal:
    """The part of a limit that is used: 0 nothing, 1 all of it."""
    if limit > ZERO:
        return amount / limit
    return ONE if amount > ZERO else ZERO


def floor_used(value: Decimal, floor: Decimal) -> Decimal:
    """The same for a floor, which is reached from above: half where equity is twice the floor."""
    return floor / value if value > ZERO else ONE


def _measured_from(guard: Guard, mark: Mark) -> Decimal:
    return mark.high if guard.kind is GuardKind.TRAILING_DRAWDOWN else mark.start
