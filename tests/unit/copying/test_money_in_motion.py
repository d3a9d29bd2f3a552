"""Deposits and withdrawals under guards: seen in the figures and told as deals, in either order, and never a loss."""

from datetime import timedelta

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.trading import SignalAction
from kopitra.machine.readings import LEFT_TOGETHER, SETTLING
from tests.unit.copying.guarded import GuardedWorld, daily_loss, reasons, trailing
from tests.unit.copying.test_guard_sums import under_a_drawdown


@pytest.fixture
def world() -> GuardedWorld:
    return GuardedWorld()


def tell_often(world: GuardedWorld, follower: AccountId, amount: str) -> None:
    """Half a minute of the same figures, so that whatever was in doubt is settled."""
    for _ in range(6):
        world.later(5)
        world.tell(follower, amount, amount)
        world.tick()


@pytest.mark.parametrize("deal_first", [True, False])
def test_a_withdrawal_is_no_loss_whichever_is_told_first(world: GuardedWorld, deal_first: bool) -> None:
    follower = world.follower()
    world.guard(daily_loss(), trailing(name="high", limit="5"))
    world.tell(follower, "10000")
    world.later(60)
    if deal_first:
        world.pay(follower, "-4000", "withdrawal")
        world.later(1)
        world.tell(follower, "10000")
    world.tell(follower, "6000", "6000")
    if not deal_first:
        world.later(1)
        world.pay(follower, "-4000", "withdrawal")
    tell_often(world, follower, "6000")
    assert world.hits() == []
    assert reasons(world.send(SignalAction.OPEN)) == [None]


@pytest.mark.parametrize("deal_first", [True, False])
def test_a_deposit_is_no_profit_and_no_high(world: GuardedWorld, deal_first: bool) -> None:
    follower = world.follower()
    world.guard(daily_loss(), trailing(name="high", limit="5"))
    world.tell(follower, "10000")
    world.later(60)
    if deal_first:
        world.pay(follower, "4000")
        world.later(1)
        world.tell(follower, "10000")
    world.tell(follower, "14000", "14000")
    if not deal_first:
        world.later(1)
        world.pay(follower, "4000")
    tell_often(world, follower, "14000")
    world.tell(follower, "13300.01", "14000")
    assert world.hits() == []
    world.tell(follower, "13300", "14000")
    assert [(hit.guard.name, hit.measured) for hit in world.hits()] == [("daily", 700), ("high", 700)]


def test_a_fall_of_the_balance_that_nothing_explains_counts_once_figures_confirm_it(
    world: GuardedWorld,
) -> None:
    follower = world.follower()
    world.guard(daily_loss())
    world.tell(follower, "10000")
    world.later(60)
    world.tell(follower, "9000", "9000")
    assert world.hits() == []
    assert reasons(world.send(SignalAction.OPEN)) == ["guard_hit"], "nothing is opened in the meantime"
    world.later(4)
    world.tell(follower, "9000", "9000")
    assert world.hits() == []
    world.later(1)
    world.tell(follower, "9000", "9000")
    assert len(world.hits()) == 1


def test_time_alone_confirms_no_fall(world: GuardedWorld) -> None:
    """What the account's EA has to tell of it may wait behind a journal that takes nothing."""
    one, other = under_a_drawdown(world)
    world.later(60)
    world.tell(one, "6000", "6000")
    for _ in range(10):
        world.later(5)
        world.tell(other, "10000")
        world.tick()
    world.pay(one, "-4000", "withdrawal")
    tell_often(world, one, "6000")
    assert world.hits() == []


def test_a_payment_waits_for_figures_however_long_they_take(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss())
    world.tell(follower, "10000")
    world.later(60)
    world.pay(follower, "4000")
    world.later(10)
    world.pay(follower, "3000")
    for _ in range(4):
        world.later(10)
        world.tick()
    assert world.hits() == []
    world.tell(follower, "17000", "17000")
    world.tell(follower, "16150", "17000")
    assert [hit.measured for hit in world.hits()] == [850]


def test_a_fall_just_before_a_withdrawal_does_not_use_up_its_time(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss())
    world.tell(follower, "10000")
    world.later(60)
    world.tell(follower, "9900", "9900")
    world.later(4)
    world.tell(follower, "5900", "5900")
    world.later(2)
    world.tell(follower, "5899", "5899")
    world.pay(follower, "-4000", "withdrawal")
    tell_often(world, follower, "5899")
    assert world.hits() == []
    world.tell(follower, "5700", "5899")
    assert [hit.measured for hit in world.hits()] == [300]


def test_an_account_that_loses_all_the_time_is_hit_a_few_seconds_late(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss())
    world.tell(follower, "10000")
    for second in range(60):
        world.later(1)
        balance = str(9990 - 10 * second)
        world.tell(follower, balance, balance)
        if world.hits():
            break
    [hit] = world.hits()
    assert hit.measured == 550, "500 of it are beyond doubt"


def test_an_account_that_gains_all_the_time_raises_its_high_water_mark_all_the_time(
    world: GuardedWorld,
) -> None:
    follower = world.follower()
    world.guard(trailing(limit="50"))
    world.tell(follower, "10000")
    for second in range(60):
        world.later(1)
        balance = str(10_100 + 100 * second)
        world.tell(follower, balance, balance)
    mark = world.state.accounts[follower].guard_marks["follower:follower:trailing"]
    assert mark.high == 15_500, "of the last five seconds nothing counts yet"


def test_what_is_kept_of_an_account_whose_balance_moves_all_the_time_has_a_limit(world: GuardedWorld) -> None:
    follower = world.follower()
    for step in range(2000):
        world.later(0.01)
        world.tell(follower, "10000", str(10_000 + step % 7))
    figures = world.readings.figures[follower]
    assert len(figures.left) <= SETTLING / LEFT_TOGETHER + 1
    assert (figures.fallen, figures.risen) == (6 - 1999 % 7, 1999 % 7)


def test_a_floating_loss_hits_at_once_also_while_money_moves(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss())
    world.tell(follower, "10000")
    world.pay(follower, "-100", "withdrawal")
    world.tell(follower, "9000", "9900")
    assert len(world.hits()) == 1


def test_an_old_deposit_that_is_told_again_moves_nothing(world: GuardedWorld) -> None:
    follower = world.follower()
    world.guard(daily_loss())
    world.tell(follower, "10000")
    before = world.state.accounts[follower].guard_marks.copy()
    world.later(10)
    world.pay(follower, "10000", at=world.now - timedelta(days=100))
    assert world.state.accounts[follower].guard_marks == before
