"""Whether a moment lies in one of the windows in which opens are copied: by the wall clock of each window's zone.

A change to or from summer time needs no rule of its own: what the clock never shows is never open, and an hour that it
shows twice is open twice.
"""

import re
from collections.abc import Iterable
from datetime import datetime, time, timedelta

from kopitra.domain.rules import TradingWindow, Weekday
from kopitra.domain.time_zones import zone_named

WEEKDAYS = tuple(Weekday)
"""As Python counts them: Monday first."""
_HH_MM = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
DAY = timedelta(days=1)


def is_open(windows: Iterable[TradingWindow], now: datetime) -> bool:
    """Whether one of the windows holds `now` (aware); no window at all means always. A window that
    `schedule_problem` finds fault with is never open."""
    windows = tuple(windows)
    return not windows or any(_holds(window, now) for window in windows)


def schedule_problem(window: TradingWindow) -> tuple[str, str] | None:
    """The field that makes no sense and why; None where all do."""
    for field, value in (("start", window.start), ("end", window.end)):
        if time_of_day(value) is None:
            return field, f"{value} is no time of day; write HH:MM, from 00:00 to 23:59"
    if not window.days:
        return "days", "must name a day"
    if zone_named(window.timezone) is None:
        return "timezone", f"{window.timezone} is no time zone; write an IANA name, for example Europe/Athens"
    return None


def time_of_day(text: str) -> time | None:
    """HH:MM, or None for anything else."""
    return time(int(text[:2]), int(text[3:])) if _HH_MM.fullmatch(text) else None


def _holds(window: TradingWindow, now: datetime) -> bool:
    zone, start, end = zone_named(window.timezone), time_of_day(window.start), time_of_day(window.end)
    if zone is None or start is None or end is None:
        return False
    local = now.astimezone(zone)
    at = local.time()
    today, yesterday = _weekday(local), _weekday(local - DAY)
    if start < end:
        return today in window.days and start <= at < end
    return (today in window.days and at >= start) or (yesterday in window.days and at < end)


def _weekday(local: datetime) -> Weekday:
    return WEEKDAYS[local.weekday()]
