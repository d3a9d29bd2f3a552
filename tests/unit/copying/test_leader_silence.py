"""A leader whose EA is not heard of: opens wait, somebody is told, and copies may be closed."""

from datetime import timedelta

import pytest

from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.trading import OrderAction, SignalAction
from kopitra.machine.events import IncidentClosed, IncidentOpened, LeaderHeard, LeaderSilent, ResyncRequested
from kopitra.machine.leases import readings_after_recovery
from tests.unit.copying.guarded import reasons
from tests.unit.copying.world import LEADER, World


@pytest.fixture
def world() -> World:
    return World()


def rules(after: int = 60, close: int | None = None) -> CopyRules:
    return CopyRules(sizing=SameVolume(), leader_silence_seconds=after, leader_silence_close_seconds=close)


def heard(world: World) -> None:
    world.readings.contacts[LEADER] = world.now


def pass_time(world: World, seconds: int) -> None:
    world.later(seconds)
    world.tick()


def test_a_silent_leaders_opens_are_withdrawn_and_new_ones_refused(world: World) -> None:
    follower = world.follower("follower", rules())
    heard(world)
    world.opened("p1")
    world.later(59)
    world.send(SignalAction.OPEN, "p2")
    pass_time(world, 0)
    assert len(world.outbox(follower)) == 1
    pass_time(world, 1)
    assert world.outbox(follower) == []
    assert reasons(world.send(SignalAction.OPEN, "p3")) == ["leader_silent"]
    assert [type(event) for event in world.history if isinstance(event, IncidentOpened | LeaderSilent)] == [
        LeaderSilent,
        IncidentOpened,
    ]
    [incident] = world.state.accounts[LEADER].incidents.values()
    assert incident.kind == "leader_silent"


def test_silence_is_told_once_however_long_it_lasts(world: World) -> None:
    world.follower("follower", rules())
    heard(world)
    world.opened("p1")
    for _ in range(100):
        pass_time(world, 60)
    assert sum(isinstance(event, LeaderSilent) for event in world.history) == 1


def test_copies_are_kept_unless_the_settings_say_when_to_close_them(world: World) -> None:
    keeps, closes = world.follower("keeps", rules()), world.follower("closes", rules(close=600))
    heard(world)
    world.opened("p1", position=1)
    world.opened("p2", position=2)
    pass_time(world, 599)
    assert world.outbox(closes) == []
    pass_time(world, 1)
    assert [order.action for order in world.outbox(closes)] == [OrderAction.CLOSE] * 2
    assert world.outbox(keeps) == []
    pass_time(world, 10_000)
    assert len(world.outbox(closes)) == 2
    assert world.outbox(keeps) == []


def test_each_subscription_says_how_long_it_waits(world: World) -> None:
    quick, slow = world.follower("quick", rules(after=30)), world.follower("slow", rules(after=120))
    heard(world)
    world.opened("p0")
    pass_time(world, 30)
    decisions = {d.follower: d.reason for d in world.send(SignalAction.OPEN, "p1")}
    assert decisions == {quick: "leader_silent", slow: None}
    pass_time(world, 90)
    assert world.outbox(slow) == []


def test_closes_of_a_silent_leader_go_through(world: World) -> None:
    follower = world.follower("follower", rules())
    heard(world)
    world.opened("p1")
    pass_time(world, 61)
    world.send(SignalAction.CLOSE, "p1")
    assert [order.action for order in world.outbox(follower)] == [OrderAction.CLOSE]


def test_a_leader_that_is_back_is_asked_for_its_book_and_may_open_at_once(world: World) -> None:
    world.follower("follower", rules())
    heard(world)
    world.opened("p1")
    pass_time(world, 61)
    world.later(30)
    heard(world)
    assert reasons(world.send(SignalAction.OPEN, "p2")) == [None]
    pass_time(world, 1)
    back = [
        event for event in world.history if isinstance(event, LeaderHeard | ResyncRequested | IncidentClosed)
    ]
    assert [type(event) for event in back] == [LeaderHeard, ResyncRequested, IncidentClosed]
    assert world.notes(LEADER) == ["resync.requested"]
    assert world.state.accounts[LEADER].silences == {}
    assert world.state.accounts[LEADER].incidents == {}
    pass_time(world, 1)
    assert world.notes(LEADER) == ["resync.requested"]


def test_what_a_leader_closed_meanwhile_is_closed_by_its_snapshots(world: World) -> None:
    follower = world.follower("follower", rules())
    heard(world)
    world.opened("Broker:77:1", position=501)
    world.opened("Broker:77:2", position=502)
    world.opened("Broker:77:3", position=503)
    pass_time(world, 61)
    heard(world)
    pass_time(world, 1)
    for _ in range(2):
        world.snapshot(LEADER, world.held(2), world.held(3))
        world.later(6)
    assert [order.action for order in world.outbox(follower)] == [OrderAction.CLOSE]


def test_a_restart_of_the_counterparty_is_no_leaders_silence(world: World) -> None:
    follower = world.follower("follower", rules(close=600))
    heard(world)
    world.opened("p1")
    pass_time(world, 61)
    world.later(3600)
    world.readings = readings_after_recovery(world.state, world.now)
    world.tick()
    assert world.outbox(follower) == [], "nobody could have called while nobody served"
    assert world.state.accounts[LEADER].silences
    pass_time(world, 599)
    assert world.outbox(follower) == []
    pass_time(world, 1)
    assert [order.action for order in world.outbox(follower)] == [OrderAction.CLOSE]


def test_a_leader_that_does_not_come_back_after_a_restart_is_silent(world: World) -> None:
    world.follower("follower", rules())
    world.opened("p1")
    world.later(1)
    world.readings = readings_after_recovery(world.state, world.now)
    pass_time(world, 59)
    assert world.state.accounts[LEADER].silences == {}
    pass_time(world, 1)
    [silence] = world.state.accounts[LEADER].silences.values()
    assert world.now - silence.since == timedelta(seconds=60)


def test_an_account_that_never_led_is_not_missed(world: World) -> None:
    world.follower("follower", rules())
    heard(world)
    before = world.state.sequence
    pass_time(world, 10_000)
    assert world.state.sequence == before
