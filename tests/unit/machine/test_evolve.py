"""Events apply in their places only."""

import msgspec
import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.machine.events import HaltMode, HaltScope, InboxRecorded, Recorded, TradingHalted
from kopitra.machine.evolve import OutOfPlace, evolve
from kopitra.machine.stamp import stamp
from tests.unit.machine.driven import FOLLOWER, LEADER, NOW, leader_and_follower

EVENT = InboxRecorded(account=FOLLOWER, event_type="any", payload=b"{}")


def halted(*notified: AccountId) -> TradingHalted:
    return TradingHalted(
        scope=HaltScope.PLATFORM,
        target="*",
        mode=HaltMode.CLOSE_ONLY,
        subject="operator",
        notified=notified,
    )


def test_events_of_one_decision_follow_one_another_without_a_gap():
    machine = leader_and_follower()
    after = machine.state.sequence
    first, second = stamp([EVENT, EVENT], after, machine.context("operator"))
    assert (first.sequence, first.last, second.sequence) == (after + 1, after + 1, after + 2)
    assert (first.at, first.actor, first.request_id) == (NOW, "operator", f"request-{after}")


def test_an_event_takes_a_sequence_for_each_item_that_one_account_gets():
    machine = leader_and_follower()
    event = halted(FOLLOWER, FOLLOWER, LEADER)
    (recorded,) = stamp([event], machine.state.sequence, machine.context())
    assert recorded.last - recorded.sequence == 1
    evolve(machine.state, recorded)
    assert machine.account(FOLLOWER).queue == [recorded.sequence, recorded.last]
    assert machine.account(LEADER).queue == [recorded.sequence]
    assert machine.state.sequence == recorded.last


@pytest.mark.parametrize("distance", [-1, 0, 2, 3])
def test_an_event_that_does_not_continue_the_state_is_refused_and_changes_nothing(distance: int):
    machine = leader_and_follower()
    before = machine.said()
    sequence = machine.state.sequence + distance
    with pytest.raises(OutOfPlace, match=f"sequence {sequence} cannot follow"):
        evolve(machine.state, Recorded(sequence, sequence, NOW, EVENT))
    assert machine.said() == before


def test_an_event_with_a_span_that_is_not_its_own_is_refused():
    machine = leader_and_follower()
    after = machine.state.sequence
    with pytest.raises(OutOfPlace, match="does not end at"):
        evolve(machine.state, Recorded(after + 1, after + 2, NOW, EVENT))


def test_a_naive_time_never_gets_into_the_journal():
    machine = leader_and_follower()
    naive = msgspec.structs.replace(machine.context(), now=NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="aware"):
        stamp([EVENT], 1, naive)
