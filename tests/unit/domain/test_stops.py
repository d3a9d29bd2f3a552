"""Where a copy's stop loss and take profit go, and what reversing a trade does."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.reversal import copied_order_type, copied_side
from kopitra.domain.rules import CloseStops, CopyRules
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.stops import StopNote, Stops, place_stops, rounded_price
from kopitra.domain.symbols import SymbolSpec
from tests.unit.domain.examples import EURUSD, JP225, SAME, changed

LEVEL = changed(EURUSD, stops_level=50)


def price_of(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def placed(
    side: Side,
    loss: str | None,
    profit: str | None,
    price: str | None = "1.10000",
    spec: SymbolSpec = LEVEL,
    rules: CopyRules = SAME,
) -> Stops | Skip:
    return place_stops(rules, side, price_of(loss), price_of(profit), spec, price_of(price))


def test_stops_far_enough_away_are_copied_as_they_are() -> None:
    assert placed(Side.BUY, "1.09000", "1.12000") == Stops(Decimal("1.09000"), Decimal("1.12000"))


def test_stops_are_rounded_to_the_followers_digits_half_away_from_zero() -> None:
    four = changed(EURUSD, digits=4)
    assert placed(Side.BUY, "1.09005", "1.12004", spec=four) == Stops(Decimal("1.0901"), Decimal("1.1200"))
    assert rounded_price(Decimal("39123.5"), JP225) == Decimal("39124")


def test_no_stop_stays_no_stop_and_zero_means_none() -> None:
    assert placed(Side.BUY, None, "0") == Stops()


@pytest.mark.parametrize(
    ("side", "loss", "profit", "widened"),
    [
        (Side.BUY, "1.09970", "1.10010", Stops(Decimal("1.09950"), Decimal("1.10050"))),
        (Side.SELL, "1.10010", "1.09970", Stops(Decimal("1.10050"), Decimal("1.09950"))),
    ],
)
def test_stops_inside_the_stops_level_are_widened_and_that_is_noted(
    side: Side, loss: str, profit: str, widened: Stops
) -> None:
    notes = (StopNote.STOP_LOSS_WIDENED, StopNote.TAKE_PROFIT_WIDENED)
    assert placed(side, loss, profit) == changed(widened, notes=notes)


def test_a_stop_exactly_at_the_stops_level_is_left_alone() -> None:
    assert placed(Side.BUY, "1.09950", None) == Stops(Decimal("1.09950"))


def test_a_stop_on_the_wrong_side_of_the_price_counts_as_too_close() -> None:
    assert placed(Side.BUY, "1.10100", None) == Stops(Decimal("1.09950"), None, (StopNote.STOP_LOSS_WIDENED,))


def test_the_rules_may_skip_the_order_instead() -> None:
    skip = placed(Side.BUY, "1.09970", None, rules=changed(SAME, close_stops=CloseStops.SKIP))
    assert isinstance(skip, Skip)
    assert skip.reason is SkipReason.STOPS_TOO_CLOSE
    assert skip.detail == "stop loss 1.09970, take profit None: EURUSD wants 50 points from 1.10000"


@pytest.mark.parametrize("price", ["0.00045", "0.00050"])
def test_a_stop_that_cannot_be_widened_above_zero_skips_rather_than_going_without(price: str) -> None:
    skip = placed(Side.BUY, "0.00040", None, price=price)
    assert isinstance(skip, Skip)
    assert skip.reason is SkipReason.STOPS_TOO_CLOSE


def test_without_a_quote_the_stops_level_is_left_to_the_broker() -> None:
    assert placed(Side.BUY, "1.09999", None, price=None) == Stops(Decimal("1.09999"))


def test_a_reverse_copy_swaps_stop_loss_and_take_profit() -> None:
    reverse = changed(SAME, reverse=True)
    assert placed(Side.SELL, "1.09000", "1.12000", rules=reverse) == Stops(
        Decimal("1.12000"), Decimal("1.09000")
    )


def test_switches_speak_of_the_followers_own_stops() -> None:
    only_loss = changed(SAME, copy_take_profit=False)
    assert placed(Side.BUY, "1.09000", "1.12000", rules=only_loss) == Stops(Decimal("1.09000"))
    reverse = changed(only_loss, reverse=True)
    assert placed(Side.SELL, "1.09000", "1.12000", rules=reverse) == Stops(Decimal("1.12000"))


prices = st.decimals("0.5", "2", places=7, allow_nan=False)


@given(st.sampled_from(Side), st.none() | prices, st.none() | prices, prices, st.integers(0, 500))
def test_placed_stops_are_never_dropped_never_inside_the_level_and_on_the_price_grid(
    side: Side, loss: Decimal | None, profit: Decimal | None, price: Decimal, level: int
) -> None:
    spec = changed(EURUSD, stops_level=level)
    result = place_stops(SAME, side, loss, profit, spec, price)
    assert isinstance(result, Stops)
    assert (result.stop_loss is None, result.take_profit is None) == (loss is None, profit is None)
    sign = 1 if side is Side.BUY else -1
    for stop, away in ((result.stop_loss, -sign), (result.take_profit, sign)):
        if stop is not None:
            assert stop == stop.quantize(spec.point)
            assert level == 0 or (stop - price) * away >= level * spec.point


@given(st.sampled_from(Side), prices, prices, prices)
def test_widening_twice_changes_nothing(side: Side, loss: Decimal, profit: Decimal, price: Decimal) -> None:
    once = place_stops(SAME, side, loss, profit, LEVEL, price)
    assert isinstance(once, Stops)
    again = place_stops(SAME, side, once.stop_loss, once.take_profit, LEVEL, price)
    assert again == changed(once, notes=())


def test_a_reverse_copy_takes_the_other_side() -> None:
    assert (copied_side(Side.BUY, reverse=True), copied_side(Side.BUY, reverse=False)) == (
        Side.SELL,
        Side.BUY,
    )


@pytest.mark.parametrize(
    ("order_type", "reversed_type"),
    [
        (OrderType.MARKET, OrderType.MARKET),
        (OrderType.LIMIT, OrderType.STOP),
        (OrderType.STOP, OrderType.LIMIT),
        (OrderType.STOP_LIMIT, None),
    ],
)
def test_a_reverse_pending_order_waits_at_the_same_price(
    order_type: OrderType, reversed_type: OrderType | None
) -> None:
    assert copied_order_type(order_type, reverse=True) is reversed_type
    assert copied_order_type(order_type, reverse=False) is order_type
