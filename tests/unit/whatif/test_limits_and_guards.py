"""How near accounts come to their limits, and what guards that are hit keep out."""

from datetime import timedelta
from typing import Any

from kopitra.domain.guards import Guard, GuardAction, GuardBasis, GuardKind, GuardReset, GuardUnit
from kopitra.domain.periods import Period
from kopitra.simulation.whatif.limits import LIMIT_POINTS, Limits, Reading
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
    found = limits(guard(limit=D(4), action=GuardAction.HALT_OPENS))["firm"]
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
    assert {limit.name: limit.limit for limit in part.limits} == {"firm (everybody's)": D(5), "firm": D(10)}


def test_a_limits_course_stays_thin_and_keeps_the_worst() -> None:
    found = Limits(MONDAY, MONDAY + timedelta(minutes=10_000))
    for minute in range(10_001):
        share = D("0.9") if minute == 5_003 else D("0.1")
        found.note(at(minute), [Reading(name="x", unit="%", limit=D(5), share=share)])
    (part,) = found.parts()
    assert LIMIT_POINTS <= len(part.at) <= LIMIT_POINTS + 1
    assert (part.closest, part.closest_at, max(part.used)) == (D("90.00"), at(5_003), D("90.00"))


def hurt() -> Story:
    """600 dollars down on Monday; another trade on Monday and one on Tuesday."""
    return (
        Story()
        .open(1, "a", "1.10000")
        .quote(60, "1.09400")
        .open(90, "b", "1.09400", "0.1")
        .close(100, "b", "1.09400")
        .close(110, "a", "1.09400")
        .open(NIGHT + 60, "c", "1.09400", "0.1")
        .close(NIGHT + 70, "c", "1.09500")
    )


def test_a_guard_that_is_hit_keeps_new_trades_out_until_its_period_is_over() -> None:
    part, seen = lived(hurt(), plan(follower(guards=(guard(reset_by=GuardReset.PERIOD),))))
    (hit,) = part.guard_hits
    assert (hit.at, hit.guard, hit.scope, hit.action) == (at(60), "firm", "follower", "halt_opens")
    assert (hit.measured, hit.limit, hit.currency) == (D("600.00"), D(500), "USD")
    assert hit.lifted_at == at(NIGHT)
    assert (part.skips[0].reason, part.skips[0].trades) == ("guard_hit", 1)
    assert seen.volumes() == [D("1.00"), D("1.00"), D("0.10"), D("0.10")]


def test_a_realised_loss_is_hit_as_soon_as_it_cannot_be_a_payment_any_more() -> None:
    story = Story().open(1, "a", "1.10000").close(60, "a", "1.09400").open(61, "b", "1.09400")
    loss = guard(basis=GuardBasis.BALANCE)
    part, _ = lived(story, plan(follower(guards=(loss,))))
    (hit,) = part.guard_hits
    assert hit.at == at(60) + timedelta(seconds=6)
    assert (part.copied, part.skipped) == (1, 1)


def test_a_guard_of_all_that_flattens_closes_everything_and_stands() -> None:
    flatten = guard(action=GuardAction.FLATTEN, period=Period.LIFETIME)
    part, seen = lived(hurt(), plan(guards=(flatten,)))
    (hit,) = part.guard_hits
    assert (hit.scope, hit.action, hit.lifted_at) == ("platform", "flatten", None)
    assert [told.deal.executed_at for _, told in seen.deals] == [at(1), at(60)]
    assert (part.copied, part.skipped, part.open_positions) == (1, 2, 0)


def test_a_gate_turns_single_trades_away_without_a_hit() -> None:
    gate = guard(kind=GuardKind.OPEN_POSITIONS, unit=GuardUnit.COUNT, limit=D(1), period=None)
    part, _ = lived(hurt(), plan(follower(guards=(gate,))))
    assert part.guard_hits == ()
    assert (part.skips[0].reason, part.skips[0].trades) == ("guard_would_break", 1)
