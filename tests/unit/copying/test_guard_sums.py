"""Guards over the sum of several accounts: a group's or a platform's, in one currency."""

import pytest

from kopitra.domain.settings import SettingsScope
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine.events import GuardLifted
from tests.unit.copying.guarded import GuardedWorld, daily_loss, gate, reasons, trailing
from tests.unit.copying.world import GROUP, spec


@pytest.fixture
def world() -> GuardedWorld:
    return GuardedWorld()


def pair(world: GuardedWorld) -> tuple[str, str]:
    one, other = world.follower("one"), world.follower("other")
    world.guard_group(daily_loss(name="sum", each=False, currency="USD"))
    world.tell(one, "10000")
    world.tell(other, "10000")
    return one, other


def test_one_accounts_profit_makes_up_for_anothers_loss(world: GuardedWorld) -> None:
    one, other = pair(world)
    world.tell(one, "10500")  # type: ignore[arg-type]
    world.tell(other, "8501")  # type: ignore[arg-type]
    assert world.hits() == []
    world.tell(other, "8500")  # type: ignore[arg-type]
    [hit] = world.hits()
    assert (hit.measured, hit.limit, hit.account, hit.scope) == (1000, 1000, None, SettingsScope.GROUP)
    assert reasons(world.send(SignalAction.OPEN)) == ["guard_hit", "guard_hit"]


def test_accounts_of_several_currencies_are_added_up_in_the_guards(world: GuardedWorld) -> None:
    one = world.follower("one")
    other = world.follower("other", None, spec(), spec("USDJPY", base_currency="USD", profit_currency="JPY"))
    world.quote(other, "USDJPY", "150", "150")
    world.guard_platform(daily_loss(name="sum", each=False, currency="USD", unit="money", limit="1000"))
    world.tell(one, "10000")
    world.tell(other, "1500000", "1500000", currency="JPY")
    world.tell(one, "9500")
    world.tell(other, "1425001", "1500000", currency="JPY")
    assert world.hits() == []
    world.tell(other, "1425000", "1500000", currency="JPY")
    assert [hit.measured for hit in world.hits()] == [1000]


def test_an_account_that_joins_is_no_profit_and_one_that_pays_in_neither(world: GuardedWorld) -> None:
    one, other = pair(world)
    joined = world.follower("joined")
    world.tell(joined, "50000", "50000")
    world.later(1)
    world.pay(one, "5000")  # type: ignore[arg-type]
    world.later(10)
    world.tell(one, "15000", "15000")  # type: ignore[arg-type]
    world.tell(other, "6501")  # type: ignore[arg-type]
    world.tell(joined, "50000", "50000")
    assert world.hits() == []
    world.later(10)
    world.tell(one, "14000", "15000")  # type: ignore[arg-type]
    assert [hit.measured for hit in world.hits()] == [4499]


def test_a_sums_drawdown_is_measured_from_its_best_result(world: GuardedWorld) -> None:
    one, other = world.follower("one"), world.follower("other")
    world.guard_group(trailing(name="sum", each=False, currency="USD", unit="money", limit="1000"))
    world.tell(one, "10000")
    world.tell(other, "10000")
    world.tell(one, "10400")
    world.tell(other, "10300")
    world.tell(one, "10000")
    world.tell(other, "9701")
    assert world.hits() == []
    world.tell(other, "9700")
    assert [hit.measured for hit in world.hits()] == [1000]


def test_a_sums_floor_is_that_of_all_accounts_together(world: GuardedWorld) -> None:
    one, other = world.follower("one"), world.follower("other")
    world.guard_group(gate("equity_floor", "money", "15000", each=False, currency="USD"))
    world.tell(one, "9000")
    assert world.hits() == []
    world.tell(other, "6000.01")
    assert world.hits() == []
    world.tell(other, "6000")
    assert [hit.measured for hit in world.hits()] == [15000]


def test_a_member_that_was_not_heard_of_lets_nobody_open_but_hides_no_loss(world: GuardedWorld) -> None:
    one, other = pair(world)
    world.later(61)
    world.tell(one, "10000")  # type: ignore[arg-type]
    assert reasons(world.send(SignalAction.OPEN)) == ["guard_unknown", "guard_unknown"]
    world.tell(one, "9000")  # type: ignore[arg-type]
    assert len(world.hits()) == 1
    assert other in world.state.accounts


def test_a_sum_that_is_hit_flattens_every_account_once(world: GuardedWorld) -> None:
    one, other = world.follower("one"), world.follower("other")
    world.guard_platform(
        daily_loss(name="sum", each=False, currency="USD", action="flatten"),
        trailing(name="second", each=False, currency="USD", limit="5", action="flatten"),
    )
    world.tell(one, "10000")
    world.tell(other, "10000")
    world.tell(one, "10000")
    world.opened("p1")
    world.tell(one, "9000")
    assert len(world.hits()) == 2
    for account in (one, other):
        assert [order.action for order in world.outbox(account)] == [OrderAction.CLOSE]
        assert world.notes(account) == ["trading.halted", "trading.halted"]


def test_a_sum_is_reset_as_a_whole(world: GuardedWorld) -> None:
    one, other = pair(world)
    world.tell(one, "9000")  # type: ignore[arg-type]
    assert len(world.hits()) == 1
    world.reset("sum", SettingsScope.GROUP, GROUP)
    lifted = world.history[-1]
    assert isinstance(lifted, GuardLifted)
    assert lifted.summed
    world.tell(one, "9000")  # type: ignore[arg-type]
    world.tell(other, "10000")  # type: ignore[arg-type]
    world.tell(other, "10000")  # type: ignore[arg-type]
    assert reasons(world.send(SignalAction.OPEN)) == [None, None]
    assert len(world.hits()) == 1


def test_a_new_day_lifts_a_sums_hit(world: GuardedWorld) -> None:
    one, _ = pair(world)
    world.tell(one, "8000")  # type: ignore[arg-type]
    assert world.state.guard_holds
    world.later(24 * 3600)
    world.tick()
    assert world.state.guard_holds == {}
