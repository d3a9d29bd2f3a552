"""How near accounts come to their limits, and guards' events as they are recorded."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from kopitra.domain.guards import Guard, GuardBasis, GuardKind, GuardUnit
from kopitra.domain.identifiers import AccountId
from kopitra.domain.periods import Period
from kopitra.machine.events import Event, Recorded
from kopitra.simulation.whatif.limits import LIMIT_POINTS, Limits, Reading
from kopitra.simulation.whatif.observing import Nobody, Observations, Watch
from kopitra.simulation.whatif.result import LimitPart
from tests.unit.whatif.stories import MONDAY, D, Story, at, follower, lived, plan

NIGHT = 16 * 60
"""Minutes from Monday morning to midnight."""


def falling() -> Story:
    """300 dollars down on Monday, another 100 on Tuesday, of 10,000."""
    return (
        Story()
        .open(1, "a", "1.10000")
        .quote(60, "1.09700")
        .quote(NIGHT + 60, "1.09600")
        .close(NIGHT + 130, "a", "1.09800")
    )


def guard(**changes: Any) -> Guard:
    fields: dict[str, Any] = {
        "name": "firm",
        "kind": GuardKind.LOSS,
        "limit": D(5),
        "unit": GuardUnit.PERCENT,
        "period": Period.DAY,
    }
    return Guard(**(fields | changes))


def limits(*guards: Guard, **changes: Any) -> dict[str, LimitPart]:
    part, _ = lived(falling(), plan(follower(guards=guards, **changes)))
    return {limit.name: limit for limit in part.limits}


def test_a_daily_loss_begins_anew_every_day() -> None:
    found = limits(guard(limit=D(4), action="halt_opens"))["firm"]
    assert (found.closest, found.closest_at, found.unit) == (D("75.00"), at(60), "%")
    tuesday = [used for when, used in zip(found.at, found.used, strict=True) if when > at(NIGHT + 30)]
    assert max(tuesday) == D("25.77")  # 100 of the day's 9,700, a limit of 388


def test_a_loss_of_balance_waits_for_the_close() -> None:
    found = limits(guard(basis=GuardBasis.BALANCE, limit=D(400), unit=GuardUnit.MONEY))["firm"]
    assert (found.closest, found.unit) == (D("50.00"), "USD")


def test_a_floor_is_neared_from_above() -> None:
    found = limits(guard(kind=GuardKind.EQUITY_FLOOR, unit=GuardUnit.MONEY, limit=D(4800), period=None))[
        "firm"
    ]
    assert found.closest == D("50.00")


def test_a_drawdown_can_be_watched_without_a_guard() -> None:
    found = limits(drawdown_limit_percent=D(8))["drawdown, watched only"]
    assert (found.limit, found.closest) == (D(8), D("50.00"))
    assert found.used[-1] == D("25.00")


def test_a_guard_of_all_and_a_followers_own_of_the_same_name_are_told_apart() -> None:
    wanted = plan(follower(guards=(guard(limit=D(10)),)), guards=(guard(),))
    part, _ = lived(falling(), wanted)
    assert {limit.name: limit.limit for limit in part.limits} == {"firm": D(5), "firm (own)": D(10)}


def test_a_limits_course_stays_thin_and_keeps_the_worst() -> None:
    found = Limits(MONDAY, MONDAY + timedelta(minutes=10_000))
    for minute in range(10_001):
        share = D("0.9") if minute == 5_003 else D("0.1")
        found.note(at(minute), [Reading(name="x", unit="%", limit=D(5), share=share)])
    (part,) = found.parts()
    assert LIMIT_POINTS <= len(part.at) <= LIMIT_POINTS + 1
    assert (part.closest, part.closest_at, max(part.used)) == (D("90.00"), at(5_003), D("90.00"))


class Hit(Event, tag="guard.test", frozen=True):
    """An event of the kind that guards record."""

    guard: str
    target: str
    value: Decimal


def hits(target: str) -> dict[str, list[dict[str, object]]]:
    watch = Watch(Nobody())
    _, seen = lived(Story().open(1, "a", "1.1"))
    assert seen.deals
    observed = {name: Observations.__new__(Observations) for name in ("one", "two")}
    for name, each in observed.items():
        each.hits = []
        watch.add(AccountId(name), each)
    event = Hit(guard="daily", target=target, value=D("-5.1"))
    watch.take(Recorded(1, 1, MONDAY, event))  # type: ignore[arg-type]
    return {name: [hit.details for hit in each.hits] for name, each in observed.items()}


def test_a_guards_event_belongs_to_the_follower_that_it_names_or_to_all() -> None:
    details = {"guard": "daily", "target": "two", "value": "-5.1"}
    assert hits("two") == {"one": [], "two": [details]}
    everyone = hits("platform")
    assert [len(found) for found in everyone.values()] == [1, 1]
