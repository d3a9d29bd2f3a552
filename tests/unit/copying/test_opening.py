"""How a leader's open reaches its followers."""

from datetime import timedelta
from decimal import Decimal

import pytest

from kopitra.domain.identifiers import SignalId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_modes import BalanceRatio, ByMultiplier, FixedVolume, SameVolume
from kopitra.domain.symbols import TradeMode
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import CopyPlanned, HaltMode, HaltScope, Outcome
from kopitra.machine.readings import Figures
from tests.unit.copying.world import LEADER, World, lots, spec


@pytest.fixture
def world() -> World:
    return World()


def test_every_follower_gets_one_order_in_one_event(world: World) -> None:
    followers = [world.follower(f"f{i}") for i in range(3)]
    before = len(world.history)
    decisions = world.send(SignalAction.OPEN)
    assert len(world.history) == before + 1
    assert [d.outcome for d in decisions] == [Outcome.PLANNED] * 3
    for follower in followers:
        [order] = world.outbox(follower)
        assert (order.action, order.symbol, order.side, order.volume) == (
            OrderAction.OPEN,
            "EURUSD",
            Side.BUY,
            lots(1),
        )


def test_ids_are_the_same_when_the_same_intent_is_planned_by_another_process(world: World) -> None:
    world.follower()
    [decision] = world.send(SignalAction.OPEN)
    twin = World()
    twin.follower()
    [again] = twin.send(SignalAction.OPEN)
    assert decision.order is not None
    assert again.order is not None
    assert (decision.copy_id, decision.order.command_id) == (again.copy_id, again.order.command_id)


def test_every_sizing_mode_sizes(world: World) -> None:
    world.follower("multiplied", CopyRules(sizing=ByMultiplier(), multiplier=lots("0.5")))
    world.follower("fixed", CopyRules(sizing=FixedVolume(volume=lots("0.07"))))
    ratio = world.follower("ratio", CopyRules(sizing=BalanceRatio()))
    world.readings.figures[ratio] = Figures(balance=lots(2500), currency="USD", at=world.now)
    volumes = {d.follower: d.order.volume for d in world.send(SignalAction.OPEN) if d.order is not None}
    assert volumes == {"multiplied": lots("0.50"), "fixed": lots("0.07"), "ratio": lots("0.25")}


def test_a_balance_in_another_currency_is_converted_with_the_followers_own_quotes(world: World) -> None:
    yen = spec("USDJPY", base_currency="USD", profit_currency="JPY", digits=3)
    ratio = world.account("yen", spec(), yen, balance="1500000", currency="JPY")
    world.follow(ratio, CopyRules(sizing=BalanceRatio()))
    [without] = world.send(SignalAction.OPEN, "p1")
    assert without.reason == "rate_missing"
    world.quote(ratio, "USDJPY", "150.00", "150.00")
    [decision] = world.send(SignalAction.OPEN, "p2")
    assert decision.order is not None
    assert decision.order.volume == lots(1)
    assert decision.arithmetic is not None
    assert decision.arithmetic.balances is not None
    assert decision.arithmetic.balances.rate is not None
    assert decision.arithmetic.balances.rate.path == ("1/USDJPY",)


def test_a_skipped_follower_has_a_decision_record_with_the_reason(world: World) -> None:
    world.follower("small", CopyRules(sizing=ByMultiplier(), multiplier=lots("0.001")))
    [decision] = world.send(SignalAction.OPEN)
    assert (decision.outcome, decision.reason) == (Outcome.SKIPPED, "below_minimum")
    assert decision.order is None
    assert decision.arithmetic is not None


def test_a_follower_without_a_catalogue_is_skipped_and_says_so(world: World) -> None:
    follower = world.follower()
    world.state.accounts[follower].catalog = {}
    world.state.accounts[follower].catalog_digest = ""
    [decision] = world.send(SignalAction.OPEN)
    assert decision.reason == "catalogue_missing"


def test_suffixes_are_discovered_and_a_coarser_step_rounds_down(world: World) -> None:
    world.follower("suffix", None, spec("EURUSD.m", volume_step=lots("0.1"), volume_min=lots("0.1")))
    [decision] = world.send(SignalAction.OPEN, volume=lots("0.37"), volume_after=lots("0.37"))
    assert decision.order is not None
    assert (decision.order.symbol, decision.order.volume) == ("EURUSD.m", lots("0.3"))


def test_a_symbol_that_may_only_be_closed_is_skipped(world: World) -> None:
    world.follower("closing", None, spec(trade_mode=TradeMode.CLOSE_ONLY))
    [decision] = world.send(SignalAction.OPEN)
    assert decision.reason == "symbol_not_tradable"


def test_an_old_intent_opens_nothing_however_it_was_held_up(world: World) -> None:
    world.follower()
    [decision] = world.send(SignalAction.OPEN, age_ms=60_000)
    assert decision.reason == "expired"
    [fresh] = world.send(SignalAction.OPEN, "p2", age_ms=59_999)
    assert fresh.order is not None
    assert fresh.order.ttl_ms == 1


def test_a_skewed_leader_clock_neither_trades_nor_prevents_a_trade(world: World) -> None:
    world.follower()
    [decision] = world.send(SignalAction.OPEN, occurred_at=world.now - timedelta(minutes=10))
    assert decision.outcome is Outcome.PLANNED


def test_the_same_intent_is_a_duplicate_for_ever(world: World) -> None:
    world.follower()
    world.send(SignalAction.OPEN)
    sequence = world.state.sequence
    again = world.signal(SignalAction.OPEN)
    result = world.do(commands.TakeSignal(account=LEADER, signal=again))
    assert result.answer["status"] == "duplicate"
    assert world.state.sequence == sequence


def test_an_open_of_a_closed_position_never_plans_again(world: World) -> None:
    follower = world.follower()
    world.opened()
    world.send(SignalAction.CLOSE)
    result = world.do(commands.TakeSignal(account=LEADER, signal=world.signal(SignalAction.OPEN)))
    assert result.answer["status"] == "duplicate"
    assert [o.action for o in world.outbox(follower)] == [OrderAction.CLOSE]


def test_a_deal_is_taken_once_whatever_its_signal_id(world: World) -> None:
    world.follower()
    world.send(SignalAction.OPEN, "p1", deal_id="d1")
    result = world.do(
        commands.TakeSignal(account=LEADER, signal=world.signal(SignalAction.OPEN, "p2", deal_id="d1"))
    )
    assert result.answer["status"] == "duplicate"


def test_a_close_before_its_open_leaves_a_tombstone_that_skips_the_open(world: World) -> None:
    follower = world.follower()
    close = world.do(commands.TakeSignal(account=LEADER, signal=world.signal(SignalAction.CLOSE)))
    assert close.answer["status"] == "deferred"
    [decision] = world.send(SignalAction.OPEN)
    assert decision.reason == "closed_before_open"
    assert world.outbox(follower) == []


def test_a_trade_with_an_own_copy_magic_is_an_echo(world: World) -> None:
    world.follower()
    chain = world.account("chained")
    world.do(
        commands.PublishGroup(group="second", tenant="acme", revision=100, leaders=(chain,))  # type: ignore[arg-type]
    )
    world.follow(chain)
    world.send(SignalAction.OPEN)
    magic = world.outbox(chain)[0].magic
    result = world.do(
        commands.TakeSignal(account=chain, signal=world.signal(SignalAction.OPEN, "c1", magic=magic))
    )
    assert result.answer["planned"] == 0
    assert world.state.accounts[chain].leading.positions == {}


def test_two_leaders_with_the_same_ticket_number_make_two_copies(world: World) -> None:
    other = world.account("other")
    world.do(
        commands.PublishGroup(
            group="group",  # type: ignore[arg-type]
            tenant="acme",  # type: ignore[arg-type]
            revision=50,
            leaders=(LEADER, other),
        )
    )
    follower = world.follower()
    world.send(SignalAction.OPEN, "Broker:1:501")
    world.do(commands.TakeSignal(account=other, signal=world.signal(SignalAction.OPEN, "Broker:2:501")))
    orders = world.outbox(follower)
    assert len({o.copy_id for o in orders}) == 2
    assert len({o.magic for o in orders}) == 2


def test_a_gap_in_the_stream_is_noted(world: World) -> None:
    world.follower()
    world.send(SignalAction.OPEN, "p1")
    world.signal(SignalAction.OPEN, "lost")
    world.send(SignalAction.OPEN, "p3")
    planned = world.history[-1]
    assert isinstance(planned, CopyPlanned)
    assert planned.gap_after == 1


def test_a_paper_flow_is_recorded_and_reaches_nobody(world: World) -> None:
    follower = world.follower()
    signal = world.signal(SignalAction.OPEN)
    result = world.do(commands.TakeSignal(account=LEADER, signal=signal, sandbox=True))
    assert result.answer["planned"] == 1
    assert world.outbox(follower) == []
    [decision] = world.send(SignalAction.OPEN, signal_id=SignalId("live"))
    assert decision.outcome is Outcome.PLANNED


def test_a_pending_order_is_placed_with_its_price_and_expiry(world: World) -> None:
    follower = world.follower()
    world.send(
        SignalAction.PENDING_PLACED,
        "o1",
        order_type=OrderType.LIMIT,
        price=lots("1.05"),
        order_expires_at=world.now,
    )
    [order] = world.outbox(follower)
    assert (order.order_type, order.price, order.order_expires_at) == (
        OrderType.LIMIT,
        Decimal("1.05000"),
        world.now,
    )


def test_pending_orders_are_skipped_where_they_are_not_copied(world: World) -> None:
    world.follower("none", CopyRules(sizing=SameVolume(), copy_pending=False))
    [decision] = world.send(SignalAction.PENDING_PLACED, "o1", order_type=OrderType.STOP, price=lots("1.2"))
    assert decision.reason == "pending_not_copied"


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        (HaltScope.PLATFORM, ""),
        (HaltScope.GROUP, "group"),
        (HaltScope.LEADER, "leader"),
        (HaltScope.FOLLOWER, "follower"),
    ],
)
def test_a_halt_of_any_scope_opens_nothing_until_resumed(world: World, scope: HaltScope, target: str) -> None:
    world.follower()
    world.do(commands.Halt(scope=scope, target=target, mode=HaltMode.CLOSE_ONLY, subject="op"))
    [halted] = world.send(SignalAction.OPEN, "p1")
    assert halted.reason == "halted"
    world.do(commands.Resume(scope=scope, target=target, subject="op"))
    [resumed] = world.send(SignalAction.OPEN, "p2")
    assert resumed.outcome is Outcome.PLANNED
