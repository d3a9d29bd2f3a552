"""How near an account comes to its limits, over time.

A limit is read as "used so much of it": 100 % is the limit itself. Who acts on a guard is the core; here it is only
measured, whether or not it was hit.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.guard_marks import Mark, allowance, fallen, floor_used, new_mark, raised, used
from kopitra.domain.guards import STANDING, Guard, GuardBasis, GuardKind, GuardUnit
from kopitra.domain.quantities import ZERO
from kopitra.simulation.broker.records import AccountView
from kopitra.simulation.whatif.curves import HUNDRED, Curve
from kopitra.simulation.whatif.result import LimitPart

LIMIT_POINTS = 400
"""Of the most that was used in each stretch: what a small chart can show."""
PLACES = Decimal("0.01")
WATCHED = "drawdown, watched only"

Convert = Callable[[Decimal, str], Decimal | None]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """`share`: how much of the limit is used, 1 is all; `limit` in `unit`."""

    name: str
    unit: str
    limit: Decimal
    share: Decimal


class Meters:
    """What one follower's standing guards measure, by the guards' own measure; and a drawdown that is only watched.

    `shared` guards are every follower's. `convert` brings an amount of another currency into the account's.
    """

    def __init__(
        self,
        shared: Sequence[Guard],
        own: Sequence[Guard],
        watched_percent: Decimal | None,
        convert: Convert,
    ) -> None:
        shared_names = {guard.name for guard in shared}
        named = {guard.name: guard for guard in shared}
        named |= {f"{g.name} (own)" if g.name in shared_names else g.name: g for g in own}
        self._guards = {name: guard for name, guard in named.items() if guard.kind in STANDING}
        self._watched_percent = watched_percent
        self._convert = convert
        self._marks: dict[str, Mark] = {}

    def readings(self, at: datetime, view: AccountView, curve: Curve) -> Iterator[Reading]:
        """Every limit as it stands now."""
        if self._watched_percent is not None:
            share = curve.drawdown * HUNDRED / self._watched_percent
            yield Reading(name=WATCHED, unit="%", limit=self._watched_percent, share=share)
        for name, guard in self._guards.items():
            limit = self._in_account_currency(guard)
            if limit is not None:
                unit = "%" if guard.unit is GuardUnit.PERCENT else view.currency
                share = self._share(name, guard, limit, at, view)
                yield Reading(name=name, unit=unit, limit=limit, share=share)

    def _share(self, name: str, guard: Guard, limit: Decimal, at: datetime, view: AccountView) -> Decimal:
        value = view.balance if guard.basis is GuardBasis.BALANCE else view.equity
        if guard.kind is GuardKind.EQUITY_FLOOR:
            return floor_used(view.equity, limit)
        mark = self._marks.get(name)
        if mark is None or not mark.holds(guard, view.currency, at):
            mark = new_mark(guard, value, view.currency, at)
        mark = self._marks[name] = raised(mark, value)
        return used(fallen(guard, mark, value), allowance(guard, mark, limit))

    def _in_account_currency(self, guard: Guard) -> Decimal | None:
        if guard.unit is not GuardUnit.MONEY or guard.currency is None:
            return guard.limit
        return self._convert(guard.limit, guard.currency)


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
