"""How large a copy is: each mode, each limit, and each reason for none."""

from datetime import timedelta
from decimal import Decimal

import pytest

from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_inputs import SizeNote
from kopitra.domain.sizing_modes import ByMultiplier, FixedVolume
from kopitra.domain.skips import SkipReason
from tests.unit.domain.examples import (
    EURUSD,
    RATIO,
    SAME,
    changed,
    follower,
    leader,
    rate,
    sized,
    skipped,
)


def test_same_volume_copies_the_leaders_lots() -> None:
    assert sized(SAME, leader("0.37")).volume == Decimal("0.37")


def test_a_multiplier_scales_and_the_result_goes_down_to_the_lot_step() -> None:
    rules = CopyRules(sizing=ByMultiplier(), multiplier=Decimal("0.5"))
    assert sized(rules, leader("0.37")).volume == Decimal("0.18")


def test_a_fixed_volume_does_not_look_at_the_leaders_volume() -> None:
    rules = CopyRules(sizing=FixedVolume(Decimal("0.20")))
    assert sized(rules, leader("5")).volume == Decimal("0.20")


def test_the_multiplier_applies_to_every_mode() -> None:
    rules = CopyRules(sizing=FixedVolume(Decimal("0.20")), multiplier=Decimal("1.5"))
    assert sized(rules, leader("5")).volume == Decimal("0.30")


def test_a_smaller_contract_gets_more_lots() -> None:
    mini = changed(EURUSD, contract_size=Decimal("10000"))
    assert sized(SAME, leader("0.10"), follower(spec=mini)).volume == Decimal("1.00")


def test_a_fixed_volume_too_is_in_lots_of_the_leaders_contract_size() -> None:
    mini = changed(EURUSD, contract_size=Decimal("10000"))
    rules = CopyRules(sizing=FixedVolume(Decimal("0.20")))
    assert sized(rules, leader("1"), follower(spec=mini)).volume == Decimal("2.00")


def test_contract_sizes_are_ignored_only_where_the_rules_say_so_and_that_is_noted() -> None:
    mini = changed(EURUSD, contract_size=Decimal("10000"))
    result = sized(changed(SAME, ignore_contract_size=True), leader("0.10"), follower(spec=mini))
    assert result.volume == Decimal("0.10")
    assert result.notes == (SizeNote.CONTRACT_SIZE_IGNORED,)
    assert result.arithmetic.contracts is None


def test_ignoring_equal_contract_sizes_is_not_worth_a_note() -> None:
    assert sized(changed(SAME, ignore_contract_size=True), leader("0.10")).notes == ()


@pytest.mark.parametrize(
    ("leader_contract", "follower_contract"), [(None, "100000"), ("0", "100000"), ("100000", "0")]
)
def test_an_unknown_contract_size_skips(leader_contract: str | None, follower_contract: str) -> None:
    account = follower(spec=changed(EURUSD, contract_size=Decimal(follower_contract)))
    assert skipped(SAME, leader(contract=leader_contract), account).reason is SkipReason.CONTRACT_UNKNOWN


def test_an_unknown_contract_size_does_not_matter_where_contract_sizes_are_ignored() -> None:
    rules = changed(SAME, ignore_contract_size=True)
    assert sized(rules, leader("0.10", contract=None)).volume == Decimal("0.10")


def test_above_the_symbols_maximum_is_clamped_and_noted() -> None:
    result = sized(SAME, leader("250"))
    assert result.volume == Decimal("100")
    assert result.notes == (SizeNote.CLAMPED_TO_MAX,)


def test_above_the_rules_maximum_is_clamped_down_to_the_lot_step() -> None:
    assert sized(changed(SAME, max_volume=Decimal("0.255")), leader("3")).volume == Decimal("0.25")


def test_exactly_the_maximum_is_not_clamped() -> None:
    assert sized(changed(SAME, max_volume=Decimal("0.50")), leader("0.50")).notes == ()


def test_the_rules_maximum_cannot_widen_the_symbols() -> None:
    assert sized(changed(SAME, max_volume=Decimal("1000")), leader("250")).volume == Decimal("100")


def test_below_the_symbols_minimum_skips_and_shows_the_arithmetic() -> None:
    skip = skipped(RATIO, leader("0.01", balance="10000"), follower("5000"))
    assert skip.reason is SkipReason.BELOW_MINIMUM
    assert skip.detail == "0.00 lots is below the minimum of 0.01"
    assert skip.arithmetic is not None
    assert skip.arithmetic.fraction() == (Decimal("5000000") * Decimal("1.0"), Decimal("1000000000"))


def test_below_the_rules_minimum_skips() -> None:
    assert (
        skipped(changed(SAME, min_volume=Decimal("0.10")), leader("0.09")).reason is SkipReason.BELOW_MINIMUM
    )


def test_exactly_the_minimum_is_copied() -> None:
    assert sized(changed(SAME, min_volume=Decimal("0.10")), leader("0.10")).volume == Decimal("0.10")


def test_force_min_volume_raises_to_the_minimum_and_notes_it() -> None:
    rules = changed(RATIO, force_min_volume=True)
    result = sized(rules, leader("0.01", balance="10000"), follower("5000"))
    assert result.volume == Decimal("0.01")
    assert result.notes == (SizeNote.RAISED_TO_MIN,)


def test_a_minimum_off_the_grid_is_raised_to_the_next_lot_step() -> None:
    odd = changed(EURUSD, volume_min=Decimal("0.10"), volume_step=Decimal("0.03"))
    assert sized(changed(SAME, force_min_volume=True), leader("0.05"), follower(spec=odd)).volume == Decimal(
        "0.12"
    )


def test_force_min_volume_never_goes_above_a_maximum() -> None:
    rules = changed(SAME, force_min_volume=True, max_volume=Decimal("0.04"))
    coarse = changed(EURUSD, volume_min=Decimal("0.05"), volume_step=Decimal("0.05"))
    skip = skipped(rules, leader("0.04"), follower(spec=coarse))
    assert skip.reason is SkipReason.BELOW_MINIMUM
    assert skip.detail == "the least volume of 0.05 lots is above the maximum of 0.04"


def test_a_symbol_without_a_minimum_still_needs_one_lot_step() -> None:
    free = changed(EURUSD, volume_min=Decimal("0"))
    assert skipped(SAME, leader("0.009"), follower(spec=free)).reason is SkipReason.BELOW_MINIMUM
    forced = sized(changed(SAME, force_min_volume=True), leader("0.009"), follower(spec=free))
    assert forced.volume == Decimal("0.01")


def test_the_lot_grid_starts_at_zero_not_at_the_minimum() -> None:
    offset = changed(EURUSD, volume_min=Decimal("0.05"), volume_step=Decimal("0.02"))
    assert sized(SAME, leader("0.09"), follower(spec=offset)).volume == Decimal("0.08")


@pytest.mark.parametrize("volume", ["0", "-0.10"])
def test_a_leaders_trade_without_volume_is_not_copied_even_where_the_minimum_is_forced(volume: str) -> None:
    rules = changed(SAME, force_min_volume=True)
    assert skipped(rules, leader(volume)).reason is SkipReason.LEADER_VOLUME_NOT_POSITIVE


@pytest.mark.parametrize(
    "spec", [changed(EURUSD, volume_step=Decimal(0)), changed(EURUSD, volume_max=Decimal(0))]
)
def test_a_symbol_without_lot_step_or_maximum_is_skipped(spec: object) -> None:
    assert isinstance(spec, type(EURUSD))
    assert skipped(SAME, leader(), follower(spec=spec)).reason is SkipReason.SYMBOL_SPEC_INVALID


@pytest.mark.parametrize("volume", ["NaN", "1e999999999999999999", "1." + "1" * 500])
def test_figures_beyond_reason_are_skipped_not_rounded_and_not_raised(volume: str) -> None:
    assert skipped(SAME, leader(volume)).reason is SkipReason.FIGURES_OUT_OF_RANGE


def test_the_arithmetic_keeps_every_input_of_the_decision() -> None:
    account = follower("1000", "EUR", age=timedelta(minutes=3))
    arithmetic = sized(RATIO, leader("1.00"), account, rate("EUR", "USD", "1.10")).arithmetic
    share = arithmetic.balances
    assert share is not None
    assert share.follower == account.balance
    assert (share.leader, share.leader_currency) == (Decimal("10000"), "USD")
    assert share.rate == rate("EUR", "USD", "1.10")
    assert (arithmetic.mode, arithmetic.minimum, arithmetic.maximum) == (
        "balance_ratio",
        Decimal("0.01"),
        Decimal("100"),
    )
