"""When opens are copied: windows by the wall clock of a zone, over midnight and over changes of summer time."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kopitra.domain.rules import TradingWindow, Weekday
from kopitra.domain.schedules import is_open, schedule_problem

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_without_windows_it_is_always_open() -> None:
    assert is_open((), at("2026-03-04T12:00"))


@pytest.mark.parametrize(
    ("time", "open_"),
    [("07:59:59", False), ("08:00", True), ("16:29:59.999", True), ("16:30", False), ("23:00", False)],
)
def test_a_window_goes_from_its_start_to_just_before_its_end(time: str, open_: bool) -> None:
    assert is_open([TradingWindow("08:00", "16:30")], at(f"2026-03-04T{time}")) is open_


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-03-06T21:59", False),  # Friday
        ("2026-03-06T22:00", True),
        ("2026-03-07T05:59", True),  # Saturday, of Friday's window
        ("2026-03-07T06:00", False),
        ("2026-03-07T22:00", False),
        ("2026-03-06T03:00", False),  # would be Thursday's window
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_starts_on(moment: str, open_: bool) -> None:
    assert is_open([TradingWindow("22:00", "06:00", (Weekday.FRIDAY,))], at(moment)) is open_


def test_equal_times_are_a_whole_day() -> None:
    window = TradingWindow("17:00", "17:00", (Weekday.SUNDAY,))
    assert not is_open([window], at("2026-03-08T16:59"))
    assert is_open([window], at("2026-03-08T17:00"))
    assert is_open([window], at("2026-03-09T16:59"))
    assert not is_open([window], at("2026-03-09T17:00"))


def test_the_same_wall_clock_is_another_instant_in_summer() -> None:
    window = [TradingWindow("09:00", "10:00", timezone=BERLIN)]
    assert is_open(window, at("2026-01-15T08:00"))
    assert not is_open(window, at("2026-07-15T08:30"))
    assert is_open(window, at("2026-07-15T07:00"))


def test_an_hour_that_the_clock_skips_is_never_open() -> None:
    """On 29 March 2026 clocks in Berlin go from 02:00 to 03:00."""
    window = [TradingWindow("02:15", "02:45", timezone=BERLIN)]
    night = at("2026-03-29T00:00")
    assert not any(is_open(window, night + timedelta(minutes=m)) for m in range(180))
    assert any(is_open(window, night + timedelta(days=1, minutes=m)) for m in range(180))


def test_an_hour_that_the_clock_shows_twice_is_open_twice() -> None:
    """On 25 October 2026 clocks in Berlin go from 03:00 back to 02:00."""
    window = [TradingWindow("02:00", "03:00", timezone=BERLIN)]
    night = at("2026-10-24T23:00")
    assert sum(is_open(window, night + timedelta(minutes=m)) for m in range(240)) == 120


def test_a_night_of_a_change_is_one_window() -> None:
    window = [TradingWindow("22:00", "06:00", (Weekday.SATURDAY,), BERLIN)]
    assert is_open(window, at("2026-03-28T21:00"))
    assert is_open(window, at("2026-03-29T03:59"))
    assert not is_open(window, at("2026-03-29T04:00"))


def test_the_weekday_is_the_zones_own() -> None:
    window = [TradingWindow("00:00", "06:00", (Weekday.MONDAY,), "Asia/Tokyo")]
    assert is_open(window, at("2026-03-08T15:00")), "Sunday in UTC, Monday in Tokyo"


@given(
    st.integers(0, 15 * 366 * 24 * 60).map(lambda minutes: at("2020-01-01") + timedelta(minutes=minutes)),
    st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
    st.times(),
    st.times(),
)
def test_a_window_and_what_it_leaves_out_make_every_moment(
    moment: datetime, zone: str, one: time, other: time
) -> None:
    start, end = f"{one:%H:%M}", f"{other:%H:%M}"
    inside = is_open([TradingWindow(start, end, timezone=zone)], moment)
    outside = is_open([TradingWindow(end, start, timezone=zone)], moment)
    assert inside != outside or (start == end and inside)


@pytest.mark.parametrize(
    ("window", "field"),
    [
        (TradingWindow("8:00", "09:00"), "start"),
        (TradingWindow("24:00", "09:00"), "start"),
        (TradingWindow("08:00", "09:60"), "end"),
        (TradingWindow("08:00", "09:00", ()), "days"),
        (TradingWindow("08:00", "09:00", timezone="Mars/Olympus"), "timezone"),
        (TradingWindow("08:00", "09:00", timezone="../../etc/passwd"), "timezone"),
        (TradingWindow("08:00", "09:00", timezone=""), "timezone"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused_and_never_open(window: TradingWindow, field: str) -> None:
    problem = schedule_problem(window)
    assert problem is not None
    assert problem[0] == field
    assert not is_open([window], at("2026-03-04T08:30"))
