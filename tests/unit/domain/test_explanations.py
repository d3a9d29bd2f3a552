"""The arithmetic of one copy, told so that its owner can check it."""

from decimal import Decimal

from kopitra.domain.explanations import explained
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing import size_copy
from kopitra.domain.sizing_modes import FixedVolume
from tests.unit.domain.examples import EURUSD, NOW, RATIO, changed, follower, leader, rate


def test_a_ratio_is_told_with_both_balances_the_rate_and_the_limits() -> None:
    result = size_copy(RATIO, leader("0.50"), follower("1000", "EUR"), rate("EUR", "USD", "2.2", "2"), NOW)
    assert result.arithmetic is not None
    assert explained(result.arithmetic) == (
        "0.50 lots * 1000 EUR / 10000 USD * 1.1 USD/EUR (EURUSD) * 100000 / 100000 (contract sizes) * 1"
        " = 0.055 lots; at most 100, in steps of 0.01, at least 0.01"
    )


def test_factors_that_were_not_used_are_not_told() -> None:
    rules = CopyRules(
        sizing=FixedVolume(Decimal("1E+1")), ignore_contract_size=True, multiplier=Decimal("0.5")
    )
    result = size_copy(rules, leader(), follower(spec=changed(EURUSD, contract_size=Decimal(1))), None, NOW)
    assert result.arithmetic is not None
    assert explained(result.arithmetic) == (
        "10 lots * 0.5 = 5 lots; at most 100, in steps of 0.01, at least 0.01"
    )
