"""What must remain at the follower after the leader closed a part."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kopitra.domain.partial_close import NothingOpened, reachable_target, remaining_target
from kopitra.domain.rules import Remainder
from kopitra.domain.symbols import SymbolSpec
from tests.unit.domain.examples import EURUSD, changed

COARSE = changed(EURUSD, volume_min=Decimal("0.1"), volume_step=Decimal("0.1"))
FINE_STEP = changed(EURUSD, volume_min=Decimal("0.10"), volume_step=Decimal("0.01"))


def remains(
    filled: str,
    opened: str,
    after: str,
    spec: SymbolSpec = EURUSD,
    remainder: Remainder = Remainder.CLOSE_ALL,
) -> Decimal:
    return remaining_target(Decimal(filled), Decimal(opened), Decimal(after), spec, remainder)


def test_half_of_the_leader_leaves_half_of_the_follower() -> None:
    assert remains("0.40", "1.00", "0.50") == Decimal("0.20")


def test_what_remains_goes_down_to_the_lot_step() -> None:
    assert remains("0.5", "1.00", "0.33", COARSE) == Decimal("0.1")


def test_nothing_closed_leaves_exactly_what_was_filled() -> None:
    assert remains("0.37", "1.00", "1.00") == Decimal("0.37")


def test_nothing_closed_leaves_even_what_a_broker_filled_off_the_lot_step() -> None:
    assert remains("0.375", "1.00", "1.00") == Decimal("0.375")


def test_a_leader_that_is_out_leaves_nothing() -> None:
    assert remains("0.37", "1.00", "0", remainder=Remainder.KEEP) == 0


def test_a_remainder_below_the_minimum_closes_all_by_default() -> None:
    assert remains("0.3", "1.00", "0.30", COARSE) == 0


def test_keep_stays_at_the_minimum_until_the_leader_is_out() -> None:
    assert remains("0.3", "1.00", "0.30", COARSE, Remainder.KEEP) == Decimal("0.1")
    assert remains("0.3", "1.00", "0.01", COARSE, Remainder.KEEP) == Decimal("0.1")


def test_keep_never_asks_for_more_than_was_filled() -> None:
    assert remains("0.05", "1.00", "0.30", COARSE, Remainder.KEEP) == Decimal("0.05")


def test_a_leader_that_grew_asks_for_no_close() -> None:
    assert remains("0.40", "1.00", "1.50") == Decimal("0.40")


def test_an_open_that_was_never_filled_leaves_nothing() -> None:
    assert remains("0", "1.00", "0.50", remainder=Remainder.KEEP) == 0


def test_a_position_that_was_never_opened_is_a_mistake() -> None:
    with pytest.raises(NothingOpened):
        remains("0.40", "0", "0")


def test_rounding_does_not_add_up_over_many_closes() -> None:
    """Ten closes of a tenth, one lot step each: a tenth of each previous target would end early."""
    targets = [remains("0.10", "1.00", f"{after / 10:.1f}") for after in range(9, -1, -1)]
    assert targets == [Decimal(n) / 100 for n in range(9, -1, -1)]


def test_a_close_below_the_minimum_volume_is_enlarged() -> None:
    assert reachable_target(Decimal("0.50"), Decimal("0.47"), FINE_STEP, Remainder.CLOSE_ALL) == Decimal(
        "0.40"
    )


def test_a_close_that_cannot_leave_the_minimum_closes_all_or_nothing() -> None:
    assert reachable_target(Decimal("0.15"), Decimal("0.12"), FINE_STEP, Remainder.CLOSE_ALL) == 0
    assert reachable_target(Decimal("0.15"), Decimal("0.12"), FINE_STEP, Remainder.KEEP) == Decimal("0.15")


def test_a_target_that_a_broker_takes_is_left_as_it_is() -> None:
    assert reachable_target(Decimal("0.50"), Decimal("0.20"), FINE_STEP, Remainder.CLOSE_ALL) == Decimal(
        "0.20"
    )
    assert reachable_target(Decimal("0.50"), Decimal("0"), FINE_STEP, Remainder.KEEP) == 0


def test_closing_or_leaving_exactly_the_minimum_is_allowed() -> None:
    assert reachable_target(Decimal("0.50"), Decimal("0.40"), FINE_STEP, Remainder.CLOSE_ALL) == Decimal(
        "0.40"
    )
    assert reachable_target(Decimal("0.11"), Decimal("0.01"), FINE_STEP, Remainder.CLOSE_ALL) == Decimal(
        "0.01"
    )
    assert reachable_target(Decimal("0.20"), Decimal("0.15"), FINE_STEP, Remainder.CLOSE_ALL) == Decimal(
        "0.10"
    )


def test_a_target_already_reached_asks_for_nothing() -> None:
    assert reachable_target(Decimal("0.20"), Decimal("0.20"), FINE_STEP, Remainder.CLOSE_ALL) == Decimal(
        "0.20"
    )
    assert reachable_target(Decimal("0.20"), Decimal("0.30"), FINE_STEP, Remainder.CLOSE_ALL) == Decimal(
        "0.20"
    )


lots = st.integers(1, 100_000).map(lambda steps: Decimal(steps) / 100)
remainders = st.sampled_from(Remainder)
steps = st.sampled_from([Decimal("0.01"), Decimal("0.1"), Decimal("0.03"), Decimal("1")])


@st.composite
def symbols(draw: st.DrawFn) -> SymbolSpec:
    step = draw(steps)
    return changed(EURUSD, volume_step=step, volume_min=draw(st.integers(1, 20)) * step)


specs = symbols()


@st.composite
def closings(draw: st.DrawFn) -> tuple[Decimal, list[Decimal]]:
    """A leader's opened volume and what is left of it after each partial close, falling to zero."""
    opened = draw(lots)
    cents = int(opened * 100)
    left = draw(st.lists(st.integers(0, cents), max_size=12))
    return opened, [Decimal(cent) / 100 for cent in sorted({*left, 0}, reverse=True)]


@given(lots, closings(), specs, remainders)
def test_partial_closes_sum_to_the_whole_and_never_reopen(
    filled: Decimal, closing: tuple[Decimal, list[Decimal]], spec: SymbolSpec, remainder: Remainder
) -> None:
    opened, afters = closing
    live, closed = filled, Decimal(0)
    for after in afters:
        target = remaining_target(filled, opened, after, spec, remainder)
        assert 0 <= target <= live
        closed += live - target
        live = target
    assert live == 0
    assert closed == filled


@given(lots, lots, lots, specs)
def test_exposure_is_proportional_to_within_one_lot_step_and_never_above(
    filled: Decimal, opened: Decimal, after: Decimal, spec: SymbolSpec
) -> None:
    assume(after <= opened)
    target = Fraction(remaining_target(filled, opened, after, spec, Remainder.CLOSE_ALL))
    share = Fraction(filled) * Fraction(after) / Fraction(opened)
    assert target <= share
    if target > 0:
        assert share - target < Fraction(spec.volume_step)
    else:
        assert share < max(Fraction(spec.volume_min), Fraction(spec.volume_step))


@given(lots, lots, lots, specs)
def test_keeping_exceeds_proportion_by_no_more_than_the_minimum(
    filled: Decimal, opened: Decimal, after: Decimal, spec: SymbolSpec
) -> None:
    assume(after <= opened)
    target = Fraction(remaining_target(filled, opened, after, spec, Remainder.KEEP))
    assert target - Fraction(filled) * Fraction(after) / Fraction(opened) < Fraction(spec.volume_min)


@given(lots, lots, lots, specs, remainders)
def test_a_target_is_on_the_lot_step_unless_it_is_all_that_was_filled(
    filled: Decimal, opened: Decimal, after: Decimal, spec: SymbolSpec, remainder: Remainder
) -> None:
    target = remaining_target(filled, opened, after, spec, remainder)
    assert target == filled or (Fraction(target) / Fraction(spec.volume_step)).denominator == 1


@given(lots, lots, specs, remainders)
def test_a_reachable_target_can_be_reached_and_once_reached_stays(
    live: Decimal, wanted: Decimal, spec: SymbolSpec, remainder: Remainder
) -> None:
    reached = reachable_target(live, wanted, spec, remainder)
    assert 0 <= reached <= live
    close = live - reached
    assert (
        close == 0 or reached == 0 or (close >= spec.volume_min and reached >= min(wanted, spec.volume_min))
    )
    assert reached <= wanted or (remainder is Remainder.KEEP and reached == live)
    assert reachable_target(reached, wanted, spec, remainder) == reached
