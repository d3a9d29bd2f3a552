"""The journal alone rebuilds the state, or says which event it fails at."""

import msgspec
import pytest

from kopitra.application.ports.journal import Frame
from kopitra.domain.identifiers import SessionId
from kopitra.machine.codec import EVENTS
from kopitra.machine.events import InboxRecorded, Recorded, SessionEnd, SessionEnded
from kopitra.machine.replay import ReplayFailed, new_state, replay
from kopitra.machine.state_codec import state_hash
from tests.unit.machine.driven import FOLLOWER, JOURNAL, NOW, DrivenMachine, leader_and_follower, open_session


def poisoned() -> tuple[DrivenMachine, Frame]:
    """A journal whose last frame ends a session that never was."""
    machine = leader_and_follower()
    after = machine.state.sequence
    event = SessionEnded(account=FOLLOWER, session=SessionId("never"), reason=SessionEnd.EXPIRED)
    data = EVENTS.encode(Recorded(after + 1, after + 1, NOW, event))
    return machine, Frame(after + 1, after + 1, data)


def test_a_new_state_knows_its_journal_and_nothing_else():
    state = new_state(JOURNAL, "shard")
    assert (state.journal_id, state.shard, state.sequence, state.accounts) == (JOURNAL, "shard", 0, {})


def test_replaying_in_pieces_is_replaying_at_once():
    machine = leader_and_follower()
    machine.done(open_session())
    state = new_state(JOURNAL, "shard")
    for frame in machine.frames:
        replay(state, [frame])
    assert state_hash(state) == state_hash(machine.state)


def test_nobody_is_to_be_woken_by_what_was_replayed():
    machine = leader_and_follower()
    machine.done(open_session())
    assert machine.replayed().grown == set()


def test_a_missing_frame_stops_the_replay_and_is_named():
    machine = leader_and_follower()
    with pytest.raises(ReplayFailed, match="sequence 3 cannot follow 1") as failure:
        replay(new_state(JOURNAL, "shard"), [*machine.frames[:1], *machine.frames[2:]])
    assert failure.value.sequence == 3


def test_a_frame_that_says_other_sequences_than_its_event_is_refused():
    machine = leader_and_follower()
    moved = msgspec.structs.replace(machine.frames[0], last=2)
    with pytest.raises(ReplayFailed, match="its frame says 1 to 2"):
        replay(new_state(JOURNAL, "shard"), [moved])


def test_an_event_that_cannot_be_applied_is_named_with_its_cause():
    machine, poison = poisoned()
    with pytest.raises(ReplayFailed, match="has no session never") as failure:
        replay(new_state(JOURNAL, "shard"), [*machine.frames, poison])
    assert failure.value.sequence == poison.sequence


def test_an_event_in_quarantine_keeps_its_sequences_and_changes_nothing():
    machine, poison = poisoned()
    before = machine.said()
    machine.state = replay(
        new_state(JOURNAL, "shard"), [*machine.frames, poison], quarantined={poison.sequence}
    )
    assert machine.state.sequence == poison.last
    assert machine.said() == before
    machine.apply([InboxRecorded(account=FOLLOWER, event_type="any", payload=b"{}")])
    assert machine.state.sequence == poison.last + 1


def test_quarantine_hides_no_gap():
    machine, poison = poisoned()
    with pytest.raises(ReplayFailed, match="cannot follow"):
        replay(new_state(JOURNAL, "shard"), [*machine.frames[:-1], poison], quarantined={poison.sequence})
