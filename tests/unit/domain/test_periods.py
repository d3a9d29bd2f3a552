"""A firm's own clock says when its days, weeks and months begin."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kopitra.domain.periods import BEFORE_ALL, Period, ResetClock, clock_problem, period_end, period_start
from kopitra.domain.rules import Weekday
from kopitra.domain.time_zones import zone_named

NEW_YORK = ResetClock(Period.DAY, "17:00", "America/New_York")
ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Athens",
    "Asia/Tokyo",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Australia/Lord_Howe",
)
clocks = st.builds(
    ResetClock,
    st.sampled_from([Period.DAY, Period.WEEK, Period.MONTH]),
    st.times().map(lambda at: at.strftime("%H:%M")),
    st.sampled_from(ZONES),
    st.sampled_from(Weekday),
)
moments = st.integers(0, 10 * 366 * 86400).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "began"),
    [
        ("2026-01-05T21:59:59", "2026-01-04T22:00:00"),
        ("2026-01-05T22:00:00", "2026-01-05T22:00:00"),
        ("2026-07-05T21:00:00", "2026-07-05T21:00:00"),
    ],
)
def test_a_day_begins_at_the_firms_reset_time_in_winter_and_summer(now: str, began: str):
    assert period_start(NEW_YORK, at(now)) == at(began)


def test_the_day_of_the_spring_change_has_23_hours_and_that_of_autumn_25():
    for now, hours in (("2026-03-08T12:00:00", 23), ("2026-11-01T12:00:00", 25)):
        began, ends = period_start(NEW_YORK, at(now)), period_end(NEW_YORK, at(now))
        assert ends is not None
        assert ends - began == timedelta(hours=hours)


def test_a_reset_time_that_the_clock_skips_comes_as_if_it_had_not_been_put_forward():
    clock = ResetClock(Period.DAY, "02:30", "America/New_York")
    assert period_start(clock, at("2026-03-08T12:00:00")) == at("2026-03-08T07:30:00")


def test_a_reset_time_that_comes_twice_counts_the_first_time():
    clock = ResetClock(Period.DAY, "01:30", "America/New_York")
    assert period_start(clock, at("2026-11-01T06:45:00")) == at("2026-11-01T05:30:00")
    assert period_end(clock, at("2026-11-01T05:45:00")) == at("2026-11-02T06:30:00")


def test_a_week_begins_on_its_weekday_and_a_month_on_its_first():
    week = ResetClock(Period.WEEK, "17:00", "America/New_York", Weekday.SUNDAY)
    assert period_start(week, at("2026-01-07T00:00:00")) == at("2026-01-04T22:00:00")
    month = ResetClock(Period.MONTH, "00:00", "Asia/Tokyo")
    assert period_start(month, at("2026-02-28T14:59:59")) == at("2026-01-31T15:00:00")
    assert period_end(month, at("2026-02-28T14:59:59")) == at("2026-02-28T15:00:00")


def test_a_lifetime_has_no_end():
    clock = ResetClock(Period.LIFETIME)
    assert period_start(clock, at("2026-01-01T00:00:00")) == BEFORE_ALL
    assert period_end(clock, at("2026-01-01T00:00:00")) is None


@given(clocks, moments)
def test_every_moment_lies_in_one_period_and_periods_leave_no_gap(clock: ResetClock, now: datetime):
    began, ends = period_start(clock, now), period_end(clock, now)
    assert ends is not None
    assert began <= now < ends
    assert period_start(clock, ends) == ends
    assert period_start(clock, ends - timedelta(microseconds=1)) == began
    assert period_end(clock, began) == ends


@pytest.mark.parametrize("text", ["", "7:00", "24:00", "12:60", "12:00:00", "١٢:00"])
def test_a_reset_time_is_a_time_of_day(text: str):
    problem = clock_problem(text, "UTC")
    assert problem is not None
    assert problem[0] == "resetTime"


@pytest.mark.parametrize(
    "name", ["", "Mars/Base", "../etc/passwd", "/UTC", "Europe", "zone.tab", "EST5EDT\n"]
)
def test_only_iana_names_are_zones(name: str):
    assert zone_named(name) is None
    problem = clock_problem("00:00", name)
    assert problem is not None
    assert problem[0] == "timezone"
