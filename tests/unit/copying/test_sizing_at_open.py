"""What an open looks up for its subscription's sizing mode, and that its decision keeps it."""

from decimal import Decimal
from typing import Any

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_modes import (
    ByExpression,
    EquityRatio,
    FixedLeverage,
    FixedRisk,
    FreeMarginRatio,
    Sizing,
)
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import LeaderFigures, SignalAction
from kopitra.machine.events import CopyDecision, Outcome
from kopitra.machine.readings import Figures
from tests.unit.copying.world import World, lots, spec

RISK = FixedRisk(lots("0.01"))
YEN = spec("USDJPY", base_currency="USD", profit_currency="JPY", digits=3)


@pytest.fixture
def world() -> World:
    return World()


def follower(
    world: World, sizing: Sizing, *symbols: SymbolSpec, currency: str = "USD", **rules: object
) -> AccountId:
    account = world.account("follower", *(symbols or (spec(), YEN)), currency=currency)
    world.follow(account, CopyRules(sizing=sizing, **rules))  # type: ignore[arg-type]
    world.readings.figures[account] = Figures(
        balance=lots(5000), currency=currency, at=world.now, equity=lots(4000), free_margin=lots(1000)
    )
    return account


def opened(world: World, **changes: Any) -> CopyDecision:
    figures = LeaderFigures(balance=lots(10000), currency="USD", equity=lots(8000), free_margin=lots(4000))
    [decision] = world.send(SignalAction.OPEN, account=figures, **changes)
    return decision


def volume(decision: CopyDecision) -> Decimal:
    assert decision.order is not None, decision
    return decision.order.volume


@pytest.mark.parametrize(("sizing", "wanted"), [(EquityRatio(), "0.50"), (FreeMarginRatio(), "0.25")])
def test_a_ratio_reads_the_intents_figures_and_the_followers_last_report(
    world: World, sizing: Sizing, wanted: str
) -> None:
    follower(world, sizing)
    assert volume(opened(world)) == lots(wanted)


def test_an_equity_is_too_old_after_a_minute(world: World) -> None:
    follower(world, EquityRatio())
    world.later(61)
    assert opened(world).reason == "equity_stale"


def test_a_risk_is_measured_to_the_copys_own_stop(world: World) -> None:
    follower(world, RISK)
    assert volume(opened(world, stop_loss=lots("1.09600"))) == lots("0.10")


def test_a_reversed_copy_is_stopped_where_the_leader_takes_profit(world: World) -> None:
    follower(world, RISK, reverse=True)
    decision = opened(world, stop_loss=lots("1.09600"), take_profit=lots("1.10200"))
    assert decision.order is not None
    assert (decision.order.side, decision.order.stop_loss) == (Side.SELL, lots("1.10200"))
    assert decision.order.volume == lots("0.20")


def test_a_widened_stop_is_the_one_that_counts(world: World) -> None:
    account = follower(world, RISK, spec(stops_level=400))
    world.quote(account, "EURUSD", "1.10000", "1.10000")
    decision = opened(world, stop_loss=lots("1.09900"))
    assert decision.order is not None
    assert decision.order.stop_loss == lots("1.09600")
    assert decision.order.volume == lots("0.10")


def test_a_pending_order_is_measured_from_its_own_price(world: World) -> None:
    follower(world, RISK)
    figures = LeaderFigures(balance=lots(1), currency="USD")
    [decision] = world.send(
        SignalAction.PENDING_PLACED,
        "o1",
        account=figures,
        order_type=OrderType.LIMIT,
        price=lots("1.05"),
        stop_loss=lots("1.048"),
    )
    assert volume(decision) == lots("0.20")


def test_a_trade_without_a_price_is_measured_from_the_followers_quote(world: World) -> None:
    account = follower(world, RISK)
    assert opened(world, price=None, stop_loss=lots("1.09600")).reason == "price_missing"
    world.quote(account, "EURUSD", "1.09990", "1.10000")
    assert volume(opened(world, ref="p2", price=None, stop_loss=lots("1.09600"))) == lots("0.10")


def test_profit_is_converted_with_the_followers_quotes_else_with_the_leaders(world: World) -> None:
    account = follower(world, FixedLeverage(lots(10)), currency="EUR")
    assert opened(world).reason == "rate_missing"
    world.quote(AccountId("leader"), "EURUSD", "1.10000", "1.10000")
    decision = opened(world, ref="p2")
    assert volume(decision) == lots("0.40")
    world.quote(account, "EURUSD", "2.20000", "2.20000")
    assert volume(opened(world, ref="p3")) == lots("0.80")
    assert decision.arithmetic is not None
    assert decision.arithmetic.budget is not None
    assert decision.arithmetic.budget.worth.rate is not None
    assert decision.arithmetic.budget.worth.rate.path == ("1/EURUSD",)


def test_an_expression_gets_what_it_names(world: World) -> None:
    follower(world, ByExpression("leader_volume * free_margin / leader_free_margin if price > 1 else 0"))
    decision = opened(world)
    assert volume(decision) == lots("0.25")
    assert decision.arithmetic is not None
    assert decision.arithmetic.formula is not None
    names = [each.name for each in decision.arithmetic.formula.inputs]
    assert names == ["free_margin", "leader_free_margin", "leader_volume", "price"]


def test_a_filtered_trade_is_recorded_with_its_reason(world: World) -> None:
    follower(world, RISK, sides=(Side.SELL,))
    decision = opened(world, stop_loss=lots("1.09"))
    assert (decision.outcome, decision.reason) == (Outcome.SKIPPED, "side_filtered")


def test_a_delayed_open_that_would_be_too_old_by_then_is_skipped_at_once(world: World) -> None:
    follower(world, EquityRatio(), delay_seconds=20)
    assert opened(world, age_ms=40_000).reason == "expired"
    decision = opened(world, ref="p2", age_ms=39_999)
    assert decision.not_before is not None
    assert (decision.not_before - world.now).total_seconds() == 20
