"""Guards over the sum of several accounts: a group's or a platform's, in one currency."""

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.settings import SettingsScope
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import GuardLifted
from tests.unit.copying.guarded import GuardedWorld, daily_loss, gate, reasons, trailing
from tests.unit.copying.world import GROUP, TENANT, spec


@pytest.fixture
def world() -> GuardedWorld:
    return GuardedWorld()


def pair(world: GuardedWorld) -> tuple[str, str]:
    one, other = world.follower("one"), world.follower("other")
    world.guard_group(daily_loss(name="sum", each=False, currency="USD"))
    world.tell(one, "10000")
    world.tell(other, "10000")
    return one, other


def under_a_drawdown(world: GuardedWorld) -> tuple[AccountId, AccountId]:
    """Two accounts of 10000 whose sum may fall by 1000 from its best result."""
    one, other = world.follower("one"), world.follower("other")
    world.guard_group(trailing(name="sum", each=False, currency="USD", unit="money", limit="1000"))
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
    one, other = under_a_drawdown(world)
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


def leave(world: GuardedWorld, account: AccountId) -> None:
    [held] = [s for s in world.state.subscriptions.values() if s.follower == account]
    world.do(
        commands.PublishSubscription(
            subscription=held.subscription,
            tenant=TENANT,
            revision=held.revision + 100,
            group=held.group,
            follower=account,
            rules=held.settings,
            enabled=False,
        )
    )


def gained(world: GuardedWorld) -> tuple[AccountId, AccountId]:
    """Two accounts under a drawdown of 1000 over their sum, one of which has won 1500."""
    one, other = under_a_drawdown(world)
    world.tell(one, "11500")
    return one, other


def test_a_gain_that_nobody_can_see_after_a_restart_is_no_loss_of_the_others(world: GuardedWorld) -> None:
    one, other = gained(world)
    world.readings.figures.clear()
    world.tell(other, "10000")
    assert world.hits() == []
    world.tell(one, "11500")
    world.tell(other, "9501")
    assert world.hits() == []
    world.tell(other, "9000")
    assert [hit.measured for hit in world.hits()] == [1000]


def test_what_is_lost_beyond_all_gains_is_a_hit_whoever_is_not_heard_of(world: GuardedWorld) -> None:
    _, other = gained(world)
    world.readings.figures.clear()
    world.tell(other, "9001")
    assert world.hits() == []
    world.tell(other, "9000")
    assert len(world.hits()) == 1


def test_a_loss_that_nobody_can_see_raises_no_mark(world: GuardedWorld) -> None:
    one, other = under_a_drawdown(world)
    world.tell(one, "9700")
    world.tell(other, "10250")
    world.tell(one, "8990")
    world.readings.figures.clear()
    world.tell(other, "10250")
    world.tell(one, "8990")
    world.tell(other, "10250")
    assert world.hits() == []


def hits_at_a_thousand(world: GuardedWorld, account: AccountId) -> None:
    """The sum's drawdown is hit when this account has lost 1000, and not before."""
    world.tell(account, "9001")
    assert world.hits() == []
    world.tell(account, "9000")
    assert [hit.measured for hit in world.hits()] == [1000]


@pytest.mark.parametrize("known", [True, False])
def test_a_winner_that_leaves_takes_its_gain_with_it(world: GuardedWorld, known: bool) -> None:
    one, other = gained(world)
    if not known:
        world.readings.figures.clear()
    leave(world, one)
    world.tell(other, "10000")
    world.later(5)
    world.tick()
    assert world.state.accounts[one].guard_marks == {}
    hits_at_a_thousand(world, other)


def test_what_the_others_have_lost_already_counts_on_when_one_leaves(world: GuardedWorld) -> None:
    one, other = gained(world)
    world.tell(other, "9400")
    leave(world, one)
    world.later(5)
    world.tick()
    hits_at_a_thousand(world, other)


def test_who_leaves_with_a_loss_takes_it_along(world: GuardedWorld) -> None:
    one, other = under_a_drawdown(world)
    world.tell(one, "9100")
    leave(world, one)
    world.tell(other, "9001")
    world.later(5)
    world.tick()
    hits_at_a_thousand(world, other)
