"""A statement's wall-clock times as UTC.

A statement never says which zone its server keeps, so the reader states it (UTC unless told). Where a clock
that was put back shows a time twice, the earlier reading counts, except for an end that would then precede
its beginning (decision 0022). A time that a clock put forward skipped means that the zone is the wrong one,
and is refused.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from kopitra.simulation.statements.errors import StatementError

_OFFSET = re.compile(r"(?:UTC|GMT)?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?")
_TIME = re.compile(r"(\d{4})\.(\d{2})\.(\d{2}) (\d{2}):(\d{2})(?::(\d{2}))?", re.ASCII)


def zone_named(name: str) -> tzinfo:
    """An IANA name ("Europe/Athens") or a fixed offset ("+03:00", "UTC+3"); raises StatementError for
    anything else."""
    if offset := _OFFSET.fullmatch(name):
        distance = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
        if distance < timedelta(days=1):
            return timezone(distance if offset["sign"] == "+" else -distance)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as unknown:
        raise StatementError(
            None, f"{name!r} is neither an IANA time zone nor an offset like +03:00"
        ) from unknown


class StatementClock:
    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def moment(self, text: str, line: int) -> datetime:
        """One time, its earlier reading where there are two."""
        return self._readings(text, line)[0]

    def span(self, begin: str, end: str, line: int) -> tuple[datetime, datetime]:
        """A beginning and an end that does not precede it."""
        began = self.moment(begin, line)
        for ended in self._readings(end, line):
            if ended >= began:
                return began, ended
        raise StatementError(line, f"it ends at {end.strip()}, before it begins at {begin.strip()}")

    def _readings(self, text: str, line: int) -> tuple[datetime, datetime]:
        shown = _wall_time(text.strip(), self._zone, line)
        try:
            early, late = (shown.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        except OverflowError as impossible:
            raise StatementError(line, f"{text!r} is not a time that exists") from impossible
        if early.astimezone(self._zone).replace(tzinfo=None) != shown.replace(tzinfo=None):
            raise StatementError(line, f"{text!r} does not exist in {self._zone}: is the time zone right?")
        return early, late


def _wall_time(text: str, zone: tzinfo, line: int) -> datetime:
    found = _TIME.fullmatch(text)
    if found is None:
        raise StatementError(line, f"{text!r} is not a time like 2020.05.15 14:24:01")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError as impossible:
        raise StatementError(line, f"{text!r} is not a time that exists") from impossible
