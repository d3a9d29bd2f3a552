"""Which of a leader's trades a subscription's filters let through."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from kopitra.domain.orders import Side
from kopitra.domain.rules import CopyRules, TradingWindow
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.skips import SkipReason
from kopitra.domain.trading import SignalAction
from kopitra.machine.decisions.filters import refuse_trade
from tests.unit.copying.world import World

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
WORLD = World()


def refused(rules: dict[str, Any], **trade: Any) -> SkipReason | None:
    signal = WORLD.signal(SignalAction.OPEN, **trade)
    skip = refuse_trade(CopyRules(sizing=SameVolume(), **rules), signal, NOON)
    assert skip is None or skip.detail
    return skip.reason if skip is not None else None


def test_without_filters_everything_passes() -> None:
    assert refused({}) is None


def test_only_the_named_sides_of_the_leader_pass() -> None:
    assert refused({"sides": (Side.BUY,)}, side=Side.BUY) is None
    assert refused({"sides": (Side.BUY,)}, side=Side.SELL) is SkipReason.SIDE_FILTERED
    assert refused({"sides": (Side.BUY,), "reverse": True}, side=Side.SELL) is SkipReason.SIDE_FILTERED
    assert refused({"sides": (Side.SELL, Side.BUY)}, side=Side.SELL) is None


@pytest.mark.parametrize(("magic", "passes"), [(7, True), (8, False), (0, False)])
def test_only_included_magics_pass(magic: int, passes: bool) -> None:
    reason = None if passes else SkipReason.MAGIC_FILTERED
    assert refused({"include_magics": (7, 9)}, magic=magic) is reason


def test_excluded_magics_do_not_pass() -> None:
    assert refused({"exclude_magics": (7,)}, magic=7) is SkipReason.MAGIC_FILTERED
    assert refused({"exclude_magics": (7,)}, magic=0) is None


def test_a_stop_loss_may_be_required_and_zero_is_none() -> None:
    rules = {"require_stop_loss": True}
    assert refused(rules) is SkipReason.STOP_LOSS_MISSING
    assert refused(rules, stop_loss=Decimal(0)) is SkipReason.STOP_LOSS_MISSING
    assert refused(rules, stop_loss=Decimal("1.09")) is None


def test_a_reversed_copys_stop_is_the_leaders_take_profit() -> None:
    rules = {"require_stop_loss": True, "reverse": True}
    assert refused(rules, stop_loss=Decimal("1.09")) is SkipReason.STOP_LOSS_MISSING
    assert refused(rules, take_profit=Decimal("1.11")) is None


@pytest.mark.parametrize("side", list(Side))
def test_a_stop_may_be_too_far_away(side: Side) -> None:
    rules = {"max_stop_distance": Decimal("0.01")}
    for stop, reason in (
        ("1.09", None),
        ("1.0899", SkipReason.STOP_TOO_FAR),
        ("1.1101", SkipReason.STOP_TOO_FAR),
    ):
        assert refused(rules, side=side, price=Decimal("1.10"), stop_loss=Decimal(stop)) is reason


def test_a_trade_without_a_stop_has_no_distance_unless_one_is_required() -> None:
    rules = {"max_stop_distance": Decimal("0.01")}
    assert refused(rules) is None
    assert refused(rules | {"require_stop_loss": True}) is SkipReason.STOP_LOSS_MISSING


def test_a_distance_from_no_price_is_not_guessed() -> None:
    rules = {"max_stop_distance": Decimal("0.01")}
    assert refused(rules, price=None, stop_loss=Decimal("1.09")) is SkipReason.PRICE_MISSING


def test_outside_its_schedule_nothing_passes() -> None:
    assert refused({"schedule": (TradingWindow("12:00", "12:01"),)}) is None
    assert refused({"schedule": (TradingWindow("11:00", "12:00"),)}) is SkipReason.OUTSIDE_SCHEDULE
    two = (TradingWindow("11:00", "12:00"), TradingWindow("13:00", "15:00", timezone="Europe/Berlin"))
    assert refused({"schedule": two}) is None
