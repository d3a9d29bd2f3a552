"""Growth, drawdown and months against a plain second calculation, for any course of an account."""

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kopitra.simulation.whatif.curves import CURVE_POINTS, Curve
from tests.unit.whatif.stories import MONDAY, D

Step = tuple[int, int, int]
"""Hours since the step before, money paid in then (0: none), and how equity changed by itself after it."""

steps = st.lists(
    st.tuples(st.integers(1, 400), st.sampled_from((0, 0, 0, 500, -300)), st.integers(-900, 1_000)),
    min_size=1,
    max_size=60,
)


def lived(course: list[Step]) -> tuple[Curve, list[tuple[datetime, Fraction]], Decimal]:
    """A curve fed with the course, its unit values calculated apart, and the equity at the end."""
    at = MONDAY
    end = MONDAY + timedelta(hours=sum(hours for hours, _, _ in course))
    curve = Curve(MONDAY, end)
    equity = Decimal(1000)
    curve.flow(at, equity)
    curve.note(at, equity, equity)
    unit = Fraction(1)
    units = [(at, unit)]
    for hours, flow, change in course:
        at += timedelta(hours=hours)
        if flow and equity + flow > 0:
            curve.flow(at, Decimal(flow))
            equity += flow
            curve.note(at, equity, equity)
            units.append((at, unit))
        after = max(equity + change, Decimal(1))
        unit *= Fraction(after) / Fraction(equity)
        equity = after
        curve.note(at, equity, equity)
        units.append((at, unit))
    return curve, units, equity


@given(steps)
def test_growth_is_that_of_chained_returns_between_payments(course: list[Step]) -> None:
    curve, units, equity = lived(course)
    assert curve.equity == equity
    assert float(curve.unit) == pytest.approx(float(units[-1][1]), rel=1e-12)


@given(steps)
def test_drawdown_is_the_deepest_fall_from_any_earlier_height(course: list[Step]) -> None:
    curve, units, _ = lived(course)
    deepest = max(
        (1 - low / high for at, (_, high) in enumerate(units) for _, low in units[at:]), default=Fraction(0)
    )
    assert float(curve.deepest.share) == pytest.approx(float(deepest), abs=1e-12)


@given(steps)
def test_the_longest_time_below_a_peak_is_counted_from_the_peak(course: list[Step]) -> None:
    curve, units, _ = lived(course)
    longest = timedelta(0)
    for place, (began, height) in enumerate(units):
        if any(value > height for _, value in units[:place]):
            continue
        back = next(
            (n for n, (_, value) in enumerate(units[place + 1 :], place + 1) if value >= height), None
        )
        if back != place + 1:
            longest = max(longest, units[-1 if back is None else back][0] - began)
    assert curve.longest_below == longest


@given(steps)
def test_months_compound_to_the_whole_and_their_profits_add_up(course: list[Step]) -> None:
    curve, units, _ = lived(course)
    whole = Fraction(1)
    for month in curve.months():
        whole *= 1 + Fraction(month.growth)
    assert float(whole) == pytest.approx(float(units[-1][1]), rel=1e-9)
    assert sum(month.profit for month in curve.months()) == curve.profit


def test_a_drawdown_says_when_it_began_was_deepest_and_was_over() -> None:
    curve = Curve(MONDAY, MONDAY + timedelta(days=10))
    curve.flow(MONDAY, D(100))
    for day, equity in enumerate((100, 120, 90, 96, 120, 119)):
        curve.note(MONDAY + timedelta(days=day), D(equity), D(equity))
    deepest = curve.deepest
    assert (deepest.share, deepest.money) == (D("0.25"), D(30))
    assert deepest.peak_at == MONDAY + timedelta(days=1)
    assert deepest.trough_at == MONDAY + timedelta(days=2)
    assert deepest.recovered_at == MONDAY + timedelta(days=4)
    assert curve.longest_below == timedelta(days=3)


def test_a_withdrawal_after_a_peak_is_no_fall() -> None:
    curve = Curve(MONDAY, MONDAY + timedelta(days=3))
    curve.flow(MONDAY, D(1000))
    curve.note(MONDAY, D(1000), D(1000))
    curve.flow(MONDAY + timedelta(days=1), D(-900))
    curve.note(MONDAY + timedelta(days=1), D(100), D(100))
    assert (curve.unit, curve.deepest.share, curve.profit) == (1, 0, 0)


def test_an_account_that_lost_everything_begins_anew_with_the_next_deposit() -> None:
    curve = Curve(MONDAY, MONDAY + timedelta(days=4))
    curve.flow(MONDAY, D(1000))
    curve.note(MONDAY, D(1000), D(1000))
    curve.note(MONDAY + timedelta(days=1), D(-50), D(-50))
    assert (curve.unit, curve.deepest.share) == (0, 1)
    curve.flow(MONDAY + timedelta(days=2), D(550))
    curve.note(MONDAY + timedelta(days=2), D(500), D(500))
    curve.note(MONDAY + timedelta(days=3), D(750), D(750))
    assert curve.unit == D("1.5")
    assert curve.profit == D(-800)


def test_a_curve_stays_thin_and_keeps_its_end() -> None:
    days = 20 * CURVE_POINTS
    curve = Curve(MONDAY, MONDAY + timedelta(minutes=days))
    curve.flow(MONDAY, D(1000))
    for minute in range(days + 1):
        equity = D(1000 + minute % 37)
        curve.note(MONDAY + timedelta(minutes=minute), equity, equity)
    assert CURVE_POINTS <= len(curve.points) <= CURVE_POINTS + 1
    assert curve.points[-1].equity == D(1000 + days % 37)
    assert max(point.drawdown for point in curve.points) == curve.deepest.share
