"""A volume that its owner writes a formula for: its inputs, their currencies, and each reason for none."""

from datetime import timedelta
from decimal import Decimal

import pytest

from kopitra.domain.readings import EQUITY_MAX_AGE
from kopitra.domain.rules import CopyRules, StaleBalance
from kopitra.domain.sizing_inputs import Entry, FollowerAccount, LeaderTrade, SizeNote
from kopitra.domain.sizing_modes import ByExpression
from kopitra.domain.skips import SkipReason
from tests.unit.domain.examples import EURUSD, changed, entry, follower, leader, rate, sized, skipped

LEADER = leader("2.00", equity="20000", free_margin="5000")
MINE = follower("1000", equity="4000", free_margin="300")


def by(expression: str, **changes: object) -> CopyRules:
    return changed(CopyRules(sizing=ByExpression(expression)), **changes)


def test_the_expressions_value_counts_lots_of_the_leaders_contract() -> None:
    rules = by("leader_volume * equity / leader_equity", multiplier=Decimal(2))
    assert sized(rules, LEADER, MINE).volume == Decimal("0.80")
    small = changed(MINE, spec=changed(EURUSD, contract_size=Decimal(50000)))
    assert sized(rules, LEADER, small).volume == Decimal("1.60")
    assert sized(changed(rules, ignore_contract_size=True), LEADER, small).volume == Decimal("0.80")


def test_the_leaders_money_is_converted_into_the_followers_currency() -> None:
    account = follower(currency="EUR", equity="4000")
    rules = by("leader_equity / 10000")
    result = sized(rules, LEADER, account, rate("EUR", "USD", "1.25"))
    assert result.volume == Decimal("1.60")
    formula = result.arithmetic.formula
    assert formula is not None
    assert formula.rate is not None
    assert skipped(rules, LEADER, account).reason is SkipReason.RATE_MISSING
    assert sized(by("leader_volume"), LEADER, account).volume == Decimal(2), "no rate is read for nothing"


def test_prices_distances_and_their_worth_are_inputs() -> None:
    account = follower(currency="EUR", equity="4000")
    at = entry("1.10000", "1.09500", profit_rate=rate("USD", "EUR", "0.8"))
    risk = by("0.01 * equity / (stop_distance * value_per_price_unit)")
    assert sized(risk, LEADER, account, at=at).volume == Decimal("0.10")
    assert sized(by("price"), LEADER, account, at=at).volume == Decimal("1.10")
    assert sized(by("contract_ratio + leader_contract_size / contract_size"), LEADER).volume == Decimal(2)


@pytest.mark.parametrize(
    ("expression", "trade", "account", "at", "reason"),
    [
        ("balance", LEADER, follower(None), entry(), SkipReason.BALANCE_MISSING),
        ("equity", LEADER, follower(), entry(), SkipReason.EQUITY_MISSING),
        ("free_margin", LEADER, follower(), entry(), SkipReason.FREE_MARGIN_MISSING),
        ("leader_balance", leader(balance=None), MINE, entry(), SkipReason.LEADER_BALANCE_MISSING),
        ("leader_equity", leader(), MINE, entry(), SkipReason.LEADER_EQUITY_MISSING),
        ("leader_free_margin", leader(), MINE, entry(), SkipReason.LEADER_FREE_MARGIN_MISSING),
        ("leader_equity", LEADER, follower(None), entry(), SkipReason.BALANCE_MISSING),
        ("1 if 1 < 2 else equity", LEADER, follower(), entry(), SkipReason.EQUITY_MISSING),
        ("price", LEADER, MINE, entry(None), SkipReason.PRICE_MISSING),
        ("stop_distance", LEADER, MINE, entry(stop_loss=None), SkipReason.STOP_LOSS_MISSING),
        ("value_per_price_unit", LEADER, follower(currency="EUR"), entry(), SkipReason.RATE_MISSING),
        ("1 / (leader_volume - leader_volume)", LEADER, MINE, entry(), SkipReason.EXPRESSION_FAILED),
        ("import os", LEADER, MINE, entry(), SkipReason.EXPRESSION_FAILED),
    ],
)
def test_an_input_that_is_missing_or_a_failure_skips(
    expression: str, trade: LeaderTrade, account: FollowerAccount, at: Entry, reason: SkipReason
) -> None:
    assert skipped(by(expression), trade, account, at=at).reason is reason


def test_contract_sizes_are_needed_by_name_even_where_they_do_not_normalise() -> None:
    rules = by("contract_ratio", ignore_contract_size=True)
    assert skipped(rules, leader(contract=None)).reason is SkipReason.CONTRACT_UNKNOWN
    assert sized(by("0.5", ignore_contract_size=True), leader(contract=None)).volume == Decimal("0.5")


@pytest.mark.parametrize("expression", ["0", "leader_volume - 5", "0 if leader_volume > 1 else 1"])
def test_nothing_or_less_is_no_copy_even_where_the_minimum_is_forced(expression: str) -> None:
    skip = skipped(by(expression, force_min_volume=True), LEADER)
    assert skip.reason is SkipReason.BELOW_MINIMUM
    assert skip.detail.startswith("the expression gives ")


def test_an_old_reading_skips_or_is_noted() -> None:
    account = follower(equity="4000", age=EQUITY_MAX_AGE + timedelta(seconds=1))
    assert skipped(by("equity / 10000"), LEADER, account).reason is SkipReason.EQUITY_STALE
    lenient = by("equity / 10000", stale_balance=StaleBalance.USE_LAST)
    assert sized(lenient, LEADER, account).notes == (SizeNote.STALE_EQUITY_USED,)


def test_the_record_holds_every_input_with_its_age() -> None:
    arithmetic = sized(by("leader_volume * equity / leader_equity"), LEADER, MINE).arithmetic
    assert arithmetic.formula is not None
    assert MINE.equity is not None
    assert [(i.name, i.value, i.at) for i in arithmetic.formula.inputs] == [
        ("equity", Decimal(4000), MINE.equity.at),
        ("leader_equity", Decimal(20000), None),
        ("leader_volume", Decimal("2.00"), None),
    ]
