"""Rounding down to a lot step."""

from decimal import Decimal

import pytest

from kopitra.domain.quantities import floor_to_step


@pytest.mark.parametrize(
    ("value", "step", "floored"),
    [("0.37", "0.01", "0.37"), ("0.379", "0.01", "0.37"), ("0.009", "0.01", "0"), ("0.25", "0.1", "0.2")],
)
def test_a_volume_goes_down_to_the_step_below(value: str, step: str, floored: str) -> None:
    assert floor_to_step(Decimal(value), Decimal(step)) == Decimal(floored)


def test_a_volume_just_below_a_step_does_not_round_up_to_it() -> None:
    assert floor_to_step(Decimal("0." + "9" * 30), Decimal(1)) == 0
