"""Quiet production: a month of it, through the drain's own decision, before a database that pauses by itself.

20 EAs connected round the clock, 60 leader events a day within 3 hours on 22 days, one operator hour a day.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec

from kopitra_functions.history.draining import DrainRules, Waiting, should_drain

BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
"""A Monday of a month with 22 working days."""
DAYS = 30
TRADING_DAYS = 22
LEADER_EVENTS_A_DAY = 60
TRADING_STARTS, TRADING_LASTS = timedelta(hours=13), timedelta(hours=3)
OPERATOR_HOUR = timedelta(hours=1)
CLICK_EVERY = timedelta(minutes=2)
MINUTE = timedelta(minutes=1)
CHORES_AT, CHORES_TAKE = (3, 20), timedelta(minutes=2)
"""Retention and its like, which may wake SQL once a day: here they always do."""
DRAIN_TAKES = timedelta(minutes=1)
RESUME_TAKES = timedelta(minutes=1)
"""Charged as awake."""


class PausingDatabase:
    """A serverless database: awake from the first use until nothing has used it for `delay`."""

    def __init__(self, delay: timedelta) -> None:
        self.delay = delay
        self.awake = timedelta()
        self.wakings = 0
        self._from: datetime | None = None
        self._until: datetime | None = None

    def use(self, at: datetime, takes: timedelta = timedelta()) -> None:
        if self._until is None or at > self._until:
            self._pause()
            self._from = at
            self.wakings += 1
            takes += RESUME_TAKES
        self._until = max(self._until or at, at + takes + self.delay)

    def hours(self) -> float:
        self._pause()
        return self.awake / timedelta(hours=1)

    def _pause(self) -> None:
        if self._from is not None and self._until is not None:
            self.awake += self._until - self._from
        self._from = self._until = None


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """`messages_each`: what one leader event makes of messages, of all accounts together; `beside`: what connected EAs
    tell on any day; `operator_from`: at which hour of the day an operator comes."""

    messages_each: int
    beside: int
    operator_from: int


class Month(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    awake_hours: float
    wakings: int
    drains: int
    longest_wait_hours: float
    messages: int


def replay(profile: Profile, rules: DrainRules, delay: timedelta) -> Month:
    """Minute by minute, as the timer runs."""
    database = PausingDatabase(delay)
    arrivals = _arrivals(profile.messages_each, profile.beside)
    waiting: list[datetime] = []
    drains, at, told, longest = 0, 0, len(arrivals), timedelta()
    used: datetime | None = None
    now = BEGIN
    while now < BEGIN + timedelta(days=DAYS):
        if _clicks(now, profile):
            used = now
            database.use(now)
        while at < told and arrivals[at] <= now:
            waiting.append(arrivals[at])
            at += 1
        if (now.hour, now.minute) == CHORES_AT:
            database.use(now, CHORES_TAKE)
        in_use = used is not None and now - used <= rules.awake
        seen = Waiting(messages=len(waiting), oldest=waiting[0] if waiting else None)
        if should_drain(now, seen, rules, sql_in_use=in_use):
            longest = max(longest, now - waiting[0])
            waiting.clear()
            drains += 1
            database.use(now, DRAIN_TAKES)
        now += MINUTE
    return Month(
        awake_hours=round(database.hours(), 2),
        wakings=database.wakings,
        drains=drains,
        longest_wait_hours=round(longest / timedelta(hours=1), 2),
        messages=told,
    )


def trading_days() -> Sequence[datetime]:
    days = [BEGIN + timedelta(days=number) for number in range(DAYS)]
    return [day for day in days if day.weekday() < 5][:TRADING_DAYS]


@cache
def _arrivals(messages_each: int, beside: int) -> Sequence[datetime]:
    found: list[datetime] = []
    for number in range(DAYS):
        day = BEGIN + timedelta(days=number)
        found += [day + timedelta(days=1) * part / beside for part in range(beside)]
    for day in trading_days():
        start = day + TRADING_STARTS
        for event in range(LEADER_EVENTS_A_DAY):
            found += [start + TRADING_LASTS * event / LEADER_EVENTS_A_DAY] * messages_each
    return sorted(found)


def _clicks(now: datetime, profile: Profile) -> bool:
    since = now - now.replace(hour=profile.operator_from, minute=0)
    return timedelta() <= since < OPERATOR_HOUR and not (since % CLICK_EVERY)
