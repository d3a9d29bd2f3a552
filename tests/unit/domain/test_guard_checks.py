"""A guard that makes no sense is refused, with the field to repair."""

from typing import Any

import msgspec
import pytest

from kopitra.domain.guards import Guard, GuardProblem, guard_problems, name_problems

DAILY_LOSS: dict[str, Any] = {
    "name": "daily",
    "kind": "loss",
    "limit": "5",
    "unit": "percent",
    "period": "day",
    "resetTime": "17:00",
    "timezone": "America/New_York",
    "action": "flatten",
    "resetBy": "period",
}


def problems(**changes: Any) -> list[str]:
    guard = msgspec.convert(DAILY_LOSS | changes, Guard)
    return [problem.path for problem in guard_problems(guard)]


def gate(kind: str, unit: str, **changes: Any) -> list[str]:
    raw = {"name": "gate", "kind": kind, "unit": unit, "limit": "3"} | changes
    return [problem.path for problem in guard_problems(msgspec.convert(raw, Guard))]


def test_a_firms_daily_loss_limit_is_accepted():
    assert problems() == []


@pytest.mark.parametrize(
    ("kind", "unit", "changes"),
    [
        ("open_positions", "count", {}),
        ("symbol_exposure", "lots", {}),
        ("symbol_exposure", "money", {"currency": "USD"}),
        ("leverage", "multiple", {"each": False, "currency": "USD"}),
        ("trade_risk", "percent", {"basis": "balance"}),
        ("order_rate", "count", {"windowSeconds": 60, "each": False}),
        ("equity_floor", "money", {"action": "flatten"}),
    ],
)
def test_each_kind_takes_its_own_units(kind: str, unit: str, changes: dict[str, Any]):
    assert gate(kind, unit, **changes) == []


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": "a:b"}, "name"),
        ({"limit": "0"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"unit": "lots"}, "unit"),
        ({"period": None}, "period"),
        ({"resetTime": "5pm"}, "resetTime"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"currency": "dollars"}, "currency"),
        ({"each": False}, "currency"),
        ({"period": "lifetime"}, "resetBy"),
        ({"windowSeconds": 60}, "windowSeconds"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], path: str):
    assert problems(**changes) == [path]


@pytest.mark.parametrize(
    ("kind", "unit", "changes", "path"),
    [
        ("open_positions", "count", {"limit": "2.5"}, "limit"),
        ("open_positions", "count", {"period": "day"}, "period"),
        ("open_positions", "count", {"action": "flatten"}, "action"),
        ("trade_risk", "money", {"each": False, "currency": "USD"}, "each"),
        ("order_rate", "count", {}, "windowSeconds"),
        ("order_rate", "count", {"windowSeconds": 0}, "windowSeconds"),
        ("equity_floor", "money", {"basis": "balance"}, "basis"),
        ("equity_floor", "money", {"resetBy": "period"}, "resetBy"),
        ("equity_floor", "percent", {}, "unit"),
    ],
)
def test_what_does_not_fit_a_kind_is_named(kind: str, unit: str, changes: dict[str, Any], path: str):
    assert gate(kind, unit, **changes) == [path]


def test_one_followers_guard_cannot_be_a_sum():
    guard = msgspec.convert(DAILY_LOSS | {"each": False, "currency": "USD"}, Guard)
    assert guard_problems(guard) == []
    assert guard_problems(guard, own=True) == [
        GuardProblem("each", "one follower's guard has no other accounts to add up")
    ]


def test_two_guards_of_one_name_in_one_place_are_refused():
    guard = msgspec.convert(DAILY_LOSS, Guard)
    assert name_problems((guard, guard))
    assert name_problems(tuple(msgspec.structs.replace(guard, name=f"g{n}") for n in range(33)))
    assert name_problems((guard, msgspec.structs.replace(guard, name="other"))) == []


def test_an_unknown_field_or_a_lower_case_word_of_another_kind_is_refused():
    for changes in ({"colour": "red"}, {"kind": "luck"}, {"action": "pray"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(DAILY_LOSS | changes, Guard)
