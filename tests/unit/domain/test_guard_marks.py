"""Losses and drawdowns: money paid in or out changes neither, and a high-water mark never falls by trading."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from kopitra.domain.guard_marks import (
    HIGH_WATER_STEP,
    Mark,
    after_flow,
    allowance,
    fallen,
    floor_used,
    is_hit,
    new_mark,
    raised,
    used,
    worth_journaling,
)
from kopitra.domain.guards import Guard, GuardBasis, GuardKind, GuardUnit
from kopitra.domain.periods import Period

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
money = st.decimals(-1_000_000, 1_000_000, places=2)
amounts = st.decimals(1, 1_000_000, places=2)
kinds = st.sampled_from([GuardKind.LOSS, GuardKind.TRAILING_DRAWDOWN])


def guard(kind: GuardKind = GuardKind.LOSS, unit: GuardUnit = GuardUnit.MONEY, limit: str = "500") -> Guard:
    return Guard(name="daily", kind=kind, limit=Decimal(limit), unit=unit, period=Period.DAY)


def mark(value: Decimal, kind: GuardKind = GuardKind.LOSS) -> Mark:
    return new_mark(guard(kind), value, "USD", NOW)


def test_a_loss_is_measured_from_the_start_of_the_period():
    begun = raised(mark(Decimal(10000)), Decimal(10400))
    assert fallen(guard(), begun, Decimal(9600)) == 400
    assert fallen(guard(GuardKind.TRAILING_DRAWDOWN), begun, Decimal(9600)) == 800
    assert fallen(guard(), begun, Decimal(10001)) == 0


def test_a_percentage_is_of_the_start_or_of_the_high_water_mark():
    begun = raised(mark(Decimal(10000)), Decimal(12000))
    percent = guard(unit=GuardUnit.PERCENT, limit="5")
    assert allowance(percent, begun, percent.limit) == 500
    trailing = guard(GuardKind.TRAILING_DRAWDOWN, GuardUnit.PERCENT, "5")
    assert allowance(trailing, begun, trailing.limit) == 600
    assert allowance(guard(), begun, Decimal(500)) == 500


def test_a_limit_that_is_reached_is_hit():
    assert is_hit(Decimal(500), Decimal(500))
    assert not is_hit(Decimal("499.99"), Decimal(500))
    assert not is_hit(Decimal(0), Decimal(0))
    assert is_hit(Decimal("0.01"), Decimal(0))


def test_a_withdrawal_is_no_loss_and_a_deposit_no_profit():
    begun = mark(Decimal(10000))
    paid_out = after_flow(begun, Decimal(-4000), LATER, LATER)
    assert fallen(guard(), paid_out, Decimal(6000)) == 0
    paid_in = after_flow(begun, Decimal(4000), LATER, LATER)
    assert fallen(guard(), paid_in, Decimal(13500)) == 500


def test_what_the_first_figures_contain_already_does_not_count_again():
    begun = mark(Decimal(10000))
    at_once = NOW + timedelta(seconds=2)
    assert after_flow(begun, Decimal(4000), NOW, at_once) == begun
    assert after_flow(begun, Decimal(4000), NOW - timedelta(minutes=10), at_once) == begun
    assert after_flow(begun, Decimal(4000), NOW - timedelta(days=400), LATER) == begun


def test_a_brokers_clock_that_is_minutes_behind_makes_no_loss_of_a_withdrawal():
    begun = mark(Decimal(10000))
    received = NOW + timedelta(minutes=1)
    paid_out = after_flow(begun, Decimal(-4000), received - timedelta(minutes=10), received)
    assert fallen(guard(), paid_out, Decimal(6000)) == 0


def test_a_mark_ends_with_its_period_and_with_its_guards_settings():
    begun = mark(Decimal(10000))
    assert begun.holds(guard(), "USD", NOW)
    assert begun.holds(guard(limit="1"), "USD", NOW)
    assert not begun.holds(guard(), "USD", NOW + timedelta(days=1))
    assert not begun.holds(guard(), "EUR", NOW)
    changed: tuple[dict[str, Any], ...] = (
        {"reset_time": "17:00"},
        {"basis": GuardBasis.BALANCE},
        {"period": Period.WEEK},
    )
    for changes in changed:
        assert not begun.holds(msgspec.structs.replace(guard(), **changes), "USD", NOW)


@given(kinds, money, money, amounts)
def test_a_deposit_and_its_withdrawal_change_nothing(
    kind: GuardKind, start: Decimal, value: Decimal, paid: Decimal
):
    begun = raised(mark(start, kind), max(start, value))
    there_and_back = after_flow(after_flow(begun, paid, LATER, LATER), -paid, LATER, LATER)
    assert there_and_back == begun


@given(kinds, money, money, money)
def test_paying_in_or_out_changes_no_loss(kind: GuardKind, start: Decimal, value: Decimal, paid: Decimal):
    begun = raised(mark(start, kind), start)
    moved = after_flow(begun, paid, LATER, LATER)
    assert fallen(guard(kind), moved, value + paid) == fallen(guard(kind), begun, value)


@given(kinds, money, money, money)
def test_the_lower_the_value_the_larger_the_loss(
    kind: GuardKind, start: Decimal, one: Decimal, other: Decimal
):
    begun = mark(start, kind)
    low, high = sorted((one, other))
    assert fallen(guard(kind), begun, low) >= fallen(guard(kind), begun, high) >= 0


@given(money, st.lists(money, max_size=20))
def test_a_high_water_mark_never_falls(start: Decimal, values: list[Decimal]):
    current = mark(start, GuardKind.TRAILING_DRAWDOWN)
    for value in values:
        after = raised(current, value)
        assert after.high >= current.high
        assert after.start == current.start
        current = after
    assert current.high == max([start, *values])


@given(amounts, st.lists(st.decimals("0.99", "1.01", places=5), max_size=200))
def test_ticks_are_journaled_by_how_far_they_rise_not_by_how_many_they_are(
    start: Decimal, moves: list[Decimal]
):
    value, journaled, events = start, start, 0
    for move in moves:
        value = value * move
        if worth_journaling(journaled, value):
            journaled, events = value, events + 1
    assert (1 + HIGH_WATER_STEP) ** events <= journaled / start


@given(amounts, amounts)
def test_what_is_used_reaches_one_exactly_when_the_limit_is_reached(fall: Decimal, allowed: Decimal):
    assert (used(fall, allowed) >= 1) == is_hit(fall, allowed)


def test_where_nothing_is_allowed_all_of_it_is_used():
    assert used(Decimal(1), Decimal(0)) == 1
    assert used(Decimal(0), Decimal(0)) == 0
    assert floor_used(Decimal(200), Decimal(100)) == Decimal("0.5")
    assert floor_used(Decimal(-1), Decimal(100)) == 1
