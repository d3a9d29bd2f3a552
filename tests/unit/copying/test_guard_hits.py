"""Standing guards: what hits them, what that stops, and how it is lifted."""

from datetime import timedelta

import pytest

from kopitra.domain.guards import GuardAction
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.rules import CopyRules, StaleBalance
from kopitra.domain.settings import SettingsScope, layer_of
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import AckStatus, OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import GuardHit, GuardLifted, HaltMode, HaltScope
from kopitra.machine.outcome import Decision, Refusal
from kopitra.machine.state_codec import decode_state, encode_state, state_hash
from tests.unit.copying.guarded import GuardedWorld, daily_loss, gate, reasons, trailing
from tests.unit.copying.world import GROUP, LEADER, TENANT, lots, spec


@pytest.fixture
def world() -> GuardedWorld:
    return GuardedWorld()


def test_a_days_loss_is_counted_from_the_days_first_figures(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss())
    world.tell(follower, "10000")
    assert world.tell(follower, "9500.01") == ()
    events = world.tell(follower, "9500")
    assert [type(event) for event in events] == [GuardHit]
    [hit] = world.hits()
    assert (hit.measured, hit.limit, hit.currency, hit.account) == (500, 500, "USD", follower)
    assert hit.until == world.now.replace(hour=0) + timedelta(days=1)


def test_nothing_is_opened_after_a_hit_and_what_nobody_fetched_is_withdrawn(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss())
    world.tell(follower, "10000")
    world.send(SignalAction.OPEN, "p1")
    world.tell(follower, "9000")
    assert world.outbox(follower) == []
    assert world.notes(follower) == ["trading.halted"]
    [decision] = world.send(SignalAction.OPEN, "p2")
    assert decision.reason == "guard_hit"
    assert "daily" in (decision.detail or "")


def test_a_hit_never_blocks_a_close(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss())
    world.tell(follower, "10000")
    world.opened("p1")
    world.tell(follower, "9000")
    world.send(SignalAction.CLOSE, "p1")
    assert [order.action for order in world.outbox(follower)] == [OrderAction.CLOSE]


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        (GuardAction.HALT_OPENS, []),
        (GuardAction.CLOSE_ONLY, [OrderAction.CANCEL]),
        (GuardAction.FLATTEN, [OrderAction.CLOSE, OrderAction.CANCEL]),
    ],
)
def test_each_action_stops_what_it_says(
    world: GuardedWorld, action: GuardAction, wanted: list[OrderAction]
) -> None:
    follower = world.follower()
    world.guard(daily_loss(action=str(action)))
    world.tell(follower, "10000")
    world.opened("p1", position=1)
    [resting] = world.send(SignalAction.PENDING_PLACED, "p2", order_type=OrderType.LIMIT)
    assert resting.order is not None
    world.fetch(follower)
    world.ack(follower, resting.order)
    world.tell(follower, "9000")
    assert [order.action for order in world.outbox(follower)] == wanted


def test_the_figures_of_a_jpy_account_are_held_against_a_limit_in_dollars(world: GuardedWorld) -> None:
    follower = world.follower()
    world.catalog(follower, usdjpy())
    world.guard(daily_loss(unit="money", limit="500", currency="USD"))
    world.quote(follower, "USDJPY", "150", "150")
    world.tell(follower, "1500000", "1500000", currency="JPY")
    world.tell(follower, "1425001", "1500000", currency="JPY")
    assert world.hits() == []
    world.tell(follower, "1425000", "1500000", currency="JPY")
    [hit] = world.hits()
    assert (hit.measured, hit.limit, hit.currency) == (75000, 75000, "JPY")


def test_a_limit_in_another_currency_without_quotes_lets_nothing_be_opened(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss(unit="money", limit="500", currency="EUR"))
    world.tell(follower, "10000")
    assert reasons(world.send(SignalAction.OPEN)) == ["guard_unknown"]


def test_a_drawdown_is_measured_from_the_highest_that_was_reached(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(trailing())
    for equity in ("10000", "11000", "10500", "12000", "10800.01"):
        world.tell(follower, equity)
    assert world.hits() == []
    world.tell(follower, "10800")
    [hit] = world.hits()
    assert (hit.measured, hit.limit, hit.until) == (1200, 1200, None)


def test_a_high_below_the_journals_step_still_counts_for_the_hit(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(trailing(unit="money", limit="100"))
    world.tell(follower, "10000")
    world.later(1)
    world.tell(follower, "10004")
    assert world.state.accounts[follower].guard_marks["follower:follower:trailing"].high == 10000
    world.later(1)
    world.tell(follower, "9904")
    [hit] = world.hits()
    assert hit.measured == 100
    assert world.state.accounts[follower].guard_marks["follower:follower:trailing"].high == 10004


def test_an_equity_floor_is_hit_when_equity_reaches_it(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(gate("equity_floor", "money", "9000", action="flatten"))
    world.tell(follower, "9000.01")
    assert world.hits() == []
    world.tell(follower, "9000")
    assert len(world.hits()) == 1


def test_a_period_resets_a_hit_by_itself_and_counts_anew(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss(resetTime="12:00", timezone="Europe/Athens"))
    world.tell(follower, "10000")
    world.tell(follower, "9400")
    assert reasons(world.send(SignalAction.OPEN, "p1")) == ["guard_hit"]
    world.later(2 * 3600 - 1)
    world.tick()
    assert world.state.accounts[follower].guard_holds
    world.later(1)
    world.tick()
    assert any(isinstance(event, GuardLifted) for event in world.history)
    assert world.notes(follower)[-1] == "trading.resumed"
    world.tell(follower, "9400")
    assert reasons(world.send(SignalAction.OPEN, "p2")) == [None]
    world.tell(follower, "8930.01")
    assert len(world.hits()) == 1
    world.tell(follower, "8930")
    assert len(world.hits()) == 2


def test_an_operator_resets_a_hit_and_the_loss_counts_from_there(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(trailing(limit="5"))
    world.tell(follower, "10000")
    world.tell(follower, "9500")
    result = world.reset("trailing")
    assert isinstance(result, Decision)
    assert result.answer == {"reset": 1}
    assert world.reset("trailing") == Decision((), {"reset": 0})
    world.tell(follower, "9500")
    assert len(world.hits()) == 1
    assert reasons(world.send(SignalAction.OPEN)) == [None]


def test_a_floor_that_is_still_broken_cannot_be_reset(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(gate("equity_floor", "money", "9000"))
    world.tell(follower, "8999")
    result = world.reset("equity_floor")
    assert isinstance(result, Refusal)
    assert (result.status, result.code) == (409, "guard_still_broken")
    world.tell(follower, "9001")
    assert isinstance(world.reset("equity_floor"), Decision)
    assert world.state.accounts[follower].guard_holds == {}


def test_nobody_resets_a_guard_of_another_tenant_or_of_nothing(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss())
    world.tell(follower, "10000")
    world.tell(follower, "9000")
    for changes in ({"tenant": "other"}, {"target": "nobody"}, {"scope": SettingsScope.GROUP}):
        result = world.reset(**changes)  # type: ignore[arg-type]
        assert isinstance(result, Refusal)
        assert result.status == 404
    assert world.state.accounts[follower].guard_holds


def test_an_operators_resume_does_not_lift_what_a_guard_stopped(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss())
    world.tell(follower, "10000")
    halt = commands.Halt(scope=HaltScope.FOLLOWER, target=follower, mode=HaltMode.CLOSE_ONLY, subject="op")
    world.do(halt)
    world.tell(follower, "9000")
    world.do(commands.Resume(scope=HaltScope.FOLLOWER, target=follower, subject="op"))
    assert world.notes(follower) == ["trading.halted", "trading.halted"]
    assert reasons(world.send(SignalAction.OPEN)) == ["guard_hit"]
    world.reset()
    assert world.notes(follower)[-1] == "trading.resumed"


def test_a_reset_does_not_lift_an_operators_halt(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss())
    world.tell(follower, "10000")
    world.tell(follower, "9000")
    world.do(commands.Halt(scope=HaltScope.PLATFORM, target="", mode=HaltMode.CLOSE_ONLY, subject="op"))
    world.reset()
    assert "trading.resumed" not in world.notes(follower)
    assert reasons(world.send(SignalAction.OPEN)) == ["halted"]


def test_an_operators_open_is_refused_while_a_guard_stands(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss())
    world.tell(follower, "10000")
    world.tell(follower, "9000")
    order = commands.PlaceOperatorOrder(
        account=follower,
        subject="op",
        action=OrderAction.OPEN,
        symbol="EURUSD",
        side=Side.BUY,
        volume=lots(1),
    )
    refused = world.ask(order)
    assert isinstance(refused, Refusal)
    assert refused.code == "trading_halted"


def test_a_groups_guard_concerns_its_own_copies_only(world: GuardedWorld) -> None:
    follower = world.follower()
    world.do(commands.PublishGroup(group="other", tenant=TENANT, revision=900, leaders=(LEADER,)))  # type: ignore[arg-type]
    other = commands.PublishSubscription(
        subscription="sub-other",  # type: ignore[arg-type]
        tenant=TENANT,
        revision=901,
        group="other",  # type: ignore[arg-type]
        follower=follower,
        rules=layer_of(CopyRules(sizing=SameVolume())),
    )
    world.do(other)
    world.guard_group(daily_loss())
    world.tell(follower, "10000")
    world.tell(follower, "9000")
    assert world.notes(follower) == [], "its EA goes on for the other group"
    assert sorted(map(str, reasons(world.send(SignalAction.OPEN)))) == ["None", "guard_hit"]


def test_a_platforms_guard_is_each_followers_own(world: GuardedWorld) -> None:
    one, other = world.follower("one"), world.follower("other")
    world.guard_platform(daily_loss())
    world.tell(one, "10000")
    world.tell(other, "10000")
    world.tell(one, "9000")
    assert [d.reason for d in world.send(SignalAction.OPEN)] == ["guard_hit", None]


def test_old_figures_let_nothing_be_opened_unless_the_rules_accept_them(world: GuardedWorld) -> None:
    strict = world.follower("strict")
    easy = world.follower("easy", CopyRules(sizing=SameVolume(), stale_balance=StaleBalance.USE_LAST))
    world.guard_platform(daily_loss())
    for follower in (strict, easy):
        world.tell(follower, "10000")
    world.later(61)
    assert [(d.follower, d.reason) for d in world.send(SignalAction.OPEN)] == [
        (easy, None),
        (strict, "guard_unknown"),
    ]


def test_without_any_figures_nothing_is_opened_under_a_guard(world: GuardedWorld) -> None:
    follower = world.follower()
    del world.readings.figures[follower]
    world.guard(daily_loss())
    [decision] = world.send(SignalAction.OPEN)
    assert decision.reason == "guard_unknown"
    assert "daily" in (decision.detail or "")


def test_marks_and_hits_survive_a_restart(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss(), trailing())
    world.tell(follower, "10000")
    world.tell(follower, "10400")
    world.state = decode_state(encode_state(world.state))
    world.readings.figures.clear()
    world.readings.peaks.clear()
    world.tell(follower, "9900")
    assert world.hits() == []
    world.tell(follower, "9500")
    world.state = decode_state(encode_state(world.state))
    assert reasons(world.send(SignalAction.OPEN)) == ["guard_hit"]


def test_two_guards_that_are_hit_at_once_close_each_copy_once(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss(action="flatten"), trailing(action="flatten", limit="5"))
    world.guard_group(daily_loss(name="sum", each=False, currency="USD", action="flatten"))
    world.tell(follower, "10000")
    world.tell(follower, "10000")
    world.opened("p1", position=1)
    world.tell(follower, "9000")
    assert len(world.hits()) == 3
    assert [order.action for order in world.outbox(follower)] == [OrderAction.CLOSE]


def test_a_flatten_closes_what_an_open_that_was_executing_has_opened(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss(action="flatten"))
    world.tell(follower, "10000")
    world.send(SignalAction.OPEN)
    [opening] = world.fetch(follower)
    world.tell(follower, "9000")
    close = world.outbox(follower)[-1]
    assert (close.action, close.opens_command_id) == (OrderAction.CLOSE, opening.command_id)
    world.fill(follower, opening)
    world.ack(follower, opening)
    world.ack(follower, close, AckStatus.REJECTED, retcode=10018)
    world.later(2)
    world.tick()
    assert [order.action for order in world.outbox(follower)] == [OrderAction.CLOSE]


def test_a_guard_that_is_no_more_leaves_no_mark_but_its_hit_stands(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss(), trailing())
    world.tell(follower, "10000")
    world.tell(follower, "9000")
    world.guard()
    world.tell(follower, "9000")
    account = world.state.accounts[follower]
    assert account.guard_marks == {}
    assert reasons(world.send(SignalAction.OPEN)) == ["guard_hit"]
    world.reset()
    world.reset("trailing")
    assert account.guard_holds == {}


def test_ticking_figures_journal_a_bounded_number_of_marks(world: GuardedWorld) -> None:
    """A day of figures every two seconds, in waves that rise by ten percent over all."""
    follower = world.follower()
    world.guard(daily_loss(limit="50"), trailing(limit="50"))
    before = world.state.sequence
    for tick in range(24 * 1800):
        wave = (tick * 7919) % 200 - 100
        world.tell(follower, lots(10000) + lots(1000) * tick / (24 * 1800) + wave)
        world.later(2)
    assert world.hits() == []
    assert world.marks() <= 230, "one for each half per mille of the rise, and one for each period"
    assert world.state.sequence - before == world.marks()


def test_an_account_without_guards_journals_nothing(world: GuardedWorld) -> None:
    follower = world.follower()
    before = state_hash(world.state)
    for equity in ("10000", "5000", "1", "20000"):
        assert world.tell(follower, equity) == ()
    assert state_hash(world.state) == before


def usdjpy() -> SymbolSpec:
    return spec("USDJPY", digits=3, base_currency="USD", profit_currency="JPY")


def test_the_groups_name_is_in_the_figures_of_a_skip(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard_group(gate("open_positions", "count", "1"))
    world.tell(follower, "10000")
    world.send(SignalAction.OPEN, "p1")
    [decision] = world.send(SignalAction.OPEN, "p2")
    assert decision.reason == "guard_would_break"
    assert decision.detail == f"guard 'open_positions' of group {GROUP} would break: 2 of 1 open positions"
