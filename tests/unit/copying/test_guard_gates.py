"""Guards that look at each open: what is open or on its way counts, also within one event."""

import pytest

from kopitra.domain.identifiers import SubscriptionId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.rules import CopyRules, PendingPolicy
from kopitra.domain.settings import layer_of
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import SignalAction
from kopitra.machine import commands
from kopitra.machine.events import Outcome
from tests.unit.copying.guarded import GuardedWorld, gate, reasons
from tests.unit.copying.world import GROUP, TENANT, lots, spec


@pytest.fixture
def world() -> GuardedWorld:
    return GuardedWorld()


def follow_again(world: GuardedWorld, follower: str, times: int) -> None:
    """More subscriptions of the same follower to the same leader: one event then brings as many opens."""
    for number in range(times):
        command = commands.PublishSubscription(
            subscription=SubscriptionId(f"again-{number}"),
            tenant=TENANT,
            revision=1000 + number,
            group=GROUP,
            follower=follower,  # type: ignore[arg-type]
            rules=layer_of(CopyRules(sizing=SameVolume())),
        )
        world.do(command)


def test_open_positions_are_counted_with_what_is_on_its_way(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(gate("open_positions", "count", "2"))
    world.opened("p1")
    assert reasons(world.send(SignalAction.OPEN, "p2")) == [None]
    assert reasons(world.send(SignalAction.OPEN, "p3")) == ["guard_would_break"]
    world.send(SignalAction.CLOSE, "p2")
    assert reasons(world.send(SignalAction.OPEN, "p4")) == [None]
    assert len(world.outbox(follower)) == 1


def test_opens_of_one_event_see_each_other(world: GuardedWorld) -> None:
    follower = world.follower()
    follow_again(world, follower, 4)
    world.guard(gate("open_positions", "count", "3"))
    decisions = world.send(SignalAction.OPEN)
    assert sorted(map(str, reasons(decisions))) == ["None"] * 3 + ["guard_would_break"] * 2
    assert len(world.outbox(follower)) == 3


def test_a_sum_is_shared_by_all_followers_of_one_event(world: GuardedWorld) -> None:
    for number in range(5):
        world.follower(f"f{number}")
    world.guard_group(gate("symbol_exposure", "lots", "3", each=False))
    assert reasons(world.send(SignalAction.OPEN)).count(None) == 3
    assert reasons(world.send(SignalAction.OPEN, "p2")).count(None) == 0


def test_exposure_is_the_heavier_side_of_a_symbol(world: GuardedWorld) -> None:
    world.follower()
    world.guard(gate("symbol_exposure", "lots", "2"))
    assert reasons(world.send(SignalAction.OPEN, "p1", volume=lots(2))) == [None]
    assert reasons(world.send(SignalAction.OPEN, "p2", volume=lots(2), side=Side.SELL)) == [None]
    assert reasons(world.send(SignalAction.OPEN, "p3", volume=lots("0.01"))) == ["guard_would_break"]
    assert reasons(world.send(SignalAction.OPEN, "p4", volume=lots("0.01"), side=Side.SELL)) == [
        "guard_would_break"
    ]


def test_exposure_in_money_is_in_the_accounts_currency_or_the_guards(world: GuardedWorld) -> None:
    follower = world.follower(
        "follower", None, spec("USDJPY", base_currency="USD", profit_currency="JPY", digits=3)
    )
    world.catalog(
        world.account("leader"), spec("USDJPY", base_currency="USD", profit_currency="JPY", digits=3)
    )
    world.quote(follower, "USDJPY", "150", "150")
    world.tell(follower, "1500000", "1500000", currency="JPY")
    world.guard(gate("symbol_exposure", "money", "200000", currency="USD"))
    for ref, reason in (("p1", None), ("p2", None), ("p3", "guard_would_break")):
        decisions = world.send(SignalAction.OPEN, ref, symbol="USDJPY", price=lots(150))
        assert reasons(decisions) == [reason]


def test_leverage_is_all_positions_over_equity(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(gate("leverage", "multiple", "30"))
    world.tell(follower, "10000")
    assert reasons(world.send(SignalAction.OPEN, "p1", volume=lots("2.7"))) == [None]
    assert reasons(world.send(SignalAction.OPEN, "p2", volume=lots("0.1"))) == ["guard_would_break"]
    world.tell(follower, "11000")
    assert reasons(world.send(SignalAction.OPEN, "p3", volume=lots("0.1"))) == [None]
    world.later(61)
    assert reasons(world.send(SignalAction.OPEN, "p4", volume=lots("0.1"))) == ["guard_unknown"]


def test_leverage_of_a_group_is_the_sum_of_its_accounts(world: GuardedWorld) -> None:
    one, other = world.follower("one"), world.follower("other")
    world.guard_group(gate("leverage", "multiple", "20", each=False, currency="USD"))
    world.tell(one, "10000")
    assert reasons(world.send(SignalAction.OPEN, "p1")) == ["guard_unknown", "guard_unknown"]
    world.tell(other, "10000")
    assert reasons(world.send(SignalAction.OPEN, "p2", volume=lots("1.76"))) == [None, None]
    assert reasons(world.send(SignalAction.OPEN, "p3", volume=lots("0.1"))) == [None, "guard_would_break"]


def test_the_risk_of_a_trade_is_measured_to_its_stop(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(gate("trade_risk", "percent", "1"))
    world.tell(follower, "10000")
    for stop, reason in (("1.09900", None), ("1.09899", "guard_would_break"), (None, "guard_would_break")):
        stop_loss = lots(stop) if stop else None
        assert reasons(world.send(SignalAction.OPEN, f"p{stop}", stop_loss=stop_loss)) == [reason]


def test_a_short_trade_risks_what_lies_above_it(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(gate("trade_risk", "money", "100", currency="USD"))
    world.tell(follower, "10000")
    for stop, reason in (("1.10100", None), ("1.10101", "guard_would_break")):
        decisions = world.send(SignalAction.OPEN, f"p{stop}", side=Side.SELL, stop_loss=lots(stop))
        assert reasons(decisions) == [reason]


def test_the_order_rate_counts_a_sliding_window(world: GuardedWorld) -> None:
    world.follower()
    world.guard(gate("order_rate", "count", "3", windowSeconds=60))
    for number in range(3):
        assert reasons(world.send(SignalAction.OPEN, f"p{number}")) == [None]
        world.later(10)
    assert reasons(world.send(SignalAction.OPEN, "late")) == ["guard_would_break"]
    world.later(30)
    assert reasons(world.send(SignalAction.OPEN, "later")) == [None]
    assert reasons(world.send(SignalAction.OPEN, "too many")) == ["guard_would_break"]


def test_a_burst_of_five_hundred_orders_is_cut_at_the_rate(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(gate("order_rate", "count", "20", windowSeconds=60))
    for number in range(500):
        world.send(SignalAction.OPEN, f"p{number}")
    assert len(world.outbox(follower)) == 20


def test_what_is_remembered_of_opens_is_bounded(world: GuardedWorld) -> None:
    follower = world.follower()
    for number in range(700):
        world.send(SignalAction.OPEN, f"p{number}")
    assert len(world.state.accounts[follower].following.opens) == 500
    world.later(3601)
    world.send(SignalAction.OPEN, "after an hour")
    assert len(world.state.accounts[follower].following.opens) == 1


def test_gates_never_block_a_close_or_a_change_of_stops(world: GuardedWorld) -> None:
    follower = world.follower()
    world.opened("p1")
    world.guard(gate("open_positions", "count", "1"), gate("trade_risk", "money", "1", currency="USD"))
    world.send(SignalAction.MODIFY, "p1", stop_loss=lots("1.05"))
    world.send(SignalAction.CLOSE, "p1")
    assert [order.action for order in world.outbox(follower)] == ["modify", "close"]


def test_a_price_that_nobody_knows_lets_nothing_be_opened_under_leverage(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(gate("leverage", "multiple", "30"))
    world.tell(follower, "10000")
    assert reasons(world.send(SignalAction.OPEN, price=None)) == ["guard_unknown"]


def test_an_order_at_market_counts_instead_of_the_resting_one_whose_place_it_takes(
    world: GuardedWorld,
) -> None:
    follower = world.follower("follower", CopyRules(sizing=SameVolume(), pending_policy=PendingPolicy.MARKET))
    world.guard(gate("open_positions", "count", "1"))
    world.tell(follower, "10000")
    world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.LIMIT, price=lots("1.05"))
    [opening] = world.fetch(follower)
    world.ack(follower, opening)
    world.send(SignalAction.PENDING_FILLED, "o1", order_type=OrderType.LIMIT)
    [cancel] = world.fetch(follower)
    assert reasons(world.send(SignalAction.OPEN, "p2")) == ["guard_would_break"]
    world.ack(follower, cancel)
    assert [order.order_type for order in world.outbox(follower)] == [OrderType.MARKET]
    assert reasons(world.send(SignalAction.OPEN, "p3")) == ["guard_would_break"]


def turned(world: GuardedWorld, side: Side, volume: str) -> list[str | None]:
    decisions = world.send(
        SignalAction.REVERSE, side=side, volume=lots(2), volume_after=lots(volume), deal_id=world.ordinal
    )
    return [decision.reason for decision in decisions if decision.outcome is not Outcome.UNCHANGED]


def test_what_a_turn_closes_makes_room_for_what_it_opens(world: GuardedWorld) -> None:
    follower = world.follower()
    world.tell(follower, "10000")
    world.guard(
        gate("open_positions", "count", "1"),
        gate("symbol_exposure", "lots", "1"),
        gate("leverage", "multiple", "11"),
    )
    world.opened("p1")
    assert turned(world, Side.SELL, "1") == [None, None]
    assert [order.action for order in world.fetch(follower)] == ["close", "open"]
    assert reasons(world.send(SignalAction.OPEN, "p2", volume=lots("0.1"))) == ["guard_would_break"]


def test_a_turn_that_does_not_fit_even_then_is_closed_only(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(gate("symbol_exposure", "lots", "1"))
    world.opened("p1")
    assert turned(world, Side.SELL, "1.5") == [None, "guard_would_break"]
    assert [order.action for order in world.fetch(follower)] == ["close"]


def test_an_open_on_paper_takes_no_room_of_a_real_one(world: GuardedWorld) -> None:
    world.follower("a-paper", CopyRules(sizing=SameVolume(), sandbox=True))
    world.follower("b-real")
    world.follower("c-real")
    world.guard_group(gate("open_positions", "count", "1", each=False))
    assert reasons(world.send(SignalAction.OPEN)) == ["sandbox", None, "guard_would_break"]
    assert reasons(world.send(SignalAction.OPEN, "p2"))[0] == "guard_would_break"
