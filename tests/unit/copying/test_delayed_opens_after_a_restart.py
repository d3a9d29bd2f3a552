"""A new process does not know what the one before has handed out; what was delayed, it cannot have been."""

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine import commands
from kopitra.machine.events import HaltMode, HaltScope
from kopitra.machine.readings import Readings
from tests.unit.copying.world import LEADER, World


@pytest.fixture
def world() -> World:
    return World()


def delayed(world: World) -> AccountId:
    follower = world.follower("follower", CopyRules(sizing=SameVolume(), delay_seconds=30))
    world.send(SignalAction.OPEN)
    return follower


def restart(world: World) -> None:
    world.readings = Readings(recovered_through=world.state.sequence, began_at=world.now)


def halt_leader(world: World) -> None:
    world.do(commands.Halt(scope=HaltScope.LEADER, target=LEADER, mode=HaltMode.CLOSE_ONLY, subject="op"))


def test_a_halt_withdraws_it(world: World) -> None:
    follower = delayed(world)
    restart(world)
    halt_leader(world)
    assert world.outbox(follower) == []


def test_its_leaders_close_withdraws_it(world: World) -> None:
    follower = delayed(world)
    restart(world)
    world.send(SignalAction.CLOSE)
    assert world.outbox(follower) == []


def test_once_its_time_has_come_it_may_have_left(world: World) -> None:
    follower = delayed(world)
    world.later(30)
    restart(world)
    halt_leader(world)
    assert [order.action for order in world.outbox(follower)] == [OrderAction.OPEN]


def test_what_was_handed_out_is_not_withdrawn_though_a_clock_was_set_back(world: World) -> None:
    follower = delayed(world)
    world.later(30)
    world.fetch(follower)
    world.later(-30)
    halt_leader(world)
    assert [order.action for order in world.outbox(follower)] == [OrderAction.OPEN]


def test_a_time_that_a_clock_ahead_gave_it_proves_nothing(world: World) -> None:
    follower = delayed(world)
    world.later(-600)
    restart(world)
    halt_leader(world)
    assert [order.action for order in world.outbox(follower)] == [OrderAction.OPEN]
