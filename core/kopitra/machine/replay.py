"""Rebuild the state from the journal: the same events give the same state, always."""

from collections.abc import Collection, Iterable
from typing import Protocol

from kopitra.domain.identifiers import JournalId
from kopitra.machine.codec import EVENTS, EventCodec, FrameUnreadable
from kopitra.machine.evolve import evolve
from kopitra.machine.state import State


class StoredFrame(Protocol):
    """One event as a journal keeps it: the sequences it covers and its bytes."""

    @property
    def sequence(self) -> int: ...

    @property
    def last(self) -> int: ...

    @property
    def data(self) -> bytes: ...


class ReplayFailed(Exception):
    """An event cannot be read or applied. Nothing starts until it is understood or put in quarantine by an operator."""

    def __init__(self, sequence: int, cause: Exception) -> None:
        super().__init__(
            f"the event at sequence {sequence} cannot be replayed: {type(cause).__name__}: {cause}"
        )
        self.sequence = sequence


def new_state(journal_id: JournalId, shard: str) -> State:
    """The state before the first event."""
    return State(journal_id=journal_id, shard=shard)


def replay(
    state: State,
    frames: Iterable[StoredFrame],
    quarantined: Collection[int] = (),
    codec: EventCodec = EVENTS,
) -> State:
    """Apply frames that continue the state, in order, and return it; those whose first sequence is `quarantined` only
    take their sequences. Raises ReplayFailed, after which the state is unusable."""
    for frame in frames:
        if frame.sequence in quarantined and frame.sequence == state.sequence + 1:
            state.sequence = frame.last
            continue
        try:
            recorded = codec.decode(frame.data)
            if (recorded.sequence, recorded.last) != (frame.sequence, frame.last):
                raise FrameUnreadable(f"its frame says {frame.sequence} to {frame.last}")
            evolve(state, recorded)
        except Exception as error:
            raise ReplayFailed(frame.sequence, error) from error
    state.grown.clear()  # whoever was to be woken by these events is gone
    return state
