"""NCRONTAB, as timer triggers write it: second minute hour day month weekday, in UTC."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from croniter import croniter
from croniter.croniter import CroniterError

from kopitra_cli.functions_host.refusals import HostRefused

FIELDS = 6
FIELDS_WITHOUT_SECONDS = 5
NAMES = "jan feb mar apr may jun jul aug sep oct nov dec sun mon tue wed thu fri sat".split()
FIELD = re.compile(rf"(\*|\d+|{'|'.join(NAMES)}|[,/-])+", re.IGNORECASE)
"""What NCRONTAB knows; the library behind it knows more, random times among it."""
ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


class Schedule:
    """One expression. Of five fields, the seconds are 0. Day and weekday must both match where both are given."""

    def __init__(self, expression: str) -> None:
        """Raises HostRefused for anything else, also for time spans and names of settings."""
        fields = expression.split()
        if len(fields) == FIELDS_WITHOUT_SECONDS:
            fields = ["0", *fields]
        self._fields = " ".join(fields)
        if len(fields) != FIELDS or not all(FIELD.fullmatch(field) for field in fields):
            raise HostRefused(f"{expression!r} is no NCRONTAB expression")
        try:
            self.after(ANY_MOMENT)
        except (CroniterError, ValueError) as error:
            raise HostRefused(f"{expression!r} is no NCRONTAB expression: {error}") from error

    def after(self, moment: datetime) -> datetime:
        """The first occurrence after this moment."""
        times = croniter(self._fields, moment, ret_type=datetime, day_or=False, second_at_beginning=True)
        return times.get_next(datetime)


def schedules_of(told: Iterable[str]) -> dict[str, Schedule]:
    """By timer, from `TIMER=NCRONTAB` each. Raises HostRefused."""
    found: dict[str, Schedule] = {}
    for each in told:
        timer, equals, expression = each.partition("=")
        if not equals or not timer:
            raise HostRefused(f"{each!r} is not TIMER=NCRONTAB")
        found[timer.strip()] = Schedule(expression)
    return found
