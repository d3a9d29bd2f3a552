"""How near an account comes to its limits, over time.

A limit is read as "used so much of it": 100 % is the limit itself. Guards are read as the core measures them, hit or
not.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.guards import GuardUnit
from kopitra.domain.quantities import ZERO
from kopitra.domain.settings import SettingsScope
from kopitra.machine.decisions.guard_measures import Measured
from kopitra.machine.guards_in_force import Placed
from kopitra.simulation.whatif.curves import HUNDRED
from kopitra.simulation.whatif.result import LimitPart

LIMIT_POINTS = 400
"""Of the most that was used in each stretch: what a small chart can show."""
PLACES = Decimal("0.01")
WATCHED = "drawdown, watched only"
EVERYBODYS = "everybody's"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """`share`: how much of the limit is used, 1 is all; `limit` in `unit`."""

    name: str
    unit: str
    limit: Decimal
    share: Decimal


def readings_of(
    measured: Iterable[tuple[Placed, Measured]], watched_percent: Decimal | None, drawdown: Decimal
) -> Iterator[Reading]:
    """The guards as the core measures them, and a drawdown (a share) that is only watched."""
    if watched_percent is not None:
        share = drawdown * HUNDRED / watched_percent
        yield Reading(name=WATCHED, unit="%", limit=watched_percent, share=share)
    for placed, found in measured:
        guard = placed.guard
        everybodys = placed.scope is not SettingsScope.FOLLOWER
        yield Reading(
            name=f"{guard.name} ({EVERYBODYS})" if everybodys else guard.name,
            unit="%" if guard.unit is GuardUnit.PERCENT else guard.currency or found.currency,
            limit=guard.limit,
            share=found.used,
        )


class _Track(msgspec.Struct):
    limit: Decimal
    unit: str
    closest: Decimal = ZERO
    closest_at: datetime | None = None
    stretch: int = -1
    at: list[datetime] = []
    used: list[Decimal] = []


class Limits:
    """Every limit's use over time, kept thin."""

    def __init__(self, begin: datetime, end: datetime) -> None:
        self._begin = begin
        self._stretch = max((end - begin) / LIMIT_POINTS, timedelta(milliseconds=1))
        self._tracks: dict[str, _Track] = {}

    def note(self, at: datetime, readings: Iterable[Reading]) -> None:
        for reading in readings:
            track = self._tracks.get(reading.name)
            if track is None:
                track = self._tracks[reading.name] = _Track(reading.limit, reading.unit)
            self._add(track, at, (reading.share * HUNDRED).quantize(PLACES))

    def _add(self, track: _Track, at: datetime, percent: Decimal) -> None:
        if percent > track.closest or track.closest_at is None:
            track.closest, track.closest_at = percent, at
        stretch = int((at - self._begin) / self._stretch)
        if stretch == track.stretch:
            track.used[-1] = max(track.used[-1], percent)
            return
        track.stretch = stretch
        track.at.append(at)
        track.used.append(percent)

    def parts(self) -> tuple[LimitPart, ...]:
        return tuple(
            LimitPart(
                name=name,
                limit=track.limit,
                unit=track.unit,
                closest=track.closest,
                closest_at=track.closest_at,
                at=tuple(track.at),
                used=tuple(track.used),
            )
            for name, track in self._tracks.items()
        )
