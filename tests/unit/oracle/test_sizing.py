"""The oracle's volumes are exact, and rounded once, down."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle import copied_volume
from tests.unit.oracle.leader_events import SYMBOL

BALANCE = {"leader": Decimal(10_000), "follower": Decimal(3_000), "rate": Decimal("1.1")}


def volume(leader: str, balance: dict[str, Decimal] | None = None, **rules: Any) -> Decimal | str:
    symbol = {name: rules.pop(name, value) for name, value in SYMBOL.items()}
    found, reason = copied_volume(Decimal(leader), symbol, {"mode": "same_volume"} | rules, balance)
    return reason if found is None else found


@pytest.mark.parametrize(
    ("leader", "rules", "copied"),
    [
        ("0.10", {}, "0.10"),
        ("0.10", {"mode": "multiplier", "multiplier": Decimal("2.5")}, "0.25"),
        ("0.05", {"mode": "multiplier", "multiplier": Decimal("0.5")}, "0.02"),
        ("3.00", {"mode": "fixed_volume", "volume": Decimal("0.07")}, "0.07"),
        ("0.10", {"contract_size": Decimal(10_000)}, "1.00"),
        ("0.10", {"contract_size": Decimal(10_000), "ignore_contract_size": True}, "0.10"),
        ("1", {"mode": "fixed_volume", "volume": Decimal("0.07"), "contract_size": Decimal(10_000)}, "0.70"),
        ("0.37", {"step": Decimal("0.1"), "min": Decimal("0.1")}, "0.3"),
        ("5.00", {"max_volume": Decimal("1.234")}, "1.23"),
        ("500", {}, "100"),
        ("0.05", {"min": Decimal("0.1"), "force_min_volume": True}, "0.1"),
        ("0.05", {"min_volume": Decimal("0.2"), "force_min_volume": True}, "0.2"),
    ],
)
def test_a_volume_follows_from_the_rules(leader: str, rules: dict[str, Any], copied: str) -> None:
    assert volume(leader, **rules) == Decimal(copied)


@pytest.mark.parametrize(
    ("leader", "rules"),
    [
        ("0.01", {"mode": "multiplier", "multiplier": Decimal("0.5")}),
        ("0.05", {"min": Decimal("0.1"), "step": Decimal("0.01")}),
        ("0.05", {"min_volume": Decimal("0.06")}),
        ("0.09", {"step": Decimal("0.1"), "min": Decimal("0.1")}),
    ],
)
def test_what_is_below_the_minimum_is_skipped(leader: str, rules: dict[str, Any]) -> None:
    assert volume(leader, **rules) == "below_minimum"


def test_balances_are_compared_in_one_currency() -> None:
    assert volume("1.00", BALANCE, mode="balance_ratio") == Decimal("0.33")
    assert volume("1.00", BALANCE, mode="balance_ratio", multiplier=Decimal(2)) == Decimal("0.66")


def test_a_ratio_without_balances_is_skipped() -> None:
    assert volume("1.00", mode="balance_ratio") == "balance_missing"


def test_no_rounding_creeps_in_before_the_last() -> None:
    thirds = {"leader": Decimal(3), "follower": Decimal(1), "rate": Decimal(1)}
    assert volume("0.03", thirds, mode="balance_ratio") == Decimal("0.01")
    assert volume("0.30", thirds, mode="balance_ratio", multiplier=Decimal(3)) == Decimal("0.30")


@given(
    leader=st.decimals("0.01", 50, places=2),
    follower=st.decimals(1, 10**6, places=2),
    rate=st.decimals("0.001", 200, places=5),
    multiplier=st.decimals("0.1", 10, places=1),
)
def test_a_copy_is_the_largest_step_that_is_not_above_its_share(
    leader: Decimal, follower: Decimal, rate: Decimal, multiplier: Decimal
) -> None:
    balance = {"leader": Decimal(70_000), "follower": follower, "rate": rate}
    found = volume(str(leader), balance, mode="balance_ratio", multiplier=multiplier, max=Decimal(10**9))
    exact = Fraction(leader) * Fraction(follower) * Fraction(rate) * Fraction(multiplier) / 70_000
    step = Fraction(1, 100)
    if isinstance(found, str):
        assert exact < step
    else:
        assert Fraction(found) <= exact < Fraction(found) + step
