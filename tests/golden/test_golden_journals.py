"""What earlier releases wrote replays to what it always was."""

import pytest

from kopitra.machine.codec import EVENTS, SCHEMA_VERSION
from kopitra.machine.events import Event
from tests.golden.journals import read_frames, read_outcome, releases, replayed
from tests.golden.record import kinds


@pytest.mark.parametrize("release", releases())
def test_a_released_journal_replays_to_its_recorded_state(release: str):
    """If the change is wanted: `python -m tests.golden.record outcomes`, and explain the diff in the commit."""
    assert replayed(release) == read_outcome(release)


def test_the_newest_journal_holds_every_event_there_is():
    """If it lacks one: `python -m tests.golden.record new VERSION`."""
    newest = releases()[-1]
    assert {kind.__name__ for kind in kinds(read_frames(newest))} == {
        kind.__name__ for kind in Event.__subclasses__()
    }


def test_the_newest_journal_is_written_in_todays_schema():
    frames = read_frames(releases()[-1])
    assert {frame.data[0] for frame in frames} == {SCHEMA_VERSION}
    assert [EVENTS.encode(EVENTS.decode(frame.data)) for frame in frames] == [frame.data for frame in frames]
