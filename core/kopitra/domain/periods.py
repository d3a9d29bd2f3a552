"""When a day, week or month begins by a firm's own clock: "the trading day begins at 17:00 in New York".

A reset time that a clock skips when it is put forward counts as if the clock had not been (so an hour later on it); one
that comes twice counts the first time. So every day has exactly one beginning, and a day may have 23 or 25 hours.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

import msgspec

from kopitra.domain.rules import Weekday
from kopitra.domain.time_zones import zone_named

BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
"""The beginning of a lifetime, for which no clock is asked."""
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_DAYS_BACK = {"day": 2, "week": 8, "month": 32}
"""A period's beginning lies at most so many local days before any moment of it (one day for zones' differences)."""


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    """From the first of the month."""
    LIFETIME = "lifetime"


class ResetClock(msgspec.Struct, frozen=True, gc=False):
    """`time` is HH:MM in `timezone` (an IANA name); `weekday` counts for weeks only. All have passed
    `clock_problem`."""

    period: Period
    time: str = "00:00"
    timezone: str = "UTC"
    weekday: Weekday = Weekday.MONDAY


def clock_problem(at: str, timezone: str) -> tuple[str, str] | None:
    """The field and what is wrong with it."""
    if not _CLOCK.fullmatch(at):
        return "resetTime", "must be a time of day like 17:00"
    if zone_named(timezone) is None:
        return "timezone", f"{timezone!r} is no IANA time zone, such as America/New_York"
    return None


def period_start(clock: ResetClock, now: datetime) -> datetime:
    """The beginning (UTC) of the period that `now` lies in; a beginning belongs to its own period."""
    if clock.period is Period.LIFETIME:
        return BEFORE_ALL
    zone = zone_named(clock.timezone)
    assert zone is not None
    today = now.astimezone(zone).date()
    for back in range(-1, _DAYS_BACK[clock.period] + 1):
        began = _beginning(clock, today - timedelta(days=back))
        if began is not None and began <= now:
            return began
    raise AssertionError(f"{clock} has no beginning before {now}")


def period_end(clock: ResetClock, now: datetime) -> datetime | None:
    """The next beginning (UTC) after `now`; None for a lifetime."""
    if clock.period is Period.LIFETIME:
        return None
    zone = zone_named(clock.timezone)
    assert zone is not None
    today = now.astimezone(zone).date()
    for ahead in range(-1, _DAYS_BACK[clock.period] + 1):
        begins = _beginning(clock, today + timedelta(days=ahead))
        if begins is not None and begins > now:
            return begins
    raise AssertionError(f"{clock} has no beginning after {now}")


def _beginning(clock: ResetClock, day: date) -> datetime | None:
    """The moment at which a period begins on this local day; None where none does."""
    if clock.period is Period.WEEK and tuple(Weekday)[day.weekday()] is not clock.weekday:
        return None
    if clock.period is Period.MONTH and day.day != 1:
        return None
    hour, minute = clock.time.split(":")
    local = datetime.combine(day, time(int(hour), int(minute)), tzinfo=zone_named(clock.timezone))
    return local.astimezone(UTC)
