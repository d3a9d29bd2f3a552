"""The journal tells what is on its way, what came of it, and which figures were known."""

from typing import Any

import pytest

from kopitra.domain.identifiers import PositionRef
from kopitra.domain.orders import DealEntry
from kopitra.domain.trading import AckStatus, SignalAction
from kopitra.machine.events import CopyPlanned, Recorded
from kopitra_cli.demo.platform_record import PlatformRecord
from tests.unit.copying.world import LEADER, World, lots

P1, P2, P9, O1 = (PositionRef(name) for name in ("p1", "p2", "p9", "o1"))


class Watched:
    """The copying world, with every event told to a record."""

    def __init__(self) -> None:
        self.world = World()
        self.record = PlatformRecord()
        self._told = 0
        self._sequence = 0
        self.follower = self.world.follower()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world, name)

    def look(self) -> PlatformRecord:
        for event in self.world.history[self._told :]:
            self._sequence += 1
            self.record.take(Recorded(self._sequence, self._sequence, self.world.now, event))
        self._told = len(self.world.history)
        return self.record


@pytest.fixture
def world() -> Watched:
    return Watched()


def test_a_command_is_on_its_way_until_it_is_carried_out(world: Watched) -> None:
    [decision] = world.send(SignalAction.OPEN)
    assert (world.look().events_of(P1), world.record.outstanding(P1)) == (1, 1)
    world.fetch(world.follower)
    world.ack(world.follower, decision.order, AckStatus.RECEIVED)
    assert world.look().outstanding(P1) == 1
    world.fill(world.follower, decision.order)
    world.ack(world.follower, decision.order)
    assert world.look().outstanding(P1) == 0
    assert world.record.live[world.follower] == {"p1"}


def test_a_close_that_is_refused_is_on_its_way_until_it_is_done(world: Watched) -> None:
    world.opened()
    [decision] = world.send(SignalAction.CLOSE)
    world.fetch(world.follower)
    world.ack(world.follower, decision.order, AckStatus.REJECTED)
    assert world.look().outstanding(P1) == 1
    world.later(2)
    world.tick()
    [again] = world.fetch(world.follower)
    assert world.look().outstanding(P1) == 1
    world.ack(world.follower, again)
    assert world.look().outstanding(P1) == 0
    assert world.record.live[world.follower] == set()


def test_an_open_of_unknown_fate_is_on_its_way_until_it_is_cleared_up(world: Watched) -> None:
    [decision] = world.send(SignalAction.OPEN)
    world.fetch(world.follower)
    world.ack(world.follower, decision.order, AckStatus.UNKNOWN, reason="not_found")
    assert world.look().outstanding(P1) == 1
    for _ in range(2):
        world.snapshot(world.follower)
        world.later(6)
    assert world.look().outstanding(P1) == 1, "it was issued again"
    [again] = world.fetch(world.follower)
    world.ack(world.follower, again)
    assert world.look().outstanding(P1) == 0


def test_an_open_that_came_to_nothing_is_remembered_with_its_reason(world: Watched) -> None:
    for ref, status, reason in (("p1", AckStatus.EXPIRED, "ttl"), ("p2", AckStatus.REJECTED, "no_money")):
        [decision] = world.send(SignalAction.OPEN, ref)
        world.fetch(world.follower)
        world.ack(world.follower, decision.order, status, reason=reason)
    world.send(SignalAction.OPEN, "p3")
    world.send(SignalAction.CLOSE, "p3")
    world.send(SignalAction.OPEN, "p4")
    world.later(61)
    world.tick()
    assert world.look().fates[world.follower] == {
        "p1": "expired",
        "p2": "no_money",
        "p3": "superseded",
        "p4": "expired",
    }
    assert world.record.on_its_way() == 0


def test_an_open_of_unknown_fate_that_its_leader_closed_is_remembered_as_overtaken(world: Watched) -> None:
    [decision] = world.send(SignalAction.OPEN)
    world.fetch(world.follower)
    world.ack(world.follower, decision.order, AckStatus.UNKNOWN, reason="not_found")
    assert world.look().fates[world.follower] == {"p1": "not_found"}
    [close] = world.send(SignalAction.CLOSE)
    world.fetch(world.follower)
    world.ack(world.follower, close.order, AckStatus.ALREADY_CLOSED)
    assert world.look().fates[world.follower] == {"p1": "superseded"}
    assert world.record.on_its_way() == 0


def test_an_open_that_was_issued_again_has_the_fate_of_its_last_command(world: Watched) -> None:
    [decision] = world.send(SignalAction.OPEN)
    world.fetch(world.follower)
    world.ack(world.follower, decision.order, AckStatus.UNKNOWN, reason="not_found")
    for _ in range(2):
        world.snapshot(world.follower)
        world.later(6)
    [again] = world.fetch(world.follower)
    world.ack(world.follower, again, AckStatus.EXPIRED)
    assert world.look().fates[world.follower] == {"p1": "expired"}


def test_a_skip_is_counted_by_its_reason(world: Watched) -> None:
    world.send(SignalAction.OPEN, volume=lots("0.001"), volume_after=lots("0.001"))
    assert world.look().skips[world.follower] == {"below_minimum": 1}


def test_a_filled_order_goes_on_under_its_first_name(world: Watched) -> None:
    limit = {"order_type": "limit", "price": lots("1.05"), "order_ref": "o1"}
    world.send(SignalAction.PENDING_PLACED, "o1", **limit)
    world.send(SignalAction.PENDING_FILLED, "p9", **limit)
    world.send(SignalAction.CLOSE, "p9")
    record = world.look()
    assert record.events_of(O1) == record.events_of(P9) == 3


def test_an_opening_keeps_which_deals_were_known_when_it_was_sized(world: Watched) -> None:
    [decision] = world.send(SignalAction.OPEN, "p1", deal_id=899)
    world.fetch(world.follower)
    world.deal(world.follower, decision.order, DealEntry.IN, lots(1), deal_id=42)
    world.send(SignalAction.OPEN, "p2", deal_id=900)
    opening = world.look().openings[world.follower][P2]
    assert (opening.reported_deal, opening.leader_deal) == (42, 900)
    assert world.record.recorded_deals[world.follower] == {42}


def test_the_record_and_the_world_agree_on_what_was_planned(world: Watched) -> None:
    world.send(SignalAction.OPEN)
    planned = [event for event in world.history if isinstance(event, CopyPlanned)]
    assert len(planned) == world.look().events_of(P1)
    assert LEADER not in world.record.magics
