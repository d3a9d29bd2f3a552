"""A copy in proportion to two balances: currencies, ages, and each reason for none."""

from datetime import timedelta
from decimal import Decimal

import pytest

from kopitra.domain.rates import RateMissing, RateStale
from kopitra.domain.readings import BALANCE_MAX_AGE
from kopitra.domain.rules import StaleBalance
from kopitra.domain.sizing import size_copy
from kopitra.domain.sizing_inputs import RateOfOtherCurrencies, RateReading, SizeNote
from kopitra.domain.skips import SkipReason
from tests.unit.domain.examples import (
    NOW,
    RATIO,
    SAME,
    changed,
    follower,
    leader,
    rate,
    sized,
    skipped,
)

MOMENT = timedelta(milliseconds=1)


def test_balance_ratio_takes_the_followers_share_of_the_leaders_balance() -> None:
    assert sized(RATIO, leader("1.00", balance="10000"), follower("2599.99")).volume == Decimal("0.25")


def test_balance_ratio_converts_the_followers_balance_into_the_leaders_currency() -> None:
    account = follower("1000", "EUR")
    assert sized(
        RATIO, leader("1.00", balance="10000"), account, rate("EUR", "USD", "1.10")
    ).volume == Decimal("0.11")


def test_a_rate_is_not_needed_where_the_currencies_are_the_same() -> None:
    missing = RateMissing("USD", "USD")
    assert sized(RATIO, leader("1.00"), follower("1000"), missing).volume == Decimal("0.10")


def test_a_balance_is_good_for_ten_minutes_and_not_a_moment_longer() -> None:
    assert sized(RATIO, leader(), follower(age=BALANCE_MAX_AGE)).volume == Decimal("0.05")
    assert skipped(RATIO, leader(), follower(age=BALANCE_MAX_AGE + MOMENT)).reason is SkipReason.BALANCE_STALE


def test_use_last_takes_a_stale_balance_and_notes_it() -> None:
    rules = changed(RATIO, stale_balance=StaleBalance.USE_LAST)
    result = sized(rules, leader(), follower(age=BALANCE_MAX_AGE + MOMENT))
    assert result.volume == Decimal("0.05")
    assert result.notes == (SizeNote.STALE_BALANCE_USED,)


def test_a_stale_balance_does_not_matter_to_a_mode_that_does_not_read_it() -> None:
    assert sized(SAME, leader(), follower(age=BALANCE_MAX_AGE + MOMENT)).notes == ()


def test_a_balance_that_was_never_reported_skips_even_with_use_last() -> None:
    rules = changed(RATIO, stale_balance=StaleBalance.USE_LAST)
    assert skipped(rules, leader(), follower(balance=None)).reason is SkipReason.BALANCE_MISSING


@pytest.mark.parametrize("balance", ["0", "-12.50"])
def test_an_account_without_money_is_skipped_even_where_the_minimum_is_forced(balance: str) -> None:
    rules = changed(RATIO, force_min_volume=True)
    assert skipped(rules, leader(), follower(balance)).reason is SkipReason.BALANCE_NOT_POSITIVE


@pytest.mark.parametrize("balance", [None, "0", "-1"])
def test_a_leader_without_a_balance_gives_no_ratio(balance: str | None) -> None:
    assert skipped(RATIO, leader(balance=balance)).reason is SkipReason.LEADER_BALANCE_MISSING


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (None, SkipReason.RATE_MISSING),
        (RateMissing("EUR", "USD"), SkipReason.RATE_MISSING),
        (RateStale("EUR", "USD", ("EURUSD",), NOW - timedelta(hours=1)), SkipReason.RATE_STALE),
    ],
)
def test_without_a_fresh_rate_there_is_no_ratio(reading: RateReading, reason: SkipReason) -> None:
    assert skipped(RATIO, leader(), follower(currency="EUR"), reading).reason is reason


def test_a_stale_rate_is_named_with_its_symbols_and_time() -> None:
    reading = RateStale("EUR", "JPY", ("EURUSD.m", "USDJPY.m"), NOW - timedelta(hours=1))
    skip = skipped(RATIO, leader(currency="JPY"), follower(currency="EUR"), reading)
    assert skip.detail == "EUR to JPY by EURUSD.m USDJPY.m was last quoted at 2026-03-04T11:00:00+00:00"


@pytest.mark.parametrize(("source", "target"), [("USD", "EUR"), ("EUR", "JPY"), ("JPY", "USD")])
def test_a_rate_between_other_currencies_is_a_callers_mistake_and_raises(source: str, target: str) -> None:
    with pytest.raises(RateOfOtherCurrencies):
        size_copy(RATIO, leader(), follower(currency="EUR"), rate(source, target, "0.9"), NOW)


def test_multiplying_comes_before_dividing_so_a_third_of_three_is_one() -> None:
    """1 × 0.03 × 1000/3000 is exactly one lot step; dividing first would leave 0.00999…"""
    assert sized(RATIO, leader("0.03", balance="3000"), follower("1000")).volume == Decimal("0.01")
