"""The arithmetic of one copy, told so that its owner can check it."""

from decimal import Decimal

from kopitra.domain.explanations import explained
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing import size_copy
from kopitra.domain.sizing_inputs import UNKNOWN_ENTRY, Entry, FollowerAccount, LeaderTrade, RateReading
from kopitra.domain.sizing_modes import (
    ByExpression,
    EquityRatio,
    FixedLeverage,
    FixedRisk,
    FixedVolume,
    RiskBasis,
    Sizing,
)
from tests.unit.domain.examples import EURUSD, NOW, RATIO, changed, entry, follower, leader, rate


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


LIMITS = "; at most 100, in steps of 0.01, at least 0.01"


def told(
    sizing: Sizing,
    trade: LeaderTrade,
    account: FollowerAccount,
    reading: RateReading = None,
    at: Entry = UNKNOWN_ENTRY,
) -> str:
    result = size_copy(CopyRules(sizing=sizing), trade, account, reading, NOW, at)
    assert result.arithmetic is not None
    return explained(result.arithmetic)


def test_a_ratio_of_equities_says_so() -> None:
    trade, account = leader("0.50", equity="10000"), follower(equity="1000")
    assert told(EquityRatio(), trade, account) == (
        "0.50 lots * 1000 USD equity / 10000 USD equity * 100000 / 100000 (contract sizes) * 1 = 0.05 lots"
        + LIMITS
    )


def test_a_risk_is_told_from_the_money_to_the_way_to_the_stop() -> None:
    account, at = follower(currency="EUR"), entry(profit_rate=rate("USD", "EUR", "4", "5"))
    assert told(FixedRisk(Decimal("0.01"), RiskBasis.BALANCE), leader(), account, at=at) == (
        "0.01 * 1000 EUR balance / (0.00500 from 1.10000 to the stop loss at 1.09500"
        " * 100000 USD * 0.8 EUR/USD (USDEUR)) * 1 = 0.025 lots" + LIMITS
    )


def test_a_leverage_is_told_with_the_tick_value_where_it_had_to_serve() -> None:
    spec = changed(EURUSD, tick_value=Decimal("0.8"))
    account = follower(currency="EUR", equity="8800", spec=spec)
    assert told(FixedLeverage(Decimal(5)), leader(), account, at=entry()) == (
        "5 * 8800 EUR equity / (1.10000 * 0.8 EUR / 0.00001 (tick value)) * 1 = 0.5 lots" + LIMITS
    )


def test_an_expression_is_told_with_the_inputs_it_had() -> None:
    sizing = ByExpression("leader_volume * equity / leader_equity")
    trade, account = leader("0.50", equity="10000"), follower(currency="EUR", equity="1000")
    assert told(sizing, trade, account, rate("EUR", "USD", "1.25")) == (
        "0.0625 lots * 100000 / 100000 (contract sizes) * 1 = 0.0625 lots"
        + LIMITS
        + "; from leader_volume * equity"
        " / leader_equity with equity 1000, leader_equity 8000, leader_volume 0.50,"
        " the leader's money at 1.25 USD/EUR (EURUSD)"
    )
