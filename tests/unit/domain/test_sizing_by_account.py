"""Modes that measure by equity, free margin, risk or leverage: what they read, and each reason for none."""

from datetime import timedelta
from decimal import Decimal

import pytest

from kopitra.domain.orders import Side
from kopitra.domain.rates import RateMissing, RateStale
from kopitra.domain.readings import BALANCE_MAX_AGE, EQUITY_MAX_AGE
from kopitra.domain.rules import CopyRules, StaleBalance
from kopitra.domain.sizing_inputs import RateReading, SizeNote
from kopitra.domain.sizing_modes import (
    ContractSize,
    EquityRatio,
    FixedLeverage,
    FixedRisk,
    FreeMarginRatio,
    RiskBasis,
)
from kopitra.domain.skips import SkipReason
from tests.unit.domain.examples import (
    EURUSD,
    NOW,
    SAME,
    changed,
    entry,
    follower,
    leader,
    rate,
    sized,
    skipped,
)

MOMENT = timedelta(milliseconds=1)
EQUITY = CopyRules(sizing=EquityRatio())
MARGIN = CopyRules(sizing=FreeMarginRatio())
RISK = CopyRules(sizing=FixedRisk(Decimal("0.01")))
LEVERAGE = CopyRules(sizing=FixedLeverage(Decimal(5)))
LEADER = leader("1.00", equity="20000", free_margin="5000")


def test_equity_ratio_takes_equities_and_free_margin_ratio_free_margins() -> None:
    account = follower("99", equity="4000", free_margin="500")
    assert sized(EQUITY, LEADER, account).volume == Decimal("0.20")
    assert sized(MARGIN, LEADER, account).volume == Decimal("0.10")


def test_an_equity_is_good_for_a_minute_and_a_balance_for_ten() -> None:
    for rules in (EQUITY, MARGIN):
        account = follower(equity="4000", free_margin="500", age=EQUITY_MAX_AGE)
        assert sized(rules, LEADER, account).notes == ()
    account = follower(equity="4000", free_margin="500", age=EQUITY_MAX_AGE + MOMENT)
    assert skipped(EQUITY, LEADER, account).reason is SkipReason.EQUITY_STALE
    assert skipped(MARGIN, LEADER, account).reason is SkipReason.FREE_MARGIN_STALE
    assert skipped(LEVERAGE, LEADER, account, at=entry()).reason is SkipReason.EQUITY_STALE
    assert skipped(RISK, LEADER, account, at=entry()).reason is SkipReason.EQUITY_STALE
    by_balance = CopyRules(sizing=FixedRisk(Decimal("0.01"), RiskBasis.BALANCE))
    assert sized(by_balance, LEADER, follower(age=BALANCE_MAX_AGE), at=entry()).notes == ()


def test_use_last_takes_an_old_equity_and_notes_it() -> None:
    account = follower(equity="4000", free_margin="500", age=timedelta(hours=1))
    lenient = StaleBalance.USE_LAST
    for rules, note in ((EQUITY, SizeNote.STALE_EQUITY_USED), (MARGIN, SizeNote.STALE_FREE_MARGIN_USED)):
        assert sized(changed(rules, stale_balance=lenient), LEADER, account).notes == (note,)


@pytest.mark.parametrize(
    ("rules", "missing", "empty", "leaders"),
    [
        (
            EQUITY,
            SkipReason.EQUITY_MISSING,
            SkipReason.EQUITY_NOT_POSITIVE,
            SkipReason.LEADER_EQUITY_MISSING,
        ),
        (
            MARGIN,
            SkipReason.FREE_MARGIN_MISSING,
            SkipReason.FREE_MARGIN_NOT_POSITIVE,
            SkipReason.LEADER_FREE_MARGIN_MISSING,
        ),
    ],
)
def test_a_figure_that_is_missing_or_not_above_zero_skips(
    rules: CopyRules, missing: SkipReason, empty: SkipReason, leaders: SkipReason
) -> None:
    whole = follower(equity="1", free_margin="1")
    assert skipped(rules, LEADER, follower()).reason is missing
    assert skipped(rules, LEADER, follower(equity="0", free_margin="-3")).reason is empty
    assert skipped(rules, leader(), whole).reason is leaders
    assert skipped(rules, leader(equity="0", free_margin="0"), whole).reason is leaders


def test_ratios_convert_the_followers_currency_into_the_leaders() -> None:
    account = follower(currency="EUR", equity="4000")
    assert sized(EQUITY, LEADER, account, rate("EUR", "USD", "1.10")).volume == Decimal("0.22")
    assert skipped(EQUITY, LEADER, account).reason is SkipReason.RATE_MISSING


def test_contract_size_normalises_even_where_others_may_ignore_it() -> None:
    rules = CopyRules(sizing=ContractSize(), ignore_contract_size=True)
    small = follower(spec=changed(EURUSD, contract_size=Decimal(10000)))
    assert sized(rules, leader("0.50"), small).volume == Decimal("5.00")
    assert sized(changed(SAME, ignore_contract_size=True), leader("0.50"), small).volume == Decimal("0.50")
    assert skipped(rules, leader(contract=None), small).reason is SkipReason.CONTRACT_UNKNOWN


def test_fixed_risk_loses_its_fraction_at_the_stop_whatever_the_leaders_volume() -> None:
    account = follower("10000", equity="20000")
    for volume in ("0.01", "50"):
        assert sized(RISK, leader(volume), account, at=entry()).volume == Decimal("0.40")
    by_balance = CopyRules(sizing=FixedRisk(Decimal("0.01"), RiskBasis.BALANCE))
    assert sized(by_balance, LEADER, account, at=entry()).volume == Decimal("0.20")


def test_fixed_risk_reckons_the_loss_in_the_accounts_currency() -> None:
    account = follower(currency="EUR", equity="20000")
    at = entry(profit_rate=rate("USD", "EUR", "0.8"))
    assert sized(RISK, LEADER, account, at=at).volume == Decimal("0.50")


def test_fixed_risk_does_not_need_the_leaders_contract_size() -> None:
    assert sized(RISK, leader(contract=None), follower(equity="20000"), at=entry()).volume == Decimal("0.40")


def test_a_tick_value_serves_where_no_rate_does_and_is_noted() -> None:
    spec = changed(EURUSD, tick_value=Decimal("0.8"))
    account = follower(currency="EUR", equity="20000", spec=spec)
    result = sized(RISK, LEADER, account, at=entry(profit_rate=RateMissing("USD", "EUR")))
    assert result.volume == Decimal("0.50")
    assert result.notes == (SizeNote.TICK_VALUE_USED,)
    fresh = sized(RISK, LEADER, account, at=entry(profit_rate=rate("USD", "EUR", "0.5")))
    assert (fresh.volume, fresh.notes) == (Decimal("0.80"), ())


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (None, SkipReason.RATE_MISSING),
        (RateStale("USD", "EUR", ("EURUSD",), NOW - timedelta(hours=1)), SkipReason.RATE_STALE),
    ],
)
def test_without_a_rate_or_a_tick_value_there_is_no_risk_to_reckon(
    reading: RateReading, reason: SkipReason
) -> None:
    account = follower(currency="EUR", equity="20000")
    for rules in (RISK, LEVERAGE):
        assert skipped(rules, LEADER, account, at=entry(profit_rate=reading)).reason is reason


@pytest.mark.parametrize("stop", [None, "0"])
def test_fixed_risk_needs_a_stop_loss(stop: str | None) -> None:
    account = follower(equity="20000")
    assert skipped(RISK, LEADER, account, at=entry(stop_loss=stop)).reason is SkipReason.STOP_LOSS_MISSING
    assert sized(LEVERAGE, LEADER, account, at=entry(stop_loss=stop)).volume == Decimal("0.90")


@pytest.mark.parametrize(("side", "stop"), [(Side.BUY, "1.1"), (Side.BUY, "1.2"), (Side.SELL, "1.05")])
def test_a_stop_on_the_winning_side_bounds_no_loss(side: Side, stop: str) -> None:
    at = entry("1.1", stop, side)
    assert skipped(RISK, LEADER, follower(equity="1"), at=at).reason is SkipReason.STOPS_TOO_CLOSE


def test_a_sell_is_stopped_above_its_price() -> None:
    at = entry("1.10000", "1.10500", Side.SELL)
    assert sized(RISK, LEADER, follower(equity="20000"), at=at).volume == Decimal("0.40")


@pytest.mark.parametrize("price", [None, "0"])
def test_without_a_price_neither_risk_nor_leverage_can_be_reckoned(price: str | None) -> None:
    for rules in (RISK, LEVERAGE):
        at = entry(price)
        assert skipped(rules, LEADER, follower(equity="1"), at=at).reason is SkipReason.PRICE_MISSING


def test_fixed_leverage_trades_a_multiple_of_the_equity() -> None:
    """5 × 22,000 USD = 110,000 USD, which is one lot of 100,000 EUR at 1.10."""
    assert sized(LEVERAGE, LEADER, follower(equity="22000"), at=entry()).volume == Decimal("1.00")


def test_a_copy_raised_to_the_minimum_is_at_most_so_many_times_its_exact_volume() -> None:
    coarse = follower(spec=changed(EURUSD, volume_min=Decimal("0.10"), volume_step=Decimal("0.10")))
    rules = changed(SAME, force_min_volume=True, max_risk_multiple=Decimal(4))
    assert sized(rules, leader("0.025"), coarse).volume == Decimal("0.10")
    too_much = skipped(rules, leader("0.024"), coarse)
    assert too_much.reason is SkipReason.RISK_MULTIPLE_EXCEEDED
    assert too_much.arithmetic is not None
    assert sized(changed(rules, max_risk_multiple=None), leader("0.024"), coarse).volume == Decimal("0.10")


def test_a_risk_multiple_does_not_concern_a_copy_that_was_not_raised() -> None:
    rules = changed(SAME, force_min_volume=True, max_risk_multiple=Decimal(1))
    assert sized(rules, leader("0.019")).volume == Decimal("0.01")
